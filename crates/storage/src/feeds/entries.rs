//! Entries on their way into feeds and out of them.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use domain::{Entry, EntryId, Origin, content_hash};

use super::work::{FeedWork, LocalChange, peer_actor};
use crate::directory::{Origins, Stored, head, replace_entries};
use crate::erasure::erase_reports;
use crate::rows::EntryRow;
use crate::schema::entry;
use crate::sql_types::{to_column, to_entry_id, to_micros, to_signed, visibility_code};
use crate::{Result, limits};

impl FeedWork<'_, '_> {
    /// Which of these entries of this node are live.
    ///
    /// # Errors
    /// Those of the database.
    pub fn live_among(&mut self, ids: &[EntryId]) -> Result<Vec<EntryId>> {
        let origin = self.node.origin_row;
        let mut live = Vec::new();
        for some in ids.chunks(limits::KEYS_PER_STATEMENT) {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            let found: Vec<String> = entry::table
                .filter(entry::origin.eq(origin))
                .filter(entry::id.eq_any(some))
                .filter(diesel::dsl::not(entry::deleted))
                .select(entry::id)
                .load(self.connection())?;
            for id in found {
                live.push(to_entry_id("an entry", &id)?);
            }
        }
        Ok(live)
    }

    /// Changes of this node's own entries after the arrival number `after`, at most `limit`, and the number up to which
    /// they are complete.
    ///
    /// # Errors
    /// Those of the database.
    pub fn local_changes(&mut self, after: i64, limit: usize) -> Result<(Vec<LocalChange>, i64)> {
        let (origin, through) = (self.node.origin_row, head(self.connection())?);
        let rows: Vec<EntryRow> = entry::table
            // With the plus SQLite goes by the order of arrival, and does not sort all entries of this node.
            .filter(sql::<Bool>("+entry.origin = ").bind::<BigInt, _>(origin))
            .filter(entry::arrival.gt(after))
            .filter(entry::arrival.le(through))
            .order(entry::arrival)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .load(self.connection())?;
        let origins = Origins::load(self.connection())?;
        let full = rows.len() >= limit;
        let changes: Vec<LocalChange> = rows
            .into_iter()
            .map(|row| {
                let stored = Stored::from_row(row, &origins)?;
                Ok(LocalChange {
                    id: stored.key.id,
                    arrival: stored.arrival,
                    stored: Some(stored).filter(|stored| !stored.deleted),
                })
            })
            .collect::<Result<_>>()?;
        let through = match changes.last() {
            Some(last) if full => last.arrival,
            _ => through,
        };
        Ok((changes, through))
    }

    /// The latest arrival number.
    ///
    /// # Errors
    /// Those of the database.
    pub fn arrived(&mut self) -> Result<i64> {
        head(self.connection())
    }

    /// Takes entries of another node over.
    ///
    /// # Errors
    /// Those of the database.
    pub fn take(&mut self, other: &Origin, entries: Vec<Box<Entry>>) -> Result<()> {
        let row = self.origin_row(other)?;
        let actor = peer_actor(row);
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let (id, json) = (entry.id.to_string(), entry.to_json());
            let arrival = self.arrive_as(&actor, "received", &id)?;
            rows.push(EntryRow {
                origin: row,
                id,
                kind: entry.kind.as_str().to_owned(),
                owner: entry.owner.to_string(),
                version: to_column(entry.version.max(1))?,
                arrival,
                visibility: visibility_code(entry.visibility).to_owned(),
                deleted: false,
                // Unique at its origin only if that node keeps its promises: it stands in the body all the same.
                external_id: None,
                hash: to_signed(content_hash(&json)),
                created: to_micros(entry.created),
                modified: to_micros(entry.modified),
                body: Some(json),
                review: None,
            });
        }
        replace_entries(self.transaction()?, &rows)
    }

    /// Lets go of entries of another node, and of what was reported about them here. A row without content stays, so that
    /// every process hears of it.
    ///
    /// # Errors
    /// Those of the database.
    pub fn let_go(&mut self, other: &Origin, ids: &[EntryId]) -> Result<()> {
        let origin = self.origin_row(other)?;
        let actor = peer_actor(origin);
        for some in ids.chunks(limits::KEYS_PER_STATEMENT) {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            let mut rows: Vec<EntryRow> = entry::table
                .filter(entry::origin.eq(origin))
                .filter(entry::id.eq_any(some))
                .filter(diesel::dsl::not(entry::deleted))
                .order(entry::id)
                .load(self.connection())?;
            for row in &mut rows {
                row.arrival = self.arrive_as(&actor, "withdrawn", &row.id)?;
                row.deleted = true;
                row.body = None;
                row.hash = 0;
            }
            let t = self.transaction()?;
            replace_entries(t, &rows)?;
            let gone: Vec<String> = rows.into_iter().map(|row| row.id).collect();
            erase_reports(t, origin, &gone)?;
        }
        Ok(())
    }

    /// When the entries of another node that are here first came, as their JSON says.
    ///
    /// # Errors
    /// Those of the database.
    pub fn bodies(&mut self, other: &Origin, ids: &[EntryId]) -> Result<Vec<(EntryId, String)>> {
        let origin = self.origin_row(other)?;
        let mut bodies = Vec::new();
        for some in ids.chunks(limits::KEYS_PER_STATEMENT) {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            let found: Vec<(String, Option<String>)> = entry::table
                .filter(entry::origin.eq(origin))
                .filter(entry::id.eq_any(some))
                .filter(diesel::dsl::not(entry::deleted))
                .select((entry::id, entry::body))
                .load(self.connection())?;
            for (id, body) in found {
                if let Some(body) = body {
                    bodies.push((to_entry_id("an entry", &id)?, body));
                }
            }
        }
        Ok(bodies)
    }
}
