//! What a restored database has to do again before it says anything: deletions, and what fewer people may see.

use std::collections::HashSet;

use diesel::prelude::*;
use domain::feed::FeedName;
use domain::{EntryId, Visibility, content_hash};

use super::work::FeedWork;
use crate::directory::{count_anew, replace_entries, stored_entry};
use crate::erasure::erase_all_about;
use crate::rows::{EntryRow, RevisionRow};
use crate::schema::{entry, entry_reference, revision};
use crate::sql_types::{to_column, to_entry_id, to_signed, visibility_code};
use crate::{Result, limits};

/// What the history of an entry says of it where the journal says that it was deleted, or that fewer people may see it.
const WITHHELD: &str = "withheld";

impl FeedWork<'_, '_> {
    /// Deletes entries of this node that had been deleted before the database was put back, whatever refers to them. Their
    /// history stays until [`FeedWork::erase_again`]. Returns those that were there.
    ///
    /// # Errors
    /// Those of the database.
    pub fn withhold(&mut self, deleted: &[EntryId]) -> Result<Vec<EntryId>> {
        let gone = self.live_among(deleted)?;
        for some in gone.chunks(limits::KEYS_PER_STATEMENT) {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            let rows = self.own(&some)?;
            self.unlink(&some)?;
            for row in rows {
                let row = EntryRow {
                    version: row.version + 1,
                    deleted: true,
                    review: None,
                    modified: self.micros(),
                    ..row
                };
                self.put_withheld(row)?;
            }
        }
        Ok(gone)
    }

    /// Which of these entries of this node are as [`FeedWork::withhold`] and [`FeedWork::hide`] left them: nobody has changed
    /// them since.
    ///
    /// # Errors
    /// Those of the database.
    pub fn withheld_among(&mut self, ids: &[EntryId]) -> Result<Vec<EntryId>> {
        let origin = self.node.origin_row;
        let mut withheld = Vec::new();
        for some in ids.chunks(limits::KEYS_PER_STATEMENT) {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            let found: Vec<String> = entry::table
                .inner_join(revision::table.on(revision::arrival.eq(entry::arrival)))
                .filter(entry::origin.eq(origin))
                .filter(entry::id.eq_any(some))
                .filter(revision::action.eq(WITHHELD))
                .order(entry::id)
                .select(entry::id)
                .load(self.connection())?;
            for id in found {
                withheld.push(to_entry_id("an entry", &id)?);
            }
        }
        Ok(withheld)
    }

    /// Erases entries of this node with their history, whatever refers to them: they had been deleted before. Returns
    /// those that were there, or were withheld.
    ///
    /// # Errors
    /// Those of the database.
    pub fn erase_again(&mut self, ids: &[EntryId]) -> Result<Vec<EntryId>> {
        let mut gone = self.live_among(ids)?;
        gone.extend(self.withheld_among(ids)?);
        gone.sort_unstable();
        gone.dedup();
        for some in gone.chunks(limits::KEYS_PER_STATEMENT) {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            let mut rows = self.own(&some)?;
            for row in &mut rows {
                row.arrival = self.arrive("purged", &row.id)?;
                row.version += 1;
                row.deleted = true;
                row.external_id = None;
                row.hash = 0;
                row.body = None;
                row.review = None;
            }
            self.unlink(&some)?;
            let node = self.node;
            let t = self.transaction()?;
            erase_all_about(t, node, &some)?;
            replace_entries(t, &rows)?;
        }
        if !gone.is_empty() {
            count_anew(self.transaction()?)?;
        }
        Ok(gone)
    }

    /// Lets nobody but their owners see entries of this node that had been taken out of these feeds and stand in them
    /// again. Returns those.
    ///
    /// # Errors
    /// Those of the database.
    pub fn hide(&mut self, withdrawn: &[(FeedName, EntryId)]) -> Result<Vec<EntryId>> {
        let mut hidden = Vec::new();
        let ids: Vec<EntryId> = withdrawn.iter().map(|(_, id)| *id).collect();
        let live: HashSet<EntryId> = self.live_among(&ids)?.into_iter().collect();
        for (feed, id) in withdrawn.iter().filter(|(_, id)| live.contains(id)) {
            for row in self.own(&[id.to_string()])? {
                let Some(body) = row.body.as_deref() else {
                    continue;
                };
                let mut entry = stored_entry(body)?;
                if !feed.holds(entry.visibility) {
                    continue;
                }
                entry.visibility = Visibility::Internal;
                entry.version += 1;
                entry.modified = self.now();
                let json = entry.to_json();
                let row = EntryRow {
                    version: to_column(entry.version)?,
                    visibility: visibility_code(Visibility::Internal).to_owned(),
                    hash: to_signed(content_hash(&json)),
                    modified: self.micros(),
                    body: Some(json),
                    ..row
                };
                self.put_withheld(row)?;
                hidden.push(*id);
            }
        }
        if !hidden.is_empty() {
            count_anew(self.transaction()?)?;
        }
        Ok(hidden)
    }

    /// Writes an entry as the node itself withholds it, with the next number of arrival and a place in its history.
    fn put_withheld(&mut self, row: EntryRow) -> Result<()> {
        let arrival = self.arrive(WITHHELD, &row.id)?;
        let revision = RevisionRow {
            arrival,
            entry: row.id.clone(),
            version: row.version,
            at: self.micros(),
            actor: "system".to_owned(),
            action: WITHHELD.to_owned(),
            body: row.body.clone().filter(|_| !row.deleted),
        };
        replace_entries(self.transaction()?, &[EntryRow { arrival, ..row }])?;
        diesel::insert_into(revision::table)
            .values(&revision)
            .execute(self.connection())?;
        Ok(())
    }

    /// Lets nothing refer to these entries of this node, and them to nothing.
    fn unlink(&mut self, ids: &[String]) -> Result<()> {
        let t = self.transaction()?;
        t.remove(entry_reference::table.filter(entry_reference::source.eq_any(ids)))?;
        t.remove(entry_reference::table.filter(entry_reference::target.eq_any(ids)))?;
        Ok(())
    }

    fn own(&mut self, ids: &[String]) -> Result<Vec<EntryRow>> {
        let origin = self.node.origin_row;
        Ok(entry::table
            .filter(entry::origin.eq(origin))
            .filter(entry::id.eq_any(ids))
            .order(entry::id)
            .load(self.connection())?)
    }
}
