//! Why something about federation could not be done: what an admin may know, and what only the log may.

use std::path::{Path, PathBuf};

use crate::journal::JournalError;
use crate::outbound::OutboundError;
use crate::protocol::document::DocumentError;
use crate::protocol::http_signature::SignatureError;
use crate::protocol::proof::ProofError;
use crate::protocol::refusal::Refused;

/// Why something about federation could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FederationError {
    /// The database.
    #[error("{0}")]
    Storage(#[from] storage::StorageError),
    /// Another node could not be reached, or answered in a way that cannot be taken.
    #[error("{}", .0.public())]
    Outbound(#[from] OutboundError),
    /// What another node sent is not taken.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// An identity document is not as it must be.
    #[error("identity document: {0}")]
    Document(#[from] DocumentError),
    /// Another node said no.
    #[error("that node answered {status}: {detail}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// The code of its problem document, if it sent one.
        code: String,
        /// What it said, cut short.
        detail: String,
    },
    /// Something could not be signed.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// A request could not be signed.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// The restore journal cannot be read or written, or may not be believed.
    #[error("the journal: {0}")]
    Journal(#[from] JournalError),
    /// A private key cannot be used.
    #[error("{}: {why}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The node has no identity yet.
    #[error("this node has no identity yet: start it once")]
    NoIdentity,
    /// The journal speaks of an identity that the database does not know.
    #[error(
        "{}: this node had an identity that the database does not know, or its keys are gone: \
         the database was put back, for which there is `lotse new-epoch --recovery-key FILE`", journal.display()
    )]
    OtherDatabase {
        /// Where it is.
        journal: PathBuf,
    },
    /// The database was put back to an older state.
    #[error(
        "the database stands before what was published (epoch {epoch}, number {seq}): it was put back to an older state. \
         Nothing is published until `lotse new-epoch --recovery-key FILE`"
    )]
    Behind {
        /// The epoch that was reached.
        epoch: u64,
        /// The number that was reached.
        seq: u64,
    },
    /// The database was filled from a backup, and the journal does not say what was deleted since.
    #[error(
        "this database was restored from a backup, and the journal that says what was deleted since is lost: what was deleted \
         would be public again. Put the journal back, or run `lotse new-epoch --recovery-key FILE --without-journal`, \
         which hides every entry of this node until its owner publishes it again"
    )]
    RestoredWithoutJournal,
    /// There is no such peer.
    #[error("there is no such peer")]
    UnknownPeer,
    /// Nothing of this node is wanted.
    #[error("this node is denied; `lotse peer allow` takes that back")]
    Denied,
    /// That node is this node.
    #[error("a node cannot be its own peer")]
    Myself,
    /// What was asked does not fit how things stand with the peer.
    #[error("{0}")]
    Unfitting(&'static str),
    /// The fingerprint given is not that of the node.
    #[error("the fingerprint is another: {found}")]
    Fingerprint {
        /// What that node showed.
        found: String,
    },
    /// What is to be approved came by itself, and nobody has said that its fingerprint was compared.
    #[error(
        "compare the fingerprint with what the admin of that node says, and send it along: anybody can ask in its name"
    )]
    FingerprintNeeded,
    /// The document to be approved is not the one that is here.
    #[error("it has shown another identity document since: look at its fingerprint again")]
    OtherDocument,
    /// Another rotation came first.
    #[error(
        "another rotation was faster, and nothing of this one counts; the key in force is {fingerprint}"
    )]
    OtherRotation {
        /// Of the key in force.
        fingerprint: String,
    },
    /// A mistake in this software.
    #[error("something went wrong")]
    Internal {
        /// What.
        log: String,
    },
}

impl FederationError {
    pub(crate) fn internal(log: impl ToString) -> Self {
        Self::Internal {
            log: log.to_string(),
        }
    }

    pub(crate) fn keys(path: &Path, why: impl ToString) -> Self {
        Self::Keys {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }

    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Storage(error) => error.code(),
            Self::Outbound(error) => error.code(),
            Self::Refused(refused) => refused.code(),
            Self::Document(error) => error.code(),
            Self::Answer { code, .. } => code,
            Self::Proof(error) => error.code(),
            Self::Signature(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Keys { .. } => "keys",
            Self::NoIdentity => "no_identity",
            Self::OtherDatabase { .. } => "other_database",
            Self::Behind { .. } => "behind_journal",
            Self::RestoredWithoutJournal => "restored_without_journal",
            Self::UnknownPeer => "unknown_peer",
            Self::Denied => "denied",
            Self::Myself => "own_node",
            Self::Unfitting(_) => "unfitting",
            Self::Fingerprint { .. } => "fingerprint",
            Self::FingerprintNeeded => "fingerprint_required",
            Self::OtherDocument => "other_document",
            Self::OtherRotation { .. } => "other_rotation",
            Self::Internal { .. } => "internal",
        }
    }

    /// What only the log may know.
    #[must_use]
    pub fn log(&self) -> String {
        match self {
            Self::Storage(error) => error.log().to_owned(),
            Self::Outbound(error) => error.log(),
            Self::Internal { log } => log.clone(),
            other => other.to_string(),
        }
    }
}
