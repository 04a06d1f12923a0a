//! What is taken over from other nodes: lenient, where a newer node may know more, and strict, where what it sends could
//! harm whoever reads it here.

use chrono::{DateTime, Utc};

use crate::decide::check_envelope;
use crate::moment::SKEW_OF_NODES;
use crate::{Checker, Content, Entry, EntryId, Origin};

/// Findings that are no matter of taste: lengths that this node relies on, text that could be more than text, and a
/// verification that nobody can have made yet. Others (a code that is not in our lists, a date that lies far away) are the
/// origin's to judge.
const HARMFUL: [&str; 6] = [
    "too_long",
    "too_many",
    "control_character",
    "not_a_url",
    "not_an_email",
    "in_the_future",
];
/// A place or a person is told more exactly than it may be. Its origin may not even have sent that.
const TOO_PRECISE: &str = "too_precise";

/// Why an entry of another node is not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAccepted {
    /// It cannot be understood, or not kept safely: it waits, because a newer version may be able to.
    Quarantine(String),
    /// The same, and what was sent may not be kept either: it tells where something is that is to stay hidden.
    Withheld(String),
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
    now: DateTime<Utc>,
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
    let mut checker = Checker::new(origin, now.date_naive());
    check_envelope(&entry, &mut checker);
    checker.field("content", |c| entry.content.check(c));
    let (violations, _) = checker.finish();
    let too_precise = violations.iter().find(|found| found.code == TOO_PRECISE);
    if let Some(found) = too_precise {
        return Err(NotAccepted::Withheld(format!(
            "{} ({TOO_PRECISE}): {}",
            found.pointer, found.message
        )));
    }
    if let Some(why) = impossible_history(&entry, now).or_else(|| speaks_for_others(&entry)) {
        return Err(quarantine(why.to_owned()));
    }
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

/// What its origin cannot have seen happen. What lies ahead only of the clock here is looked at again later.
fn impossible_history(entry: &Entry, now: DateTime<Utc>) -> Option<&'static str> {
    if entry.version == 0 {
        return Some("/version (out_of_range): versions are counted from 1");
    }
    if entry.modified > now + SKEW_OF_NODES {
        return Some("/modified (in_the_future): it was changed at a moment that is still to come");
    }
    (entry.created > entry.modified)
        .then_some("/created (out_of_range): it was changed before it was made")
}

/// Assessments and reviews are given in one's own name: a node speaks for organisations of its own and for no others. What
/// holds within a node between an entry and its owner, that node has to see to.
fn speaks_for_others(entry: &Entry) -> Option<&'static str> {
    match &entry.content {
        Content::SelfAssessment(it) if it.subject.local().is_none() => Some(
            "/content/subject (not_own_subject): an organisation assesses itself and its own offers",
        ),
        Content::SelfAssessment(it)
            if it
                .record
                .previous
                .as_ref()
                .is_some_and(|previous| previous.local().is_none()) =>
        {
            Some(
                "/content/record/previous (not_own_subject): it goes on from an assessment of others",
            )
        }
        Content::AssessmentReview(it) if it.reviewer.local().is_none() => {
            Some("/content/reviewer (not_own_review): an organisation reviews in its own name")
        }
        Content::AssessmentReview(it) if it.organisation.as_ref() == Some(&it.reviewer) => {
            Some("/content/organisation (reviews_itself): nobody reviews what it has a part in")
        }
        _ => None,
    }
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
            "2026-01-01T12:00:00Z".parse().unwrap(),
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

    /// [`ENTRY`] of another kind, with another content.
    fn of_kind(kind: &str, content: &str) -> String {
        let (envelope, _) = ENTRY.split_once(r#""content":"#).unwrap();
        let kind = format!(r#""kind":"{kind}""#);
        envelope.replace(r#""kind":"publication""#, &kind) + r#""content":"# + content + "}"
    }

    fn reason(json: &str) -> String {
        match read(json) {
            Err(NotAccepted::Quarantine(why)) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_node_assesses_and_reviews_in_the_name_of_its_own_organisations_alone() {
        const OWN: &str = "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e11";
        const OURS: &str = "https://b.example/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e12";
        let assessment = |subject: &str, record: &str| {
            let content = format!(
                r#"{{"subject":"{subject}","standard":"{OURS}","state":"published","record":{record}}}"#
            );
            of_kind("self-assessment", &content)
                .replace(r#""visibility":"public""#, r#""visibility":"network""#)
        };
        let why = reason(&assessment(OURS, "{}"));
        assert!(why.contains("not_own_subject"), "{why}");
        let why = reason(&assessment(OWN, &format!(r#"{{"previous":"{OURS}"}}"#)));
        assert!(why.contains("not_own_subject"), "{why}");
        let review = |reviewer: &str, organisation: &str| {
            let content = format!(
                r#"{{"assessment":"{OURS}","reviewer":"{reviewer}","organisation":"{organisation}","state":"given","verdict":"confirmed","submission":"x"}}"#
            );
            of_kind("assessment-review", &content)
        };
        let why = reason(&review(OURS, OWN));
        assert!(why.contains("not_own_review"), "{why}");
        let why = reason(&review(OWN, OWN));
        assert!(why.contains("reviews_itself"), "{why}");
        for good in [assessment(OWN, "{}"), review(OWN, OURS)] {
            assert!(read(&good).is_ok(), "{good}: {:?}", read(&good));
        }
    }

    #[test]
    fn what_cannot_have_happened_yet_waits() {
        let entry = ENTRY.replace("LINK", "https://a.example/x");
        let modified = |at: &str| {
            let at = format!(r#""modified":"{at}""#);
            entry.replace(r#""modified":"2026-01-01T00:00:00Z""#, &at)
        };
        for (json, code) in [
            (modified("9999-12-31T23:59:59Z"), "in_the_future"),
            (modified("2026-01-01T12:10:01Z"), "in_the_future"),
            (modified("2025-12-31T23:59:59Z"), "out_of_range"),
            (
                entry.replace(r#""version":3"#, r#""version":0"#),
                "out_of_range",
            ),
            (
                entry.replace(r#""last_verified":null"#, r#""last_verified":"2026-01-03""#),
                "in_the_future",
            ),
        ] {
            let why = reason(&json);
            assert!(why.contains(code), "{json}: {why}");
        }
        assert!(read(&modified("2026-01-01T12:10:00Z")).is_ok());
    }

    #[test]
    fn a_hidden_place_that_tells_where_it_is_is_not_even_kept() {
        let place = |fields: &str| {
            let content = format!(
                r#"{{"title":{{"en":"A house"}},"organisation":"019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e11","places":[{{"country":"DE","precision":"hidden"{fields}}}]}}"#
            );
            of_kind("offer", &content)
        };
        for told in [
            r#","city":"Kassel""#,
            r#","street_address":"Street 1""#,
            r#","lat":51.3,"lon":9.5"#,
        ] {
            let read = read(&place(told));
            assert!(matches!(read, Err(NotAccepted::Withheld(_))), "{read:?}");
        }
        assert!(read(&place("")).is_ok(), "{:?}", read(&place("")));
    }
}
