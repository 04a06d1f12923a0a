//! Much of what is allowed, or of what is refused.

use serde_json::json;

use super::{Attack, Field};

/// Requests of all kinds that are refused.
pub(super) const REFUSALS: Attack = Attack {
    name: "refusals",
    does: "unknown paths, methods, parameters, tokens and ids, on kept connections: what the log would be full of",
    threads: 2,
    make: refusals,
    never: &[200, 201, 202],
};

/// Idempotency keys to be remembered.
pub(super) const IDEMPOTENCY_KEYS: Attack = Attack {
    name: "idempotency",
    does: "a partner's writes, each with a key of its own that is to be remembered",
    threads: 1,
    make: idempotency_keys,
    never: &[],
};

/// Forms for everybody.
pub(super) const FORMS: Attack = Attack {
    name: "forms",
    does: "registrations, corrections and resets of passwords by nobody, from many addresses",
    threads: 2,
    make: forms,
    never: &[],
};

/// How many requests go over one connection.
const AT_ONCE: usize = 50;

fn refusals(field: &Field<'_>) {
    let host = &field.target.host;
    let kinds = [
        ("GET", "/nothing/here", ""),
        ("GET", "/api/v1/offers?nothing=1", ""),
        ("GET", "/api/v1/offers/not-an-id", ""),
        ("GET", "/api/v1/me", "Authorization: Bearer nonsense\r\n"),
        (
            "DELETE",
            "/api/v1/offers/01a2008d-7400-7fbf-932d-7ca33da03200",
            "",
        ),
        ("TRACE", "/api/v1/offers", ""),
        ("POST", "/fed/v1/hints", "Content-Length: 0\r\n"),
        ("GET", "/fed/v1/feeds/network/changes?since=0", ""),
        (
            "GET",
            "/api/v1/offers?q=a&limit=100000",
            "Cookie: session=nonsense\r\n",
        ),
    ];
    while let Some(number) = field.next() {
        let mut bytes = Vec::new();
        for at in 0..AT_ONCE {
            let (method, path, header) = kinds[(number as usize + at) % kinds.len()];
            bytes.extend_from_slice(
                format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\n").as_bytes(),
            );
        }
        bytes.extend_from_slice(&field.request("GET", "/nothing/here", &[], b""));
        field.send(field.source(number), &bytes);
    }
}

fn idempotency_keys(field: &Field<'_>) {
    let token = format!("Bearer {}", field.target.token);
    let mut offer = field.target.offer.clone();
    while let Some(number) = field.next() {
        // The same entry again and again, so that it is the keys that are many.
        offer["external_id"] = json!("attack");
        offer["content"]["title"]["en"] = json!(format!("Advice {number}"));
        let key = format!("{number}-{}", "k".repeat(40));
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", token.as_str()),
            ("Idempotency-Key", key.as_str()),
        ];
        let body = offer.to_string();
        let bytes = field.request("POST", "/api/v1/offers", &headers, body.as_bytes());
        field.send(field.source(number % 4), &bytes);
    }
}

fn forms(field: &Field<'_>) {
    let long = "x".repeat(1_500);
    while let Some(number) = field.next() {
        let (path, body) = match number % 3 {
            0 => (
                "/api/v1/registrations",
                json!({
                    "organisation": {"content": {"name": {"en": format!("Office {number}")}, "type": "ngo", "seat_country": "XK"}},
                    "contact": format!("office-{number}@example.org"),
                    "license": "CC-BY-4.0",
                }),
            ),
            1 => (
                "/api/v1/corrections",
                json!({"entry": field.target.entry, "message": format!("{number} {long}")}),
            ),
            _ => (
                "/api/v1/password-resets",
                json!({"token": format!("nonsense-{number}"), "password": "a long password"}),
            ),
        };
        let headers = [("Content-Type", "application/json")];
        let bytes = field.request("POST", path, &headers, body.to_string().as_bytes());
        field.send(field.source(number), &bytes);
    }
}
