//! Erasing: the one way in which rows that hold what people wrote go away, and how their bytes leave the database's files.
//!
//! A row that is gone may still stand in SQLite's write-ahead log, or in a dead tuple of PostgreSQL. So each transaction that
//! erases notes that in the database as it commits (the counter [`ERASED`]), and whoever keeps house calls
//! [`Database::leave_no_remains`] until that has caught up ([`SETTLED`]). A crash between the two forgets nothing.
//!
//! `diesel::delete` is disallowed everywhere else (`clippy.toml`): a new place that deletes has to choose one of the ways
//! below, and the compiler refuses [`Transaction::remove`] for tables that may hold text.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::query_builder::{DeleteStatement, IntoUpdateTarget};
use diesel::query_dsl::methods::ExecuteDsl;
use tokio::sync::watch;

use crate::connection::{AnyConnection, Connector, Purpose, Target, Waits, on_each};
use crate::database::{Database, Transaction, blocking};
use crate::directory::Node;
use crate::rows::CounterRow;
use crate::schema::{
    bucket, correction, counter, distribution, entry_reference, feed, invitation, lease, meta,
    origin, owner_usage, revision, statement,
};
use crate::{Result, limits};

/// The counter of transactions that erased something.
pub(crate) const ERASED: &str = "erased";
/// The counter that says up to which of them nothing is left in the files.
pub(crate) const SETTLED: &str = "erased_settled";
/// The counter that says up to which of them SQLite's file has been written anew.
pub(crate) const COMPACTED: &str = "erased_compacted";
/// When that was last done, in microseconds since 1970.
pub(crate) const COMPACTED_AT: &str = "erased_compacted_at";

/// Tables without anything that people wrote: ids, digests, numbers and names of nodes.
pub(crate) trait HoldsNoText {}
impl HoldsNoText for entry_reference::table {}
impl HoldsNoText for bucket::table {}
impl HoldsNoText for lease::table {}
impl HoldsNoText for counter::table {}
impl HoldsNoText for meta::table {}
impl HoldsNoText for origin::table {}
impl HoldsNoText for owner_usage::table {}

impl Transaction<'_> {
    /// Deletes rows for good, and sees to it that their bytes leave the files; returns how many.
    pub(crate) fn erase<T>(&mut self, rows: T) -> Result<usize>
    where
        T: IntoUpdateTarget,
        DeleteStatement<T::Table, T::WhereClause>: ExecuteDsl<AnyConnection>,
    {
        let deleted = delete(self.connection(), rows)?;
        if deleted > 0 {
            self.note_erased();
        }
        Ok(deleted)
    }

    /// Deletes rows of a table that holds no text.
    pub(crate) fn remove<T>(&mut self, rows: T) -> Result<usize>
    where
        T: IntoUpdateTarget,
        T::Table: HoldsNoText,
        DeleteStatement<T::Table, T::WhereClause>: ExecuteDsl<AnyConnection>,
    {
        delete(self.connection(), rows)
    }

    /// Deletes rows that are written anew in the same transaction: a change, which erases nothing.
    pub(crate) fn make_way<T>(&mut self, rows: T) -> Result<usize>
    where
        T: IntoUpdateTarget,
        DeleteStatement<T::Table, T::WhereClause>: ExecuteDsl<AnyConnection>,
    {
        delete(self.connection(), rows)
    }
}

/// As [`Transaction::erase`], on the bare connection of an upgrade.
pub(crate) fn erase_in_upgrade<T>(connection: &mut AnyConnection, rows: T) -> Result<usize>
where
    T: IntoUpdateTarget,
    DeleteStatement<T::Table, T::WhereClause>: ExecuteDsl<AnyConnection>,
{
    let deleted = delete(connection, rows)?;
    if deleted > 0 {
        note(connection)?;
    }
    Ok(deleted)
}

/// Deletes rows that say what another row says as well, on the bare connection of an upgrade or of a restore.
pub(crate) fn drop_doubles<T>(connection: &mut AnyConnection, rows: T) -> Result<usize>
where
    T: IntoUpdateTarget,
    DeleteStatement<T::Table, T::WhereClause>: ExecuteDsl<AnyConnection>,
{
    delete(connection, rows)
}

#[expect(clippy::disallowed_methods, reason = "the one place that deletes")]
fn delete<T>(connection: &mut AnyConnection, rows: T) -> Result<usize>
where
    T: IntoUpdateTarget,
    DeleteStatement<T::Table, T::WhereClause>: ExecuteDsl<AnyConnection>,
{
    Ok(ExecuteDsl::execute(diesel::delete(rows), connection)?)
}

/// Erases what is kept of entries of this node beside their own rows: their history, who was asked about them with what
/// was answered, what others reported, how organisations stood by them, and what the feeds told of them. A statement keeps
/// its number and hash until the publisher has put the deletion in its place.
pub(crate) fn erase_all_about(t: &mut Transaction<'_>, node: &Node, ids: &[String]) -> Result<()> {
    for ids in ids.chunks(limits::KEYS_PER_STATEMENT) {
        t.erase(revision::table.filter(revision::entry.eq_any(ids)))?;
        t.erase(invitation::table.filter(invitation::assessment.eq_any(ids)))?;
        erase_reports(t, node.origin_row, ids)?;
        t.erase(distribution::table.filter(distribution::standard.eq_any(ids)))?;
        let own = feed::table
            .filter(feed::origin.eq(node.origin_row))
            .select(feed::id);
        let told = statement::table
            .filter(statement::feed.eq_any(own))
            .filter(statement::entry.eq_any(ids))
            .filter(statement::live);
        diesel::update(told)
            .set(statement::body.eq(None::<String>))
            .execute(t.connection())?;
        t.note_erased();
    }
    Ok(())
}

/// Erases what people reported about entries: it may quote them.
pub(crate) fn erase_reports(t: &mut Transaction<'_>, origin: i64, ids: &[String]) -> Result<()> {
    let about = correction::origin
        .eq(origin)
        .and(correction::entry.eq_any(ids));
    t.erase(correction::table.filter(about)).map(drop)
}

/// Notes that something was erased, as part of the transaction that did it.
pub(crate) fn note(connection: &mut AnyConnection) -> Result<()> {
    raise(connection, ERASED, |value| value + 1)
}

/// Sets a counter, which is made where it is missing.
fn raise(connection: &mut AnyConnection, name: &str, to: impl Fn(i64) -> i64) -> Result<()> {
    let row = CounterRow {
        name: name.to_owned(),
        value: to(value(connection, name)?),
    };
    on_each!(connection, inner => {
        diesel::insert_into(counter::table)
            .values(&row)
            .on_conflict(counter::name)
            .do_update()
            .set(counter::value.eq(row.value))
            .execute(inner)
    })?;
    Ok(())
}

fn value(connection: &mut AnyConnection, name: &str) -> Result<i64> {
    let value = counter::table
        .find(name)
        .select(counter::value)
        .first(connection)
        .optional()?;
    Ok(value.unwrap_or(0))
}

/// What SQLite says of a checkpoint.
#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
}

impl Database {
    /// Whether something was erased whose bytes may still stand in the files, by any process.
    pub(crate) async fn has_remains(&self) -> Result<bool> {
        self.read(|c| Ok(value(c, SETTLED)? < value(c, ERASED)?))
            .await
    }

    /// Hears of each transaction of this process that erased something.
    pub(crate) fn erasures(&self) -> watch::Receiver<u64> {
        self.erased().subscribe()
    }

    /// Moves what SQLite's write-ahead log holds into the database and empties the log, so that nothing of what was erased
    /// is left in it: whether that is done. It is not where somebody still reads an older state; then it is for the next
    /// try. PostgreSQL is asked to clear dead rows away, so that their room is used again: their bytes stay until then.
    pub(crate) async fn leave_no_remains(&self) -> Result<bool> {
        let erased = self.read(|c| value(c, ERASED)).await?;
        // Writers of this process need not fail while this waits for those who read.
        let turn = self.write_turn().await?;
        let target = self.target().clone();
        let done = blocking(self.target(), move || {
            let _turn = turn;
            let connector = Connector {
                target,
                purpose: Purpose::Write,
                waits: Waits::default(),
            };
            clear(&mut connector.open()?)
        })
        .await?;
        if done {
            self.write(move |t| {
                if value(t.connection(), SETTLED)? < erased {
                    raise(t.connection(), SETTLED, |value| value.max(erased))?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(done)
    }
}

fn clear(connection: &mut AnyConnection) -> Result<bool> {
    match connection {
        AnyConnection::Sqlite(inner) => empty_log(inner),
        AnyConnection::Postgres(inner) => {
            inner.batch_execute(&format!("VACUUM (SKIP_LOCKED) {}", TEXTS.join(", ")))?;
            Ok(true)
        }
    }
}

fn empty_log(inner: &mut SqliteConnection) -> Result<bool> {
    inner.batch_execute(&format!(
        "PRAGMA busy_timeout = {}",
        limits::CHECKPOINT_MILLIS
    ))?;
    let done: Checkpoint =
        diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(inner)?;
    Ok(done.busy == 0)
}

/// How large an SQLite file is.
#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    bytes: i64,
}

impl Database {
    /// Writes SQLite's file anew where something was erased since that was last done: whether it was done now.
    ///
    /// `secure_delete` overwrites what is deleted where it stands. Before that a row may have stood on another page, from
    /// which it was moved to make room: what is left of it in the unused part of that page is overwritten by nobody (about
    /// one row in a thousand, where rows keep growing). A small file is written anew at once, a large one once a day at
    /// most, because writers wait as long as it takes. PostgreSQL would lock its tables for that: an operator's decision.
    pub(crate) async fn compact(&self, now: i64) -> Result<bool> {
        let Target::Sqlite(_) = self.target() else {
            return Ok(false);
        };
        let (erased, compacted, at, bytes) = self
            .read(|c| {
                let bytes = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
                let size: Size = diesel::sql_query(bytes).get_result(c)?;
                let counters = [ERASED, COMPACTED, COMPACTED_AT].map(|name| value(c, name));
                let [erased, compacted, at] = counters;
                Ok((erased?, compacted?, at?, size.bytes))
            })
            .await?;
        let small = bytes <= limits::COMPACT_BYTES;
        // A moment that lies ahead was written by a clock that was wrong.
        let waited = now < at || now - at >= limits::COMPACT_PAUSE_MICROS;
        if compacted >= erased || !(small || waited) {
            return Ok(false);
        }
        let turn = self.write_turn().await?;
        let target = self.target().clone();
        blocking(self.target(), move || {
            let _turn = turn;
            let connector = Connector {
                target,
                purpose: Purpose::Write,
                waits: Waits::default(),
            };
            if let AnyConnection::Sqlite(inner) = &mut connector.open()? {
                // What is small needs no file outside of the data folder, what is large may not stand in memory.
                let place = if small { "MEMORY" } else { "FILE" };
                inner.batch_execute(&format!("PRAGMA temp_store = {place}; VACUUM"))?;
                empty_log(inner)?;
            }
            Ok(())
        })
        .await?;
        self.write(move |t| {
            raise(t.connection(), COMPACTED, |value| value.max(erased))?;
            raise(t.connection(), COMPACTED_AT, |_| now)
        })
        .await?;
        Ok(true)
    }
}

/// Tables that hold what people wrote.
const TEXTS: &[&str] = &[
    "account",
    "client",
    "entry",
    "revision",
    "statement",
    "correction",
    "registration",
    "invitation",
    "distribution",
    "idempotency",
    "peer",
];

#[cfg(test)]
mod tests {
    /// Tables in which nobody writes freely: numbers, ids, hashes, names of nodes and roles.
    const WITHOUT_TEXTS: &[&str] = &[
        "audit",
        "bucket",
        "counter",
        "denial",
        "entry_reference",
        "feed",
        "journal",
        "lease",
        "membership",
        "meta",
        "node_document",
        "origin",
        "owner_usage",
        "password_reset",
        "session",
    ];

    #[test]
    fn every_table_is_known_to_hold_texts_or_none() {
        let mut known: Vec<&str> = [super::TEXTS, WITHOUT_TEXTS].concat();
        known.sort_unstable();
        let mut tables: Vec<&str> = include_str!("schema.rs")
            .split("diesel::table! {")
            .skip(1)
            .filter_map(|table| table.split_once('('))
            .map(|(name, _)| name.trim())
            .collect();
        tables.sort_unstable();
        assert_eq!(known, tables, "a new table belongs into one of the lists");
    }
}
