//! JSON Merge Patch (RFC 7396) on entries.

use domain::{Change, Command, Kind, Precondition, Reason, Refusal};
use serde_json::{Value, json};

use crate::store::{NEW, OTHER_ORGANISATION, PARTNER, Store, editor, example, told};

fn with_offer() -> Store {
    let mut store = Store::new();
    store
        .create(NEW, Kind::Offer, &example(Kind::Offer), &editor())
        .unwrap();
    store
}

fn patch(store: &mut Store, patch: Value) -> Result<Change, Refusal> {
    store.apply(
        &editor(),
        Command::Patch {
            kind: Kind::Offer,
            id: NEW,
            patch,
            expected: Precondition::None,
        },
    )
}

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let mut store = with_offer();
    let before: Value = serde_json::from_str(&store.entry(NEW).to_json()).unwrap();
    patch(
        &mut store,
        json!({"status": "paused", "content": {"title": {"fr": "Conseil de groupe"}}}),
    )
    .unwrap();
    let after: Value = serde_json::from_str(&store.entry(NEW).to_json()).unwrap();
    let mut expected = before;
    json_patch::merge(
        &mut expected,
        &json!({"version": 2, "status": "paused", "content": {"title": {"fr": "Conseil de groupe"}}}),
    );
    assert_eq!(after, expected);
}

#[test]
fn null_removes() {
    let mut store = with_offer();
    patch(
        &mut store,
        json!({"available_until": null, "external_id": null, "sources": null,
               "content": {"cost": null, "title": {"de": null}, "places": null, "schedule": null}}),
    )
    .unwrap();
    let entry: Value = serde_json::from_str(&store.entry(NEW).to_json()).unwrap();
    for gone in [
        "/available_until",
        "/review_due",
        "/external_id",
        "/sources",
        "/content/cost",
        "/content/title/de",
        "/content/places",
        "/content/schedule",
    ] {
        assert_eq!(entry.pointer(gone), None, "{gone}");
    }
    assert_eq!(
        entry["content"]["title"]["en"],
        "Group advice before departure"
    );
}

#[test]
fn what_a_patch_may_not_do_is_said_at_its_place_and_changes_nothing() {
    for (change, reason, pointer, code) in [
        (
            json!({"owner": OTHER_ORGANISATION}),
            Reason::Invalid,
            "/owner",
            "read_only",
        ),
        (
            json!({"kind": "event"}),
            Reason::Malformed,
            "/kind",
            "wrong_kind",
        ),
        (
            json!({"kind": "meeting"}),
            Reason::Malformed,
            "/kind",
            "wrong_value",
        ),
        (
            json!({"colour": "red"}),
            Reason::Malformed,
            "/colour",
            "unknown_field",
        ),
        (
            json!({"content": {"colour": "red"}}),
            Reason::Malformed,
            "/content/colour",
            "unknown_field",
        ),
        (json!({"content": null}), Reason::Malformed, "", "required"),
        (
            json!({"content": []}),
            Reason::Malformed,
            "/content",
            "wrong_type",
        ),
        (
            json!({"content": {"title": null}}),
            Reason::Malformed,
            "/content",
            "required",
        ),
        (
            json!({"content": {"title": {"de": null, "en": null}}}),
            Reason::Invalid,
            "/content/title",
            "empty",
        ),
        (
            json!({"content": {"cost": 7}}),
            Reason::Malformed,
            "/content/cost",
            "wrong_type",
        ),
        (
            json!({"content": {"cost": "cheap"}}),
            Reason::Invalid,
            "/content/cost",
            "unknown_code",
        ),
        (json!(null), Reason::Malformed, "", "wrong_type"),
        (json!([]), Reason::Malformed, "", "wrong_type"),
        (json!("x"), Reason::Malformed, "", "wrong_type"),
        (
            json!({"content": {"title": {"en": "x\u{0}y"}}}),
            Reason::Invalid,
            "/content/title/en",
            "control_character",
        ),
    ] {
        let mut store = with_offer();
        let before = store.tag(NEW);
        let result = patch(&mut store, change.clone());
        assert_eq!(
            result.map_err(told),
            Err((reason, vec![(pointer.to_owned(), code.to_owned())])),
            "{change}"
        );
        assert_eq!(store.tag(NEW), before, "{change}");
    }
}

#[test]
fn naming_the_owner_and_kind_that_it_has_is_no_change() {
    let mut store = with_offer();
    assert_eq!(
        patch(&mut store, json!({"owner": PARTNER, "kind": "offer"})),
        Ok(Change::Unchanged { id: NEW })
    );
    // Nobody can be made to own nothing: without a name the owner stays.
    assert_eq!(
        patch(&mut store, json!({"owner": null, "kind": null})),
        Ok(Change::Unchanged { id: NEW })
    );
}

#[test]
fn the_nodes_own_fields_are_ignored_in_a_patch() {
    let mut store = with_offer();
    assert_eq!(
        patch(
            &mut store,
            json!({"id": PARTNER, "version": 99, "created": "1999-01-01T00:00:00Z", "origin": "https://elsewhere.example"})
        ),
        Ok(Change::Unchanged { id: NEW })
    );
}

#[test]
fn patches_cannot_make_an_entry_larger_than_a_body_may_be() {
    let mut store = with_offer();
    let long = "ü".repeat(2_000);
    let texts = |from: usize| -> Value {
        let languages = ["de", "en", "fr", "es", "ar", "tr", "ru", "uk", "sq", "sr"];
        let steps: Vec<Value> = (from..from + 3)
            .map(|_| {
                languages
                    .iter()
                    .map(|lang| ((*lang).to_owned(), json!(long)))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            })
            .collect();
        json!(steps)
    };
    // Each of the two fits into a body (120 KB would not); together they do not.
    let refusal = patch(&mut store, json!({"content": {"access_steps": texts(0)}})).unwrap_err();
    assert_eq!(
        told(refusal),
        (
            Reason::Malformed,
            vec![(String::new(), "too_long".to_owned())]
        )
    );
    assert_eq!(store.entry(NEW).version, 1);
}
