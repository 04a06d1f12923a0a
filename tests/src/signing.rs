//! Whoever signs requests to a node by hand: a stranger with keys of its own, or a peer's keys in other hands.

use std::{fs, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use federation::protocol::{
    document::{Changes, First, NodeDocument},
    http_signature::{TAG, content_digest},
    key::{SecretKey, Signer as _},
};
use reqwest::{Method, blocking::RequestBuilder};
use serde_json::{Value, json};

use crate::{Answer, TestNode};

/// What is signed of a request.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a str,
    /// `host:port` of the node that it is for.
    pub host: &'a str,
    /// The path, with or without a query.
    pub path: &'a str,
    /// The body, if there is one.
    pub body: Option<&'a [u8]>,
    /// When it was signed, in seconds since 1970.
    pub created: i64,
    /// Until when it holds, in seconds since 1970.
    pub expires: i64,
}

/// Keys, and the identity document that they belong to.
pub struct Signatory {
    document: NodeDocument,
    requests: SecretKey,
    statements: Option<SecretKey>,
}

impl Signatory {
    /// A node that nobody knows, which says that it is at `base_url`.
    ///
    /// # Panics
    /// When that names no node.
    #[must_use]
    pub fn stranger(base_url: &str) -> Self {
        let [statements, requests, recovery] =
            [(); 3].map(|()| SecretKey::from_seed(rand::random()));
        let first = First {
            origin: &base_url.parse().unwrap(),
            name: Some("A stranger"),
            epoch: 1,
            requests: requests.public(),
            recovery: recovery.public(),
        };
        let document = NodeDocument::first(&first, SystemTime::now().into(), &statements).unwrap();
        Self {
            document,
            requests,
            statements: Some(statements),
        }
    }

    /// The same node, which calls itself something else from now on.
    ///
    /// # Panics
    /// For a node under test, whose statement key is not at hand.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        let statements = self.statements.as_ref().unwrap();
        let changes = Changes {
            name: Some(Some(name.to_owned())),
            requests: None,
        };
        let now = SystemTime::now().into();
        Self {
            document: self.document.updated(&changes, now, statements).unwrap(),
            requests: self.requests.clone(),
            statements: self.statements.clone(),
        }
    }

    /// A node under test, with its own keys.
    ///
    /// # Panics
    /// When it shows no document, or its keys are not in its data folder.
    #[must_use]
    pub fn of(node: &TestNode) -> Self {
        let shown = node.get("/.well-known/did.json").send().unwrap();
        let document = NodeDocument::parse(&shown.bytes().unwrap()).unwrap();
        let key = document.request_key(document.request_method()).unwrap();
        let path = node
            .data()
            .join("keys")
            .join(format!("{}.pem", key.to_multikey()));
        let requests = SecretKey::from_pem(&fs::read_to_string(path).unwrap()).unwrap();
        Self {
            document,
            requests,
            statements: None,
        }
    }

    /// With another key for its requests than the one that its document names.
    #[must_use]
    pub fn with_other_key(mut self) -> Self {
        self.requests = SecretKey::from_seed(rand::random());
        self
    }

    /// The fingerprint that an admin compares.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.document.fingerprint()
    }

    /// The digest of its document, which an approval can name.
    #[must_use]
    pub fn digest(&self) -> String {
        self.document.digest().to_string()
    }

    /// Its name.
    #[must_use]
    pub fn did(&self) -> &str {
        self.document.did().as_str()
    }

    /// A signed request for a path with or without a query. Sent twice it is the same request.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub fn request(
        &self,
        node: &TestNode,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> RequestBuilder {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        self.request_at(node, method, path, body, i64::try_from(now).unwrap())
    }

    /// A message whose signature says to be good for so many seconds, however many those are. Written out by hand.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub fn request_until(
        &self,
        node: &TestNode,
        path: &str,
        body: &Value,
        seconds: u64,
    ) -> RequestBuilder {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let body = body.to_string();
        let (host, digest) = (node.host(), content_digest(body.as_bytes()));
        let list = r#"("@method" "@authority" "@path" "@query" "content-digest")"#;
        let (key, nonce) = (self.document.request_method(), uuid::Uuid::new_v4());
        let input = format!(
            "{list};created={now};expires={};nonce=\"{nonce}\";alg=\"ed25519\";keyid=\"{key}\";tag=\"lotse-fed\"",
            now + seconds
        );
        let base = format!(
            "\"@method\": POST\n\"@authority\": {host}\n\"@path\": {path}\n\"@query\": ?\n\
             \"content-digest\": {digest}\n\"@signature-params\": {input}"
        );
        let signature = STANDARD.encode(self.requests.sign(base.as_bytes()));
        node.request(Method::POST, path)
            .header("Signature-Input", format!("sig1={input}"))
            .header("Signature", format!("sig1=:{signature}:"))
            .header("Content-Digest", digest)
            .header("Content-Type", "application/json")
            .body(body)
    }

    /// The same, signed at another time.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub fn request_at(
        &self,
        node: &TestNode,
        method: Method,
        path: &str,
        body: Option<&Value>,
        created: i64,
    ) -> RequestBuilder {
        let body = body.map(|body| body.to_string().into_bytes());
        let signed = Signed {
            method: method.as_str(),
            host: &node.host(),
            path,
            body: body.as_deref(),
            created,
            expires: created + 60,
        };
        let mut sent = node.request(method.clone(), path);
        for (name, value) in self.sign(&signed) {
            sent = sent.header(name, value);
        }
        match body {
            Some(body) => sent.header("Content-Type", "application/json").body(body),
            None => sent,
        }
    }

    /// The headers that sign a request (RFC 9421 section 2.5), each time with another nonce.
    #[must_use]
    pub fn sign(&self, signed: &Signed<'_>) -> Vec<(&'static str, String)> {
        let digest = signed.body.map(content_digest);
        let (plain, query) = match signed.path.split_once('?') {
            Some((plain, query)) => (plain, Some(query)),
            None => (signed.path, None),
        };
        let mut covered = vec![
            ("@method", signed.method.to_owned()),
            ("@authority", signed.host.to_owned()),
            ("@path", plain.to_owned()),
            ("@query", format!("?{}", query.unwrap_or_default())),
        ];
        covered.extend(digest.clone().map(|digest| ("content-digest", digest)));
        let names: Vec<_> = covered
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        // By hand, because no node signs what holds for longer than it may.
        let parameters = format!(
            "({});created={};expires={};nonce=\"{}\";alg=\"ed25519\";keyid=\"{}\";tag=\"{TAG}\"",
            names.join(" "),
            signed.created,
            signed.expires,
            uuid::Uuid::new_v4().simple(),
            self.document.request_method(),
        );
        let lines = covered
            .iter()
            .map(|(name, value)| format!("\"{name}\": {value}\n"));
        let base = lines.collect::<String>() + "\"@signature-params\": " + &parameters;
        let signature = STANDARD.encode(self.requests.sign(base.as_bytes()));
        let mut headers = vec![
            ("Signature-Input", format!("sig1={parameters}")),
            ("Signature", format!("sig1=:{signature}:")),
        ];
        headers.extend(digest.map(|digest| ("Content-Digest", digest)));
        headers
    }

    /// Reads.
    pub fn get(&self, node: &TestNode, path: &str) -> Answer {
        Answer::of(self.request(node, Method::GET, path, None))
    }

    /// Asks whether it may follow a node.
    ///
    /// # Panics
    /// When the node shows no document.
    pub fn follow(&self, node: &TestNode) -> Answer {
        self.say(node, "Follow")
    }

    /// Sends a message about following.
    ///
    /// # Panics
    /// When the node shows no document.
    pub fn say(&self, node: &TestNode, verb: &str) -> Answer {
        let message = self.message(node, verb);
        Answer::of(self.request(node, Method::POST, "/fed/v1/follows", Some(&message)))
    }

    /// A message about following.
    ///
    /// # Panics
    /// When its own document cannot be read.
    #[must_use]
    pub fn message(&self, node: &TestNode, verb: &str) -> Value {
        let mut message = self.wish_to_follow(&node.host());
        message["type"] = json!(verb);
        message
    }

    /// The message that asks the node at `host` whether this one may follow it.
    ///
    /// # Panics
    /// When its own document cannot be read.
    #[must_use]
    pub fn wish_to_follow(&self, host: &str) -> Value {
        let document: Value = serde_json::from_slice(self.document.to_json()).unwrap();
        json!({
            "type": "Follow",
            "actor": self.did(),
            "object": format!("did:web:{}", host.replace(':', "%3A")),
            "origin": self.document.origin().as_str(),
            "feed": "network",
            "documents": [document],
        })
    }
}
