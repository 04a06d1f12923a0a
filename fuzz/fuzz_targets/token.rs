//! Bearer tokens: whatever is sent, none is let through that this node did not sign.
#![no_main]

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use http::sign_in::{Keys, generate};
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let pem = generate().expect("a key can be made");
    let origin = "https://lotse.example.org".parse().expect("a constant");
    Keys::from_pem(&origin, [pem.as_str()]).expect("it can be read")
});

static NOW: LazyLock<DateTime<Utc>> =
    LazyLock::new(|| "2026-11-22T12:00:00Z".parse().expect("a constant"));

fuzz_target!(|text: &str| {
    assert!(KEYS.verify(text, *NOW).is_err());
});
