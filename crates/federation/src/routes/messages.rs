//! Messages of other nodes: that there is news, and about who follows whom.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Origin;
use domain::feed::FeedName;
use http::{Code, Problem};
use serde_json::json;
use storage::feeds::{FeedWork, Follower, Following, Peer};

use super::sender::{
    Received, Sender, Unread, by_pinned_key, client, count, invalid, joined, once, place, problem,
    stranger,
};
use crate::federation::Federation;
use crate::limits;
use crate::peers::{default_policy, text_of};
use crate::protocol::document::NodeDocument;
use crate::protocol::http_signature::verify_content_digest;
use crate::protocol::key::Ed25519;
use crate::protocol::message::{Held, Message, Sent, Unvouched, Verb};
use crate::strangers::{Room, room};

/// How often a message is looked at while others decide about its sender.
const ATTEMPTS: usize = 4;

/// `POST /fed/v1/hints`: a node that this one follows says that it has news.
pub(super) async fn hint(
    federation: web::Data<Federation>,
    request: HttpRequest,
    body: Unread,
) -> Result<HttpResponse, Problem> {
    let sender = Sender::of(&federation, &request).await?;
    let digest = joined(&request, "content-digest")?;
    let received = Received::new(&federation, &request, Some(digest));
    if sender.peer.as_ref().is_none_or(|peer| !peer.pinned) {
        count(&request)?;
        return Err(stranger());
    }
    let body = body.read(&request, limits::HINT_BYTES).await?;
    let sender = by_pinned_key(&federation, sender, received, Some(body)).await?;
    if sender.following == Following::Active {
        federation.hinted(sender.id);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /fed/v1/follows`: `Follow`, `Accept`, `Reject`, `Undo`, and `Announce` of a new identity document.
///
/// A stranger's message is believed only so far as its own document vouches for it; nothing is fetched for it. It waits
/// until an admin has compared the fingerprint, and until then only its own keys speak for it.
pub(super) async fn follow(
    federation: web::Data<Federation>,
    request: HttpRequest,
    body: Unread,
) -> Result<HttpResponse, Problem> {
    let sender = Sender::of(&federation, &request).await?;
    let digest = joined(&request, "content-digest")?;
    let known = sender.peer.as_ref();
    let is_approved = known.is_some_and(|peer| peer.pinned);
    let is_named = known.is_some_and(|peer| peer.following != Following::No);
    if !is_approved {
        count(&request)?;
    }
    let (limit, places) = if is_approved || is_named {
        (limits::PEER_BYTES, federation.places().of_peers())
    } else {
        (limits::STRANGER_BYTES, federation.places().of_strangers())
    };
    let body = body.read(&request, limit).await?;
    // Only now: whoever sends slowly holds no place.
    let client = client(&request);
    let _place = place(|| places.take(client, 1)).await?;
    let received = Received::new(&federation, &request, Some(digest));
    let state = believe(&federation, &request, sender, received, body).await?;
    Ok(HttpResponse::Accepted().json(json!({"state": state.as_str()})))
}

/// Looks at a message and notes what it says. Where something else was decided about its sender meanwhile, it is looked at
/// once more.
async fn believe(
    federation: &Federation,
    request: &HttpRequest,
    mut sender: Sender,
    received: Received,
    body: bytes::Bytes,
) -> Result<Follower, Problem> {
    for attempt in 0..ATTEMPTS {
        let known = sender.peer.clone();
        let looked = judge(federation, sender.clone(), received.clone(), body.clone());
        let believed = match looked.await? {
            Ok(believed) => believed,
            Err(why) => return Err(refused(federation, request, known.as_ref(), &why)),
        };
        if attempt == 0 {
            once(federation, &sender.parsed, known.as_ref())?;
        }
        match take(federation, believed, known).await? {
            Some(state) => return Ok(state),
            None => sender.peer = federation.peers().by_did(sender.did.as_str()).await?,
        }
    }
    Err(Problem::new(
        Code::Busy,
        "something else about your node is being decided here: try again",
    )
    .with_retry_after(limits::BUSY_SECONDS))
}

/// A message that is its sender's.
struct Believed {
    verb: Verb,
    origin: Origin,
    document: NodeDocument,
}

/// Looks at a message on a thread that may take its time.
async fn judge(
    federation: &Federation,
    sender: Sender,
    received: Received,
    body: bytes::Bytes,
) -> Result<Result<Believed, Unvouched>, Problem> {
    let own = federation.identity().map_err(|error| problem(&error))?;
    let now = federation.now().timestamp();
    let insecure = federation.settings().allow_insecure;
    let judged = web::block(move || {
        let Sender { parsed, did, peer } = sender;
        let request = received.signed();
        if let Some(digest) = request.content_digest {
            verify_content_digest(digest, &body)?;
        }
        let receiver = own.document.did();
        if did == *receiver {
            return Err(Unvouched::Unusable("a node cannot be its own peer"));
        }
        let message = Message::read(&body, &did, receiver.as_str())?;
        if !message.origin.is_https() && !insecure {
            return Err(Unvouched::Unusable("a base URL begins with https"));
        }
        let document = peer
            .as_ref()
            .and_then(|peer| peer.document.as_deref())
            .map(|json| NodeDocument::parse(json.as_bytes()))
            .transpose()?;
        let held = document.as_ref().map(|document| Held {
            document,
            waits: peer
                .as_ref()
                .is_some_and(|peer| !peer.pinned && peer.following == Following::No),
        });
        let sent = Sent {
            request,
            parsed: &parsed,
            now,
        };
        let document = message.vouch(&sent, held, &Ed25519)?;
        Ok(Believed {
            verb: message.verb,
            origin: message.origin,
            document,
        })
    });
    judged.await.map_err(Problem::internal)
}

/// What a sender is told that is not believed.
fn refused(
    federation: &Federation,
    request: &HttpRequest,
    known: Option<&Peer>,
    why: &Unvouched,
) -> Problem {
    // Whoever signs as a peer and is none is counted as anybody.
    if known.is_some_and(|peer| peer.pinned)
        && let Err(too_many) = count(request)
    {
        return too_many;
    }
    match (why, known) {
        (Unvouched::Unusable(why), _) => Problem::new(Code::Invalid, *why),
        (Unvouched::Signature(error), _) => invalid(error),
        (Unvouched::OtherKeys, Some(peer)) => {
            federation.contested(peer.id);
            Problem::new(Code::PeerConflict, why.to_string())
        }
        _ => Problem::new(Code::SignatureInvalid, why.to_string()),
    }
}

/// What a message comes to in the database.
enum Taken {
    State(i64, Follower),
    Denied,
    /// Somebody else was faster, or an admin decided something meanwhile.
    Changed,
    SiteIsFull,
    Unknown,
}

/// Notes what a message says, if all stands as it was looked at; `None` where it does not.
async fn take(
    federation: &Federation,
    believed: Believed,
    known: Option<Peer>,
) -> Result<Option<Follower>, Problem> {
    let now = federation.now();
    let seen = known.map(|peer| (peer.id, peer.document, peer.pinned));
    let taken = federation.feeds().write(now, move |work| {
        if work.is_denied(&believed.origin)? {
            return Ok(Taken::Denied);
        }
        let held = work.peer(&believed.origin)?;
        let stands = held
            .as_ref()
            .map(|peer| (peer.id, peer.document.clone(), peer.pinned));
        if stands != seen {
            return Ok(Taken::Changed);
        }
        match held {
            Some(peer) => take_from(work, peer, &believed, now),
            None if believed.verb == Verb::Follow => let_in(work, &believed, now),
            None => Ok(Taken::Unknown),
        }
    });
    match taken.await? {
        Taken::State(peer, follower) => {
            federation.hinted(peer);
            Ok(Some(follower))
        }
        Taken::Denied => Err(Problem::new(
            Code::PeerDenied,
            "nothing of your node is wanted here",
        )),
        Taken::Changed => Ok(None),
        Taken::SiteIsFull => Err(Problem::new(
            Code::LimitReached,
            "other nodes of this site wait already",
        )),
        Taken::Unknown => Err(Problem::new(
            Code::SignatureInvalid,
            "this node knows nothing of yours: ask to follow first",
        )),
    }
}

/// A node that nobody here knows asks to follow this one.
fn let_in(
    work: &mut FeedWork<'_, '_>,
    believed: &Believed,
    now: DateTime<Utc>,
) -> storage::Result<Taken> {
    let Room::After(gone) = room(&work.strangers()?, &believed.origin, now) else {
        return Ok(Taken::SiteIsFull);
    };
    for id in gone {
        work.forget_peer(id)?;
    }
    let mut peer = Peer::new(
        believed.origin.clone(),
        believed.document.did().as_str().to_owned(),
        FeedName::Network,
        default_policy(),
        now,
    );
    peer.document = Some(text_of(&believed.document));
    peer.follower = Follower::Pending;
    let peer = work.put_peer(peer)?;
    Ok(Taken::State(peer.id, peer.follower))
}

fn take_from(
    work: &mut FeedWork<'_, '_>,
    before: Peer,
    believed: &Believed,
    now: DateTime<Utc>,
) -> storage::Result<Taken> {
    let mut peer = before.clone();
    peer.document = Some(text_of(&believed.document));
    apply(&mut peer, believed.verb, now);
    let (id, follower) = (peer.id, peer.follower);
    // Nobody has dealt with it, and it wants nothing any more.
    if before.is_stranger() && follower == Follower::No {
        work.forget_peer(id)?;
    } else if peer != before {
        work.put_peer(peer)?;
    }
    Ok(Taken::State(id, follower))
}

/// What a message means for how things stand.
fn apply(peer: &mut Peer, verb: Verb, now: DateTime<Utc>) {
    match verb {
        Verb::Follow if matches!(peer.follower, Follower::No | Follower::Pending) => {
            let asked_before = peer.follower == Follower::Pending;
            let again = now - peer.asked < TimeDelta::seconds(limits::STRANGER_ASKS_SECONDS);
            if !(asked_before && again) {
                peer.asked = now;
            }
            // A node that this one follows was compared already; that it may follow is still an admin's to say.
            peer.follower = Follower::Pending;
        }
        Verb::Accept if peer.following == Following::Waiting && peer.pinned => {
            peer.following = Following::Active;
        }
        Verb::Reject if matches!(peer.following, Following::Waiting | Following::Active) => {
            peer.following = Following::Rejected;
        }
        // An admin's refusal stands.
        Verb::Undo if peer.follower != Follower::Rejected => peer.follower = Follower::No,
        _ => {}
    }
}
