//! Which files a connection to SQLite has open, and whether they are still those that their names stand for.
//!
//! A process keeps what it has opened when the file is deleted, moved away or replaced, and SQLite goes on to write into
//! it: what is committed there, nobody finds again. So the names are looked up before each use and, after a commit,
//! before anybody is told of it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{Result, StorageError};

/// Bytes of the head of a database.
const HEAD: usize = 100;
/// What it begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Bytes that are written at least at once: the largest page of SQLite, with the head of a frame.
const PAGE: u64 = 65_536 + 32;

/// A file, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for File {
    fn from(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
        }
    }
}

/// The files of one connection.
#[derive(Debug)]
pub(crate) struct Files {
    path: PathBuf,
    database: File,
    /// Bytes of the database that were there.
    length: u64,
    /// The write-ahead log and the memory that processes share about it.
    beside: Vec<(PathBuf, File)>,
}

impl Files {
    /// The database that stands at a path now.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] where there is none.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let found = look(path)?.ok_or_else(|| gone(path))?;
        Ok(Self {
            path: path.to_owned(),
            database: File::from(&found),
            length: found.len(),
            beside: Vec::new(),
        })
    }

    /// Notes what has been opened beside the database. To be called once something was read.
    pub(crate) fn opened(&mut self) -> Result<()> {
        for path in beside(&self.path) {
            if let Some(found) = look(&path)? {
                self.beside.push((path, File::from(&found)));
            }
        }
        self.check()
    }

    /// Refuses to go on with files that others would no longer find.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`]: the connection must be closed. Another one may find the right files.
    pub(crate) fn check(&mut self) -> Result<()> {
        let found = look(&self.path)?.ok_or_else(|| gone(&self.path))?;
        if File::from(&found) != self.database {
            return Err(unusable(&self.path, "another file has taken its place"));
        }
        // It becomes shorter when it is written anew, and then says so itself.
        if found.len() < self.length && !is_whole(&self.path, found.len()) {
            return Err(unusable(&self.path, "it was cut while it was in use"));
        }
        self.length = found.len();
        for (path, opened) in &self.beside {
            match look(path)? {
                None => return Err(gone(path)),
                Some(found) if File::from(&found) != *opened => {
                    return Err(unusable(path, "another file has taken its place"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Refuses a database that is not there, and one whose log of writes was deleted while somebody had it open: SQLite would
/// write into a new log by the other's notes about the old one, and nobody could read it again.
pub(crate) fn can_be_opened(path: &Path) -> Result<()> {
    Files::at(path)?;
    only_files(path)?;
    let [log, shared] = beside(path);
    if look(&log)?.is_none() && look(&shared)?.is_some() {
        return Err(gone(&log));
    }
    Ok(())
}

/// Refuses anything but ordinary files in the place of the database and of what SQLite makes beside it. SQLite says of a
/// folder that it is *unable to open* something, and would wait at a pipe for ever.
pub(crate) fn only_files(path: &Path) -> Result<()> {
    let mut rollback = path.to_owned().into_os_string();
    rollback.push("-journal");
    let beside = beside(path).into_iter().chain([PathBuf::from(rollback)]);
    for path in [path.to_owned()].into_iter().chain(beside) {
        if let Err(error) = files::refuse_what_is_no_file(&path) {
            let why = match error.kind() {
                ErrorKind::IsADirectory => {
                    "this is a folder, where a file of the database is expected: move it away"
                        .to_owned()
                }
                ErrorKind::Other => format!("{error}: move it away"),
                _ => error.to_string(),
            };
            return Err(unusable(&path, &why));
        }
    }
    Ok(())
}

/// Whether the database or its log is as large as a file of this process may be (`ulimit -f`).
pub(crate) fn has_reached_limit(path: &Path) -> bool {
    let Some(largest) = files::largest() else {
        return false;
    };
    let [log, _] = beside(path);
    let length = |path: &Path| fs::metadata(path).map_or(0, |there| there.len());
    // The next page, with the head of its frame in the log, would go beyond it.
    length(path).max(length(&log)).saturating_add(PAGE) > largest
}

/// The write-ahead log, and the memory that processes share about it.
fn beside(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|end| {
        let mut path = path.to_owned().into_os_string();
        path.push(end);
        PathBuf::from(path)
    })
}

/// What the head of a database's file said when it was last looked at, so that another file that is copied over it *in place*
/// is noticed: the name, the inode and often the length stay the same then.
#[derive(Debug, Default)]
pub(crate) struct Heads(Mutex<Looked>);

#[derive(Debug, Default)]
struct Looked {
    /// Which file that is.
    file: Option<File>,
    /// When the file was last changed, in seconds and nanoseconds, and how long it is: what did not change is not read again.
    changed: (i64, i64, u64),
    head: Option<Head>,
    /// What took its place. Only a new start goes on then.
    replaced: Option<String>,
}

/// What stays or only grows (<https://sqlite.org/fileformat.html>, 1.3.6 and 1.3.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    /// Grows whenever the first page is written.
    counter: u32,
    /// Which database it is; 0 in one that no node of this version has opened yet.
    application: u32,
}

impl Heads {
    /// Refuses a database that is another one, or an older state of it, by its head.
    ///
    /// # Errors
    /// [`StorageError::Replaced`], from then on always.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        let mut looked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(found) = fs::metadata(path) else {
            return Ok(());
        };
        // Another file under its name is told by others, and the first one may come back.
        if *looked.file.get_or_insert(File::from(&found)) != File::from(&found) {
            return Ok(());
        }
        if looked.replaced.is_none() {
            let changed = (found.mtime(), found.mtime_nsec(), found.len());
            if looked.changed != changed {
                looked.changed = changed;
                looked.follow(read_head(path));
            }
        }
        match &looked.replaced {
            Some(by) => Err(StorageError::Replaced {
                log: format!(
                    "{}: {by} was copied over it: stop the node, put the right file there, and start it again",
                    path.display()
                ),
            }),
            None => Ok(()),
        }
    }
}

impl Looked {
    fn follow(&mut self, head: Option<[u8; HEAD]>) {
        let Some(head) = head else { return };
        if !head.starts_with(MAGIC) {
            self.replaced = Some("something that is no database".to_owned());
            return;
        }
        let number = |at: usize| {
            let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_be_bytes)
        };
        let head = Head {
            counter: number(24),
            application: number(68),
        };
        let by = match self.head {
            Some(before) if before.application != 0 && before.application != head.application => {
                Some("another database")
            }
            Some(before) if head.counter < before.counter => Some("an older state"),
            _ => None,
        };
        self.replaced = by.map(str::to_owned);
        self.head = Some(head);
    }
}

/// Files whose heads were read, open for as long as this process lives: to close one would take away the locks that SQLite
/// holds on it, of all connections of the process (<https://sqlite.org/howtocorrupt.html>, 2.2).
static OPEN: Mutex<Vec<(File, fs::File)>> = Mutex::new(Vec::new());

/// The head of a file that is long enough to have one: one that is being copied is shorter for a moment.
fn read_head(path: &Path) -> Option<[u8; HEAD]> {
    let mut head = [0; HEAD];
    let wanted = File::from(&fs::metadata(path).ok()?);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !open.iter().any(|(known, _)| *known == wanted) {
        let file = files::open_to_read(path).ok()?;
        open.push((File::from(&file.metadata().ok()?), file));
    }
    let (_, file) = open.iter().find(|(known, _)| *known == wanted)?;
    file.read_exact_at(&mut head, 0).ok()?;
    Some(head)
}

/// Whether a database has as many pages as its first one says (<https://sqlite.org/fileformat.html>, 1.3.2 and 1.3.7).
fn is_whole(path: &Path, length: u64) -> bool {
    let Some(head) = read_head(path) else {
        return false;
    };
    let (Some(size), Some(pages)) = (
        head.get(16..18).and_then(|bytes| bytes.try_into().ok()),
        head.get(28..32).and_then(|bytes| bytes.try_into().ok()),
    ) else {
        return false;
    };
    let size = match u16::from_be_bytes(size) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes(pages));
    pages > 0 && size > 0 && pages.saturating_mul(size) <= length
}

fn look(path: &Path) -> Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, &error.to_string())),
    }
}

fn gone(path: &Path) -> StorageError {
    unusable(path, "the file is gone")
}

fn unusable(path: &Path, why: &str) -> StorageError {
    StorageError::Unavailable {
        log: format!("{}: {why}", path.display()),
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::*;

    fn refused(files: &mut Files) -> String {
        files.check().unwrap_err().log().to_owned()
    }

    #[test]
    fn a_file_that_is_gone_replaced_or_cut_is_told_and_one_that_is_back_is_fine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.sqlite");
        assert!(Files::at(&path).is_err());
        fs::write(&path, "0123456789").unwrap();
        fs::write(folder.path().join("d.sqlite-wal"), "log").unwrap();
        let mut files = Files::at(&path).unwrap();
        files.opened().unwrap();

        let away = folder.path().join("away");
        fs::rename(&path, &away).unwrap();
        assert!(refused(&mut files).ends_with("d.sqlite: the file is gone"));
        fs::copy(&away, &path).unwrap();
        assert!(refused(&mut files).contains("another file"));
        fs::rename(&away, &path).unwrap();
        files.check().unwrap();

        fs::write(&path, "01234").unwrap();
        assert!(refused(&mut files).contains("cut"));
        fs::write(&path, "0123456789ab").unwrap();
        files.check().unwrap();
        // Written anew with fewer pages, as its head then says.
        let mut shorter = [0; HEAD];
        shorter[17] = 10;
        shorter[31] = 10;
        fs::write(&path, [0; 200]).unwrap();
        files.check().unwrap();
        fs::write(&path, shorter).unwrap();
        files.check().unwrap();
        shorter[31] = 11;
        fs::write(&path, [0; 200]).unwrap();
        files.check().unwrap();
        fs::write(&path, shorter).unwrap();
        assert!(refused(&mut files).contains("cut"));
        fs::write(&path, [0; 200]).unwrap();
        files.check().unwrap();
        fs::remove_file(folder.path().join("d.sqlite-wal")).unwrap();
        assert!(refused(&mut files).ends_with("d.sqlite-wal: the file is gone"));
    }
}
