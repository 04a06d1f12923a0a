//! Reading entries, their history, and all of them at start-up.

use std::ops::ControlFlow;

use diesel::dsl::not;
use diesel::prelude::*;
use domain::{EntryId, EntryKey, Kind};

use crate::connection::AnyConnection;
use crate::database::{ARRIVAL, blocking};
use crate::directory::Directory;
use crate::directory::stored::{Origins, Revision, Stored};
use crate::limits;
use crate::rows::{EntryRow, RevisionRow};
use crate::schema::{counter, entry, entry_reference, origin, revision};
use crate::sql_types::{to_column, to_entry_id};
use crate::{Result, StorageError};

impl Directory {
    /// An entry, also a deleted or purged one.
    ///
    /// # Errors
    /// Those of the database; an unknown key is `None`.
    pub async fn get(&self, key: &EntryKey) -> Result<Option<Stored>> {
        let (base_url, id) = (key.origin.as_str().to_owned(), key.id.to_string());
        self.database
            .read(move |c| {
                let row: Option<EntryRow> = entry::table
                    .inner_join(origin::table)
                    .filter(origin::base_url.eq(&base_url))
                    .filter(entry::id.eq(&id))
                    .select(entry::all_columns)
                    .first(c)
                    .optional()?;
                one(c, row)
            })
            .await
    }

    /// The live local entry with an owner's own key.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn by_external_id(
        &self,
        owner: EntryId,
        kind: Kind,
        key: &str,
    ) -> Result<Option<Stored>> {
        let (origin, key) = (self.node.origin_row, key.to_owned());
        self.database
            .read(move |c| {
                let row: Option<EntryRow> = entry::table
                    .filter(entry::origin.eq(origin))
                    .filter(entry::owner.eq(owner.to_string()))
                    .filter(entry::kind.eq(kind.as_str()))
                    .filter(entry::external_id.eq(&key))
                    .filter(not(entry::deleted))
                    .first(c)
                    .optional()?;
                one(c, row)
            })
            .await
    }

    /// The versions of a local entry before `before` (all where there is none), newest first.
    ///
    /// # Errors
    /// Those of the database; an unknown or purged entry has no versions.
    pub async fn history(
        &self,
        id: EntryId,
        before: Option<u64>,
        limit: i64,
    ) -> Result<Vec<Revision>> {
        let before = before.map_or(Ok(i64::MAX), to_column)?;
        self.database
            .read(move |c| {
                let rows: Vec<RevisionRow> = revision::table
                    .filter(revision::entry.eq(id.to_string()))
                    .filter(revision::version.lt(before))
                    .order(revision::version.desc())
                    .limit(limit.clamp(0, limits::LIST))
                    .load(c)?;
                rows.into_iter().map(Revision::from_row).collect()
            })
            .await
    }

    /// Live local entries that refer to (or are owned by) a local entry, by id, after `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn referrers(
        &self,
        id: EntryId,
        after: Option<EntryId>,
        limit: i64,
    ) -> Result<Vec<EntryId>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.database
            .read(move |c| {
                let ids: Vec<String> = entry_reference::table
                    .filter(entry_reference::target.eq(id.to_string()))
                    .filter(entry_reference::source.gt(&after))
                    .order(entry_reference::source)
                    .limit(limit.clamp(0, limits::LIST))
                    .select(entry_reference::source)
                    .load(c)?;
                ids.iter()
                    .map(|id| to_entry_id("a reference", id))
                    .collect()
            })
            .await
    }

    /// The latest arrival number.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn head(&self) -> Result<i64> {
        self.database.read(head).await
    }

    /// How many live entries there are.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count(&self) -> Result<u64> {
        let count: i64 = self
            .database
            .read(|c| {
                Ok(entry::table
                    .filter(diesel::dsl::not(entry::deleted))
                    .count()
                    .get_result(c)?)
            })
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Hands all live entries to `each`, in chunks of at most `chunk` rows, as they are at one moment, and returns the
    /// latest arrival number of that moment. Holds one chunk at a time. `each` runs on a thread that may block.
    ///
    /// # Errors
    /// Those of the database. Stopping early with `Break` is none.
    pub async fn scan(
        &self,
        chunk: i64,
        mut each: impl FnMut(Vec<Stored>) -> ControlFlow<()> + Send + 'static,
    ) -> Result<i64> {
        let database = self.database.clone();
        blocking(self.database.target(), move || {
            database.snapshot_here(|c| {
                let through = head(c)?;
                let origins = Origins::load(c)?;
                for row in origins.rows() {
                    if scan_origin(c, &origins, row, chunk.clamp(1, limits::SCAN), &mut each)?
                        .is_break()
                    {
                        break;
                    }
                }
                Ok(through)
            })
        })
        .await
    }
}

fn scan_origin(
    c: &mut AnyConnection,
    origins: &Origins,
    origin: i64,
    chunk: i64,
    each: &mut dyn FnMut(Vec<Stored>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut after = String::new();
    loop {
        let rows: Vec<EntryRow> = entry::table
            .filter(entry::origin.eq(origin))
            .filter(entry::id.gt(&after))
            .filter(not(entry::deleted))
            .order(entry::id)
            .limit(chunk)
            .load(c)?;
        let Some(last) = rows.last() else {
            return Ok(ControlFlow::Continue(()));
        };
        after.clone_from(&last.id);
        let stored = rows
            .into_iter()
            .map(|row| Stored::from_row(row, origins))
            .collect::<Result<_>>()?;
        if each(stored).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

pub(crate) fn head(connection: &mut AnyConnection) -> Result<i64> {
    Ok(counter::table
        .find(ARRIVAL)
        .select(counter::value)
        .first(connection)?)
}

fn one(connection: &mut AnyConnection, row: Option<EntryRow>) -> Result<Option<Stored>> {
    let Some(row) = row else { return Ok(None) };
    Stored::from_row(row, &Origins::load(connection)?).map(Some)
}

/// What a missing entry is, where there has to be one.
impl Stored {
    /// The live entry, or [`StorageError::NotFound`].
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub fn live(found: Option<Self>) -> Result<Self> {
        found
            .filter(|stored| !stored.deleted)
            .ok_or(StorageError::NotFound)
    }
}
