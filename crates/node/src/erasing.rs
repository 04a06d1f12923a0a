//! What was erased leaves the database's files soon, whichever process erased it. The text index looks after its own files.

use std::time::Duration;

use storage::{Storage, StorageError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// How often this process looks whether another one has erased something.
const LOOK: Duration = Duration::from_secs(5);
/// Even where nothing was erased, the files are cleared this often: what was written over stands there as well.
const AT_LEAST: Duration = Duration::from_secs(600);
/// After so long without success it is said, and said again after as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clears the files until it is told to stop.
pub(crate) fn start(node: &Node, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
    let (storage, halt) = (node.storage.clone(), stop.clone());
    node.health.spawn("erasing", stop, move || {
        clear(storage.clone(), halt.clone())
    })
}

async fn clear(storage: Storage, stop: CancellationToken) {
    let mut erasures = storage.erasures();
    let mut cleared = Instant::now();
    let mut waiting_since: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = erasures.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        let done = match is_due(&storage, cleared).await {
            Ok(false) => {
                waiting_since = None;
                continue;
            }
            Ok(true) => storage.leave_no_remains().await,
            Err(error) => Err(error),
        };
        match done {
            Ok(true) => {
                (cleared, waiting_since) = (Instant::now(), None);
                tracing::debug!("the database's files hold nothing of what was erased");
            }
            failed => {
                let since = *waiting_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= PATIENCE {
                    waiting_since = Some(Instant::now());
                    tell(failed);
                }
            }
        }
        // Erasures in the meantime share the next time.
        tokio::select! {
            () = tokio::time::sleep(pause(&storage, waiting_since)) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn is_due(storage: &Storage, cleared: Instant) -> Result<bool, StorageError> {
    Ok(cleared.elapsed() >= AT_LEAST || storage.has_remains().await?)
}

/// What did not work is tried again soon.
fn pause(storage: &Storage, waiting_since: Option<Instant>) -> Duration {
    match waiting_since {
        Some(_) => LOOK,
        None => storage.remains_pause(),
    }
}

fn tell(failed: Result<bool, StorageError>) {
    match failed {
        Err(error) => tracing::warn!(
            code = error.code(),
            cause = error.log(),
            "what was erased may still stand in the database's files"
        ),
        Ok(_) => tracing::warn!(
            "what was erased still stands in the database's write-ahead log: somebody reads an older state"
        ),
    }
}
