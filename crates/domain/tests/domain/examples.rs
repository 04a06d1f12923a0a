//! The shipped examples work, and survive every way in and out.

use domain::{Action, AnyDraft, Change, Command, Entry, Kind, Precondition, Visibility};
use serde_json::Value;

use crate::store::{NEW, Store, coordinator, example, now, parse};

/// The example of `kind`, written by a coordinator.
fn written(store: &mut Store, kind: Kind) -> Entry {
    let mut draft = example(kind);
    if kind != Kind::Organisation {
        json_patch::merge(
            &mut draft,
            &serde_json::json!({"owner": crate::store::PARTNER}),
        );
    }
    match store.create(NEW, kind, &draft, &coordinator()) {
        Ok(Change::Put {
            entry,
            action: Action::Created,
            ..
        }) => *entry,
        other => panic!("{kind}: {other:?}"),
    }
}

#[test]
fn the_example_of_every_kind_can_be_written() {
    for kind in Kind::ALL {
        let mut store = Store::new();
        let entry = written(&mut store, *kind);
        assert_eq!(entry.kind, *kind);
        assert_eq!(entry.id, NEW);
        assert_eq!(entry.version, 1);
        assert_eq!(entry.origin, store.origin);
        assert_eq!((entry.created, entry.modified), (now(), now()));
        let first = match kind {
            Kind::SelfAssessment | Kind::AssessmentReview => Visibility::Internal,
            _ => Visibility::Public,
        };
        assert_eq!(entry.visibility, first, "{kind}");
        assert_eq!(entry.license, "CC-BY-4.0");
        assert!(!entry.content.title().0.is_empty(), "{kind} has a name");
    }
}

#[test]
fn the_example_of_every_kind_survives_every_round_trip() {
    for kind in Kind::ALL {
        let entry = written(&mut Store::new(), *kind);
        let json = entry.to_json();
        let read = Entry::from_json(&json).unwrap();
        assert_eq!(read, entry, "{kind}");
        assert_eq!(read.to_json(), json, "{kind}: one entry has one spelling");
        // The draft that would write it again is read by the strict reader to the same draft.
        let draft = AnyDraft::of(&entry);
        let text = serde_json::to_string(&draft).unwrap();
        assert_eq!(
            AnyDraft::parse(*kind, text.as_bytes()).unwrap(),
            draft,
            "{kind}"
        );
        // What was read as a whole entry can be sent back as it is: the node's own fields are ignored.
        assert_eq!(
            AnyDraft::parse(*kind, json.as_bytes()).unwrap(),
            draft,
            "{kind}"
        );
    }
}

#[test]
fn what_was_read_and_is_sent_back_changes_nothing() {
    for kind in Kind::ALL {
        let mut store = Store::new();
        let entry = written(&mut store, *kind);
        store.now += chrono::TimeDelta::hours(1);
        let again = AnyDraft::parse(*kind, entry.to_json().as_bytes()).unwrap();
        let replaced = store.apply(
            &coordinator(),
            Command::Replace {
                id: NEW,
                draft: again,
                expected: Precondition::Tags(vec![store.tag(NEW)]),
            },
        );
        assert_eq!(replaced, Ok(Change::Unchanged { id: NEW }), "{kind}");
        let patched = store.apply(
            &coordinator(),
            Command::Patch {
                kind: *kind,
                id: NEW,
                patch: serde_json::json!({}),
                expected: Precondition::Exists,
            },
        );
        assert_eq!(patched, Ok(Change::Unchanged { id: NEW }), "{kind}");
        assert_eq!(
            (store.entry(NEW).version, store.entry(NEW).modified),
            (1, now())
        );
    }
}

#[test]
fn an_example_is_no_draft_of_another_kind() {
    for kind in Kind::ALL {
        for other in Kind::ALL.iter().filter(|other| *other != kind) {
            assert!(
                parse(*other, &example(*kind)).is_err(),
                "the example of {kind} was read as {other}"
            );
        }
    }
}

/// Every value in the document that stands at some pointer, to be changed.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                pointers(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn a_value_of_another_type_is_never_taken_for_what_belongs_there() {
    // Wherever it stands: a number far out of every range, or an object with one strange name.
    for kind in Kind::ALL {
        let example = example(*kind);
        let mut places = Vec::new();
        pointers(&example, "", &mut places);
        for place in places {
            for strange in [
                serde_json::json!(-1e300),
                serde_json::json!({"?": {"?": []}}),
            ] {
                let mut draft = example.clone();
                *draft.pointer_mut(&place).unwrap() = strange.clone();
                let mut store = Store::new();
                let result = store.create(NEW, *kind, &draft, &coordinator());
                let refusal = result.expect_err(&format!("{kind} {place} {strange}"));
                assert!(
                    refusal.violations.iter().all(|found| place.is_empty()
                        || found.pointer.starts_with(&place)
                        || place.starts_with(&found.pointer)
                        || found.pointer == "/owner"
                        || found.code == "contradiction"
                        || found.code == "required"),
                    "{kind} {place}: {refusal:?}"
                );
            }
        }
    }
}
