//! The shape of `demo-entries.json`, as its notes describe it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;

/// Words by language tag.
pub(super) type Words = BTreeMap<String, String>;

#[derive(Deserialize)]
pub(super) struct DemoFile {
    pub(super) organisations: Vec<Organisation>,
    pub(super) offers: Vec<Offer>,
    pub(super) pathway_links: Vec<Pathway>,
    pub(super) contact_points: Vec<ContactPoint>,
    pub(super) publications: Vec<Publication>,
    pub(super) invented: Invented,
}

#[derive(Deserialize)]
pub(super) struct Organisation {
    pub(super) id: String,
    pub(super) name_i18n: Words,
    #[serde(rename = "type")]
    pub(super) organisation_type: String,
    pub(super) seat_country: String,
    pub(super) website: String,
    pub(super) parent: Option<String>,
    pub(super) sources: Vec<String>,
    pub(super) confidence: Option<domain::Confidence>,
}

#[derive(Deserialize)]
pub(super) struct Offer {
    pub(super) id: String,
    pub(super) organisation: String,
    #[serde(default)]
    pub(super) partners: Vec<String>,
    pub(super) title: Words,
    pub(super) summary: Option<Words>,
    pub(super) status: String,
    pub(super) phases: Vec<String>,
    pub(super) topics: Vec<String>,
    pub(super) target_groups: Vec<String>,
    pub(super) residence_purposes: Vec<String>,
    pub(super) offer_types: Vec<String>,
    pub(super) modes: Vec<String>,
    pub(super) languages: Vec<String>,
    pub(super) cost: String,
    pub(super) location: Option<Location>,
    pub(super) area_served: Vec<String>,
    pub(super) destination_countries: Vec<String>,
    pub(super) website: Option<String>,
    pub(super) role_mailbox: Option<String>,
    pub(super) available_until: Option<NaiveDate>,
    pub(super) provenance: Option<Provenance>,
    pub(super) confidence: Option<domain::Confidence>,
}

/// Where an offer is. `virtual_or_area` is no place: the area served says where it holds.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Location {
    Physical {
        country: String,
        city: Option<String>,
        lat: Option<f64>,
        lon: Option<f64>,
        precision: domain::Precision,
    },
    VirtualOrArea {},
}

#[derive(Deserialize)]
pub(super) struct Provenance {
    pub(super) sources: Vec<String>,
    pub(super) source_date: Option<String>,
    pub(super) verification_method: String,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Pathway {
    pub(super) id: String,
    pub(super) from_offer: String,
    pub(super) to_offer: String,
    pub(super) kind: String,
    pub(super) handover: String,
    pub(super) basis: String,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
    pub(super) owner: String,
}

#[derive(Deserialize)]
pub(super) struct ContactPoint {
    pub(super) id: String,
    pub(super) organisation: String,
    pub(super) function: String,
    pub(super) channels: Vec<domain::kinds::ContactChannel>,
    pub(super) languages: Vec<String>,
    #[serde(default)]
    pub(super) offers: Vec<String>,
    #[serde(default)]
    pub(super) sources: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Publication {
    pub(super) id: String,
    pub(super) title: Words,
    #[serde(rename = "type")]
    pub(super) publication_type: String,
    pub(super) date: String,
    pub(super) language: String,
    pub(super) publisher: String,
    pub(super) url: String,
}

/// The one organisation that does not exist, and what it says of itself.
#[derive(Deserialize)]
pub(super) struct Invented {
    pub(super) organisation: Organisation,
    pub(super) contact_point: ContactPoint,
    pub(super) offer: Offer,
    pub(super) event: Event,
    pub(super) need: Need,
    pub(super) assessment: Assessment,
}

/// Its start and end are words in the file: 30 days after the first start, 10:00 to 12:00.
#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) organiser: String,
    pub(super) title: Words,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) time_zone: String,
    pub(super) mode: String,
    pub(super) languages: Vec<String>,
    pub(super) join_link: String,
}

#[derive(Deserialize)]
pub(super) struct Need {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) country: String,
    pub(super) topic: String,
    pub(super) target_group: String,
    pub(super) period: String,
    pub(super) method: Words,
    pub(super) size_band: String,
}

#[derive(Deserialize)]
pub(super) struct Assessment {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) standard: String,
    pub(super) ratings: BTreeMap<String, Rating>,
    pub(super) state: domain::kinds::AssessmentState,
}

/// A whole number, or `NA: ` and the reason.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Rating {
    Number(i32),
    NotApplicable(String),
}
