//! What can be wrong with an identity document.

use crate::protocol::canonical::CanonicalError;
use crate::protocol::did::DidError;
use crate::protocol::key::KeyError;
use crate::protocol::proof::ProofError;

/// Why a document is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// More than [`MAX_BYTES`](super::MAX_BYTES), or more keys than allowed.
    #[error("the document is too large")]
    TooLarge,
    /// No JSON object with a canonical form.
    #[error("the document has no canonical form: {0}")]
    Canonical(#[from] CanonicalError),
    /// This member is missing or not as this protocol has it.
    #[error("{0} is missing or not as it must be")]
    Member(&'static str),
    /// A key cannot be read.
    #[error("a key of the document: {0}")]
    Key(#[from] KeyError),
    /// The same key has two tasks or two numbers.
    #[error("the same key stands twice in the document")]
    KeyTwice,
    /// The base URL has no identifier.
    #[error("the base URL has no identifier: {0}")]
    Did(#[from] DidError),
    /// The identifier is not that of the base URL.
    #[error("the identifier is not that of the base URL")]
    Origin,
    /// A proof cannot be read or does not hold.
    #[error("a proof of the document: {0}")]
    Proof(#[from] ProofError),
    /// A proof names a key that is not in the document.
    #[error("a proof names a key that is not in the document")]
    UnknownMethod,
    /// The statement key of the document did not sign it.
    #[error("the document is not signed by its own statement key")]
    NotSelfSigned,
    /// It is about another node, or its base URL is another.
    #[error("the document is that of another node")]
    OtherNode,
    /// The same number as the pinned one, signed by a pinned key, and something else in it.
    #[error("two different signed documents have the same number")]
    Fork,
    /// A lower number than the pinned one.
    #[error("the document is older than the one that is pinned")]
    Rollback,
    /// A number further on than the next: those between are to be fetched first.
    #[error("documents between the pinned one and this one are missing")]
    Gap,
    /// Neither the pinned statement key nor the pinned recovery key signed it.
    #[error("no key that is pinned signed the document")]
    Unauthorised,
    /// It changes what only the recovery key may change: epoch or recovery key.
    #[error("the document changes what only the recovery key may change")]
    NeedsRecovery,
    /// The epoch went down.
    #[error("the epoch went down")]
    Epoch,
    /// Former keys, or where they begin, are others than before, or a number stands for another key.
    #[error("the history of the keys was changed")]
    History,
    /// The signer does not hold the key that must sign here.
    #[error("the key that must sign is another one")]
    WrongKey,
}

impl DocumentError {
    /// A name for programs, which stays the same.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "document_too_large",
            Self::Canonical(_) => "document_canonical",
            Self::Member(_) => "document_member",
            Self::Key(_) => "document_key",
            Self::KeyTwice => "document_key_twice",
            Self::Did(_) => "document_did",
            Self::Origin => "document_origin",
            Self::Proof(error) => error.code(),
            Self::UnknownMethod => "document_unknown_method",
            Self::NotSelfSigned => "document_not_self_signed",
            Self::OtherNode => "document_other_node",
            Self::Fork => "document_fork",
            Self::Rollback => "document_rollback",
            Self::Gap => "document_gap",
            Self::Unauthorised => "document_unauthorised",
            Self::NeedsRecovery => "document_needs_recovery",
            Self::Epoch => "document_epoch",
            Self::History => "document_history",
            Self::WrongKey => "document_wrong_key",
        }
    }
}
