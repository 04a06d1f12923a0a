//! What was erased leaves the database's files soon, whichever process erased it. The text index looks after its own files.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::Clock;
use storage::{Storage, StorageError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::node::Node;
use crate::places;

/// How often this process looks whether another one has erased something.
const LOOK: Duration = Duration::from_secs(5);
/// Even where nothing was erased, the files are cleared this often: what was written over stands there as well.
const AT_LEAST: Duration = Duration::from_secs(600);
/// Writing the file anew is followed by a pause of so many times its length: writers wait meanwhile.
const SHARE: u32 = 20;
/// The pause after the file could not be written anew.
const LATER: Duration = Duration::from_secs(600);
/// After so long without success it is said, and said again after as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clears the files until it is told to stop.
pub(crate) fn start(
    node: &Node,
    config: &Config,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let (storage, clock, halt) = (node.storage.clone(), node.clock.clone(), stop.clone());
    let config = Arc::new(config.clone());
    node.health.spawn("erasing", stop, move || {
        run(
            storage.clone(),
            Arc::clone(&config),
            clock.clone(),
            halt.clone(),
        )
    })
}

async fn run(storage: Storage, config: Arc<Config>, clock: Clock, stop: CancellationToken) {
    let mut erasures = storage.erasures();
    let mut clearing = Clearing::new(storage, config);
    loop {
        tokio::select! {
            _ = erasures.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        let pause = clearing.clear().await;
        clearing.compact(clock.now()).await;
        // Erasures in the meantime share the next time.
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

struct Clearing {
    storage: Storage,
    config: Arc<Config>,
    /// When the files were last cleared.
    cleared: Instant,
    /// Since when that has not worked, or since it was said.
    failing_since: Option<Instant>,
    /// Before this the file is not written anew.
    next_compaction: Instant,
}

impl Clearing {
    fn new(storage: Storage, config: Arc<Config>) -> Self {
        Self {
            storage,
            config,
            cleared: Instant::now(),
            failing_since: None,
            next_compaction: Instant::now(),
        }
    }

    /// Clears the files where that is due; returns how long to wait.
    async fn clear(&mut self) -> Duration {
        let done = match self.storage.has_remains().await {
            Ok(false) if self.cleared.elapsed() < AT_LEAST => {
                self.failing_since = None;
                return Duration::ZERO;
            }
            Ok(has_remains) => {
                if has_remains {
                    self.clear_idle_indexes().await;
                }
                self.storage.leave_no_remains().await
            }
            Err(error) => Err(error),
        };
        if let Ok(true) = done {
            (self.cleared, self.failing_since) = (Instant::now(), None);
            tracing::debug!("what was erased has left the database's files");
            return self.storage.remains_pause();
        }
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE {
            self.failing_since = Some(Instant::now());
            tell(done);
        }
        LOOK
    }

    /// Indexes of processes that have ended hold what was erased, too.
    async fn clear_idle_indexes(&self) {
        let config = Arc::clone(&self.config);
        let gone = tokio::task::spawn_blocking(move || places::clear_idle_indexes(&config)).await;
        for path in gone.unwrap_or_default() {
            tracing::info!(path = %path.display(), "a search index that no process uses is removed: it may hold what was erased");
        }
    }

    /// Writes the file anew where that is due.
    async fn compact(&mut self, now: DateTime<Utc>) {
        if Instant::now() < self.next_compaction {
            return;
        }
        let begun = Instant::now();
        let pause = match self.storage.compact(now).await {
            Ok(true) => begun.elapsed().saturating_mul(SHARE),
            Ok(false) => Duration::ZERO,
            Err(error) => {
                tracing::warn!(
                    code = error.code(),
                    cause = error.log(),
                    "the database's file could not be written anew after an erasure; it is tried again"
                );
                LATER
            }
        };
        self.next_compaction = Instant::now() + pause;
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
