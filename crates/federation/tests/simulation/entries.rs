//! Entries that are small and real: the shipped examples in an envelope.

use std::sync::LazyLock;

use domain::{Entry, EntryId, Kind, Origin, Visibility};

use crate::random::Random;

/// Kinds that differ in what their outward forms leave out: an event has a link for the network only.
const KINDS: [Kind; 3] = [Kind::Publication, Kind::Need, Kind::Event];

static TEMPLATES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    KINDS
        .iter()
        .map(|kind| {
            let example: serde_json::Value = serde_json::from_str(kind.example()).unwrap();
            let mut content = example["content"].clone();
            if *kind == Kind::Event {
                content["join_link"] = "https://meet.example/network-only".into();
            }
            let json = serde_json::json!({
                "id": "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
                "kind": kind,
                "origin": "https://a.example",
                "owner": "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
                "version": 1,
                "visibility": "public",
                "status": "active",
                "created": "2026-01-01T00:00:00Z",
                "modified": "2026-01-01T00:00:00Z",
                "license": "CC0-1.0",
                "content": content,
            });
            Entry::from_json(&json.to_string()).unwrap()
        })
        .collect()
});

/// A new entry of an origin.
pub(crate) fn new(origin: &Origin, random: &mut Random) -> Entry {
    let id = EntryId(uuid::Uuid::from_bytes(random.salt()));
    let mut entry = TEMPLATES[random.below(TEMPLATES.len())].clone();
    entry.origin = origin.clone();
    entry.id = id;
    entry.owner = id;
    entry.visibility = visibility(random);
    entry
}

/// Any visibility.
pub(crate) fn visibility(random: &mut Random) -> Visibility {
    match random.below(5) {
        0..=1 => Visibility::Public,
        2..=3 => Visibility::Network,
        _ => Visibility::Internal,
    }
}
