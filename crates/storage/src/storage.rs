//! The whole of it: opening a database, and what is in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use domain::{Actor, EntryId, Origin, Rules};
use tokio::sync::watch;
use uuid::Uuid;

use crate::access::name;
use crate::archive::{self, Archived};
use crate::cleanup::{self, Cleaned};
use crate::connection::{AnyConnection, Target, Waits};
use crate::database::{Database, Known, Transaction, blocking};
use crate::directory::{Budget, Node};
use crate::feeds::Feeds;
use crate::integrity::{self, Integrity};
use crate::rows::{MetaRow, OriginRow};
use crate::schema::{meta, origin};
use crate::sql_types::{to_entry_id, to_micros};
use crate::{
    Accounts, Audit, Clients, Corrections, Directory, Distributions, Invitations, Registrations,
    Result, Sessions, StorageError, limits, migration,
};

/// How a database is opened.
#[derive(Clone)]
pub struct Settings {
    /// `sqlite://path` or `postgres://...`.
    pub url: String,
    /// The base URL of this node.
    pub origin: Origin,
    /// Settings that decisions depend on.
    pub rules: Rules,
    /// How many queries may run at once.
    pub readers: u32,
    /// For how long transactions wait for one another.
    pub waits: Waits,
}

/// An open database. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Entries, their history, and the order of all changes.
    pub directory: Directory,
    /// Accounts, memberships, passwords and one-time links.
    pub accounts: Accounts,
    /// Clients of partner organisations.
    pub clients: Clients,
    /// Signed-in accounts.
    pub sessions: Sessions,
    /// Organisations that ask to take part.
    pub registrations: Registrations,
    /// Reported errors.
    pub corrections: Corrections,
    /// What this node tells others, and what it has from them.
    pub feeds: Feeds,
    /// Requests to other organisations for their view of an assessment.
    pub invitations: Invitations,
    /// How many organisations stand where.
    pub distributions: Distributions,
    /// Who did what when.
    pub audit: Audit,
    database: Database,
    known: Known,
}

impl Storage {
    /// Brings the database behind `url` up to date, making it if it is SQLite and not there, and returns the names of
    /// the migrations that ran.
    ///
    /// # Errors
    /// [`StorageError::NewerDatabase`], [`StorageError::Url`], and those of the database.
    pub async fn migrate(url: &str) -> Result<Vec<String>> {
        let target = Target::parse(url)?;
        blocking(&target.clone(), move || migration::migrate(&target)).await
    }

    /// Whether nothing has ever been written to the database behind `url`, or it is an SQLite file that is not there.
    ///
    /// # Errors
    /// [`StorageError::Url`], and those of the database.
    pub async fn is_new(url: &str) -> Result<bool> {
        let target = Target::parse(url)?;
        blocking(&target.clone(), move || migration::is_new(&target)).await
    }

    /// The names of the migrations that the database behind `url` still needs.
    ///
    /// # Errors
    /// As [`Storage::migrate`].
    pub async fn pending_migrations(url: &str) -> Result<Vec<String>> {
        let target = Target::parse(url)?;
        blocking(&target.clone(), move || migration::pending(&target)).await
    }

    /// Opens a database that is up to date. The first opening makes it this node's.
    ///
    /// # Errors
    /// [`StorageError::PendingMigrations`], [`StorageError::NewerDatabase`], [`StorageError::OtherOrigin`],
    /// [`StorageError::Url`], and those of the database.
    pub async fn open(settings: Settings, now: DateTime<Utc>) -> Result<Self> {
        let target = Target::parse(&settings.url)?;
        let checked = target.clone();
        let pending = blocking(&target, move || migration::pending(&checked)).await?;
        if !pending.is_empty() {
            return Err(StorageError::PendingMigrations { pending });
        }
        let database = Database::new(target, settings.readers, settings.waits);
        let base_url = settings.origin.as_str().to_owned();
        let identified = database.write(move |t| {
            let (known, origin_row) = identify(t, &base_url, now)?;
            Ok((known, origin_row, mark(t, known)?))
        });
        let (known, origin_row, is_new_mark) = identified.await?;
        database.is_this(known);
        if is_new_mark {
            // So that it stands in the file, and not in the log beside it only. Where somebody reads it does later.
            database.leave_no_remains().await?;
        }
        let node = Arc::new(Node {
            origin: settings.origin,
            origin_row,
            rules: settings.rules,
            budget: Budget::default(),
        });
        let directory = Directory {
            database: database.clone(),
            node,
        };
        Ok(Self {
            accounts: Accounts(database.clone()),
            clients: Clients(database.clone()),
            sessions: Sessions(database.clone()),
            registrations: Registrations(directory.clone()),
            corrections: Corrections(database.clone()),
            feeds: Feeds(directory.clone()),
            invitations: Invitations(database.clone()),
            distributions: Distributions(database.clone()),
            audit: Audit(database.clone()),
            directory,
            database,
            known,
        })
    }

    /// What changes with every restore: arrival numbers, cursors and entity tags of another generation are void.
    #[must_use]
    pub fn generation(&self) -> Uuid {
        self.known.generation
    }

    /// When this node's database was made, in microseconds: the same after every restore, and another for every other
    /// database, so that what lies beside it can say which one it belongs to.
    #[must_use]
    pub fn made(&self) -> i64 {
        self.known.made
    }

    /// The base URL of this node.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.directory.node.origin
    }

    /// The organisation that runs this node, once it is known.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator(&self) -> Result<Option<EntryId>> {
        self.database
            .read(|c| {
                let id: Option<String> = meta::table.select(meta::operator).first(c)?;
                id.map(|id| to_entry_id("the operator", &id)).transpose()
            })
            .await
    }

    /// Says which organisation runs this node. That it exists is the caller's to check.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_operator(&self, actor: &Actor, id: EntryId, now: DateTime<Utc>) -> Result<()> {
        let (actor, id) = (name(actor), id.to_string());
        self.database
            .write(move |t| {
                t.arrive(to_micros(now), &actor, "node.operator", &id)?;
                diesel::update(meta::table)
                    .set(meta::operator.eq(&id))
                    .execute(t.connection())?;
                Ok(())
            })
            .await
    }

    /// Whether a write can begin: begins one and takes it back. A `thorough` one writes what is there already once more,
    /// and so finds out whether there is room; the first after a change that found none does that by itself. Returns the
    /// last arrival number.
    ///
    /// # Errors
    /// Why it cannot. It waits as any write does, so bound it with a time limit.
    pub async fn probe(&self, thorough: bool) -> Result<i64> {
        self.database.probe(thorough).await
    }

    /// Erases what has run out by `now`: idempotency outcomes, sessions, one-time links, registrations, invitations, closed
    /// corrections.
    ///
    /// # Errors
    /// Those of the database; what was removed before stays removed.
    pub async fn clean(&self, now: DateTime<Utc>) -> Result<Cleaned> {
        cleanup::clean(&self.database, now).await
    }

    /// Hears of each transaction of this process that erased something. Those of others show in [`Storage::has_remains`].
    #[must_use]
    pub fn erasures(&self) -> watch::Receiver<u64> {
        self.database.erasures()
    }

    /// Whether something was erased whose bytes may still stand in the database's files.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn has_remains(&self) -> Result<bool> {
        self.database.has_remains().await
    }

    /// Makes what was erased leave the database's files, as far as this program can: whether that is done. On SQLite the
    /// write-ahead log is emptied, for which nobody may read an older state; PostgreSQL is asked to clear dead rows away.
    ///
    /// # Errors
    /// Those of the database; it can be tried again.
    pub async fn leave_no_remains(&self) -> Result<bool> {
        self.database.leave_no_remains().await
    }

    /// Writes SQLite's file anew where something was erased since that was last done, so that the unused parts of its pages
    /// hold nothing of it either: whether it was done now. Writers wait meanwhile, so a large file is spared for a day.
    ///
    /// # Errors
    /// Those of the database; [`StorageError::Full`] where there is no room for a second copy.
    pub async fn compact(&self, now: DateTime<Utc>) -> Result<bool> {
        self.database.compact(to_micros(now)).await
    }

    /// How long to wait between two calls of [`Storage::leave_no_remains`].
    #[must_use]
    pub fn remains_pause(&self) -> std::time::Duration {
        match self.database.target() {
            Target::Sqlite(_) => limits::CHECKPOINT_PAUSE,
            Target::Postgres(_) => limits::VACUUM_PAUSE,
        }
    }

    /// Writes everything, as it is at one moment, to a new file that either database can be restored from: one JSON
    /// value per line. The file holds password hashes and is readable by its owner only.
    ///
    /// # Errors
    /// [`StorageError::File`], [`StorageError::Full`], and those of the database.
    pub async fn backup(&self, path: &Path, now: DateTime<Utc>) -> Result<Archived> {
        let (database, path) = (self.database.clone(), path.to_owned());
        blocking(self.database.target(), move || {
            archive::write(&database, &path, now)
        })
        .await
    }

    /// Removes the beginnings of archives that killed processes left behind in `folder`. What another process is writing
    /// stays. Returns what is gone.
    #[must_use]
    pub fn clear_unfinished_archives(folder: &Path) -> Vec<PathBuf> {
        archive::clear(folder)
    }

    /// Fills the migrated, empty database behind `url` from an archive, as a new generation.
    ///
    /// # Errors
    /// [`Conflict::NotEmpty`](crate::Conflict::NotEmpty), [`StorageError::Archive`], [`StorageError::File`], and those
    /// of the database. Then the database is still empty.
    pub async fn restore(url: &str, path: &Path) -> Result<Archived> {
        let target = Target::parse(url)?;
        let checked = target.clone();
        let pending = blocking(&target, move || migration::pending(&checked)).await?;
        if !pending.is_empty() {
            return Err(StorageError::PendingMigrations { pending });
        }
        archive::restore(&Database::new(target, 1, Waits::default()), path.to_owned()).await
    }

    /// Looks for contradictions in what is stored. Reads everything: minutes for a million entries.
    ///
    /// # Errors
    /// Those of the database; contradictions stand in the result.
    pub async fn check_integrity(&self) -> Result<Integrity> {
        let database = self.database.clone();
        blocking(self.database.target(), move || integrity::check(&database)).await
    }
}

#[derive(QueryableByName)]
struct Mark {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    application_id: i32,
}

/// Marks the head of an SQLite file as this database's, so that another one that is copied over it is noticed: whether that
/// is new.
fn mark(t: &mut Transaction<'_>, known: Known) -> Result<bool> {
    let AnyConnection::Sqlite(inner) = t.connection() else {
        return Ok(false);
    };
    // Of the microseconds the last 31 bits, and never 0: that is an unmarked file.
    let mark = i32::try_from(known.made & 0x7fff_ffff)
        .unwrap_or_default()
        .max(1);
    let found: Mark = diesel::sql_query("PRAGMA application_id").get_result(inner)?;
    let is_new = found.application_id != mark;
    if is_new {
        inner.batch_execute(&format!("PRAGMA application_id = {mark}"))?;
    }
    Ok(is_new)
}

/// Whether a stored base URL is another spelling of this one.
fn spelled_otherwise(stored: &str, normal: &str) -> bool {
    stored
        .parse()
        .is_ok_and(|origin: Origin| origin.as_str() == normal)
}

/// Whose database this is; says so in a new one.
fn identify(t: &mut Transaction<'_>, base_url: &str, now: DateTime<Utc>) -> Result<(Known, i64)> {
    let own: Option<OriginRow> = origin::table
        .filter(origin::is_self)
        .first(t.connection())
        .optional()?;
    let row = match own {
        // What an older version spelled otherwise is the same node; from now on it has the one spelling.
        Some(row) if row.base_url != base_url && spelled_otherwise(&row.base_url, base_url) => {
            diesel::update(origin::table.find(row.id))
                .set(origin::base_url.eq(base_url))
                .execute(t.connection())?;
            row
        }
        Some(row) if row.base_url != base_url => {
            return Err(StorageError::OtherOrigin {
                found: row.base_url,
                configured: base_url.to_owned(),
            });
        }
        Some(row) => row,
        None => {
            let row = OriginRow {
                id: 1,
                base_url: base_url.to_owned(),
                is_self: true,
            };
            diesel::insert_into(origin::table)
                .values(&row)
                .execute(t.connection())?;
            row
        }
    };
    if let Some(known) = Known::read(t.connection())? {
        return Ok((known, row.id));
    }
    let known = Known {
        generation: Uuid::now_v7(),
        made: to_micros(now),
    };
    diesel::insert_into(meta::table)
        .values(&MetaRow {
            id: 1,
            generation: known.generation.to_string(),
            operator: None,
            created: known.made,
        })
        .execute(t.connection())?;
    Ok((known, row.id))
}
