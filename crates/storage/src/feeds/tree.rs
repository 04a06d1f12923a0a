//! The stored state tree of a feed: which leaves have changed, their rows, and the digests.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use domain::feed::{Bucket, Digest, FeedKey, LeafRow};

use super::columns::{bucket_from, bucket_to, to_digest, to_leaf};
use super::work::FeedWork;
use crate::Result;
use crate::connection::on_each;
use crate::limits;
use crate::rows::BucketRow;
use crate::schema::{bucket, entry, statement};
use crate::sql_types::{from_column, to_column, to_entry_id};

type LeafColumns = (i64, String, i64, String);

impl FeedWork<'_, '_> {
    /// The leaves that statements with numbers above `seq` stand in, each once, in order.
    ///
    /// # Errors
    /// Those of the database.
    pub fn leaves_after(&mut self, key: &FeedKey, seq: u64) -> Result<Vec<u16>> {
        let feed = self.feed(key)?;
        let leaves: Vec<i64> = statement::table
            .filter(statement::feed.eq(feed))
            .filter(statement::seq.gt(to_column(seq)?))
            .select(statement::leaf)
            .distinct()
            .order(statement::leaf)
            .load(self.connection())?;
        leaves.into_iter().map(to_leaf).collect()
    }

    /// The live rows of some leaves, by leaf and entry.
    ///
    /// # Errors
    /// Those of the database.
    pub fn rows_of_leaves(&mut self, key: &FeedKey, leaves: &[u16]) -> Result<Vec<LeafRow>> {
        let feed = self.feed(key)?;
        let mut rows = Vec::new();
        for leaves in leaves.chunks(limits::KEYS_PER_STATEMENT) {
            let leaves = leaves.iter().map(|leaf| i64::from(*leaf));
            let found: Vec<LeafColumns> = statement::table
                .filter(statement::feed.eq(feed))
                .filter(statement::leaf.eq_any(leaves))
                .filter(statement::live)
                .order((statement::leaf, statement::entry))
                .select(LEAF)
                .load(self.connection())?;
            for row in found {
                rows.push(leaf_row(row)?);
            }
        }
        Ok(rows)
    }

    /// The live rows of all 256 leaves of a bucket, by leaf and entry.
    ///
    /// # Errors
    /// Those of the database.
    pub fn rows_of_bucket(&mut self, key: &FeedKey, number: u8) -> Result<Vec<LeafRow>> {
        let feed = self.feed(key)?;
        let first = i64::from(number) * 256;
        let found: Vec<LeafColumns> = statement::table
            .filter(statement::feed.eq(feed))
            .filter(statement::leaf.ge(first))
            .filter(statement::leaf.lt(first + 256))
            .filter(statement::live)
            .order((statement::leaf, statement::entry))
            .select(LEAF)
            .load(self.connection())?;
        found.into_iter().map(leaf_row).collect()
    }

    /// The digests of the buckets that are there; the others are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn bucket_digests(&mut self, key: &FeedKey) -> Result<Vec<(u8, Digest)>> {
        let feed = self.feed(key)?;
        let found: Vec<(i64, String)> = bucket::table
            .filter(bucket::feed.eq(feed))
            .order(bucket::number)
            .select((bucket::number, bucket::digest))
            .load(self.connection())?;
        found
            .into_iter()
            .map(|(number, digest)| {
                let number = u8::try_from(number)
                    .map_err(|why| crate::StorageError::corrupt("a bucket", why))?;
                Ok((number, to_digest(&digest)?))
            })
            .collect()
    }

    /// A bucket; `None` for one that is empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn bucket(&mut self, key: &FeedKey, number: u8) -> Result<Option<Bucket>> {
        let feed = self.feed(key)?;
        let row: Option<BucketRow> = bucket::table
            .find((feed, i64::from(number)))
            .first(self.connection())
            .optional()?;
        row.as_ref().map(bucket_from).transpose()
    }

    /// Writes a bucket.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_bucket(&mut self, key: &FeedKey, new: &Bucket) -> Result<()> {
        let row = bucket_to(self.feed(key)?, new);
        on_each!(self.connection(), inner => {
            diesel::insert_into(bucket::table)
                .values(&row)
                .on_conflict((bucket::feed, bucket::number))
                .do_update()
                .set((bucket::digest.eq(&row.digest), bucket::leaves.eq(&row.leaves)))
                .execute(inner)
        })?;
        Ok(())
    }

    /// Forgets the tree of a feed: it is to be made anew from its rows.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_tree(&mut self, key: &FeedKey) -> Result<()> {
        let feed = self.feed(key)?;
        self.transaction()?
            .remove(bucket::table.filter(bucket::feed.eq(feed)))?;
        Ok(())
    }

    /// Forgets statements of another node whose entries were taken over and are not here: they are to be told again.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_without_entries(&mut self, key: &FeedKey) -> Result<()> {
        let (feed, origin) = (self.feed(key)?, self.origin_row(&key.origin)?);
        let here = entry::table
            .filter(entry::origin.eq(origin))
            .filter(entry::id.eq(statement::entry))
            .filter(not(entry::deleted));
        let lost = statement::table
            .filter(statement::feed.eq(feed))
            .filter(statement::live)
            .filter(statement::state.eq("taken"))
            .filter(not(exists(here)));
        self.transaction()?.erase(lost)?;
        Ok(())
    }
}

const LEAF: (
    statement::leaf,
    statement::entry,
    statement::seq,
    statement::hash,
) = (
    statement::leaf,
    statement::entry,
    statement::seq,
    statement::hash,
);

fn leaf_row((leaf, entry, seq, hash): LeafColumns) -> Result<LeafRow> {
    Ok(LeafRow {
        leaf: to_leaf(leaf)?,
        entry: to_entry_id("a statement", &entry)?,
        seq: from_column("a statement", seq)?,
        hash: to_digest(&hash)?,
    })
}
