//! The background work of a serving node.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::{follower, publisher};

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
        self.journal().shorten()?;
        self.repeat_denials().await?;
        Ok(vec![
            tokio::spawn(publisher::run(self.clone(), stop.clone())),
            tokio::spawn(follower::run(self.clone(), stop.clone())),
            tokio::spawn(follower::hint(self.clone(), stop.clone())),
        ])
    }
}
