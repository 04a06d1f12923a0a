//! The two doors to the database: reads, and the one `write()` through which everything that changes goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::connection::{AnyConnection, Pool, Pooled, Purpose, Target, insert_rows, on_each, pool};
use crate::limits;
use crate::rows::AuditRow;
use crate::schema::{audit, counter};
use crate::{Result, StorageError, erasure};

/// The key of the advisory lock that all writers of one PostgreSQL database share: "lotse" in ASCII.
const WRITE_LOCK: i64 = 0x6c_6f_74_73_65;
/// The name of the counter of arrival numbers.
pub(crate) const ARRIVAL: &str = "arrival";

/// A database with its pools. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Database(Arc<Inner>);

struct Inner {
    target: Target,
    readers: Pool,
    writer: Pool,
    read_turns: Arc<Semaphore>,
    write_turn: Arc<Semaphore>,
    committed: watch::Sender<i64>,
    /// Whether the last change that was tried found no room.
    full: AtomicBool,
    /// How many transactions of this process erased something.
    erased: watch::Sender<u64>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.0.target).finish()
    }
}

impl Database {
    pub(crate) fn new(target: Target, readers: u32) -> Self {
        let readers = readers.max(1);
        Self(Arc::new(Inner {
            readers: pool(target.clone(), Purpose::Read, readers),
            writer: pool(target.clone(), Purpose::Write, 1),
            read_turns: Arc::new(Semaphore::new(usize::try_from(readers).unwrap_or(1))),
            write_turn: Arc::new(Semaphore::new(1)),
            committed: watch::Sender::new(0),
            full: AtomicBool::new(false),
            erased: watch::Sender::new(0),
            target,
        }))
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
        blocking(move || {
            let _turn = turn;
            retrying(limits::READ_ATTEMPTS, || {
                with_connection(&this.0.readers, &mut queries)
            })
        })
        .await
    }

    /// Runs queries that change nothing and all see the same state of the data, on this (blocking) thread.
    pub(crate) fn snapshot_here<T>(
        &self,
        mut queries: impl FnMut(&mut AnyConnection) -> Result<T>,
    ) -> Result<T> {
        with_connection(&self.0.readers, &mut |connection: &mut AnyConnection| {
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
        blocking(move || {
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
        blocking(move || {
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
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut committing = false;
            let outcome = with_connection(&self.0.writer, &mut |connection: &mut AnyConnection| {
                self.attempt(connection, change, &mut committing)
            });
            match outcome {
                Err(error) if committing => return Err(outcome_unknown(error)),
                Err(error)
                    if error.is_transient()
                        && attempt < limits::WRITE_ATTEMPTS
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
        connection: &mut AnyConnection,
        change: &mut dyn FnMut(&mut Transaction<'_>) -> Result<T>,
        committing: &mut bool,
    ) -> Result<T> {
        begin_writing(connection)?;
        let mut transaction = Transaction {
            connection,
            last_arrival: None,
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
        *committing = false;
        if let Some(arrival) = last_arrival {
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
            None => counter::table
                .find(ARRIVAL)
                .select(counter::value)
                .first(self.connection)?,
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

/// Moves to a thread that may block. Storage's only one.
pub(crate) async fn blocking<T: Send + 'static>(
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
}

fn with_connection<T>(
    pool: &Pool,
    work: &mut dyn FnMut(&mut AnyConnection) -> Result<T>,
) -> Result<T> {
    let mut pooled = pool.get().map_err(|why| StorageError::Unavailable {
        log: format!("{POOL}{why}"),
    })?;
    let Pooled { connection, broken } = &mut *pooled;
    let result = work(connection);
    if matches!(
        result,
        Err(StorageError::Unavailable { .. } | StorageError::Corrupt { .. })
    ) {
        *broken = true;
    }
    result
}

/// Marks that the pool itself has tried for as long as a caller should wait.
const POOL: &str = "no connection: ";

fn gave_up(error: &StorageError) -> bool {
    matches!(error, StorageError::Unavailable { log } if log.starts_with(POOL))
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
