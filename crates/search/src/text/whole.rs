//! The files of the text index, read as a whole and checked before anything is taken from them.
//!
//! tantivy would map them into memory: a file that is cut while it is mapped ends the process (SIGBUS), and a changed byte
//! is believed. Here a file is read once, its checksum is compared, and from then on its bytes in memory count, whatever
//! happens to the file. The cost is their size in memory; mapped and used, they would take as much.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::footer::Footer;
use tantivy::directory::{
    DirectoryLock, FileHandle, FileSlice, Lock, MmapDirectory, OwnedBytes, WatchCallback,
    WatchHandle, WritePtr,
};

/// Bits of a checksum.
const BITS: usize = 32;

/// A folder whose files are read as a whole. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct WholeFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Writes, removes and locks. It maps only what is read through it, and nothing is.
    folder: MmapDirectory,
    root: PathBuf,
    /// Files that were read and are still part of the index.
    read: Mutex<HashMap<PathBuf, OwnedBytes>>,
    /// Whether the index was given up: threads of the library that still work on it must not touch what takes its place.
    is_closed: RwLock<bool>,
}

impl WholeFiles {
    /// The files of `folder`, which is there.
    pub(crate) fn open(folder: &Path) -> tantivy::Result<Self> {
        Ok(Self(Arc::new(Inner {
            folder: MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?,
            root: folder.to_owned(),
            read: Mutex::default(),
            is_closed: RwLock::new(false),
        })))
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.0.root
    }

    /// From now on nothing is read, written or removed through any clone of it.
    pub(crate) fn close(&self) {
        *self.0.is_closed.write() = true;
    }

    /// Whether the files that were read are still what they were. It matters to the next start only: here their bytes in
    /// memory count.
    pub(crate) fn verify(&self) -> io::Result<()> {
        let read: Vec<PathBuf> = self.0.read.lock().keys().cloned().collect();
        for path in read {
            match checked(&self.0.root.join(&path)) {
                Ok(_) => {}
                // A merge has just taken its place.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound
                        && !self.0.read.lock().contains_key(&path) => {}
                Err(error) => {
                    return Err(io::Error::new(
                        error.kind(),
                        format!("{}: {error}", path.display()),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Does something to the folder, unless it was closed.
    fn open_still<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        let is_closed = self.0.is_closed.read();
        if *is_closed {
            return Err(io::Error::other("the text index was given up"));
        }
        Ok(work())
    }

    fn load(&self, path: &Path) -> io::Result<OwnedBytes> {
        if let Some(bytes) = self.0.read.lock().get(path) {
            return Ok(bytes.clone());
        }
        let bytes = checked(&self.0.root.join(path))?;
        let kept = bytes.clone();
        self.0.read.lock().insert(path.to_owned(), kept);
        Ok(bytes)
    }
}

/// The bytes of a file, if they are those that its checksum was made of.
fn checked(path: &Path) -> io::Result<OwnedBytes> {
    let bytes = OwnedBytes::new(files::read(path)?);
    let (footer, body) = Footer::extract_footer(FileSlice::new(Arc::new(bytes.clone())))?;
    if crc32fast::hash(&body.read_bytes()?) != footer.crc {
        return Err(damaged("its checksum differs"));
    }
    Ok(bytes)
}

fn damaged(words: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}

fn unreadable(error: io::Error, path: &Path) -> OpenReadError {
    if error.kind() == io::ErrorKind::NotFound {
        return OpenReadError::FileDoesNotExist(path.to_owned());
    }
    OpenReadError::wrap_io_error(error, path.to_owned())
}

/// The content of a file of JSON with its checksum: as blanks and tabs, which JSON has no meaning for at its end, so that
/// the library's own tools read it as well.
fn sealed(data: &[u8]) -> Vec<u8> {
    let sum = crc32fast::hash(data);
    let seal = (0..BITS).map(|bit| if sum >> bit & 1 == 0 { b' ' } else { b'\t' });
    data.iter().copied().chain(seal).collect()
}

/// The content of a file that was [`sealed`], and of one that the library's own tools wrote, which has no seal: where a
/// sealed one was cut, it is no JSON any more.
fn unsealed(mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if !matches!(bytes.last(), None | Some(b' ' | b'\t')) {
        return Ok(bytes);
    }
    let at = bytes.len().checked_sub(BITS);
    let at = at.ok_or_else(|| damaged("it is cut"))?;
    let (data, seal) = bytes.split_at(at);
    let mut sum = 0_u32;
    for (bit, byte) in seal.iter().enumerate() {
        match byte {
            b' ' => {}
            b'\t' => sum |= 1 << bit,
            _ => return Err(damaged("it has no checksum")),
        }
    }
    if sum != crc32fast::hash(data) {
        return Err(damaged("its checksum differs"));
    }
    bytes.truncate(at);
    Ok(bytes)
}

impl Directory for WholeFiles {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let loaded = self
            .open_still(|| self.load(path))
            .and_then(|loaded| loaded);
        let bytes = loaded.map_err(|error| unreadable(error, path))?;
        Ok(Arc::new(bytes))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let failed = |error: io::Error| DeleteError::IoError {
            io_error: Arc::new(error),
            filepath: path.to_owned(),
        };
        self.0.read.lock().remove(path);
        self.open_still(|| self.0.folder.delete(path))
            .map_err(failed)?
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.folder.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.open_still(|| self.0.folder.open_write(path))
            .map_err(|error| OpenWriteError::wrap_io_error(error, path.to_owned()))?
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let read = self.open_still(|| files::read(&self.0.root.join(path)));
        let read = read.and_then(|bytes| bytes).and_then(unsealed);
        read.map_err(|error| unreadable(error, path))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.open_still(|| self.0.folder.atomic_write(path, &sealed(data)))?
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.open_still(|| self.0.folder.sync_directory())?
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.0.folder.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.0.folder.watch(callback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_as_a_whole_is_read_as_it_was_written_or_not_at_all() {
        let content = br#"{"segments":[1]}"#;
        let written = sealed(content);
        let read = |bytes: Vec<u8>| -> Option<serde_json::Value> {
            serde_json::from_slice(&unsealed(bytes).ok()?).ok()
        };
        let whole = read(content.to_vec());
        assert!(whole.is_some() && read(written.clone()) == whole);
        for at in 0..written.len() {
            for bit in 0..8 {
                let mut flipped = written.clone();
                if let Some(byte) = flipped.get_mut(at) {
                    *byte ^= 1 << bit;
                }
                let flipped = read(flipped);
                assert!(flipped.is_none() || flipped == whole, "byte {at}");
            }
            let cut = read(written[..at].to_vec());
            assert!(cut.is_none() || cut == whole, "cut at {at}");
        }
        assert!(read(Vec::new()).is_none());
    }

    #[test]
    fn what_happens_to_a_file_after_it_was_read_changes_nothing_and_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = WholeFiles::open(folder.path()).expect("there");
        let managed = tantivy::directory::ManagedDirectory::wrap(Box::new(files.clone()));
        let path = Path::new("a.term");
        let mut writer = managed.expect("empty").open_write(path).expect("new");
        std::io::Write::write_all(&mut writer, b"words").expect("written");
        tantivy::directory::TerminatingWrite::terminate(writer).expect("written");
        let read = || {
            files
                .get_file_handle(path)
                .map(|file| file.read_bytes(0..5))
        };
        let is_whole = || read().is_ok_and(|bytes| bytes.is_ok_and(|bytes| &*bytes == b"words"));
        assert!(is_whole() && files.verify().is_ok());
        std::fs::write(folder.path().join(path), b"wor").expect("cut");
        assert!(is_whole() && files.verify().is_err());
        let other = WholeFiles::open(folder.path()).expect("there");
        assert!(other.get_file_handle(path).is_err());
    }

    #[test]
    fn nothing_is_written_where_the_index_was_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = WholeFiles::open(folder.path()).expect("there");
        files.atomic_write(Path::new("a"), b"1").expect("written");
        let other = files.clone();
        files.close();
        assert!(other.atomic_write(Path::new("a"), b"2").is_err());
        assert!(other.open_write(Path::new("b")).is_err());
        assert!(other.atomic_read(Path::new("a")).is_err());
        assert_eq!(folder.path().read_dir().expect("readable").count(), 1);
    }
}
