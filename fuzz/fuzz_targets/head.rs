//! Heads: none is read that its node did not sign.
#![no_main]

use std::sync::LazyLock;

use domain::feed::{Digest, FeedKey, FeedName, FeedState};
use federation::protocol::canonical;
use federation::protocol::document::{First, NodeDocument};
use federation::protocol::head;
use federation::protocol::key::{Ed25519, SecretKey, Signer as _};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW: &str = "2026-11-22T12:00:00Z";

static FEED: LazyLock<FeedKey> = LazyLock::new(|| FeedKey {
    origin: "https://a.example".parse().expect("a constant"),
    name: FeedName::Public,
});
static DOCUMENT: LazyLock<NodeDocument> = LazyLock::new(|| {
    let key = |n: u8| SecretKey::from_seed([n; 32]);
    let first = First {
        origin: &FEED.origin,
        name: None,
        epoch: 1,
        requests: key(2).public(),
        recovery: key(3).public(),
    };
    NodeDocument::first(&first, NOW.parse().expect("a constant"), &key(1)).expect("a document")
});
static HEAD: LazyLock<String> = LazyLock::new(|| {
    let state = FeedState::new(1, Digest::EMPTY);
    let key = SecretKey::from_seed([1; 32]);
    let method = "did:web:a.example#statements-1";
    let now = NOW.parse().expect("a constant");
    head::write(&FEED, &state, "did:web:a.example", method, now, &key).expect("a head")
});

fuzz_target!(|data: &[u8]| {
    let Ok(value) = canonical::read(data) else {
        return;
    };
    check(value.clone());
    // The members of an object in place of those of a head that is right: else hardly any input would be one.
    let (Value::Object(members), Ok(mut head)) = (value, canonical::read(HEAD.as_bytes())) else {
        return;
    };
    for (name, value) in members {
        head[name] = value;
    }
    check(head);
});

fn check(value: Value) {
    let text = value.to_string();
    let _ = head::is_due(&text, NOW.parse().expect("a constant"));
    let _ = head::speaks_of(&text, &FeedState::new(1, Digest::EMPTY), "x");
    let now = NOW.parse().expect("a constant");
    if let Ok(read) = head::read(value, &FEED, &DOCUMENT, &Ed25519, now) {
        assert_eq!(read.json, *HEAD, "only what the node signed is its head");
    }
}
