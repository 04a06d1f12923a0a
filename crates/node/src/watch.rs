//! Looks after what tells nobody by itself that it has failed: the database, the file system of the data folder, and
//! how far behind everything is that follows the order of arrival.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use files::Folder;
use health::{Health, Part, Status};
use parking_lot::Mutex;
use storage::feeds::{Following, Peer};
use storage::{Storage, StorageError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// Time between two looks at the database and at the data folder.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// How long a look may take until what is looked at counts as failing.
const PROBE_PATIENCE: Duration = Duration::from_secs(4);
/// Looks at the database after which one writes as well: a disk without room shows even where nobody writes.
const PROBE_THOROUGH: u64 = 30;
/// Bytes that are written to see whether there is room.
const PROBE_BYTES: usize = 65_536;
/// The file that is written to see whether files can be written.
const PROBE_FILE: &str = ".lotse-probe";
/// Rounds between two looks at the list of peers.
const PEERS_EVERY: u64 = 5;

/// What metrics tell beside [`Health`].
#[derive(Debug, Default)]
pub(crate) struct Lag {
    /// The last arrival number of the database, as it was last seen.
    pub(crate) head: AtomicI64,
    /// How it goes with peers, as it was last seen.
    pub(crate) peers: Mutex<Peers>,
    /// Bytes that are free where the data folder lies.
    pub(crate) free: AtomicI64,
}

/// How it goes with those that this node follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Peers {
    /// The last attempt worked.
    pub(crate) following: i64,
    /// The last attempt did not work.
    pub(crate) failing: i64,
    /// It broke its word, and waits for an admin.
    pub(crate) frozen: i64,
    /// It was paused, by an admin or for its quota.
    pub(crate) paused: i64,
    /// It has not approved this node yet.
    pub(crate) waiting: i64,
    /// It has refused this node.
    pub(crate) rejected: i64,
    /// Seconds since the last success with the one that was away for the longest.
    pub(crate) oldest_seconds: i64,
}

/// Watches until `stop`.
pub(crate) fn start(
    node: &Node,
    data: &Path,
    stop: &CancellationToken,
) -> (Arc<Lag>, Vec<JoinHandle<()>>) {
    let lag = Arc::new(Lag::default());
    lag.head.store(node.cursor, Ordering::Relaxed);
    let (health, storage) = (node.health.clone(), node.storage.clone());
    let (told, halt) = (Arc::clone(&lag), stop.clone());
    let watching = node.health.spawn("watch_database", stop.clone(), move || {
        database(health.clone(), storage.clone(), told.clone(), halt.clone())
    });
    let (health, folder) = (node.health.clone(), Folder::at(data));
    let (told, halt) = (Arc::clone(&lag), stop.clone());
    let writing = node.health.spawn("watch_disk", stop.clone(), move || {
        disk(health.clone(), folder.clone(), told.clone(), halt.clone())
    });
    (lag, vec![watching, writing])
}

/// Sees whether a write can begin. One that hangs is waited for, and no other one is begun meanwhile.
async fn database(health: Health, storage: Storage, lag: Arc<Lag>, stop: CancellationToken) {
    let mut round = 0_u64;
    let committed = storage.directory.committed();
    loop {
        let is_ok = health.state(Part::Database).status == Status::Ok;
        let before = *committed.borrow();
        let mut probe = pin!(storage.probe(!is_ok || round.is_multiple_of(PROBE_THOROUGH)));
        let first = tokio::select! {
            outcome = tokio::time::timeout(PROBE_PATIENCE, &mut probe) => outcome,
            () = stop.cancelled() => return,
        };
        let outcome = match first {
            Ok(outcome) => outcome,
            Err(_) => {
                // Behind a long row of this process's own writes it may wait: those are proof that one can write.
                if *committed.borrow() == before {
                    health.failing(
                        Part::Database,
                        "no write can begin; reading goes on",
                        "a write could not begin in time",
                    );
                }
                tokio::select! {
                    outcome = &mut probe => outcome,
                    () = stop.cancelled() => return,
                }
            }
        };
        match outcome {
            Ok(head) => {
                health.ok(Part::Identity);
                lag.head.fetch_max(head, Ordering::Relaxed);
                health.ok(Part::Database);
                if round.is_multiple_of(PEERS_EVERY) {
                    count_peers(&storage, &lag).await;
                }
            }
            Err(error) => {
                let cause = format!("{}: {}", error.code(), error.log());
                if matches!(error, StorageError::Replaced { .. }) {
                    health.failing(
                        Part::Identity,
                        "another database, or an older state of it, stands in its place",
                        &cause,
                    );
                }
                health.failing(Part::Database, "no write can begin; reading goes on", cause);
            }
        }
        round += 1;
        tokio::select! {
            () = tokio::time::sleep(PROBE_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn count_peers(storage: &Storage, lag: &Lag) {
    // Where that fails, the database has, and the next probe says so.
    if let Ok(peers) = storage.feeds.peers().list().await {
        *lag.peers.lock() = counted(&peers, crate::clock::now());
    }
}

fn counted(peers: &[Peer], now: chrono::DateTime<chrono::Utc>) -> Peers {
    let mut counted = Peers::default();
    for peer in peers {
        match peer.following {
            Following::No => {}
            Following::Waiting => counted.waiting += 1,
            Following::Rejected => counted.rejected += 1,
            Following::Frozen => counted.frozen += 1,
            Following::Paused => counted.paused += 1,
            Following::Active => {
                let last = peer.succeeded.or(peer.decided).unwrap_or(peer.asked);
                counted.oldest_seconds = counted.oldest_seconds.max((now - last).num_seconds());
                if peer.failures > 0 {
                    counted.failing += 1;
                } else {
                    counted.following += 1;
                }
            }
        }
    }
    counted
}

/// Sees whether files can be written in the data folder.
async fn disk(health: Health, folder: Folder, lag: Arc<Lag>, stop: CancellationToken) {
    loop {
        let tried = folder.clone();
        let mut probe = tokio::task::spawn_blocking(move || write_probe(&tried));
        let first = tokio::select! {
            outcome = tokio::time::timeout(PROBE_PATIENCE, &mut probe) => outcome,
            () = stop.cancelled() => return,
        };
        let outcome = match first {
            Ok(outcome) => outcome,
            Err(_) => {
                health.failing(
                    Part::Disk,
                    "files cannot be written",
                    format_args!("{}: writing a file takes too long", folder.path().display()),
                );
                tokio::select! {
                    outcome = &mut probe => outcome,
                    () = stop.cancelled() => return,
                }
            }
        };
        match outcome {
            Ok(Ok(free)) => {
                lag.free.store(free, Ordering::Relaxed);
                health.ok(Part::Disk);
            }
            Ok(Err(error)) => health.failing(
                Part::Disk,
                "files cannot be written",
                format_args!("{}: {error}", folder.path().display()),
            ),
            Err(error) => health.background_failed("watch_disk", error),
        }
        tokio::select! {
            () = tokio::time::sleep(PROBE_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Writes a file and takes it away again; returns how many bytes are free.
fn write_probe(folder: &Folder) -> std::io::Result<i64> {
    // What stands in its place belongs to somebody else.
    folder.is_there()?;
    let path = folder.path().join(PROBE_FILE);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written =
        files::open(&path, &mut options).and_then(|mut probe| probe.write_all(&[0; PROBE_BYTES]));
    let removed = std::fs::remove_file(&path);
    written.and(removed)?;
    let room = rustix::fs::statvfs(folder.path())?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    Ok(i64::try_from(free).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_takes_files_says_how_much_room_there_is_and_keeps_none() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(write_probe(&Folder::at(folder.path())).expect("writable") > 0);
        assert_eq!(folder.path().read_dir().expect("readable").count(), 0);
        assert!(write_probe(&Folder::at(&folder.path().join("gone"))).is_err());
    }
}
