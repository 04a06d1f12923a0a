//! Heads: the signed summary of a feed, where it stands and a digest of all that it holds.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::feed::{Digest, FeedKey, FeedName, FeedState};
use serde_json::{Map, Value, json};

use super::canonical;
use super::document::NodeDocument;
use super::key::{Signer, Verifier};
use super::proof::{self, ProofError};
use super::refusal::Refused;
use super::sha256;
use super::statement::{context, number, text};

/// How long a head is valid. It is signed again when half of that is over.
pub const LIFE: TimeDelta = TimeDelta::hours(48);
/// By how much clocks may differ.
pub const SKEW: TimeDelta = domain::moment::SKEW_OF_NODES;

/// A head that was read and whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The epoch of the feed.
    pub epoch: u64,
    /// Its last number.
    pub seq: u64,
    /// Its live rows.
    pub count: u64,
    /// Deletions up to this number are no longer told.
    pub horizon: u64,
    /// The digest of all live rows.
    pub root: Digest,
    /// When it was signed.
    pub issued: DateTime<Utc>,
    /// Until when it counts.
    pub expires: DateTime<Utc>,
    /// The head as it was signed, canonical.
    pub json: String,
}

/// Writes and signs the head of a feed in the state `state`.
///
/// # Errors
/// [`ProofError`].
pub fn write(
    key: &FeedKey,
    state: &FeedState,
    actor: &str,
    method: &str,
    now: DateTime<Utc>,
    signer: &dyn Signer,
) -> Result<String, ProofError> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let previous = state.head.as_deref().map(|head| sha256(head).to_string());
    let Value::Object(mut head) = json!({
        "@context": context(),
        "type": "lotse:Head",
        "actor": actor,
        "feed": key.name.as_str(),
        "epoch": state.epoch,
        "seq": state.seq,
        "count": state.live,
        "horizon": state.horizon,
        "stateRoot": state.root.to_string(),
        "previous": previous,
        "issued": time(now),
        "expires": time(now + LIFE),
    }) else {
        return Err(ProofError::Missing);
    };
    proof::sign(&mut head, method, now, signer)?;
    Ok(canonical::write_text(&head)?)
}

/// Whether a head should be signed again: half of its life is over, or it cannot be read.
#[must_use]
pub fn is_due(json: &str, now: DateTime<Utc>) -> bool {
    let issued = serde_json::from_str::<Value>(json)
        .ok()
        .and_then(|head| moment(head.as_object()?, "issued").ok());
    issued.is_none_or(|issued| now - issued > LIFE / 2 || issued - now > SKEW)
}

/// Whether a head speaks of a feed as it stands in `state`, signed with the key `method`.
#[must_use]
pub fn speaks_of(json: &str, state: &FeedState, method: &str) -> bool {
    let Ok(head) = serde_json::from_str::<Value>(json) else {
        return false;
    };
    let says = |name: &str, value: u64| head.get(name).and_then(Value::as_u64) == Some(value);
    says("epoch", state.epoch)
        && says("seq", state.seq)
        && says("horizon", state.horizon)
        && is_signed_by(&head, method)
}

fn is_signed_by(head: &Value, method: &str) -> bool {
    let signed = head.pointer("/proof/verificationMethod");
    signed.and_then(Value::as_str) == Some(method)
}

/// Reads a head of the feed `key` and checks that its node signed it, that it is of the epoch that the node's document
/// says, and that it has not run out.
///
/// # Errors
/// [`Refused`].
pub fn read(
    value: Value,
    key: &FeedKey,
    document: &NodeDocument,
    verifier: &dyn Verifier,
    now: DateTime<Utc>,
) -> Result<Head, Refused> {
    let Value::Object(members) = value else {
        return Err(Refused::Shape("head"));
    };
    let json = canonical::write_text(&members)?;
    let signed = proof::open(members)?;
    let members = signed.document();
    if text(members, "type")? != "lotse:Head" {
        return Err(Refused::Shape("type"));
    }
    if text(members, "actor")? != document.did().as_str() {
        return Err(Refused::OtherOrigin);
    }
    if text(members, "feed")?.parse::<FeedName>() != Ok(key.name) {
        return Err(Refused::OtherFeed);
    }
    let public = document
        .current_key(signed.method())
        .ok_or_else(|| Refused::WrongKey(signed.method().to_owned()))?;
    signed.verify(public, verifier)?;
    let epoch = number(members, "epoch")?;
    if epoch != document.epoch() {
        return Err(Refused::OtherEpoch {
            found: epoch,
            expected: document.epoch(),
        });
    }
    let head = Head {
        epoch,
        seq: number(members, "seq")?,
        count: number(members, "count")?,
        horizon: number(members, "horizon")?,
        root: text(members, "stateRoot")?
            .parse()
            .map_err(|_| Refused::Shape("stateRoot"))?,
        issued: moment(members, "issued")?,
        expires: moment(members, "expires")?,
        json,
    };
    if head.expires < now || head.issued > now + SKEW || head.expires > head.issued + LIFE + SKEW {
        return Err(Refused::Expired);
    }
    Ok(head)
}

fn moment(members: &Map<String, Value>, name: &'static str) -> Result<DateTime<Utc>, Refused> {
    DateTime::parse_from_rfc3339(text(members, name)?)
        .map(|at| at.to_utc())
        .map_err(|_| Refused::Shape(name))
}
