//! From a directory entry to what the index keeps of it. Nothing else in this crate knows what an entry looks like.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use domain::{
    Audience, Entry, Facets, SearchText, Text, Weight, content_hash, outward, region, restrict,
};

use smol_str::SmolStr;

use crate::Facet;
use crate::document::{Document, Form, Level, Passage};
use crate::select::days;

impl Document {
    /// What the index keeps of an entry. `arrival` is the number of the change that brought it; consents are looked at
    /// on the day `today`.
    #[must_use]
    pub fn new(entry: &Entry, arrival: i64, today: NaiveDate) -> Self {
        let json = entry.to_json();
        let hash = content_hash(&json);
        Self::stored(entry.clone(), &json, hash, arrival, today, true)
    }

    /// The same for an entry whose JSON ([`Entry::to_json`]) and content hash are known. Without `text` it is not found
    /// by words: for what the text index holds already.
    ///
    /// Facets, points and the name come from the form that the widest of its audiences sees: narrower audiences then
    /// find it by the same values, and nobody learns a value that they may not see.
    #[must_use]
    pub fn stored(
        mut entry: Entry,
        json: &str,
        content_hash: u64,
        arrival: i64,
        today: NaiveDate,
        text: bool,
    ) -> Self {
        let level = Level::of(entry.visibility);
        // Whoever sees more sees no less: where nothing is left out for the widest, nothing is for the others. Few
        // entries hide anything, so that only these are read a second time.
        let hides = restrict(&mut entry, audience(level), today);
        let whole = if hides {
            Entry::from_json(json).ok()
        } else {
            None
        };
        let form = &entry;
        let facets = form.facets();
        let (first, wider) = if hides {
            let first = form_of(form, text);
            let wider = whole.map_or_else(Vec::new, |whole| {
                wider_forms(&whole, level, &first, today, text)
            });
            (first, wider)
        } else {
            let passages = if text {
                passages_of(&facets)
            } else {
                Vec::new()
            };
            let json = Bytes::copy_from_slice(json.as_bytes());
            (Form { json, passages }, Vec::new())
        };
        Self {
            key: entry.key(),
            arrival,
            version: entry.version,
            content_hash,
            visibility: level.visibility(),
            name: name_of(form),
            modified: entry.modified.timestamp_micros(),
            verified: entry.last_verified.map(days),
            available_from: facets.available.0.map(days),
            available_until: facets.available.1.map(days),
            organisation: organisation_of(form, &facets),
            points: facets
                .points
                .iter()
                .map(|(lat, lon)| (*lat as f32, *lon as f32))
                .collect(),
            facets: values_of(form, &facets),
            form: first,
            wider,
        }
    }
}

/// What audiences narrower than `widest` see, each where it differs from the one before.
fn wider_forms(
    entry: &Entry,
    widest: Level,
    first: &Form,
    today: NaiveDate,
    text: bool,
) -> Vec<(Level, Form)> {
    let mut wider: Vec<(Level, Form)> = Vec::new();
    for level in Level::ALL.into_iter().filter(|level| *level > widest) {
        let Some(shown) = outward(entry, audience(level), today) else {
            continue;
        };
        let shown = form_of(&shown, text);
        let before = wider.last().map_or(first, |(_, form)| form);
        if shown != *before {
            wider.push((level, shown));
        }
    }
    wider
}

fn audience(level: Level) -> Audience {
    match level {
        Level::Public => Audience::Public,
        Level::Network => Audience::Network,
        Level::Owner => Audience::Owner,
    }
}

fn form_of(entry: &Entry, text: bool) -> Form {
    Form {
        json: Bytes::from(entry.to_json()),
        passages: if text {
            passages_of(&entry.facets())
        } else {
            Vec::new()
        },
    }
}

fn passages_of(facets: &Facets<'_>) -> Vec<Passage> {
    let passage = |text: &SearchText<'_>| Passage {
        lang: text.lang.to_owned(),
        text: text.value.to_owned(),
        weight: match text.weight {
            Weight::Title => 3,
            Weight::Summary => 2,
            Weight::Body => 1,
        },
    };
    facets.texts.iter().map(passage).collect()
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

fn values_of(entry: &Entry, facets: &Facets<'_>) -> Vec<(Facet, SmolStr)> {
    let mut out: Vec<(Facet, SmolStr)> = vec![
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
        out.extend(codes.iter().map(|code| (facet, SmolStr::new(code))));
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
