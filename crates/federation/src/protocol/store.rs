//! What publishing and following need of a store. The database implements it, and so does a simulation in memory: the
//! steps themselves are the same code.

use chrono::{DateTime, Utc};
pub use domain::feed::Bucket;
use domain::feed::{Digest, FeedKey, FeedState, LeafRow, StatementRow};
use domain::{Entry, EntryId, Origin};

/// An entry of this node that has changed, in its latest state.
#[derive(Debug, Clone)]
pub struct LocalChange {
    /// The entry.
    pub id: EntryId,
    /// What it is now; `None` once it is deleted.
    pub entry: Option<Box<Entry>>,
}

/// What one step sees and changes. All of a step happens as a whole or not at all.
pub trait Store {
    /// Why the store could not do it.
    type Error;

    /// The caller's clock.
    fn now(&self) -> DateTime<Utc>;
    /// How far a feed is known, if at all.
    ///
    /// # Errors
    /// Those of the store, here and below.
    fn state(&mut self, key: &FeedKey) -> Result<Option<FeedState>, Self::Error>;
    /// Notes how far a feed is known. The first time makes the feed.
    fn put_state(&mut self, key: &FeedKey, state: &FeedState) -> Result<(), Self::Error>;
    /// The latest statements about some entries, without their bytes.
    fn known(
        &mut self,
        key: &FeedKey,
        entries: &[EntryId],
    ) -> Result<Vec<StatementRow>, Self::Error>;
    /// How many bytes are kept of the statements about some entries.
    fn kept_bytes(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<u64, Self::Error>;
    /// Writes statements in the place of earlier ones about the same entries.
    fn put_statements(&mut self, key: &FeedKey, rows: Vec<StatementRow>)
    -> Result<(), Self::Error>;
    /// Forgets the statements about some entries.
    fn forget(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<(), Self::Error>;
    /// Forgets all statements of a feed, and its tree.
    fn clear(&mut self, key: &FeedKey) -> Result<(), Self::Error>;
    /// Gives all statements the number 0, because a new epoch begins: they count until they are confirmed or swept.
    fn reset_numbers(&mut self, key: &FeedKey) -> Result<(), Self::Error>;
    /// Live rows that a full pull did not bring, without their bytes, at most `limit`.
    fn unseen(
        &mut self,
        key: &FeedKey,
        pull: u64,
        limit: usize,
    ) -> Result<Vec<StatementRow>, Self::Error>;
    /// How many those are.
    fn count_unseen(&mut self, key: &FeedKey, pull: u64) -> Result<u64, Self::Error>;
    /// How many live rows there are, counted anew.
    fn count_live(&mut self, key: &FeedKey) -> Result<u64, Self::Error>;
    /// The statements that hold these numbers, without their bytes.
    fn numbered(
        &mut self,
        key: &FeedKey,
        numbers: &[u64],
    ) -> Result<Vec<StatementRow>, Self::Error>;
    /// Deletions that were signed before a moment, without their bytes, by number, at most `limit`.
    fn old_deletions(
        &mut self,
        key: &FeedKey,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<StatementRow>, Self::Error>;

    /// The leaves in which statements with numbers above `seq` stand, each once, in order.
    fn leaves_after(&mut self, key: &FeedKey, seq: u64) -> Result<Vec<u16>, Self::Error>;
    /// The live rows of some leaves, by leaf and entry.
    fn rows_of_leaves(
        &mut self,
        key: &FeedKey,
        leaves: &[u16],
    ) -> Result<Vec<LeafRow>, Self::Error>;
    /// The live rows of all leaves of a bucket, by leaf and entry.
    fn rows_of_bucket(&mut self, key: &FeedKey, number: u8) -> Result<Vec<LeafRow>, Self::Error>;
    /// The digests of the buckets that are there.
    fn bucket_digests(&mut self, key: &FeedKey) -> Result<Vec<(u8, Digest)>, Self::Error>;
    /// A bucket, if it is there.
    fn bucket(&mut self, key: &FeedKey, number: u8) -> Result<Option<Bucket>, Self::Error>;
    /// Writes a bucket.
    fn put_bucket(&mut self, key: &FeedKey, bucket: Bucket) -> Result<(), Self::Error>;

    /// Changes of this node's own entries after the arrival number `after`, oldest first, at most `limit`, and the
    /// number up to which they are complete.
    fn local_changes(
        &mut self,
        after: i64,
        limit: usize,
    ) -> Result<(Vec<LocalChange>, i64), Self::Error>;
    /// Which of these entries of this node are there.
    fn live_among(&mut self, entries: &[EntryId]) -> Result<Vec<EntryId>, Self::Error>;

    /// Takes entries of another node over.
    fn take(&mut self, origin: &Origin, entries: Vec<Box<Entry>>) -> Result<(), Self::Error>;
    /// Lets go of entries of another node.
    fn let_go(&mut self, origin: &Origin, entries: &[EntryId]) -> Result<(), Self::Error>;
    /// Since when entries of another node have been here, of those that are.
    fn since(
        &mut self,
        origin: &Origin,
        entries: &[EntryId],
    ) -> Result<Vec<(EntryId, DateTime<Utc>)>, Self::Error>;
}
