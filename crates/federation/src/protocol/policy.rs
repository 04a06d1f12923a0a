//! What is taken from a peer, and how much of it.

use domain::{Entry, Kind, Visibility};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// What is taken from a peer. Lists that are empty let everything through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Kinds of entries.
    #[schema(example = json!(["organisation", "offer"]))]
    #[validate(length(max = 20))]
    pub kinds: Vec<Kind>,
    /// Countries: entries that name one of them, or that name none at all.
    #[schema(example = json!(["DE", "XK"]))]
    #[validate(length(max = 300))]
    pub countries: Vec<String>,
    /// Topics: entries that name one of them, or that name none at all.
    #[validate(length(max = 100))]
    pub topics: Vec<String>,
    /// Only what is public, also from the network feed.
    pub public_only: bool,
    /// Live rows that its feed may have.
    #[validate(range(max = 100_000_000))]
    pub max_rows: u64,
    /// Bytes that its statements may take here.
    #[validate(range(max = 1_000_000_000_000_u64))]
    pub max_bytes: u64,
    /// Bytes of one entry. A larger one waits in quarantine without its bytes.
    #[validate(range(max = 10_000_000))]
    pub max_row_bytes: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            countries: Vec::new(),
            topics: Vec::new(),
            public_only: false,
            max_rows: 2_000_000,
            // As many rows of ordinary size.
            max_bytes: 4 * 1024 * 1024 * 1024,
            max_row_bytes: 2 * domain::limits::STANDARD_BYTES,
        }
    }
}

impl Policy {
    /// Whether an entry is taken.
    #[must_use]
    pub fn takes(&self, entry: &Entry) -> bool {
        if !self.kinds.is_empty() && !self.kinds.contains(&entry.kind) {
            return false;
        }
        if self.public_only && entry.visibility != Visibility::Public {
            return false;
        }
        let facets = entry.facets();
        let lets = |wanted: &[String], named: &mut dyn Iterator<Item = &str>| {
            let mut named = named.peekable();
            wanted.is_empty()
                || named.peek().is_none()
                || named.any(|name| wanted.iter().any(|wanted| wanted == name))
        };
        lets(
            &self.countries,
            &mut facets.countries.iter().copied().map(AsRef::as_ref),
        ) && lets(
            &self.topics,
            &mut facets.topics.iter().copied().map(AsRef::as_ref),
        )
    }
}
