//! Messages about following: whatever one says, it speaks for nobody whose key did not sign it.
#![no_main]

use std::sync::LazyLock;

use domain::Origin;
use federation::protocol::did::DidWeb;
use federation::protocol::document::{First, NodeDocument};
use federation::protocol::http_signature::{Parsed, Request, Stamp, content_digest, sign};
use federation::protocol::key::{Ed25519, SecretKey, Signer as _};
use federation::protocol::message::{Held, Message, Sent};
use libfuzzer_sys::fuzz_target;

const HERE: &str = "did:web:here.example";
const NOW: i64 = 1_000;

static SENDER: LazyLock<Origin> =
    LazyLock::new(|| "https://a.example".parse().expect("a constant"));
static PINNED: LazyLock<NodeDocument> = LazyLock::new(|| {
    let key = |n: u8| SecretKey::from_seed([n; 32]);
    let first = First {
        origin: &SENDER,
        name: None,
        epoch: 1,
        requests: key(2).public(),
        recovery: key(3).public(),
    };
    let created = "2026-11-22T12:00:00Z".parse().expect("a constant");
    NodeDocument::first(&first, created, &key(1)).expect("a document")
});

fuzz_target!(|data: &[u8]| {
    let sender = DidWeb::of(&SENDER).expect("a constant");
    read(data, &sender);
    // With the names that are asked for, and the documents as they came.
    let documents = String::from_utf8_lossy(data);
    let whole = format!(
        r#"{{"type":"Follow","actor":"{sender}","object":"{HERE}","origin":"{}","documents":[{documents}]}}"#,
        *SENDER
    );
    read(whole.as_bytes(), &sender);
});

fn read(body: &[u8], sender: &DidWeb) {
    let Ok(message) = Message::read(body, sender, HERE) else {
        return;
    };
    assert_eq!(message.origin, *SENDER, "it names its sender");
    let digest = content_digest(body);
    let request = Request {
        method: "POST",
        authority: "here.example",
        path: "/fed/v1/follows",
        query: None,
        content_digest: Some(&digest),
    };
    let key_id = format!("{sender}#requests-1");
    let stamp = Stamp {
        created: NOW,
        expires: NOW + 60,
        key_id: &key_id,
        nonce: "n",
    };
    // Signed by somebody: not by the node, whose keys are others.
    let stranger = SecretKey::from_seed([9; 32]);
    let (input, signature) = sign(&request, &stamp, &stranger).expect("it can be signed");
    let parsed = Parsed::read(&input, &signature).expect("what was signed can be read");
    let sent = Sent {
        request,
        parsed: &parsed,
        now: NOW,
    };
    for held in [false, true].map(|waits| Held {
        document: &PINNED,
        waits,
    }) {
        assert!(message.vouch(&sent, Some(held), &Ed25519).is_err());
    }
    // For itself it speaks only with a document whose proof holds.
    assert!(message.vouch(&sent, None, &Ed25519).is_err());
}
