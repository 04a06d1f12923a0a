//! What is taken over from other nodes: lenient, where a newer node may know more, and strict, where what it sends could
//! harm whoever reads it here.

use chrono::NaiveDate;

use crate::decide::check_envelope;
use crate::{Checker, Entry, EntryId, Origin};

/// Findings that are no matter of taste: lengths that this node relies on, and text that could be more than text.
/// Others (a code that is not in our lists, a date that lies far away) are the origin's to judge.
const HARMFUL: [&str; 5] = [
    "too_long",
    "too_many",
    "control_character",
    "not_a_url",
    "not_an_email",
];

/// Why an entry of another node is not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAccepted {
    /// It cannot be understood, or not kept safely: it waits, because a newer version may be able to.
    Quarantine(String),
    /// It says that it is another entry than the one that was announced: its origin breaks the rules.
    OtherEntry,
}

/// Reads the entry `id` of `origin` as that node sent it, with JSON that was checked for repeated names and depth.
///
/// # Errors
/// [`NotAccepted`].
pub fn accept(
    json: &str,
    origin: &Origin,
    id: EntryId,
    today: NaiveDate,
) -> Result<Entry, NotAccepted> {
    let quarantine = |why: String| NotAccepted::Quarantine(why);
    let mut entry =
        Entry::from_json(json).map_err(|why| quarantine(format!("it cannot be read: {why}")))?;
    if entry.origin != *origin || entry.id != id {
        return Err(NotAccepted::OtherEntry);
    }
    if json.len() > entry.kind.max_bytes() * 2 {
        return Err(quarantine("it is too large".to_owned()));
    }
    let mut checker = Checker::new(origin, today);
    check_envelope(&entry, &mut checker);
    checker.field("content", |c| entry.content.check(c));
    let (violations, _) = checker.finish();
    if let Some(found) = violations
        .iter()
        .find(|found| HARMFUL.contains(&found.code.as_ref()))
    {
        return Err(quarantine(format!(
            "{} ({}): {}",
            found.pointer, found.code, found.message
        )));
    }
    // Whatever the other node says about how it came here is not for it to say.
    entry.provenance = None;
    Ok(entry)
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"id":"019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10","kind":"publication","origin":"https://a.example","owner":"019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e11","version":3,"visibility":"public","status":"active","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","last_verified":null,"license":"CC-BY-4.0","new_field":{"x":1},"content":{"title":{"en":"A report"},"type":"something_new","date":"2026","language":"en","publisher":"019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e11","link":"LINK"}}"#;

    fn read(json: &str) -> Result<Entry, NotAccepted> {
        accept(
            json,
            &"https://a.example".parse().unwrap(),
            "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10".parse().unwrap(),
            "2026-01-01".parse().unwrap(),
        )
    }

    #[test]
    fn an_entry_under_another_name_is_not_what_was_announced() {
        let other = ENTRY.replace("c4e10", "c4e12");
        assert_eq!(read(&other), Err(NotAccepted::OtherEntry));
        let other = ENTRY.replace("a.example", "b.example");
        assert_eq!(read(&other), Err(NotAccepted::OtherEntry));
    }

    #[test]
    fn a_link_that_is_more_than_a_link_waits_in_quarantine() {
        let json = ENTRY.replace("LINK", "javascript:alert(1)");
        assert!(
            matches!(read(&json), Err(NotAccepted::Quarantine(_))),
            "{:?}",
            read(&json)
        );
    }

    #[test]
    fn what_a_newer_node_adds_does_no_harm() {
        let entry = read(&ENTRY.replace("LINK", "https://a.example/x"));
        assert_eq!(entry.map(|entry| entry.version), Ok(3));
    }

    #[test]
    fn what_is_no_entry_waits_in_quarantine() {
        for json in ["{}", "[]", &ENTRY.replace("\"publication\"", "\"poem\"")] {
            assert!(
                matches!(read(json), Err(NotAccepted::Quarantine(_))),
                "{json}"
            );
        }
    }
}
