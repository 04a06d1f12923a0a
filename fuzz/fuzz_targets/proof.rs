//! Documents with proofs: what is signed can be opened, and no proof fits another document.
#![no_main]

use std::sync::LazyLock;

use federation::protocol::canonical;
use federation::protocol::key::{Ed25519, SecretKey, Signer as _};
use federation::protocol::proof::{open, open_set, sign};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::from_seed([7; 32]));

fuzz_target!(|data: &[u8]| {
    let Ok(Value::Object(mut document)) = canonical::read(data) else {
        return;
    };
    let _ = open_set(document.clone());
    if let Ok(signed) = open(document.clone()) {
        assert!(signed.verify(&KEY.public(), &Ed25519).is_err());
        assert!(!signed.document().contains_key("proof"));
    }
    document.remove("proof");
    let created = "2026-11-22T12:00:00Z".parse().expect("a constant");
    if sign(&mut document, "#1", created, &*KEY).is_ok() {
        let signed = open(document).expect("what was signed can be opened");
        assert_eq!(signed.verify(&KEY.public(), &Ed25519), Ok(()));
    }
});
