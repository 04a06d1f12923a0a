//! One step of publishing or following, inside one transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::upsert::excluded;
use domain::feed::{FeedKey, FeedState, StatementRow};
use domain::{Actor, EntryId, Origin};

use super::columns::{state_from, state_to, statement_from, statement_to};
use super::unknown_feed;
use crate::access::name;
use crate::connection::{AnyConnection, on_each};
use crate::database::Transaction;
use crate::directory::{Node, Stored};
use crate::rows::{FeedRow, OriginRow, StatementRow as Row};
use crate::schema::{feed, origin, statement};
use crate::sql_types::{to_column, to_micros};
use crate::{Result, StorageError, limits};

/// The columns of a statement, its bytes left out.
macro_rules! without_body {
    () => {
        (
            statement::feed,
            statement::leaf,
            statement::entry,
            statement::seq,
            statement::live,
            statement::hash,
            statement::state,
            statement::reason,
            statement::pull,
            statement::at,
            sql::<Nullable<Text>>("NULL"),
        )
    };
}

/// Written out, not bound: only so does SQLite see that the partial indexes of the same conditions answer it.
const QUARANTINED: &str = "statement.state = 'quarantined'";
const SKIPPED: &str = "statement.state = 'skipped'";
/// Both databases call it so.
const KEPT_BYTES: &str = "CAST(OCTET_LENGTH(statement.body) AS BIGINT)";

/// One step of publishing or following: everything happens as a whole or not at all.
pub struct FeedWork<'a, 't> {
    door: Door<'a, 't>,
    pub(super) node: &'a Node,
    now: DateTime<Utc>,
    feeds: HashMap<FeedKey, i64>,
}

enum Door<'a, 't> {
    Reading(&'a mut AnyConnection),
    Writing(&'a mut Transaction<'t>),
}

/// A change of an entry of this node, in its latest state.
#[derive(Debug, Clone)]
pub struct LocalChange {
    /// The entry.
    pub id: EntryId,
    /// The number of its latest change.
    pub arrival: i64,
    /// What it is now; `None` once it is deleted.
    pub stored: Option<Stored>,
}

impl<'a, 't> FeedWork<'a, 't> {
    pub(super) fn writing(t: &'a mut Transaction<'t>, node: &'a Node, now: DateTime<Utc>) -> Self {
        Self::new(Door::Writing(t), node, now)
    }

    pub(super) fn reading(c: &'a mut AnyConnection, node: &'a Node, now: DateTime<Utc>) -> Self {
        Self::new(Door::Reading(c), node, now)
    }

    fn new(door: Door<'a, 't>, node: &'a Node, now: DateTime<Utc>) -> Self {
        Self {
            door,
            node,
            now,
            feeds: HashMap::new(),
        }
    }
}

impl<'t> FeedWork<'_, 't> {
    /// Lets the step end without changing anything, though it does not fail.
    pub fn discard(&mut self) {
        if let Door::Writing(t) = &mut self.door {
            t.discard();
        }
    }

    /// The caller's clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// This node.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.node.origin
    }

    pub(super) fn micros(&self) -> i64 {
        to_micros(self.now)
    }

    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        match &mut self.door {
            Door::Reading(connection) => connection,
            Door::Writing(t) => t.connection(),
        }
    }

    /// The transaction, of a step that may write.
    pub(super) fn transaction(&mut self) -> Result<&mut Transaction<'t>> {
        match &mut self.door {
            Door::Writing(t) => Ok(t),
            Door::Reading(_) => Err(StorageError::Internal {
                log: "a read tried to write".to_owned(),
            }),
        }
    }

    /// Takes an arrival number for what the node itself did.
    pub(super) fn arrive(&mut self, action: &str, subject: &str) -> Result<i64> {
        self.arrive_as("system", action, subject)
    }

    /// Notes in the audit who did what to whom.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note(&mut self, actor: &Actor, action: &str, subject: &str) -> Result<()> {
        self.arrive_as(&name(actor), action, subject).map(drop)
    }

    pub(super) fn arrive_as(&mut self, actor: &str, action: &str, subject: &str) -> Result<i64> {
        let at = self.micros();
        self.transaction()?.arrive(at, actor, action, subject)
    }

    /// The number of a known feed.
    pub(super) fn feed(&mut self, key: &FeedKey) -> Result<i64> {
        if let Some(id) = self.feeds.get(key) {
            return Ok(*id);
        }
        let row = self.row(key)?.ok_or_else(|| unknown_feed(key))?;
        self.feeds.insert(key.clone(), row.id);
        Ok(row.id)
    }

    fn row(&mut self, key: &FeedKey) -> Result<Option<FeedRow>> {
        Ok(feed::table
            .inner_join(origin::table)
            .filter(origin::base_url.eq(key.origin.as_str()))
            .filter(feed::name.eq(key.name.as_str()))
            .select(feed::all_columns)
            .first(self.connection())
            .optional()?)
    }

    /// How far a feed is known, if at all.
    ///
    /// # Errors
    /// Those of the database.
    pub fn state(&mut self, key: &FeedKey) -> Result<Option<FeedState>> {
        let Some(row) = self.row(key)? else {
            return Ok(None);
        };
        self.feeds.insert(key.clone(), row.id);
        state_from(row).map(Some)
    }

    /// Notes how far a feed is known.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_state(&mut self, key: &FeedKey, state: &FeedState) -> Result<()> {
        let origin = self.origin_row(&key.origin)?;
        let known = self.row(key)?.map(|row| row.id);
        let id = match known {
            Some(id) => id,
            None => {
                let last: Option<i64> = feed::table
                    .select(diesel::dsl::max(feed::id))
                    .first(self.connection())?;
                last.unwrap_or(0) + 1
            }
        };
        let row = state_to(id, origin, key.name.as_str(), state)?;
        on_each!(self.connection(), inner => {
            diesel::insert_into(feed::table)
                .values(&row)
                .on_conflict(feed::id)
                .do_update()
                .set((
                    feed::epoch.eq(row.epoch),
                    feed::seq.eq(row.seq),
                    feed::arrival.eq(row.arrival),
                    feed::horizon.eq(row.horizon),
                    feed::tree_seq.eq(row.tree_seq),
                    feed::live.eq(row.live),
                    feed::root.eq(&row.root),
                    feed::pull.eq(row.pull),
                    feed::pulling.eq(row.pulling),
                    feed::head.eq(&row.head),
                    feed::bytes.eq(row.bytes),
                ))
                .execute(inner)
        })?;
        self.feeds.insert(key.clone(), id);
        Ok(())
    }

    /// The row of an origin, made where it is new.
    pub(super) fn origin_row(&mut self, other: &Origin) -> Result<i64> {
        let found: Option<i64> = origin::table
            .filter(origin::base_url.eq(other.as_str()))
            .select(origin::id)
            .first(self.connection())
            .optional()?;
        if let Some(id) = found {
            return Ok(id);
        }
        let last: Option<i64> = origin::table
            .select(diesel::dsl::max(origin::id))
            .first(self.connection())?;
        let row = OriginRow {
            id: last.unwrap_or(0) + 1,
            base_url: other.as_str().to_owned(),
            is_self: false,
        };
        diesel::insert_into(origin::table)
            .values(&row)
            .execute(self.connection())?;
        Ok(row.id)
    }

    /// The latest statements about some entries, without their bytes.
    ///
    /// # Errors
    /// Those of the database.
    pub fn known(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<Vec<StatementRow>> {
        let feed = self.feed(key)?;
        let mut known = Vec::new();
        for some in entries.chunks(limits::KEYS_PER_STATEMENT) {
            let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
            let rows: Vec<Row> = statement::table
                .filter(statement::feed.eq(feed))
                .filter(statement::entry.eq_any(&ids))
                .select(without_body!())
                .load(self.connection())?;
            for row in rows {
                known.push(statement_from(row)?);
            }
        }
        Ok(known)
    }

    /// The statements that hold these numbers, without their bytes.
    ///
    /// # Errors
    /// Those of the database.
    pub fn numbered(&mut self, key: &FeedKey, numbers: &[u64]) -> Result<Vec<StatementRow>> {
        let feed = self.feed(key)?;
        let mut found = Vec::new();
        for some in numbers.chunks(limits::KEYS_PER_STATEMENT) {
            let some: Vec<i64> = some
                .iter()
                .map(|number| to_column(*number))
                .collect::<Result<_>>()?;
            let rows: Vec<Row> = statement::table
                .filter(statement::feed.eq(feed))
                .filter(statement::seq.eq_any(some))
                .select(without_body!())
                .load(self.connection())?;
            for row in rows {
                found.push(statement_from(row)?);
            }
        }
        Ok(found)
    }

    /// How many bytes are kept of the statements about these entries.
    ///
    /// # Errors
    /// Those of the database.
    pub fn kept_bytes(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<u64> {
        let feed = self.feed(key)?;
        let mut bytes = 0;
        for some in entries.chunks(limits::KEYS_PER_STATEMENT) {
            let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
            let lengths: Vec<i64> = statement::table
                .filter(statement::feed.eq(feed))
                .filter(statement::entry.eq_any(&ids))
                .filter(statement::body.is_not_null())
                .select(sql::<BigInt>(KEPT_BYTES))
                .load(self.connection())?;
            bytes += lengths
                .iter()
                .map(|length| length.unsigned_abs())
                .sum::<u64>();
        }
        Ok(bytes)
    }

    /// Writes statements in the place of earlier ones about the same entries.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_statements(&mut self, key: &FeedKey, rows: Vec<StatementRow>) -> Result<()> {
        let feed = self.feed(key)?;
        let rows: Vec<Row> = rows
            .into_iter()
            .map(|row| statement_to(feed, row))
            .collect::<Result<_>>()?;
        // A deletion, or what is no longer wanted, takes the place of what had been said.
        if rows.iter().any(|row| !row.live || row.body.is_none()) {
            self.transaction()?.note_erased();
        }
        for rows in rows.chunks(limits::ROWS_PER_STATEMENT) {
            on_each!(self.connection(), inner => {
                diesel::insert_into(statement::table)
                    .values(rows)
                    .on_conflict((statement::feed, statement::entry))
                    .do_update()
                    .set((
                        statement::seq.eq(excluded(statement::seq)),
                        statement::live.eq(excluded(statement::live)),
                        statement::hash.eq(excluded(statement::hash)),
                        statement::state.eq(excluded(statement::state)),
                        statement::reason.eq(excluded(statement::reason)),
                        statement::pull.eq(excluded(statement::pull)),
                        statement::at.eq(excluded(statement::at)),
                        statement::body.eq(excluded(statement::body)),
                    ))
                    .execute(inner)
            })?;
        }
        Ok(())
    }

    /// Statements that wait in quarantine, by entry, after `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub fn quarantine(
        &mut self,
        key: &FeedKey,
        after: Option<EntryId>,
        limit: i64,
    ) -> Result<Vec<StatementRow>> {
        let feed = self.feed(key)?;
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows: Vec<Row> = statement::table
            .filter(statement::feed.eq(feed))
            .filter(sql::<Bool>(QUARANTINED))
            .filter(statement::entry.gt(after))
            .order(statement::entry)
            .limit(limit)
            .load(self.connection())?;
        rows.into_iter().map(statement_from).collect()
    }

    /// How many live rows of a feed there are: taken, skipped, quarantined. Only the latter two are counted, and only a
    /// live row is in one of these states; how many there are in all, the feed knows.
    ///
    /// # Errors
    /// Those of the database.
    pub fn counts(&mut self, key: &FeedKey) -> Result<[u64; 3]> {
        let feed = self.feed(key)?;
        let live: i64 = feed::table
            .find(feed)
            .select(feed::live)
            .first(self.connection())?;
        let mut others = [0; 2];
        for (count, state) in others.iter_mut().zip([SKIPPED, QUARANTINED]) {
            let found: i64 = statement::table
                .filter(statement::feed.eq(feed))
                .filter(sql::<Bool>(state))
                .count()
                .get_result(self.connection())?;
            *count = found.unsigned_abs();
        }
        let [skipped, quarantined] = others;
        let taken = live.unsigned_abs().saturating_sub(skipped + quarantined);
        Ok([taken, skipped, quarantined])
    }

    /// Live rows that a full pull did not bring, without their bytes, at most `limit`.
    ///
    /// # Errors
    /// Those of the database.
    pub fn unseen(&mut self, key: &FeedKey, pull: u64, limit: i64) -> Result<Vec<StatementRow>> {
        let feed = self.feed(key)?;
        let rows: Vec<Row> = statement::table
            .filter(statement::feed.eq(feed))
            .filter(statement::live)
            .filter(statement::pull.lt(to_column(pull)?))
            .order((statement::leaf, statement::entry))
            .limit(limit)
            .select(without_body!())
            .load(self.connection())?;
        rows.into_iter().map(statement_from).collect()
    }

    /// How many live rows a full pull did not bring.
    ///
    /// # Errors
    /// Those of the database.
    pub fn count_unseen(&mut self, key: &FeedKey, pull: u64) -> Result<u64> {
        let feed = self.feed(key)?;
        let count: i64 = statement::table
            .filter(statement::feed.eq(feed))
            .filter(statement::live)
            .filter(statement::pull.lt(to_column(pull)?))
            .count()
            .get_result(self.connection())?;
        Ok(count.unsigned_abs())
    }

    /// How many live rows there are, counted anew.
    ///
    /// # Errors
    /// Those of the database.
    pub fn count_live(&mut self, key: &FeedKey) -> Result<u64> {
        let feed = self.feed(key)?;
        let count: i64 = statement::table
            .filter(statement::feed.eq(feed))
            .filter(statement::live)
            .count()
            .get_result(self.connection())?;
        Ok(count.unsigned_abs())
    }

    /// Forgets rows: what a sweep removes, or deletions that nobody has to be told any more.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget(&mut self, key: &FeedKey, entries: &[EntryId]) -> Result<()> {
        let feed = self.feed(key)?;
        for some in entries.chunks(limits::KEYS_PER_STATEMENT) {
            let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
            let rows = statement::table
                .filter(statement::feed.eq(feed))
                .filter(statement::entry.eq_any(ids));
            self.transaction()?.erase(rows)?;
        }
        Ok(())
    }

    /// Gives all statements of a feed the number 0, because its node has begun a new epoch.
    ///
    /// # Errors
    /// Those of the database.
    pub fn reset_numbers(&mut self, key: &FeedKey) -> Result<()> {
        let feed = self.feed(key)?;
        diesel::update(statement::table.filter(statement::feed.eq(feed)))
            .set(statement::seq.eq(0))
            .execute(self.connection())?;
        Ok(())
    }

    /// Forgets all statements of a feed, because a new epoch begins.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_all(&mut self, key: &FeedKey) -> Result<()> {
        let feed = self.feed(key)?;
        self.transaction()?
            .erase(statement::table.filter(statement::feed.eq(feed)))?;
        self.forget_tree(key)
    }

    /// Deletions before `before`, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn old_deletions(
        &mut self,
        key: &FeedKey,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<StatementRow>> {
        let feed = self.feed(key)?;
        let rows: Vec<Row> = statement::table
            .filter(statement::feed.eq(feed))
            .filter(diesel::dsl::not(statement::live))
            .filter(statement::at.lt(to_micros(before)))
            .order(statement::seq)
            .limit(limit)
            .select(without_body!())
            .load(self.connection())?;
        rows.into_iter().map(statement_from).collect()
    }
}

/// Who brought an entry of another node, without its name: the audit outlives what it speaks of.
pub(super) fn peer_actor(origin: i64) -> String {
    format!("peer:{origin}")
}
