//! What can be wrong with the journal. Each has its own sentence.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Why the journal cannot be read or written, or may not be believed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {trouble}", path.display())]
pub struct JournalError {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// There is none, though this node has written one.
    #[error("there is no journal, though statements have been published. {ADVICE}")]
    Missing,
    /// It stands before what the database says was written.
    #[error(
        "the journal ends with line {lines}, and {written} have been written: it was emptied or cut, or is an older copy. \
         {ADVICE}"
    )]
    Behind {
        /// Lines that are there.
        lines: u64,
        /// Lines that there were.
        written: u64,
    },
    /// It says less than the feeds.
    #[error(
        "the journal says less than what was published: it was emptied or cut, or is an older copy. {ADVICE}"
    )]
    Lost,
    /// Its lines do not follow on from one another.
    #[error(
        "line {line} does not follow on from the one before: a line was changed or taken out. {ADVICE}"
    )]
    Broken {
        /// Which line of the file, from 1.
        line: u64,
    },
    /// A line is no line of a journal.
    #[error("line {line} cannot be understood ({why}). {ADVICE}")]
    Unreadable {
        /// Which line of the file, from 1.
        line: u64,
        /// Why.
        why: String,
    },
    /// It is whole, but not what this database was written with.
    #[error(
        "line {line} is not the one that the database was written with: the two do not belong together. {ADVICE}"
    )]
    Differs {
        /// Which line, of all that were ever written.
        line: u64,
    },
    /// It belongs to another database of this node.
    #[error("this is the journal of another database of this node. {ADVICE}")]
    OtherDatabase,
    /// It belongs to another node.
    #[error("this is the journal of the node {node}. {ADVICE}")]
    OtherNode {
        /// Which.
        node: String,
    },
    /// A folder stands in its place.
    #[error("this is a folder, and the journal is a file")]
    Folder,
    /// Nothing more can be written.
    #[error("the disk or the quota is full; it goes on by itself once there is room")]
    Full,
    /// It may not be read or written.
    #[error("this user may not read and write it")]
    Forbidden,
    /// Another process has held it for too long.
    #[error("another process holds it")]
    Held,
    /// Something else is wrong with the file.
    #[error("{0}")]
    File(String),
}

/// What an operator does.
const ADVICE: &str = "Nothing is published until it is put back or, if the database was never put back to an older state, an \
    admin runs `lotse journal accept`; else `lotse new-epoch --recovery-key FILE`";

impl JournalError {
    pub(super) fn new(path: &Path, trouble: Trouble) -> Self {
        Self {
            path: path.to_owned(),
            trouble,
        }
    }

    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.trouble {
            Trouble::Missing => "no_journal",
            Trouble::Behind { .. } | Trouble::Lost => "journal_behind",
            Trouble::Broken { .. } | Trouble::Unreadable { .. } => "journal_broken",
            Trouble::Differs { .. } | Trouble::OtherDatabase | Trouble::OtherNode { .. } => {
                "other_journal"
            }
            _ => "journal",
        }
    }

    /// What anybody may know: no paths, no words of libraries.
    #[must_use]
    pub fn public(&self) -> &'static str {
        match &self.trouble {
            Trouble::Missing => "it is missing",
            Trouble::Behind { .. } | Trouble::Lost => "it was emptied or cut",
            Trouble::Broken { .. } | Trouble::Unreadable { .. } => "a line of it was changed",
            Trouble::Differs { .. } | Trouble::OtherDatabase => "it belongs to another database",
            Trouble::OtherNode { .. } => "it belongs to another node",
            Trouble::Full => "there is no room for it",
            _ => "it cannot be read and written",
        }
    }

    /// Whether the file is there for nothing: only an admin can say how to go on.
    #[must_use]
    pub fn needs_an_admin(&self) -> bool {
        self.code() != "journal"
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::IsADirectory => Self::Folder,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Forbidden,
            ErrorKind::WouldBlock => Self::Held,
            ErrorKind::InvalidData => Self::Unreadable {
                line: 0,
                why: error.to_string(),
            },
            _ => Self::File(error.to_string()),
        }
    }
}
