//! Statements.

use domain::feed::{FeedKey, FeedName};
use lotse_federation::protocol::key::{Ed25519, Signer as _};
use lotse_federation::protocol::proof::sign;
use lotse_federation::protocol::refusal::Refused;
use lotse_federation::protocol::statement::{self, Draft, Place, Statement};
use lotse_federation::protocol::{canonical, sha256};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::table::{FIRST, Node, id, key, now};

fn read(node: &Node, line: &str) -> Result<Statement, Refused> {
    statement::read(line, &node.feed, &node.actor, 1)
}

fn code(node: &Node, line: &str) -> &'static str {
    read(node, line).map_or_else(|refused| refused.code(), |_| "accepted")
}

/// A row, changed, and signed again by the node.
fn changed(node: &Node, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let Value::Object(mut members) = canonical::read(node.row(1, 1).as_bytes()).unwrap() else {
        return String::new();
    };
    members.remove("proof");
    change(&mut members);
    sign(&mut members, &node.method(FIRST), now(), &key(FIRST)).unwrap();
    String::from_utf8(canonical::write_object(&members).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was_meant(
        number in 1..u128::MAX, seq in 1..1_u64 << 50, known: bool, live: bool, salt: [u8; 16]
    ) {
        let node = Node::new();
        let entry = node.entry(id(number));
        let draft = Draft { entry: id(number), object: live.then_some(&entry), known, salt };
        let place = Place { key: &node.feed, epoch: 1, seq };
        let method = node.method(FIRST);
        let line = statement::write(&place, &draft, &node.actor, &method, now(), &key(FIRST)).unwrap();
        let again = read(&node, &line).unwrap();
        prop_assert_eq!((again.entry, again.seq), (id(number), seq));
        prop_assert_eq!(again.hash, sha256(&line));
        prop_assert_eq!(again.proof.verify(&key(FIRST).public(), &Ed25519), Ok(()));
        prop_assert_eq!(again.object.is_some(), live);
        let object = again.object.map(|json| domain::Entry::from_json(&json).unwrap());
        prop_assert_eq!(object, live.then_some(entry));
        prop_assert_eq!(line.contains("salt"), live, "nothing is left of what is deleted");
    }

    #[test]
    fn any_line_is_read_or_refused(line in ".{0,200}") {
        let _ = read(&Node::new(), &line);
    }
}

#[test]
fn each_thing_that_is_not_as_it_must_be_has_its_own_name() {
    let node = Node::new();
    assert_eq!(code(&node, &changed(&node, |_| {})), "accepted");
    let uri =
        |id: &str| json!({"id": format!("https://a.example/entries/{id}"), "type": "Tombstone"});
    for (name, value, expected) in [
        ("actor", json!("did:web:b.example"), "other_origin"),
        ("feed", json!("network"), "other_feed"),
        ("epoch", json!(2), "other_epoch"),
        ("seq", json!("1"), "shape"),
        ("seq", json!(2), "shape"),
        ("@context", json!([]), "shape"),
        ("type", json!("Announce"), "shape"),
        ("type", json!("Delete"), "shape"),
        ("redistribution", json!("any"), "shape"),
        ("salt", json!(""), "shape"),
        (
            "object",
            json!({"id": "https://b.example/entries/1", "entry": {}}),
            "outside_origin",
        ),
        (
            "object",
            json!({"id": "https://a.example/other/1", "entry": {}}),
            "outside_origin",
        ),
        (
            "object",
            uri("019AB3C2-5C00-7A11-8F3E-6B0F2D9C4E10"),
            "outside_origin",
        ),
        ("object", json!({"type": "Tombstone"}), "shape"),
    ] {
        let line = changed(&node, |members| {
            members.insert(name.to_owned(), value.clone());
        });
        assert_eq!(code(&node, &line), expected, "{name}: {value}");
    }
}

#[test]
fn a_deletion_that_keeps_something_is_refused() {
    let node = Node::new();
    for (more, value) in [("salt", json!("x")), ("object", json!({"entry": {}}))] {
        let line = changed(&node, |members| {
            members.insert("type".to_owned(), json!("Delete"));
            members.remove("salt");
            let id = members["object"]["id"].clone();
            members.insert("object".to_owned(), json!({"id": id, "type": "Tombstone"}));
            match more {
                "salt" => members.insert(more.to_owned(), value),
                _ => {
                    members["object"]["entry"] = value;
                    None
                }
            };
        });
        assert_eq!(code(&node, &line), "shape", "{more}");
    }
}

#[test]
fn a_line_has_one_form() {
    let node = Node::new();
    let line = node.row(1, 1);
    assert_eq!(code(&node, &line.replacen(':', ": ", 1)), "not_canonical");
    assert_eq!(code(&node, &format!("{line}\r")), "not_canonical");
    assert_eq!(
        code(&node, &line.replacen("\"seq\":1", "\"seq\":1.0", 1)),
        "not_canonical"
    );
    let twice = line.replacen("\"seq\":1", "\"seq\":1,\"seq\":1", 1);
    assert_eq!(code(&node, &twice), "not_json");
    let deep = line.replacen(
        "\"seq\":1",
        &format!("\"seq\":{}1{}", "[".repeat(60), "]".repeat(60)),
        1,
    );
    assert_eq!(code(&node, &deep), "not_json");
    let large = line.replacen(
        "\"seq\":1",
        &format!("\"seq\":\"{}\"", "x".repeat(statement::MAX_BYTES)),
        1,
    );
    assert_eq!(code(&node, &large), "not_json");
}

#[test]
fn options_that_a_proof_does_not_have_are_refused() {
    let node = Node::new();
    let line = node.row(1, 1);
    let more = line.replacen(
        "\"proofPurpose\"",
        "\"expires\":\"2030-01-01T00:00:00Z\",\"proofPurpose\"",
        1,
    );
    assert_eq!(code(&node, &more), "proof_unknown_option");
    let other = FeedKey {
        origin: node.feed.origin.clone(),
        name: FeedName::Network,
    };
    assert!(matches!(
        statement::read(&line, &other, &node.actor, 1),
        Err(Refused::OtherFeed)
    ));
}
