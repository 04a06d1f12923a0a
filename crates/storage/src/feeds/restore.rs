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
use crate::sql_types::{to_column, to_signed, visibility_code};
use crate::{Result, limits};

impl FeedWork<'_, '_> {
    /// Erases entries of this node with their history, whatever refers to them: they had been deleted before. Returns
    /// those that were there.
    ///
    /// # Errors
    /// Those of the database.
    pub fn erase_again(&mut self, ids: &[EntryId]) -> Result<Vec<EntryId>> {
        let gone = self.live_among(ids)?;
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
            let node = self.node;
            let t = self.transaction()?;
            t.remove(entry_reference::table.filter(entry_reference::source.eq_any(&some)))?;
            t.remove(entry_reference::table.filter(entry_reference::target.eq_any(&some)))?;
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
                let arrival = self.arrive("updated", &row.id)?;
                let revision = RevisionRow {
                    arrival,
                    entry: row.id.clone(),
                    version: to_column(entry.version)?,
                    at: self.micros(),
                    actor: "system".to_owned(),
                    action: "updated".to_owned(),
                    body: Some(json.clone()),
                };
                let row = EntryRow {
                    version: revision.version,
                    arrival,
                    visibility: visibility_code(Visibility::Internal).to_owned(),
                    hash: to_signed(content_hash(&json)),
                    modified: revision.at,
                    body: Some(json),
                    ..row
                };
                replace_entries(self.transaction()?, &[row])?;
                diesel::insert_into(revision::table)
                    .values(&revision)
                    .execute(self.connection())?;
                hidden.push(*id);
            }
        }
        if !hidden.is_empty() {
            count_anew(self.transaction()?)?;
        }
        Ok(hidden)
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
