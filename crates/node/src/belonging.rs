//! Which database the keys and the journal of a node belong to.
//!
//! A volume that is not mounted looks like a node that is not set up yet. What lies beside the database knows better: keys
//! or a journal without their database mean that it is missing, and not that there is none.

use std::path::{Path, PathBuf};

use domain::Origin;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::failure::{Failure, file};

/// The file in the folder of the keys that says it.
const NAME: &str = "database.json";

/// Which database.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Belonging {
    /// The base URL of its node.
    node: String,
    /// When it was made, in microseconds.
    made: i64,
}

/// What is left of a node whose database is missing, if anything is.
pub(crate) fn left_behind(config: &Config) -> Option<PathBuf> {
    let keys = config.key_folder();
    let is_key = |path: &Path| path.extension().is_some_and(|end| end == "pem");
    let has_keys = std::fs::read_dir(&keys)
        .is_ok_and(|found| found.flatten().any(|item| is_key(&item.path())));
    if has_keys {
        return Some(keys);
    }
    let journal = config.journal_folder().join("journal.jsonl");
    let is_written = std::fs::metadata(&journal).is_ok_and(|found| found.len() > 0);
    is_written.then_some(journal)
}

/// Refuses keys that belong to another database.
pub(crate) fn check(folder: &Path, origin: &Origin, made: i64) -> Result<(), Failure> {
    let path = folder.join(NAME);
    match read(&path)? {
        Some(known) if known != belonging(origin, made) => Err(Failure::new(format!(
            "{}: these keys belong to another database (of {}): mount the volume or name the database that belongs to them, \
             or restore a backup of it",
            path.display(),
            known.node
        ))),
        _ => Ok(()),
    }
}

/// Notes which database the keys belong to, where that is not noted yet.
pub(crate) fn note(folder: &Path, origin: &Origin, made: i64) -> Result<(), Failure> {
    let path = folder.join(NAME);
    if read(&path)?.is_some() {
        return check(folder, origin, made);
    }
    let text = serde_json::to_string(&belonging(origin, made))
        .map_err(|error| Failure::new(error.to_string()))?;
    crate::keys::write_new(&path, &text)
}

fn belonging(origin: &Origin, made: i64) -> Belonging {
    Belonging {
        node: origin.as_str().to_owned(),
        made,
    }
}

fn read(path: &Path) -> Result<Option<Belonging>, Failure> {
    match files::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file(path, &error)),
    }
}
