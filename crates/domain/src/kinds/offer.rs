use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Audience, Checker, Code, EntryRef, Facets, Kind, KindContent, Lang, Place, Schedule, Text,
    Weight, codes, limits,
};

/// An offer: advice, a course, a hotline, an accompaniment, before departure or after arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// What it is called.
    pub title: Text,
    /// What it is, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Text>,
    /// The organisation that provides it.
    pub organisation: EntryRef,
    /// Others that have a part in it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<OrganisationPart>,
    /// The phases of migration that it is for.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<codes::Phase>,
    /// What sort of offer it is.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub offer_types: Vec<codes::OfferType>,
    /// What it is about.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<codes::Topic>,
    /// Whom it is for.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub target_groups: Vec<codes::TargetGroup>,
    /// For which purposes of residence.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub residence_purposes: Vec<codes::ResidencePurpose>,
    /// How one gets at it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<codes::Mode>,
    /// Whether it costs something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<codes::Cost>,
    /// What it costs, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_note: Option<Text>,
    /// The languages in which it is given. Empty means: not stated.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<OfferLanguage>,
    /// Where it is given.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// Whom it serves by where they are: codes of ISO 3166-1, ISO 3166-2 or UN M49 (`001` is the world).
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["XK", "AL"]))]
    pub area_served: Vec<String>,
    /// The countries that it prepares for: ISO 3166-1 alpha-2.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["DE"]))]
    pub destination_countries: Vec<String>,
    /// Who may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
    /// How one gets in, step by step.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub access_steps: Vec<Text>,
    /// How many days one usually waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_days: Option<u16>,
    /// Whether one may stay anonymous. Absent means: not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<bool>,
    /// Whether it takes people now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<codes::CapacityState>,
    /// When it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// A mailbox of a function, never of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "info@example.org")]
    pub role_mailbox: Option<String>,
}

/// The part that an organisation has in an offer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationPart {
    /// Which organisation.
    pub organisation: EntryRef,
    /// Its role.
    pub role: codes::OrganisationRole,
}

/// A language, and how it is provided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferLanguage {
    /// Language tag (BCP 47).
    pub language: Lang,
    /// By whom or what. Empty means: not stated.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub provision: Vec<codes::LanguageProvision>,
}

/// Who may use an offer, beyond its target groups.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Eligibility {
    /// What one must meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Text>,
    /// Who cannot use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusions: Option<Text>,
    /// Youngest age in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_min: Option<u16>,
    /// Oldest age in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_max: Option<u16>,
}

impl Eligibility {
    fn check(&self, c: &mut Checker<'_>) {
        Text::check_optional(self.conditions.as_ref(), c, "conditions", limits::SUMMARY);
        Text::check_optional(self.exclusions.as_ref(), c, "exclusions", limits::SUMMARY);
        for (name, age) in [("age_min", self.age_min), ("age_max", self.age_max)] {
            if age.is_some_and(|age| age > limits::AGE) {
                c.field(name, |c| {
                    c.refuse("out_of_range", format!("at most {} years", limits::AGE))
                });
            }
        }
        c.in_order("age_max", self.age_min, self.age_max);
    }
}

/// Checks a list of codes: not too many, each known, none twice.
pub(super) fn code_list<S: crate::Scheme>(c: &mut Checker<'_>, name: &str, codes: &[Code<S>]) {
    c.list(name, codes, limits::CODES, |c, code| code.check(c));
    c.distinct(name, codes);
}

/// Checks a list of languages: not too many, each valid, none twice.
pub(super) fn language_list(c: &mut Checker<'_>, name: &str, languages: &[Lang]) {
    c.list(name, languages, limits::LANGUAGES, |c, lang| {
        c.language_here(lang)
    });
    c.distinct(name, languages);
}

impl Offer {
    fn check_parts(&self, c: &mut Checker<'_>) {
        c.reference("organisation", &self.organisation, &[Kind::Organisation]);
        c.list("parts", &self.parts, limits::REFERENCES, |c, part| {
            c.reference("organisation", &part.organisation, &[Kind::Organisation]);
            c.field("role", |c| part.role.check(c));
        });
        c.distinct("parts", &self.parts);
    }

    fn check_where(&self, c: &mut Checker<'_>) {
        c.list("places", &self.places, limits::PLACES, |c, place| {
            place.check(c)
        });
        c.list(
            "area_served",
            &self.area_served,
            limits::REGIONS,
            |c, code| c.region_here(code),
        );
        c.distinct("area_served", &self.area_served);
        c.list(
            "destination_countries",
            &self.destination_countries,
            limits::REGIONS,
            |c, code| c.country_here(code),
        );
        c.distinct("destination_countries", &self.destination_countries);
    }

    fn check_access(&self, c: &mut Checker<'_>) {
        if let Some(eligibility) = &self.eligibility {
            c.field("eligibility", |c| eligibility.check(c));
        }
        c.field("access_steps", |c| {
            if self.access_steps.len() > limits::STEPS {
                c.refuse("too_many", format!("at most {} steps", limits::STEPS));
                return;
            }
            for (index, step) in self.access_steps.iter().enumerate() {
                step.check(c, &index.to_string(), limits::SUMMARY);
            }
        });
        if self
            .waiting_days
            .is_some_and(|days| days > limits::WAITING_DAYS)
        {
            c.field("waiting_days", |c| {
                c.refuse(
                    "out_of_range",
                    format!("at most {} days", limits::WAITING_DAYS),
                )
            });
        }
        if let Some(capacity) = &self.capacity {
            c.field("capacity", |c| capacity.check(c));
        }
        if let Some(schedule) = &self.schedule {
            c.field("schedule", |c| schedule.check(c));
        }
        c.optional_url("website", self.website.as_deref());
        if let Some(mailbox) = &self.role_mailbox {
            c.field("role_mailbox", |c| c.email_here(mailbox));
        }
    }
}

impl KindContent for Offer {
    const KIND: Kind = Kind::Offer;

    fn check(&self, c: &mut Checker<'_>) {
        self.title.check(c, "title", limits::TITLE);
        Text::check_optional(self.summary.as_ref(), c, "summary", limits::SUMMARY);
        self.check_parts(c);
        code_list(c, "phases", &self.phases);
        code_list(c, "offer_types", &self.offer_types);
        code_list(c, "topics", &self.topics);
        code_list(c, "target_groups", &self.target_groups);
        code_list(c, "residence_purposes", &self.residence_purposes);
        code_list(c, "modes", &self.modes);
        if let Some(cost) = &self.cost {
            c.field("cost", |c| cost.check(c));
        }
        Text::check_optional(self.cost_note.as_ref(), c, "cost_note", limits::SUMMARY);
        c.list(
            "languages",
            &self.languages,
            limits::LANGUAGES,
            |c, language| {
                c.field("language", |c| c.language_here(&language.language));
                code_list(c, "provision", &language.provision);
            },
        );
        let tags: Vec<&Lang> = self.languages.iter().map(|l| &l.language).collect();
        c.distinct("languages", &tags);
        self.check_where(c);
        self.check_access(c);
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.text(&self.title, Weight::Title);
        facets.optional_text(self.summary.as_ref(), Weight::Summary);
        facets.optional_text(self.cost_note.as_ref(), Weight::Body);
        if let Some(eligibility) = &self.eligibility {
            facets.optional_text(eligibility.conditions.as_ref(), Weight::Body);
            facets.optional_text(eligibility.exclusions.as_ref(), Weight::Body);
        }
        for step in &self.access_steps {
            facets.text(step, Weight::Body);
        }
        facets.organisations.push(&self.organisation);
        facets
            .organisations
            .extend(self.parts.iter().map(|part| &part.organisation));
        Facets::codes(&mut facets.phases, &self.phases);
        Facets::codes(&mut facets.offer_types, &self.offer_types);
        Facets::codes(&mut facets.topics, &self.topics);
        Facets::codes(&mut facets.target_groups, &self.target_groups);
        Facets::codes(&mut facets.purposes, &self.residence_purposes);
        Facets::codes(&mut facets.modes, &self.modes);
        facets.costs.extend(self.cost.iter().map(Code::as_str));
        facets.langs(self.languages.iter().map(|language| &language.language));
        for place in &self.places {
            facets.place(place);
        }
        for code in &self.area_served {
            facets.area(code);
        }
        facets
            .destinations
            .extend(self.destination_countries.iter().map(String::as_str));
    }

    fn title(&self) -> Text {
        self.title.clone()
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        let eligibility = self
            .eligibility
            .iter_mut()
            .flat_map(|e| e.conditions.iter_mut().chain(&mut e.exclusions));
        std::iter::once(&mut self.title)
            .chain(&mut self.summary)
            .chain(&mut self.cost_note)
            .chain(eligibility)
            .chain(&mut self.access_steps)
            .chain(
                self.schedule
                    .iter_mut()
                    .flat_map(|schedule| &mut schedule.note),
            )
            .collect()
    }

    fn restrict(&mut self, audience: Audience, _: NaiveDate) -> bool {
        let mut changed = false;
        if audience != Audience::Owner {
            for place in &mut self.places {
                changed |= place.blur();
            }
        }
        changed
    }
}
