//! A node to be attacked: with a directory in it, a partner, an approved peer, and the limits that every node has.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use lotse_bench::entries::Maker;
use serde_json::{Value, json};

use super::Target;
use super::bodies::MADE;
use crate::signing::Signatory;
use crate::world::{add_client, token_of};
use crate::{Database, Node, Party, TestNode, World, wait_for};

/// An address at which no node listens: nothing that is sent there arrives.
const PEER: &str = "http://localhost:9";
/// What a peer asks for.
pub(super) const CHANGES: &str = "/fed/v1/feeds/network/changes?since=0&limit=10";
/// With which the node shows its metrics.
const METRICS: &str = "a-token-for-attacks";
/// The proxy whose word is taken.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 249, 0, 1);
/// What every node has; tests are let in more often.
const RATES: [(&str, u32, u32); 5] = [
    ("READ", 200, 1_200),
    ("WRITE", 60, 300),
    ("SIGN_IN", 10, 10),
    ("REGISTRATION", 10, 5),
    ("CORRECTION", 5, 2),
];
/// Seconds that a node with a large directory may take to start in.
const PATIENCE: u64 = 900;

/// After this a token is renewed.
const RENEWAL: Duration = Duration::from_secs(300);

/// The node and what is known of it.
pub struct Ground {
    /// The node.
    pub node: TestNode,
    /// What anybody knows.
    pub target: Target,
    token_since: Instant,
}

impl Ground {
    /// Makes a node with so many entries. `binary`: another one than that of the tests.
    ///
    /// # Panics
    /// When anything on the way is refused.
    #[must_use]
    pub fn prepare(binary: Option<&Path>, entries: u32) -> Self {
        std::sync::LazyLock::force(&MADE);
        let mut node = Node::on(Database::Sqlite)
            .federated()
            .patient(PATIENCE)
            .with("PEER_POLL_SECONDS", "3600")
            .with("METRICS_TOKEN", METRICS)
            .with("TRUSTED_PROXIES", &format!("[\"{PROXY}/32\"]"));
        if let Some(binary) = binary {
            node = node.with_binary(binary);
        }
        let world = World::on(node);
        let client = add_client(&world.node, &world.coordinator, &world.organisation);
        let token = token_of(&world.node, &client);
        let offer = world.draft("offer");
        let entry = world.create("offer");
        let mut node = world.node;
        let peer = approved_peer(&node);
        node.stop();
        import(&node, entries);
        for (bucket, burst, per_minute) in RATES {
            node.set(&format!("RATES__{bucket}__BURST"), &burst.to_string());
            node.set(
                &format!("RATES__{bucket}__PER_MINUTE"),
                &per_minute.to_string(),
            );
        }
        node.restart();
        // Until what was imported is published, a peer is told to wait, attacked or not.
        wait_for("everything is published", PATIENCE, || {
            is_published(&node).then_some(())
        });
        let target = Target {
            address: node.address().parse().unwrap(),
            host: node.host(),
            operations: operations(),
            email: "admin@example.org".to_owned(),
            client,
            token,
            entry,
            offer,
            peer,
            proxy: PROXY,
        };
        Self {
            node,
            target,
            token_since: Instant::now(),
        }
    }

    /// A new token, now and then: those of partners are short-lived.
    pub fn renew_token(&mut self) {
        if self.token_since.elapsed() > RENEWAL {
            self.target.token = token_of(&self.node, &self.target.client);
            self.token_since = Instant::now();
        }
    }
}

fn approved_peer(node: &TestNode) -> Signatory {
    let peer = Signatory::stranger(PEER);
    let _ = peer.follow(node).expect(202);
    let host = PEER.trim_start_matches("http://");
    let _ = node.ask(&[
        "peer",
        "approve",
        host,
        "--fingerprint",
        &peer.fingerprint(),
    ]);
    peer
}

/// Whether the feeds tell of all that there is.
fn is_published(node: &TestNode) -> bool {
    const BEHIND: &str = "lotse_behind_changes{part=\"publishing\"} ";
    let metrics = Party::with_token(METRICS).get(node, "/metrics");
    let mut lines = metrics.text.lines();
    lines.find_map(|line| line.strip_prefix(BEHIND)) == Some("0")
}

fn import(node: &TestNode, entries: u32) {
    if entries == 0 {
        return;
    }
    let path = node.outside("entries.jsonl");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let mut maker = Maker::new(1).unwrap();
    for index in 0..entries {
        let entry = maker.entry(index);
        let line = json!({"kind": entry["kind"], "id": entry["id"], "entry": entry});
        writeln!(file, "{line}").unwrap();
    }
    drop(file.into_inner().unwrap());
    let _ = node.ask(&["import", path.to_str().unwrap()]);
    fs::remove_file(path).unwrap();
}

/// Operations that take a body, from the API's document, with those of federation and some that take none.
fn operations() -> Vec<(String, String, String)> {
    let document: Value =
        serde_json::from_str(include_str!("../../../openapi/openapi.json")).unwrap();
    let mut found = vec![
        ("POST", "/fed/v1/hints", "application/json"),
        ("POST", "/fed/v1/follows", "application/json"),
        // Refused for its question, whatever becomes of its body.
        ("GET", "/api/v1/offers?nothing=1", "application/json"),
        ("POST", "/health/ready", "application/json"),
        ("POST", "/nothing/here", "application/octet-stream"),
    ]
    .into_iter()
    .map(|(method, path, media)| (method.to_owned(), path.to_owned(), media.to_owned()))
    .collect::<Vec<_>>();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let content = operation["requestBody"]["content"].as_object();
            for media in content.into_iter().flat_map(|content| content.keys()) {
                found.push((method.to_uppercase(), filled(path), media.clone()));
            }
        }
    }
    found
}

/// A path with something in the place of each parameter.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        if part.starts_with('{') {
            "01a2008d-7400-7fbf-932d-7ca33da03200"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}
