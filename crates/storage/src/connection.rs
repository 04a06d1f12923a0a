//! Connections: which database a URL means, and how each connection is set up.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, R2D2Connection as _};

use crate::limits;
use crate::opened::Files;
use crate::{Result, StorageError, opened};

#[expect(
    unreachable_pub,
    clippy::disallowed_methods,
    reason = "what the derive writes"
)]
mod any {
    use diesel::{PgConnection, SqliteConnection};

    /// A connection to either database. Queries are written once, against this type.
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        Sqlite(SqliteConnection),
        Postgres(PgConnection),
    }
}
pub(crate) use any::AnyConnection;

/// Runs the same code on the arm that is there, for what Diesel cannot do through the enum: `on_conflict` and
/// statements with many rows.
macro_rules! on_each {
    ($connection:expr, $inner:ident => $body:expr) => {
        match $connection {
            $crate::connection::AnyConnection::Sqlite($inner) => $body,
            $crate::connection::AnyConnection::Postgres($inner) => $body,
        }
    };
}
pub(crate) use on_each;

/// Inserts many rows with few statements.
macro_rules! insert_rows {
    ($connection:expr, $table:expr, $rows:expr) => {
        for rows in $rows.chunks($crate::limits::ROWS_PER_STATEMENT) {
            $crate::connection::on_each!($connection, inner => {
                diesel::insert_into($table).values(rows).execute(inner)
            })?;
        }
    };
}
pub(crate) use insert_rows;

/// Which database a URL means, decided by its scheme alone.
#[derive(Clone)]
pub(crate) enum Target {
    Sqlite(PathBuf),
    Postgres(String),
}

/// Without the URL: it may hold a password.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://..."),
        }
    }
}

impl Target {
    /// `sqlite://relative/path`, `sqlite:///absolute/path`, or a connection URI of PostgreSQL (libpq, section 34.1.1.2
    /// of its manual; several hosts are allowed).
    pub(crate) fn parse(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() || path.contains(['\0', '?', '#']) {
                return Err(StorageError::Url(
                    "sqlite:// is followed by the path of a file, without ?, # or NUL",
                ));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            if url.contains('\0') {
                return Err(StorageError::Url("it contains a NUL"));
            }
            return Ok(Self::Postgres(with_defaults(url)));
        }
        Err(StorageError::Url("it starts with sqlite:// or postgres://"))
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Makes the file of a SQLite database if there is none, readable by its owner only: it holds password hashes.
    pub(crate) fn create(&self) -> Result<()> {
        let Self::Sqlite(path) = self else {
            return Ok(());
        };
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        files::open(path, &mut options)
            .map(drop)
            .map_err(|why| StorageError::file(path, &why))
    }
}

/// Adds limits on waiting where the URL sets none.
fn with_defaults(url: &str) -> String {
    let mut url = url.to_owned();
    let query = url
        .split_once('?')
        .map_or("", |(_, query)| query)
        .to_owned();
    let mut separator = match (url.contains('?'), query.is_empty()) {
        (false, _) => "?",
        (true, true) => "",
        (true, false) => "&",
    };
    for (name, value) in [
        ("connect_timeout", limits::CONNECT_SECONDS.to_string()),
        ("tcp_user_timeout", limits::TCP_USER_MILLIS.to_string()),
        ("application_name", "lotse".to_owned()),
    ] {
        if !query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
        {
            url.push_str(&format!("{separator}{name}={value}"));
            separator = "&";
        }
    }
    url
}

/// For how long transactions wait for one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// How long a write waits for writers of other processes, all attempts together, until it is refused as busy.
    pub lock: Duration,
    /// After how long PostgreSQL ends a transaction in which its process does nothing: one that is frozen or cut off
    /// holds the lock of all writers no longer than that. SQLite has no server that could: there others are refused.
    pub idle: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            lock: limits::LOCK,
            idle: limits::IDLE_IN_TRANSACTION,
        }
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// A connection in a pool, with a mark that it must not go back there.
pub(crate) struct Pooled {
    pub(crate) connection: AnyConnection,
    /// What it has open, of SQLite.
    pub(crate) files: Option<Files>,
    /// Whether it was looked at what it is connected to.
    pub(crate) is_known: bool,
    pub(crate) broken: bool,
}

impl Pooled {
    /// Refuses to go on with files that others would no longer find.
    pub(crate) fn check_files(&mut self) -> Result<()> {
        self.files.as_mut().map_or(Ok(()), Files::check)
    }
}

/// Makes connections for a pool.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) target: Target,
    pub(crate) purpose: Purpose,
    pub(crate) waits: Waits,
}

impl Connector {
    /// Opens one connection and sets it up.
    pub(crate) fn open(&self) -> Result<AnyConnection> {
        let opened = match &self.target {
            Target::Sqlite(path) => self.open_sqlite(path).map(|(connection, _)| connection),
            Target::Postgres(url) => self.open_postgres(url),
        };
        opened.map_err(|error| error.about(&self.target))
    }

    fn open_pooled(&self) -> Result<Pooled> {
        let (connection, files) = match &self.target {
            Target::Sqlite(path) => {
                let (connection, files) = self.open_sqlite(path)?;
                (connection, Some(files))
            }
            Target::Postgres(url) => (self.open_postgres(url)?, None),
        };
        Ok(Pooled {
            connection,
            files,
            is_known: false,
            broken: false,
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where connections are made"
    )]
    fn open_sqlite(&self, path: &Path) -> Result<(AnyConnection, Files)> {
        let mut files = Files::at(path)?;
        opened::only_files(path)?;
        let mut connection = SqliteConnection::establish(&sqlite_uri(path)?).map_err(|why| {
            StorageError::Unavailable {
                log: why.to_string(),
            }
        })?;
        let (cache, query_only) = match self.purpose {
            Purpose::Read => (limits::READER_CACHE_KIB, "ON"),
            Purpose::Write => (limits::WRITER_CACHE_KIB, "OFF"),
        };
        // busy_timeout first: the change to WAL itself may meet a lock.
        connection.batch_execute(&format!(
            "PRAGMA busy_timeout = {lock};
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;
             PRAGMA cache_size = -{cache};
             PRAGMA wal_autocheckpoint = {pages};
             PRAGMA journal_size_limit = {journal};
             PRAGMA query_only = {query_only};
             PRAGMA user_version;",
            lock = self.waits.lock.as_millis(),
            pages = limits::WAL_PAGES,
            journal = u64::from(limits::WAL_PAGES) * 4096,
        ))?;
        // The last of the statements has read something, so that everything is open.
        files.opened()?;
        Ok((AnyConnection::Sqlite(connection), files))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where connections are made"
    )]
    fn open_postgres(&self, url: &str) -> Result<AnyConnection> {
        let mut connection =
            PgConnection::establish(url).map_err(|why| StorageError::Unavailable {
                log: why.to_string(),
            })?;
        // Who reads holds up nobody, and may think for longer between two pages.
        let (read_only, idle) = match self.purpose {
            Purpose::Read => ("on", limits::IDLE_READING),
            Purpose::Write => ("off", self.waits.idle),
        };
        // A plan that was made while a table was empty must not be kept: a first import of 30,000 entries took half of
        // its time in lists of keys that such a plan compared one by one.
        connection.batch_execute(&format!(
            "SET client_encoding TO 'UTF8';
             SET timezone TO 'UTC';
             SET lock_timeout TO {lock};
             SET plan_cache_mode TO force_custom_plan;
             SET idle_in_transaction_session_timeout TO {idle};
             SELECT set_config('synchronous_commit', 'on', false)
                 WHERE current_setting('synchronous_commit') IN ('off', 'local');
             SET default_transaction_read_only TO {read_only};",
            lock = self.waits.lock.as_millis(),
            idle = idle.as_millis(),
        ))?;
        Ok(AnyConnection::Postgres(connection))
    }
}

/// The path as a URI of SQLite, which never makes a new file: a missing database is an error, not an empty directory.
fn sqlite_uri(path: &Path) -> Result<String> {
    let path = path
        .to_str()
        .ok_or(StorageError::Url("the path is not UTF-8"))?;
    let mut uri = String::from("file:");
    for byte in path.bytes() {
        match byte {
            b'%' | b'?' | b'#' | 0..=0x20 | 0x7f.. => uri.push_str(&format!("%{byte:02X}")),
            byte => uri.push(char::from(byte)),
        }
    }
    uri.push_str("?mode=rw");
    Ok(uri)
}

impl ManageConnection for Connector {
    type Connection = Pooled;
    type Error = Cause;

    fn connect(&self) -> Result<Pooled, Cause> {
        self.open_pooled()
            .map_err(|error| Cause(error.about(&self.target)))
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Cause> {
        let alive = pooled.connection.ping().map_err(StorageError::from);
        alive.map_err(|error| Cause(error.about(&self.target)))
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.broken || pooled.connection.is_broken()
    }
}

/// Why there is no connection, in the words of the log: a pool that gives up repeats them, and nobody else hears of them.
#[derive(Debug)]
pub(crate) struct Cause(StorageError);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.log())
    }
}

impl std::error::Error for Cause {}

/// Says in the log why a pool could not get a connection; the caller gets its own error.
#[derive(Debug, Default)]
struct Logged(Mutex<Option<(String, Instant)>>);

impl Logged {
    /// Whether this was not said a moment ago: a pool tries many times a second.
    fn is_news(&self, words: &str) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last
            .as_ref()
            .is_some_and(|(said, at)| said == words && at.elapsed() < limits::SAID_AGAIN);
        if !known {
            *last = Some((words.to_owned(), Instant::now()));
        }
        !known
    }
}

impl diesel::r2d2::HandleError<Cause> for Logged {
    fn handle_error(&self, Cause(error): Cause) {
        if !self.is_news(error.log()) {
            return;
        }
        tracing::warn!(
            code = error.code(),
            log = error.log(),
            "a database connection could not be opened"
        );
    }
}

/// A pool that opens connections when they are needed.
pub(crate) type Pool = diesel::r2d2::Pool<Connector>;

/// Builds a pool of at most `size` connections. Does not connect.
pub(crate) fn pool(target: Target, purpose: Purpose, size: u32, waits: Waits) -> Pool {
    let is_sqlite = target.is_sqlite();
    let lifetime = (!is_sqlite).then_some(Duration::from_secs(30 * 60));
    diesel::r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .connection_timeout(limits::CHECKOUT)
        // A reader may have slept through a restart of the server. The one writer finds out by itself and tries again.
        .test_on_check_out(!is_sqlite && purpose == Purpose::Read)
        .idle_timeout(lifetime)
        .max_lifetime(lifetime)
        .error_handler(Box::new(Logged::default()))
        .build_unchecked(Connector {
            target,
            purpose,
            waits,
        })
}
