//! Strangers who would be peers.

use std::time::SystemTime;

use super::{Attack, Field};
use crate::signing::{Signatory, Signed};

/// Requests to follow whose signatures do not fit.
pub(super) const WRONG_SIGNATURES: Attack = Attack {
    name: "signatures",
    does: "requests to follow, signed by another key than the one that they name",
    threads: 2,
    make: wrong_signatures,
    never: &[200, 201, 202],
};

/// Nonces to be remembered for as long as the sender likes.
pub(super) const NONCES: Attack = Attack {
    name: "nonces",
    does: "hints of strangers, well signed, that want to be remembered for ten years",
    threads: 2,
    make: nonces,
    never: &[200, 201, 202, 204],
};

/// More requests to follow than there is room for.
pub(super) const QUEUE: Attack = Attack {
    name: "queue",
    does: "well signed requests to follow, from many hosts and from many ports of one",
    threads: 2,
    make: queue,
    never: &[],
};

const FOLLOWS: &str = "/fed/v1/follows";
const HINTS: &str = "/fed/v1/hints";
/// Ten years, in seconds.
const FAR: i64 = 10 * 365 * 86_400;

/// Now, in seconds since 1970.
pub(super) fn now() -> i64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

fn signed(field: &Field<'_>, who: &Signatory, path: &str, body: &[u8], valid: i64) -> Vec<u8> {
    let created = now();
    let headers = who.sign(&Signed {
        method: "POST",
        host: &field.target.host,
        path,
        body: Some(body),
        created,
        expires: created + valid,
    });
    let mut headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    headers.push(("Content-Type", "application/json"));
    field.request("POST", path, &headers, body)
}

fn wrong_signatures(field: &Field<'_>) {
    let strangers: Vec<_> = (0..8)
        .map(|number| Signatory::stranger(&format!("https://forged-{number}.example")))
        .map(Signatory::with_other_key)
        .collect();
    while let Some(number) = field.next() {
        let stranger = &strangers[number as usize % strangers.len()];
        let wish = stranger.wish_to_follow(&field.target.host).to_string();
        let bytes = signed(field, stranger, FOLLOWS, wish.as_bytes(), 60);
        field.send(field.source(number), &bytes);
    }
}

fn nonces(field: &Field<'_>) {
    let stranger = Signatory::stranger("https://stranger.example");
    while let Some(number) = field.next() {
        let valid = if number % 2 == 0 { FAR } else { 60 };
        let bytes = signed(field, &stranger, HINTS, br#"{"type":"lotse:Hint"}"#, valid);
        field.send(field.source(number), &bytes);
    }
}

fn queue(field: &Field<'_>) {
    while let Some(number) = field.next() {
        let url = match number % 3 {
            0 => format!("https://node-{number}.example"),
            1 => format!("https://a{number}.b{number}.one.example"),
            _ => format!("https://one.example:{}", 1_024 + number % 60_000),
        };
        let stranger = Signatory::stranger(&url);
        let wish = stranger.wish_to_follow(&field.target.host).to_string();
        let bytes = signed(field, &stranger, FOLLOWS, wish.as_bytes(), 60);
        field.send(field.source(number), &bytes);
    }
}
