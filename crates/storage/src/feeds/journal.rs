//! What the database remembers of the restore journal, and what it knows itself of what a lost one said.

use std::collections::BTreeSet;

use diesel::prelude::*;
use domain::EntryId;
use domain::feed::{Digest, FeedName, JournalPosition};

use super::columns::to_digest;
use super::work::FeedWork;
use crate::connection::on_each;
use crate::rows::JournalRow;
use crate::schema::{entry, feed, journal, meta, statement};
use crate::sql_types::{from_column, to_column, to_entry_id, visibility_code};
use crate::{Result, StorageError};

/// What was noted of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotedJournal {
    /// How far it was.
    pub position: JournalPosition,
    /// Whether the database was restored from a backup since, and nothing was published from it yet.
    pub restored: bool,
    /// The epoch in which it was seen that the database was put back to an older state. Nothing may be published until
    /// there is a newer one.
    pub put_back: Option<u64>,
}

/// What stands in the place of the generation of a database that was put back, before the epoch.
const PUT_BACK: &str = "put back in epoch ";

impl FeedWork<'_, '_> {
    /// How far the journal was, if there was one.
    ///
    /// # Errors
    /// Those of the database.
    pub fn journal(&mut self) -> Result<Option<NotedJournal>> {
        let row: Option<JournalRow> = journal::table.first(self.connection()).optional()?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(NotedJournal {
            position: JournalPosition {
                lines: from_column("the journal", row.lines)?,
                digest: to_digest(&row.digest)?,
            },
            put_back: row
                .generation
                .strip_prefix(PUT_BACK)
                .and_then(|epoch| epoch.parse().ok()),
            restored: row.generation != self.generation()?,
        }))
    }

    /// Notes how far the journal is. `settles` says that the database goes on from here, whether it was restored or not.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_journal(&mut self, position: JournalPosition, settles: bool) -> Result<()> {
        let before: Option<JournalRow> = journal::table.first(self.connection()).optional()?;
        let generation = match &before {
            Some(before) if !settles => before.generation.clone(),
            _ => self.generation()?,
        };
        self.put_journal_row(JournalRow {
            id: 1,
            lines: to_column(position.lines)?,
            digest: position.digest.to_string(),
            generation,
        })
    }

    /// Notes that the database was put back to an older state: seen in this epoch by a journal that is at `position`, and true
    /// until something is published in a newer one.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_back(&mut self, epoch: u64, position: Option<JournalPosition>) -> Result<()> {
        let before: Option<JournalRow> = journal::table.first(self.connection()).optional()?;
        let (lines, digest) = match (position, before) {
            (Some(position), _) => (to_column(position.lines)?, position.digest.to_string()),
            (None, Some(before)) => (before.lines, before.digest),
            (None, None) => (0, Digest::EMPTY.to_string()),
        };
        self.put_journal_row(JournalRow {
            id: 1,
            lines,
            digest,
            generation: format!("{PUT_BACK}{epoch}"),
        })
    }

    fn put_journal_row(&mut self, row: JournalRow) -> Result<()> {
        let before: Option<JournalRow> = journal::table.first(self.connection()).optional()?;
        if before.as_ref() == Some(&row) {
            return Ok(());
        }
        on_each!(self.connection(), inner => {
            diesel::insert_into(journal::table)
                .values(&row)
                .on_conflict(journal::id)
                .do_update()
                .set((
                    journal::lines.eq(row.lines),
                    journal::digest.eq(&row.digest),
                    journal::generation.eq(&row.generation),
                ))
                .execute(inner)
        })?;
        Ok(())
    }

    fn generation(&mut self) -> Result<String> {
        Ok(meta::table
            .select(meta::generation)
            .first(self.connection())?)
    }

    /// Entries of this node that were deleted, as far as the database knows: its own marks of deletion, and what its feeds
    /// tell.
    ///
    /// # Errors
    /// Those of the database.
    pub fn erased(&mut self) -> Result<Vec<EntryId>> {
        let own = self.node.origin_row;
        let mut erased: BTreeSet<String> = entry::table
            .filter(entry::origin.eq(own))
            .filter(entry::deleted)
            .select(entry::id)
            .load(self.connection())?
            .into_iter()
            .collect();
        // What only left a feed, because fewer people may see it, is still there.
        let taken_out: Vec<EntryId> = self.taken_out()?.into_iter().map(|(_, id)| id).collect();
        let live: BTreeSet<EntryId> = self.live_among(&taken_out)?.into_iter().collect();
        let gone = taken_out.iter().filter(|id| !live.contains(id));
        erased.extend(gone.map(ToString::to_string));
        erased
            .iter()
            .map(|id| to_entry_id("a deletion", id))
            .collect()
    }

    /// Entries of this node that left a feed of it and are still there: fewer people may see them.
    ///
    /// # Errors
    /// Those of the database.
    pub fn withdrawn(&mut self) -> Result<Vec<(FeedName, EntryId)>> {
        let taken_out = self.taken_out()?;
        let ids: Vec<EntryId> = taken_out.iter().map(|(_, id)| *id).collect();
        let live: BTreeSet<EntryId> = self.live_among(&ids)?.into_iter().collect();
        let is_live = |(_, id): &(FeedName, EntryId)| live.contains(id);
        Ok(taken_out.into_iter().filter(is_live).collect())
    }

    /// What the feeds of this node say is no longer in them.
    fn taken_out(&mut self) -> Result<Vec<(FeedName, EntryId)>> {
        let rows: Vec<(String, String)> = statement::table
            .inner_join(feed::table.on(feed::id.eq(statement::feed)))
            .filter(feed::origin.eq(self.node.origin_row))
            .filter(diesel::dsl::not(statement::live))
            .order((feed::name, statement::entry))
            .select((feed::name, statement::entry))
            .load(self.connection())?;
        rows.iter()
            .map(|(feed, id)| {
                let feed = feed
                    .parse()
                    .map_err(|why| StorageError::corrupt("a feed", why))?;
                Ok((feed, to_entry_id("a deletion", id)?))
            })
            .collect()
    }

    /// Entries of this node that somebody else than their owners may see.
    ///
    /// # Errors
    /// Those of the database.
    pub fn shown(&mut self) -> Result<Vec<EntryId>> {
        let internal = visibility_code(domain::Visibility::Internal);
        let ids: Vec<String> = entry::table
            .filter(entry::origin.eq(self.node.origin_row))
            .filter(diesel::dsl::not(entry::deleted))
            .filter(entry::visibility.ne(internal))
            .order(entry::id)
            .select(entry::id)
            .load(self.connection())?;
        ids.iter().map(|id| to_entry_id("an entry", id)).collect()
    }
}
