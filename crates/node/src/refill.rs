//! Fills the text index again where it has to be built anew: at the first start, and wherever it was lost. Everything else
//! goes on meanwhile.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use health::{Health, caught};
use search::{Change, Index, Refill};
use storage::Storage;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::follow::change;
use crate::node::SCAN;

/// How long it waits after the database could not be read.
const PAUSE: Duration = Duration::from_secs(2);

/// Waits until texts are wanted, and tells them, until `stop`.
pub(crate) async fn run(storage: Storage, index: Index, health: Health, stop: CancellationToken) {
    loop {
        let refill = tokio::select! {
            refill = index.text_wanted() => refill,
            () = stop.cancelled() => return,
        };
        let begun = Instant::now();
        match tell_all(&storage, refill, &health, &stop).await {
            Ok(true) => tracing::info!(
                millis = begun.elapsed().as_millis() as u64,
                "all texts were given to the text index"
            ),
            // It was lost once more, or the process ends.
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "texts cannot be read; trying again");
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    }
}

/// Whether all texts were told.
async fn tell_all(
    storage: &Storage,
    refill: Refill,
    health: &Health,
    stop: &CancellationToken,
) -> Result<bool, Failure> {
    let today = crate::clock::now().date_naive();
    let (refill, is_over) = (Arc::new(refill), Arc::new(AtomicBool::new(false)));
    let (telling, over) = (Arc::clone(&refill), Arc::clone(&is_over));
    let (health, halt) = (health.clone(), stop.clone());
    storage
        .directory
        .scan(SCAN, move |rows| {
            for stored in &rows {
                let is_wanted = telling.is_wanted() && !halt.is_cancelled();
                // A row that cannot be told keeps no other one from being found.
                let document = caught(|| change(stored, today, true)).unwrap_or_else(|panicked| {
                    health.background_failed("refill", panicked);
                    None
                });
                let told = match document {
                    Some(Change::Put(document)) if is_wanted => telling.push(*document),
                    _ => Ok(()),
                };
                if !is_wanted || told.is_err() {
                    over.store(true, Ordering::Relaxed);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })
        .await?;
    if is_over.load(Ordering::Relaxed) {
        return Ok(false);
    }
    refill.finish()?;
    Ok(true)
}
