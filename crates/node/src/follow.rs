//! Follows the order of changes and tells the read model and the sign-in of them, in that order. What this process wrote
//! it hears of at once, what others wrote within a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use domain::{Entry, Origin};
use health::{Health, caught};
use http::Clock;
use http::sign_in::Access;
use search::{Change, Index, IndexError};
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
    health: Health,
    stop: CancellationToken,
) {
    let mut committed = directory.committed();
    let mut cursor = reached.load(Ordering::Relaxed);
    let mut complained = String::new();
    while !stop.is_cancelled() {
        match directory.changes_since(cursor, PAGE).await {
            Ok(changes) => {
                if !std::mem::take(&mut complained).is_empty() {
                    tracing::info!("changes can be read again");
                }
                let more = changes.more;
                if changes.through > cursor {
                    let through = changes.through;
                    if tell(&index, &access, &clock, &health, changes).await {
                        cursor = through;
                        reached.store(cursor, Ordering::Relaxed);
                    } else if pause(&stop).await {
                        continue;
                    } else {
                        break;
                    }
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
                // Said once: it is looked again every second.
                if complained != error.log() {
                    tracing::warn!(
                        code = error.code(),
                        cause = error.log(),
                        "changes cannot be read; trying again"
                    );
                    error.log().clone_into(&mut complained);
                }
                if !pause(&stop).await {
                    break;
                }
            }
        }
    }
}

/// Waits a while; `false` where this is to end.
async fn pause(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(PAUSE) => true,
        () = stop.cancelled() => false,
    }
}

/// Whether all was told; what was not has to be told again.
async fn tell(
    index: &Index,
    access: &Access,
    clock: &Clock,
    health: &Health,
    changes: Changes,
) -> bool {
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
    let (index, told) = (index.clone(), health.clone());
    let applied = tokio::task::spawn_blocking(move || {
        // What came before a denial is no longer told of; what came after it was wanted again.
        for (arrival, origin) in denied {
            forget(&index, &origin, arrival)?;
        }
        take_in(&index, &entries, through, &told)
    });
    match applied.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "changes could not be taken in; trying again");
            return false;
        }
        Err(error) => {
            health.background_failed("changes", error);
            return false;
        }
    }
    // After the entries: a revocation that came with them is in force when their number is reached.
    access.advance(through);
    true
}

/// Takes changes into the read model: all at once, or, where one of them cannot be taken in, each by itself. That one is
/// told, and left out.
fn take_in(
    index: &Index,
    entries: &[Told],
    through: i64,
    health: &Health,
) -> Result<(), IndexError> {
    let today = crate::clock::now().date_naive();
    let made = |told: &Told| {
        let change = caught(|| match told {
            Told::Put(stored) => change(stored, today, true),
            Told::Remove(change) => Some(change.clone()),
        });
        change.unwrap_or_else(|panicked| {
            health.background_failed("changes", panicked);
            None
        })
    };
    match index.apply(entries.iter().filter_map(made).collect(), through) {
        Err(IndexError::Panicked(panicked)) => health.background_failed("changes", panicked),
        other => return other,
    }
    for change in entries.iter().filter_map(made) {
        let arrival = change.arrival();
        match index.apply(vec![change], index.arrival()) {
            Err(IndexError::Panicked(_)) => {
                tracing::error!(arrival, "a change cannot be taken in and is left out");
            }
            other => other?,
        }
    }
    index.apply(Vec::new(), through)
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
