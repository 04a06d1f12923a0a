//! The strict reader refuses, and never falls over.

use domain::{AnyDraft, Entry, Kind, json, limits};
use proptest::prelude::*;
use serde_json::Value;

use crate::store::example;

/// Any JSON value nested at most `depth` deep, with strings as people write them.
fn value(depth: u32) -> impl Strategy<Value = Value> {
    let text = "[^\\p{Cc}]{0,12}(\n|\t)?";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[^\\p{Cc}]{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_up_to_the_depth_and_no_further(value in value(6)) {
        let text = value.to_string();
        let deep = depth(&value);
        prop_assert_eq!(json::check(text.as_bytes(), deep), Ok(text.as_str()));
        if deep > 0 {
            let code = json::check(text.as_bytes(), deep - 1).unwrap_err().code;
            prop_assert_eq!(code, "too_deep");
        }
    }

    #[test]
    fn no_bytes_make_the_readers_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        read_in_every_way(&bytes);
    }

    #[test]
    fn no_damage_to_an_example_makes_the_readers_fall_over(
        kind in prop::sample::select(Kind::ALL),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_usize), 1..8),
    ) {
        let mut bytes = example(kind).to_string().into_bytes();
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes.extend_from_within(at..(at + 24).min(bytes.len())),
            }
        }
        read_in_every_way(&bytes);
    }

    #[test]
    fn no_value_within_an_example_makes_the_checks_fall_over(
        kind in prop::sample::select(Kind::ALL),
        at in any::<prop::sample::Index>(),
        value in value(3),
    ) {
        let mut draft = example(kind);
        let names: Vec<String> = draft["content"].as_object().unwrap().keys().cloned().collect();
        draft["content"][at.get(&names)] = value;
        let _ = crate::store::Store::new().create(
            crate::store::NEW, kind, &draft, &crate::store::coordinator());
    }
}

fn read_in_every_way(bytes: &[u8]) {
    if let Ok(text) = json::check(bytes, limits::JSON_DEPTH) {
        assert!(serde_json::from_str::<Value>(text).is_ok());
    }
    for kind in Kind::ALL {
        let _ = AnyDraft::parse(*kind, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Entry::from_json(text);
    }
}

#[test]
fn a_name_that_json_libraries_treat_in_their_own_way_is_refused() {
    // Read into a value, such an object would be replaced by what stands in its string: unchecked.
    let smuggled = r#"{"a":{"$serde_json::private::RawValue":"{\"b\":1,\"b\":\"\\u0000\"}"}}"#;
    let code = json::check(smuggled.as_bytes(), 4).map_err(|found| found.code);
    assert_eq!(code, Err("reserved_name".into()));
}

#[test]
fn bodies_end_at_their_limit() {
    for kind in Kind::ALL {
        let mut body = example(*kind).to_string();
        let room = kind.max_bytes() - body.len();
        body.push_str(&" ".repeat(room));
        assert!(AnyDraft::parse(*kind, body.as_bytes()).is_ok(), "{kind}");
        body.push(' ');
        let refusal = AnyDraft::parse(*kind, body.as_bytes()).unwrap_err();
        assert_eq!(refusal.violations[0].code, "too_long", "{kind}");
    }
}

#[test]
fn an_entry_is_an_object() {
    for body in [
        "[]",
        "null",
        "7",
        "\"x\"",
        "[null,null,null,null,null,null,null,null,null,null,null,[],[],{}]",
    ] {
        for kind in Kind::ALL {
            let refusal = AnyDraft::parse(*kind, body.as_bytes()).unwrap_err();
            assert_eq!(refusal.violations[0].code, "wrong_type", "{kind} {body}");
        }
    }
}
