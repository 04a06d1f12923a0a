//! The two doors to the database: reads, and the one `write()` through which everything that changes goes.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use uuid::Uuid;

use crate::connection::{
    AnyConnection, Pool, Pooled, Purpose, Target, Waits, insert_rows, on_each, pool,
};
use crate::opened::Heads;
use crate::rows::{AuditRow, MetaRow};
use crate::schema::{audit, counter, meta};
use crate::sql_types::to_uuid;
use crate::{Result, StorageError, connection, erasure, limits, opened};

/// The key of the advisory lock that all writers of one PostgreSQL database share: "lotse" in ASCII.
const WRITE_LOCK: i64 = 0x6c_6f_74_73_65;
/// The name of the counter of arrival numbers.
pub(crate) const ARRIVAL: &str = "arrival";

/// A database with its pools. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Database(Arc<Inner>);

struct Inner {
    target: Target,
    readers: RwLock<Pool>,
    writer: RwLock<Pool>,
    read_turns: Arc<Semaphore>,
    write_turn: Arc<Semaphore>,
    committed: watch::Sender<i64>,
    /// Whether the last change that was tried found no room.
    full: AtomicBool,
    /// How many transactions of this process erased something.
    erased: watch::Sender<u64>,
    waits: Waits,
    /// Which database this process opened first. Nothing else is read or written under its name.
    known: OnceLock<Known>,
    /// What the head of its file says, of SQLite.
    heads: Heads,
    /// The highest arrival number that this process has seen there: a database that has not reached it was put back.
    seen: AtomicI64,
}

/// What a database is told from others by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Changes with every restore.
    pub(crate) generation: Uuid,
    /// When it was made, in microseconds: stays the same.
    pub(crate) made: i64,
}

impl Known {
    /// Which database this is; `None` where no node has opened it yet.
    pub(crate) fn read(connection: &mut AnyConnection) -> Result<Option<Self>> {
        let row: Option<MetaRow> = meta::table.first(connection).optional()?;
        row.map(|row| {
            Ok(Self {
                generation: to_uuid("the generation", &row.generation)?,
                made: row.created,
            })
        })
        .transpose()
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.0.target).finish()
    }
}

impl Database {
    pub(crate) fn new(target: Target, readers: u32, waits: Waits) -> Self {
        let readers = readers.max(1);
        Self(Arc::new(Inner {
            readers: RwLock::new(pool(target.clone(), Purpose::Read, readers, waits)),
            writer: RwLock::new(pool(target.clone(), Purpose::Write, 1, waits)),
            waits,
            known: OnceLock::new(),
            heads: Heads::default(),
            seen: AtomicI64::new(0),
            read_turns: Arc::new(Semaphore::new(usize::try_from(readers).unwrap_or(1))),
            write_turn: Arc::new(Semaphore::new(1)),
            committed: watch::Sender::new(0),
            full: AtomicBool::new(false),
            erased: watch::Sender::new(0),
            target,
        }))
    }

    /// From now on only this database is read and written.
    pub(crate) fn is_this(&self, known: Known) {
        let _ = self.0.known.set(known);
    }

    /// The highest arrival number that this process has seen. To be asked before one is read and [noted](Self::see).
    pub(crate) fn seen(&self) -> i64 {
        self.0.seen.load(Ordering::Relaxed)
    }

    /// Notes the arrival number that the database has reached, and refuses one that is lower than was seen `before`.
    pub(crate) fn see(&self, reached: i64, before: i64) -> Result<()> {
        not_before(reached, before)?;
        self.0.seen.fetch_max(reached, Ordering::Relaxed);
        Ok(())
    }

    /// Looks once at what a new connection is connected to.
    fn recognise(&self, pooled: &mut Pooled) -> Result<()> {
        let Some(known) = self.0.known.get().filter(|_| !pooled.is_known) else {
            return Ok(());
        };
        let found = Known::read(&mut pooled.connection).map_err(|error| match error {
            // Nothing that a node could have made.
            StorageError::Internal { log } | StorageError::Corrupt { log } => {
                StorageError::Replaced { log }
            }
            error => error,
        })?;
        if found.is_none_or(|found| found != *known) {
            return Err(StorageError::Replaced {
                log: "another database stands in its place; start anew to go on with that"
                    .to_owned(),
            });
        }
        let before = self.seen();
        let reached = counter::table
            .find(ARRIVAL)
            .select(counter::value)
            .first(&mut pooled.connection)?;
        self.see(reached, before)?;
        pooled.is_known = true;
        Ok(())
    }

    fn with_connection<T>(
        &self,
        purpose: Purpose,
        work: &mut dyn FnMut(&mut Pooled) -> Result<T>,
    ) -> Result<T> {
        self.look_at_files()?;
        let mut pooled = self
            .pool(purpose)
            .get()
            .map_err(|why| StorageError::Unavailable {
                log: format!("{POOL}{why}"),
            })?;
        let pooled = &mut *pooled;
        let result = pooled
            .check_files()
            .and_then(|()| self.recognise(pooled))
            .and_then(|()| work(pooled));
        if matches!(
            result,
            Err(StorageError::Unavailable { .. }
                | StorageError::Corrupt { .. }
                | StorageError::Replaced { .. })
        ) {
            pooled.broken = true;
            if pooled.check_files().is_err() {
                self.close_all();
            }
        }
        result.map_err(|error| error.about(&self.0.target))
    }

    fn pool(&self, purpose: Purpose) -> Pool {
        let pool = match purpose {
            Purpose::Read => &self.0.readers,
            Purpose::Write => &self.0.writer,
        };
        pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses what was copied over the database's file, and to open what SQLite would take for an old state of the database, or would make anew.
    fn look_at_files(&self) -> Result<()> {
        let (Target::Sqlite(path), Some(_)) = (&self.0.target, self.0.known.get()) else {
            return Ok(());
        };
        // Else the pool would try for a while.
        let found = opened::can_be_opened(path).and_then(|()| self.0.heads.check(path));
        if found.is_err() {
            self.close_all();
        }
        found
    }

    /// Closes all connections, those in use as soon as they are not: what they have open is no longer the database. Only when
    /// the last is closed does SQLite keep what stands in a log of writes that was deleted.
    fn close_all(&self) {
        for (purpose, pool) in [
            (Purpose::Read, &self.0.readers),
            (Purpose::Write, &self.0.writer),
        ] {
            let mut pool = pool.write().unwrap_or_else(PoisonError::into_inner);
            if pool.state().connections > 0 {
                let most = pool.max_size();
                *pool = connection::pool(self.0.target.clone(), purpose, most, self.0.waits);
            }
        }
    }

    /// Tells the highest arrival number that this process committed.
    pub(crate) fn committed(&self) -> watch::Receiver<i64> {
        self.0.committed.subscribe()
    }

    pub(crate) fn erased(&self) -> &watch::Sender<u64> {
        &self.0.erased
    }

    pub(crate) fn target(&self) -> &Target {
        &self.0.target
    }

    /// Runs queries that change nothing, each with its own view of the data.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        mut queries: impl FnMut(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        let turn = turn(
            &self.0.read_turns,
            limits::READ_TURN,
            "no reader became free",
        )
        .await?;
        blocking(&self.0.target, move || {
            let _turn = turn;
            retrying(limits::READ_ATTEMPTS, || {
                this.with_connection(Purpose::Read, &mut |pooled| queries(&mut pooled.connection))
            })
        })
        .await
    }

    /// Runs queries that change nothing and all see the same state of the data, on this (blocking) thread.
    pub(crate) fn snapshot_here<T>(
        &self,
        mut queries: impl FnMut(&mut AnyConnection) -> Result<T>,
    ) -> Result<T> {
        self.with_connection(Purpose::Read, &mut |pooled| {
            let connection = &mut pooled.connection;
            begin(
                connection,
                "BEGIN DEFERRED",
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            )?;
            let result = queries(connection);
            rollback(connection);
            result
        })
    }

    /// The same, from async code.
    pub(crate) async fn snapshot<T: Send + 'static>(
        &self,
        mut queries: impl FnMut(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        let turn = turn(
            &self.0.read_turns,
            limits::READ_TURN,
            "no reader became free",
        )
        .await?;
        blocking(&self.0.target, move || {
            let _turn = turn;
            this.snapshot_here(&mut queries)
        })
        .await
    }

    /// Runs one transaction that may change something. All writers of all processes take turns: that is what makes
    /// arrival numbers dense and lets them commit in order.
    ///
    /// `change` may run several times; nothing of an earlier run remains. An error of `change` undoes everything.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        mut change: impl FnMut(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        let turn = self.write_turn().await?;
        blocking(&self.0.target, move || {
            let _turn = turn;
            this.write_here(&mut change)
        })
        .await
    }

    /// Waits for this process's turn to write.
    pub(crate) async fn write_turn(&self) -> Result<OwnedSemaphorePermit> {
        turn(
            &self.0.write_turn,
            limits::WRITE_TURN,
            "too many writes are waiting",
        )
        .await
    }

    fn write_here<T>(
        &self,
        change: &mut dyn FnMut(&mut Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut committing = false;
            let outcome = self.with_connection(Purpose::Write, &mut |pooled| {
                self.attempt(pooled, change, &mut committing)
            });
            match outcome {
                Err(error) if committing => return Err(outcome_unknown(error)),
                Err(error)
                    if error.is_transient()
                        && attempt < limits::WRITE_ATTEMPTS
                        && begun.elapsed() < self.0.waits.lock
                        && !gave_up(&error) =>
                {
                    tracing::debug!(
                        code = error.code(),
                        log = error.log(),
                        attempt,
                        "a write is tried again"
                    );
                    std::thread::sleep(pause(attempt));
                }
                outcome => {
                    if matches!(outcome, Err(StorageError::Full { .. })) {
                        self.0.full.store(true, Ordering::Relaxed);
                    }
                    return outcome;
                }
            }
        }
    }

    /// Begins a write and takes it back: whether one can begin. Where the last change found no room, and wherever
    /// `thorough`, it writes what is there already once more, so that a disk without room shows. Returns the last arrival
    /// number.
    pub(crate) async fn probe(&self, thorough: bool) -> Result<i64> {
        let was_full = self.0.full.load(Ordering::Relaxed);
        let writes = thorough || was_full;
        let head = self
            .write(move |t| {
                let head = counter::table
                    .find(ARRIVAL)
                    .select(counter::value)
                    .first(t.connection())?;
                not_before(head, t.seen)?;
                if writes {
                    diesel::update(counter::table.find(ARRIVAL))
                        .set(counter::value.eq::<i64>(head))
                        .execute(t.connection())?;
                } else {
                    t.discard();
                }
                Ok(head)
            })
            .await?;
        if writes {
            self.0.full.store(false, Ordering::Relaxed);
        }
        Ok(head)
    }

    fn attempt<T>(
        &self,
        pooled: &mut Pooled,
        change: &mut dyn FnMut(&mut Transaction<'_>) -> Result<T>,
        committing: &mut bool,
    ) -> Result<T> {
        let connection = &mut pooled.connection;
        begin_writing(connection)?;
        let mut transaction = Transaction {
            connection,
            last_arrival: None,
            seen: self.seen(),
            audit: Vec::new(),
            discarded: false,
            erased: false,
        };
        let mut result = change(&mut transaction);
        let (last_arrival, discarded) = (transaction.last_arrival, transaction.discarded);
        let erased = transaction.erased;
        if !discarded && result.is_ok() {
            result = transaction.finish().and(result);
        }
        if discarded || result.is_err() {
            rollback(connection);
            return result;
        }
        *committing = true;
        commit(connection)?;
        // What went into a file that nobody finds again was not kept.
        pooled.check_files()?;
        self.look_at_files()?;
        *committing = false;
        if let Some(arrival) = last_arrival {
            self.0.seen.fetch_max(arrival, Ordering::Relaxed);
            self.0.committed.send_if_modified(|known| {
                let newer = arrival > *known;
                *known = arrival.max(*known);
                newer
            });
        }
        if erased {
            self.0.erased.send_modify(|count| *count += 1);
        }
        result
    }
}

/// What a write may do: queries, and taking arrival numbers.
pub(crate) struct Transaction<'c> {
    connection: &'c mut AnyConnection,
    /// The last number that was taken, here or before. Read when the first one is needed.
    last_arrival: Option<i64>,
    /// What this process had seen when it began.
    seen: i64,
    /// What is noted under the numbers taken here.
    audit: Vec<AuditRow>,
    discarded: bool,
    /// Whether something is gone whose bytes have to leave the files.
    erased: bool,
}

impl Transaction<'_> {
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        self.connection
    }

    /// Takes the next arrival number for what `actor` did to `subject`, and notes it in the audit.
    pub(crate) fn arrive(
        &mut self,
        at: i64,
        actor: &str,
        action: &str,
        subject: &str,
    ) -> Result<i64> {
        // Nobody else can change the counter before this transaction ends.
        let last = match self.last_arrival {
            Some(last) => last,
            None => {
                let reached = counter::table
                    .find(ARRIVAL)
                    .select(counter::value)
                    .first(self.connection)?;
                not_before(reached, self.seen)?;
                reached
            }
        };
        let arrival = last + 1;
        self.last_arrival = Some(arrival);
        self.audit.push(AuditRow {
            arrival,
            at,
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
        });
        Ok(arrival)
    }

    /// Lets the transaction end without changing anything, though it does not fail.
    pub(crate) fn discard(&mut self) {
        self.discarded = true;
    }

    /// Notes that this erases something: see [`crate::erasure`].
    pub(crate) fn note_erased(&mut self) {
        self.erased = true;
    }

    /// Writes what was taken and noted.
    fn finish(&mut self) -> Result<()> {
        if self.erased {
            erasure::note(self.connection)?;
        }
        let Some(last) = self.last_arrival else {
            return Ok(());
        };
        diesel::update(counter::table.find(ARRIVAL))
            .set(counter::value.eq(last))
            .execute(self.connection)?;
        let rows = std::mem::take(&mut self.audit);
        insert_rows!(self.connection, audit::table, &rows);
        Ok(())
    }
}

/// Refuses a database that was put back while it was in use.
fn not_before(reached: i64, seen: i64) -> Result<()> {
    if reached >= seen {
        return Ok(());
    }
    Err(StorageError::Replaced {
        log: format!(
            "it has reached change {reached}, this process has seen change {seen}: it was put back to an older state; \
             start anew to go on with it"
        ),
    })
}

/// Moves to a thread that may block. Storage's only one: what goes wrong in it is told with the name of the database's file.
pub(crate) async fn blocking<T: Send + 'static>(
    target: &Target,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .unwrap_or_else(|why| {
            Err(StorageError::Internal {
                log: why.to_string(),
            })
        })
        .map_err(|error| error.about(target))
}

/// Marks that the pool itself has tried for as long as a caller should wait.
const POOL: &str = "no connection: ";

fn gave_up(error: &StorageError) -> bool {
    matches!(error, StorageError::Unavailable { log } if log.contains(POOL))
}

fn retrying<T>(attempts: u32, mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match work() {
            Err(error) if error.is_transient() && attempt < attempts && !gave_up(&error) => {
                std::thread::sleep(pause(attempt));
            }
            result => return result,
        }
    }
}

/// Doubles with each attempt. No jitter: writers of one process wait in line, and those of others at the lock.
fn pause(attempt: u32) -> Duration {
    limits::FIRST_PAUSE * 2_u32.saturating_pow(attempt.saturating_sub(1))
}

/// Opens a transaction and takes the lock of all writers, in one round trip. On PostgreSQL the lock is its own statement,
/// so what follows sees what its last holder committed.
pub(crate) fn begin_writing(connection: &mut AnyConnection) -> Result<()> {
    begin(
        connection,
        "BEGIN IMMEDIATE",
        &format!("BEGIN; SELECT pg_advisory_xact_lock({WRITE_LOCK})"),
    )
}

fn begin(connection: &mut AnyConnection, sqlite: &str, postgres: &str) -> Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where transactions are opened"
    )]
    let begun = match connection {
        AnyConnection::Sqlite(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, sqlite)
        }
        AnyConnection::Postgres(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, postgres)
        }
    };
    if begun.is_err() {
        // BEGIN may have worked before the lock did not. Diesel does not know, so tell the server directly; if that
        // fails too, the connection is gone, which the first error says.
        let _ = connection.batch_execute("ROLLBACK");
    }
    Ok(begun?)
}

pub(crate) fn commit(connection: &mut AnyConnection) -> Result<()> {
    Ok(on_each!(connection, inner => AnsiTransactionManager::commit_transaction(inner))?)
}

/// Undoes what was done. If that fails the connection is broken and goes away, which undoes it as well.
fn rollback(connection: &mut AnyConnection) {
    let undone = on_each!(connection, inner => AnsiTransactionManager::rollback_transaction(inner));
    if let Err(why) = undone {
        tracing::debug!(log = %why, "a rollback failed");
    }
}

fn outcome_unknown(error: StorageError) -> StorageError {
    match error {
        StorageError::Unavailable { log } => StorageError::Unavailable {
            log: format!("lost during the commit, its outcome is unknown: {log}"),
        },
        other => other,
    }
}

/// Waits in line without holding a thread. The turn moves into the blocking work, so that it lasts as long as that
/// does, also when the caller went away.
async fn turn(line: &Arc<Semaphore>, most: Duration, log: &str) -> Result<OwnedSemaphorePermit> {
    match tokio::time::timeout(most, Arc::clone(line).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(StorageError::Busy {
            log: log.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
