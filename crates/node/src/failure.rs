//! Why a command ended: one line that says what to do.

use std::fmt;

/// Why a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure in words.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        // One line, whatever a library wrote.
        let words = words.into();
        let words: Vec<&str> = words.split_whitespace().collect();
        Self(without_numbers(&words.join(" ")))
    }
}

/// Without the numbers that the standard library adds to an error of the system: they say nothing that the words do not.
fn without_numbers(words: &str) -> String {
    let mut parts = words.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once(')') {
        Some((_, rest)) => text + rest,
        None => text + part,
    })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<storage::StorageError> for Failure {
    fn from(error: storage::StorageError) -> Self {
        use storage::StorageError as E;
        Self::new(match &error {
            E::NewerDatabase { found, known } => format!(
                "the database was written by a newer version of lotse (it has {found}, this one knows up to {known}): use that version, or restore a backup"
            ),
            E::PendingMigrations { pending } => format!(
                "the database has to be upgraded first ({}): make a backup, then run `lotse migrate`",
                pending.join(", ")
            ),
            E::OtherOrigin { found, configured } => format!(
                "the database belongs to the node {found}, but base_url says {configured}: the base URL is part of every entry's name and may not change"
            ),
            E::Refused(refusal) => refusal.to_string(),
            // At the console the operator reads what only the log would have.
            E::Full { log } => {
                format!("there is no room left: {log}")
            }
            E::Unavailable { log }
            | E::Replaced { log }
            | E::Busy { log }
            | E::Corrupt { log }
            | E::Internal { log } => {
                format!("{error}: {log}")
            }
            E::File { log } => log.clone(),
            other => other.to_string(),
        })
    }
}

impl From<search::IndexError> for Failure {
    fn from(error: search::IndexError) -> Self {
        Self::new(format!("the search index cannot be used: {error}"))
    }
}

impl From<http::Problem> for Failure {
    fn from(problem: http::Problem) -> Self {
        Self::new(problem.to_string())
    }
}

/// A failure about a file or folder.
pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind as K;
    let path = path.display();
    Failure::new(match error.kind() {
        K::StorageFull => {
            format!("{path}: there is no room, the disk is full: make some, then try again")
        }
        K::QuotaExceeded => {
            format!("{path}: this user's quota of the disk is used up: make room, then try again")
        }
        K::FileTooLarge => format!(
            "{path}: there is no room: no file may grow that large here (`ulimit -f`, or a limit of the file system): raise the limit, then try again"
        ),
        K::ReadOnlyFilesystem => format!(
            "{path}: it lies on a file system that is mounted read-only: mount it so that it can be written"
        ),
        K::PermissionDenied => {
            format!("{path}: the user that the node runs as has no permission for it")
        }
        K::IsADirectory => format!("{path}: this is a folder, where a file is expected"),
        K::NotADirectory => format!("{path}: a part of this path is no folder"),
        _ => format!("{path}: {error}"),
    })
}

impl From<federation::FederationError> for Failure {
    fn from(error: federation::FederationError) -> Self {
        use federation::FederationError as E;
        match error {
            E::Storage(error) => error.into(),
            // At the console the operator reads what only the log would have.
            E::Outbound(error) => Self::new(format!("{} ({})", error.public(), error.log())),
            E::Internal { log } => Self::new(format!("something went wrong: {log}")),
            error => Self::new(error.to_string()),
        }
    }
}
