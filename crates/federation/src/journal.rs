//! The restore journal as a file outside of the database: see [`crate::protocol::journal`].
//!
//! One JSON value to a line, only ever added to, each line on the disk before the database commits what it speaks of.
//! Where several processes publish for one node they share the file; the lock of all writers orders them.
//!
//! The lines are chained ([`line`]), and the database notes with each commit how far the journal was: one that stands
//! before its database, or is another one, was emptied, cut or exchanged, and is as good as none. Everything that is
//! written goes through [`FileJournal::within`], which looks at that first and notes it afterwards.

mod error;
mod line;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Origin;
use domain::feed::{FeedKey, FeedName, FeedState, JournalPosition};
use storage::StorageError;
use storage::feeds::FeedWork;

use self::line::{Begun, Chain, Line};
use crate::protocol::journal::{Journal, Mark, Remembered, Standing};
use crate::protocol::publish::CannotPublish;
use crate::standing::epoch_of;

pub use self::error::{JournalError, Trouble};
pub use self::line::Written;

type Result<T> = std::result::Result<T, JournalError>;

/// How often a lock is tried for that another process holds while it adds a line, and how long apart.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The file. Cloning shares what was read of it.
#[derive(Debug, Clone)]
pub struct FileJournal {
    path: PathBuf,
    node: Origin,
    /// When this node's database was made.
    database: i64,
    /// Bytes from which on the file is written anew, shorter.
    long: u64,
    seen: Arc<Mutex<Seen>>,
}

/// How far the file was read.
#[derive(Debug, Default)]
struct Seen {
    /// Which file that was.
    inode: u64,
    /// Up to the end of its last whole line.
    length: u64,
    /// Bytes that it had when it was written anew: there is no use in doing it again before it is twice as long.
    shortest: u64,
    chain: Chain,
}

impl FileJournal {
    /// The journal of `node` in the folder `folder`, which is made when something is written if the one above it is there. `database` is when the node's
    /// database was made; a file of more than `long` bytes is shortened.
    #[must_use]
    pub fn in_folder(folder: &Path, node: Origin, database: i64, long: u64) -> Self {
        Self {
            path: folder.join("journal.jsonl"),
            node,
            database,
            long,
            seen: Arc::default(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says. `None` where there is none.
    ///
    /// # Errors
    /// [`JournalError`], also for a line that cannot be understood or does not follow on from the one before.
    pub fn read(&self) -> Result<Option<Written>> {
        Ok(self.look()?.map(|seen| seen.chain.written.clone()))
    }

    /// How far it is. `None` where there is none.
    ///
    /// # Errors
    /// As [`FileJournal::read`].
    pub fn position(&self) -> Result<Option<JournalPosition>> {
        Ok(self.look()?.map(|seen| seen.chain.position()))
    }

    /// What it says was published. `None` where there is none.
    ///
    /// # Errors
    /// As [`FileJournal::read`].
    pub fn feeds(&self) -> Result<Option<Arc<Remembered>>> {
        let seen = self.look()?;
        Ok(seen.map(|seen| Arc::clone(&seen.chain.written.feeds)))
    }

    /// The number of the newest identity document.
    ///
    /// # Errors
    /// As [`FileJournal::read`].
    pub fn newest_document(&self) -> Result<Option<u64>> {
        let seen = self.look()?;
        let newest = seen.and_then(|seen| {
            let last = seen.chain.written.documents.last()?;
            let document: serde_json::Value = serde_json::from_str(last).ok()?;
            document.pointer("/lotse/sequence")?.as_u64()
        });
        Ok(newest)
    }

    /// Lines that were ever written, in files before this one, too.
    pub(crate) fn lines_written(&self) -> Result<u64> {
        Ok(self.look()?.map_or(0, |seen| seen.chain.position().lines))
    }

    /// Whether the file is longer than it need be.
    #[must_use]
    pub fn is_long(&self) -> bool {
        let shortest = self.lock().shortest;
        std::fs::metadata(&self.path)
            .is_ok_and(|there| there.len() > self.long.max(shortest.saturating_mul(2)))
    }

    /// Whether somebody has changed, removed or exchanged the file since it was last read here.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        let seen = self.lock();
        match std::fs::metadata(&self.path) {
            Ok(there) => there.ino() != seen.inode || there.len() != seen.length,
            Err(_) => seen.inode != 0,
        }
    }

    /// Refuses a journal that does not belong to the database as `work` sees it, or stands before that. To be called after
    /// `work` has begun: what is committed stands in the journal already. Returns whether there is one.
    ///
    /// # Errors
    /// Those of the database; inside, [`JournalError`].
    pub fn check(&self, work: &mut FeedWork<'_, '_>) -> storage::Result<Result<bool>> {
        let noted = work.journal()?.map(|noted| noted.position);
        Ok(self.fits(noted))
    }

    /// The same, where it is known how far the journal was when the database was last written. To be called after that was
    /// read.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) fn fits(&self, noted: Option<JournalPosition>) -> Result<bool> {
        match (self.look()?, noted) {
            (None, None) => Ok(false),
            (None, Some(_)) => Err(self.error(Trouble::Missing)),
            (Some(_), None) => Ok(true),
            (Some(seen), Some(position)) => {
                let fits = seen.chain.fits(position);
                fits.map(|()| true).map_err(|trouble| self.error(trouble))
            }
        }
    }

    /// The one way to write in it: inside a step under the lock of all writers. Nothing is done where it does not belong to
    /// the database; how far it then is, is noted with what the step commits.
    ///
    /// # Errors
    /// What `step` says, and those of the database; inside, what `step` says, and [`JournalError`]. Then nothing of the step
    /// is kept.
    pub fn within<T, E: From<JournalError>>(
        &self,
        work: &mut FeedWork<'_, '_>,
        step: impl FnOnce(
            &mut FeedWork<'_, '_>,
            &mut OpenJournal<'_>,
        ) -> storage::Result<std::result::Result<T, E>>,
    ) -> storage::Result<std::result::Result<T, E>> {
        let exists = match self.check(work)? {
            Ok(exists) => exists,
            Err(error) => {
                work.discard();
                return Ok(Err(error.into()));
            }
        };
        let mut open = OpenJournal {
            journal: self,
            exists,
            settles: false,
        };
        let done = match step(work, &mut open)? {
            Ok(done) => done,
            Err(error) => {
                work.discard();
                return Ok(Err(error));
            }
        };
        let (exists, settles) = (open.exists, open.settles);
        if exists {
            match self.look() {
                Ok(Some(seen)) => work.put_journal(seen.chain.position(), settles)?,
                Ok(None) => return self.undo(work, Trouble::Missing),
                Err(error) => {
                    work.discard();
                    return Ok(Err(error.into()));
                }
            }
        }
        Ok(Ok(done))
    }

    fn undo<T, E: From<JournalError>>(
        &self,
        work: &mut FeedWork<'_, '_>,
        trouble: Trouble,
    ) -> storage::Result<std::result::Result<T, E>> {
        work.discard();
        Ok(Err(self.error(trouble).into()))
    }

    /// What stands in the file, however little it can be believed: for an admin who accepts that. Nothing of another node's.
    #[must_use]
    pub fn rescued(&self) -> Written {
        if let Err(error) = self.read()
            && matches!(error.trouble, Trouble::OtherNode { .. })
        {
            return Written::default();
        }
        let text = files::read(&self.path).unwrap_or_default();
        line::rescue(&String::from_utf8_lossy(&text))
    }

    /// Reads what is new. `None` where there is no file.
    fn look(&self) -> Result<Option<MutexGuard<'_, Seen>>> {
        let mut seen = self.lock();
        let mut file = match files::open_to_read(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                *seen = Seen::default();
                return Ok(None);
            }
            Err(error) => return Err(self.error(error.into())),
        };
        let there = file.metadata().map_err(|error| self.error(error.into()))?;
        if there.ino() != seen.inode || there.len() < seen.length {
            *seen = Seen {
                inode: there.ino(),
                ..Seen::default()
            };
        }
        if there.len() > seen.length {
            let from = seen.length;
            let mut read = self.take_in(&mut file, &mut seen);
            if read.is_err() && from > 0 {
                // Another file may have got the number of one that is gone.
                *seen = Seen {
                    inode: there.ino(),
                    ..Seen::default()
                };
                read = self.take_in(&mut file, &mut seen);
            }
            if let Err(trouble) = read {
                *seen = Seen::default();
                return Err(self.error(trouble));
            }
        }
        Ok(Some(seen))
    }

    /// Takes in the lines from where `seen` ends.
    fn take_in(&self, file: &mut File, seen: &mut Seen) -> std::result::Result<(), Trouble> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(seen.length))?;
        file.read_to_end(&mut bytes)?;
        // A line without its end was being written when the power went: nothing of it was committed.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |at| at + 1);
        let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default());
        for line in text.lines() {
            seen.chain.read(line, &self.node, self.database)?;
        }
        seen.length += whole as u64;
        Ok(())
    }

    fn add(&self, line: Line) -> Result<()> {
        let mut file = self.open()?;
        self.hold(&file)?;
        // Also finds out where the last whole line ends.
        let mut chain = Chain::default();
        let mut end = 0;
        if let Some(seen) = self.look()? {
            chain = Chain::from(seen.chain.position());
            chain.is_named = seen.chain.is_named;
            end = seen.length;
        }
        let mut text = String::new();
        let begun = (!chain.is_named).then(|| self.begun(&chain));
        for line in begun.into_iter().chain([line]) {
            let line = chain
                .write(line)
                .map_err(|error| self.error(Trouble::File(error.to_string())))?;
            text.push_str(&line);
        }
        let write = |file: &mut File| -> std::io::Result<()> {
            if file.metadata()?.len() > end {
                file.set_len(end)?;
            }
            file.seek(SeekFrom::End(0))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        // The lock goes with the file.
        write(&mut file).map_err(|error| self.error(error.into()))
    }

    fn begun(&self, chain: &Chain) -> Line {
        Line::Begun(Begun {
            node: self.node.as_str().to_owned(),
            database: self.database,
            lines: chain.position().lines,
        })
    }

    /// A process whose transaction was ended while it was frozen may wake up and not know it yet: the lock of all writers
    /// alone does not keep it away.
    fn hold(&self, file: &File) -> Result<()> {
        for _ in 0..LOCK_ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                // Some network file systems have no locks; the lock of all writers is there all the same.
                Err(std::fs::TryLockError::Error(error))
                    if error.kind() == ErrorKind::Unsupported =>
                {
                    return Ok(());
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(self.error(error.into())),
            }
        }
        Err(self.error(Trouble::Held))
    }

    /// Writes the file anew, from a position on.
    fn replace(&self, from: JournalPosition, lines: Vec<Line>) -> Result<JournalPosition> {
        let mut chain = Chain::from(from);
        let mut text = String::new();
        for line in [self.begun(&chain)].into_iter().chain(lines) {
            let line = chain
                .write(line)
                .map_err(|error| self.error(Trouble::File(error.to_string())))?;
            text.push_str(&line);
        }
        let part = self.path.with_extension("part");
        files::replace(&self.path, &part, text.as_bytes())
            .map_err(|error| self.error(error.into()))?;
        if let Some(mut seen) = self.look()? {
            seen.shortest = seen.length;
        }
        Ok(chain.position())
    }

    fn open(&self) -> Result<File> {
        self.make_folder()?;
        let open = || {
            let new = !self.path.exists();
            let file = files::open(
                &self.path,
                OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .mode(0o600),
            )?;
            if new {
                self.sync_folder()?;
            }
            Ok(file)
        };
        open().map_err(|error: std::io::Error| self.error(error.into()))
    }

    fn make_folder(&self) -> Result<()> {
        // Only in a folder that is there: else it would be made in the place of a volume that is not mounted.
        files::make(files::above(&self.path)).map_err(|error| self.error(error.into()))
    }

    /// Makes sure that the name of a new file is there after a power cut, too.
    fn sync_folder(&self) -> std::io::Result<()> {
        files::sync(files::above(&self.path))
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, trouble: Trouble) -> JournalError {
        JournalError::new(&self.path, trouble)
    }
}

/// The journal inside of a step that may write in it.
#[derive(Debug)]
pub struct OpenJournal<'j> {
    journal: &'j FileJournal,
    exists: bool,
    settles: bool,
}

impl OpenJournal<'_> {
    /// Writes an identity document down.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn document(&mut self, document: &str) -> Result<()> {
        self.add(Line::Document(document.to_owned()))
    }

    /// Writes down that nothing of a node is wanted, or that it is again.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn denied(&mut self, node: &str, denied: bool) -> Result<()> {
        let node = node.to_owned();
        self.add(if denied {
            Line::Denied(node)
        } else {
            Line::Allowed(node)
        })
    }

    /// Says that the database goes on from here: it is no longer one that was restored and nobody has looked at.
    pub fn settle(&mut self) {
        self.settles = true;
    }

    /// Writes the file anew without what no longer counts.
    ///
    /// # Errors
    /// [`JournalError`]; then the old file is still there.
    pub fn shorten(&mut self) -> Result<()> {
        let Some((position, lines)) = self
            .journal
            .look()?
            .map(|seen| (seen.chain.position(), seen.chain.written.shortened()))
        else {
            return Ok(());
        };
        self.journal.replace(position, lines).map(drop)
    }

    fn add(&mut self, line: Line) -> Result<()> {
        self.journal.add(line)?;
        self.exists = true;
        Ok(())
    }
}

impl Journal for OpenJournal<'_> {
    type Error = JournalError;

    fn remembered(&mut self) -> Result<Option<Arc<Remembered>>> {
        self.journal.feeds()
    }

    fn write(&mut self, mark: &Mark) -> Result<()> {
        self.add(Line::Feed(mark.clone()))
    }
}

impl From<JournalError> for CannotPublish<StorageError, JournalError> {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// What came of accepting a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// There was nothing to accept: it belongs to the database and is whole.
    IsFine,
    /// A new one stands in its place.
    Begun {
        /// Entries that it knows were deleted.
        deleted: usize,
    },
    /// The database stands before what can still be read of the old one.
    PutBack {
        /// The epoch that was reached.
        epoch: u64,
        /// The number that was reached.
        seq: u64,
    },
    /// The database was filled from a backup since it was last published from.
    Restored,
}

impl FileJournal {
    /// Begins a new journal in the place of one that is lost, cut or another's, because an admin says that the database was
    /// never put back. What was deleted stands in it from the database, its feeds, and what can be read of the old one, which
    /// is kept beside it.
    ///
    /// # Errors
    /// Those of the database; inside, [`JournalError`].
    pub fn accept(
        &self,
        work: &mut FeedWork<'_, '_>,
        was_restored: bool,
    ) -> storage::Result<Result<Accepted>> {
        let fits = self.check(work)?;
        let states = self.states(work)?;
        let rescued = self.rescued();
        let epoch = epoch_of(work.document()?.as_deref());
        let in_force = |(_, state): &&(FeedName, FeedState)| state.epoch >= epoch;
        let less = states.iter().filter(in_force).any(|(name, state)| {
            let standing = rescued.feeds.judge(*name, state.epoch, state.seq);
            standing == Standing::Lost
        });
        if matches!(fits, Ok(true)) && !less {
            return Ok(Ok(Accepted::IsFine));
        }
        if let Err(error) = &fits
            && !error.needs_an_admin()
        {
            return Ok(fits.map(|_| Accepted::IsFine));
        }
        let noted = work.journal()?;
        if noted.is_some_and(|noted| noted.restored) && !was_restored {
            return Ok(Ok(Accepted::Restored));
        }
        let (erased, withdrawn, now) = (work.erased()?, work.withdrawn()?, work.now());
        let marks = match rescued.feeds.anew(epoch, &states, erased, withdrawn, now) {
            Ok(marks) => marks,
            Err((epoch, seq)) if !was_restored => {
                return Ok(Ok(Accepted::PutBack { epoch, seq }));
            }
            Err(_) => rescued.feeds.shortened(),
        };
        let deleted = marks.iter().map(|mark| mark.deleted.len()).sum();
        let lines = self.lines(work, rescued, marks)?;
        let from = noted.map_or(JournalPosition::NONE, |noted| noted.position);
        if let Err(error) = self.set_aside() {
            return Ok(Err(error));
        }
        let position = match self.make_folder().and_then(|()| self.replace(from, lines)) {
            Ok(position) => position,
            Err(error) => return Ok(Err(error)),
        };
        work.put_journal(position, true)?;
        Ok(Ok(Accepted::Begun { deleted }))
    }

    fn states(&self, work: &mut FeedWork<'_, '_>) -> storage::Result<Vec<(FeedName, FeedState)>> {
        let mut states = Vec::new();
        for name in FeedName::ALL {
            let origin = self.node.clone();
            if let Some(state) = work.state(&FeedKey { origin, name })? {
                states.push((name, state));
            }
        }
        Ok(states)
    }

    /// What the new file begins with.
    fn lines(
        &self,
        work: &mut FeedWork<'_, '_>,
        rescued: Written,
        marks: Vec<Mark>,
    ) -> storage::Result<Vec<Line>> {
        let mut documents: Vec<String> = rescued.documents;
        for (_, document) in work.documents(0, i64::MAX)? {
            if !documents.contains(&document) {
                documents.push(document);
            }
        }
        documents.sort_by_key(|json| {
            let document: Option<serde_json::Value> = serde_json::from_str(json).ok();
            document.and_then(|document| document.pointer("/lotse/sequence")?.as_u64())
        });
        let mut denied = rescued.denied;
        for node in work.denials()? {
            if !denied.contains(&node) {
                denied.push(node);
            }
        }
        let documents = documents.into_iter().map(Line::Document);
        let denied = denied.into_iter().map(Line::Denied);
        let marks = marks.into_iter().map(Line::Feed);
        Ok(documents.chain(denied).chain(marks).collect())
    }

    /// Moves what stands in its place aside, under a name that says so.
    fn set_aside(&self) -> Result<()> {
        let aside = self.path.with_extension("set-aside");
        match std::fs::rename(&self.path, &aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.error(error.into())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
