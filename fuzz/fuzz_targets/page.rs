//! Pages: none is read that its node did not sign, whatever stands before the trailer.
#![no_main]

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::feed::{Digest, FeedKey, FeedName, FeedState};
use federation::protocol::document::{First, NodeDocument};
use federation::protocol::head;
use federation::protocol::key::{Ed25519, SecretKey, Signer as _};
use federation::protocol::page::{self, Expected, Part};
use libfuzzer_sys::fuzz_target;

const METHOD: &str = "did:web:a.example#statements-1";

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
    NodeDocument::first(&first, now(), &key(1)).expect("a document")
});

fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().expect("a constant")
}

fn write(rows: &[&str]) -> String {
    let key = SecretKey::from_seed([1; 32]);
    let state = FeedState::new(1, Digest::EMPTY);
    let actor = "did:web:a.example";
    let head = head::write(&FEED, &state, actor, METHOD, now(), &key).expect("a head");
    let part = Part::Changes { since: 0 };
    let rows = rows.iter().copied();
    page::write(&FEED, &part, rows, 0, false, &head, actor, (METHOD, &key, now())).expect("a page")
}

static EMPTY: LazyLock<String> = LazyLock::new(|| write(&[]));

fuzz_target!(|data: &[u8]| {
    let part = Part::Changes { since: 0 };
    let expected = Expected {
        key: &FEED,
        document: &DOCUMENT,
        part: &part,
        limit: 100,
        verifier: &Ed25519,
        now: now(),
    };
    let read = |body: &[u8]| page::read(body, &expected);
    assert!(read(data).is_err() || data == EMPTY.as_bytes());
    assert!(read(EMPTY.as_bytes()).is_ok());
    let before = [data, EMPTY.as_bytes()].concat();
    assert!(read(&before).is_err() || data.is_empty(), "the digest covers what stands before");
    // A node that signs anything as its rows: each has to be a statement.
    if let Ok(text) = std::str::from_utf8(data) {
        let rows: Vec<&str> = text.split('\n').collect();
        assert!(read(write(&rows).as_bytes()).is_err());
    }
});
