//! The parts of a process, and what it can do with them.

use chrono::{DateTime, Utc};

/// A part that can fail by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The columns in memory, from which everything but text is read.
    Index,
    /// Full text.
    Text,
    /// The database: it answers, and lets a write begin.
    Database,
    /// The database is the one that the journal and the keys know, and its file is still the one that was opened.
    Identity,
    /// The file system of the data folder: files can be written.
    Disk,
    /// The restore journal.
    Journal,
    /// Signing what has changed here.
    Publishing,
    /// Looking after peers. A single peer that does not answer is no failure of this node.
    Following,
}

impl Part {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Index,
        Self::Text,
        Self::Database,
        Self::Identity,
        Self::Disk,
        Self::Journal,
        Self::Publishing,
        Self::Following,
    ];

    /// Its name in answers, metrics and the log; it never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Text => "text",
            Self::Database => "database",
            Self::Identity => "identity",
            Self::Disk => "disk",
            Self::Journal => "journal",
            Self::Publishing => "publishing",
            Self::Following => "following",
        }
    }
}

/// Something that the process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// Lists, filters, ids, coverage: from memory, whatever the database does.
    Reading,
    /// Taking changes.
    Writing,
    /// Telling other nodes what has changed here.
    Publishing,
    /// Finding by words.
    Text,
    /// Hearing of what other nodes have changed.
    Following,
}

impl Ability {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Reading,
        Self::Writing,
        Self::Publishing,
        Self::Text,
        Self::Following,
    ];

    /// Its name in questions and answers; it never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::Publishing => "publishing",
            Self::Text => "text",
            Self::Following => "following",
        }
    }

    /// The ability of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ability| ability.name() == name)
    }

    /// The parts that have to work.
    #[must_use]
    pub fn takes(self) -> &'static [Part] {
        match self {
            Self::Reading => &[Part::Index],
            Self::Writing => &[Part::Database, Part::Identity, Part::Disk],
            Self::Publishing => &[
                Part::Database,
                Part::Identity,
                Part::Journal,
                Part::Publishing,
            ],
            Self::Text => &[Part::Index, Part::Text],
            Self::Following => &[Part::Database, Part::Following],
        }
    }
}

/// Whether a part works. The later is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It works.
    Ok,
    /// It does not work yet, and will by itself.
    Starting,
    /// It does not work.
    Failing,
}

impl Status {
    /// Its name in answers; it never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Starting => "starting",
            Self::Failing => "failing",
        }
    }
}

/// How a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Whether it works.
    pub status: Status,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What anybody may know of it; empty where it works.
    pub words: &'static str,
}
