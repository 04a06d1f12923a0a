#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::protocol::document::{Changes, First, Start};
use crate::protocol::http_signature::{Stamp, sign};
use crate::protocol::key::{Ed25519, SecretKey, Signer as _};

const NOW: i64 = 1_800_000_000;
const RECEIVER: &str = "did:web:b.example";

/// The real verifier, counted: what a sender can make this node do is held in verifications and not in seconds.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Counted {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Verifier for Counted {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ed25519.verify(key, message, signature)
    }
}

/// A node that sends messages, with all documents that it ever had.
struct Sender {
    statements: SecretKey,
    requests: SecretKey,
    documents: Vec<NodeDocument>,
}

fn at() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(NOW, 0).unwrap()
}

impl Sender {
    /// `a.example` with keys made of a number.
    fn new(seed: u8) -> Self {
        let [statements, requests, recovery] =
            [0, 1, 2].map(|more| SecretKey::from_seed([seed + more; 32]));
        let origin: Origin = "https://a.example".parse().unwrap();
        let first = First {
            origin: &origin,
            name: Some("A"),
            epoch: 1,
            requests: requests.public(),
            recovery: recovery.public(),
        };
        let document = NodeDocument::first(&first, at(), &statements).unwrap();
        Self {
            statements,
            requests,
            documents: vec![document],
        }
    }

    fn newest(&self) -> &NodeDocument {
        self.documents.last().unwrap()
    }

    fn rotate(&mut self, seed: u8) {
        let [statements, requests] = [0, 1].map(|more| SecretKey::from_seed([seed + more; 32]));
        let from = Start {
            public: 1 + self.documents.len() as u64,
            network: 1,
        };
        let changes = Changes {
            name: None,
            requests: Some(requests.public()),
        };
        let next = self
            .newest()
            .rotated(from, &changes, at(), &self.statements, &statements);
        self.documents.push(next.unwrap());
        (self.statements, self.requests) = (statements, requests);
    }

    fn body(&self) -> Vec<u8> {
        let documents: Vec<Value> = self
            .documents
            .iter()
            .map(|document| serde_json::from_slice(document.to_json()).unwrap())
            .collect();
        message(documents)
    }
}

fn message(documents: Vec<Value>) -> Vec<u8> {
    json!({
        "type": "Follow", "actor": "did:web:a.example", "object": RECEIVER, "origin": "https://a.example",
        "documents": documents,
    })
    .to_string()
    .into_bytes()
}

fn request() -> Request<'static> {
    Request {
        method: "POST",
        authority: "b.example",
        path: "/fed/v1/follows",
        query: None,
        content_digest: Some("sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"),
    }
}

/// What comes of a body that was signed under a name with a key, and how many verifications it took.
fn outcome(
    body: &[u8],
    (key_id, key): (&str, &SecretKey),
    held: Option<Held<'_>>,
) -> (Result<u64, Unvouched>, usize) {
    let stamp = Stamp {
        created: NOW,
        expires: NOW + 60,
        key_id,
        nonce: "n",
    };
    let (input, signature) = sign(&request(), &stamp, key).unwrap();
    let parsed = Parsed::read(&input, &signature).unwrap();
    let sent = Sent {
        request: request(),
        parsed: &parsed,
        now: NOW,
    };
    let verifier = Counted::default();
    let sender: DidWeb = "did:web:a.example".parse().unwrap();
    let vouched = Message::read(body, &sender, RECEIVER)
        .and_then(|message| message.vouch(&sent, held, &verifier));
    (
        vouched.map(|document| document.sequence()),
        verifier.count(),
    )
}

fn held(document: &NodeDocument, waits: bool) -> Option<Held<'_>> {
    Some(Held { document, waits })
}

const FIRST_KEY: &str = "did:web:a.example#requests-1";

#[test]
fn a_stranger_is_believed_as_far_as_its_own_document_reaches() {
    let a = Sender::new(1);
    let (came, took) = outcome(&a.body(), (FIRST_KEY, &a.requests), None);
    assert_eq!((came, took), (Ok(1), 2), "the request and one proof");
    // Of many documents the newest is looked at alone.
    let mut a = a;
    for round in 0..8 {
        a.rotate(20 + 2 * round);
    }
    let newest = "did:web:a.example#requests-9";
    let (came, took) = outcome(&a.body(), (newest, &a.requests), None);
    assert_eq!((came, took), (Ok(9), 3), "the request and both proofs");
}

#[test]
fn a_wrong_signature_costs_one_verification_and_no_document_is_read() {
    let (a, nobody) = (Sender::new(1), SecretKey::from_seed([99; 32]));
    let wrong = Err(Unvouched::Signature(SignatureError::Signature));
    let (came, took) = outcome(&a.body(), (FIRST_KEY, &nobody), None);
    assert_eq!((came, took), (wrong.clone(), 1));
    let known = held(a.newest(), false);
    let (came, took) = outcome(&a.body(), (FIRST_KEY, &nobody), known);
    assert_eq!((came, took), (wrong.clone(), 1));
    // Documents that could not be read are not looked at before.
    let rubbish = message(vec![json!({"x": 1.5e300}); MAX_DOCUMENTS]);
    let (came, took) = outcome(&rubbish, (FIRST_KEY, &nobody), known);
    assert_eq!((came, took), (wrong, 1));
    let (came, took) = outcome(&rubbish, (FIRST_KEY, &nobody), None);
    assert_eq!((came, took), (Err(Unvouched::NoKey), 0));
    // Neither is a document of which only the key holds.
    let mut cut: Value = serde_json::from_slice(a.newest().to_json()).unwrap();
    cut["lotse"]["epoch"] = json!(2);
    let (came, took) = outcome(&message(vec![cut]), (FIRST_KEY, &nobody), None);
    assert_eq!(
        (came, took),
        (Err(Unvouched::Signature(SignatureError::Signature)), 1)
    );
}

#[test]
fn somebody_else_in_the_name_of_a_node_that_waits_is_told_apart_from_a_wrong_signature() {
    let (a, other) = (Sender::new(1), Sender::new(40));
    let waiting = held(a.newest(), true);
    let (came, took) = outcome(&other.body(), (FIRST_KEY, &other.requests), waiting);
    assert_eq!((came, took), (Err(Unvouched::OtherKeys), 2));
    let nobody = SecretKey::from_seed([99; 32]);
    let (came, took) = outcome(&other.body(), (FIRST_KEY, &nobody), waiting);
    assert_eq!(
        (came, took),
        (Err(Unvouched::Signature(SignatureError::Signature)), 2)
    );
    // Of an approved one nothing is told, and the other's keys are not even looked at.
    let pinned = held(a.newest(), false);
    let (came, took) = outcome(&other.body(), (FIRST_KEY, &other.requests), pinned);
    assert_eq!(
        (came, took),
        (Err(Unvouched::Signature(SignatureError::Signature)), 1)
    );
    // Not under the name of a new key either.
    let mut other = other;
    other.rotate(50);
    let second = ("did:web:a.example#requests-2", &other.requests);
    let (came, took) = outcome(&other.body(), second, waiting);
    assert_eq!(came, Err(Unvouched::OtherKeys));
    assert!(took <= 6, "{took}");
    let (came, took) = outcome(&other.body(), second, pinned);
    assert!(matches!(came, Err(Unvouched::Document(_))), "{came:?}");
    assert!(took <= 6, "{took}");
}

#[test]
fn a_node_that_waits_and_one_that_is_known_go_on_by_their_own_keys() {
    let mut a = Sender::new(1);
    let first = a.newest().clone();
    a.rotate(20);
    a.rotate(30);
    for waits in [true, false] {
        let newest = ("did:web:a.example#requests-3", &a.requests);
        let (came, _) = outcome(&a.body(), newest, held(&first, waits));
        assert_eq!(came, Ok(3));
        // What is known already costs nothing more.
        let (came, took) = outcome(&a.body(), newest, held(a.newest(), waits));
        assert_eq!((came, took), (Ok(3), 1));
    }
    // Out of order, or twice.
    let text = |document: &NodeDocument| serde_json::from_slice(document.to_json()).unwrap();
    let twice = message(vec![text(&first), text(&first)]);
    let key = SecretKey::from_seed([2; 32]);
    let (came, _) = outcome(&twice, (FIRST_KEY, &key), held(&first, false));
    assert!(matches!(came, Err(Unvouched::Unusable(_))), "{came:?}");
}

#[test]
fn names_that_do_not_fit_together_are_refused_before_anything_is_verified() {
    let a = Sender::new(1);
    let body: Value = serde_json::from_slice(&a.body()).unwrap();
    for (member, value) in [
        ("actor", json!("did:web:c.example")),
        ("object", json!("did:web:c.example")),
        ("origin", json!("https://c.example")),
        ("origin", json!("https://a.example/")),
        ("origin", json!("https://A.example")),
        ("origin", json!("https://a.example.")),
        ("origin", json!("https://a.example:443")),
        ("type", json!("Create")),
        ("documents", json!(vec![1; MAX_DOCUMENTS + 1])),
    ] {
        let mut body = body.clone();
        body[member] = value;
        let body = body.to_string().into_bytes();
        let (came, took) = outcome(&body, (FIRST_KEY, &a.requests), None);
        assert!(matches!(came, Err(Unvouched::Unusable(_))), "{came:?}");
        assert_eq!(took, 0, "{member}");
    }
    // By plain http it would be the same node under another base URL: its own document says otherwise.
    let mut http = body.clone();
    http["origin"] = json!("http://a.example");
    let http = http.to_string().into_bytes();
    let (came, _) = outcome(&http, (FIRST_KEY, &a.requests), None);
    assert_eq!(came, Err(Unvouched::Document(DocumentError::OtherNode)));
    let known = held(a.newest(), false);
    let (came, _) = outcome(&http, (FIRST_KEY, &a.requests), known);
    assert_eq!(came, Err(Unvouched::Document(DocumentError::OtherNode)));
}
