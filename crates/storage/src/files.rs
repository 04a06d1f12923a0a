//! Which files a connection to SQLite has open, and whether they are still those that their names stand for.
//!
//! A process keeps what it has opened when the file is deleted, moved away or replaced, and SQLite goes on to write into
//! it: what is committed there, nobody finds again. So the names are looked up before each use and, after a commit,
//! before anybody is told of it.

use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::{Result, StorageError};

/// Bytes of the head of a database.
const HEAD: usize = 100;

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
    let [log, shared] = beside(path);
    if look(&log)?.is_none() && look(&shared)?.is_some() {
        return Err(gone(&log));
    }
    Ok(())
}

/// The write-ahead log, and the memory that processes share about it.
fn beside(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|end| {
        let mut path = path.to_owned().into_os_string();
        path.push(end);
        PathBuf::from(path)
    })
}

/// Whether a database has as many pages as its first one says (<https://sqlite.org/fileformat.html>, 1.3.2 and 1.3.7).
fn is_whole(path: &Path, length: u64) -> bool {
    let mut head = [0; HEAD];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let (Ok(()), Some(size), Some(pages)) = (
        read,
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
