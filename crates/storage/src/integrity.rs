//! What the database can say about itself: contradictions between what is stored.

use std::collections::HashMap;

use diesel::dsl::{count_star, exists, max, min, not};
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::{Action, content_hash};

use crate::Result;
use crate::connection::{AnyConnection, Target};
use crate::database::{ARRIVAL, Database};
use crate::directory::{counted, review_column, stored_entry};
use crate::limits;
use crate::rows::OwnerUsageRow;
use crate::schema::{
    account, audit, client, counter, entry, entry_reference, origin, owner_usage, revision, session,
};
use crate::sql_types::to_signed;

/// One contradiction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable code: `dangling_reference`, `missing_entry`, `arrival_gap` ...
    pub code: &'static str,
    /// What it is about: an id, or a table.
    pub subject: String,
    /// What is wrong, in words.
    pub message: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Integrity {
    /// Entries that were looked at, deleted ones included.
    pub entries: u64,
    /// The first contradictions, at most [`limits::FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: u64,
}

impl Integrity {
    /// Whether nothing contradicts anything.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn note(&mut self, code: &'static str, subject: impl Into<String>, message: impl Into<String>) {
        if self.findings.len() < limits::FINDINGS {
            self.findings.push(Finding {
                code,
                subject: subject.into(),
                message: message.into(),
            });
        } else {
            self.more += 1;
        }
    }
}

/// Looks at everything, at one moment.
pub(crate) fn check(database: &Database) -> Result<Integrity> {
    let path = match database.target() {
        Target::Sqlite(path) => path.display().to_string(),
        Target::Postgres(_) => String::new(),
    };
    database.snapshot_here(|connection| {
        let mut found = Integrity::default();
        file(connection, &path, &mut found)?;
        numbers(connection, &mut found)?;
        references(connection, &mut found)?;
        lost(connection, &mut found)?;
        entries(connection, &mut found)?;
        usage(connection, &mut found)?;
        Ok(found)
    })
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

/// SQLite looks at its own file. PostgreSQL has `pg_amcheck` for that.
fn file(connection: &mut AnyConnection, path: &str, found: &mut Integrity) -> Result<()> {
    let AnyConnection::Sqlite(inner) = connection else {
        return Ok(());
    };
    let lines: Vec<Line> = diesel::sql_query("PRAGMA integrity_check(20)").load(inner)?;
    for line in lines
        .into_iter()
        .filter(|line| line.integrity_check != "ok")
    {
        found.note("damaged_file", path, line.integrity_check);
    }
    Ok(())
}

/// Every number up to the counter stands in the audit once, and nothing has a number beyond it.
fn numbers(connection: &mut AnyConnection, found: &mut Integrity) -> Result<()> {
    let head: i64 = counter::table
        .find(ARRIVAL)
        .select(counter::value)
        .first(connection)?;
    let (rows, first, last): (i64, Option<i64>, Option<i64>) = audit::table
        .select((count_star(), min(audit::arrival), max(audit::arrival)))
        .first(connection)?;
    if last.unwrap_or(0) != head {
        let message = format!(
            "the counter stands at {head}, the audit at {}",
            last.unwrap_or(0)
        );
        found.note("arrival_gap", "counter", message);
    }
    if let (Some(first), Some(last)) = (first, last)
        && last - first + 1 != rows
    {
        let missing = last - first + 1 - rows;
        found.note(
            "arrival_gap",
            "audit",
            format!("{missing} numbers between {first} and {last} are missing"),
        );
    }
    let mut seen: HashMap<i64, &str> = HashMap::new();
    let small = [
        (
            "account",
            account::table
                .select(account::arrival)
                .load::<i64>(connection)?,
        ),
        (
            "client",
            client::table
                .select(client::arrival)
                .load::<i64>(connection)?,
        ),
        (
            "session",
            session::table
                .select(session::arrival)
                .load::<i64>(connection)?,
        ),
    ];
    for (table, arrivals) in small {
        for arrival in arrivals {
            if let Some(other) = seen.insert(arrival, table) {
                found.note(
                    "arrival_twice",
                    table,
                    format!("{arrival} stands in {table} and in {other}"),
                );
            }
            if arrival > head {
                found.note(
                    "arrival_beyond",
                    table,
                    format!("{arrival} lies beyond the counter, {head}"),
                );
            }
        }
    }
    let twice: Vec<i64> = entry::table
        .filter(entry::arrival.eq_any(seen.keys().copied().take(limits::KEYS_PER_STATEMENT)))
        .select(entry::arrival)
        .load(connection)?;
    for arrival in twice {
        found.note(
            "arrival_twice",
            "entry",
            format!("{arrival} stands in two tables"),
        );
    }
    let beyond: Option<i64> = entry::table.select(max(entry::arrival)).first(connection)?;
    if beyond.is_some_and(|arrival| arrival > head) {
        found.note(
            "arrival_beyond",
            "entry",
            format!("an entry lies beyond the counter, {head}"),
        );
    }
    Ok(())
}

/// What the audit saw come into being, and nothing ever removes, is still there: a purged entry leaves its row, a disabled
/// account and a revoked client theirs.
fn lost(connection: &mut AnyConnection, found: &mut Integrity) -> Result<()> {
    let own: i64 = origin::table
        .filter(origin::is_self)
        .select(origin::id)
        .first(connection)?;
    let most = i64::try_from(limits::FINDINGS).unwrap_or(i64::MAX);
    let made = |action: &'static str| {
        audit::table
            .filter(audit::action.eq(action))
            .order(audit::arrival)
            .limit(most)
            .select(audit::subject)
    };
    // By anti-join: PostgreSQL would compare each row with each where a list is too long for its memory.
    let entries: Vec<String> = made(Action::Created.as_str())
        .filter(not(exists(
            entry::table
                .filter(entry::origin.eq(own))
                .filter(entry::id.eq(audit::subject)),
        )))
        .load(connection)?;
    let accounts: Vec<String> = made("account.create")
        .filter(not(exists(
            account::table.filter(account::id.eq(audit::subject)),
        )))
        .load(connection)?;
    let clients: Vec<String> = made("client.create")
        .filter(not(exists(
            client::table.filter(client::id.eq(audit::subject)),
        )))
        .load(connection)?;
    for (code, ids) in [
        ("missing_entry", entries),
        ("missing_account", accounts),
        ("missing_client", clients),
    ] {
        for id in ids {
            found.note(code, id, "the audit saw it being made, and it is not there");
        }
    }
    Ok(())
}

/// References lead from live entries to live entries.
fn references(connection: &mut AnyConnection, found: &mut Integrity) -> Result<()> {
    let own: i64 = origin::table
        .filter(origin::is_self)
        .select(origin::id)
        .first(connection)?;
    let live = || {
        entry::table
            .filter(entry::origin.eq(own))
            .filter(not(entry::deleted))
            .select(entry::id)
    };
    let most = i64::try_from(limits::FINDINGS).unwrap_or(i64::MAX);
    let dangling: Vec<(String, String)> = entry_reference::table
        .filter(not(entry_reference::target.eq_any(live())))
        .limit(most)
        .load(connection)?;
    for (source, target) in dangling {
        found.note(
            "dangling_reference",
            source,
            format!("it refers to {target}, which is not there"),
        );
    }
    let orphaned: Vec<(String, String)> = entry_reference::table
        .filter(not(entry_reference::source.eq_any(live())))
        .limit(most)
        .load(connection)?;
    for (source, target) in orphaned {
        found.note(
            "orphaned_reference",
            source,
            format!("it is gone and still refers to {target}"),
        );
    }
    Ok(())
}

/// What owners are said to have is what they have; who has nothing may be missing.
fn usage(connection: &mut AnyConnection, found: &mut Integrity) -> Result<()> {
    let said: Vec<OwnerUsageRow> = owner_usage::table.load(connection)?;
    let mut said: HashMap<String, (i64, i64)> = said
        .into_iter()
        .map(|row| (row.owner, (row.entries, row.bytes)))
        .collect();
    for row in counted(connection)? {
        let (entries, bytes) = said.remove(&row.owner).unwrap_or_default();
        if (entries, bytes) != (row.entries, row.bytes) {
            let message = format!(
                "it has {} entries of {} bytes, and {entries} of {bytes} are counted",
                row.entries, row.bytes
            );
            found.note("wrong_usage", row.owner, message);
        }
    }
    for (owner, (entries, bytes)) in said {
        if (entries, bytes) != (0, 0) {
            let message = format!("it has no entries, and {entries} of {bytes} bytes are counted");
            found.note("wrong_usage", owner, message);
        }
    }
    Ok(())
}

type Row = (
    String,
    i64,
    i64,
    bool,
    i64,
    String,
    Option<String>,
    Option<String>,
);

/// Columns, body and history of each entry agree.
fn entries(connection: &mut AnyConnection, found: &mut Integrity) -> Result<()> {
    let origins: Vec<(i64, bool)> = origin::table
        .select((origin::id, origin::is_self))
        .order(origin::id)
        .load(connection)?;
    for (origin, is_self) in origins {
        let mut after = String::new();
        loop {
            let rows: Vec<Row> = entry::table
                .filter(entry::origin.eq(origin))
                .filter(entry::id.gt(&after))
                .order(entry::id)
                .limit(limits::LIST)
                .select((
                    entry::id,
                    entry::version,
                    entry::arrival,
                    entry::deleted,
                    entry::hash,
                    entry::owner,
                    entry::body,
                    entry::review,
                ))
                .load(connection)?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.0);
            found.entries += u64::try_from(rows.len()).unwrap_or(0);
            if is_self {
                histories(connection, &rows, found)?;
            }
            for row in &rows {
                body(row, is_self, found);
            }
        }
    }
    Ok(())
}

fn body(
    (id, version, _, deleted, hash, owner, body, review): &Row,
    is_self: bool,
    found: &mut Integrity,
) {
    let Some(body) = body else {
        if !deleted {
            found.note("missing_body", id, "it is live and has no body");
        }
        return;
    };
    if to_signed(content_hash(body)) != *hash {
        found.note("wrong_hash", id, "its body is not what was hashed");
    }
    match stored_entry(body) {
        Err(error) => found.note("unreadable_body", id, error.log()),
        Ok(entry) => {
            let wrong_version = !deleted && i64::try_from(entry.version) != Ok(*version);
            if wrong_version || entry.id.to_string() != *id || entry.owner.to_string() != *owner {
                found.note("body_mismatch", id, "its body contradicts its columns");
            }
            let due = Some(entry.review()).filter(|_| is_self && !deleted);
            if due.and_then(review_column) != *review {
                found.note(
                    "wrong_review",
                    id,
                    "its review is not due when its body says",
                );
            }
        }
    }
}

/// An entry's revisions are its versions from 1 to the latest, which has the entry's number; a purged one has none.
fn histories(connection: &mut AnyConnection, rows: &[Row], found: &mut Integrity) -> Result<()> {
    let ids = rows.iter().map(|row| &row.0);
    let revisions: Vec<(String, i64, Option<i64>, Option<i64>)> = revision::table
        .filter(revision::entry.eq_any(ids))
        .group_by(revision::entry)
        .select((
            revision::entry,
            count_star(),
            max(revision::version),
            max(revision::arrival),
        ))
        .load(connection)?;
    let mut revisions: HashMap<String, (i64, Option<i64>, Option<i64>)> = revisions
        .into_iter()
        .map(|(entry, count, version, arrival)| (entry, (count, version, arrival)))
        .collect();
    for (id, version, arrival, deleted, _, _, body, _) in rows {
        let history = revisions.remove(id);
        if *deleted && body.is_none() {
            if history.is_some() {
                found.note(
                    "remaining_revision",
                    id,
                    "it was purged and still has revisions",
                );
            }
            continue;
        }
        if history != Some((*version, Some(*version), Some(*arrival))) {
            let message = format!(
                "version {version} under number {arrival}, but its revisions say {history:?}"
            );
            found.note("missing_revision", id, message);
        }
    }
    Ok(())
}
