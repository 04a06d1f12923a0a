//! The yardstick for writes: many-row Diesel inserts into the same tables, with their indexes, revisions and audit
//! rows, in the same transaction sizes, and nothing decided or checked.

use std::time::{Duration, Instant};

use anyhow::Result;
use diesel::{
    Connection, ExpressionMethods, PgConnection, QueryResult, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
};
use serde_json::Value;

mod tables {
    diesel::table! {
        origin (id) {
            id -> BigInt,
            base_url -> Text,
            is_self -> Bool,
        }
    }
    diesel::table! {
        entry (origin, id) {
            origin -> BigInt,
            id -> Text,
            kind -> Text,
            owner -> Text,
            version -> BigInt,
            arrival -> BigInt,
            visibility -> Text,
            deleted -> Bool,
            external_id -> Nullable<Text>,
            hash -> BigInt,
            created -> BigInt,
            modified -> BigInt,
            body -> Nullable<Text>,
            review -> Nullable<Text>,
        }
    }
    diesel::table! {
        entry_reference (source, target) {
            source -> Text,
            target -> Text,
        }
    }
    diesel::table! {
        revision (arrival) {
            arrival -> BigInt,
            entry -> Text,
            version -> BigInt,
            at -> BigInt,
            actor -> Text,
            action -> Text,
            body -> Nullable<Text>,
        }
    }
    diesel::table! {
        audit (arrival) {
            arrival -> BigInt,
            at -> BigInt,
            actor -> Text,
            action -> Text,
            subject -> Text,
        }
    }
}
use tables::{audit, entry, entry_reference, revision};

/// Rows of one statement: what storage uses.
const ROWS: usize = 500;
const ORIGIN: i64 = 1;
const ACTOR: &str = "client:01980000-0000-7000-8000-000000000000";
const MOMENT: i64 = 1_780_000_000_000_000;

#[derive(diesel::Insertable)]
#[diesel(table_name = entry, treat_none_as_default_value = false)]
struct EntryRow<'a> {
    origin: i64,
    id: &'a str,
    kind: &'a str,
    owner: &'a str,
    version: i64,
    arrival: i64,
    visibility: &'a str,
    deleted: bool,
    external_id: Option<&'a str>,
    hash: i64,
    created: i64,
    modified: i64,
    body: Option<&'a str>,
    review: Option<&'a str>,
}

#[derive(diesel::Insertable)]
#[diesel(table_name = entry_reference, treat_none_as_default_value = false)]
struct ReferenceRow<'a> {
    source: &'a str,
    target: &'a str,
}

#[derive(diesel::Insertable)]
#[diesel(table_name = revision, treat_none_as_default_value = false)]
struct RevisionRow<'a> {
    arrival: i64,
    entry: &'a str,
    version: i64,
    at: i64,
    actor: &'a str,
    action: &'a str,
    body: Option<&'a str>,
}

#[derive(diesel::Insertable)]
#[diesel(table_name = audit, treat_none_as_default_value = false)]
struct AuditRow<'a> {
    arrival: i64,
    at: i64,
    actor: &'a str,
    action: &'a str,
    subject: &'a str,
}

/// What a row is made of, prepared before the clock starts.
struct Prepared {
    id: String,
    kind: String,
    owner: String,
    external_id: String,
    body: String,
}

fn prepare(entries: &[Value]) -> Vec<Prepared> {
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let prepared = entries.iter().map(|entry| Prepared {
        id: text(entry, "id"),
        kind: text(entry, "kind"),
        owner: text(entry, "owner"),
        external_id: text(entry, "external_id"),
        body: stored(entry).to_string(),
    });
    prepared.collect()
}

/// The entry as the node would store it: with what the node adds.
fn stored(entry: &Value) -> Value {
    let mut stored = entry.clone();
    stored["origin"] = Value::from("http://127.0.0.1:8080");
    stored["version"] = Value::from(1);
    stored["created"] = Value::from("2026-05-28T20:26:40.000000Z");
    stored["modified"] = Value::from("2026-05-28T20:26:40.000000Z");
    stored
}

macro_rules! insert_with {
    ($connection:expr, $prepared:expr, $per_transaction:expr) => {{
        let connection = $connection;
        let begun = Instant::now();
        let mut arrival = 1_000_000_000;
        for transaction in $prepared.chunks($per_transaction) {
            connection.transaction(|connection| -> QueryResult<()> {
                for rows in transaction.chunks(ROWS) {
                    let first = arrival;
                    arrival += rows.len() as i64;
                    let numbered = || (first..).zip(rows);
                    let entries: Vec<_> = numbered()
                        .map(|(arrival, row)| entry_row(arrival, row))
                        .collect();
                    diesel::insert_into(entry::table)
                        .values(&entries)
                        .execute(connection)?;
                    let references: Vec<_> = rows.iter().filter_map(reference_row).collect();
                    if !references.is_empty() {
                        diesel::insert_into(entry_reference::table)
                            .values(&references)
                            .execute(connection)?;
                    }
                    let revisions: Vec<_> = numbered()
                        .map(|(arrival, row)| revision_row(arrival, row))
                        .collect();
                    diesel::insert_into(revision::table)
                        .values(&revisions)
                        .execute(connection)?;
                    let audits: Vec<_> = numbered()
                        .map(|(arrival, row)| audit_row(arrival, row))
                        .collect();
                    diesel::insert_into(audit::table)
                        .values(&audits)
                        .execute(connection)?;
                }
                Ok(())
            })?;
        }
        begun.elapsed()
    }};
}

/// Inserts entries that are not there yet into a migrated database, and returns how long it took.
///
/// # Errors
/// As the database.
pub(crate) fn insert(url: &str, entries: &[Value], per_transaction: usize) -> Result<Duration> {
    use tables::origin::dsl::{base_url, id, is_self, origin};
    let own = (
        id.eq(ORIGIN),
        base_url.eq("http://127.0.0.1"),
        is_self.eq(true),
    );
    let prepared = prepare(entries);
    if url.starts_with("postgres") {
        let mut connection = PgConnection::establish(url)?;
        diesel::insert_into(origin)
            .values(own)
            .on_conflict_do_nothing()
            .execute(&mut connection)?;
        return Ok(insert_with!(&mut connection, prepared, per_transaction));
    }
    let mut connection = SqliteConnection::establish(url)?;
    connection.batch_execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
    )?;
    diesel::insert_into(origin)
        .values(own)
        .on_conflict_do_nothing()
        .execute(&mut connection)?;
    Ok(insert_with!(&mut connection, prepared, per_transaction))
}

fn entry_row(arrival: i64, row: &Prepared) -> EntryRow<'_> {
    EntryRow {
        origin: ORIGIN,
        id: &row.id,
        kind: &row.kind,
        owner: &row.owner,
        version: 1,
        arrival,
        visibility: "public",
        deleted: false,
        external_id: Some(&row.external_id),
        hash: arrival,
        created: MOMENT,
        modified: MOMENT,
        body: Some(&row.body),
        // As of an entry that nobody has verified.
        review: Some(""),
    }
}

/// An offer refers to its organisation.
fn reference_row(row: &Prepared) -> Option<ReferenceRow<'_>> {
    (row.id != row.owner).then_some(ReferenceRow {
        source: &row.id,
        target: &row.owner,
    })
}

fn revision_row(arrival: i64, row: &Prepared) -> RevisionRow<'_> {
    RevisionRow {
        arrival,
        entry: &row.id,
        version: 1,
        at: MOMENT,
        actor: ACTOR,
        action: "create",
        body: Some(&row.body),
    }
}

fn audit_row(arrival: i64, row: &Prepared) -> AuditRow<'_> {
    AuditRow {
        arrival,
        at: MOMENT,
        actor: ACTOR,
        action: "create",
        subject: &row.id,
    }
}

/// Reads and parses every live row, as anything must at least that starts from the database.
///
/// # Errors
/// As the database, and when a row is not an entry.
pub(crate) fn scan(url: &str) -> Result<(Duration, usize)> {
    use diesel::QueryDsl;
    let begun = Instant::now();
    let mut connection = SqliteConnection::establish(url)?;
    let mut count = 0;
    let rows = entry::table
        .filter(entry::deleted.eq(false))
        .select(entry::body)
        .load_iter::<Option<String>, _>(&mut connection)?;
    for row in rows {
        let parsed = domain::Entry::from_json(&row?.unwrap_or_default())?;
        count += usize::from(parsed.version > 0);
    }
    Ok((begun.elapsed(), count))
}
