//! Why a command was refused: a stable code, words for the caller, and nothing that the caller may not know.

use std::fmt;

use crate::Violation;
use crate::quality::WorkflowRefusal;

/// The stable code of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The JSON is not well formed, or not of the right shape.
    Malformed,
    /// Well formed, but something in it is wrong; the violations say what.
    Invalid,
    /// There is no such entry, or the actor may not know that there is.
    NotFound,
    /// The actor may see it but not do this.
    Forbidden,
    /// The entry changed since the actor read it.
    PreconditionFailed,
    /// Other entries refer to it.
    InUse,
    /// Another entry of this owner and kind has the same `external_id`.
    ExternalIdTaken,
    /// An entry with this id exists, or existed.
    IdTaken,
    /// The entry was written at another node; only that node changes it.
    Foreign,
    /// Its owner has as many entries, or as many bytes of them, as it may have.
    QuotaReached,
    /// Its owner has written more bytes lately than it may.
    WrittenTooMuch {
        /// Seconds until there is room for more.
        seconds: u64,
    },
    /// A step of an assessment's workflow that is not possible, and why.
    Step(WorkflowRefusal),
}

impl Reason {
    /// The code as callers see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::PreconditionFailed => "precondition_failed",
            Self::InUse => "in_use",
            Self::ExternalIdTaken => "external_id_taken",
            Self::IdTaken => "id_taken",
            Self::Foreign => "foreign_entry",
            Self::QuotaReached => "limit_reached",
            Self::WrittenTooMuch { .. } => "rate_limited",
            Self::Step(refused) => refused.as_str(),
        }
    }
}

/// A refused command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub reason: Reason,
    /// What the caller reads.
    pub detail: String,
    /// What is wrong where, for [`Reason::Invalid`] and [`Reason::Malformed`].
    pub violations: Vec<Violation>,
}

impl Refusal {
    /// A refusal without violations.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            violations: Vec::new(),
        }
    }

    /// A refusal for what was found while checking.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let detail = match violations.len() {
            1 => "one thing is wrong with what was sent".to_owned(),
            n => format!("{n} things are wrong with what was sent"),
        };
        Self {
            reason: Reason::Invalid,
            detail,
            violations,
        }
    }

    /// There is no such entry, as far as the caller may know.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Reason::NotFound, "there is no such entry")
    }

    /// The role does not allow it.
    #[must_use]
    pub fn forbidden(detail: &str) -> Self {
        Self::new(Reason::Forbidden, detail)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.detail)?;
        for violation in self.violations.iter().take(3) {
            write!(f, "; {} {}", violation.pointer, violation.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
