//! Guesses.

use std::net::Ipv4Addr;

use super::{Attack, Field};

/// Guesses at passwords.
pub(super) const PASSWORDS: Attack = Attack {
    name: "passwords",
    does: "wrong passwords for an account that exists and for others, from addresses of a botnet and through a proxy",
    threads: 2,
    make: passwords,
    never: &[200, 201],
};

/// Guesses at the secret of a client.
pub(super) const CLIENT_SECRETS: Attack = Attack {
    name: "secrets",
    does: "wrong secrets for a client that exists and for others, from many addresses",
    threads: 2,
    make: client_secrets,
    never: &[200, 201],
};

/// An address out of TEST-NET-1 to -3 and the range for benchmarks (RFC 5737, RFC 2544).
fn far_away(number: u64) -> String {
    let [.., high, low] = number.to_be_bytes();
    Ipv4Addr::new(198, 18 + high % 2, high, low).to_string()
}

fn passwords(field: &Field<'_>) {
    while let Some(number) = field.next() {
        let email = match number % 4 {
            0..=2 => field.target.email.clone(),
            _ => format!("nobody-{number}@example.org"),
        };
        let body = format!(r#"{{"email":"{email}","password":"not the password {number}"}}"#);
        let origin = format!("http://{}", field.target.host);
        let mut headers = vec![("Content-Type", "application/json"), ("Origin", &origin)];
        let address = far_away(number);
        let from = if number % 2 == 0 {
            headers.push(("X-Forwarded-For", &address));
            field.target.proxy
        } else {
            field.source(number)
        };
        let bytes = field.request("POST", "/api/v1/sessions", &headers, body.as_bytes());
        field.send(from, &bytes);
    }
}

fn client_secrets(field: &Field<'_>) {
    while let Some(number) = field.next() {
        let id = match number % 4 {
            0..=2 => field.target.client.id.clone(),
            _ => uuid::Uuid::new_v4().to_string(),
        };
        let body = format!(
            "grant_type=client_credentials&client_id={id}&client_secret=lotse_secret_{number}"
        );
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let bytes = field.request("POST", "/api/v1/token", &headers, body.as_bytes());
        field.send(field.source(number), &bytes);
    }
}
