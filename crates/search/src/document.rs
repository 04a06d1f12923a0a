//! What the index keeps of one entry, before it is taken apart into columns.

use bytes::Bytes;
use domain::{EntryKey, Visibility};
use std::sync::Arc;

use smol_str::SmolStr;

use crate::Facet;

/// Who looks at an entry, from the widest audience to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Everybody.
    Public,
    /// Signed-in partners.
    Network,
    /// The owner and coordinators.
    Owner,
}

impl Level {
    /// All levels, widest first.
    pub const ALL: [Self; 3] = [Self::Public, Self::Network, Self::Owner];

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The widest level that sees an entry of this visibility.
    pub(crate) fn of(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Self::Public,
            Visibility::Network => Self::Network,
            Visibility::Internal => Self::Owner,
        }
    }

    pub(crate) fn visibility(self) -> Visibility {
        match self {
            Self::Public => Visibility::Public,
            Self::Network => Visibility::Network,
            Self::Owner => Visibility::Internal,
        }
    }

    pub(crate) fn from_index(index: u8) -> Self {
        match index {
            0 => Self::Public,
            1 => Self::Network,
            _ => Self::Owner,
        }
    }
}

/// A text to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// BCP 47 tag, or `und`.
    pub lang: String,
    /// The words.
    pub text: String,
    /// How often each of its words counts: 1 for plain text, more for titles.
    pub weight: u8,
}

/// What one audience sees of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its JSON, ready to send.
    pub json: Bytes,
    /// The texts by which this audience finds it.
    pub passages: Vec<Passage>,
}

/// One entry as the index keeps it. Made from a [`domain::Entry`] by [`Document::new`].
#[derive(Debug, Clone)]
pub struct Document {
    /// Its name everywhere.
    pub key: EntryKey,
    /// The number of the change that brought it.
    pub arrival: i64,
    /// Its version at its origin.
    pub version: u64,
    /// Hash of the whole entry's JSON ([`domain::content_hash`]).
    pub content_hash: u64,
    /// Who may see it at all.
    pub visibility: Visibility,
    /// Its name as it is shown; the index folds it for sorting.
    pub name: String,
    /// When it was last changed, in microseconds since 1970 (UTC).
    pub modified: i64,
    /// When it was last verified, in days since 1970.
    pub verified: Option<i32>,
    /// First day on which it is there, in days since 1970.
    pub available_from: Option<i32>,
    /// Last day on which it is there, in days since 1970.
    pub available_until: Option<i32>,
    /// The facets' values; repeated ones count once. Taken from the widest form, so that they tell nobody more.
    pub facets: Vec<(Facet, SmolStr)>,
    /// URI of the organisation that stands for it when organisations are counted.
    pub organisation: Option<Arc<str>>,
    /// Latitude and longitude in degrees.
    pub points: Vec<(f32, f32)>,
    /// What the widest audience that may see it sees.
    pub form: Form,
    /// What narrower audiences see, where that differs: for each level above the widest.
    pub wider: Vec<(Level, Form)>,
}

impl Document {
    /// The widest audience that may see it.
    #[must_use]
    pub fn level(&self) -> Level {
        Level::of(self.visibility)
    }
}

/// 64 bits that stand for an entry's key in tables and in the text index.
///
/// The first eight bytes of SHA-256 over origin, a zero byte and the id: nobody can choose an id whose hash is that of
/// somebody else's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyHash(pub(crate) u64);
