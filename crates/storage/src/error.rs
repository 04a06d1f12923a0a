//! Why storage could not do what it was asked: what the caller may know and what only the log may know are apart.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

use crate::connection::Target;
use crate::{limits, opened};

/// What SQLite says of whatever the system refuses (`SQLITE_IOERR`).
const IO_ERROR: &str = "disk I/O error";
/// What to do about what SQLite says. Its words, which are all that it gives, and ours.
const ADVICE: [(&str, &str); 7] = [
    (
        "disk image is malformed",
        "the file is damaged: stop the node, keep a copy of it, and restore a backup into a new one with `lotse restore`",
    ),
    (
        "file is not a database",
        "put the right file back, or restore a backup into a new one with `lotse restore`",
    ),
    (
        IO_ERROR,
        "the system could not read or write it, or what lies beside it (-wal, -shm): look at the disk and the system's log",
    ),
    (
        "unable to open database file",
        "look at the permissions of the file and its folder, at what lies beside it (-wal, -shm), and at the limit on open \
         files (`ulimit -n`)",
    ),
    (
        "readonly database",
        "the user that the node runs as may not write the file, its folder, or what lies beside it (-wal, -shm), or it lies \
         on a file system that is mounted read-only",
    ),
    ("is full", "make room on the disk"),
    (
        "is locked",
        "another process holds it: see which one has it open (`fuser`)",
    ),
];

/// A shorthand for this crate's results.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// Why storage could not do what it was asked. `Display` and [`public`](Self::public) say what a caller may know,
/// [`log`](Self::log) what only the operator may.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The database cannot be reached, or stopped answering. If this happened during the commit, the outcome is
    /// unknown: repeat with the same idempotency key.
    #[error("the database cannot be reached at the moment")]
    Unavailable {
        /// What the driver said.
        log: String,
    },
    /// What stands in the place of the database is not the one that this process opened, or an older state of it. Only a
    /// new start goes on with it; reading from memory goes on.
    #[error("the database was replaced while it was in use")]
    Replaced {
        /// By what.
        log: String,
    },
    /// Others were writing for too long. Nothing was saved; trying again later helps.
    #[error("the database is busy at the moment")]
    Busy {
        /// What the driver said.
        log: String,
    },
    /// The disk or the quota of the database is full. Nothing was saved.
    #[error("the database has no room left")]
    Full {
        /// What the driver said.
        log: String,
    },
    /// The database was written by a newer version of this software, which this one must not touch.
    #[error("the database is newer ({found}) than this software ({known})")]
    NewerDatabase {
        /// The newest migration that the database has seen.
        found: String,
        /// The newest migration that this software knows.
        known: String,
    },
    /// The database must be migrated before it can be used.
    #[error("the database must be upgraded first: {} migrations are pending", pending.len())]
    PendingMigrations {
        /// Their names, oldest first.
        pending: Vec<String>,
    },
    /// The database belongs to a node with another base URL. The base URL is part of every entry's name.
    #[error("the database belongs to {found}, this node is configured as {configured}")]
    OtherOrigin {
        /// Whose it is.
        found: String,
        /// Who asks.
        configured: String,
    },
    /// The domain refused the command.
    #[error("{}", .0.detail)]
    Refused(Box<domain::Refusal>),
    /// What was asked contradicts what is stored.
    #[error("{}", .0.message())]
    Conflict(Conflict),
    /// There is no such thing.
    #[error("there is no such thing")]
    NotFound,
    /// An archive cannot be read back.
    #[error("the archive cannot be restored: line {line}: {message}")]
    Archive {
        /// Line of the archive, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The configured database URL is not usable.
    #[error("the database URL is not usable: {0}")]
    Url(&'static str),
    /// A file could not be read or written.
    #[error("a file could not be read or written: {log}")]
    File {
        /// Which one, and why.
        log: String,
    },
    /// What is stored cannot be understood.
    #[error("what is stored cannot be read")]
    Corrupt {
        /// Where, and why.
        log: String,
    },
    /// Anything else: a mistake in this software.
    #[error("something went wrong")]
    Internal {
        /// What the driver said.
        log: String,
    },
}

/// How what was asked contradicts what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// Another account has this e-mail address.
    EmailTaken,
    /// Something with this id exists already.
    IdTaken,
    /// The registration was decided before.
    AlreadyDecided,
    /// The registration is not approved.
    NotApproved,
    /// The registration was claimed before.
    AlreadyClaimed,
    /// The token has expired.
    Expired,
    /// The token was used before.
    AlreadyUsed,
    /// The same idempotency key came with another request.
    IdempotencyKeyReused,
    /// A restore needs a database without data.
    NotEmpty,
    /// The correction was closed before.
    AlreadyClosed,
    /// As many as may wait for somebody's attention are waiting; later there is room again.
    TooManyWaiting,
    /// As many corrections of this entry are open as may be.
    TooManyOfEntry,
    /// As many corrections of entries of this owner are open as may be.
    TooManyOfOwner,
    /// The organisation has as many members, or clients, as it may have.
    TooManyMembers,
    /// The password was changed since the old one was checked.
    PasswordChanged,
}

impl Conflict {
    /// A stable code for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EmailTaken => "email_taken",
            Self::IdTaken => "id_taken",
            Self::AlreadyDecided => "already_decided",
            Self::NotApproved => "not_approved",
            Self::AlreadyClaimed => "already_claimed",
            Self::Expired => "expired",
            Self::AlreadyUsed => "already_used",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::NotEmpty => "not_empty",
            Self::AlreadyClosed => "already_closed",
            Self::TooManyWaiting => "too_many_waiting",
            Self::TooManyOfEntry => "too_many_of_entry",
            Self::TooManyOfOwner => "too_many_of_owner",
            Self::TooManyMembers => "too_many_members",
            Self::PasswordChanged => "password_changed",
        }
    }

    /// What happened, in words for people.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::EmailTaken => "another account has this e-mail address",
            Self::IdTaken => "something with this id exists already",
            Self::AlreadyDecided => "this registration was decided before",
            Self::NotApproved => "this registration is not approved",
            Self::AlreadyClaimed => "this registration was claimed before",
            Self::Expired => "this token has expired",
            Self::AlreadyUsed => "this token was used before",
            Self::IdempotencyKeyReused => "this idempotency key came with another request before",
            Self::NotEmpty => "the database already holds data",
            Self::AlreadyClosed => "this correction was closed before",
            Self::TooManyWaiting => {
                "as many of these wait as somebody can look at: write to whoever runs this node (/imprint), or try again in some \
                 days"
            }
            Self::TooManyOfEntry => {
                "many reports about this entry wait already, and are looked at together: write to the organisation itself where \
                 yours says something new, or to whoever runs this node (/imprint)"
            }
            Self::TooManyOfOwner => {
                "many reports about entries of this organisation wait already: write to the organisation itself, or to whoever \
                 runs this node (/imprint)"
            }
            Self::TooManyMembers => {
                const {
                    assert!(limits::MEMBERS == 100 && limits::CLIENTS == 500);
                    assert!(limits::UNUSED_DAYS == 90);
                }
                "an organisation has at most 100 members and 100 clients, and 500 clients with those revoked within 90 days: \
                 take some away, or ask the coordinators of this node"
            }
            Self::PasswordChanged => "the password was changed in the meantime",
        }
    }
}

impl StorageError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "storage_unavailable",
            Self::Replaced { .. } => "storage_replaced",
            Self::Busy { .. } => "storage_busy",
            Self::Full { .. } => "storage_full",
            Self::NewerDatabase { .. } => "newer_database",
            Self::PendingMigrations { .. } => "pending_migrations",
            Self::OtherOrigin { .. } => "other_origin",
            Self::Refused(refusal) => refusal.reason.as_str(),
            Self::Conflict(conflict) => conflict.code(),
            Self::NotFound => "not_found",
            Self::Archive { .. } => "archive",
            Self::Url(_) => "database_url",
            Self::File { .. } => "file",
            Self::Corrupt { .. } => "corrupt",
            Self::Internal { .. } => "internal",
        }
    }

    /// What a caller may know.
    #[must_use]
    pub fn public(&self) -> String {
        self.to_string()
    }

    /// What only the operator's log may know. May name tables and constraints, never values of entries.
    #[must_use]
    pub fn log(&self) -> &str {
        match self {
            Self::Unavailable { log }
            | Self::Replaced { log }
            | Self::Busy { log }
            | Self::Full { log }
            | Self::File { log }
            | Self::Corrupt { log }
            | Self::Internal { log } => log,
            Self::Archive { message, .. } => message,
            _ => self.code(),
        }
    }

    /// Whether a caller should try again later (503 with `Retry-After`).
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::Replaced { .. }
                | Self::Busy { .. }
                | Self::Full { .. }
        )
    }

    /// Whether trying the same at once can help, given that nothing was committed.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Busy { .. })
    }

    /// With the file that the database's own words are about, and what to do: SQLite says neither. Every error on its way
    /// out of this crate goes through here, once or several times.
    #[must_use]
    pub(crate) fn about(mut self, target: &Target) -> Self {
        let Target::Sqlite(path) = target else {
            return self;
        };
        let shown = path.display().to_string();
        let log = match &mut self {
            Self::Unavailable { log }
            | Self::Replaced { log }
            | Self::Busy { log }
            | Self::Full { log }
            | Self::Corrupt { log }
            | Self::Internal { log } => log,
            _ => return self,
        };
        if log.contains(&shown) {
            return self;
        }
        let is_at_limit = log.contains(IO_ERROR) && opened::has_reached_limit(path);
        let advice = if is_at_limit {
            Some("no file of this process may grow any larger (`ulimit -f`): raise that limit")
        } else {
            ADVICE
                .iter()
                .find_map(|(words, advice)| log.contains(words).then_some(*advice))
        };
        *log = match advice {
            Some(advice) => format!("{shown}: {log}: {advice}"),
            None => format!("{shown}: {log}"),
        };
        if is_at_limit {
            let log = std::mem::take(log);
            return Self::Full { log };
        }
        self
    }

    pub(crate) fn corrupt(what: &str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt {
            log: format!("{what}: {why}"),
        }
    }

    pub(crate) fn file(path: &std::path::Path, why: &std::io::Error) -> Self {
        if matches!(
            why.kind(),
            std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge
        ) {
            return Self::Full {
                log: format!("{}: {why}", path.display()),
            };
        }
        Self::File {
            log: format!("{}: {why}", path.display()),
        }
    }
}

impl From<domain::Refusal> for StorageError {
    fn from(refusal: domain::Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<Conflict> for StorageError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl From<Diesel> for StorageError {
    fn from(error: Diesel) -> Self {
        let Diesel::DatabaseError(kind, information) = error else {
            return match error {
                Diesel::NotFound => Self::NotFound,
                Diesel::DeserializationError(why) => Self::Corrupt {
                    log: why.to_string(),
                },
                Diesel::BrokenTransactionManager => Self::Unavailable {
                    log: "the connection was lost inside a transaction".to_owned(),
                },
                other => Self::Internal {
                    log: other.to_string(),
                },
            };
        };
        let message = information.message();
        let log = match information.constraint_name() {
            Some(constraint) => format!("{message} ({constraint})"),
            None => message.to_owned(),
        };
        match kind {
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction => Self::Unavailable { log },
            DatabaseErrorKind::SerializationFailure => Self::Busy { log },
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::RestrictViolation
            | DatabaseErrorKind::ExclusionViolation => Self::Internal { log },
            _ => by_message(message, information.hint()).map_or_else(
                || Self::Internal { log: log.clone() },
                |class| class(log.clone()),
            ),
        }
    }
}

/// Diesel gives no SQLSTATE and no SQLite code for these, only their words.
fn by_message(message: &str, hint: Option<&str>) -> Option<fn(String) -> StorageError> {
    const FULL: [&str; 4] = [
        "database or disk is full",
        "No space left on device",
        "Disk quota exceeded",
        "disk full",
    ];
    const BUSY: [&str; 6] = [
        "database is locked",
        "table is locked",
        "schema is locked",
        "deadlock detected",
        "lock timeout",
        "could not serialize",
    ];
    const UNAVAILABLE: [&str; 10] = [
        "server closed the connection",
        "connection to server",
        "could not connect",
        "terminating connection",
        "no connection to the server",
        "connection not open",
        "SSL",
        IO_ERROR,
        "unable to open database file",
        "readonly database",
    ];
    const CORRUPT: [&str; 2] = ["malformed", "file is not a database"];
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&FULL) || hint.is_some_and(|hint| hint.contains("free disk space")) {
        Some(|log| StorageError::Full { log })
    } else if has(&BUSY) {
        Some(|log| StorageError::Busy { log })
    } else if has(&UNAVAILABLE) {
        Some(|log| StorageError::Unavailable { log })
    } else if has(&CORRUPT) {
        Some(|log| StorageError::Corrupt { log })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn of(words: &str) -> StorageError {
        let information: Box<dyn diesel::result::DatabaseErrorInformation + Send + Sync> =
            Box::new(words.to_owned());
        Diesel::DatabaseError(DatabaseErrorKind::Unknown, information).into()
    }

    #[test]
    fn each_of_sqlites_words_is_told_with_the_file_and_what_to_do() {
        let target = Target::Sqlite(PathBuf::from("/data/lotse.sqlite"));
        for (words, code, advice) in [
            (
                "database disk image is malformed",
                "corrupt",
                "restore a backup",
            ),
            (
                "file is not a database",
                "corrupt",
                "put the right file back",
            ),
            ("disk I/O error", "storage_unavailable", "-wal"),
            (
                "unable to open database file",
                "storage_unavailable",
                "permissions",
            ),
            (
                "attempt to write a readonly database",
                "storage_unavailable",
                "read-only",
            ),
            ("database or disk is full", "storage_full", "make room"),
            ("database is locked", "storage_busy", "another process"),
        ] {
            let told = of(words).about(&target).about(&target);
            assert_eq!(told.code(), code, "{told:?}");
            let log = told.log();
            assert!(log.starts_with("/data/lotse.sqlite: "), "{log}");
            assert!(log.contains(words) && log.contains(advice), "{log}");
            assert_eq!(log.matches("lotse.sqlite").count(), 1, "{log}");
        }
        let told = of("no such table: entry").about(&target);
        assert_eq!(told.log(), "/data/lotse.sqlite: no such table: entry");
        let elsewhere = Target::Postgres("postgres://u:secret@db.example/x".to_owned());
        assert_eq!(of("lock timeout").about(&elsewhere).log(), "lock timeout");
    }
}
