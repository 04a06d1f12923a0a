//! Documents for tests.

use bytes::Bytes;
use chrono::{Datelike, NaiveDate};
use domain::{EntryId, EntryKey, Visibility};
use lotse_search::{Document, Facet, Form, Level, Passage};
use uuid::Uuid;

pub(crate) const ORIGIN: &str = "http://a.example";

pub(crate) fn key(id: u128) -> EntryKey {
    EntryKey {
        origin: ORIGIN.parse().unwrap(),
        id: EntryId(Uuid::from_u128(0x7000_8000 << 64 | id)),
    }
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

pub(crate) fn name_of(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json).unwrap();
    value["name"].as_str().unwrap().to_owned()
}

pub(crate) struct Making(Document, Vec<(Level, Vec<Passage>)>);

/// Starts a public offer.
pub(crate) fn document(id: u128, arrival: i64) -> Making {
    let form = Form {
        json: Bytes::new(),
        passages: Vec::new(),
    };
    let document = Document {
        key: key(id),
        arrival,
        version: 1,
        content_hash: arrival as u64,
        visibility: Visibility::Public,
        name: format!("Entry {id}"),
        modified: arrival,
        verified: None,
        available_from: None,
        available_until: None,
        facets: vec![
            (Facet::Kind, "offer".into()),
            (Facet::Status, "active".into()),
            (Facet::Origin, ORIGIN.into()),
        ],
        organisation: None,
        points: Vec::new(),
        form,
        wider: Vec::new(),
    };
    Making(document, Vec::new())
}

fn passage(lang: &str, text: &str) -> Passage {
    Passage {
        lang: lang.into(),
        text: text.into(),
        weight: 1,
    }
}

impl Making {
    pub(crate) fn name(mut self, name: &str) -> Self {
        self.0.name = name.into();
        self
    }

    pub(crate) fn text(mut self, lang: &str, text: &str) -> Self {
        self.0.form.passages.push(passage(lang, text));
        self
    }

    pub(crate) fn network(mut self, lang: &str, text: &str) -> Self {
        self.1.push((Level::Network, vec![passage(lang, text)]));
        self
    }

    pub(crate) fn owner(mut self, lang: &str, text: &str) -> Self {
        self.1.push((Level::Owner, vec![passage(lang, text)]));
        self
    }

    pub(crate) fn owned_by(self, uri: &str) -> Self {
        self.value(Facet::Owner, uri)
    }

    pub(crate) fn organisation(mut self, uri: &str) -> Self {
        self.0.organisation = Some(uri.into());
        self.value(Facet::Organisation, uri)
    }

    pub(crate) fn visibility(mut self, visibility: Visibility) -> Self {
        self.0.visibility = visibility;
        self
    }

    pub(crate) fn value(mut self, facet: Facet, value: &str) -> Self {
        self.0.facets.push((facet, value.into()));
        self
    }

    pub(crate) fn point(mut self, lat: f32, lon: f32) -> Self {
        self.0.points.push((lat, lon));
        self
    }

    pub(crate) fn verified(mut self, date: &str) -> Self {
        self.0.verified = Some(days(day(date)));
        self
    }

    pub(crate) fn until(mut self, date: &str) -> Self {
        self.0.available_until = Some(days(day(date)));
        self
    }

    pub(crate) fn done(self) -> Document {
        let Self(mut document, wider) = self;
        let json = |level: &str| {
            let id = document.key.id.to_string();
            Bytes::from(
                serde_json::json!({"id": id, "name": document.name, "form": level}).to_string(),
            )
        };
        document.form.json = json("widest");
        document.wider = wider
            .into_iter()
            .map(|(level, passages)| {
                (
                    level,
                    Form {
                        json: json(&format!("{level:?}")),
                        passages,
                    },
                )
            })
            .collect();
        document
    }
}
