//! The node's signing keys, in files that only its user may read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use domain::Origin;
use http::sign_in::{Keys, generate};

use crate::failure::{Failure, file};

/// The key that signs access tokens.
const TOKEN_KEY: &str = "access-token.pem";
/// The key before it, as long as its tokens may still be about.
const FORMER_TOKEN_KEY: &str = "access-token-former.pem";

/// Loads the keys, making them at the first start.
pub(crate) fn load(folder: &Path, origin: &Origin) -> Result<Arc<Keys>, Failure> {
    files::make(folder).map_err(|error| file(folder, &error))?;
    let path = folder.join(TOKEN_KEY);
    if !path.exists() {
        write_new(&path, &generate()?)?;
    }
    let mut pems = vec![read(&path, origin)?];
    let former = folder.join(FORMER_TOKEN_KEY);
    if former.exists() {
        pems.push(read(&former, origin)?);
    }
    let keys = Keys::from_pem(origin, pems.iter().map(String::as_str)).map_err(Failure::new)?;
    Ok(Arc::new(keys))
}

/// Reads a key and says which file it is that cannot be used.
fn read(path: &Path, origin: &Origin) -> Result<String, Failure> {
    let pem = files::read_to_string(path).map_err(|error| file(path, &error))?;
    Keys::from_pem(origin, [pem.as_str()])
        .map_err(|why| Failure::new(format!("{}: {why}", path.display())))?;
    Ok(pem)
}

/// Writes a secret to a new file with mode 0600; another process that was first wins.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut out = files::open(
            &part,
            OpenOptions::new().write(true).create_new(true).mode(0o600),
        )?;
        // Held until it has its name: so a key that is being made is told from one that was left behind.
        out.lock()?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        match fs::hard_link(&part, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    let written = write();
    let _ = fs::remove_file(&part);
    written.map_err(|error| file(path, &error))
}
