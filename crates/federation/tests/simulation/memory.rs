//! A store in memory. A step works on a clone, which is kept only if nothing crashed: what does not change is shared.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::feed::{Digest, FeedKey, FeedState, LeafRow, StatementRow};
use domain::{Entry, EntryId, Origin};
use lotse_federation::protocol::store::{Bucket, LocalChange, Store};
use lotse_federation::protocol::tree;

/// A feed as a node knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feed {
    pub(crate) state: Option<FeedState>,
    pub(crate) rows: BTreeMap<EntryId, StatementRow>,
    pub(crate) buckets: BTreeMap<u8, Arc<Bucket>>,
}

/// An entry of the node itself, with the number of its latest change.
type Own = (i64, Option<Arc<Entry>>);

/// The database of a node.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    pub(crate) now: DateTime<Utc>,
    arrival: i64,
    own: Arc<BTreeMap<EntryId, Own>>,
    pub(crate) feeds: BTreeMap<FeedKey, Arc<Feed>>,
    pub(crate) taken: BTreeMap<Origin, Arc<BTreeMap<EntryId, Box<Entry>>>>,
}

impl Memory {
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            arrival: 0,
            own: Arc::default(),
            feeds: BTreeMap::new(),
            taken: BTreeMap::new(),
        }
    }

    /// The number of the latest change.
    pub(crate) fn arrived(&self) -> i64 {
        self.arrival
    }

    /// Writes an entry of this node, or deletes it.
    pub(crate) fn write(&mut self, id: EntryId, entry: Option<Entry>) {
        self.arrival += 1;
        Arc::make_mut(&mut self.own).insert(id, (self.arrival, entry.map(Arc::new)));
    }

    /// The entries of this node that are there.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Entry> {
        self.own.values().filter_map(|(_, entry)| entry.as_deref())
    }

    /// The entries of this node that were deleted.
    pub(crate) fn erased(&self) -> Vec<EntryId> {
        let gone = self.own.iter().filter(|(_, (_, entry))| entry.is_none());
        gone.map(|(id, _)| *id).collect()
    }

    pub(crate) fn get(&self, id: EntryId) -> Option<&Entry> {
        self.own.get(&id).and_then(|(_, entry)| entry.as_deref())
    }

    pub(crate) fn feed(&self, key: &FeedKey) -> Option<&Feed> {
        self.feeds.get(key).map(Arc::as_ref)
    }

    fn change(&mut self, key: &FeedKey) -> &mut Feed {
        Arc::make_mut(self.feeds.entry(key.clone()).or_default())
    }

    fn rows<'a>(
        &'a self,
        key: &FeedKey,
        which: impl Fn(&StatementRow) -> bool + 'a,
    ) -> impl Iterator<Item = StatementRow> + 'a {
        let rows = self
            .feed(key)
            .into_iter()
            .flat_map(|feed| feed.rows.values());
        rows.filter(move |row| which(row)).map(without_body)
    }

    fn leaf_rows(&self, key: &FeedKey, which: impl Fn(u16) -> bool) -> Vec<LeafRow> {
        let mut rows: Vec<LeafRow> = self
            .rows(key, |row| row.live && which(row.leaf))
            .map(|row| LeafRow {
                leaf: row.leaf,
                entry: row.entry,
                seq: row.seq,
                hash: row.hash,
            })
            .collect();
        rows.sort_unstable();
        rows
    }
}

fn without_body(row: &StatementRow) -> StatementRow {
    StatementRow {
        entry: row.entry,
        leaf: row.leaf,
        seq: row.seq,
        live: row.live,
        hash: row.hash,
        kept: row.kept.clone(),
        pull: row.pull,
        at: row.at,
        body: None,
    }
}

type Result<T> = std::result::Result<T, Infallible>;

impl Store for Memory {
    type Error = Infallible;

    fn now(&self) -> DateTime<Utc> {
        self.now
    }

    fn state(&mut self, key: &FeedKey) -> Result<Option<FeedState>> {
        Ok(self.feed(key).and_then(|feed| feed.state.clone()))
    }

    fn put_state(&mut self, key: &FeedKey, state: &FeedState) -> Result<()> {
        self.change(key).state = Some(state.clone());
        Ok(())
    }

    fn known(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<Vec<StatementRow>> {
        let Some(feed) = self.feed(key) else {
            return Ok(Vec::new());
        };
        let rows = entries.iter().filter_map(|id| feed.rows.get(id));
        Ok(rows.map(without_body).collect())
    }

    fn kept_bytes(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<u64> {
        let feed = self.change(key);
        let rows = entries.iter().filter_map(|id| feed.rows.get(id));
        Ok(rows
            .filter_map(|row| row.body.as_ref())
            .map(|body| body.len() as u64)
            .sum())
    }

    fn put_statements(&mut self, key: &FeedKey, rows: Vec<StatementRow>) -> Result<()> {
        let feed = self.change(key);
        feed.rows
            .extend(rows.into_iter().map(|row| (row.entry, row)));
        Ok(())
    }

    fn forget(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<()> {
        let feed = self.change(key);
        entries.iter().for_each(|id| {
            feed.rows.remove(id);
        });
        Ok(())
    }

    fn clear(&mut self, key: &FeedKey) -> Result<()> {
        let feed = self.change(key);
        feed.rows.clear();
        feed.buckets.clear();
        Ok(())
    }

    fn reset_numbers(&mut self, key: &FeedKey) -> Result<()> {
        self.change(key)
            .rows
            .values_mut()
            .for_each(|row| row.seq = 0);
        Ok(())
    }

    fn unseen(&mut self, key: &FeedKey, pull: u64, limit: usize) -> Result<Vec<StatementRow>> {
        let rows = self.rows(key, |row| row.live && row.pull < pull);
        Ok(rows.take(limit).collect())
    }

    fn count_unseen(&mut self, key: &FeedKey, pull: u64) -> Result<u64> {
        Ok(self.rows(key, |row| row.live && row.pull < pull).count() as u64)
    }

    fn count_live(&mut self, key: &FeedKey) -> Result<u64> {
        Ok(self.rows(key, |row| row.live).count() as u64)
    }

    fn numbered(&mut self, key: &FeedKey, numbers: &[u64]) -> Result<Vec<StatementRow>> {
        Ok(self.rows(key, |row| numbers.contains(&row.seq)).collect())
    }

    fn old_deletions(
        &mut self,
        key: &FeedKey,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<StatementRow>> {
        let mut rows: Vec<_> = self.rows(key, |row| !row.live && row.at < before).collect();
        rows.sort_unstable_by_key(|row| row.seq);
        rows.truncate(limit);
        Ok(rows)
    }

    fn leaves_after(&mut self, key: &FeedKey, seq: u64) -> Result<Vec<u16>> {
        let mut leaves: Vec<u16> = self
            .rows(key, |row| row.seq > seq)
            .map(|row| row.leaf)
            .collect();
        leaves.sort_unstable();
        leaves.dedup();
        Ok(leaves)
    }

    fn rows_of_leaves(&mut self, key: &FeedKey, leaves: &[u16]) -> Result<Vec<LeafRow>> {
        Ok(self.leaf_rows(key, |leaf| leaves.contains(&leaf)))
    }

    fn rows_of_bucket(&mut self, key: &FeedKey, number: u8) -> Result<Vec<LeafRow>> {
        Ok(self.leaf_rows(key, |leaf| tree::bucket_of(leaf) == number))
    }

    fn bucket_digests(&mut self, key: &FeedKey) -> Result<Vec<(u8, Digest)>> {
        let buckets = self
            .feed(key)
            .into_iter()
            .flat_map(|feed| feed.buckets.values());
        Ok(buckets
            .map(|bucket| (bucket.number, bucket.digest))
            .collect())
    }

    fn bucket(&mut self, key: &FeedKey, number: u8) -> Result<Option<Bucket>> {
        let bucket = self.feed(key).and_then(|feed| feed.buckets.get(&number));
        Ok(bucket.map(|bucket| Bucket::clone(bucket)))
    }

    fn put_bucket(&mut self, key: &FeedKey, bucket: Bucket) -> Result<()> {
        self.change(key)
            .buckets
            .insert(bucket.number, Arc::new(bucket));
        Ok(())
    }

    fn local_changes(&mut self, after: i64, limit: usize) -> Result<(Vec<LocalChange>, i64)> {
        let mut changed: Vec<_> = self
            .own
            .iter()
            .filter(|(_, (arrival, _))| *arrival > after)
            .map(|(id, (arrival, entry))| (*arrival, *id, entry))
            .collect();
        changed.sort_unstable_by_key(|(arrival, ..)| *arrival);
        changed.truncate(limit);
        let through = match changed.last() {
            Some((last, ..)) if changed.len() >= limit => *last,
            _ => self.arrival,
        };
        let changes = changed.into_iter().map(|(_, id, entry)| LocalChange {
            id,
            entry: entry.as_deref().map(|entry| Box::new(entry.clone())),
        });
        Ok((changes.collect(), through))
    }

    fn live_among(&mut self, entries: &[EntryId]) -> Result<Vec<EntryId>> {
        Ok(entries
            .iter()
            .copied()
            .filter(|id| self.get(*id).is_some())
            .collect())
    }

    fn take(&mut self, origin: &Origin, entries: Vec<Box<Entry>>) -> Result<()> {
        let taken = Arc::make_mut(self.taken.entry(origin.clone()).or_default());
        taken.extend(entries.into_iter().map(|entry| (entry.id, entry)));
        Ok(())
    }

    fn let_go(&mut self, origin: &Origin, entries: &[EntryId]) -> Result<()> {
        let taken = Arc::make_mut(self.taken.entry(origin.clone()).or_default());
        entries.iter().for_each(|id| {
            taken.remove(id);
        });
        Ok(())
    }

    fn since(
        &mut self,
        origin: &Origin,
        entries: &[EntryId],
    ) -> Result<Vec<(EntryId, DateTime<Utc>)>> {
        let taken = self.taken.get(origin).cloned().unwrap_or_default();
        let since = entries.iter().filter_map(|id| {
            let provenance = taken.get(id)?.provenance.as_ref()?;
            Some((*id, provenance.since))
        });
        Ok(since.collect())
    }
}
