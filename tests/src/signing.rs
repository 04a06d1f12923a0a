//! Whoever signs requests to a node by hand: a stranger with keys of its own, or a peer's keys in other hands.

use std::{fs, time::SystemTime};

use federation::protocol::{
    document::{First, NodeDocument},
    http_signature::{Request, Stamp, content_digest, sign},
    key::{SecretKey, Signer as _},
};
use reqwest::{Method, blocking::RequestBuilder};
use serde_json::{Value, json};

use crate::{Answer, TestNode};

/// Keys, and the identity document that they belong to.
pub struct Signatory {
    document: NodeDocument,
    requests: SecretKey,
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
        Self { document, requests }
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
        Self { document, requests }
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
        let digest = body.as_deref().map(content_digest);
        let (plain, query) = match path.split_once('?') {
            Some((plain, query)) => (plain, Some(query)),
            None => (path, None),
        };
        let host = node.host();
        let request = Request {
            method: method.as_str(),
            authority: &host,
            path: plain,
            query,
            content_digest: digest.as_deref(),
        };
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let stamp = Stamp {
            created,
            expires: created + 60,
            key_id: self.document.request_method(),
            nonce: &nonce,
        };
        let (input, signature) = sign(&request, &stamp, &self.requests).unwrap();
        let mut sent = node
            .request(method, path)
            .header("Signature-Input", input)
            .header("Signature", signature);
        if let (Some(body), Some(digest)) = (body, digest) {
            sent = sent
                .header("Content-Digest", digest)
                .header("Content-Type", "application/json")
                .body(body);
        }
        sent
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
        let document: Value = serde_json::from_slice(self.document.to_json()).unwrap();
        let message = json!({
            "type": "Follow",
            "actor": self.did(),
            "object": format!("did:web:{}", node.host().replace(':', "%3A")),
            "origin": self.document.origin().as_str(),
            "feed": "network",
            "documents": [document],
        });
        Answer::of(self.request(node, Method::POST, "/fed/v1/follows", Some(&message)))
    }
}
