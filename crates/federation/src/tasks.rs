//! The background work of a serving node.

use chrono::TimeDelta;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::{follower, publisher};

/// For how long a process takes background work over that one does for all.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(10);

impl Federation {
    /// Makes sure that this node has an identity and starts publishing, following and hinting, until `stop`.
    ///
    /// # Errors
    /// [`FederationError`]: why this node cannot take part. It can do everything else.
    pub async fn start(
        &self,
        stop: &CancellationToken,
    ) -> Result<Vec<JoinHandle<()>>, FederationError> {
        self.ensure_identity().await?;
        self.shorten_journal().await?;
        self.repeat_denials().await?;
        let (hinting, halt) = (self.clone(), stop.clone());
        Ok(vec![
            self.spawn("publish", stop, publisher::run),
            self.spawn("follow", stop, follower::run),
            self.health().spawn("hint", stop.clone(), move || {
                follower::hint(hinting.clone(), halt.clone())
            }),
        ])
    }

    /// Under the lock of all writers: another process may be about to add to the journal.
    async fn shorten_journal(&self) -> Result<(), FederationError> {
        let journal = self.journal().clone();
        let shortened = self
            .feeds()
            .write(self.now(), move |_| Ok(journal.shorten()));
        Ok(shortened.await??)
    }

    /// Runs work that one process does, and leaves it to the others when it ends.
    fn spawn<W: Future<Output = ()> + Send + 'static>(
        &self,
        name: &'static str,
        stop: &CancellationToken,
        work: impl Fn(Self, CancellationToken) -> W + Send + 'static,
    ) -> JoinHandle<()> {
        let (federation, halt) = (self.clone(), stop.clone());
        self.health().spawn(name, stop.clone(), move || {
            let federation = federation.clone();
            let work = work(federation.clone(), halt.clone());
            async move {
                work.await;
                let (feeds, holder) = (federation.feeds(), federation.holder());
                if let Err(error) = feeds.release(name, holder).await {
                    tracing::debug!(code = error.code(), name, "work was not left to others");
                }
            }
        })
    }
}
