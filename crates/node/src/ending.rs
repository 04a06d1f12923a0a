//! The orderly end of a node that serves: answers first, then the work in the background, each within a time.

use std::io;
use std::pin::pin;
use std::time::Duration;

use actix_web::dev::Server;
use http::drain::Drain;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::Config;
use crate::{console, signals};

/// How long the work in the background may take to end: it is told at once, and only a database that does not answer
/// keeps it.
const BACKGROUND: Duration = Duration::from_secs(10);

/// Serves until the process is asked to end, and then answers what was begun, within `shutdown_seconds`.
pub(crate) async fn serve_until_asked(
    server: Server,
    drain: &Drain,
    config: &Config,
) -> io::Result<()> {
    let handle = server.handle();
    let mut server = pin!(server);
    tokio::select! {
        ended = &mut server => return ended,
        () = signals::asked_to_end() => {}
    }
    let patience = Duration::from_secs(config.shutdown_seconds);
    let deadline = Instant::now() + patience;
    drain.begin();
    let (_, open) = drain.requests();
    tracing::info!(open, "asked to end");
    console::note(format_args!(
        "Lotse ends: {open} requests are answered first, within {} s (a second signal ends it at once)",
        patience.as_secs()
    ));
    let left = drain.until_quiet(deadline).await;
    if left > 0 {
        tracing::warn!(left, "requests were cut off");
    }
    // The port is closed, and connections that nothing happens on. Answers that somebody still reads go on until the
    // deadline; then the server is dropped, and they with it.
    let closing = async { tokio::join!(&mut server, handle.stop(true)).0 };
    match tokio::time::timeout_at(deadline, closing).await {
        Ok(ended) => ended,
        Err(_) => {
            let (_, left) = drain.requests();
            tracing::warn!(left, "connections were cut off");
            Ok(())
        }
    }
}

/// Waits until the work in the background has ended, or for as long as it may take.
pub(crate) async fn wait_for(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    let all = async {
        for task in tasks {
            let _ = task.await;
        }
    };
    if tokio::time::timeout(BACKGROUND, all).await.is_err() {
        tracing::warn!("work in the background was broken off");
        // It waits on a thread that nobody can interrupt.
        signals::leave(0);
    }
}
