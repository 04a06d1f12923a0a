//! The background work of a serving node.

use std::time::Duration;

use chrono::TimeDelta;
use health::Part;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::standing::NOTHING_YET;
use crate::{follower, publisher};

/// For how long a process takes background work over that one does for all.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(10);

/// How long until what was in the way is looked at again.
const AGAIN: Duration = Duration::from_secs(5);

/// Tries to begin until that works, and then lets the others begin. At the end of the process they begin as well, and end.
async fn begin_later(federation: Federation, begun: CancellationToken, stop: CancellationToken) {
    while !begun.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.cancelled() => return begun.cancel(),
        }
        match federation.begin().await {
            Ok(()) => {
                tracing::info!("this node federates now");
                begun.cancel();
            }
            Err(error) => tracing::debug!(code = error.code(), cause = error.log(), "not yet"),
        }
    }
}

impl Federation {
    /// Makes sure that this node has an identity and starts publishing, following and hinting, until `stop`. What is in the
    /// way of that at first is returned, and looked at again until it is not: everything else works meanwhile.
    pub async fn start(
        &self,
        stop: &CancellationToken,
    ) -> (Vec<JoinHandle<()>>, Option<FederationError>) {
        let error = self.begin().await.err();
        let begun = CancellationToken::new();
        if error.is_none() {
            begun.cancel();
        }
        let (later, token, halt) = (self.clone(), begun.clone(), stop.clone());
        let tasks = vec![
            self.spawn("publish", &begun, stop, publisher::run),
            self.spawn("follow", &begun, stop, follower::run),
            self.spawn("hint", &begun, stop, follower::hint),
            self.health().spawn("begin", stop.clone(), move || {
                begin_later(later.clone(), token.clone(), halt.clone())
            }),
        ];
        (tasks, error)
    }

    /// What comes before everything else. A journal that cannot be believed is no reason not to begin: the publisher says
    /// so and waits.
    async fn begin(&self) -> Result<(), FederationError> {
        self.ensure_identity().await?;
        match publisher::shorten(self).await {
            Err(FederationError::Journal(_)) => {}
            other => other?,
        }
        self.repeat_denials().await?;
        // Readiness says it before anybody can ask; nothing else has to wait for it.
        match self.look().await {
            Ok(true) => {}
            Ok(false) => self.health().starting(Part::Publishing, NOTHING_YET),
            Err(error) => tracing::debug!(code = error.code(), "nothing is published"),
        }
        Ok(())
    }

    /// Runs work that one process does, and leaves it to the others when it ends.
    fn spawn<W: Future<Output = ()> + Send + 'static>(
        &self,
        name: &'static str,
        begun: &CancellationToken,
        stop: &CancellationToken,
        work: impl Fn(Self, CancellationToken) -> W + Send + 'static,
    ) -> JoinHandle<()> {
        let (federation, begun, halt) = (self.clone(), begun.clone(), stop.clone());
        self.health().spawn(name, stop.clone(), move || {
            let (federation, begun) = (federation.clone(), begun.clone());
            let work = work(federation.clone(), halt.clone());
            async move {
                begun.cancelled().await;
                work.await;
                let (feeds, holder) = (federation.feeds(), federation.holder());
                if let Err(error) = feeds.release(name, holder).await {
                    tracing::debug!(code = error.code(), name, "work was not left to others");
                }
            }
        })
    }
}
