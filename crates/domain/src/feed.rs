//! What feeds are made of: an origin's statements about its entries, in order, the latest about each entry only.
//!
//! Plain values, shared by the protocol that decides about them and the storage that keeps them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Audience, EntryId, Origin, Visibility};

/// Which of an origin's feeds. A follower follows exactly one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FeedName {
    /// The public form of public entries; anybody may read it.
    Public,
    /// The network form of public and network entries, for approved peers.
    Network,
}

impl FeedName {
    /// Both, from the widest audience to the narrowest.
    pub const ALL: [Self; 2] = [Self::Public, Self::Network];

    /// The name in paths and statements.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Network => "network",
        }
    }

    /// For whom its entries are written.
    #[must_use]
    pub fn audience(self) -> Audience {
        match self {
            Self::Public => Audience::PublicFeed,
            Self::Network => Audience::NetworkFeed,
        }
    }

    /// Whether entries of this visibility stand in it.
    #[must_use]
    pub fn holds(self, visibility: Visibility) -> bool {
        visibility <= self.audience().sees()
    }
}

impl fmt::Display for FeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FeedName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or("there are two feeds: public and network")
    }
}

/// A feed of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedKey {
    /// Whose it is.
    pub origin: Origin,
    /// Which one.
    pub name: FeedName,
}

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of nothing: an empty leaf.
    pub const EMPTY: Self = Self([0; 32]);
}

/// How far the restore journal is, which stands outside of the database: what the database remembers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalPosition {
    /// Lines that were ever written.
    pub lines: u64,
    /// The digest over all of them.
    pub digest: Digest,
}

impl JournalPosition {
    /// Before the first line.
    pub const NONE: Self = Self {
        lines: 0,
        digest: Digest::EMPTY,
    };
}

impl fmt::Display for Digest {
    /// 64 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a digest has 64 hexadecimal digits in lower case";
        let mut digest = [0_u8; 32];
        if text.len() != 64 {
            return Err(wrong);
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let mut value = 0;
            for digit in pair {
                value = value << 4
                    | match digit {
                        b'0'..=b'9' => digit - b'0',
                        b'a'..=b'f' => digit - b'a' + 10,
                        _ => return Err(wrong),
                    };
            }
            *byte = value;
        }
        Ok(Self(digest))
    }
}

/// How far a feed is known: one's own, or that of another node as it was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedState {
    /// Counts new beginnings: numbers of different epochs are not comparable.
    pub epoch: u64,
    /// The last number given out, or taken in.
    pub seq: u64,
    /// Of an own feed: the arrival number up to which everything is published.
    pub arrival: i64,
    /// Deletions up to this number are no longer told.
    pub horizon: u64,
    /// The state tree holds everything up to this number.
    pub tree_seq: u64,
    /// Live rows that the tree holds.
    pub live: u64,
    /// What it comes to.
    pub root: Digest,
    /// Which full pull this is: rows that it did not bring are swept at its end.
    pub pull: u64,
    /// Whether that pull has still to reach the head.
    pub pulling: bool,
    /// The latest head, as signed.
    pub head: Option<String>,
    /// Of another node's feed: bytes of the statements that are kept.
    pub bytes: u64,
}

impl FeedState {
    /// A feed of which nothing is known.
    #[must_use]
    pub fn new(epoch: u64, root: Digest) -> Self {
        Self {
            epoch,
            seq: 0,
            arrival: 0,
            horizon: 0,
            tree_seq: 0,
            live: 0,
            root,
            pull: 0,
            pulling: false,
            head: None,
            bytes: 0,
        }
    }
}

/// What became of a statement here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is in force: published by this node, or taken over from another.
    Taken,
    /// The policy for its origin leaves the entry out. Only entry, number and hash are kept.
    Skipped,
    /// Its signature is valid and it cannot be understood, for this reason: an upgrade may help.
    Quarantined(String),
}

/// The latest statement about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRow {
    /// About which entry of the feed's origin.
    pub entry: EntryId,
    /// Where it stands in the state tree: `256 * bucket + leaf`.
    pub leaf: u16,
    /// Its number.
    pub seq: u64,
    /// Whether the entry is there; else this is its deletion.
    pub live: bool,
    /// SHA-256 of the statement's bytes.
    pub hash: Digest,
    /// What became of it here.
    pub kept: Kept,
    /// In which full pull it was last seen.
    pub pull: u64,
    /// When it was signed, or came here.
    pub at: DateTime<Utc>,
    /// Its bytes.
    pub body: Option<String>,
}

/// A row as the state tree sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeafRow {
    /// `256 * bucket + leaf`.
    pub leaf: u16,
    /// The entry.
    pub entry: EntryId,
    /// The number of its latest statement.
    pub seq: u64,
    /// The hash of its latest statement.
    pub hash: Digest,
}

/// A bucket of a state tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Which of the 256.
    pub number: u8,
    /// The digest of its leaves.
    pub digest: Digest,
    /// The digests of its 256 leaves, one after the other: 8,192 bytes.
    pub leaves: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Digest(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for bad in ["", "00", &"G".repeat(64), &"A".repeat(64), &"é".repeat(32)] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_feed_holds_what_its_audience_may_see() {
        assert!(FeedName::Public.holds(Visibility::Public));
        assert!(!FeedName::Public.holds(Visibility::Network));
        assert!(FeedName::Network.holds(Visibility::Network));
        assert!(!FeedName::Network.holds(Visibility::Internal));
    }
}
