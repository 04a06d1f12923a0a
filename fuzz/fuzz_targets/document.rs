//! Identity documents of nodes, and whether one may follow another.
#![no_main]

use std::sync::LazyLock;

use federation::protocol::canonical;
use domain::feed::FeedName;
use federation::protocol::document::{Acceptance, First, NodeDocument, accept};
use federation::protocol::key::{Ed25519, SecretKey, Signer as _};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static PINNED: LazyLock<NodeDocument> = LazyLock::new(|| {
    let key = |n: u8| SecretKey::from_seed([n; 32]);
    let first = First {
        origin: &"https://a.example".parse().expect("a constant"),
        name: None,
        epoch: 1,
        requests: key(2).public(),
        recovery: key(3).public(),
    };
    let created = "2026-11-22T12:00:00Z".parse().expect("a constant");
    NodeDocument::first(&first, created, &key(1)).expect("a document")
});

fuzz_target!(|data: &[u8]| {
    check(data);
    // The members of an object in place of those of a document that is right: else hardly any input would be one.
    let (Ok(Value::Object(members)), Ok(mut document)) =
        (canonical::read(data), canonical::read(PINNED.to_json()))
    else {
        return;
    };
    for (name, value) in members {
        document[name] = value;
    }
    if let Ok(bytes) = canonical::write(&document) {
        check(&bytes);
    }
});

fn check(data: &[u8]) {
    let Ok(document) = NodeDocument::parse(data) else {
        return;
    };
    let again = NodeDocument::parse(document.to_json());
    assert_eq!(
        again.as_ref(),
        Ok(&document),
        "its own form is read as the same"
    );
    let _ = document.verify_self(&Ed25519);
    assert!(document.current_statement_key().is_some() && document.recovery_key().is_some());
    let _ = document.statement_key(FeedName::Public, 7);
    // Nobody but the node can make what follows.
    let outcome = accept(&PINNED, &document, &Ed25519);
    assert!(
        matches!(outcome, Err(_) | Ok(Acceptance::Unchanged)),
        "{outcome:?}"
    );
}
