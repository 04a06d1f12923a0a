//! What search, filters and coverage see of an entry: one shape for all kinds.

use chrono::NaiveDate;

use crate::{Entry, EntryRef, Lang, Text};

/// How much a text weighs when it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The name.
    Title,
    /// What describes it in short.
    Summary,
    /// Everything else.
    Body,
}

/// A text to be found, in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchText<'a> {
    /// The language, or `und` for names of people's making: cities, identifiers.
    pub lang: &'a str,
    /// The words.
    pub value: &'a str,
    /// How much it weighs.
    pub weight: Weight,
}

/// The facets of one entry. Every list may hold repeated values; an index folds them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facets<'a> {
    /// Countries that it is in or serves (ISO 3166-1, `XK`), as its codes say. Subdivisions count for their country.
    pub countries: Vec<&'a str>,
    /// Subdivisions (ISO 3166-2) and areas (UN M49) that it names itself. An index adds the areas that contain its
    /// countries ([`crate::region::ancestors`]).
    pub regions: Vec<&'a str>,
    /// Countries for which it prepares.
    pub destinations: Vec<&'a str>,
    /// Codes of the list `phase`.
    pub phases: Vec<&'a str>,
    /// Codes of the list `topic`.
    pub topics: Vec<&'a str>,
    /// Codes of the list `target_group`.
    pub target_groups: Vec<&'a str>,
    /// Codes of the list `residence_purpose`.
    pub purposes: Vec<&'a str>,
    /// Codes of the list `offer_type`.
    pub offer_types: Vec<&'a str>,
    /// Codes of the list `mode`.
    pub modes: Vec<&'a str>,
    /// Codes of the list `cost`.
    pub costs: Vec<&'a str>,
    /// Languages in which it is given.
    pub languages: Vec<&'a str>,
    /// The type within its kind: of an organisation, event, publication, pathway or contact point.
    pub types: Vec<&'a str>,
    /// Organisations that have a part in it.
    pub organisations: Vec<&'a EntryRef>,
    /// Other entries that it refers to: the offers of a pathway, the subject of an assessment.
    pub related: Vec<&'a EntryRef>,
    /// Points to search by, latitude and longitude in degrees, as exact as may be shown.
    pub points: Vec<(f64, f64)>,
    /// First and last day on which it is there, as far as it says.
    pub available: (Option<NaiveDate>, Option<NaiveDate>),
    /// Texts to be found.
    pub texts: Vec<SearchText<'a>>,
}

impl<'a> Facets<'a> {
    /// Adds a text in all its languages.
    pub fn text(&mut self, text: &'a Text, weight: Weight) {
        for (lang, value) in text.iter() {
            self.texts.push(SearchText {
                lang: &lang.0,
                value,
                weight,
            });
        }
    }

    /// Adds an optional text.
    pub fn optional_text(&mut self, text: Option<&'a Text>, weight: Weight) {
        if let Some(text) = text {
            self.text(text, weight);
        }
    }

    /// Adds words without a language.
    pub fn words(&mut self, value: Option<&'a str>, weight: Weight) {
        if let Some(value) = value {
            self.texts.push(SearchText {
                lang: "und",
                value,
                weight,
            });
        }
    }

    /// Adds a place.
    pub fn place(&mut self, place: &'a crate::Place) {
        self.countries.push(&place.country);
        if let Some(region) = &place.region {
            self.regions.push(region);
        }
        self.points.extend(place.point());
        self.words(place.city.as_deref(), Weight::Summary);
        self.words(place.name.as_deref(), Weight::Body);
    }

    /// Adds an area that is served: a country, subdivision or M49 area.
    pub fn area(&mut self, code: &'a str) {
        match crate::region::country_of(code) {
            Some(country) => self.countries.push(country),
            None => self.regions.push(code),
        }
        if crate::region::is_subdivision(code) {
            self.regions.push(code);
        }
    }

    /// Adds codes of a list.
    pub fn codes<S>(list: &mut Vec<&'a str>, codes: &'a [crate::Code<S>]) {
        list.extend(codes.iter().map(crate::Code::as_str));
    }

    /// Adds languages.
    pub fn langs(&mut self, languages: impl IntoIterator<Item = &'a Lang>) {
        self.languages
            .extend(languages.into_iter().map(|lang| lang.0.as_str()));
    }
}

impl Entry {
    /// What search, filters and coverage see of this entry. Call it on an outward form to see no more than that
    /// audience may find.
    #[must_use]
    pub fn facets(&self) -> Facets<'_> {
        let mut facets = Facets {
            available: (self.available_from, self.available_until),
            ..Facets::default()
        };
        self.content.facets(&mut facets);
        facets
    }
}
