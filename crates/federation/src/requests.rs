//! Requests to other nodes, signed where they need it (RFC 9421).

use std::time::Duration;

use domain::Origin;
use domain::feed::{Digest, FeedKey, FeedName};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::identity::Identity;
use crate::outbound::{Answer, Limits};
use crate::protocol::document::NodeDocument;
use crate::protocol::http_signature::{Request, Stamp, content_digest, sign};
use crate::protocol::page::Part;
use crate::protocol::refusal::Refused;
use crate::protocol::{document, page};

/// Seconds for which a signed request may be used.
const SIGNED_SECONDS: i64 = 120;
/// Characters of what another node says that are repeated.
const SHOWN: usize = 200;
/// Documents that are fetched at once.
const DOCUMENTS: usize = 20;

/// How much of a page is read, and how long.
const PAGE: Limits = Limits {
    encoded: page::MAX_BYTES,
    decoded: page::MAX_BYTES,
    ..Limits::PAGE
};
/// The same for buckets and documents.
const PART: Limits = Limits {
    encoded: 2 * 1024 * 1024,
    decoded: 4 * 1024 * 1024,
    total: Duration::from_secs(20),
    ..Limits::SMALL
};

/// The path of a part of a feed. `all`: the reader pulls everything anew, so that it can do without deletions.
pub(crate) fn feed_path(name: FeedName, part: &Part, limit: usize, all: bool) -> String {
    match part {
        Part::Changes { since } => {
            let all = if all { "&all=true" } else { "" };
            format!("/fed/v1/feeds/{name}/changes?since={since}&limit={limit}{all}")
        }
        Part::Leaf(leaf) => {
            let [bucket, leaf] = leaf.to_be_bytes();
            format!("/fed/v1/feeds/{name}/state/{bucket}/{leaf}")
        }
    }
}

impl Federation {
    /// A page of a feed of another node, as it came. `all`: it belongs to a pull of everything.
    pub(crate) async fn get_page(
        &self,
        key: &FeedKey,
        part: &Part,
        limit: usize,
        all: bool,
    ) -> Result<bytes::Bytes, FederationError> {
        let path = feed_path(key.name, part, limit, all);
        match self.get(&key.origin, &path, key.name, &PAGE).await {
            Ok(answer) => Ok(answer.body),
            // To whoever asks for everything nobody can say that.
            Err(FederationError::Answer { status: 410, .. }) if !all => {
                Err(Refused::BelowHorizon.into())
            }
            Err(error) => Err(error),
        }
    }

    /// The digests of the buckets of a feed (`None`), or of the leaves of one of its buckets.
    pub(crate) async fn get_digests(
        &self,
        key: &FeedKey,
        bucket: Option<u8>,
    ) -> Result<Vec<Digest>, FederationError> {
        #[derive(Deserialize)]
        struct Digests {
            digests: Vec<String>,
        }
        let mut path = format!("/fed/v1/feeds/{}/state", key.name);
        if let Some(bucket) = bucket {
            path.push_str(&format!("/{bucket}"));
        }
        let answer = self.get(&key.origin, &path, key.name, &PART).await?;
        let shape = Refused::Shape("digests");
        let found: Digests = serde_json::from_slice(&answer.body).map_err(|_| shape.clone())?;
        let digests: Result<Vec<Digest>, _> = found
            .digests
            .iter()
            .take(257)
            .map(|digest| digest.parse())
            .collect();
        match digests {
            Ok(digests) if digests.len() == 256 => Ok(digests),
            _ => Err(shape.into()),
        }
    }

    /// The identity document that another node shows.
    pub(crate) async fn get_document(
        &self,
        base: &Origin,
    ) -> Result<NodeDocument, FederationError> {
        let answer = self
            .outbound()
            .get(base, "/.well-known/did.json", &[], &PART)
            .await?;
        let answer = success(answer)?;
        let document = NodeDocument::parse(&answer.body)?;
        if document.origin() != base {
            return Err(document::DocumentError::OtherNode.into());
        }
        Ok(document)
    }

    /// The identity documents of another node after a number, oldest first.
    pub(crate) async fn get_documents(
        &self,
        base: &Origin,
        after: u64,
    ) -> Result<Vec<NodeDocument>, FederationError> {
        #[derive(Deserialize)]
        struct Documents {
            documents: Vec<Value>,
        }
        let path = format!("/fed/v1/documents?after={after}");
        let answer = success(self.outbound().get(base, &path, &[], &PART).await?)?;
        let shape = Refused::Shape("documents");
        let found: Documents = serde_json::from_slice(&answer.body).map_err(|_| shape.clone())?;
        let parse = |value: &Value| {
            let bytes = crate::protocol::canonical::write(value).map_err(|_| shape.clone())?;
            Ok(NodeDocument::parse(&bytes)?)
        };
        found.documents.iter().take(DOCUMENTS).map(parse).collect()
    }

    async fn get(
        &self,
        base: &Origin,
        path: &str,
        feed: FeedName,
        limits: &Limits,
    ) -> Result<Answer, FederationError> {
        let headers = match feed {
            FeedName::Public => Vec::new(),
            FeedName::Network => signature(&*self.identity()?, "GET", base, path, None, self)?,
        };
        success(self.outbound().get(base, path, &headers, limits).await?)
    }

    /// Sends a signed message.
    pub(crate) async fn send(
        &self,
        base: &Origin,
        path: &str,
        message: &Value,
    ) -> Result<bytes::Bytes, FederationError> {
        let body = message.to_string().into_bytes();
        let digest = content_digest(&body);
        let mut headers = signature(&*self.identity()?, "POST", base, path, Some(&digest), self)?;
        headers.push((HeaderName::from_static("content-digest"), value(&digest)?));
        headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        let answer = self
            .outbound()
            .post(base, path, &headers, body, &Limits::SMALL)
            .await?;
        Ok(success(answer)?.body)
    }
}

fn signature(
    identity: &Identity,
    method: &str,
    base: &Origin,
    path: &str,
    digest: Option<&str>,
    federation: &Federation,
) -> Result<Vec<(HeaderName, HeaderValue)>, FederationError> {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let path = format!("{}{path}", prefix(base));
    let now = federation.now().timestamp();
    let nonce = format!("{:032x}", rand::random::<u128>());
    let request = Request {
        method,
        authority: base.host(),
        path: &path,
        query,
        content_digest: digest,
    };
    let stamp = Stamp {
        created: now,
        expires: now + SIGNED_SECONDS,
        key_id: identity.document.request_method(),
        nonce: &nonce,
    };
    let (input, signature) = sign(&request, &stamp, &identity.requests)?;
    Ok(vec![
        (HeaderName::from_static("signature-input"), value(&input)?),
        (HeaderName::from_static("signature"), value(&signature)?),
    ])
}

/// The path of a base URL, without a trailing slash.
pub(crate) fn prefix(base: &Origin) -> &str {
    let rest = base.as_str().split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').map_or("", |at| rest.get(at..).unwrap_or(""))
}

fn value(text: &str) -> Result<HeaderValue, FederationError> {
    HeaderValue::from_str(text).map_err(FederationError::internal)
}

/// Refuses an answer that is no success, with what it says about itself.
fn success(answer: Answer) -> Result<Answer, FederationError> {
    if answer.is_success() {
        return Ok(answer);
    }
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let member = |name: &str| {
        let text = problem.get(name).and_then(Value::as_str).unwrap_or("");
        let shown = domain::visible(text);
        shown.chars().take(SHOWN).collect::<String>()
    };
    let code = member("code");
    let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    Err(FederationError::Answer {
        status: answer.status,
        code: if !code.is_empty() && code.chars().all(is_code) {
            code
        } else {
            "http_status".to_owned()
        },
        detail: member("detail"),
    })
}
