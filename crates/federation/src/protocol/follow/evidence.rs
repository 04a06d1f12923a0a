//! What speaks against a node: that it says less than before, or something else under the same number.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::EntryId;
use domain::feed::{Digest, FeedState, StatementRow};

use super::Follow;
use crate::protocol::page::Page;
use crate::protocol::refusal::Refused;
use crate::protocol::statement::Statement;
use crate::protocol::store::Store;

/// A head may not be older than one that was seen before, nor say something else at the same number.
pub(super) fn check_head(state: &FeedState, page: &Page) -> Result<(), Refused> {
    let seen = state.head.as_deref().and_then(seen);
    let seen = seen.filter(|seen| seen.epoch == page.head.epoch);
    let known = seen
        .as_ref()
        .map_or(state.seq, |seen| seen.seq.max(state.seq));
    if page.head.seq < known {
        // What a cache kept was signed earlier, too, or in the same second, as moments are written: no reason to accuse anybody.
        if seen.is_some_and(|seen| page.head.issued <= seen.issued) {
            return Err(Refused::Stale);
        }
        return Err(Refused::Rollback {
            known,
            found: page.head.seq,
        });
    }
    if seen.is_some_and(|seen| page.head.seq == seen.seq && page.head.root != seen.root) {
        return Err(Refused::Fork(page.head.seq));
    }
    // A full pull needs no deletions, except those that were forgotten while it went on.
    let enough = state.pulling && page.head.horizon <= state.horizon;
    if state.seq > 0 && state.seq < page.head.horizon && !enough {
        return Err(Refused::BelowHorizon);
    }
    Ok(())
}

/// What is remembered of a head that was verified before.
struct Seen {
    epoch: u64,
    seq: u64,
    root: Digest,
    issued: DateTime<Utc>,
}

fn seen(json: &str) -> Option<Seen> {
    let head: serde_json::Value = serde_json::from_str(json).ok()?;
    let issued = DateTime::parse_from_rfc3339(head.get("issued")?.as_str()?).ok()?;
    Some(Seen {
        epoch: head.get("epoch")?.as_u64()?,
        seq: head.get("seq")?.as_u64()?,
        root: head.get("stateRoot")?.as_str()?.parse().ok()?,
        issued: issued.to_utc(),
    })
}

/// What is known of the entries of a page, unless the page contradicts it. `again`: it may repeat numbers that were
/// taken in before, so that another entry under one of them must be looked for as well.
pub(super) fn compare<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    page: &Page,
    again: bool,
) -> Result<Result<HashMap<EntryId, StatementRow>, Refused>, S::Error> {
    let ids: Vec<EntryId> = page.statements.iter().map(|row| row.entry).collect();
    let known: HashMap<EntryId, StatementRow> = store
        .known(follow.key, &ids)?
        .into_iter()
        .map(|row| (row.entry, row))
        .collect();
    let refused = page
        .statements
        .iter()
        .find_map(|row| contradiction(known.get(&row.entry)?, row));
    if let Some(refused) = refused {
        return Ok(Err(refused));
    }
    if again {
        let named: HashMap<u64, EntryId> = page
            .statements
            .iter()
            .map(|row| (row.seq, row.entry))
            .collect();
        let numbers: Vec<u64> = named.keys().copied().collect();
        let held = store.numbered(follow.key, &numbers)?;
        if let Some(other) = held
            .iter()
            .find(|row| named.get(&row.seq) != Some(&row.entry))
        {
            return Ok(Err(Refused::Fork(other.seq)));
        }
    }
    Ok(Ok(known))
}

/// Whether a row contradicts what the same node said before in the same epoch.
fn contradiction(known: &StatementRow, row: &Statement) -> Option<Refused> {
    if known.seq == row.seq && known.hash != row.hash {
        return Some(Refused::Fork(row.seq));
    }
    (known.seq > row.seq).then_some(Refused::Rollback {
        known: known.seq,
        found: row.seq,
    })
}
