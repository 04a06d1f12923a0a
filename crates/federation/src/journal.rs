//! The restore journal as a file outside of the database: see [`crate::protocol::journal`].
//!
//! One JSON value to a line, only ever added to, each line on the disk before the database commits what it speaks of.
//! Where several processes publish for one node they share the file; the lock of all writers orders them.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::protocol::journal::{Journal, Mark, Remembered};

/// Bytes from which on the file is written anew, shorter, when a process starts.
const LONG: u64 = 4 * 1024 * 1024;

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// Statements that are about to be published.
    Feed(Mark),
    /// An identity document of this node.
    Document(String),
    /// A node of which nothing is wanted.
    Denied(String),
    /// A node of which something is wanted again.
    Allowed(String),
}

/// What the file says.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// What was published.
    pub feeds: Arc<Remembered>,
    /// The identity documents, oldest first.
    pub documents: Vec<String>,
    /// Nodes of which nothing is wanted.
    pub denied: Vec<String>,
}

impl Written {
    fn take(&mut self, line: Line) {
        match line {
            Line::Feed(mark) => Arc::make_mut(&mut self.feeds).take(mark),
            Line::Document(document) => self.documents.push(document),
            Line::Denied(node) => {
                self.denied.retain(|denied| *denied != node);
                self.denied.push(node);
            }
            Line::Allowed(node) => self.denied.retain(|denied| *denied != node),
        }
    }
}

/// The file. Cloning shares what was read of it.
#[derive(Debug, Clone)]
pub struct FileJournal {
    path: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

/// How far the file was read.
#[derive(Debug, Default)]
struct Seen {
    /// Which file that was.
    inode: u64,
    /// Up to the end of its last whole line.
    length: u64,
    written: Written,
}

/// Why the journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct JournalError {
    path: PathBuf,
    why: String,
}

impl FileJournal {
    /// The journal in the folder `folder`, which is made when something is written.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join("journal.jsonl"),
            seen: Arc::default(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says. `None` where there is none.
    ///
    /// # Errors
    /// [`JournalError`], also for a line that cannot be understood.
    pub fn read(&self) -> Result<Option<Written>, JournalError> {
        Ok(self.look()?.map(|seen| seen.written.clone()))
    }

    /// What it says was published. `None` where there is none.
    ///
    /// # Errors
    /// As [`FileJournal::read`].
    pub fn feeds(&self) -> Result<Option<Arc<Remembered>>, JournalError> {
        let seen = self.look()?;
        Ok(seen.map(|seen| Arc::clone(&seen.written.feeds)))
    }

    /// The number of the newest identity document.
    ///
    /// # Errors
    /// As [`FileJournal::read`].
    pub fn newest_document(&self) -> Result<Option<u64>, JournalError> {
        let seen = self.look()?;
        let newest = seen.and_then(|seen| {
            let last = seen.written.documents.last()?;
            let document: serde_json::Value = serde_json::from_str(last).ok()?;
            document.pointer("/lotse/sequence")?.as_u64()
        });
        Ok(newest)
    }

    /// Reads what is new. `None` where there is no file.
    fn look(&self) -> Result<Option<MutexGuard<'_, Seen>>, JournalError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error(error)),
        };
        let there = file.metadata().map_err(|error| self.error(error))?;
        if there.ino() != seen.inode || there.len() < seen.length {
            *seen = Seen {
                inode: there.ino(),
                ..Seen::default()
            };
        }
        if there.len() > seen.length {
            let mut text = String::new();
            file.seek(SeekFrom::Start(seen.length))
                .and_then(|_| file.read_to_string(&mut text))
                .map_err(|error| self.error(error))?;
            // A line without its end was being written when the power went: nothing of it was committed.
            let whole = text.rfind('\n').map_or(0, |at| at + 1);
            for line in text.get(..whole).unwrap_or_default().lines() {
                let line = serde_json::from_str(line).map_err(|error| self.error(error))?;
                seen.written.take(line);
            }
            seen.length += whole as u64;
        }
        Ok(Some(seen))
    }

    /// Writes an identity document down.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn document(&self, document: &str) -> Result<(), JournalError> {
        self.add(&Line::Document(document.to_owned()))
    }

    /// Writes down that nothing of a node is wanted, or that it is again.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn denied(&self, node: &str, denied: bool) -> Result<(), JournalError> {
        let node = node.to_owned();
        self.add(&if denied {
            Line::Denied(node)
        } else {
            Line::Allowed(node)
        })
    }

    /// Makes an empty journal where there is none, because an admin says that the database was not put back.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn begin(&self) -> Result<(), JournalError> {
        self.open().map(drop)
    }

    /// Writes the file anew without what no longer counts, where it has become long. To be called under the lock of all
    /// writers: what another process added meanwhile would be lost.
    ///
    /// # Errors
    /// [`JournalError`]; then the old file is still there.
    pub fn shorten(&self) -> Result<(), JournalError> {
        let long = std::fs::metadata(&self.path).is_ok_and(|there| there.len() > LONG);
        let Some(written) = self.read()?.filter(|_| long) else {
            return Ok(());
        };
        let part = self.path.with_extension("part");
        let lines = written
            .documents
            .into_iter()
            .map(Line::Document)
            .chain(written.denied.into_iter().map(Line::Denied))
            .chain(written.feeds.shortened().into_iter().map(Line::Feed));
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(&line).map_err(|error| self.error(error))?);
            text.push('\n');
        }
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, &self.path)?;
            self.sync_folder()
        };
        write().map_err(|error| self.error(error))
    }

    fn add(&self, line: &Line) -> Result<(), JournalError> {
        // Also finds out where the last whole line ends.
        drop(self.look()?);
        let mut text = serde_json::to_string(line).map_err(|error| self.error(error))?;
        text.push('\n');
        let mut file = self.open()?;
        let end = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .length;
        let write = |file: &mut File| -> std::io::Result<()> {
            if file.metadata()?.len() > end {
                file.set_len(end)?;
            }
            file.seek(SeekFrom::End(0))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write(&mut file).map_err(|error| self.error(error))
    }

    fn open(&self) -> Result<File, JournalError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let made = std::os::unix::fs::DirBuilderExt::mode(
            std::fs::DirBuilder::new().recursive(true),
            0o700,
        )
        .create(folder);
        let open = || {
            let new = !self.path.exists();
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&self.path)?;
            if new {
                self.sync_folder()?;
            }
            Ok(file)
        };
        made.and_then(|()| open())
            .map_err(|error| self.error(error))
    }

    /// Makes sure that the name of a new file is there after a power cut, too.
    fn sync_folder(&self) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn error(&self, why: impl std::fmt::Display) -> JournalError {
        JournalError {
            path: self.path.clone(),
            why: why.to_string(),
        }
    }
}

impl Journal for FileJournal {
    type Error = JournalError;

    fn remembered(&mut self) -> Result<Option<Arc<Remembered>>, JournalError> {
        self.feeds()
    }

    fn write(&mut self, mark: &Mark) -> Result<(), JournalError> {
        self.add(&Line::Feed(mark.clone()))
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::feed::FeedName;

    fn mark(base: u64, seq: u64) -> Mark {
        Mark {
            feed: FeedName::Public,
            epoch: 1,
            base,
            seq,
            arrival: 0,
            committed: false,
            deleted: vec!["019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10".parse().unwrap()],
            withdrawn: Vec::new(),
            returned: Vec::new(),
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_was_written_is_read_by_every_process_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, other) = (
            FileJournal::in_folder(folder.path()),
            FileJournal::in_folder(folder.path()),
        );
        assert!(one.read().unwrap().is_none());
        one.write(&mark(0, 3)).unwrap();
        one.denied("https://b.example", true).unwrap();
        let mut torn = OpenOptions::new().append(true).open(one.path()).unwrap();
        torn.write_all(b"{\"feed\":{\"feed\":\"pub").unwrap();
        let read = other.read().unwrap().unwrap();
        assert_eq!(read.feeds.last(FeedName::Public).unwrap().seq, 3);
        assert_eq!(read.denied, ["https://b.example"]);
        other.denied("https://b.example", false).unwrap();
        other.document("{}").unwrap();
        let read = one.read().unwrap().unwrap();
        assert!(read.denied.is_empty());
        assert_eq!(read.documents, ["{}"]);
        assert_eq!(read.feeds.deleted().len(), 1);
    }

    #[test]
    fn a_line_that_cannot_be_understood_is_said_and_not_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let journal = FileJournal::in_folder(folder.path());
        journal.document("{}").unwrap();
        let mut file = OpenOptions::new()
            .append(true)
            .open(journal.path())
            .unwrap();
        file.write_all(b"rubbish\n").unwrap();
        assert!(journal.read().is_err());
    }
}
