//! The one place where files are opened and folders made: only ordinary files are opened, and a running node makes no
//! folder where its data folder stood.
//!
//! Opening a named pipe waits for its other end, for ever and against every signal; a device may do anything. And whoever
//! makes a folder *with all that is above it* makes one in the place of a volume that was unmounted, or of a folder that was
//! moved, which then can no longer be moved back. `cargo xtask test` looks for other ways to open and make.

mod folder;

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::{Resource, getrlimit};

pub use folder::{Folder, above, make, make_all, sync};

/// Opens an ordinary file, or makes one where `options` say so.
///
/// # Errors
/// Those of the system; [`io::ErrorKind::IsADirectory`] for a folder, and one in words for a pipe, a socket or a device.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    match path.metadata() {
        Ok(there) => refuse_other(there.file_type())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Something else may take its place just now: without waiting, and looked at once more. Ordinary files know no waiting.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    refuse_other(file.metadata()?.file_type())?;
    Ok(file)
}

/// The same, to read.
///
/// # Errors
/// As [`open`].
pub fn open_to_read(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true))
}

/// Reads an ordinary file.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_to_read(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads an ordinary file of text.
///
/// # Errors
/// As [`open`]; [`io::ErrorKind::InvalidData`] for what is not UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_to_read(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a file as a whole: under the name `part` beside it, for its user alone, and then in the place of what `path` names.
/// Whoever is killed in between leaves the part, which is locked for as long as it is being written.
///
/// # Errors
/// As [`open`]; then `path` stands for what it stood for before.
pub fn replace(path: &Path, part: &Path, bytes: &[u8]) -> io::Result<()> {
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = open(part, &mut options)?;
        file.lock()?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(part, path)?;
        sync(above(path))
    };
    let written = write();
    if written.is_err() {
        let _ = std::fs::remove_file(part);
    }
    written
}

/// Refuses what has no end that is its own: all but ordinary files, which have to be readable, and pipes, whose other end is
/// not waited for.
///
/// # Errors
/// As [`open`].
pub fn refuse_what_is_no_stream(path: &Path) -> io::Result<()> {
    if path.metadata()?.file_type().is_fifo() {
        return Ok(());
    }
    open_to_read(path).map(drop)
}

/// Opens what is read once from its beginning to its end, and so may be a pipe as well. It may wait for the other end: not
/// for a thread that anybody waits for.
///
/// # Errors
/// Those of the system.
pub fn open_stream(path: &Path) -> io::Result<File> {
    if path.is_dir() {
        return Err(folder());
    }
    File::open(path)
}

/// Refuses what is no ordinary file.
///
/// # Errors
/// As [`open`]. Nothing for a name that stands for nothing.
pub fn refuse_what_is_no_file(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(there) => refuse_other(there.file_type()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn refuse_other(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(folder());
    }
    let what = if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(io::Error::other(format!(
        "this is {what}, and no ordinary file"
    )))
}

fn folder() -> io::Error {
    io::Error::new(
        io::ErrorKind::IsADirectory,
        "this is a folder, and no ordinary file",
    )
}

/// Bytes beyond which this process may write in no file (`ulimit -f`); `None` where nothing limits it.
#[must_use]
pub fn largest() -> Option<u64> {
    getrlimit(Resource::Fsize).current
}

#[cfg(test)]
mod tests;
