//! Why something that another node sent is not taken. Each reason has a code of its own and says what to do.

use super::canonical::CanonicalError;
use super::proof::ProofError;

/// What a refusal means for the relation to the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Try again later: nothing has been proved against it.
    Retry,
    /// Its identity document may have changed: look, then try again.
    LookAgain,
    /// Start again from the beginning.
    PullAll,
    /// It breaks its promises, or somebody speaks in its name: stop until an admin has looked at it.
    Freeze,
}

/// Why something that another node sent is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not canonical JSON (RFC 8785).
    #[error("a line is not JSON that everybody reads alike: {0}")]
    Json(#[from] CanonicalError),
    /// JSON in another form than the canonical one.
    #[error("a line is not in canonical form")]
    NotCanonical,
    /// A member is missing or not what it must be.
    #[error("the member {0} is missing or not as expected")]
    Shape(&'static str),
    /// The proof does not hold.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// Signed by a key that is not the one for this.
    #[error("signed with another key than the one that counts here: {0}")]
    WrongKey(String),
    /// Said in the name of another node.
    #[error("it speaks of another node")]
    OtherOrigin,
    /// An entry that is not one of its node.
    #[error("an entry is named that does not belong to that node")]
    OutsideOrigin,
    /// From another feed.
    #[error("it is of another feed")]
    OtherFeed,
    /// From another epoch than the node's document says.
    #[error("it is of epoch {found}, expected {expected}")]
    OtherEpoch {
        /// The epoch found.
        found: u64,
        /// The epoch of the pinned document.
        expected: u64,
    },
    /// Numbers that do not rise, or lie outside of the page.
    #[error("numbers stand in the wrong order")]
    Order,
    /// An entry twice on one page.
    #[error("an entry stands twice on a page")]
    Twice,
    /// Not the page that was asked for.
    #[error("another page than the one that was asked for")]
    OtherPage,
    /// The trailer does not fit the rows.
    #[error("the digest of the page does not fit its rows")]
    PageDigest,
    /// No trailer at the end.
    #[error("the page was cut off")]
    Truncated,
    /// More rows than asked for, or a row that is too large.
    #[error("the page is larger than was asked for")]
    TooLarge,
    /// The head has run out.
    #[error("the head is no longer valid: it is a repetition, or that node stands still")]
    Expired,
    /// An older state than one that was seen before.
    #[error("the feed went back from {known} to {found}")]
    Rollback {
        /// The number seen before.
        known: u64,
        /// The number said now.
        found: u64,
    },
    /// A head that is older than one that was seen before, and was signed before it.
    #[error("an older answer than one that came before")]
    Stale,
    /// Two different states under one number.
    #[error("two different statements under the number {0}")]
    Fork(u64),
    /// The entry is visible to others than the feed is for.
    #[error("an entry stands in a feed that is not for it")]
    WrongFeedForEntry,
    /// What is wanted is no longer told: all must be pulled again.
    #[error("deletions since then are no longer told")]
    BelowHorizon,
    /// Both sides hold something else, though all was pulled.
    #[error("after all was pulled, the digests differ")]
    Differs,
    /// Both sides hold the same rows, and the head says another number of them.
    #[error("its head says that it holds {said} entries, and it holds {counted}")]
    CountDiffers {
        /// What the head says.
        said: u64,
        /// The live rows that came, and whose digest fits.
        counted: u64,
    },
}

impl Refused {
    /// Stable for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "not_json",
            Self::NotCanonical => "not_canonical",
            Self::Shape(_) => "shape",
            Self::Proof(error) => error.code(),
            Self::WrongKey(_) => "wrong_key",
            Self::OtherOrigin => "other_origin",
            Self::OutsideOrigin => "outside_origin",
            Self::OtherFeed => "other_feed",
            Self::OtherEpoch { .. } => "other_epoch",
            Self::Order => "order",
            Self::Twice => "twice",
            Self::OtherPage => "other_page",
            Self::PageDigest => "page_digest",
            Self::Truncated => "truncated",
            Self::TooLarge => "too_large",
            Self::Expired => "expired_head",
            Self::Rollback { .. } => "rollback",
            Self::Stale => "stale_head",
            Self::Fork(_) => "fork",
            Self::WrongFeedForEntry => "wrong_feed_for_entry",
            Self::BelowHorizon => "below_horizon",
            Self::Differs => "differs",
            Self::CountDiffers { .. } => "count_differs",
        }
    }

    /// What it means for the relation to the node.
    #[must_use]
    pub fn consequence(&self) -> Consequence {
        match self {
            Self::Rollback { .. } | Self::Fork(_) => Consequence::Freeze,
            // A new key or epoch is announced in the document.
            Self::WrongKey(_) | Self::OtherEpoch { .. } => Consequence::LookAgain,
            Self::BelowHorizon => Consequence::PullAll,
            // Cut, repeated or old answers are what a bad line makes of good ones.
            Self::Truncated
            | Self::PageDigest
            | Self::Expired
            | Self::Stale
            | Self::OtherPage
            | Self::Differs
            | Self::CountDiffers { .. } => Consequence::Retry,
            _ => Consequence::Freeze,
        }
    }
}
