//! The database as the store that publishing and following work on.

use chrono::{DateTime, Utc};
use domain::feed::{Digest, FeedKey, FeedState, LeafRow, StatementRow};
use domain::{Entry, EntryId, Origin};
use storage::StorageError;
use storage::feeds::FeedWork;

use crate::protocol::store::{Bucket, LocalChange, Store};

type Result<T> = std::result::Result<T, StorageError>;

/// A change with its entry read. One that cannot be read stays as it was said last; the others go on.
fn readable(change: storage::feeds::LocalChange) -> Option<LocalChange> {
    let entry = match change.stored.map(|stored| stored.entry()) {
        None => None,
        Some(Ok(entry)) => Some(Box::new(entry)),
        Some(Err(error)) => {
            tracing::error!(id = %change.id, cause = error.log(), "an entry cannot be published");
            return None;
        }
    };
    Some(LocalChange {
        id: change.id,
        entry,
    })
}

impl Store for FeedWork<'_, '_> {
    type Error = StorageError;

    fn now(&self) -> DateTime<Utc> {
        FeedWork::now(self)
    }

    fn state(&mut self, key: &FeedKey) -> Result<Option<FeedState>> {
        FeedWork::state(self, key)
    }

    fn put_state(&mut self, key: &FeedKey, state: &FeedState) -> Result<()> {
        FeedWork::put_state(self, key, state)
    }

    fn known(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<Vec<StatementRow>> {
        FeedWork::known(self, key, entries)
    }

    fn kept_bytes(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<u64> {
        FeedWork::kept_bytes(self, key, entries)
    }

    fn put_statements(&mut self, key: &FeedKey, rows: Vec<StatementRow>) -> Result<()> {
        FeedWork::put_statements(self, key, rows)
    }

    fn forget(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<()> {
        FeedWork::forget(self, key, entries)
    }

    fn clear(&mut self, key: &FeedKey) -> Result<()> {
        self.forget_all(key)
    }

    fn reset_numbers(&mut self, key: &FeedKey) -> Result<()> {
        FeedWork::reset_numbers(self, key)
    }

    fn unseen(&mut self, key: &FeedKey, pull: u64, limit: usize) -> Result<Vec<StatementRow>> {
        FeedWork::unseen(self, key, pull, i64::try_from(limit).unwrap_or(i64::MAX))
    }

    fn count_unseen(&mut self, key: &FeedKey, pull: u64) -> Result<u64> {
        FeedWork::count_unseen(self, key, pull)
    }

    fn count_live(&mut self, key: &FeedKey) -> Result<u64> {
        FeedWork::count_live(self, key)
    }

    fn numbered(&mut self, key: &FeedKey, numbers: &[u64]) -> Result<Vec<StatementRow>> {
        FeedWork::numbered(self, key, numbers)
    }

    fn old_deletions(
        &mut self,
        key: &FeedKey,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<StatementRow>> {
        FeedWork::old_deletions(self, key, before, i64::try_from(limit).unwrap_or(i64::MAX))
    }

    fn live_among(&mut self, entries: &[EntryId]) -> Result<Vec<EntryId>> {
        FeedWork::live_among(self, entries)
    }

    fn leaves_after(&mut self, key: &FeedKey, seq: u64) -> Result<Vec<u16>> {
        FeedWork::leaves_after(self, key, seq)
    }

    fn rows_of_leaves(&mut self, key: &FeedKey, leaves: &[u16]) -> Result<Vec<LeafRow>> {
        FeedWork::rows_of_leaves(self, key, leaves)
    }

    fn rows_of_bucket(&mut self, key: &FeedKey, number: u8) -> Result<Vec<LeafRow>> {
        FeedWork::rows_of_bucket(self, key, number)
    }

    fn bucket_digests(&mut self, key: &FeedKey) -> Result<Vec<(u8, Digest)>> {
        FeedWork::bucket_digests(self, key)
    }

    fn bucket(&mut self, key: &FeedKey, number: u8) -> Result<Option<Bucket>> {
        FeedWork::bucket(self, key, number)
    }

    fn put_bucket(&mut self, key: &FeedKey, bucket: Bucket) -> Result<()> {
        FeedWork::put_bucket(self, key, &bucket)
    }

    fn local_changes(&mut self, after: i64, limit: usize) -> Result<(Vec<LocalChange>, i64)> {
        let mut changes = Vec::new();
        let mut through = after;
        // What cannot be read counts for nothing, so that a full answer still means that there may be more.
        loop {
            let wanted = limit - changes.len();
            let (found, reached) = FeedWork::local_changes(self, through, wanted)?;
            let is_last = found.len() < wanted;
            changes.extend(found.into_iter().filter_map(readable));
            through = reached;
            if is_last || changes.len() >= limit {
                return Ok((changes, through));
            }
        }
    }

    fn take(&mut self, origin: &Origin, entries: Vec<Box<Entry>>) -> Result<()> {
        FeedWork::take(self, origin, entries)
    }

    fn let_go(&mut self, origin: &Origin, entries: &[EntryId]) -> Result<()> {
        FeedWork::let_go(self, origin, entries)
    }

    fn since(
        &mut self,
        origin: &Origin,
        entries: &[EntryId],
    ) -> Result<Vec<(EntryId, DateTime<Utc>)>> {
        let since = |json: &str| {
            let provenance = Entry::from_json(json).ok()?.provenance?;
            Some(provenance.since)
        };
        let bodies = self.bodies(origin, entries)?;
        Ok(bodies
            .into_iter()
            .filter_map(|(id, json)| Some((id, since(&json)?)))
            .collect())
    }
}
