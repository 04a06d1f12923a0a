//! Heads.

use chrono::TimeDelta;
use domain::feed::{FeedKey, FeedName};
use lotse_federation::protocol::head::{self, Head, LIFE, SKEW};
use lotse_federation::protocol::key::Ed25519;
use lotse_federation::protocol::refusal::Refused;
use proptest::prelude::*;
use serde_json::Value;

use crate::table::{FIRST, NOBODY, Node, REQUESTS, SECOND, key, now};

fn read(node: &Node, json: &str) -> Result<Head, Refused> {
    let value: Value = serde_json::from_str(json).unwrap();
    head::read(value, &node.feed, &node.document, &Ed25519, now())
}

fn code(node: &Node, json: &str) -> &'static str {
    read(node, json).map_or_else(|refused| refused.code(), |_| "accepted")
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(seq in 0..1_u64 << 53, live in 0..1_u64 << 53, horizon in 0..1_u64 << 53) {
        let node = Node::new();
        let mut state = node.state(seq);
        state.live = live;
        state.horizon = horizon;
        let method = node.method(SECOND);
        let json = head::write(&node.feed, &state, &node.actor, &method, now(), &key(SECOND)).unwrap();
        let head = read(&node, &json).unwrap();
        prop_assert_eq!((head.seq, head.count, head.horizon, head.root), (seq, live, horizon, state.root));
        prop_assert_eq!((head.issued, head.expires), (now(), now() + LIFE));
        prop_assert!(head::speaks_of(&json, &state, &method));
        state.horizon += 1;
        prop_assert!(!head::speaks_of(&json, &state, &method));
        prop_assert_eq!(head.json, json);
    }
}

#[test]
fn a_head_has_its_time() {
    let node = Node::new();
    let at = |by: TimeDelta| code(&node, &node.head_at(1, now() + by));
    assert_eq!(at(-LIFE), "accepted");
    assert_eq!(at(-LIFE - TimeDelta::seconds(1)), "expired_head");
    assert_eq!(at(SKEW), "accepted");
    assert_eq!(at(SKEW + TimeDelta::seconds(1)), "expired_head");
    let json = node.head(1);
    assert!(!head::is_due(&json, now() + LIFE / 2));
    assert!(head::is_due(
        &json,
        now() + LIFE / 2 + TimeDelta::seconds(1)
    ));
    assert!(
        head::is_due(&json, now() - SKEW - TimeDelta::seconds(1)),
        "a clock that was put back"
    );
}

#[test]
fn a_head_of_another_feed_epoch_or_key_is_refused() {
    let node = Node::new();
    let write = |feed: &FeedKey, epoch, method: &str, by| {
        let mut state = node.state(1);
        state.epoch = epoch;
        head::write(feed, &state, &node.actor, method, now(), &key(by)).unwrap()
    };
    let method = node.method(SECOND);
    let network = FeedKey {
        name: FeedName::Network,
        ..node.feed.clone()
    };
    for (json, expected) in [
        (write(&node.feed, 1, &method, SECOND), "accepted"),
        (write(&network, 1, &method, SECOND), "other_feed"),
        (write(&node.feed, 2, &method, SECOND), "other_epoch"),
        (write(&node.feed, 1, &method, NOBODY), "proof_signature"),
        (
            write(&node.feed, 1, &node.method(FIRST), FIRST),
            "wrong_key",
        ),
        (
            write(&node.feed, 1, &node.method(REQUESTS), REQUESTS),
            "wrong_key",
        ),
    ] {
        assert_eq!(code(&node, &json), expected, "{json}");
    }
    let other = node
        .head(1)
        .replace("did:web:a.example\",\"count", "did:web:b.example\",\"count");
    assert_eq!(code(&node, &other), "other_origin");
    let changed = node.head(1).replace("\"seq\":1", "\"seq\":2");
    assert_eq!(code(&node, &changed), "proof_signature");
}
