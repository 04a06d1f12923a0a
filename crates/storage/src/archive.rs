//! Backup and restore: one format for both databases, read in one snapshot and written back in one transaction.
//!
//! An archive is text, one JSON value per line: a head, then rows as `{"entry": {...}}`, then an end with the number of
//! rows and the SHA-256 of all bytes before it. What runs out by itself is left out: sessions, one-time links and
//! idempotency outcomes. Whoever was signed in signs in again.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use diesel::connection::DefaultLoadingMode;
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::connection::{AnyConnection, insert_rows};
use crate::database::{ARRIVAL, Database, Transaction};
use crate::directory::{head, review_column, stored_entry};
use crate::limits;
use crate::rows::{
    AccountRow, AuditRow, BucketRow, ClientRow, CorrectionRow, CounterRow, DenialRow,
    DistributionRow, EntryReferenceRow, EntryRow, FeedRow, InvitationRow, MembershipRow, MetaRow,
    NodeDocumentRow, OriginRow, PeerRow, RegistrationRow, RevisionRow, StatementRow,
};
use crate::schema::{
    account, audit, bucket, client, correction, counter, denial, distribution, entry,
    entry_reference, feed, invitation, membership, meta, node_document, origin, peer, registration,
    revision, statement,
};
use crate::sql_types::to_json;
use crate::{Conflict, Result, StorageError, migration};

/// What was written to or read from an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Rows of all tables.
    pub rows: u64,
    /// The latest arrival number that is contained.
    pub through: i64,
}

const NAME: &str = "lotse";
const FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    archive: String,
    format: u32,
    /// The newest migration of the database that was archived.
    migration: String,
    created: DateTime<Utc>,
    through: i64,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: u64,
    sha256: String,
}

/// The tables, each after those that it refers to.
macro_rules! tables {
    ($($variant:ident($row:ident) = $table:ident by $key:expr;)+) => {
        /// A line between the first and the last.
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Line {
            $($variant($row)),+
        }

        fn write_all(connection: &mut AnyConnection, out: &mut Output) -> Result<()> {
            $(
                let query = || $table::table.order($key);
                match connection {
                    AnyConnection::Sqlite(inner) => {
                        for row in query().load_iter::<$row, DefaultLoadingMode>(inner)? {
                            out.line(&Line::$variant(row?))?;
                        }
                    }
                    AnyConnection::Postgres(inner) => {
                        for row in query().load_iter::<$row, PgRowByRowLoadingMode>(inner)? {
                            out.line(&Line::$variant(row?))?;
                        }
                    }
                }
            )+
            Ok(())
        }

        /// Rows that wait to be written, each table's together.
        #[derive(Default)]
        #[expect(non_snake_case, reason = "named after their rows")]
        struct Waiting {
            $($variant: Vec<$row>,)+
            rows: usize,
        }

        impl Waiting {
            fn push(&mut self, line: Line) {
                self.rows += 1;
                match line {
                    $(Line::$variant(row) => self.$variant.push(row)),+
                }
            }

            fn write(&mut self, connection: &mut AnyConnection) -> Result<()> {
                $(
                    let rows = std::mem::take(&mut self.$variant);
                    insert_rows!(connection, $table::table, &rows);
                )+
                self.rows = 0;
                Ok(())
            }
        }
    };
}

tables! {
    Meta(MetaRow) = meta by meta::id;
    Counter(CounterRow) = counter by counter::name;
    Origin(OriginRow) = origin by origin::id;
    Account(AccountRow) = account by account::id;
    Membership(MembershipRow) = membership by (membership::account, membership::scope, membership::role);
    Client(ClientRow) = client by client::id;
    Registration(RegistrationRow) = registration by registration::id;
    Entry(EntryRow) = entry by (entry::origin, entry::id);
    EntryReference(EntryReferenceRow) = entry_reference by (entry_reference::source, entry_reference::target);
    Correction(CorrectionRow) = correction by correction::id;
    Revision(RevisionRow) = revision by revision::arrival;
    Audit(AuditRow) = audit by audit::arrival;
    NodeDocument(NodeDocumentRow) = node_document by node_document::sequence;
    Feed(FeedRow) = feed by feed::id;
    Statement(StatementRow) = statement by (statement::feed, statement::entry);
    Bucket(BucketRow) = bucket by (bucket::feed, bucket::number);
    Peer(PeerRow) = peer by peer::id;
    Denial(DenialRow) = denial by denial::base_url;
    Invitation(InvitationRow) = invitation by invitation::token;
    Distribution(DistributionRow) = distribution by distribution::standard;
}

/// An archive that is being written.
struct Output {
    file: BufWriter<File>,
    path: PathBuf,
    digest: Sha256,
    rows: u64,
}

impl Output {
    fn create(path: &Path) -> Result<Self> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path)
            .map_err(|why| StorageError::file(path, &why))?;
        Ok(Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            digest: Sha256::new(),
            rows: 0,
        })
    }

    fn write<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let mut line = to_json(value)?;
        line.push('\n');
        self.digest.update(line.as_bytes());
        self.file
            .write_all(line.as_bytes())
            .map_err(|why| StorageError::file(&self.path, &why))
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        self.rows += 1;
        self.write(line)
    }

    fn end(mut self) -> Result<u64> {
        let end = End {
            end: self.rows,
            sha256: hex(std::mem::take(&mut self.digest)),
        };
        self.write(&end)?;
        let file = self
            .file
            .into_inner()
            .map_err(|why| StorageError::file(&self.path, why.error()))?;
        file.sync_all()
            .map_err(|why| StorageError::file(&self.path, &why))?;
        Ok(self.rows)
    }
}

fn hex(digest: Sha256) -> String {
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Where an archive is written before it is whole.
#[must_use]
pub fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
}

/// Writes an archive. Beside its place first, so that what stands there is always whole.
pub(crate) fn write(database: &Database, path: &Path, now: DateTime<Utc>) -> Result<Archived> {
    if path.exists() {
        return Err(StorageError::File {
            log: format!("{}: it exists already", path.display()),
        });
    }
    let unfinished = unfinished(path);
    let _ = std::fs::remove_file(&unfinished);
    let written = database.snapshot_here(|connection| {
        let mut out = Output::create(&unfinished)?;
        let through = head(connection)?;
        let migration = migration::newest(connection)?;
        out.write(&Head {
            archive: NAME.to_owned(),
            format: FORMAT,
            migration,
            created: now,
            through,
        })?;
        write_all(connection, &mut out)?;
        Ok(Archived {
            rows: out.end()?,
            through,
        })
    });
    match written {
        Ok(archived) => {
            std::fs::rename(&unfinished, path).map_err(|why| StorageError::file(path, &why))?;
            Ok(archived)
        }
        Err(error) => {
            let _ = std::fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

/// Fills an empty database from an archive.
pub(crate) async fn restore(database: &Database, path: PathBuf) -> Result<Archived> {
    database.write(move |t| restore_here(t, &path)).await
}

fn restore_here(t: &mut Transaction<'_>, path: &Path) -> Result<Archived> {
    empty(t)?;
    let connection = t.connection();
    let file = File::open(path).map_err(|why| StorageError::file(path, &why))?;
    let mut input = Input {
        file: BufReader::new(file),
        path,
        digest: Sha256::new(),
        line: 0,
    };
    let head: Head = input.parse()?;
    if head.archive != NAME || head.format != FORMAT {
        return Err(input.refuse("it is not an archive that this version can read"));
    }
    let known = migration::newest(connection)?;
    if head.migration > known {
        return Err(StorageError::NewerDatabase {
            found: head.migration,
            known,
        });
    }
    let mut waiting = Waiting::default();
    let mut own = None;
    let mut rows = 0;
    loop {
        let before = input.digest.clone();
        let text = input.next()?;
        if text.starts_with("{\"end\"") {
            let end: End = input.understand(&text)?;
            if end.end != rows || end.sha256 != hex(before) {
                return Err(input.refuse("it was changed or cut since it was written"));
            }
            break;
        }
        let mut line = input.understand(&text)?;
        match &mut line {
            Line::Origin(row) if row.is_self => own = Some(row.id),
            Line::Entry(row) if own == Some(row.origin) => row.review = review_of(row)?,
            _ => {}
        }
        waiting.push(line);
        rows += 1;
        if waiting.rows >= limits::ROWS_PER_STATEMENT {
            waiting.write(connection)?;
        }
    }
    waiting.write(connection)?;
    let stored: i64 = counter::table
        .find(ARRIVAL)
        .select(counter::value)
        .first(connection)?;
    if stored != head.through {
        return Err(input.refuse("it contradicts itself about its latest number"));
    }
    // Whoever remembers numbers or entity tags of the archived database must not take them for ours.
    diesel::update(meta::table)
        .set(meta::generation.eq(Uuid::now_v7().to_string()))
        .execute(connection)?;
    Ok(Archived {
        rows,
        through: head.through,
    })
}

/// The column that archives do without.
fn review_of(row: &EntryRow) -> Result<Option<String>> {
    match &row.body {
        Some(body) if !row.deleted => Ok(review_column(stored_entry(body)?.review())),
        _ => Ok(None),
    }
}

/// Refuses a database with data; removes what an empty one has.
fn empty(t: &mut Transaction<'_>) -> Result<()> {
    let connection = t.connection();
    let used: i64 = counter::table
        .find(ARRIVAL)
        .select(counter::value)
        .first(connection)?;
    let entries: i64 = entry::table.count().get_result(connection)?;
    if used > 0 || entries > 0 {
        return Err(Conflict::NotEmpty.into());
    }
    t.remove(counter::table)?;
    t.remove(origin::table)?;
    t.remove(meta::table)?;
    Ok(())
}

/// An archive that is being read.
struct Input<'p> {
    file: BufReader<File>,
    path: &'p Path,
    digest: Sha256,
    line: u64,
}

impl Input<'_> {
    fn next(&mut self) -> Result<String> {
        self.line += 1;
        let mut text = String::new();
        let mut limited = (&mut self.file).take(limits::ARCHIVE_LINE);
        match limited.read_line(&mut text) {
            Ok(_) if text.ends_with('\n') => {}
            Ok(_) => return Err(self.refuse("it ends too early")),
            Err(why) if why.kind() == std::io::ErrorKind::InvalidData => {
                return Err(self.refuse("it is not UTF-8"));
            }
            Err(why) => return Err(StorageError::file(self.path, &why)),
        }
        self.digest.update(text.as_bytes());
        Ok(text)
    }

    fn parse<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T> {
        let text = self.next()?;
        self.understand(&text)
    }

    fn understand<T: for<'de> Deserialize<'de>>(&self, text: &str) -> Result<T> {
        serde_json::from_str(text).map_err(|why| self.refuse(&why.to_string()))
    }

    fn refuse(&self, message: &str) -> StorageError {
        StorageError::Archive {
            line: self.line,
            message: message.to_owned(),
        }
    }
}
