//! Feeds: what this node says to others, what it has from them, and how far each is known.
//!
//! Storage only keeps; what a feed means is decided by whoever calls. All of one step happens inside one transaction of
//! [`Feeds::write`], so that statements, entries and cursors never part.

mod columns;
mod documents;
pub(crate) mod doubles;
mod entries;
mod journal;
mod lease;
mod pages;
mod peers;
mod restore;
mod tree;
mod work;

use chrono::{DateTime, Utc};
use domain::feed::FeedKey;

pub use journal::NotedJournal;
pub use pages::Page;
pub use peers::{Follower, Following, Peer, Peers};
pub use work::{FeedWork, LocalChange};

use crate::directory::Directory;
use crate::{Result, StorageError};

/// Feeds, and what they are built from.
#[derive(Debug, Clone)]
pub struct Feeds(pub(crate) Directory);

impl Feeds {
    /// Runs one step that may change something, as a whole or not at all. It may run several times; what it gives back
    /// counts the last time only. `now` is the caller's clock.
    ///
    /// # Errors
    /// What `step` says, and those of the database; then nothing has changed.
    pub async fn write<T: Send + 'static>(
        &self,
        now: DateTime<Utc>,
        mut step: impl FnMut(&mut FeedWork<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let node = self.0.node.clone();
        self.0
            .database
            .write(move |t| {
                let mut work = FeedWork::writing(t, &node, now);
                step(&mut work)
            })
            .await
    }

    /// Runs queries that all see the same state of the data.
    ///
    /// # Errors
    /// What `queries` says, and those of the database.
    pub async fn read<T: Send + 'static>(
        &self,
        now: DateTime<Utc>,
        mut queries: impl FnMut(&mut FeedWork<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let node = self.0.node.clone();
        self.0
            .database
            .snapshot(move |c| queries(&mut FeedWork::reading(c, &node, now)))
            .await
    }

    /// Tries to take over some background work until `until`: whether this process (`holder`) does it now. To do it
    /// twice must do no harm.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lease(
        &self,
        name: &'static str,
        holder: uuid::Uuid,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        lease::take(&self.0.database, name, holder, until, now).await
    }

    /// Leaves background work to other processes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release(&self, name: &'static str, holder: uuid::Uuid) -> Result<()> {
        lease::release(&self.0.database, name, holder).await
    }

    /// Makes sure that what was erased is in none of the database's files any more, as far as this node can: whether it is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn leave_no_remains(&self) -> Result<bool> {
        self.0.database.leave_no_remains().await
    }

    /// What is kept of each peer.
    #[must_use]
    pub fn peers(&self) -> Peers {
        Peers(self.0.clone())
    }
}

fn unknown_feed(key: &FeedKey) -> StorageError {
    StorageError::Internal {
        log: format!("the feed {} of {} is not known", key.name, key.origin),
    }
}
