//! The identity document of a node, served at `/.well-known/did.json` (below a path: `did.json`): a DID document
//! (<https://www.w3.org/TR/did-1.0/>) with the keys of the node, signed by them.
//!
//! ```json
//! {
//!   "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1",
//!                "https://w3id.org/security/data-integrity/v2"],
//!   "id": "did:web:a.example",
//!   "alsoKnownAs": ["https://a.example"],
//!   "verificationMethod": [
//!     {"id": "did:web:a.example#statements-1", "type": "Multikey", "controller": "did:web:a.example",
//!      "publicKeyMultibase": "z6Mk..."},
//!     ...
//!   ],
//!   "assertionMethod": ["did:web:a.example#statements-1"],
//!   "authentication": ["did:web:a.example#requests-1"],
//!   "service": [{"id": "did:web:a.example#feeds", "type": "LotseFeeds", "serviceEndpoint": "https://a.example/fed/v1"}],
//!   "lotse": {"sequence": 1, "epoch": 1, "name": "Who runs it",
//!             "statements": [{"key": "#statements-1", "from": {"public": 1, "network": 1}}]},
//!   "proof": {...}
//! }
//! ```
//!
//! **Keys.** Statements and heads are signed by the last of `statements`; former ones stay, so that what they signed stays
//! valid: key N signs the statements of a feed from its `from` up to before the next key's. Sequence numbers decide, not
//! clocks. `requests` signs HTTP requests. The recovery key lies apart from the node; the last one counts, former ones
//! stay so that the proofs of this document can be verified with it alone. A number is never given to another key.
//!
//! **Documents follow one another** by `sequence`, from 1, each with a set of proofs:
//!
//! | what changes | who signs |
//! |---|---|
//! | the first document | its statement key |
//! | name, request key | the statement key |
//! | a new statement key follows | the old and the new one |
//! | epoch, recovery key, a statement key that was lost | the recovery key, and the statement key of the new document |
//!
//! A new epoch begins its own list of statement keys. [`accept`] holds a document against the one that was pinned.
//! Members that a newer node adds are under the signature, kept in the bytes, and otherwise ignored.

use chrono::{DateTime, Utc};
use domain::Origin;
use domain::feed::{Digest, FeedName};

use super::did::DidWeb;
use super::key::{PublicKey, Signer, Verifier};
use super::proof::Proof;
use content::{Content, StatementKey, Task};

mod claim;
mod content;
mod error;
mod follow;
mod wire;

pub(crate) use claim::{claimed_key, claimed_sequence};
pub use error::DocumentError;
pub use follow::{Acceptance, accept};

/// Bytes of a document.
pub const MAX_BYTES: usize = 64 * 1024;
/// Statement keys of one epoch.
pub const MAX_STATEMENT_KEYS: usize = 64;
/// Recovery keys, the former ones with them.
pub const MAX_RECOVERY_KEYS: usize = 16;
/// Verification methods in all, those that are not ours with them.
pub const MAX_METHODS: usize = 128;
/// Characters of the operator's name.
pub const MAX_NAME: usize = domain::limits::TITLE;

/// The first statement of each feed that a key signs, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// In the public feed.
    pub public: u64,
    /// In the network feed.
    pub network: u64,
}

impl Start {
    /// Where the first key of an epoch begins.
    pub const ONE: Self = Self {
        public: 1,
        network: 1,
    };

    fn of(self, feed: FeedName) -> u64 {
        match feed {
            FeedName::Public => self.public,
            FeedName::Network => self.network,
        }
    }

    fn is_at_or_after(self, other: Self) -> bool {
        self.public >= other.public && self.network >= other.network
    }
}

/// The identity document of a node, read and in order in itself. Its proofs are readable, and verified only by
/// [`NodeDocument::verify_self`] and [`accept`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDocument {
    content: Content,
    proofs: Vec<Proof>,
    json: Vec<u8>,
}

/// What the first document of a node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First<'a> {
    /// The base URL of the node.
    pub origin: &'a Origin,
    /// Who runs it, in up to [`MAX_NAME`] characters.
    pub name: Option<&'a str>,
    /// The epoch, from 1.
    pub epoch: u64,
    /// The key that signs HTTP requests.
    pub requests: PublicKey,
    /// The public half of the recovery key.
    pub recovery: PublicKey,
}

/// What a document that follows may change by the way. The default changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The operator's name from now on; `Some(None)` takes it away.
    pub name: Option<Option<String>>,
    /// The key that signs HTTP requests from now on.
    pub requests: Option<PublicKey>,
}

/// What a document that the recovery key signs may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The epoch from now on: the present one or a larger one. A larger one begins its own list of statement keys.
    pub epoch: u64,
    /// The first statements of the key that signs from now on, where it is a new one or the epoch is.
    pub from: Start,
    /// The recovery key from now on, if it is to be another.
    pub recovery: Option<PublicKey>,
    /// The rest.
    pub changes: Changes,
}

impl NodeDocument {
    /// Reads a document of at most [`MAX_BYTES`] strictly: one spelling for each member of ours. Nothing is verified yet.
    ///
    /// # Errors
    /// [`DocumentError`], for all that is wrong in the document itself except its signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        wire::parse(bytes)
    }

    /// The first document of a node, signed by its statement key.
    ///
    /// # Errors
    /// [`DocumentError`], where the parts make no document: a base URL without identifier, the same key twice, a name
    /// that is too long.
    pub fn first(
        first: &First<'_>,
        created: DateTime<Utc>,
        statements: &dyn Signer,
    ) -> Result<Self, DocumentError> {
        let did = DidWeb::of(first.origin)?;
        let content = Content {
            origin: first.origin.clone(),
            name: first.name.map(str::to_owned),
            sequence: 1,
            epoch: first.epoch,
            statements: vec![StatementKey {
                named: Task::Statements.named(&did, 1, statements.public()),
                from: Start::ONE,
            }],
            requests: Task::Requests.named(&did, 1, first.requests),
            recovery: vec![Task::Recovery.named(&did, 1, first.recovery)],
            did,
        };
        let method = content.current()?.method.clone();
        wire::write(&content, created, &[(&method, statements)])
    }

    /// The document that follows this one and leaves its statement key in place.
    ///
    /// # Errors
    /// [`DocumentError::WrongKey`] unless `statements` holds the statement key of this document; else as
    /// [`NodeDocument::first`].
    pub fn updated(
        &self,
        changes: &Changes,
        created: DateTime<Utc>,
        statements: &dyn Signer,
    ) -> Result<Self, DocumentError> {
        let current = self.content.current()?;
        let content = self.content.next(changes)?;
        holds(statements, &current.key)?;
        wire::write(&content, created, &[(&current.method, statements)])
    }

    /// The document that follows this one with a new statement key, which signs from `from`.
    ///
    /// # Errors
    /// [`DocumentError::WrongKey`] unless `old` holds the statement key of this document; [`DocumentError::Member`] where
    /// `from` lies before that of this document's key; else as [`NodeDocument::first`].
    pub fn rotated(
        &self,
        from: Start,
        changes: &Changes,
        created: DateTime<Utc>,
        old: &dyn Signer,
        new: &dyn Signer,
    ) -> Result<Self, DocumentError> {
        let current = self.content.current()?;
        let mut content = self.content.next(changes)?;
        holds(old, &current.key)?;
        content.append(new.public(), from)?;
        let next = content.current()?.method.clone();
        wire::write(&content, created, &[(&current.method, old), (&next, new)])
    }

    /// The document that follows this one by the word of the recovery key. `statements` holds the statement key from now
    /// on: the present one or a new one.
    ///
    /// # Errors
    /// [`DocumentError::WrongKey`] unless `recovery` holds the recovery key of this document; [`DocumentError::Epoch`] for
    /// a lower epoch; else as [`NodeDocument::rotated`].
    pub fn recovered(
        &self,
        change: &Recovery,
        created: DateTime<Utc>,
        recovery: &dyn Signer,
        statements: &dyn Signer,
    ) -> Result<Self, DocumentError> {
        let pinned = self.content.recovery()?;
        holds(recovery, &pinned.key)?;
        let mut content = self.content.next(&change.changes)?;
        content.recover(change, statements.public())?;
        let method = content.current()?.method.clone();
        let signers = [(pinned.method.as_str(), recovery), (&method, statements)];
        wire::write(&content, created, &signers)
    }

    /// The document that follows this one with a new, larger epoch and the same keys: what a restored node publishes.
    /// Both feeds begin again at 1.
    ///
    /// # Errors
    /// [`DocumentError::Epoch`] unless the epoch is larger; else as [`NodeDocument::recovered`].
    pub fn with_epoch(
        &self,
        epoch: u64,
        created: DateTime<Utc>,
        recovery: &dyn Signer,
        statements: &dyn Signer,
    ) -> Result<Self, DocumentError> {
        if epoch <= self.epoch() {
            return Err(DocumentError::Epoch);
        }
        let change = Recovery {
            epoch,
            from: Start::ONE,
            recovery: None,
            changes: Changes::default(),
        };
        self.recovered(&change, created, recovery, statements)
    }

    /// The canonical bytes of the document with its proofs: what is served and pinned.
    #[must_use]
    pub fn to_json(&self) -> &[u8] {
        &self.json
    }

    /// The identifier of the node.
    #[must_use]
    pub fn did(&self) -> &DidWeb {
        &self.content.did
    }

    /// The base URL of the node; its identifier is that of [`NodeDocument::did`].
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.content.origin
    }

    /// Who runs the node, in its own words.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.content.name.as_deref()
    }

    /// The number of the document, from 1.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.content.sequence
    }

    /// The epoch in which its feeds are numbered, from 1.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.content.epoch
    }

    /// The proofs, at least one.
    #[must_use]
    pub fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    /// Name and key of what signs statements and heads now.
    #[must_use]
    pub fn current_statement_key(&self) -> Option<(&str, &PublicKey)> {
        let current = self.content.current().ok()?;
        Some((&current.method, &current.key))
    }

    /// The key that signs statements, heads and pages now, if it has this name.
    #[must_use]
    pub fn current_key(&self, method: &str) -> Option<&PublicKey> {
        self.current_statement_key()
            .filter(|(current, _)| *current == method)
            .map(|(_, key)| key)
    }

    /// The SHA-256 of the document with its proofs, which an approval can name: nothing else is approved then.
    #[must_use]
    pub fn digest(&self) -> Digest {
        super::sha256(&self.json)
    }

    /// The fingerprint of the current statement key, which admins compare: [`PublicKey::fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let current = self.content.current();
        current.map_or_else(|_| String::new(), |current| current.key.fingerprint())
    }

    /// Name and key by which the statement with this number in this feed must be signed, in this epoch. `None` where no
    /// key reaches so far back.
    #[must_use]
    pub fn statement_key(&self, feed: FeedName, seq: u64) -> Option<(&str, &PublicKey)> {
        let keys = self.content.statements.iter().rev();
        let key = keys.into_iter().find(|key| key.from.of(feed) <= seq)?;
        Some((&key.named.method, &key.named.key))
    }

    /// The key that signs HTTP requests, if it has this name.
    #[must_use]
    pub fn request_key(&self, method: &str) -> Option<&PublicKey> {
        let requests = &self.content.requests;
        (requests.method == method).then_some(&requests.key)
    }

    /// The name of the key that signs HTTP requests.
    #[must_use]
    pub fn request_method(&self) -> &str {
        &self.content.requests.method
    }

    /// The recovery key.
    #[must_use]
    pub fn recovery_key(&self) -> Option<&PublicKey> {
        self.content.recovery().ok().map(|named| &named.key)
    }

    /// Whether all proofs were made with keys of the document itself, its statement key among them. This is all that can
    /// be known of a node on first contact: that whoever wrote the document holds its keys.
    ///
    /// # Errors
    /// [`DocumentError::UnknownMethod`], [`DocumentError::NotSelfSigned`], [`DocumentError::Proof`].
    pub fn verify_self(&self, verifier: &dyn Verifier) -> Result<(), DocumentError> {
        let current = self.content.current()?;
        if !self.proofs.iter().any(|p| p.method() == current.method) {
            return Err(DocumentError::NotSelfSigned);
        }
        for proof in &self.proofs {
            let key = self.content.signing_key(proof.method());
            proof.verify(key.ok_or(DocumentError::UnknownMethod)?, verifier)?;
        }
        Ok(())
    }
}

fn holds(signer: &dyn Signer, key: &PublicKey) -> Result<(), DocumentError> {
    if signer.public() == *key {
        Ok(())
    } else {
        Err(DocumentError::WrongKey)
    }
}

#[cfg(test)]
mod tests;
