//! Backup and restore: one format for both databases, read in one snapshot and written back in one transaction.
//!
//! An archive is text, one JSON value per line: a head, then rows as `{"entry": {...}}`, then an end with the number of
//! rows and the SHA-256 of all bytes before it. What runs out by itself is left out: sessions, one-time links and
//! idempotency outcomes. Whoever was signed in signs in again.

use std::collections::HashSet;
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
use crate::directory::{count_anew, head, review_column, stored_entry};
use crate::feeds::doubles;
use crate::limits;
use crate::rows::{
    AccountRow, AuditRow, BucketRow, ClientRow, CorrectionRow, CounterRow, DenialRow,
    DistributionRow, EntryReferenceRow, EntryRow, FeedRow, InvitationRow, JournalRow,
    MembershipRow, MetaRow, NodeDocumentRow, OriginRow, PeerRow, RegistrationRow, RevisionRow,
    StatementRow,
};
use crate::schema::{
    account, audit, bucket, client, correction, counter, denial, distribution, entry,
    entry_reference, feed, invitation, journal, membership, meta, node_document, origin, peer,
    registration, revision, statement,
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
/// How the name of an archive ends while it is written.
const UNFINISHED: &str = ".unfinished";
/// How the first line of an archive begins.
const BEGINS: &str = "{\"archive\":\"lotse\"";

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

        /// The tables in the order in which an archive has them.
        enum Table {
            $($variant),+
        }

        impl Line {
            /// Where its table stands in that order, and what it is called.
            fn table(&self) -> (usize, &'static str) {
                match self {
                    $(Self::$variant(_) => (Table::$variant as usize, stringify!($table))),+
                }
            }
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
    Journal(JournalRow) = journal by journal::id;
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
        let file = files::open(path, &mut options).map_err(|why| StorageError::file(path, &why))?;
        // Held while it is written: so an archive that is under way is told from one that was left behind.
        file.lock().map_err(|why| StorageError::file(path, &why))?;
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
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Removes the beginning of an archive that a killed process left behind. Says whether nothing is there any more: what is
/// being written by another process, or is no archive, stays.
pub(crate) fn remove_unfinished(path: &Path) -> bool {
    if path.symlink_metadata().is_err() {
        return true;
    }
    let ours = || -> std::io::Result<bool> {
        if !path.symlink_metadata()?.is_file() {
            return Ok(false);
        }
        let mut file = files::open_to_read(path)?;
        if file.try_lock().is_err() {
            return Ok(false);
        }
        let mut first = vec![0; BEGINS.len()];
        let read = file.read(&mut first)?;
        // One that was cut off at once is empty.
        let begins = first
            .get(..read)
            .is_some_and(|first| BEGINS.as_bytes().starts_with(first));
        if begins {
            std::fs::remove_file(path)?;
        }
        Ok(begins)
    };
    ours().unwrap_or(false)
}

/// Removes the beginnings of archives that killed processes left behind in a folder. Returns what is gone.
pub(crate) fn clear(folder: &Path) -> Vec<PathBuf> {
    let Ok(items) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let unfinished = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().ends_with(UNFINISHED))
    };
    items
        .filter_map(|item| Some(item.ok()?.path()))
        .filter(unfinished)
        .filter(|path| remove_unfinished(path))
        .collect()
}

/// Writes an archive. Beside its place first, so that what stands there is always whole.
pub(crate) fn write(database: &Database, path: &Path, now: DateTime<Utc>) -> Result<Archived> {
    if path.exists() {
        return Err(StorageError::File {
            log: format!("{}: it exists already", path.display()),
        });
    }
    let unfinished = unfinished(path);
    if !remove_unfinished(&unfinished) {
        return Err(StorageError::File {
            log: format!(
                "{}: another backup is being written there, or this is no archive",
                unfinished.display()
            ),
        });
    }
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
            std::fs::rename(&unfinished, path)
                .and_then(|()| files::sync(files::above(path)))
                .map_err(|why| StorageError::file(path, &why))?;
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
    let mut input = Input::open(path)?;
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
    let mut latest = (0, "");
    // Parted first, where an older version took one node for several.
    let (mut peers, mut denied) = (Vec::new(), Vec::new());
    loop {
        let before = input.digest.clone();
        let text = input.next()?;
        if text.starts_with("{\"end\"") {
            let end: End = input.understand(&text)?;
            if end.end != rows || end.sha256 != hex(before) {
                return Err(input.refuse("it was changed or cut since it was written"));
            }
            input.ends()?;
            break;
        }
        let mut line: Line = input.understand(&text)?;
        let table = line.table();
        if table.0 < latest.0 {
            let (here, before) = (table.1, latest.1);
            return Err(input.refuse(&format!("a row of {here} stands behind one of {before}")));
        }
        latest = table;
        input.once(&text)?;
        match &mut line {
            Line::Origin(row) if row.is_self => own = Some(row.id),
            Line::Entry(row) if own == Some(row.origin) => row.review = review_of(row)?,
            Line::Denial(row) => denied.push(row.base_url.clone()),
            _ => {}
        }
        match line {
            Line::Peer(row) => peers.push(row),
            line => waiting.push(line),
        }
        rows += 1;
        if waiting.rows >= limits::ROWS_PER_STATEMENT {
            input.written(waiting.write(connection))?;
        }
    }
    input.written(waiting.write(connection))?;
    input.written(write_peers(connection, peers, &denied))?;
    if head.migration.as_str() < migration::ONE_NODE_IS_ONE_PEER {
        count_bytes(connection)?;
    }
    count_anew(t)?;
    let connection = t.connection();
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

/// Writes peers and respells denials, each node once.
fn write_peers(
    connection: &mut AnyConnection,
    peers: Vec<PeerRow>,
    denied: &[String],
) -> Result<()> {
    let peers = doubles::parted(peers, denied);
    insert_rows!(connection, peer::table, &peers);
    doubles::respell(connection, denied)
}

/// Counts anew what is kept of each feed: archives of older versions do not say.
fn count_bytes(connection: &mut AnyConnection) -> Result<()> {
    diesel::sql_query(
        "UPDATE feed SET bytes = (SELECT COALESCE(SUM(OCTET_LENGTH(body)), 0) FROM statement WHERE statement.feed = feed.id)",
    )
    .execute(connection)?;
    Ok(())
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
    /// The first line that is not yet in the database.
    unwritten: u64,
    /// Digests of the rows so far, to find one that stands there twice: 16 bytes each.
    seen: HashSet<[u8; 16]>,
}

impl<'p> Input<'p> {
    /// A pipe as well: an archive may come unpacked from another program.
    fn open(path: &'p Path) -> Result<Self> {
        let file = files::open_stream(path).map_err(|why| StorageError::file(path, &why))?;
        Ok(Self {
            file: BufReader::new(file),
            path,
            digest: Sha256::new(),
            line: 0,
            unwritten: 2,
            seen: HashSet::new(),
        })
    }

    fn next(&mut self) -> Result<String> {
        self.line += 1;
        let mut text = String::new();
        let mut limited = (&mut self.file).take(limits::ARCHIVE_LINE);
        match limited.read_line(&mut text) {
            Ok(_) if text.ends_with('\n') => {}
            Ok(read) if read as u64 >= limits::ARCHIVE_LINE => {
                return Err(self.refuse("the line is longer than any of an archive"));
            }
            Ok(_) => return Err(self.refuse("it ends too early: it was cut")),
            Err(why) if why.kind() == std::io::ErrorKind::InvalidData => {
                return Err(self.refuse("it is not UTF-8"));
            }
            Err(why) => return Err(StorageError::file(self.path, &why)),
        }
        self.digest.update(text.as_bytes());
        Ok(text)
    }

    /// Refuses what follows the last line: whoever added it may believe that it was restored.
    fn ends(&mut self) -> Result<()> {
        let more = self.file.fill_buf();
        match more.map(<[u8]>::is_empty) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.line += 1;
                Err(self.refuse("something follows the end of the archive"))
            }
            Err(why) => Err(StorageError::file(self.path, &why)),
        }
    }

    /// Refuses a row that was there before.
    fn once(&mut self, text: &str) -> Result<()> {
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        if self.seen.insert(*first) {
            return Ok(());
        }
        Err(self.refuse("this row stands there twice"))
    }

    /// Names the lines of rows that the database does not take.
    fn written(&mut self, written: Result<()>) -> Result<()> {
        let first = std::mem::replace(&mut self.unwritten, self.line + 1);
        match written {
            Err(StorageError::Internal { log }) => Err(self.refuse(&format!(
                "a row of the lines from {first} on contradicts another: {log}"
            ))),
            other => other,
        }
    }

    fn parse<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T> {
        let text = self.next()?;
        self.understand(&text)
    }

    fn understand<T: for<'de> Deserialize<'de>>(&self, text: &str) -> Result<T> {
        serde_json::from_str(text).map_err(|why| {
            // Its place in the file is the line that we name, and not the first.
            let words = why.to_string();
            let words = words.split(" at line ").next().unwrap_or_default();
            self.refuse(&format!("{words} (column {})", why.column()))
        })
    }

    fn refuse(&self, message: &str) -> StorageError {
        StorageError::Archive {
            line: self.line,
            message: message.to_owned(),
        }
    }
}
