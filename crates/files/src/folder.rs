//! Folders: made below what is there, and known again.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// For its user alone.
const PRIVATE: u32 = 0o700;

/// A folder as it was when it was first looked at: what is moved or mounted in its place is another one.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    /// Device and inode; none where it was not there.
    known: Option<(u64, u64)>,
}

impl Folder {
    /// The folder that stands at `path` now.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            known: identity(path).ok(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is still there.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where it is gone or another one has taken its place, and those of the system.
    pub fn is_there(&self) -> io::Result<()> {
        let now = identity(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => gone("the folder is gone: it was moved or unmounted"),
            _ => error,
        })?;
        match self.known {
            Some(known) if known != now => Err(gone(
                "another folder has taken its place: it was moved or unmounted",
            )),
            _ => Ok(()),
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let there = path.metadata()?;
    if there.is_dir() {
        Ok((there.dev(), there.ino()))
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

fn gone(words: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, words)
}

/// The folder that something lies in.
#[must_use]
pub fn above(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    }
}

/// Makes a folder that only this user may enter, in one that is there. One that is there already stays as it is.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] where the folder that it lies in is not there, [`io::ErrorKind::NotADirectory`] where
/// something else has its name, and those of the system.
pub fn make(path: &Path) -> io::Result<()> {
    let made = DirBuilder::new().mode(PRIVATE).create(path);
    match made.map_err(|error| error.kind()) {
        Ok(()) => Ok(()),
        Err(io::ErrorKind::AlreadyExists) if path.is_dir() => Ok(()),
        Err(io::ErrorKind::AlreadyExists) => Err(io::ErrorKind::NotADirectory.into()),
        Err(io::ErrorKind::NotFound) => Err(gone("the folder that it lies in is not there")),
        Err(kind) => Err(kind.into()),
    }
}

/// Makes a folder with all that is above it: for whoever sets a node up, and for nobody else.
///
/// # Errors
/// Those of the system.
pub fn make_all(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(path)
}

/// Makes sure that the names of new files in a folder are there after a power cut, too.
///
/// # Errors
/// Those of the system.
pub fn sync(path: &Path) -> io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}
