//! Statements: what is read is canonical, and none is signed by a node that did not sign it.
#![no_main]

use std::sync::LazyLock;

use domain::feed::{FeedKey, FeedName};
use federation::protocol::canonical;
use federation::protocol::key::{Ed25519, SecretKey, Signer as _};
use federation::protocol::statement::{self, Draft, Place};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const ACTOR: &str = "did:web:a.example";

static FEED: LazyLock<FeedKey> = LazyLock::new(|| FeedKey {
    origin: "https://a.example".parse().expect("a constant"),
    name: FeedName::Public,
});
static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::from_seed([1; 32]));
static ROW: LazyLock<String> = LazyLock::new(|| {
    let place = Place {
        key: &FEED,
        epoch: 1,
        seq: 7,
    };
    let draft = Draft {
        entry: "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10".parse().expect("a constant"),
        object: None,
        known: true,
        salt: [0; 16],
    };
    let now = "2026-11-22T12:00:00Z".parse().expect("a constant");
    statement::write(&place, &draft, ACTOR, "did:web:a.example#statements-1", now, &*KEY).expect("a row")
});

fuzz_target!(|data: &[u8]| {
    if let Ok(line) = std::str::from_utf8(data) {
        check(line);
    }
    // The members of an object in place of those of a row that is right: else hardly any input would be one.
    let (Ok(Value::Object(members)), Ok(mut row)) = (canonical::read(data), canonical::read(ROW.as_bytes())) else {
        return;
    };
    for (name, value) in members {
        row[name] = value;
    }
    if let Ok(Ok(line)) = canonical::write(&row).map(String::from_utf8) {
        check(&line);
    }
});

fn check(line: &str) {
    let Ok(read) = statement::read(line, &FEED, ACTOR, 1) else {
        return;
    };
    assert_eq!(read.line, line);
    assert_eq!(canonical::canonical(line.as_bytes()).as_deref(), Ok(line.as_bytes()));
    assert!(
        read.proof.verify(&KEY.public(), &Ed25519).is_err() || line == *ROW,
        "only what the node signed is signed by it"
    );
    if let Some(object) = read.object {
        let now = "2026-11-22T12:00:00Z".parse().expect("a constant");
        let _ = domain::accept(&object, &FEED.origin, read.entry, now);
    }
}
