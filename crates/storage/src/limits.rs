//! Every number that tunes this crate, in one place. What an entry may hold stands in `domain::limits`.

use std::time::Duration;

/// How long one attempt to reach a PostgreSQL server may take, unless the URL says otherwise (`connect_timeout`).
pub(crate) const CONNECT_SECONDS: u32 = 2;
/// How long sent data may stay unacknowledged before the connection counts as dead (`tcp_user_timeout`).
pub(crate) const TCP_USER_MILLIS: u32 = 10_000;
/// How long a caller waits for a connection from a pool before the database counts as unavailable.
pub(crate) const CHECKOUT: Duration = Duration::from_secs(3);
/// After how long PostgreSQL ends the transaction of a reader that does nothing: filling the index computes between pages.
pub(crate) const IDLE_READING: Duration = Duration::from_secs(120);
/// After how long the same reason why no connection can be opened is said in the log again.
pub(crate) const SAID_AGAIN: Duration = Duration::from_secs(60);
/// How long a write waits for its turn behind other writes of this process: less than a request may take (30 s).
pub(crate) const WRITE_TURN: Duration = Duration::from_secs(25);
/// How long a read waits for its turn.
pub(crate) const READ_TURN: Duration = Duration::from_secs(10);
/// How long a write waits for writers of other processes unless set otherwise: longer than a frozen one is let be.
pub const LOCK: Duration = Duration::from_secs(15);
/// After how long PostgreSQL ends a transaction whose process has stopped in the middle, unless set otherwise. Between
/// two statements of one transaction a process computes for less than a second.
pub const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// How often a write is tried before its error is reported.
pub(crate) const WRITE_ATTEMPTS: u32 = 5;
/// How often a read is tried.
pub(crate) const READ_ATTEMPTS: u32 = 3;
/// The first pause between attempts; it doubles each time.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Pages (4 KiB) after which SQLite moves its write-ahead log into the database.
pub(crate) const WAL_PAGES: u32 = 4_000;
/// Kibibytes of page cache of the one SQLite writer.
pub(crate) const WRITER_CACHE_KIB: u32 = 16_384;
/// Kibibytes of page cache of each SQLite reader.
pub(crate) const READER_CACHE_KIB: u32 = 2_048;

/// Rows of one multi-row statement. With 15 columns at most this stays below the parameter limits of SQLite (32,766)
/// and PostgreSQL (65,535); longer statements do not get faster.
pub(crate) const ROWS_PER_STATEMENT: usize = 500;
/// Statements of a page that are read at once: of the largest there are, this is what stands in memory beside the page.
pub(crate) const PAGE_ROWS: usize = 64;
/// Keys of one `IN` list.
pub(crate) const KEYS_PER_STATEMENT: usize = 5_000;

/// Most items that one call of [`changes_since`](crate::Directory::changes_since) returns.
pub const CHANGES: usize = 10_000;
/// Most rows of one chunk of a scan.
pub(crate) const SCAN: i64 = 10_000;
/// Most rows of any other list.
pub const LIST: i64 = 1_000;
/// Most commands of one call of [`apply_batch`](crate::Directory::apply_batch) in one transaction.
pub const BATCH: usize = domain::limits::BATCH_LINES;
/// Days after which a refused or never claimed registration is erased.
pub const REGISTRATION_DAYS: u64 = 30;
/// Days after which a closed correction is erased: whoever reported it may still ask what became of it.
pub const CORRECTION_DAYS: u64 = 90;
/// Days after which an account that nobody can use, or a client that was revoked, holds nothing any more but its id. Until
/// then it can be enabled again.
pub const UNUSED_DAYS: u64 = 90;
/// Registrations that may wait for a decision at once: anybody may send one, and somebody reads each.
pub const PENDING_REGISTRATIONS: i64 = 500;
/// Corrections that may be open at once: anybody may send one.
pub const OPEN_CORRECTIONS: i64 = 10_000;
/// Of these, about one entry: whoever looks after it finds what is wrong in so many.
pub const OPEN_CORRECTIONS_OF_ENTRY: i64 = 20;
/// Of these, about the entries of one owner: what is reported about one partner leaves nine tenths to all others.
pub const OPEN_CORRECTIONS_OF_OWNER: i64 = OPEN_CORRECTIONS / 10;
/// Registrations or corrections that are decided on in one request: as many registrations as can wait.
pub const DECISIONS: u64 = 500;
/// Clients in use, and members, of one organisation.
pub const MEMBERS: i64 = 100;
/// Clients of one organisation with those revoked ones that still hold texts ([`UNUSED_DAYS`]): more than are in use, so that
/// secrets can be exchanged often, and no more than one list shows.
pub const CLIENTS: i64 = 500;
/// Sessions of one account at once; the oldest ends where another begins.
pub const SESSIONS: usize = 100;
/// Owners whose lately written bytes are known, before those are forgotten that have written nothing for a while.
pub(crate) const BUDGETS: usize = 1_000;
/// Rows that one clean-up transaction removes at most, so that no writer waits long behind it.
pub(crate) const CLEANUP_ROWS: i64 = 5_000;
/// How long emptying SQLite's write-ahead log waits for those who read an older state. Other processes' writers wait behind
/// it for as long, so it tries again rather than wait.
pub(crate) const CHECKPOINT_MILLIS: u32 = 500;
/// Bytes of an SQLite file up to which it is written anew whenever something was erased: less than a second.
pub(crate) const COMPACT_BYTES: i64 = 64 << 20;
/// Microseconds between two times that a larger one is written anew: a day. Writers wait meanwhile, some ten seconds for
/// a gigabyte.
pub(crate) const COMPACT_PAUSE_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
/// How long SQLite's write-ahead log is left alone after it was emptied: erasures in the meantime share the next time.
pub(crate) const CHECKPOINT_PAUSE: Duration = Duration::from_secs(5);
/// The same for PostgreSQL's `VACUUM`, which reads every page that has changed and all indexes.
pub(crate) const VACUUM_PAUSE: Duration = Duration::from_secs(600);
/// Bytes of one line of an archive: a quality standard with its escapes, twice.
pub(crate) const ARCHIVE_LINE: u64 = 8 * 1024 * 1024;
/// Findings that an integrity check lists; the rest are counted.
pub const FINDINGS: usize = 200;

/// Days for which an invitation to review is kept after it has run out: its assessment may still wait for the verdict.
pub const INVITATION_DAYS_KEPT: u64 = 180;
