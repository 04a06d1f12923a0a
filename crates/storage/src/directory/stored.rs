//! Entries and revisions as they come out of the database.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Entry, EntryId, EntryKey, Kind, Origin, Visibility, entity_tag};

use crate::connection::AnyConnection;
use crate::rows::{EntryRow, OriginRow, RevisionRow};
use crate::schema::origin;
use crate::sql_types::{from_column, from_micros, to_entry_id, to_unsigned, to_visibility};
use crate::{Result, StorageError};

/// An entry as it is stored: columns, and the JSON of [`Entry::to_json`], not parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What names it everywhere.
    pub key: EntryKey,
    /// Its kind.
    pub kind: Kind,
    /// Who may edit it.
    pub owner: EntryId,
    /// Counts its changes, its deletion included.
    pub version: u64,
    /// The number of its latest change.
    pub arrival: i64,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it was deleted.
    pub deleted: bool,
    /// `domain::content_hash` of `json`.
    pub hash: u64,
    /// When it was last changed.
    pub modified: DateTime<Utc>,
    /// The entry, for a deleted one in its last state; `None` once it was purged.
    pub json: Option<String>,
}

impl Stored {
    /// The entry, parsed.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where it was purged, [`StorageError::Corrupt`] where it cannot be read.
    pub fn entry(&self) -> Result<Entry> {
        parse(self.json.as_deref().ok_or(StorageError::NotFound)?)
    }

    /// The opaque part of its strong entity tag.
    #[must_use]
    pub fn tag(&self) -> String {
        entity_tag(self.version, self.hash)
    }

    pub(crate) fn from_row(row: EntryRow, origins: &Origins) -> Result<Self> {
        Ok(Self {
            key: EntryKey {
                origin: origins.get(row.origin)?,
                id: to_entry_id("an entry", &row.id)?,
            },
            kind: to_kind(&row.kind)?,
            owner: to_entry_id("an entry", &row.owner)?,
            version: from_column("a version", row.version)?,
            arrival: row.arrival,
            visibility: to_visibility(&row.visibility)?,
            deleted: row.deleted,
            hash: to_unsigned(row.hash),
            modified: from_micros(row.modified)?,
            json: row.body,
        })
    }
}

/// One version of a local entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Which version.
    pub version: u64,
    /// The number under which it became so.
    pub arrival: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it: `account:...`, `client:...` or `system`.
    pub actor: String,
    /// What was done: `created`, `updated`, `handed_over`, `deleted`, `withheld`.
    pub action: String,
    /// The entry from then on; `None` for its deletion.
    pub json: Option<String>,
}

impl Revision {
    pub(crate) fn from_row(row: RevisionRow) -> Result<Self> {
        Ok(Self {
            version: from_column("a version", row.version)?,
            arrival: row.arrival,
            at: from_micros(row.at)?,
            actor: row.actor,
            action: row.action,
            json: row.body,
        })
    }
}

/// The base URLs behind the numbers of origins.
pub(crate) struct Origins(HashMap<i64, Origin>);

impl Origins {
    pub(crate) fn load(connection: &mut AnyConnection) -> Result<Self> {
        let rows: Vec<OriginRow> = origin::table.load(connection)?;
        rows.into_iter()
            .map(|row| {
                let origin = row
                    .base_url
                    .parse()
                    .map_err(|why| StorageError::corrupt("an origin", why))?;
                Ok((row.id, origin))
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    pub(crate) fn get(&self, row: i64) -> Result<Origin> {
        self.0
            .get(&row)
            .cloned()
            .ok_or_else(|| StorageError::corrupt("an entry's origin", row))
    }

    /// The numbers, in order.
    pub(crate) fn rows(&self) -> Vec<i64> {
        let mut rows: Vec<i64> = self.0.keys().copied().collect();
        rows.sort_unstable();
        rows
    }
}

pub(crate) fn parse(json: &str) -> Result<Entry> {
    Entry::from_json(json).map_err(|why| StorageError::corrupt("an entry", why))
}

pub(crate) fn to_kind(code: &str) -> Result<Kind> {
    code.parse()
        .map_err(|why| StorageError::corrupt("a kind", why))
}
