//! Follows the order of changes and tells the read model and the sign-in of them, in that order. What this process wrote
//! it hears of at once, what others wrote within a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use domain::{Entry, Origin};
use http::Clock;
use http::sign_in::Access;
use search::{Change, Index};
use storage::{Changed, Changes, Directory, StorageError, Stored};
use tokio_util::sync::CancellationToken;

/// Changes that are read at once.
const PAGE: usize = 2_000;
/// How often this process looks for what others wrote.
const LOOK: Duration = Duration::from_millis(250);
/// How long it waits after the database could not be read.
const PAUSE: Duration = Duration::from_secs(1);

/// Follows until it is told to stop. `reached` is where it begins, and where it is.
pub(crate) async fn follow(
    directory: Directory,
    index: Index,
    access: Access,
    clock: Clock,
    reached: Arc<AtomicI64>,
    stop: CancellationToken,
) {
    let mut committed = directory.committed();
    let mut cursor = reached.load(Ordering::Relaxed);
    while !stop.is_cancelled() {
        match directory.changes_since(cursor, PAGE).await {
            Ok(changes) => {
                let more = changes.more;
                if changes.through > cursor {
                    let through = changes.through;
                    tell(&index, &access, &clock, changes).await;
                    cursor = through;
                    reached.store(cursor, Ordering::Relaxed);
                }
                if more {
                    continue;
                }
                tokio::select! {
                    _ = committed.wait_for(|head| *head > cursor) => {}
                    () = tokio::time::sleep(LOOK) => {}
                    () = stop.cancelled() => break,
                }
            }
            Err(error) => {
                tracing::warn!(
                    code = error.code(),
                    cause = error.log(),
                    "changes cannot be read; trying again"
                );
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = stop.cancelled() => break,
                }
            }
        }
    }
}

async fn tell(index: &Index, access: &Access, clock: &Clock, changes: Changes) {
    let now = clock.now();
    let Changes { through, items, .. } = changes;
    let mut entries = Vec::with_capacity(items.len());
    let mut denied = Vec::new();
    for changed in items {
        match changed {
            Changed::Entry(stored) => entries.push(Told::Put(stored)),
            Changed::Removed { arrival, key, .. } => {
                entries.push(Told::Remove(Change::Remove { arrival, key }))
            }
            Changed::Denied { arrival, origin } => denied.push((arrival, origin)),
            Changed::Account(account) => access.put_account(&account),
            Changed::Client(client) => access.put_client(&client),
            Changed::Session(session) => access.put_session(&session, now),
        }
    }
    let index = index.clone();
    let applied = tokio::task::spawn_blocking(move || {
        let today = crate::clock::now().date_naive();
        // What came before a denial is no longer told of; what came after it was wanted again.
        for (arrival, origin) in denied {
            forget(&index, &origin, arrival)?;
        }
        let changes = entries
            .into_iter()
            .filter_map(|told| match told {
                Told::Put(stored) => change(&stored, today, true),
                Told::Remove(change) => Some(change),
            })
            .collect();
        index.apply(changes, through)
    });
    match applied.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the text index cannot be written"),
        Err(error) => tracing::error!(%error, "changes could not be applied"),
    }
    // After the entries: a revocation that came with them is in force when their number is reached.
    access.advance(through);
}

enum Told {
    Put(Stored),
    Remove(Change),
}

/// Takes everything of a denied node out of the read model, and out of the files of the text index.
fn forget(index: &Index, origin: &Origin, arrival: i64) -> Result<(), search::IndexError> {
    let gone = index.snapshot().keys_of(origin);
    let gone = gone.into_iter().map(|key| Change::Remove { arrival, key });
    // Nothing is passed over: the number reached stays what it was.
    index.apply(gone.collect(), index.arrival())?;
    index.settle();
    Ok(())
}

/// The entry of a row. One that cannot be read is left out and said so: it may not stop the others.
pub(crate) fn read(stored: &Stored) -> Option<Entry> {
    match stored.entry() {
        Ok(entry) => Some(entry),
        Err(StorageError::NotFound) => None,
        Err(error) => {
            tracing::error!(id = %stored.key.id, cause = error.log(), "an entry cannot be read");
            None
        }
    }
}

/// The change that brings a row to the read model; none for one that cannot be read.
pub(crate) fn change(stored: &Stored, today: NaiveDate, text: bool) -> Option<Change> {
    let entry = read(stored)?;
    let json = stored.json.as_deref()?;
    Some(Change::stored(
        entry,
        json,
        stored.hash,
        stored.arrival,
        today,
        text,
    ))
}
