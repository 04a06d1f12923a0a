//! Messages of other nodes: that there is news, and about who follows whom.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use domain::Origin;
use http::{Code, Problem};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::feeds::{Follower, Following, Peer};

use super::sender::{Signed, peer, problem, verify};
use crate::federation::Federation;
use crate::peers::{PENDING, default_policy, text_of};
use crate::protocol::canonical;
use crate::protocol::document::{NodeDocument, accept};
use crate::protocol::key::Ed25519;

/// Documents of one message.
const DOCUMENTS: usize = 20;

/// `POST /fed/v1/hints`: a node that this one follows says that it has news.
pub(super) async fn hint(
    federation: web::Data<Federation>,
    request: HttpRequest,
    signed: Signed,
) -> Result<HttpResponse, Problem> {
    let Signed { signature, body } = signed;
    let sender = peer(&federation, &request, &signature, Some(&body)).await?;
    if sender.following == Following::Active {
        federation.hinted(sender.id);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// A message about who follows whom.
#[derive(Debug, Deserialize)]
struct Message {
    #[serde(rename = "type")]
    verb: String,
    actor: String,
    object: String,
    origin: String,
    #[serde(default)]
    documents: Vec<Value>,
}

/// `POST /fed/v1/follows`: `Follow`, `Accept`, `Reject`, `Undo`, and `Announce` of a new identity document.
///
/// A stranger's message is believed only so far as its own document vouches for it; nothing is fetched for it. It waits
/// until an admin has compared the fingerprint.
pub(super) async fn follow(
    federation: web::Data<Federation>,
    request: HttpRequest,
    signed: Signed,
) -> Result<HttpResponse, Problem> {
    let Signed {
        signature: parsed,
        body,
    } = signed;
    let (message, documents) = read(&body)?;
    let newest = documents
        .last()
        .ok_or_else(|| unusable("send your identity document along"))?;
    let origin = newest.origin().clone();
    if message.actor != newest.did().as_str() || message.origin != origin.as_str() {
        return Err(unusable("actor, origin and document name different nodes"));
    }
    let own = federation.identity().map_err(|error| problem(&error))?;
    if message.object != own.document.did().as_str() || origin == *federation.origin() {
        return Err(unusable("this message is not for this node"));
    }
    refuse_denied(&federation, &origin).await?;
    let known = federation.peers().get(&origin).await?;
    let vouched = vouched(known.as_ref(), &documents)?;
    let key = vouched
        .request_key(parsed.key_id())
        .ok_or_else(|| Problem::new(Code::SignatureInvalid, "the document names no such key"))?;
    verify(&federation, &request, &parsed, key, Some(&body))?;
    let is_known = known
        .as_ref()
        .is_some_and(|peer| peer.pinned || peer.following != Following::No);
    if !is_known && message.verb == "Follow" {
        make_room(&federation, &origin).await?;
    }
    let state = take(&federation, message, &origin, &vouched).await?;
    Ok(HttpResponse::Accepted().json(json!({"state": state.as_str()})))
}

fn unusable(why: &'static str) -> Problem {
    Problem::new(Code::Invalid, why)
}

fn read(body: &[u8]) -> Result<(Message, Vec<NodeDocument>), Problem> {
    let message: Message =
        serde_json::from_slice(body).map_err(|_| unusable("this is no message about following"))?;
    if message.documents.len() > DOCUMENTS {
        return Err(unusable("these are too many documents"));
    }
    let parse = |value: &Value| {
        let bytes = canonical::write(value).ok()?;
        NodeDocument::parse(&bytes).ok()
    };
    let documents: Option<Vec<NodeDocument>> = message.documents.iter().map(parse).collect();
    let documents = documents.ok_or_else(|| unusable("an identity document cannot be used"))?;
    Ok((message, documents))
}

async fn refuse_denied(federation: &Federation, origin: &Origin) -> Result<(), Problem> {
    let origin = origin.clone();
    let denied = federation
        .feeds()
        .read(federation.now(), move |work| work.is_denied(&origin))
        .await?;
    if denied {
        return Err(Problem::new(
            Code::PeerDenied,
            "nothing of your node is wanted here",
        ));
    }
    Ok(())
}

/// The newest document that may be believed: vouched for by the one that is pinned or was fetched, or by itself where the
/// node is a stranger.
fn vouched(known: Option<&Peer>, documents: &[NodeDocument]) -> Result<NodeDocument, Problem> {
    let refused = |why: &dyn std::fmt::Display| {
        Problem::new(Code::SignatureInvalid, format!("identity document: {why}"))
    };
    let held = known
        .filter(|peer| peer.pinned || peer.following != Following::No)
        .and_then(|peer| peer.document.as_deref())
        .and_then(|json| NodeDocument::parse(json.as_bytes()).ok());
    let Some(mut held) = held else {
        let newest = documents
            .last()
            .ok_or_else(|| unusable("send your identity document along"))?;
        newest.verify_self(&Ed25519).map_err(|why| refused(&why))?;
        return Ok(newest.clone());
    };
    for next in documents {
        if next.sequence() < held.sequence() {
            continue;
        }
        accept(&held, next, &Ed25519).map_err(|why| refused(&why))?;
        held = next.clone();
    }
    Ok(held)
}

/// One stranger per host, and not too many in all.
async fn make_room(federation: &Federation, origin: &Origin) -> Result<(), Problem> {
    let peers = federation.peers();
    let same_host = peers.list().await?.into_iter().any(|peer| {
        peer.base_url.host() == origin.host()
            && peer.base_url != *origin
            && peer.follower == Follower::Pending
    });
    if same_host {
        return Err(Problem::new(
            Code::LimitReached,
            "another node of this host waits already",
        ));
    }
    if peers.get(origin).await?.is_none() {
        peers
            .make_room(federation.strangers_since(), PENDING)
            .await?;
    }
    Ok(())
}

async fn take(
    federation: &Federation,
    message: Message,
    origin: &Origin,
    document: &NodeDocument,
) -> Result<Follower, Problem> {
    let (now, json) = (federation.now(), text_of(document));
    let (base, did) = (origin.clone(), document.did().as_str().to_owned());
    let verb = message.verb;
    if !["Follow", "Accept", "Reject", "Undo", "Announce"].contains(&verb.as_str()) {
        return Err(unusable("this type of message is not known here"));
    }
    let changed = federation
        .peers()
        .change(origin, None, now, move |known| {
            let mut peer = match known {
                Some(peer) => peer,
                None if verb == "Follow" => Peer::new(
                    base.clone(),
                    did.clone(),
                    domain::feed::FeedName::Network,
                    default_policy(),
                    now,
                ),
                None => return Ok(None),
            };
            peer.document = Some(json.clone());
            apply(&mut peer, &verb, now);
            Ok(Some(peer))
        })
        .await?;
    let Some(peer) = changed else {
        return Err(Problem::new(
            Code::SignatureInvalid,
            "this node knows nothing of yours: ask to follow first",
        ));
    };
    federation.hinted(peer.id);
    Ok(peer.follower)
}

/// What a message means for how things stand.
fn apply(peer: &mut Peer, verb: &str, now: DateTime<Utc>) {
    match verb {
        "Follow" if matches!(peer.follower, Follower::No | Follower::Pending) => {
            peer.asked = now;
            // A node that this one follows was compared already; that it may follow is still an admin's to say.
            peer.follower = Follower::Pending;
        }
        "Accept" if peer.following == Following::Waiting && peer.pinned => {
            peer.following = Following::Active;
        }
        "Reject" if matches!(peer.following, Following::Waiting | Following::Active) => {
            peer.following = Following::Rejected;
        }
        "Undo" => peer.follower = Follower::No,
        _ => {}
    }
}
