//! Organisations above organisations.

use domain::{Command, EntryId, Kind, Precondition, Reason, Refusal, limits};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::store::{Store, coordinator, example_with, told};

fn organisation(number: usize) -> EntryId {
    EntryId(Uuid::from_u128(
        0x01a2_008d_7400_7000_8000_0000_0001_0000 + number as u128,
    ))
}

/// Organisations, each below the one before it.
fn chain(length: usize) -> Store {
    let mut store = Store::empty();
    for number in 0..length {
        let parent = number.checked_sub(1).map(organisation);
        let patch = json!({"external_id": null, "content": {"parent": parent}});
        let draft = example_with(Kind::Organisation, &patch);
        store
            .create(
                organisation(number),
                Kind::Organisation,
                &draft,
                &coordinator(),
            )
            .unwrap();
    }
    store
}

fn change(store: &mut Store, number: usize, patch: Value) -> Result<(), Refusal> {
    let command = Command::Patch {
        kind: Kind::Organisation,
        id: organisation(number),
        patch,
        expected: Precondition::None,
    };
    store.apply(&coordinator(), command).map(drop)
}

fn put_below(store: &mut Store, number: usize, parent: usize) -> Result<(), Refusal> {
    let patch = json!({"content": {"parent": organisation(parent)}});
    change(store, number, patch)
}

#[test]
fn no_organisation_stands_above_itself_however_many_lie_between() {
    for length in [2, 3, 10, limits::PARENTS] {
        let mut store = chain(length);
        let refusal = put_below(&mut store, 0, length - 1).unwrap_err();
        let path: Vec<String> = std::iter::once(0)
            .chain((0..length).rev())
            .map(|number| organisation(number).to_string())
            .collect();
        let message = refusal.violations.first().map(|v| v.message.clone());
        assert!(message.unwrap().ends_with(&path.join(" > ")));
        let circle = vec![("/content/parent".to_owned(), "circle".to_owned())];
        assert_eq!(told(refusal), (Reason::Invalid, circle));
    }
}

#[test]
fn branches_may_move_and_everything_else_may_change_at_the_top() {
    let mut store = chain(4);
    put_below(&mut store, 3, 0).unwrap();
    put_below(&mut store, 1, 3).unwrap();
    change(&mut store, 0, json!({"status": "paused"})).unwrap();
    change(&mut store, 1, json!({"content": {"parent": null}})).unwrap();
    put_below(&mut store, 0, 1).unwrap();
}

#[test]
fn more_parents_than_can_be_followed_are_refused() {
    let mut store = chain(limits::PARENTS + 1);
    let alone = limits::PARENTS + 1;
    let draft = example_with(Kind::Organisation, &json!({"external_id": null}));
    store
        .create(
            organisation(alone),
            Kind::Organisation,
            &draft,
            &coordinator(),
        )
        .unwrap();
    put_below(&mut store, alone, limits::PARENTS - 1).unwrap();
    let refusal = put_below(&mut store, alone, limits::PARENTS).unwrap_err();
    let deep = vec![("/content/parent".to_owned(), "too_deep".to_owned())];
    assert_eq!(told(refusal), (Reason::Invalid, deep));
}
