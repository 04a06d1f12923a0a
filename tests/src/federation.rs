//! Nodes that follow each other on this machine, and what can be seen of that from outside.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, Database, Node, Party, TestNode, World, wait_for};

/// Seconds within which a change arrives on a hint, at the latest. The promise is [`PROMISED`]; the machine under test does
/// other things as well.
pub const SOON: u64 = 5;
/// Within this a change arrives on a hint: of several, the one in the middle.
pub const PROMISED: Duration = Duration::from_secs(2);
/// Seconds for what has to wait for a poll, a lease or a pause after a failure.
pub const LATER: u64 = 45;

/// A node that other nodes on this machine can follow. It asks by itself so seldom that what arrives came on a hint.
#[must_use]
pub fn federated(database: Database) -> Node {
    Node::on(database)
        .federated()
        .with("PEER_POLL_SECONDS", "3600")
}

/// A node without entries of its own, and its admin.
pub struct Station {
    /// The node.
    pub node: TestNode,
    /// A person who may do everything there.
    pub admin: Party,
}

impl Station {
    /// Starts a node.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn start(node: Node) -> Self {
        let node = node.start();
        let admin = node.account("admin@example.org", "node_admin");
        Self { node, admin }
    }

    /// The node with its admin.
    #[must_use]
    pub fn at(&self) -> At<'_> {
        At {
            node: &self.node,
            admin: &self.admin,
        }
    }

    /// Signs the admin in once more: a restored database knows no session.
    pub fn sign_in(&mut self) {
        self.admin = self.admin.again(&self.node);
    }
}

impl World {
    /// The node with its admin.
    #[must_use]
    pub fn at(&self) -> At<'_> {
        At {
            node: &self.node,
            admin: &self.node_admin,
        }
    }
}

/// A node, seen with the eyes of its admin.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// The node.
    pub node: &'a TestNode,
    /// Its admin.
    pub admin: &'a Party,
}

impl At<'_> {
    /// The fingerprint that its console shows.
    ///
    /// # Panics
    /// When it shows none.
    #[must_use]
    pub fn fingerprint(self) -> String {
        let said = self.node.ask(&["peer", "id"]);
        let line = said
            .lines()
            .find_map(|line| line.strip_prefix("fingerprint"));
        line.unwrap().trim().to_owned()
    }

    /// Makes this node follow `origin`, at both consoles, and waits until both hold the same.
    ///
    /// # Panics
    /// When anything on the way is refused.
    pub fn follow(self, origin: At<'_>) {
        self.ask_to_follow(origin);
        let ours = self.fingerprint();
        let host = self.node.host();
        let _ = origin
            .node
            .ask(&["peer", "approve", &host, "--fingerprint", &ours]);
        self.wait_until_agreed(origin.node);
    }

    /// Asks `origin` whether this node may follow it, at the console.
    ///
    /// # Panics
    /// When that is refused.
    pub fn ask_to_follow(self, origin: At<'_>) {
        let (url, theirs) = (origin.node.base_url(), origin.fingerprint());
        let said = self
            .node
            .ask(&["peer", "add", &url, "--fingerprint", &theirs]);
        // At once where it was allowed before.
        assert!(
            said.contains("waiting (network)") || said.contains("active (network)"),
            "{said}"
        );
    }

    /// How things stand with a peer.
    ///
    /// # Panics
    /// When it does not say.
    #[must_use]
    pub fn peer(self, other: &TestNode) -> Value {
        self.peer_at(&other.host())
    }

    /// How things stand with the peer at `host`.
    ///
    /// # Panics
    /// When it does not say.
    #[must_use]
    pub fn peer_at(self, host: &str) -> Value {
        self.ask_about(Method::GET, host, "", &Value::Null)
            .expect(200)
            .json()
    }

    /// Asks for something to be done about a peer.
    pub fn peer_answer(self, method: Method, other: &TestNode, what: &str, body: &Value) -> Answer {
        self.ask_about(method, &other.host(), what, body)
    }

    /// Asks for something to be done about the peer at `host`.
    pub fn ask_about(self, method: Method, host: &str, what: &str, body: &Value) -> Answer {
        let path = format!("/api/v1/peers/{host}{what}");
        let request = self.admin.request(self.node, method, &path);
        Answer::of(if body.is_null() {
            request
        } else {
            request.json(body)
        })
    }

    /// Waits until it was proved by digest that this node holds what `origin` has.
    ///
    /// # Panics
    /// When that does not come to be.
    pub fn wait_until_agreed(self, origin: &TestNode) {
        wait_for("both sides agree", LATER, || {
            let peer = self.peer(origin);
            (peer["following"] == "active" && peer["agreed"].is_string()).then_some(())
        });
    }

    /// Follows the public feed of the node at `url`, whose fingerprint is known.
    ///
    /// # Panics
    /// Where that is refused.
    pub fn follow_public(self, url: &str, fingerprint: &str) {
        let known = ["--public", "--fingerprint", fingerprint];
        let _ = self
            .node
            .ask(&[["peer", "add", url].as_slice(), &known].concat());
    }

    /// Compares with `origin` by digest, after pulling what is new.
    ///
    /// # Panics
    /// When they do not agree.
    pub fn verify(self, origin: &TestNode) -> Value {
        self.compare(origin, false)
    }

    /// The same after a look at every row that is here.
    ///
    /// # Panics
    /// Where they differ.
    #[must_use]
    pub fn verify_thoroughly(self, origin: &TestNode) -> Value {
        self.compare(origin, true)
    }

    fn compare(self, origin: &TestNode, thorough: bool) -> Value {
        let how = json!({"thorough": thorough});
        let found = self
            .peer_answer(Method::POST, origin, "/verify", &how)
            .expect(200)
            .json();
        assert_eq!(found["agreed"], true, "{found}");
        found
    }

    /// All entries of the node `of` that can be seen here, by id.
    ///
    /// # Panics
    /// When they cannot be read, or one comes twice.
    #[must_use]
    pub fn entries(self, of: &TestNode) -> BTreeMap<String, Value> {
        self.found(&format!("origin={}", of.base_url()))
    }

    /// All entries that a query finds here, by id.
    ///
    /// # Panics
    /// When they cannot be read, or one comes twice.
    #[must_use]
    pub fn found(self, query: &str) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/entries?limit=100&{query}{cursor}");
            let mut page = self.admin.get(self.node, &path).expect(200).json();
            let Value::Array(items) = page["items"].take() else {
                panic!("{page}")
            };
            for item in items {
                let id = item["id"].as_str().unwrap().to_owned();
                let before = found.insert(id, item);
                assert!(before.is_none(), "twice: {before:?}");
            }
            let Some(next) = page["next"].as_str() else {
                return found;
            };
            cursor = format!("&cursor={next}");
        }
    }

    /// What this node should hold of `origin`, whose entries for a feed these are: each with its content, and nothing
    /// else. `None` where it does.
    #[must_use]
    pub fn difference(self, origin: At<'_>) -> Option<String> {
        let theirs = told(&origin.entries(origin.node), |visibility| {
            visibility != "internal"
        });
        differ(&theirs, &told(&self.entries(origin.node), |_| true))
    }

    /// Waits until this node holds exactly what `origin` shows to its peers; returns how long that took.
    ///
    /// # Panics
    /// When that does not come to be in so many seconds.
    pub fn wait_until_same(self, origin: At<'_>, seconds: u64) -> Duration {
        let mut last = String::new();
        let begun = Instant::now();
        while begun.elapsed().as_secs() < seconds {
            match self.difference(origin) {
                None => return begun.elapsed(),
                Some(difference) => last = difference,
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "after {seconds} s they still differ: {last}\n{}",
            self.peer(origin.node)
        );
    }
}

/// Changes an entry, as the coordinator of its node.
///
/// # Panics
/// When that is refused.
pub fn change(a: &World, path: &str, patch: &Value) {
    let request = a.coordinator.request(&a.node, Method::PATCH, path);
    let answer = Answer::of(
        request
            .header("If-Match", a.etag(path))
            .header("Content-Type", "application/merge-patch+json")
            .body(patch.to_string()),
    );
    let _ = answer.expect(200);
}

/// Deletes an entry, as the coordinator of its node.
///
/// # Panics
/// When that is refused.
pub fn delete(a: &World, path: &str) {
    let request = a.coordinator.request(&a.node, Method::DELETE, path);
    let _ = Answer::of(request.header("If-Match", a.etag(path))).expect(204);
}

/// Of several changes most arrived as soon as is promised. One of them may have met a machine that did something else.
///
/// # Panics
/// When they did not.
pub fn arrived_as_promised(mut took: Vec<Duration>) {
    took.sort_unstable();
    assert!(took.len() >= 5, "too few to say anything: {took:?}");
    assert!(took[took.len() / 2] < PROMISED, "{took:?}");
}

/// What a feed tells of entries: version, visibility and content.
fn told(
    entries: &BTreeMap<String, Value>,
    wanted: impl Fn(&str) -> bool,
) -> BTreeMap<String, Value> {
    entries
        .iter()
        .filter(|(_, entry)| wanted(entry["visibility"].as_str().unwrap()))
        .map(|(id, entry)| {
            let mut entry = entry.clone();
            let members = entry.as_object_mut().unwrap();
            members.remove("provenance");
            (id.clone(), entry)
        })
        .collect()
}

fn differ(one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>) -> Option<String> {
    for (id, entry) in one {
        match other.get(id) {
            None => return Some(format!("{id} is missing: {entry}")),
            Some(there) if there != entry => return Some(format!("{id}: {entry}\nis\n{there}")),
            _ => {}
        }
    }
    let extra = other.iter().find(|(id, _)| !one.contains_key(*id));
    extra.map(|(id, entry)| format!("{id} should not be there: {entry}"))
}
