//! What falls due by time, in the background, at the start and from time to time: expired sessions, one-time links,
//! idempotency keys, refused registrations, closed corrections.

use std::time::Duration;

use http::Clock;
use http::sign_in::SignIn;
use storage::Storage;
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// How often.
const EVERY: Duration = Duration::from_secs(600);

/// Cleans up until it is told to stop. What it removes is checked again when it is read, so nothing depends on it.
pub(crate) fn start(node: &Node, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
    let (storage, sign_in, clock) = (
        node.storage.clone(),
        node.sign_in.clone(),
        node.clock.clone(),
    );
    let halt = stop.clone();
    node.health.spawn("upkeep", stop, move || {
        clean(
            storage.clone(),
            sign_in.clone(),
            clock.clone(),
            halt.clone(),
        )
    })
}

async fn clean(storage: Storage, sign_in: SignIn, clock: Clock, stop: CancellationToken) {
    loop {
        let now = clock.now();
        sign_in.limits.shrink();
        sign_in.access.shrink(now);
        match storage.clean(now).await {
            Ok(cleaned) => tracing::debug!(?cleaned, "cleaned up"),
            Err(error) => tracing::warn!(
                code = error.code(),
                cause = error.log(),
                "cleaning up has to wait"
            ),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
