//! Bringing a database up to date, and refusing one that is newer than this software.

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::{AnyConnection, Connector, Purpose, Target, Waits, on_each};
use crate::database::{begin_writing, commit};
use crate::feeds::doubles;
use crate::limits;
use crate::schema::meta;
use crate::{Result, StorageError};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The migration that holds each node to one peer: those that are several are parted before it.
pub(crate) const ONE_NODE_IS_ONE_PEER: &str = "0005_peers";
/// The migration since which there are peers.
const FIRST_PEERS: &str = "0003_federation";

/// Runs what is pending, all of it or nothing, and returns the names of what was run. Makes the file of a SQLite
/// database.
pub(crate) fn migrate(target: &Target) -> Result<Vec<String>> {
    target.create()?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        match migrate_once(target) {
            // Another process sets up the same new file.
            Err(StorageError::Busy { .. }) if attempt < limits::WRITE_ATTEMPTS => {
                std::thread::sleep(limits::FIRST_PAUSE * attempt);
            }
            result => return result,
        }
    }
}

fn migrate_once(target: &Target) -> Result<Vec<String>> {
    let mut connection = connect(target)?;
    // The lock of all writers: of several processes that start at once, one migrates and the others find it done.
    begin_writing(&mut connection)?;
    let pending = pending_of(&mut connection)?;
    let is_pending = |name: &str| pending.iter().any(|pending| pending == name);
    if is_pending(ONE_NODE_IS_ONE_PEER) && !is_pending(FIRST_PEERS) {
        doubles::part(&mut connection)?;
    }
    match &mut connection {
        AnyConnection::Sqlite(inner) => run(inner, SQLITE)?,
        AnyConnection::Postgres(inner) => run(inner, POSTGRES)?,
    }
    commit(&mut connection)?;
    Ok(pending)
}

/// The names of migrations that must still run, oldest first.
///
/// # Errors
/// [`StorageError::NewerDatabase`] where the database has seen migrations that this software does not know.
pub(crate) fn pending(target: &Target) -> Result<Vec<String>> {
    pending_of(&mut connect(target)?)
}

/// Whether this is the database of no node yet: no migration has ever run, or nobody has opened it since.
pub(crate) fn is_new(target: &Target) -> Result<bool> {
    if let Target::Sqlite(path) = target
        && !path.exists()
    {
        return Ok(true);
    }
    let mut connection = connect(target)?;
    let applied =
        on_each!(&mut connection, inner => inner.applied_migrations()).map_err(failure)?;
    if applied.is_empty() {
        return Ok(true);
    }
    let nodes: i64 = meta::table.count().get_result(&mut connection)?;
    Ok(nodes == 0)
}

/// The newest migration that this software knows for the database behind a connection.
pub(crate) fn newest(connection: &AnyConnection) -> Result<String> {
    let known = match connection {
        AnyConnection::Sqlite(_) => names::<diesel::sqlite::Sqlite>(&SQLITE)?,
        AnyConnection::Postgres(_) => names::<diesel::pg::Pg>(&POSTGRES)?,
    };
    Ok(known.into_iter().next_back().unwrap_or_default())
}

fn connect(target: &Target) -> Result<AnyConnection> {
    Connector {
        target: target.clone(),
        purpose: Purpose::Write,
        waits: Waits::default(),
    }
    .open()
}

fn pending_of(connection: &mut AnyConnection) -> Result<Vec<String>> {
    let known = match connection {
        AnyConnection::Sqlite(_) => names::<diesel::sqlite::Sqlite>(&SQLITE)?,
        AnyConnection::Postgres(_) => names::<diesel::pg::Pg>(&POSTGRES)?,
    };
    let applied: Vec<String> = on_each!(connection, inner => inner.applied_migrations())
        .map_err(failure)?
        .into_iter()
        .map(|version| version.to_string())
        .collect();
    let version = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let unknown = applied
        .iter()
        .filter(|found| !known.iter().any(|name| version(name) == **found))
        .max();
    if let Some(found) = unknown {
        let newest = known.last().map_or_else(String::new, |name| version(name));
        return Err(StorageError::NewerDatabase {
            found: found.clone(),
            known: newest,
        });
    }
    Ok(known
        .into_iter()
        .filter(|name| !applied.contains(&version(name)))
        .collect())
}

/// The names of all migrations that this software knows, oldest first.
fn names<DB: Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let migrations: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(failure)?;
    let mut names: Vec<String> = migrations
        .iter()
        .map(|migration| migration.name().to_string())
        .collect();
    names.sort();
    Ok(names)
}

fn run<C, DB>(connection: &mut C, source: EmbeddedMigrations) -> Result<()>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    connection
        .run_pending_migrations(source)
        .map(drop)
        .map_err(failure)
}

/// Errors of the harness are boxed; what comes from the database is still inside.
fn failure(error: Box<dyn std::error::Error + Send + Sync>) -> StorageError {
    let log = error.to_string();
    match error.downcast::<diesel::result::Error>() {
        Ok(error) => StorageError::from(*error),
        Err(_) if log.contains("locked") => StorageError::Busy { log },
        Err(_) => StorageError::Internal { log },
    }
}
