//! How values of feeds look in columns.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::feed::{Bucket, Digest, FeedState, Kept, StatementRow};

use crate::rows::{BucketRow, FeedRow, StatementRow as Row};
use crate::sql_types::{from_column, from_micros, to_column, to_entry_id, to_micros};
use crate::{Result, StorageError};

pub(super) fn bucket_to(feed: i64, bucket: &Bucket) -> BucketRow {
    BucketRow {
        feed,
        number: i64::from(bucket.number),
        digest: bucket.digest.to_string(),
        leaves: STANDARD.encode(&bucket.leaves),
    }
}

pub(super) fn bucket_from(row: &BucketRow) -> Result<Bucket> {
    let leaves = STANDARD
        .decode(&row.leaves)
        .map_err(|why| StorageError::corrupt("a bucket", why))?;
    if leaves.len() != 256 * 32 {
        return Err(StorageError::corrupt("a bucket", "it has not 256 leaves"));
    }
    Ok(Bucket {
        number: u8::try_from(row.number).map_err(|why| StorageError::corrupt("a bucket", why))?,
        digest: to_digest(&row.digest)?,
        leaves,
    })
}

pub(super) fn to_digest(text: &str) -> Result<Digest> {
    text.parse()
        .map_err(|why| StorageError::corrupt("a digest", why))
}

pub(super) fn state_from(row: FeedRow) -> Result<FeedState> {
    let number = |value| from_column("a feed", value);
    Ok(FeedState {
        epoch: number(row.epoch)?,
        seq: number(row.seq)?,
        arrival: row.arrival,
        horizon: number(row.horizon)?,
        tree_seq: number(row.tree_seq)?,
        live: number(row.live)?,
        root: to_digest(&row.root)?,
        pull: number(row.pull)?,
        pulling: row.pulling,
        head: row.head,
        bytes: number(row.bytes)?,
    })
}

pub(super) fn state_to(id: i64, origin: i64, name: &str, state: &FeedState) -> Result<FeedRow> {
    Ok(FeedRow {
        id,
        origin,
        name: name.to_owned(),
        epoch: to_column(state.epoch)?,
        seq: to_column(state.seq)?,
        arrival: state.arrival,
        horizon: to_column(state.horizon)?,
        tree_seq: to_column(state.tree_seq)?,
        live: to_column(state.live)?,
        root: state.root.to_string(),
        pull: to_column(state.pull)?,
        pulling: state.pulling,
        head: state.head.clone(),
        bytes: to_column(state.bytes)?,
    })
}

pub(super) fn statement_to(feed: i64, row: StatementRow) -> Result<Row> {
    let (state, reason) = match row.kept {
        Kept::Taken => ("taken", None),
        Kept::Skipped => ("skipped", None),
        Kept::Quarantined(reason) => ("quarantined", Some(reason)),
    };
    Ok(Row {
        feed,
        leaf: i64::from(row.leaf),
        entry: row.entry.to_string(),
        seq: to_column(row.seq)?,
        live: row.live,
        hash: row.hash.to_string(),
        state: state.to_owned(),
        reason,
        pull: to_column(row.pull)?,
        at: to_micros(row.at),
        body: row.body,
    })
}

pub(super) fn statement_from(row: Row) -> Result<StatementRow> {
    Ok(StatementRow {
        entry: to_entry_id("a statement", &row.entry)?,
        leaf: to_leaf(row.leaf)?,
        seq: from_column("a statement", row.seq)?,
        live: row.live,
        hash: to_digest(&row.hash)?,
        kept: match row.state.as_str() {
            "taken" => Kept::Taken,
            "skipped" => Kept::Skipped,
            _ => Kept::Quarantined(row.reason.unwrap_or_default()),
        },
        pull: from_column("a statement", row.pull)?,
        at: from_micros(row.at)?,
        body: row.body,
    })
}

pub(super) fn to_leaf(leaf: i64) -> Result<u16> {
    u16::try_from(leaf).map_err(|why| StorageError::corrupt("a leaf", why))
}
