//! Who sent a request, by its signature (RFC 9421).
//!
//! The head is looked at before the body is read, and what is dear is done last, away from the threads that answer.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use http::load::Share;
use http::rate::Bucket;
use http::{Code, Problem, SignIn, body, json};
use storage::feeds::{Follower, Peer};

use crate::error::FederationError;
use crate::federation::Federation;
use crate::limits::{BUSY_SECONDS, PLACE_LOOKS, PLACE_PAUSE};
use crate::nonces::Use;
use crate::protocol::did::DidWeb;
use crate::protocol::document::NodeDocument;
use crate::protocol::http_signature::{Parsed, Request, SignatureError, verify_content_digest};
use crate::protocol::key::Ed25519;
use crate::requests::prefix;

/// What an admin of this node, or another node, is told of an error.
pub(super) fn problem(error: &FederationError) -> Problem {
    let code = match error {
        FederationError::UnknownPeer => return Problem::not_found(),
        FederationError::Outbound(_) | FederationError::Answer { .. } => Code::PeerUnreachable,
        FederationError::Refused(_) | FederationError::Document(_) => Code::PeerRefused,
        FederationError::Denied => Code::PeerDenied,
        FederationError::Myself
        | FederationError::Unfitting(_)
        | FederationError::OtherDocument
        | FederationError::Fingerprint { .. } => Code::PeerConflict,
        FederationError::FingerprintNeeded => Code::FingerprintRequired,
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

/// A body that has not been read yet: whether it is, and how much of it, the head decides.
pub(super) struct Unread(Payload);

impl FromRequest for Unread {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(payload.take())))
    }
}

impl Unread {
    /// Reads at most `limit` bytes of JSON.
    pub(super) async fn read(
        mut self,
        request: &HttpRequest,
        limit: usize,
    ) -> Result<Bytes, Problem> {
        body::read(request, &mut self.0, limit, json::is_json).await
    }
}

/// Who a request says that it is from. Nothing of it is verified.
#[derive(Clone)]
pub(super) struct Sender {
    /// Its signature.
    pub(super) parsed: Parsed,
    /// Its name.
    pub(super) did: DidWeb,
    /// What is known of it here.
    pub(super) peer: Option<Peer>,
}

impl Sender {
    /// Reads the head of a request, and refuses what cannot become valid whatever follows, and who is denied.
    pub(super) async fn of(
        federation: &Federation,
        request: &HttpRequest,
    ) -> Result<Self, Problem> {
        let parsed = signature(request)?;
        let now = federation.now();
        parsed
            .check_moment(now.timestamp())
            .map_err(|error| invalid(&error))?;
        let (did, _) = parsed.key_id().split_once('#').ok_or_else(stranger)?;
        let did: DidWeb = did.parse().map_err(|_| stranger())?;
        let origin = did.origin().map_err(|_| stranger())?;
        let name = did.as_str().to_owned();
        let read = federation.feeds().read(now, move |work| {
            Ok((work.is_denied(&origin)?, work.peer_named(&name)?))
        });
        let (denied, peer) = read.await?;
        if denied {
            return Err(Problem::new(
                Code::PeerDenied,
                "nothing of your node is wanted here",
            ));
        }
        Ok(Self { parsed, did, peer })
    }
}

/// What is said to whoever signs as nobody that is known.
pub(super) fn stranger() -> Problem {
    Problem::new(
        Code::SignatureInvalid,
        "the key of this signature belongs to no approved peer",
    )
}

/// The signature of a request, read.
fn signature(request: &HttpRequest) -> Result<Parsed, Problem> {
    let (input, signature) = (
        joined(request, "signature-input")?,
        joined(request, "signature")?,
    );
    Parsed::read(&input, &signature).map_err(|error| invalid(&error))
}

/// All lines of a header, joined as RFC 9110 section 5.3 says.
pub(super) fn joined(request: &HttpRequest, name: &str) -> Result<String, Problem> {
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

pub(super) fn invalid(error: &SignatureError) -> Problem {
    Problem::new(Code::SignatureInvalid, error.to_string())
}

/// A request, as it is signed, kept for a thread that may take its time.
#[derive(Clone)]
pub(super) struct Received {
    method: String,
    authority: String,
    path: String,
    query: String,
    digest: Option<String>,
}

impl Received {
    /// A request with the header `digest` where it has a body.
    pub(super) fn new(
        federation: &Federation,
        request: &HttpRequest,
        digest: Option<String>,
    ) -> Self {
        let own = federation.origin();
        Self {
            method: http::method_sent(request).as_str().to_owned(),
            // Not what the request says of itself: a request for another node is not one for this.
            authority: own.host().to_owned(),
            path: format!("{}{}", prefix(own), request.path()),
            query: request.query_string().to_owned(),
            digest,
        }
    }

    /// What of it is signed.
    pub(super) fn signed(&self) -> Request<'_> {
        Request {
            method: &self.method,
            authority: &self.authority,
            path: &self.path,
            query: Some(self.query.as_str()).filter(|query| !query.is_empty()),
            content_digest: self.digest.as_deref(),
        }
    }
}

/// Refuses a signature that was used before.
pub(super) fn once(
    federation: &Federation,
    parsed: &Parsed,
    peer: Option<&Peer>,
) -> Result<(), Problem> {
    let (key, nonce) = (parsed.key_id(), parsed.nonce());
    let now = federation.now().timestamp();
    let used = match peer.filter(|peer| peer.pinned) {
        Some(peer) => federation
            .nonces()
            .of_peer(peer.id, (key, nonce), parsed.expires(), now),
        None => federation.nonces().of_stranger(key, nonce),
    };
    match used {
        Use::First => Ok(()),
        Use::Again => Err(Problem::new(
            Code::SignatureInvalid,
            "this signature was used before",
        )),
        Use::TooMany => Err(busy()),
    }
}

/// Who asks too much at once is told when to come again.
fn busy() -> Problem {
    Problem::new(
        Code::Busy,
        "too much of this is asked for at once: try again later",
    )
    .with_retry_after(BUSY_SECONDS)
}

/// A place among those whose work is done at the same time, waited for a little.
pub(super) async fn place(take: impl Fn() -> Option<Share>) -> Result<Share, Problem> {
    for _ in 0..PLACE_LOOKS {
        if let Some(place) = take() {
            return Ok(place);
        }
        actix_web::rt::time::sleep(PLACE_PAUSE).await;
    }
    Err(busy())
}

/// The address that a request came from.
pub(super) fn client(request: &HttpRequest) -> IpAddr {
    let sign_in = request.app_data::<web::Data<SignIn>>();
    sign_in.map_or(IpAddr::from([0, 0, 0, 0]), |sign_in| {
        sign_in.client_address(request)
    })
}

/// Counts a message of somebody who is no approved peer, or does not sign as one.
pub(super) fn count(request: &HttpRequest) -> Result<(), Problem> {
    let sign_in = request.app_data::<web::Data<SignIn>>();
    sign_in.map_or(Ok(()), |sign_in| {
        let client = sign_in.client_address(request);
        sign_in.limits.check(Bucket::PeerMessage, client)
    })
}

/// Refuses a request that the pinned key of its sender did not sign.
pub(super) async fn by_pinned_key(
    federation: &Federation,
    sender: Sender,
    received: Received,
    body: Option<Bytes>,
) -> Result<Peer, Problem> {
    let peer = sender
        .peer
        .filter(|peer| peer.pinned)
        .ok_or_else(stranger)?;
    let (parsed, now) = (sender.parsed, federation.now().timestamp());
    let judged = web::block(move || {
        let refused = |error: SignatureError| invalid(&error);
        if let (Some(body), Some(digest)) = (&body, &received.digest) {
            verify_content_digest(digest, body).map_err(refused)?;
        }
        let document = peer.document.as_deref();
        let document = document.and_then(|json| NodeDocument::parse(json.as_bytes()).ok());
        let document = document.ok_or_else(stranger)?;
        let key = document.request_key(parsed.key_id()).ok_or_else(stranger)?;
        parsed
            .verify(&received.signed(), key, &Ed25519, now)
            .map_err(refused)?;
        Ok::<_, Problem>((parsed, peer))
    });
    let (parsed, peer) = judged.await.map_err(Problem::internal)??;
    // What only reads as well: an answer is for who signed, not for who overheard the signature.
    once(federation, &parsed, Some(&peer))?;
    Ok(peer)
}

/// Refuses who may not read the network feed.
pub(super) async fn follower(
    federation: &Federation,
    request: &HttpRequest,
) -> Result<Peer, Problem> {
    let sender = Sender::of(federation, request).await?;
    let received = Received::new(federation, request, None);
    let peer = by_pinned_key(federation, sender, received, None).await?;
    if peer.follower == Follower::Approved {
        return Ok(peer);
    }
    Err(Problem::new(
        Code::NotAFollower,
        "an admin of this node has not approved that you follow it",
    ))
}
