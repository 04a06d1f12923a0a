//! The two ways of reading a row come to the same.
#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

use domain::feed::FeedName;
use proptest::prelude::*;

use super::*;
use crate::protocol::key::SecretKey;

const ACTOR: &str = "did:web:a.example";

fn key() -> FeedKey {
    FeedKey {
        origin: "https://a.example".parse().unwrap(),
        name: FeedName::Public,
    }
}

fn entry(name: &str) -> Entry {
    let id = "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10";
    let value = json!({
        "id": id, "kind": "organisation", "origin": "https://a.example", "owner": id,
        "version": 1, "visibility": "public", "status": "active",
        "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z",
        "license": "CC-BY-4.0",
        "content": {"name": {"en": name}, "type": "ngo", "seat_country": "DE"},
    });
    Entry::from_json(&value.to_string()).unwrap()
}

/// A row as its node writes it.
fn row(entry: &Entry, live: bool, known: bool) -> String {
    let key = key();
    let place = Place {
        key: &key,
        epoch: 1,
        seq: 7,
    };
    let draft = Draft {
        entry: entry.id,
        object: live.then_some(entry),
        known,
        salt: [3; 16],
    };
    let now = "2026-01-02T00:00:00Z".parse().unwrap();
    let signer = SecretKey::from_seed([1; 32]);
    write(&place, &draft, ACTOR, "did:web:a.example#s1", now, &signer).unwrap()
}

/// Any JSON, and what stands in rows.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..20_u64).prop_map(Value::from),
        Just(json!(1e21)),
        Just(json!("none")),
        Just(json!("Delete")),
        Just(json!("\u{e9}\u{10000}\"\\")),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec(("[a-z@]{1,6}", inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Names of members that rows may have, and one that they never have.
const NAMES: [&str; 9] = [
    "@context",
    "added",
    "created",
    "entry",
    "object",
    "proof",
    "redistribution",
    "salt",
    "type",
];

/// Puts a value at the place `at` of all that there are in a row, or beside it as the member `name`.
fn change(value: &mut Value, at: &mut usize, with: &Value, name: Option<&str>) {
    match value {
        Value::Object(members) => {
            if let (0, Some(name)) = (*at, name) {
                members.insert(name.to_owned(), with.clone());
            }
            for inner in members.values_mut() {
                step(inner, at, with, name);
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|inner| step(inner, at, with, name)),
        _ => {}
    }
}

fn step(value: &mut Value, at: &mut usize, with: &Value, name: Option<&str>) {
    if *at == 0 {
        return;
    }
    *at -= 1;
    if *at == 0 && name.is_none() {
        value.clone_from(with);
    } else {
        change(value, at, with, name);
    }
}

fn agree(line: &str) -> Result<bool, TestCaseError> {
    let (key, bytes) = (key(), line.as_bytes());
    let fast = canonical::is_canonical(bytes)
        .then(|| read_canonical(line, &key, ACTOR, 1))
        .flatten();
    let slow = read_any(line, &key, ACTOR, 1);
    if let Some(fast) = &fast {
        let slow = slow.map_err(|refused| {
            TestCaseError::fail(format!("one way takes what the other refuses: {refused:?}"))
        })?;
        prop_assert_eq!(format!("{:?}", fast), format!("{:?}", slow));
    }
    Ok(fast.is_some())
}

/// A `null` stands in the bytes that are signed, and is no member that is missing.
#[test]
fn a_null_in_place_of_a_member_is_the_same_to_both() {
    for live in [true, false] {
        let line = row(&entry("A"), live, true);
        let whole = canonical::read(line.as_bytes()).unwrap();
        for inside in ["", "/object", "/proof"] {
            for name in NAMES {
                let mut value = whole.clone();
                let members = value.pointer_mut(inside).and_then(Value::as_object_mut);
                members.unwrap().insert(name.to_owned(), Value::Null);
                let bytes = canonical::write(&value).unwrap();
                agree(&String::from_utf8(bytes).unwrap()).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_row_of_an_honest_node_is_read_where_it_stands_and_the_slow_way_agrees(
        name in "a[^\\p{C}]{1,12}", live: bool, known: bool
    ) {
        let line = row(&entry(&name), live, known);
        prop_assert!(agree(&line)?, "it is read where it stands");
    }

    #[test]
    fn what_the_fast_way_takes_the_slow_way_takes_alike(
        live: bool, at in 0..60_usize, with in value(),
        name in proptest::option::of(prop::sample::select(&NAMES[..]))
    ) {
        let line = row(&entry("A"), live, true);
        let mut value = canonical::read(line.as_bytes()).unwrap();
        let mut at = at;
        change(&mut value, &mut at, &with, name);
        if let Ok(bytes) = canonical::write(&value) {
            agree(&String::from_utf8(bytes).unwrap())?;
        }
    }

    #[test]
    fn what_is_done_to_the_bytes_is_seen_by_both(at: prop::sample::Index, byte in " -~") {
        let line = row(&entry("A"), true, true);
        let at = at.index(line.len());
        let line = format!("{}{byte}{}", &line[..at], &line[at + 1..]);
        agree(&line)?;
    }
}
