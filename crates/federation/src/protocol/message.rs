//! Messages about who follows whom: `Follow`, `Accept`, `Reject`, `Undo`, and `Announce` of a new identity document.
//!
//! Anybody may send one, so what is cheap comes first: shape and names, then the signature over the bytes, with the key that
//! is known here, or with the one that the newest document claims; documents are canonicalised and their proofs verified
//! only behind a signature that holds. Without a key of its own that costs a sender two verifications at the most, and with
//! one the proofs of a single document.

use domain::Origin;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::did::DidWeb;
use super::document::{self, DocumentError, NodeDocument, accept};
use super::http_signature::{Parsed, Request, SignatureError};
use super::key::{PublicKey, Verifier};

/// Documents of one message.
pub const MAX_DOCUMENTS: usize = 20;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Verb {
    /// The sender wants to follow this node.
    Follow,
    /// This node may follow the sender.
    Accept,
    /// It may not, or no longer.
    Reject,
    /// The sender no longer follows this node.
    Undo,
    /// The sender has a new identity document.
    Announce,
}

/// A message as it stands in a body.
#[derive(Debug, Deserialize)]
struct Wire<'a> {
    #[serde(rename = "type")]
    verb: Verb,
    actor: String,
    object: String,
    origin: String,
    #[serde(borrow, default)]
    documents: Vec<&'a RawValue>,
}

/// A message whose names fit together. Nothing of it is verified yet.
#[derive(Debug)]
pub struct Message<'a> {
    /// What it is about.
    pub verb: Verb,
    /// The base URL of its sender.
    pub origin: Origin,
    documents: Vec<&'a RawValue>,
}

/// A request, with what its signature is verified by.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// The request.
    pub request: Request<'a>,
    /// Its signature.
    pub parsed: &'a Parsed,
    /// The moment in Unix seconds.
    pub now: i64,
}

/// What is known of the sender here.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// Its document: pinned, fetched by an admin, or offered by itself.
    pub document: &'a NodeDocument,
    /// Whether it came by itself and waits for an admin.
    pub waits: bool,
}

/// Why a message is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unvouched {
    /// It is no message, or not for this node.
    #[error("{0}")]
    Unusable(&'static str),
    /// Its signature does not hold.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// No document names the key of its signature.
    #[error("the document names no such key")]
    NoKey,
    /// A document is not in order, or does not follow from the one that is known here.
    #[error("identity document: {0}")]
    Document(#[from] DocumentError),
    /// It is signed, with other keys than those of the node that waits under this name.
    #[error(
        "a node with other keys waits under this name; only an admin can say which of the two is right"
    )]
    OtherKeys,
}

impl<'a> Message<'a> {
    /// Reads a message of `sender` to `receiver`.
    ///
    /// # Errors
    /// [`Unvouched::Unusable`].
    pub fn read(body: &'a [u8], sender: &DidWeb, receiver: &str) -> Result<Self, Unvouched> {
        let wire: Wire<'a> = serde_json::from_slice(body)
            .map_err(|_| Unvouched::Unusable("this is no message about following"))?;
        if wire.documents.len() > MAX_DOCUMENTS {
            return Err(Unvouched::Unusable("these are too many documents"));
        }
        if wire.object != receiver {
            return Err(Unvouched::Unusable("this message is not for this node"));
        }
        let origin: Option<Origin> = wire.origin.parse().ok();
        let origin = origin.filter(|origin| {
            origin.as_str() == wire.origin
                && wire.actor == sender.as_str()
                && DidWeb::of(origin).as_ref() == Ok(sender)
        });
        Ok(Self {
            verb: wire.verb,
            origin: origin.ok_or(Unvouched::Unusable(
                "actor, origin and key name different nodes",
            ))?,
            documents: wire.documents,
        })
    }

    /// The newest document of the sender that may be believed: vouched for by the one that is known here, or by itself
    /// where the sender is a stranger.
    ///
    /// # Errors
    /// [`Unvouched`].
    pub fn vouch(
        &self,
        sent: &Sent<'_>,
        held: Option<Held<'_>>,
        verifier: &dyn Verifier,
    ) -> Result<NodeDocument, Unvouched> {
        let Some(held) = held else {
            return self.vouch_for_itself(sent, verifier);
        };
        let known = held.document.request_key(sent.parsed.key_id());
        let Some(known) = known else {
            return self.vouch_by_new_key(sent, held, verifier);
        };
        match sent.verify(known, verifier) {
            Ok(()) => self.follow_on(held.document, verifier),
            Err(SignatureError::Signature) if held.waits => {
                let other = self.claimed_key(sent).ok().filter(|other| other != known);
                match other {
                    Some(other) if sent.verify(&other, verifier).is_ok() => {
                        Err(Unvouched::OtherKeys)
                    }
                    _ => Err(SignatureError::Signature.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    fn vouch_for_itself(
        &self,
        sent: &Sent<'_>,
        verifier: &dyn Verifier,
    ) -> Result<NodeDocument, Unvouched> {
        let key = self.claimed_key(sent)?;
        sent.verify(&key, verifier)?;
        let newest = NodeDocument::parse(self.newest()?.as_bytes())?;
        newest.verify_self(verifier)?;
        self.named_by(newest, sent, &key)
    }

    /// Signed by a key that is not known here: the documents have to lead from the known one to it.
    fn vouch_by_new_key(
        &self,
        sent: &Sent<'_>,
        held: Held<'_>,
        verifier: &dyn Verifier,
    ) -> Result<NodeDocument, Unvouched> {
        let key = self.claimed_key(sent)?;
        sent.verify(&key, verifier)?;
        match self.follow_on(held.document, verifier) {
            Err(Unvouched::Document(_)) if held.waits => Err(Unvouched::OtherKeys),
            followed => self.named_by(followed?, sent, &key),
        }
    }

    /// Whether the document is the sender's, as the message names it, and holds the key that the request is signed with.
    fn named_by(
        &self,
        document: NodeDocument,
        sent: &Sent<'_>,
        key: &PublicKey,
    ) -> Result<NodeDocument, Unvouched> {
        if *document.origin() != self.origin {
            return Err(DocumentError::OtherNode.into());
        }
        match document.request_key(sent.parsed.key_id()) {
            Some(named) if named == key => Ok(document),
            _ => Err(Unvouched::NoKey),
        }
    }

    /// The newest of the documents that follow from `held`, one by one. Each number comes once.
    fn follow_on(
        &self,
        held: &NodeDocument,
        verifier: &dyn Verifier,
    ) -> Result<NodeDocument, Unvouched> {
        if *held.origin() != self.origin {
            return Err(DocumentError::OtherNode.into());
        }
        let (mut newest, mut before) = (held.clone(), 0);
        for next in &self.documents {
            let sequence = document::claimed_sequence(next.get())?;
            if sequence <= before {
                return Err(Unvouched::Unusable("the documents are not in order"));
            }
            before = sequence;
            let is_held = next.get().as_bytes() == held.to_json();
            if sequence < held.sequence() || is_held {
                continue;
            }
            let next = NodeDocument::parse(next.get().as_bytes())?;
            accept(&newest, &next, verifier)?;
            newest = next;
        }
        Ok(newest)
    }

    fn newest(&self) -> Result<&'a str, Unvouched> {
        let newest = self.documents.last().map(|newest| newest.get());
        newest.ok_or(Unvouched::Unusable("send your identity document along"))
    }

    /// The key under the name in the signature, as the newest document has it; nothing else of the document is read.
    fn claimed_key(&self, sent: &Sent<'_>) -> Result<PublicKey, Unvouched> {
        document::claimed_key(self.newest()?, sent.parsed.key_id()).ok_or(Unvouched::NoKey)
    }
}

impl Sent<'_> {
    fn verify(&self, key: &PublicKey, verifier: &dyn Verifier) -> Result<(), SignatureError> {
        self.parsed.verify(&self.request, key, verifier, self.now)
    }
}

#[cfg(test)]
mod tests;
