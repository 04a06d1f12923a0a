//! Who sent a request, by its signature (RFC 9421).

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use http::body::{self, Extracting};
use http::{Code, Problem, json};
use storage::feeds::{Follower, Peer};

use crate::error::FederationError;
use crate::federation::Federation;
use crate::protocol::document::NodeDocument;
use crate::protocol::http_signature::{Parsed, Request, SignatureError, verify_content_digest};
use crate::protocol::key::{Ed25519, PublicKey};
use crate::requests::prefix;

/// Bytes of a message: some identity documents.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// What an admin of this node, or another node, is told of an error.
pub(super) fn problem(error: &FederationError) -> Problem {
    let code = match error {
        FederationError::UnknownPeer => return Problem::not_found(),
        FederationError::Outbound(_) | FederationError::Answer { .. } => Code::PeerUnreachable,
        FederationError::Refused(_) | FederationError::Document(_) => Code::PeerRefused,
        FederationError::Denied => Code::PeerDenied,
        FederationError::Myself
        | FederationError::Unfitting(_)
        | FederationError::Fingerprint { .. } => Code::PeerConflict,
        FederationError::NoIdentity => Code::Unavailable,
        FederationError::Storage(error) => {
            return if error.is_temporary() {
                Problem::new(Code::Unavailable, error.public()).with_log(error.log().to_owned())
            } else {
                Problem::internal(error.log())
            };
        }
        other => return Problem::internal(other.log()),
    };
    Problem::new(code, error.to_string()).with_log(error.log())
}

/// The signature of a request, read.
pub(super) fn signature(request: &HttpRequest) -> Result<Parsed, Problem> {
    let (input, signature) = (
        joined(request, "signature-input")?,
        joined(request, "signature")?,
    );
    Parsed::read(&input, &signature).map_err(|error| invalid(&error))
}

/// A signed message of another node. Nothing of it is read where its head alone is refused.
pub(super) struct Signed {
    /// Its signature, read but not yet verified.
    pub(super) signature: Parsed,
    /// Its bytes.
    pub(super) body: Bytes,
}

impl FromRequest for Signed {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let head = signature(request).and_then(|signature| {
            joined(request, "content-digest")?;
            Ok(signature)
        });
        let body = body::read(request, payload, MESSAGE_BYTES, json::is_json);
        Box::pin(async move {
            let signature = head?;
            let body = body.await?;
            Ok(Self { signature, body })
        })
    }
}

/// All lines of a header, joined as RFC 9110 section 5.3 says.
fn joined(request: &HttpRequest, name: &str) -> Result<String, Problem> {
    let lines: Option<Vec<&str>> = request
        .headers()
        .get_all(name)
        .map(|value| value.to_str().ok())
        .collect();
    match lines {
        Some(lines) if !lines.is_empty() => Ok(lines.join(", ")),
        _ => Err(Problem::new(
            Code::SignatureRequired,
            "sign this request with the key of an approved peer (RFC 9421)",
        )),
    }
}

fn invalid(error: &SignatureError) -> Problem {
    Problem::new(Code::SignatureInvalid, error.to_string())
}

/// Whether the request was signed with `key`; `body` where it has one. One signature serves once, where it changes
/// something.
pub(super) fn verify(
    federation: &Federation,
    request: &HttpRequest,
    parsed: &Parsed,
    key: &PublicKey,
    body: Option<&[u8]>,
) -> Result<(), Problem> {
    let digest = match body {
        Some(body) => {
            let digest = joined(request, "content-digest")?;
            verify_content_digest(&digest, body).map_err(|error| invalid(&error))?;
            Some(digest)
        }
        None => None,
    };
    let own = federation.origin();
    let path = format!("{}{}", prefix(own), request.path());
    let signed = Request {
        method: request.method().as_str(),
        // Not what the request says of itself: a request for another node is not one for this.
        authority: own.host(),
        path: &path,
        query: Some(request.query_string()).filter(|query| !query.is_empty()),
        content_digest: digest.as_deref(),
    };
    let now = federation.now().timestamp();
    parsed
        .verify(&signed, key, &Ed25519, now)
        .map_err(|error| invalid(&error))?;
    let once = body.is_none()
        || federation
            .nonces()
            .is_new(parsed.key_id(), parsed.nonce(), parsed.expires(), now);
    if !once {
        return Err(Problem::new(
            Code::SignatureInvalid,
            "this signature was used before",
        ));
    }
    Ok(())
}

/// The peer that signed a request with the key of its pinned document.
pub(super) async fn peer(
    federation: &Federation,
    request: &HttpRequest,
    parsed: &Parsed,
    body: Option<&[u8]>,
) -> Result<Peer, Problem> {
    let stranger = || {
        Problem::new(
            Code::SignatureInvalid,
            "the key of this signature belongs to no approved peer",
        )
    };
    let (did, _) = parsed.key_id().split_once('#').ok_or_else(stranger)?;
    let found = federation.peers().by_did(did).await?.ok_or_else(stranger)?;
    let document = found
        .document
        .as_deref()
        .filter(|_| found.pinned)
        .and_then(|json| NodeDocument::parse(json.as_bytes()).ok())
        .ok_or_else(stranger)?;
    let key = document.request_key(parsed.key_id()).ok_or_else(stranger)?;
    verify(federation, request, parsed, key, body)?;
    Ok(found)
}

/// Refuses who may not read the network feed.
pub(super) async fn follower(
    federation: &Federation,
    request: &HttpRequest,
) -> Result<(), Problem> {
    let parsed = signature(request)?;
    let peer = peer(federation, request, &parsed, None).await?;
    if peer.follower == Follower::Approved {
        return Ok(());
    }
    Err(Problem::new(
        Code::NotAFollower,
        "an admin of this node has not approved that you follow it",
    ))
}
