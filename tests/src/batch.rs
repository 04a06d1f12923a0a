//! Batches: JSON lines out, and the lines that answer them.

use std::io::{BufRead, BufReader};

use reqwest::{Method, blocking::Response};
use serde_json::{Value, json};

use crate::{Party, TestNode, World};

/// Lines that upsert offers with these external ids.
#[must_use]
pub fn offers(world: &World, external_ids: impl IntoIterator<Item = String>) -> String {
    let mut draft = world.draft("offer");
    let mut lines = String::new();
    for id in external_ids {
        draft["external_id"] = json!(id);
        draft["content"]["title"]["en"] = json!(format!("Advice {id}"));
        lines += &json!({"kind": "offer", "entry": draft}).to_string();
        lines.push('\n');
    }
    lines
}

/// Sends a batch and gives the lines of its answer as they come, until it ends or breaks off.
///
/// # Panics
/// When it is refused as a whole.
pub fn send(
    node: &TestNode,
    party: &Party,
    query: &str,
    lines: String,
) -> impl Iterator<Item = Value> + use<> {
    let request = party.request(node, Method::POST, &format!("/api/v1/batch{query}"));
    let answer = request
        .header("Content-Type", "application/x-ndjson")
        .body(lines)
        .send();
    let answer = answer
        .ok()
        .inspect(|answer| assert_eq!(answer.status(), 200));
    results(answer)
}

fn results(answer: Option<Response>) -> impl Iterator<Item = Value> {
    let lines = answer
        .into_iter()
        .flat_map(|answer| BufReader::new(answer).lines());
    // What breaks off in the middle of a line was not acknowledged.
    lines
        .map_while(Result::ok)
        .map_while(|line| serde_json::from_str(&line).ok())
}

/// The external ids and versions of all offers whose external id begins with `prefix`, sorted.
///
/// # Panics
/// When they cannot be read.
#[must_use]
pub fn stored(node: &TestNode, party: &Party, prefix: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = party
            .get(node, &format!("/api/v1/offers?limit=100&sort=name{cursor}"))
            .expect(200)
            .json();
        for item in page["items"].as_array().unwrap() {
            let id = item["external_id"].as_str().unwrap_or_default();
            if id.starts_with(prefix) {
                found.push((id.to_owned(), item["version"].as_u64().unwrap()));
            }
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    found.sort();
    found
}
