//! The form in which an entry is shown: the bytes that the index holds ready, unless something has to be decided anew.

use bytes::Bytes;
use chrono::NaiveDate;
use domain::{Audience, Entry, Kind};
use search::Level;

/// The audience that a level of the index stands for.
fn audience(level: Level) -> Audience {
    match level {
        Level::Public => Audience::Public,
        Level::Network => Audience::Network,
        Level::Owner => Audience::Owner,
    }
}

/// The JSON to show. A consent may have run out since the index made its bytes, and one language may have been asked
/// for: then the entry is read and written again. All others are sent as they are.
pub(crate) fn shown(
    json: Bytes,
    kind: Kind,
    level: Level,
    today: NaiveDate,
    lang: Option<&str>,
) -> Bytes {
    // A result runs out on a day of its own; at the node of an organisation that is away nobody says so.
    let depends_on_today = match kind {
        Kind::ContactPoint => names_somebody(&json),
        Kind::SelfAssessment => level != Level::Owner,
        _ => false,
    };
    if lang.is_none() && !depends_on_today {
        return json;
    }
    let Some(mut entry) = std::str::from_utf8(&json)
        .ok()
        .and_then(|text| Entry::from_json(text).ok())
        .and_then(|entry| domain::outward(&entry, audience(level), today))
    else {
        return json;
    };
    if let Some(lang) = lang {
        entry.localise(lang);
    }
    Bytes::from(entry.to_json())
}

/// Whether a contact point may name a person. The words of other texts cannot hold this: their quotes are escaped.
fn names_somebody(json: &[u8]) -> bool {
    const NAME: &[u8] = b"\"person\":{";
    memchr::memmem::find(json, NAME).is_some()
}

/// The form in which an entry leaves this node in an export: see [`Audience::leaves_the_node`].
pub(crate) fn exported(
    json: &[u8],
    level: Level,
    today: NaiveDate,
    lang: Option<&str>,
) -> Option<Entry> {
    let entry = Entry::from_json(std::str::from_utf8(json).ok()?).ok()?;
    let audience = match level {
        Level::Public => Audience::PublicFeed,
        Level::Network => Audience::NetworkFeed,
        // Its own copy, of internal entries too: only names and hidden places stay behind.
        Level::Owner => Audience::OwnCopy,
    };
    let mut entry = domain::outward(&entry, audience, today)?;
    if let Some(lang) = lang {
        entry.localise(lang);
    }
    Some(entry)
}
