//! The files and folders of a node, looked at before they are used: whether they can be written, whether others may read
//! what is secret, and what killed processes left behind.
//!
//! A library that meets a full disk or a folder that cannot be written says so in its own words, and seldom where. Tried
//! here first, each place is named with what to do.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use storage::Storage;

use crate::config::Config;
use crate::failure::{Failure, file};

/// How the name of a file begins with which a folder is tried.
const PROBE: &str = ".lotse-probe-";
/// Bytes of it: a block of any file system.
const PROBE_BYTES: usize = 4096;
/// How the names of files of keys begin: of access tokens, of this node (Ed25519 as a Multikey), for recovery.
const KEYS: [&str; 3] = ["access-token", "z6Mk", RECOVERY_KEY];
/// How the name of the recovery key begins.
const RECOVERY_KEY: &str = "recovery-";
/// Journals that were being written anew and have not been touched for so long were left behind.
const PART_AGE: Duration = Duration::from_secs(3_600);
/// Search indexes of another port that have not been written for so long belong to no process any more. Until then one may
/// just be stopped, and building its index anew takes it minutes.
const INDEX_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Refuses to start where something could not be written. What is not there yet is left to whoever makes it. The index is
/// derived and stops no start: where its folder cannot be written, the log says so and text is kept in memory.
pub(crate) fn writable(config: &Config) -> Result<(), Failure> {
    let database = database_file(config);
    let folder = database.as_deref().and_then(Path::parent);
    let folders = [
        Some(config.data.clone()),
        Some(config.key_folder()),
        folder.map(|folder| {
            // The file has no folder in its name where it lies in the current one.
            let here = folder.as_os_str().is_empty();
            if here {
                PathBuf::from(".")
            } else {
                folder.to_owned()
            }
        }),
    ];
    if !config.data.exists() {
        // It is made in a folder that is there: what cannot be written in that cannot be in this either.
        let there = config.data.ancestors().skip(1).find(|above| above.exists());
        let there = there.unwrap_or(Path::new("."));
        try_in(there).map_err(|error| file(&config.data, &error))?;
    }
    let mut tried: Vec<PathBuf> = Vec::new();
    for folder in folders.into_iter().flatten() {
        if folder.exists() && !tried.contains(&folder) {
            try_folder(&folder)?;
            tried.push(folder);
        }
    }
    database.as_deref().map_or(Ok(()), try_file)
}

/// As [`writable`], for the restore journal: without it a node does not publish, but people can still look for advice.
pub(crate) fn journal_writable(config: &Config) -> Result<(), Failure> {
    let folder = config.journal_folder();
    if !folder.exists() {
        return Ok(());
    }
    try_folder(&folder)?;
    files_in(&folder).iter().try_for_each(|path| try_file(path))
}

/// Whether a file can be made here and written to the disk.
fn try_folder(folder: &Path) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Err(Failure::new(format!(
            "{}: this is no folder",
            folder.display()
        )));
    }
    try_in(folder).map_err(|error| file(folder, &error))
}

/// Writes a block of a new file in a folder to the disk, and removes it.
fn try_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!("{PROBE}{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut probe = files::open(
            &path,
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600),
        )?;
        probe.lock()?;
        probe.write_all(&[0; PROBE_BYTES])?;
        probe.sync_all()
    };
    let written = write();
    let _ = fs::remove_file(&path);
    written
}

/// Whether a file that is there can be written.
fn try_file(path: &Path) -> Result<(), Failure> {
    match files::open(path, OpenOptions::new().append(true)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(path, &error)),
        _ => Ok(()),
    }
}

/// Something that others on this machine can get at and should not.
pub(crate) struct Exposed {
    path: PathBuf,
    mode: u32,
    /// What it should be.
    right: u32,
}

impl std::fmt::Display for Exposed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, mode, right } = self;
        let path = path.display();
        let what = if *right == 0o700 {
            "put something into it"
        } else {
            "read or change it"
        };
        write!(
            f,
            "{path}: other users may {what} (mode {mode:03o}): chmod {right:03o} {path}"
        )
    }
}

/// Whatever others may read of keys, settings with secrets, journal and database, or replace in the folders of keys.
pub(crate) fn exposed(config: &Config) -> Vec<Exposed> {
    let (keys, journal) = (config.key_folder(), config.journal_folder());
    let mut secret = files_in(&keys);
    secret.extend(files_in(&journal));
    if let Some(database) = database_file(config) {
        for end in ["", "-wal", "-shm"] {
            let mut name = database.clone().into_os_string();
            name.push(end);
            secret.push(PathBuf::from(name));
        }
    }
    secret.extend(config.file.clone().filter(|_| config.holds_secrets()));
    let folders = [config.data.clone(), keys, journal];
    let secret = secret.into_iter().map(|path| (path, 0o077, 0o600));
    let folders = folders.into_iter().map(|path| (path, 0o022, 0o700));
    secret
        .chain(folders)
        .filter_map(|(path, wrong, right)| {
            let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o777;
            (mode & wrong != 0).then_some(Exposed { path, mode, right })
        })
        .collect()
}

/// What lies in the data folder and does not protect anything there: a backup or a loss of the folder takes it along.
pub(crate) fn together(config: &Config) -> Vec<String> {
    let data = fs::canonicalize(&config.data).unwrap_or_else(|_| config.data.clone());
    let mut found = Vec::new();
    let journal = config.journal_folder();
    // What is not there yet will be made below what is.
    let there = journal.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        fs::canonicalize(path).ok()
    });
    if there.is_some_and(|there| there.starts_with(&data)) {
        found.push(format!(
            "{}: the restore journal lies in the data folder: whoever puts that back from a backup puts the journal back with \
             it, which then cannot tell; set `journal` to a folder outside, and move the file there",
            journal.display()
        ));
    }
    let recovery = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(RECOVERY_KEY) && name.ends_with(".pem")
    };
    let folders = [config.key_folder(), config.data.clone(), journal];
    let keys = folders.iter().flat_map(|folder| files_in(folder));
    for path in keys.filter(recovery) {
        found.push(format!(
            "{}: take the recovery key off this machine: whoever holds it can speak as this node",
            path.display()
        ));
    }
    found
}

/// Removes what killed processes left behind: only what is surely a node's and what no process holds. Returns what is gone.
pub(crate) fn clear(config: &Config) -> Vec<PathBuf> {
    let mut gone = Storage::clear_unfinished_archives(&config.data);
    let left = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        let probe = name.strip_prefix(PROBE).is_some_and(number);
        // `NAME.PROCESS.part`
        let part = name.strip_suffix(".part");
        let key = part
            .and_then(|part| part.rsplit_once('.'))
            .is_some_and(|(key, process)| {
                KEYS.iter().any(|begin| key.starts_with(begin)) && number(process)
            });
        (probe || key) && is_free(path)
    };
    let keys = config.key_folder();
    let index = config.index_folder();
    let folders = [&config.data, &keys, &index];
    let mut old: Vec<PathBuf> = folders
        .into_iter()
        .flat_map(|folder| files_in(folder))
        .collect();
    old.retain(left);
    let part = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("journal") && name.ends_with(".part") && is_older(path, PART_AGE)
    };
    old.extend(files_in(&config.journal_folder()).into_iter().filter(part));
    gone.extend(old.into_iter().filter(|path| fs::remove_file(path).is_ok()));
    gone.extend(other_indexes(config, INDEX_AGE));
    gone
}

/// Removes the search indexes of other ports that no process uses at the moment: something was erased whose words they may
/// hold. Whoever needs one again builds it anew.
pub(crate) fn clear_idle_indexes(config: &Config) -> Vec<PathBuf> {
    other_indexes(config, Duration::ZERO)
}

/// Removes the search indexes of ports that no process has used for so long: they hold words of what may have been erased
/// since.
fn other_indexes(config: &Config, age: Duration) -> Vec<PathBuf> {
    let own = config.index_folder();
    let Ok(items) = fs::read_dir(&config.data) else {
        return Vec::new();
    };
    let mut gone = Vec::new();
    for path in items.filter_map(|item| Some(item.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let port = name.strip_prefix("index-").map(str::parse::<u16>);
        if !matches!(port, Some(Ok(_))) || path == own || path.is_symlink() || !path.is_dir() {
            continue;
        }
        let there = files_in(&path);
        let is_old = |path: &Path| age.is_zero() || is_older(path, age);
        let old = is_old(&path) && there.iter().all(|file| is_old(file));
        // Among them the one that is called `.lock` and has no other name.
        let locks = there
            .iter()
            .filter(|file| file.as_os_str().as_encoded_bytes().ends_with(b".lock"));
        // Held until the folder is gone.
        let held: Option<Vec<File>> = locks.map(|path| hold(path)).collect();
        if old && held.is_some() && fs::remove_dir_all(&path).is_ok() {
            gone.push(path);
        }
    }
    gone
}

/// Whether no process has locked a file.
fn is_free(path: &Path) -> bool {
    hold(path).is_some()
}

/// Locks a file that nobody has locked.
fn hold(path: &Path) -> Option<File> {
    let held = files::open_to_read(path).ok()?;
    held.try_lock().ok()?;
    Some(held)
}

/// Whether something was last changed longer ago than this.
fn is_older(path: &Path, age: Duration) -> bool {
    let changed = path.symlink_metadata().and_then(|there| there.modified());
    changed.is_ok_and(|changed| {
        SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|passed| passed > age)
    })
}

/// The ordinary files in a folder, sorted.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(items) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = items
        .filter_map(|item| Some(item.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// The file of an SQLite database.
fn database_file(config: &Config) -> Option<PathBuf> {
    let url = config.database_url();
    url.strip_prefix("sqlite://").map(PathBuf::from)
}
