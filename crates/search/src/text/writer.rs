//! The thread that writes the text index, and makes it anew where it cannot be used any more.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use health::{Next, Part, caught};
use tantivy::{IndexWriter, TantivyDocument, Term};

use super::analyse::Analyser;
use super::erasing::Erasing;
use super::store::{FolderLock, Home, Store};
use super::terms::{Texts, terms};
use super::view::TextView;
use crate::document::KeyHash;
use crate::shared::Shared;
use crate::{IndexError, limits};

/// What the thread is told.
pub(crate) enum Job {
    /// An entry has these texts now.
    Put(KeyHash, Texts),
    /// An entry is gone.
    Remove(KeyHash),
    /// All changes up to this number were told.
    Through(i64),
    /// The columns have changed their shape.
    Refresh,
    /// Commits are few from now on, or no longer.
    Loading(bool),
    /// The columns hold all entries: what is of none of them goes.
    Loaded,
    /// All texts are wanted from the beginning, later: an empty index is not filled by those who load the columns.
    Later,
    /// One of these texts, for the rebuilding of this number.
    Refill(u64, KeyHash, Texts),
    /// The rebuilding of this number has told all texts.
    Refilled(u64),
    /// Everything is forgotten.
    Clear,
    /// The index is to be one segment, as far as possible.
    Settle,
}

/// Waiting time after an error, and between looks for merged segments.
const PAUSE: Duration = Duration::from_millis(500);
/// Time between two commits while the index is loaded: nobody reads it yet.
const LOADING_INTERVAL: Duration = Duration::from_secs(30);
/// How long a commit may fail for want of room, again and again, until the index is made anew, in memory if need be:
/// meanwhile changes queue up.
const GIVE_UP: Duration = Duration::from_secs(20);
/// The longest wait between two rebuildings. The first begins at once; it doubles from a second with each that follows
/// within [`CALM`].
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Time between two attempts to go back to disk, where text is kept in memory because its folder could not be used.
const RETURN_EVERY: Duration = Duration::from_secs(5);
/// Time without a loss after which the next one counts as the first; and between two rebuildings that failing searches
/// cause, so that no question can keep the index from being there.
const CALM: Duration = Duration::from_secs(3_600);

/// Time between two looks at whether the files on disk are still what they were: else it would show at the next start only.
const VERIFY_EVERY: Duration = Duration::from_secs(3_600);

/// The words for everybody while nothing is found by words.
const AWAY: &str = "words are not found at the moment: the text index is built anew";

/// The index that is written now.
struct Open {
    store: Store,
    writer: IndexWriter,
}

pub(crate) struct Writer {
    /// Where the text index belongs on disk; none where it is to be in memory.
    home: Option<Home>,
    /// Held while it lies there.
    lock: Option<FolderLock>,
    /// When it is tried next to go back there, and the pause after that.
    next_return: (Instant, Duration),
    generation: String,
    open: Option<Open>,
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    analyser: Analyser,
    erasing: Erasing,
    /// What no commit holds yet: done again where one fails.
    uncommitted: Vec<Job>,
    /// All changes up to this number were told.
    through: i64,
    committed: i64,
    /// The rebuilding that has not told all texts yet.
    rebuilding: Option<u64>,
    loading: bool,
    last_commit: Instant,
    last_verified: Instant,
    /// How long the last commit took.
    took: Duration,
    losses: Losses,
}

/// How often the index was lost, so that one that is lost again and again does not keep the machine busy.
#[derive(Default)]
struct Losses {
    count: u32,
    last: Option<Instant>,
    /// When it is made anew.
    until: Option<Instant>,
    /// When a failing search was last the cause.
    by_search: Option<Instant>,
}

impl Losses {
    fn note(&mut self) {
        let now = Instant::now();
        if self.last.is_none_or(|last| now - last > CALM) {
            self.count = 0;
        }
        let wait = match self.count {
            0 => Duration::ZERO,
            n => Duration::from_secs(1 << n.min(10)).min(LONGEST_WAIT),
        };
        (self.count, self.last, self.until) = (self.count + 1, Some(now), Some(now + wait));
    }
}

impl Writer {
    pub(crate) fn new(
        store: Store,
        (home, lock): (Option<Home>, Option<FolderLock>),
        shared: Arc<Shared>,
        jobs: Receiver<Job>,
    ) -> Result<Self, IndexError> {
        let writer = store.writer()?;
        let through = store.progress.through;
        let writer = Self {
            home,
            lock,
            next_return: (Instant::now() + RETURN_EVERY, RETURN_EVERY),
            generation: store.progress.generation.clone(),
            open: Some(Open { store, writer }),
            shared,
            jobs,
            analyser: Analyser::default(),
            erasing: Erasing::new(),
            uncommitted: Vec::new(),
            through,
            committed: through,
            rebuilding: None,
            loading: false,
            last_commit: Instant::now(),
            last_verified: Instant::now(),
            took: Duration::ZERO,
            losses: Losses::default(),
        };
        Ok(writer)
    }

    /// Takes what there is to do. Whatever goes wrong with the index, it is made anew.
    pub(crate) fn round(&mut self) -> Next {
        match caught(|| self.work()) {
            Ok(next) => next,
            Err(panicked) => {
                self.shared
                    .health()
                    .background_failed("search-text", &panicked);
                self.lose(&panicked);
                Next::Again
            }
        }
    }

    fn work(&mut self) -> Next {
        if self.open.is_none() {
            return self.wait_to_begin_anew();
        }
        match self.jobs.recv_timeout(self.wait()) {
            Ok(job) => self.take(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                self.end();
                return Next::End;
            }
        }
        // Everything that waits goes into the same commit, until that is due.
        while !self.is_full() {
            match self.jobs.try_recv() {
                Ok(job) => self.take(job),
                Err(_) => break,
            }
        }
        if self.is_dirty() && (self.is_full() || self.last_commit.elapsed() >= self.interval()) {
            self.commit_or_lose();
        } else if !self.is_dirty() {
            self.look_again();
            self.return_to_disk();
        }
        if let (Some(open), false) = (&mut self.open, self.loading) {
            self.erasing.step(&open.store, &mut open.writer);
            self.shared.set_text_remains(self.erasing.is_waiting());
        }
        Next::Again
    }

    fn end(&mut self) {
        if self.is_dirty() {
            self.commit_or_lose();
        }
        let Some(mut open) = self.open.take() else {
            return;
        };
        self.erasing.finish(&open.store, &mut open.writer);
        // Merging threads write in the folder: who opens it again must not meet them there.
        if let Err(error) = open.writer.wait_merging_threads() {
            tracing::warn!(%error, "a merge of the text index was not finished");
        }
    }

    /// Gives the index up: from now on nothing is found by words, until it is there again.
    fn lose(&mut self, cause: &dyn std::fmt::Display) {
        self.shared.health().failing(Part::Text, AWAY, cause);
        self.shared.text_is_away();
        if let Some(open) = self.open.take() {
            open.store.close();
            // It waits for its threads, which may have panicked.
            if let Err(panicked) = caught(|| drop(open)) {
                tracing::warn!(%panicked, "the text index could not be closed");
            }
        }
        self.uncommitted.clear();
        self.rebuilding = None;
        self.losses.note();
    }

    /// What comes meanwhile is read again when the index is filled.
    fn wait_to_begin_anew(&mut self) -> Next {
        let until = self.losses.until.unwrap_or_else(Instant::now);
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match self.jobs.recv_timeout(left) {
                Ok(job) => self.pass_over(&job),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Next::End,
            }
        }
        match self.begin_anew() {
            Ok((writer, store)) => {
                self.open = Some(Open { store, writer });
                // With the files went all that stood in them.
                self.erasing = Erasing::new();
                self.shared.set_text_remains(false);
                self.committed = i64::MIN;
                self.last_commit = Instant::now();
                self.want_all();
            }
            Err(error) => self.lose(&error),
        }
        Next::Again
    }

    /// An empty index, in memory where its folder cannot be used.
    fn begin_anew(&mut self) -> Result<(IndexWriter, Store), IndexError> {
        // Taken anew: what held it may be gone with the folder.
        self.lock = None;
        if let Some(home) = &self.home {
            let begun = home.take().and_then(|lock| {
                let store = Store::empty(Some(&home.text()), &self.generation)?;
                Ok((lock, store.writer()?, store))
            });
            match begun {
                Ok((lock, writer, store)) => {
                    self.lock = Some(lock);
                    return Ok((writer, store));
                }
                Err(error) => {
                    let folder = home.folder().display();
                    tracing::warn!(%folder, %error, "the index folder cannot be used: text is kept in memory until it can");
                }
            }
        }
        self.next_return = (Instant::now() + RETURN_EVERY, RETURN_EVERY);
        let store = Store::empty(None, &self.generation)?;
        Ok((store.writer()?, store))
    }

    /// Goes back to disk, where text is in memory only because its folder could not be used. Nothing is built anew: what
    /// was committed is written there as it is.
    fn return_to_disk(&mut self) {
        let (Some(home), Some(open)) = (&self.home, &self.open) else {
            return;
        };
        let (due, pause) = self.next_return;
        let is_whole = self.rebuilding.is_none() && !self.loading;
        if !open.store.is_in_memory() || !is_whole || Instant::now() < due {
            return;
        }
        self.next_return = (Instant::now() + RETURN_EVERY, RETURN_EVERY);
        let Ok(lock) = home.take() else { return };
        let written = open.store.on_disk(&home.text());
        let (writer, store) = match written.and_then(|store| Ok((store.writer()?, store))) {
            Ok(written) => written,
            Err(error) => {
                // Writing it once more costs as much again.
                let pause = pause.saturating_mul(2).min(LONGEST_WAIT);
                self.next_return = (Instant::now() + pause, pause);
                let _ = std::fs::remove_dir_all(home.text());
                tracing::debug!(%error, "the text index cannot be written to its folder yet");
                return;
            }
        };
        tracing::info!(folder = %home.folder().display(), "the text index is on disk again");
        let before = self.open.replace(Open { store, writer });
        self.lock = Some(lock);
        // A merge in it that is under way may panic.
        if let Err(panicked) = caught(|| drop(before)) {
            tracing::warn!(%panicked, "the text index in memory could not be closed");
        }
        self.publish();
    }

    fn pass_over(&mut self, job: &Job) {
        match job {
            Job::Through(arrival) => self.through = self.through.max(*arrival),
            Job::Clear => self.through = i64::MIN,
            _ => {}
        }
    }

    /// Asks for all texts from the database.
    fn want_all(&mut self) {
        self.loading = true;
        self.shared.text_is_away();
        self.rebuilding = Some(self.shared.want_refill());
    }

    fn is_dirty(&self) -> bool {
        !self.uncommitted.is_empty()
            || (self.through != self.committed && self.rebuilding.is_none())
    }

    fn is_full(&self) -> bool {
        self.open.is_none()
            || self.uncommitted.len() >= limits::TEXT_QUEUE * if self.loading { 4 } else { 1 }
    }

    fn interval(&self) -> Duration {
        if self.loading {
            return LOADING_INTERVAL;
        }
        let millis = if self.uncommitted.len() < limits::BULK_ENTRIES {
            limits::COMMIT_MILLIS
        } else {
            limits::BULK_COMMIT_MILLIS
        };
        Duration::from_millis(millis).max(self.took)
    }

    fn wait(&self) -> Duration {
        if self.is_dirty() {
            self.interval().saturating_sub(self.last_commit.elapsed())
        } else {
            PAUSE
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Put(..) | Job::Remove(_) => self.change(job),
            Job::Refill(number, hash, texts) => {
                if self.rebuilding == Some(number) {
                    self.change(Job::Put(hash, texts));
                }
            }
            Job::Clear => {
                self.uncommitted.clear();
                self.change(job);
            }
            Job::Through(arrival) => self.through = self.through.max(arrival),
            Job::Loading(on) => {
                self.loading = on || self.rebuilding.is_some();
                if !self.loading && self.is_dirty() {
                    self.commit_or_lose();
                }
            }
            Job::Loaded => self.forget_unknown(),
            Job::Later => {
                self.shared
                    .health()
                    .starting(Part::Text, "the text index is built");
                self.want_all();
            }
            Job::Refilled(number) => {
                if self.rebuilding == Some(number) {
                    self.rebuilding = None;
                    self.loading = false;
                    self.commit_or_lose();
                }
            }
            Job::Refresh => self.look_again(),
            Job::Settle => {
                if let Some(open) = &mut self.open {
                    self.erasing.settle(&open.store, &mut open.writer);
                }
            }
        }
    }

    /// Does a change, and keeps it until a commit holds it.
    fn change(&mut self, job: Job) {
        if let Job::Remove(key) = &job {
            self.erasing.remove(*key);
            self.shared.set_text_remains(true);
        }
        if let Err(error) = self.write(&job) {
            tracing::error!(%error, "the text index does not take a change; it is tried again with the next commit");
        }
        self.uncommitted.push(job);
    }

    fn write(&mut self, job: &Job) -> tantivy::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let fields = open.store.fields;
        match job {
            Job::Put(hash, texts) => {
                open.writer
                    .delete_term(Term::from_field_u64(fields.key, hash.0));
                let mut document = TantivyDocument::new();
                document.add_u64(fields.key, hash.0);
                // A text that cannot be analysed is not found, and keeps no other one from being found.
                let analysed = caught(|| terms(&mut self.analyser, texts));
                let analysed = analysed.unwrap_or_else(|panicked| {
                    self.analyser = Analyser::default();
                    self.shared
                        .health()
                        .background_failed("search-analysis", panicked);
                    Vec::new()
                });
                for (level, terms) in analysed {
                    document.add_text(fields.level(level), terms);
                }
                open.writer.add_document(document)?;
            }
            Job::Remove(hash) => {
                open.writer
                    .delete_term(Term::from_field_u64(fields.key, hash.0));
            }
            Job::Clear => {
                open.writer.delete_all_documents()?;
                self.through = i64::MIN;
            }
            _ => {}
        }
        Ok(())
    }

    /// Removes the texts of entries that are not there: they went while this index was away.
    fn forget_unknown(&mut self) {
        let Some(open) = &self.open else { return };
        let columns = self.shared.snapshot();
        let keys = super::view::keys(&open.store.reader.searcher());
        let unknown: Vec<KeyHash> = match keys {
            Ok(keys) => keys
                .into_iter()
                .filter(|hash| columns.find_hash(*hash).is_none())
                .collect(),
            Err(error) => return self.lose(&error),
        };
        for hash in unknown {
            self.change(Job::Remove(hash));
        }
    }

    fn commit_or_lose(&mut self) {
        let begun = Instant::now();
        let mut outcome = self.commit();
        while let Err(error) = &outcome {
            if !is_want_of_room(error) || begun.elapsed() > GIVE_UP {
                break;
            }
            self.shared.health().failing(
                Part::Text,
                "the text index cannot be written: new entries are not found by words",
                error,
            );
            std::thread::sleep(PAUSE);
            if self.shared.is_closed() {
                return;
            }
            outcome = self.start_over().and_then(|()| self.commit());
        }
        match outcome {
            Ok(()) => self.publish(),
            Err(error) => self.lose(&error),
        }
    }

    fn commit(&mut self) -> tantivy::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let start = Instant::now();
        // What is not whole is not gone on from after a restart.
        let through = match self.rebuilding {
            Some(_) => i64::MIN,
            None => self.through,
        };
        let payload = open.store.payload(through);
        let mut commit = open.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.uncommitted.clear();
        self.erasing.committed();
        self.committed = through;
        open.store.reader.reload()?;
        self.took = start.elapsed();
        self.last_commit = Instant::now();
        Ok(())
    }

    /// Goes back to the last commit, and does again what came after it.
    fn start_over(&mut self) -> tantivy::Result<()> {
        if let Some(open) = &mut self.open {
            open.writer.rollback()?;
        }
        let jobs = std::mem::take(&mut self.uncommitted);
        let through = self.through;
        let written = jobs.iter().try_for_each(|job| self.write(job));
        // Also where that has failed once more: they are in no commit yet.
        self.through = through;
        self.uncommitted = jobs;
        written
    }

    /// Shows what merging has changed since the last commit, here or in the columns.
    fn look_again(&mut self) {
        if self.shared.has_search_failed()
            && self
                .losses
                .by_search
                .is_none_or(|last| last.elapsed() > CALM)
        {
            self.losses.by_search = Some(Instant::now());
            return self.lose(&"a search in it has failed");
        }
        let Some(open) = &self.open else { return };
        if self.last_verified.elapsed() > VERIFY_EVERY {
            self.last_verified = Instant::now();
            if let Err(error) = open.store.verify() {
                return self.lose(&error);
            }
        }
        if let Err(error) = open.store.reader.reload() {
            return self.lose(&error);
        }
        let now = self.shared.snapshot();
        let searcher = open.store.reader.searcher();
        if !now.text.shows(&searcher) || !now.text.is_joined_to(&now.views) {
            self.publish();
        }
    }

    pub(crate) fn publish(&mut self) {
        // Where not all texts are there, nothing is shown.
        let (Some(open), None) = (&self.open, self.rebuilding) else {
            return;
        };
        let before = self.shared.snapshot();
        let searcher = open.store.reader.searcher();
        match TextView::new(&searcher, open.store.fields, &before.views, &before.text) {
            Ok(view) => {
                self.shared.publish_text(view, self.committed);
                self.shared.health().ok(Part::Text);
            }
            Err(error) => self.lose(&error),
        }
    }
}

/// Whether something could not be written for a reason that passes by itself.
fn is_want_of_room(error: &tantivy::TantivyError) -> bool {
    use std::io::ErrorKind as K;
    use tantivy::TantivyError as E;
    use tantivy::directory::error::OpenWriteError;
    let error = match error {
        E::IoError(error) => error,
        E::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => io_error,
        // What the library says of an error in one of its own threads holds no kind.
        E::ErrorInThread(_) => return true,
        _ => return false,
    };
    matches!(
        error.kind(),
        K::StorageFull
            | K::QuotaExceeded
            | K::FileTooLarge
            | K::ReadOnlyFilesystem
            | K::PermissionDenied
    )
}
