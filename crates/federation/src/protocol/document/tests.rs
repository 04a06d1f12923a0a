#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

use super::*;
use crate::protocol::canonical;
use crate::protocol::key::{Ed25519, KeyError, SecretKey};
use crate::protocol::proof::{self, ProofError};
use proptest::prelude::*;
use serde_json::{Value, json};

const DID: &str = "did:web:a.example";

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Statement key 1, request key 2, recovery key 3.
fn first() -> NodeDocument {
    first_at("https://a.example")
}

fn first_at(origin: &str) -> NodeDocument {
    let first = First {
        origin: &origin.parse().unwrap(),
        name: Some("Caritas"),
        epoch: 1,
        requests: key(2).public(),
        recovery: key(3).public(),
    };
    NodeDocument::first(&first, now(), &key(1)).unwrap()
}

fn start(public: u64, network: u64) -> Start {
    Start { public, network }
}

fn rotated(document: &NodeDocument, old: u8, new: u8, from: Start) -> NodeDocument {
    let changes = Changes::default();
    document
        .rotated(from, &changes, now(), &key(old), &key(new))
        .unwrap()
}

fn renamed(document: &NodeDocument, name: &str, by: u8) -> NodeDocument {
    let changes = Changes {
        name: Some(Some(name.to_owned())),
        requests: None,
    };
    document.updated(&changes, now(), &key(by)).unwrap()
}

fn recovery(epoch: u64, from: Start, recovery: Option<u8>) -> Recovery {
    Recovery {
        epoch,
        from,
        recovery: recovery.map(|n| key(n).public()),
        changes: Changes::default(),
    }
}

/// The document with its JSON changed, and signed anew with these keys under these names.
fn forged(
    document: &NodeDocument,
    change: impl FnOnce(&mut Value),
    by: &[(&str, u8)],
) -> Result<NodeDocument, DocumentError> {
    let mut value = canonical::read(document.to_json()).unwrap();
    change(&mut value);
    let object = value.as_object_mut().unwrap();
    object.remove("proof");
    for (name, n) in by {
        proof::add_proof(object, &format!("{DID}#{name}"), now(), &key(*n)).unwrap();
    }
    NodeDocument::parse(&canonical::write(&value).unwrap())
}

fn check(pinned: &NodeDocument, next: &NodeDocument) -> Result<Acceptance, DocumentError> {
    accept(pinned, next, &Ed25519)
}

mod following;
mod reading;
