//! What commands do to entries, over their lives.

use domain::{
    Action, Change, Command, EntryId, Kind, Precondition, Reason, Refusal, Role, Visibility,
};
use serde_json::{Value, json};

use crate::store::other_editor;
use crate::store::{
    NEW, OFFER, OTHER_OFFER, OTHER_ORGANISATION, PARTNER, Row, SECRET_OFFER, SPARE, STANDARD,
    Store, actor, coordinator, editor, example, example_with, now, parse, reason, told,
};

fn upsert(
    store: &mut Store,
    new_id: EntryId,
    kind: Kind,
    patch: &Value,
) -> Result<Change, Refusal> {
    let draft = parse(kind, &example_with(kind, patch)).unwrap();
    store.apply(&editor(), Command::Upsert { new_id, draft })
}

fn replace(
    store: &mut Store,
    id: EntryId,
    patch: &Value,
    expected: Precondition,
) -> Result<Change, Refusal> {
    let draft = parse(Kind::Offer, &example_with(Kind::Offer, patch)).unwrap();
    store.apply(
        &editor(),
        Command::Replace {
            id,
            draft,
            expected,
        },
    )
}

fn delete(store: &mut Store, kind: Kind, id: EntryId) -> Result<Change, Refusal> {
    let expected = Precondition::None;
    store.apply(&coordinator(), Command::Delete { kind, id, expected })
}

fn with_offer() -> Store {
    let mut store = Store::new();
    store
        .create(NEW, Kind::Offer, &example(Kind::Offer), &editor())
        .unwrap();
    store
}

#[test]
fn a_stale_precondition_stops_every_conditional_change() {
    let mut store = with_offer();
    let stale = store.tag(NEW);
    replace(
        &mut store,
        NEW,
        &json!({"status": "paused"}),
        Precondition::Tags(vec![stale.clone()]),
    )
    .unwrap();
    let fresh = store.tag(NEW);
    assert_ne!(stale, fresh);
    let old = Precondition::Tags(vec!["x".into(), stale]);
    let failed = Some(Reason::PreconditionFailed);
    assert_eq!(
        reason(replace(&mut store, NEW, &json!({}), old.clone())),
        failed
    );
    let (kind, id) = (Kind::Offer, NEW);
    let patch = Command::Patch {
        kind,
        id,
        patch: json!({}),
        expected: old.clone(),
    };
    assert_eq!(reason(store.apply(&editor(), patch)), failed);
    let stale_delete = Command::Delete {
        kind,
        id,
        expected: old,
    };
    assert_eq!(reason(store.apply(&editor(), stale_delete)), failed);
    assert_eq!(store.entry(NEW).version, 2);
    assert!(replace(&mut store, NEW, &json!({}), Precondition::Exists).is_ok());
    let fresh = Precondition::Tags(vec!["x".into(), store.tag(NEW)]);
    assert!(
        store
            .apply(
                &editor(),
                Command::Delete {
                    kind,
                    id,
                    expected: fresh
                }
            )
            .is_ok()
    );
    assert_eq!(
        reason(replace(&mut store, NEW, &json!({}), Precondition::Exists)),
        Some(Reason::NotFound)
    );
}

#[test]
fn an_id_is_used_once_and_for_ever() {
    let mut store = with_offer();
    let draft = example_with(Kind::Offer, &json!({"external_id": null}));
    let taken = Some(Reason::IdTaken);
    assert_eq!(
        reason(store.create(NEW, Kind::Offer, &draft, &editor())),
        taken
    );
    delete(&mut store, Kind::Offer, NEW).unwrap();
    assert_eq!(
        reason(store.create(NEW, Kind::Offer, &draft, &editor())),
        taken
    );
    store
        .apply(
            &coordinator(),
            Command::Purge {
                kind: Kind::Offer,
                id: NEW,
            },
        )
        .unwrap();
    assert!(matches!(store.row(NEW), Some(Row::Purged)));
    assert_eq!(
        reason(store.create(NEW, Kind::Offer, &draft, &editor())),
        taken
    );
    let again = Command::Purge {
        kind: Kind::Offer,
        id: NEW,
    };
    assert_eq!(
        reason(store.apply(&coordinator(), again)),
        Some(Reason::NotFound)
    );
}

#[test]
fn an_external_id_is_unique_per_owner_and_kind_among_what_is_there() {
    let mut store = with_offer();
    let key = json!({"external_id": "group-prishtina"});
    let taken = Some(Reason::ExternalIdTaken);
    let offer = example(Kind::Offer);
    assert_eq!(
        reason(store.create(SPARE, Kind::Offer, &offer, &editor())),
        taken
    );
    assert_eq!(
        reason(replace(&mut store, OFFER, &key, Precondition::None)),
        taken
    );
    // Another kind, another owner: another key.
    let event = example_with(Kind::Event, &key);
    assert_eq!(
        reason(store.create(SPARE, Kind::Event, &event, &editor())),
        None
    );
    let owned = example_with(Kind::Offer, &json!({"owner": OTHER_ORGANISATION}));
    assert_eq!(
        reason(store.create(THIRD, Kind::Offer, &owned, &coordinator())),
        None
    );
    // Once deleted, the key is free.
    delete(&mut store, Kind::Offer, NEW).unwrap();
    assert_eq!(
        reason(store.create(FOURTH, Kind::Offer, &offer, &editor())),
        None
    );
}

const THIRD: EntryId = EntryId(uuid::Uuid::from_u128(
    0x01a2008d_7400_7000_8000_00000000000c,
));
const FOURTH: EntryId = EntryId(uuid::Uuid::from_u128(
    0x01a2008d_7400_7000_8000_00000000000d,
));

#[test]
fn an_upsert_writes_the_same_entry_again() {
    let mut store = Store::new();
    assert!(matches!(
        upsert(&mut store, NEW, Kind::Offer, &json!({})),
        Ok(Change::Put {
            action: Action::Created,
            ..
        })
    ));
    store.now += chrono::TimeDelta::hours(1);
    assert_eq!(
        upsert(&mut store, SPARE, Kind::Offer, &json!({})),
        Ok(Change::Unchanged { id: NEW })
    );
    assert_eq!(
        (store.entry(NEW).version, store.entry(NEW).modified),
        (1, now())
    );
    let Ok(Change::Put {
        entry,
        action: Action::Updated,
        ..
    }) = upsert(&mut store, SPARE, Kind::Offer, &json!({"status": "paused"}))
    else {
        panic!("the same key writes the same entry");
    };
    assert_eq!((entry.id, entry.version, entry.created), (NEW, 2, now()));
    assert!(entry.modified > entry.created);
    delete(&mut store, Kind::Offer, NEW).unwrap();
    let Ok(Change::Put {
        entry,
        action: Action::Created,
        ..
    }) = upsert(&mut store, SPARE, Kind::Offer, &json!({}))
    else {
        panic!("what was deleted is not revived");
    };
    assert_eq!(entry.id, SPARE);
}

#[test]
fn an_upsert_takes_no_id_that_is_used_whoever_chose_it() {
    let of_others = example_with(
        Kind::Offer,
        &json!({"owner": OTHER_ORGANISATION, "external_id": null}),
    );
    let of_another_kind = example_with(Kind::Event, &json!({"external_id": "group-prishtina"}));
    let own_without_key = example_with(Kind::Offer, &json!({"external_id": null}));
    for (kind, there) in [
        (Kind::Offer, of_others),
        (Kind::Event, of_another_kind),
        (Kind::Offer, own_without_key),
    ] {
        let mut store = Store::new();
        let mut draft = there;
        if draft.get("owner").is_none() {
            draft["owner"] = json!(PARTNER);
        }
        store.create(NEW, kind, &draft, &coordinator()).unwrap();
        let before = store.tag(NEW);
        let taken = Some(Reason::IdTaken);
        assert_eq!(
            reason(upsert(&mut store, NEW, Kind::Offer, &json!({}))),
            taken
        );
        assert_eq!(store.tag(NEW), before);
        delete(&mut store, kind, NEW).unwrap();
        assert_eq!(
            reason(upsert(&mut store, NEW, Kind::Offer, &json!({}))),
            taken
        );
        store
            .apply(&coordinator(), Command::Purge { kind, id: NEW })
            .unwrap();
        assert_eq!(
            reason(upsert(&mut store, NEW, Kind::Offer, &json!({}))),
            taken
        );
    }
}

#[test]
fn an_upsert_needs_a_key() {
    let result = upsert(
        &mut Store::new(),
        NEW,
        Kind::Offer,
        &json!({"external_id": null}),
    );
    assert_eq!(
        result.map_err(told),
        Err((
            Reason::Invalid,
            vec![("/external_id".into(), "required".into())]
        ))
    );
}

#[test]
fn coordinates_with_many_digits_are_the_same_after_storing() {
    // What other systems write: sixteen digits, of which a reader keeps fifteen or so.
    let mut store = Store::new();
    let place = |lat: &str| -> Value {
        let place = format!(
            r#"{{"country":"DE","city":"Berlin","lat":{lat},"lon":13.404953999999975,"precision":"exact"}}"#
        );
        json!({"content": {"places": [serde_json::from_str::<Value>(&place).unwrap()]}})
    };
    for digits in 0..400 {
        let lat = format!("52.5162345678901{digits:03}");
        let text = example_with(Kind::Offer, &place("1.5"))
            .to_string()
            .replace("1.5", &lat);
        let parsed = || domain::AnyDraft::parse(Kind::Offer, text.as_bytes()).unwrap();
        store
            .apply(
                &editor(),
                Command::Upsert {
                    new_id: NEW,
                    draft: parsed(),
                },
            )
            .unwrap();
        assert_eq!(
            store.apply(
                &editor(),
                Command::Upsert {
                    new_id: SPARE,
                    draft: parsed()
                }
            ),
            Ok(Change::Unchanged { id: NEW }),
            "{lat}"
        );
    }
}

#[test]
fn handing_over_gives_an_entry_to_another_organisation_and_nothing_else() {
    let mut store = with_offer();
    let hand_over = |to| Command::HandOver {
        kind: Kind::Offer,
        id: NEW,
        to,
    };
    assert_eq!(
        store.apply(&coordinator(), hand_over(PARTNER)),
        Ok(Change::Unchanged { id: NEW })
    );
    for nobody in [SPARE, OFFER] {
        assert_eq!(
            store.apply(&coordinator(), hand_over(nobody)).map_err(told),
            Err((
                Reason::Invalid,
                vec![("/to".into(), "unknown_reference".into())]
            ))
        );
    }
    let before = store.entry(NEW).clone();
    let Ok(Change::Put {
        entry,
        action: Action::HandedOver,
        references,
    }) = store.apply(&coordinator(), hand_over(OTHER_ORGANISATION))
    else {
        panic!("it is handed over");
    };
    assert_eq!(references, vec![OTHER_ORGANISATION, PARTNER]);
    let mut expected = before;
    expected.owner = OTHER_ORGANISATION;
    expected.version = 2;
    assert_eq!(*entry, expected);
    assert_eq!(
        reason(replace(&mut store, NEW, &json!({}), Precondition::None)),
        Some(Reason::Forbidden)
    );
    // The new owner's keys stay unique.
    store
        .create(SPARE, Kind::Offer, &example(Kind::Offer), &editor())
        .unwrap();
    let taken = store.apply(
        &coordinator(),
        Command::HandOver {
            kind: Kind::Offer,
            id: SPARE,
            to: OTHER_ORGANISATION,
        },
    );
    assert_eq!(reason(taken), Some(Reason::ExternalIdTaken));
}

#[test]
fn nothing_is_handed_to_an_owner_whom_fewer_may_see() {
    let mut store = with_offer();
    let hidden = example_with(Kind::Organisation, &json!({"visibility": "internal"}));
    store
        .create(SPARE, Kind::Organisation, &hidden, &coordinator())
        .unwrap();
    let result = store.apply(
        &coordinator(),
        Command::HandOver {
            kind: Kind::Offer,
            id: NEW,
            to: SPARE,
        },
    );
    assert_eq!(
        result.map_err(told),
        Err((Reason::Invalid, vec![("/to".into(), "less_visible".into())]))
    );
    // Nor written for it.
    let need = example_with(Kind::Need, &json!({"owner": SPARE}));
    assert_eq!(
        store
            .create(THIRD, Kind::Need, &need, &coordinator())
            .map_err(told),
        Err((
            Reason::Invalid,
            vec![("/owner".into(), "less_visible".into())]
        ))
    );
    let need = example_with(
        Kind::Need,
        &json!({"owner": SPARE, "visibility": "internal"}),
    );
    assert_eq!(
        reason(store.create(THIRD, Kind::Need, &need, &coordinator())),
        None
    );
}

#[test]
fn what_others_refer_to_stays_until_they_let_go() {
    let mut store = with_offer();
    let pathway = example_with(
        Kind::Pathway,
        &json!({"content": {"from_offer": NEW, "to_offer": OTHER_OFFER}}),
    );
    store
        .create(SPARE, Kind::Pathway, &pathway, &editor())
        .unwrap();
    let in_use = Some(Reason::InUse);
    let purge = || Command::Purge {
        kind: Kind::Offer,
        id: NEW,
    };
    assert_eq!(reason(delete(&mut store, Kind::Offer, NEW)), in_use);
    assert_eq!(reason(store.apply(&coordinator(), purge())), in_use);
    assert_eq!(
        reason(delete(&mut store, Kind::Organisation, PARTNER)),
        in_use
    );
    delete(&mut store, Kind::Pathway, SPARE).unwrap();
    assert_eq!(
        delete(&mut store, Kind::Offer, NEW),
        Ok(Change::Delete {
            id: NEW,
            version: 2
        })
    );
    assert_eq!(
        store.apply(&coordinator(), purge()),
        Ok(Change::Purge {
            id: NEW,
            version: 2
        })
    );
    // It owns itself, which does not hold it.
    assert_eq!(
        reason(delete(&mut store, Kind::Organisation, OTHER_ORGANISATION)),
        None
    );
}

#[test]
fn an_owner_stays_while_it_owns_something() {
    let mut store = Store::new();
    let need = example_with(Kind::Need, &json!({"owner": OTHER_ORGANISATION}));
    store
        .create(NEW, Kind::Need, &need, &coordinator())
        .unwrap();
    assert_eq!(
        reason(delete(&mut store, Kind::Organisation, OTHER_ORGANISATION)),
        Some(Reason::InUse)
    );
}

#[test]
fn an_entry_hides_only_from_those_who_do_not_see_a_reference_to_it() {
    let mut store = with_offer();
    let pathway = |visibility| {
        example_with(
            Kind::Pathway,
            &json!({"visibility": visibility, "content": {"from_offer": NEW, "to_offer": OTHER_OFFER}}),
        )
    };
    store
        .create(
            SPARE,
            Kind::Pathway,
            &pathway(Visibility::Network),
            &editor(),
        )
        .unwrap();
    let show = |store: &mut Store, visibility: Visibility| {
        reason(replace(
            store,
            NEW,
            &json!({"visibility": visibility}),
            Precondition::None,
        ))
    };
    assert_eq!(show(&mut store, Visibility::Internal), Some(Reason::InUse));
    assert_eq!(show(&mut store, Visibility::Network), None);
    assert_eq!(show(&mut store, Visibility::Public), None);
    let expected = Precondition::None;
    let draft = parse(Kind::Pathway, &pathway(Visibility::Internal)).unwrap();
    store
        .apply(
            &editor(),
            Command::Replace {
                id: SPARE,
                draft,
                expected,
            },
        )
        .unwrap();
    assert_eq!(show(&mut store, Visibility::Internal), None);
}

#[test]
fn a_reference_to_a_local_entry_needs_one_that_is_there_of_the_right_kind_and_no_less_visible() {
    let secret = "http://127.0.0.1:8080";
    for (visibility, from, expected) in [
        ("public", json!(OFFER), None),
        (
            "public",
            json!("https://elsewhere.example/entries/01a2008d-7400-7fbf-932d-7ca33da03200"),
            None,
        ),
        (
            "public",
            json!(crate::store::NETWORK_OFFER),
            Some("less_visible"),
        ),
        ("network", json!(crate::store::NETWORK_OFFER), None),
        ("network", json!(SECRET_OFFER), Some("less_visible")),
        ("internal", json!(SECRET_OFFER), None),
        ("public", json!(SPARE), Some("unknown_reference")),
        ("public", json!(PARTNER), Some("wrong_kind")),
        ("public", json!(STANDARD), Some("wrong_kind")),
        (
            "public",
            json!(format!("{secret}/entries/{OFFER}")),
            Some("local_as_uri"),
        ),
        (
            "public",
            json!(format!("HTTP://127.0.0.1:8080/entries/{OFFER}")),
            Some("local_as_uri"),
        ),
        (
            "public",
            json!(format!("http://127.0.0.1:8080/x/../entries/{OFFER}")),
            Some("local_as_uri"),
        ),
        (
            "public",
            json!(format!("http://127.1:8080/entries/{OFFER}")),
            Some("local_as_uri"),
        ),
        (
            "public",
            json!(format!("http://127.0.0.1:80800/entries/{OFFER}")),
            Some("wrong_value"),
        ),
        (
            "public",
            json!(format!("http://127.0.0.1:8081/entries/{OFFER}")),
            None,
        ),
    ] {
        let draft = example_with(
            Kind::Pathway,
            &json!({"visibility": visibility, "content": {"from_offer": from, "to_offer": OTHER_OFFER}}),
        );
        let result = Store::new().create(NEW, Kind::Pathway, &draft, &editor());
        let found = result.map_err(|refusal| told(refusal).1).err();
        let expected =
            expected.map(|code| vec![("/content/from_offer".to_owned(), code.to_owned())]);
        assert_eq!(found, expected, "{visibility} {from}");
    }
}

#[test]
fn what_others_keep_to_themselves_cannot_be_found_out_by_referring_to_it() {
    let draft = |from: EntryId| {
        example_with(
            Kind::Pathway,
            &json!({"visibility": "internal", "content": {"from_offer": from, "to_offer": OTHER_OFFER}}),
        )
    };
    let other = actor(Some(OTHER_ORGANISATION), Role::OrgAdmin);
    let there = Store::new().create(NEW, Kind::Pathway, &draft(SECRET_OFFER), &other);
    let not_there = Store::new().create(NEW, Kind::Pathway, &draft(SPARE), &other);
    assert_eq!(there, not_there);
    assert_eq!(
        there.map_err(told),
        Err((
            Reason::Invalid,
            vec![("/content/from_offer".into(), "unknown_reference".into())]
        ))
    );
}

#[test]
fn no_entry_refers_to_itself() {
    let mut store = Store::new();
    let patch = Command::Patch {
        kind: Kind::Organisation,
        id: PARTNER,
        patch: json!({"content": {"parent": PARTNER}}),
        expected: Precondition::None,
    };
    assert_eq!(
        store.apply(&editor(), patch).map_err(told),
        Err((
            Reason::Invalid,
            vec![("/content/parent".into(), "contradiction".into())]
        ))
    );
}

#[test]
fn references_are_saved_each_once_with_the_owner() {
    let draft = example_with(
        Kind::Offer,
        &json!({"content": {"parts": [
            {"organisation": OTHER_ORGANISATION, "role": "funder"},
            {"organisation": OTHER_ORGANISATION, "role": "partner"},
        ]}}),
    );
    let Ok(Change::Put { references, .. }) =
        Store::new().create(NEW, Kind::Offer, &draft, &editor())
    else {
        panic!("it is written");
    };
    assert_eq!(references, vec![OTHER_ORGANISATION, PARTNER]);
}

#[test]
fn assessments_stay_internal() {
    for kind in [Kind::SelfAssessment, Kind::AssessmentReview] {
        for visibility in ["public", "network"] {
            let draft = example_with(kind, &json!({"visibility": visibility}));
            let result = Store::new().create(NEW, kind, &draft, &editor());
            let (reason, violations) = told(result.unwrap_err());
            assert_eq!(reason, Reason::Invalid);
            assert!(
                violations.contains(&("/visibility".into(), "too_visible".into())),
                "{violations:?}"
            );
        }
    }
}

#[test]
fn another_organisation_keeps_nobody_from_taking_an_entry_back() {
    let mut store = with_offer();
    // Seen by nobody else, and by everybody.
    for (id, visibility) in [(SPARE, "internal"), (THIRD, "public")] {
        let pathway = example_with(
            Kind::Pathway,
            &json!({"visibility": visibility, "content": {"from_offer": NEW, "to_offer": OTHER_OFFER}}),
        );
        let made = store.create(id, Kind::Pathway, &pathway, &other_editor());
        assert_eq!(reason(made), None);
    }
    let narrowed = replace(
        &mut store,
        NEW,
        &json!({"visibility": "internal"}),
        Precondition::None,
    );
    assert_eq!(reason(narrowed), None);
    assert_eq!(reason(delete(&mut store, Kind::Offer, NEW)), None);
}
