//! Statements: the signed form in which an entry's latest state travels.
//!
//! An ActivityStreams 2.0 `Create`, `Update` or `Delete` (<https://www.w3.org/TR/activitystreams-vocabulary/>) around the
//! entry, with an `eddsa-jcs-2022` proof (FEP-8b32), so that other ActivityPub software can check a row by itself. AS2
//! has an activity called `Offer`: our objects carry a type in a namespace of their own. One line of canonical JSON
//! each; these bytes are hashed, stored and served on. The context is fixed and never fetched.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::feed::{Digest, FeedKey, FeedName};
use domain::{Entry, EntryId, Kind, Origin};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::canonical;
use super::key::Signer;
use super::proof::{self, Proof, ProofError};
use super::refusal::Refused;
use super::sha256;

/// Bytes of a statement: the largest entry, all of it escaped text, and what surrounds it.
pub const MAX_BYTES: usize = canonical::MAX_BYTES;

/// What a statement is about to say.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The entry.
    pub entry: EntryId,
    /// What it is now, in the outward form of the feed; `None` once it is gone.
    pub object: Option<&'a Entry>,
    /// Whether the feed already held it.
    pub known: bool,
    /// Random, so that nobody can find out by trying what a deleted entry said.
    pub salt: [u8; 16],
}

/// Where a statement stands.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// The feed.
    pub key: &'a FeedKey,
    /// Its epoch.
    pub epoch: u64,
    /// The statement's number.
    pub seq: u64,
}

/// The `@context` of everything that is signed here.
#[must_use]
pub fn context() -> Value {
    json!([
        "https://www.w3.org/ns/activitystreams",
        "https://w3id.org/security/data-integrity/v2",
        {"lotse": "urn:lotse:"}
    ])
}

/// The type of an entry's object: `lotse:ContactPoint`.
fn type_of(kind: Kind) -> String {
    let words = kind.as_str().split('-').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            .unwrap_or_default()
    });
    std::iter::once("lotse:".to_owned()).chain(words).collect()
}

/// Writes and signs a statement with the key `method`: one line, without its line feed.
///
/// # Errors
/// [`ProofError`] where the entry has no canonical form.
pub fn write(
    place: &Place<'_>,
    draft: &Draft<'_>,
    actor: &str,
    method: &str,
    now: DateTime<Utc>,
    signer: &dyn Signer,
) -> Result<String, ProofError> {
    use base64::Engine as _;
    let uri = place.key.origin.uri(draft.entry);
    let mut statement = Map::new();
    let mut put = |name: &str, value: Value| statement.insert(name.to_owned(), value);
    put("@context", context());
    put(
        "id",
        json!(format!(
            "{uri}#{}-{}-{}",
            place.key.name, place.epoch, place.seq
        )),
    );
    put("actor", json!(actor));
    put("feed", json!(place.key.name.as_str()));
    put("epoch", json!(place.epoch));
    put("seq", json!(place.seq));
    let verb = match (draft.object, draft.known) {
        (None, _) => "Delete",
        (Some(_), true) => "Update",
        (Some(_), false) => "Create",
    };
    put("type", json!(verb));
    match draft.object {
        Some(entry) => {
            let content = serde_json::to_value(entry)
                .map_err(|why| canonical::CanonicalError::NotJson(why.to_string()))?;
            put(
                "object",
                json!({"id": uri, "type": type_of(entry.kind), "entry": content}),
            );
            put("redistribution", json!("none"));
            let salt = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(draft.salt);
            put("salt", json!(salt));
        }
        None => {
            put("object", json!({"id": uri, "type": "Tombstone"}));
        }
    }
    proof::sign(&mut statement, method, now, signer)?;
    Ok(canonical::write_text(&statement)?)
}

/// A statement as it was read. Its proof has the right form; whether it holds is for [`Statement::proof`] to be asked.
#[derive(Debug)]
pub struct Statement {
    /// Its number.
    pub seq: u64,
    /// About which entry.
    pub entry: EntryId,
    /// The entry's JSON, canonical; `None` for a deletion.
    pub object: Option<String>,
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// Its bytes.
    pub line: String,
    /// The proof.
    pub proof: Proof,
}

/// Reads a statement that is to stand in the feed `key` in `epoch`.
///
/// # Errors
/// [`Refused`], for each thing that is not as it must be.
pub fn read(line: &str, key: &FeedKey, actor: &str, epoch: u64) -> Result<Statement, Refused> {
    // What this does not find in order, the slow way below says why.
    if canonical::is_canonical(line.as_bytes())
        && let Some(statement) = read_canonical(line, key, actor, epoch)
    {
        return Ok(statement);
    }
    read_any(line, key, actor, epoch)
}

/// Reads a row as a value.
fn read_any(line: &str, key: &FeedKey, actor: &str, epoch: u64) -> Result<Statement, Refused> {
    let value = canonical::read(line.as_bytes())?;
    if canonical::write(&value)? != line.as_bytes() {
        return Err(Refused::NotCanonical);
    }
    let Value::Object(members) = value else {
        return Err(Refused::Shape("statement"));
    };
    let (mut members, proof) = proof::open(members)?.into_parts();
    let members = &mut members;
    if members.get("@context") != Some(&context()) {
        return Err(Refused::Shape("@context"));
    }
    if text(members, "actor")? != actor {
        return Err(Refused::OtherOrigin);
    }
    if text(members, "feed")?.parse::<FeedName>() != Ok(key.name) {
        return Err(Refused::OtherFeed);
    }
    let found = number(members, "epoch")?;
    if found != epoch {
        return Err(Refused::OtherEpoch {
            found,
            expected: epoch,
        });
    }
    let seq = number(members, "seq")?;
    let verb = text(members, "type")?.to_owned();
    let Some(Value::Object(mut object)) = members.remove("object") else {
        return Err(Refused::Shape("object"));
    };
    let entry = entry_of(text(&object, "id")?, &key.origin)?;
    if text(members, "id")? != name_of(key, entry, epoch, seq) {
        return Err(Refused::Shape("id"));
    }
    let object = match verb.as_str() {
        "Create" | "Update" => {
            if text(members, "redistribution")? != "none" || text(members, "salt")?.is_empty() {
                return Err(Refused::Shape("salt"));
            }
            let content = object.remove("entry").ok_or(Refused::Shape("object"))?;
            let json = canonical::write(&content)?;
            Some(String::from_utf8(json).map_err(|_| Refused::Shape("object"))?)
        }
        "Delete" => {
            // What remains of a person's data after a deletion is nothing.
            let only = object.len() == 2 && text(&object, "type")? == "Tombstone";
            if !only || members.contains_key("salt") {
                return Err(Refused::Shape("object"));
            }
            None
        }
        _ => return Err(Refused::Shape("type")),
    };
    Ok(Statement {
        seq,
        entry,
        object,
        hash: sha256(line),
        line: line.to_owned(),
        proof,
    })
}

/// A row as its bytes have it, in canonical form.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow, rename = "@context")]
    context: &'a RawValue,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    epoch: u64,
    #[serde(borrow)]
    feed: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
    #[serde(borrow)]
    proof: &'a RawValue,
    #[serde(borrow, default, deserialize_with = "proof::present")]
    redistribution: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "proof::present")]
    salt: Option<&'a str>,
    seq: u64,
    #[serde(borrow, rename = "type")]
    verb: Cow<'a, str>,
}

/// What a row is about, as its bytes have it.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default, deserialize_with = "proof::present")]
    entry: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// The canonical form of [`context`].
static CONTEXT: LazyLock<String> = LazyLock::new(|| {
    let bytes = canonical::write(&context()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
});

/// Reads a row in canonical form by taking it apart where it stands: what is signed are its bytes without the proof's.
fn read_canonical(line: &str, key: &FeedKey, actor: &str, epoch: u64) -> Option<Statement> {
    let row: Row<'_> = serde_json::from_str(line).ok()?;
    let object: Object<'_> = serde_json::from_str(row.object.get()).ok()?;
    let fits = row.context.get() == *CONTEXT
        && row.actor == actor
        && row.feed == key.name.as_str()
        && row.epoch == epoch
        && row.seq <= canonical::MAX_INTEGER;
    if !fits {
        return None;
    }
    let entry = entry_of(&object.id, &key.origin).ok()?;
    if row.id != name_of(key, entry, epoch, row.seq) {
        return None;
    }
    let object = match (&*row.verb, object.entry) {
        ("Create" | "Update", Some(content)) => {
            let salted = row.salt.is_some_and(|salt| !salt.is_empty());
            if row.redistribution != Some("none") || !salted {
                return None;
            }
            Some(content.get().to_owned())
        }
        ("Delete", None) if row.salt.is_none() && row.object.get() == tombstone(key, entry)? => {
            None
        }
        _ => return None,
    };
    let (before, after) = proof::around(line, row.proof.get())?;
    let signed = Sha256::new()
        .chain_update(before.strip_suffix(",\"proof\":")?)
        .chain_update(after);
    let proof = Proof::read_canonical(row.proof.get(), &signed.finalize().into(), &CONTEXT)?;
    Some(Statement {
        seq: row.seq,
        entry,
        object,
        hash: sha256(line),
        line: line.to_owned(),
        proof,
    })
}

/// The name of a statement.
fn name_of(key: &FeedKey, entry: EntryId, epoch: u64, seq: u64) -> String {
    format!("{}#{}-{epoch}-{seq}", key.origin.uri(entry), key.name)
}

/// The object of a deletion, canonical.
fn tombstone(key: &FeedKey, entry: EntryId) -> Option<String> {
    let object = json!({"id": key.origin.uri(entry), "type": "Tombstone"});
    String::from_utf8(canonical::write(&object).ok()?).ok()
}

/// The entry of a URI, if it is one of `origin`.
fn entry_of(uri: &str, origin: &Origin) -> Result<EntryId, Refused> {
    let id = uri
        .strip_prefix(origin.as_str())
        .and_then(|rest| rest.strip_prefix("/entries/"))
        .and_then(|id| id.parse::<EntryId>().ok())
        .ok_or(Refused::OutsideOrigin)?;
    // One spelling: an id in capitals would be another row about the same entry.
    if origin.uri(id) == uri {
        Ok(id)
    } else {
        Err(Refused::OutsideOrigin)
    }
}

pub(super) fn text<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, Refused> {
    members
        .get(name)
        .and_then(Value::as_str)
        .ok_or(Refused::Shape(name))
}

pub(super) fn number(members: &Map<String, Value>, name: &'static str) -> Result<u64, Refused> {
    members
        .get(name)
        .and_then(Value::as_u64)
        .filter(|number| *number <= canonical::MAX_INTEGER)
        .ok_or(Refused::Shape(name))
}

#[cfg(test)]
mod tests;
