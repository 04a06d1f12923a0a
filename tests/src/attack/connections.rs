//! Connections that take a place and give nothing for it.

use std::io::Write as _;
use std::time::Duration;

use super::{Attack, Field};

/// Heads of requests of one byte at a time.
pub(super) const HEADS: Attack = Attack {
    name: "heads",
    does: "heads of requests of which one byte comes at a time",
    threads: 1,
    make: heads,
    never: &[200],
};

/// Connections on which nothing is said.
pub(super) const SILENT: Attack = Attack {
    name: "silent",
    does: "connections on which nothing is ever said, from many addresses and from one",
    threads: 1,
    make: silent,
    never: &[200],
};

/// Readers who never read.
pub(super) const NEVER_READ: Attack = Attack {
    name: "never-read",
    does: "300 connections that ask for much and take nothing of the answer, half of them of clients of their own",
    threads: 1,
    make: never_read,
    never: &[],
};

/// Connections that are opened and closed.
pub(super) const CHURN: Attack = Attack {
    name: "churn",
    does: "connections that are opened and closed, half of them in the middle of an answer",
    threads: 2,
    make: churn,
    never: &[],
};

/// How long an attacker looks whether there is an answer.
const SHORT: Duration = Duration::from_millis(20);

fn heads(field: &Field<'_>) {
    let mut held = Vec::new();
    while held.len() < field.bounds.connections {
        let Some(number) = field.next() else { break };
        // A few addresses: many connections of each.
        if let Some(mut stream) = field.connect(field.source(number % 16)) {
            let _ = stream.write_all(b"GET /api/v1/offers HTTP/1.1\r\nX: ");
            held.push(stream);
        }
    }
    while !field.is_over() {
        std::thread::sleep(Duration::from_millis(500));
        held.retain_mut(|stream| stream.write_all(b"a").is_ok());
    }
    held.into_iter()
        .for_each(|stream| field.finish(stream, SHORT));
}

fn silent(field: &Field<'_>) {
    let mut held = Vec::new();
    while held.len() < field.bounds.connections {
        let Some(number) = field.next() else { break };
        let from = if number % 2 == 0 { 0 } else { number };
        held.extend(field.connect(field.source(from)));
    }
    field.wait();
    held.into_iter()
        .for_each(|stream| field.finish(stream, SHORT));
}

fn never_read(field: &Field<'_>) {
    let paths = [
        "/api/v1/offers?limit=100",
        "/api/v1/entries?limit=100",
        "/api/v1/offers?limit=100&q=Beratung",
        "/fed/v1/feeds/public/changes?since=0&limit=500",
        "/api/v1/offers?format=csv",
        "/openapi.json",
    ];
    let mut held = Vec::new();
    let mut asked = Vec::new();
    for path in paths {
        // Several at once: what is not read of the first waits before the next.
        let one = super::wire::head("GET", path, &field.target.host, &[]);
        let one = [one.as_slice(), b"\r\n"].concat();
        asked.push(one.repeat(8));
    }
    while held.len() < field.bounds.connections.min(300) {
        let Some(number) = field.next() else { break };
        let source = if number % 2 == 0 { number % 16 } else { number };
        if let Some(mut stream) = field.connect(field.source(source)) {
            let _ = stream.write_all(&asked[number as usize % asked.len()]);
            held.push(stream);
        }
    }
    field.wait();
    held.into_iter()
        .for_each(|stream| field.finish(stream, SHORT));
}

fn churn(field: &Field<'_>) {
    let request = field.request("GET", "/api/v1/offers?limit=100", &[], b"");
    while let Some(number) = field.next() {
        if let Some(mut stream) = field.connect(field.source(number % 256)) {
            if number % 2 == 0 {
                let _ = stream.write_all(&request);
            }
            drop(stream);
        }
    }
}
