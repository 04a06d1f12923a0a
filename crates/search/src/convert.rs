//! From a directory entry to what the index keeps of it. Nothing else in this crate knows what an entry looks like.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use domain::{Audience, Entry, Facets, Text, Weight, content_hash, outward, region};

use crate::Facet;
use crate::document::{Document, Form, Level, Passage};
use crate::select::days;

impl Document {
    /// What the index keeps of an entry. `arrival` is the number of the change that brought it; consents are looked at
    /// on the day `today`.
    ///
    /// Facets, points and the name come from the form that the widest of its audiences sees: narrower audiences then
    /// find it by the same values, and nobody learns a value that they may not see.
    #[must_use]
    pub fn new(entry: &Entry, arrival: i64, today: NaiveDate) -> Self {
        let stored = entry.to_json();
        let widest = Level::of(entry.visibility);
        let mut shown = Level::ALL
            .into_iter()
            .filter(|level| *level >= widest)
            .filter_map(|level| Some((level, outward(entry, audience(level), today)?)));
        // An entry's own visibility lets its widest audience see it; the whole entry is only a fallback for the type.
        let (level, form) = shown
            .next()
            .unwrap_or_else(|| (Level::Owner, entry.clone()));
        let first = form_of(&form);
        let mut wider: Vec<(Level, Form)> = Vec::new();
        for (level, narrower) in shown {
            let narrower = form_of(&narrower);
            let before = wider.last().map_or(&first, |(_, form)| form);
            if narrower != *before {
                wider.push((level, narrower));
            }
        }
        let facets = form.facets();
        Self {
            key: entry.key(),
            arrival,
            version: entry.version,
            content_hash: content_hash(&stored),
            visibility: level.visibility(),
            name: name_of(&form),
            modified: entry.modified.timestamp_micros(),
            verified: entry.last_verified.map(days),
            available_from: facets.available.0.map(days),
            available_until: facets.available.1.map(days),
            organisation: organisation_of(&form, &facets),
            points: facets
                .points
                .iter()
                .map(|(lat, lon)| (*lat as f32, *lon as f32))
                .collect(),
            facets: values_of(&form, &facets),
            form: first,
            wider,
        }
    }
}

fn audience(level: Level) -> Audience {
    match level {
        Level::Public => Audience::Public,
        Level::Network => Audience::Network,
        Level::Owner => Audience::Owner,
    }
}

fn form_of(entry: &Entry) -> Form {
    let facets = entry.facets();
    let passages = facets.texts.iter().map(|text| Passage {
        lang: text.lang.to_owned(),
        text: text.value.to_owned(),
        weight: match text.weight {
            Weight::Title => 3,
            Weight::Summary => 2,
            Weight::Body => 1,
        },
    });
    Form {
        json: Bytes::from(entry.to_json()),
        passages: passages.collect(),
    }
}

/// The name that an entry is sorted by: German, as the network office speaks it, else English, else any.
fn name_of(entry: &Entry) -> String {
    let title: Text = entry.content.title();
    title
        .best("de")
        .map(|(_, translation)| translation.value.clone())
        .unwrap_or_default()
}

fn organisation_of(entry: &Entry, facets: &Facets<'_>) -> Option<Arc<str>> {
    let first = facets
        .organisations
        .first()
        .map(|reference| reference.uri(&entry.origin));
    Some(
        first
            .unwrap_or_else(|| entry.origin.uri(entry.owner))
            .into(),
    )
}

fn values_of(entry: &Entry, facets: &Facets<'_>) -> Vec<(Facet, Arc<str>)> {
    let mut out: Vec<(Facet, Arc<str>)> = vec![
        (Facet::Kind, entry.kind.as_str().into()),
        (Facet::Status, entry.status.as_str().into()),
        (Facet::Origin, entry.origin.as_str().into()),
        (Facet::Owner, entry.origin.uri(entry.owner).into()),
    ];
    for (facet, codes) in [
        (Facet::Country, &facets.countries),
        (Facet::Destination, &facets.destinations),
        (Facet::Phase, &facets.phases),
        (Facet::Topic, &facets.topics),
        (Facet::TargetGroup, &facets.target_groups),
        (Facet::Purpose, &facets.purposes),
        (Facet::OfferType, &facets.offer_types),
        (Facet::Mode, &facets.modes),
        (Facet::Cost, &facets.costs),
        (Facet::Language, &facets.languages),
        (Facet::Type, &facets.types),
    ] {
        out.extend(codes.iter().map(|code| (facet, Arc::from(*code))));
    }
    for region in regions_of(facets) {
        out.push((Facet::Region, region.into()));
    }
    for (facet, references) in [
        (Facet::Organisation, &facets.organisations),
        (Facet::Related, &facets.related),
    ] {
        out.extend(
            references
                .iter()
                .map(|reference| (facet, reference.uri(&entry.origin).into())),
        );
    }
    out
}

/// Every region that it names or that one of these lies in.
fn regions_of<'a>(facets: &Facets<'a>) -> BTreeSet<&'a str> {
    let mut out = BTreeSet::new();
    for code in facets.regions.iter().chain(&facets.countries) {
        out.insert(*code);
        for wider in region::ancestors(code) {
            out.insert(wider);
        }
    }
    out
}
