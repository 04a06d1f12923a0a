//! The index: opening, loading, following changes.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use domain::{Entry, EntryKey};
use health::{Health, Next};
use parking_lot::Mutex;

use crate::build::{self, Builder};
use crate::document::{Document, KeyHash};
use crate::shared::{ColumnChange, Reached, Shared};
use crate::snapshot::Snapshot;
use crate::text::{FolderLock, Home, Job, Store, Unusable, Writer};
use crate::{IndexError, limits};

/// A change of the directory, as it is followed in arrival order.
#[derive(Debug, Clone)]
pub enum Change {
    /// An entry is new or has changed.
    Put(Box<Document>),
    /// An entry is gone.
    Remove {
        /// Its key.
        key: EntryKey,
        /// The number of the change.
        arrival: i64,
    },
}

impl Change {
    /// The change that brings `entry`, whose consents are looked at on the day `today`.
    #[must_use]
    pub fn put(entry: &Entry, arrival: i64, today: chrono::NaiveDate) -> Self {
        Self::Put(Box::new(Document::new(entry, arrival, today)))
    }

    /// The same for an entry whose JSON and content hash are known: see [`Document::stored`].
    #[must_use]
    pub fn stored(
        entry: Entry,
        json: &str,
        content_hash: u64,
        arrival: i64,
        today: chrono::NaiveDate,
        text: bool,
    ) -> Self {
        let document = Document::stored(entry, json, content_hash, arrival, today, text);
        Self::Put(Box::new(document))
    }

    /// The number of the change.
    #[must_use]
    pub fn arrival(&self) -> i64 {
        match self {
            Self::Put(document) => document.arrival,
            Self::Remove { arrival, .. } => *arrival,
        }
    }
}

/// The read model: columns in memory, and full text on disk. Cloning it gives another handle to the same one; when the
/// last handle is dropped, its threads end.
#[derive(Clone)]
pub struct Index {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    /// Held for as long as a batch is applied: changes reach columns and text in the same order.
    text: Mutex<Option<SyncSender<Job>>>,
    merges: Mutex<Option<Sender<Wake>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Changes up to this number were in the text index when it was opened.
    text_resumes_after: i64,
}

/// What the merging thread is told.
enum Wake {
    Look,
    Everything,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index. Columns start empty: [`Index::load`] them. The text index in `folder` (`None`: in memory only)
    /// goes on from where it was, if it belongs to the same `generation` of the database and the same analysis; otherwise,
    /// and where it is damaged, it is built anew. A folder that cannot be used is told to the log, and text is kept in
    /// memory.
    ///
    /// # Errors
    /// [`IndexError::InUse`] where another process writes in the folder, and where no threads are to be had.
    pub fn open(folder: Option<&Path>, generation: &str) -> Result<Self, IndexError> {
        Self::open_watched(folder, generation, &Health::unwatched())
    }

    /// The same. How text stands, and panics of the index's threads, are told to `health`.
    ///
    /// # Errors
    /// Those of [`Index::open`].
    pub fn open_watched(
        folder: Option<&Path>,
        generation: &str,
        health: &Health,
    ) -> Result<Self, IndexError> {
        let home = folder.map(Home::at);
        let lock = match home.as_ref().map(Home::take) {
            Some(Ok(lock)) => Some(lock),
            Some(Err(IndexError::InUse)) => return Err(IndexError::InUse),
            Some(Err(error)) => {
                cannot_be_used(home.as_ref(), &error);
                None
            }
            None => None,
        };
        let (store, lock) = text_store(home.as_ref(), lock, generation)?;
        let text_resumes_after = store.progress.through;
        let shared = Arc::new(Shared::new(health.clone()));
        let (text, jobs) = sync_channel(limits::TEXT_QUEUE);
        let (merges, wakes) = channel();
        let mut writer = Writer::new(store, (home, lock), Arc::clone(&shared), jobs)?;
        writer.publish();
        let ending = Arc::clone(&shared);
        let writing = health.spawn_thread(
            "search-text",
            move || ending.is_closed(),
            move || writer.round(),
        )?;
        let merger = Merger {
            shared: Arc::clone(&shared),
            text: text.clone(),
            wakes,
        };
        let ending = Arc::clone(&shared);
        let merging = health.spawn_thread(
            "search-merge",
            move || ending.is_closed(),
            move || merger.round(),
        )?;
        let inner = Inner {
            shared,
            text: Mutex::new(Some(text)),
            merges: Mutex::new(Some(merges)),
            threads: Mutex::new(vec![merging, writing]),
            text_resumes_after,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The index as it is now. Costs two atomic operations.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.shared.snapshot()
    }

    /// The number of the last change that the columns hold.
    #[must_use]
    pub fn arrival(&self) -> i64 {
        self.snapshot().arrival
    }

    /// The number of the last change that full-text search sees.
    #[must_use]
    pub fn text_arrival(&self) -> i64 {
        self.snapshot().text_arrival
    }

    /// The number up to which the text index held all changes when it was opened.
    #[must_use]
    pub fn text_resumes_after(&self) -> i64 {
        self.inner.text_resumes_after
    }

    /// Whether words of an entry that was removed may still stand in a file of the text index. It goes on until none do.
    #[must_use]
    pub fn has_text_remains(&self) -> bool {
        self.inner.shared.has_text_remains()
    }

    /// Waits until the columns hold the change. Bound it with a time limit: the change may never come.
    pub async fn reached(&self, arrival: i64) {
        self.wait_for(|reached| reached.columns >= arrival).await;
    }

    /// Waits until full-text search sees the change. Bound it with a time limit.
    pub async fn text_reached(&self, arrival: i64) {
        self.wait_for(|reached| reached.text >= arrival).await;
    }

    /// The same, but waits no longer where the text index is not there at the moment.
    pub async fn text_reached_or_away(&self, arrival: i64) {
        self.wait_for(|reached| reached.text >= arrival || !reached.is_text_whole)
            .await;
    }

    /// Waits until the text index has to be built anew from all texts, and gives what takes them. This may be asked for
    /// again while it is going on, and begins a second time where the first was not finished.
    pub async fn text_wanted(&self) -> Refill {
        let mut wanted = self.inner.shared.refill();
        // The sender lives as long as this handle, so that this can only end by the condition.
        let number = wanted.wait_for(|number| *number != 0).await;
        Refill {
            number: number.map_or(0, |number| *number),
            index: self.clone(),
        }
    }

    async fn wait_for(&self, holds: impl Fn(&Reached) -> bool) {
        // The sender lives as long as this handle, so that this can only end by the condition.
        let _ = self
            .inner
            .shared
            .reached()
            .wait_for(|reached| holds(reached))
            .await;
    }

    /// Takes in all changes up to the number `through`, in arrival order. Readers see all of them at once. Waits where
    /// the text index cannot keep up; a small batch takes well under a millisecond otherwise.
    ///
    /// # Errors
    /// [`IndexError::Panicked`] where one of the changes cannot be taken in: then none was. [`IndexError::Stopped`] where
    /// the text index's thread has ended; the columns hold the changes all the same.
    pub fn apply(&self, changes: Vec<Change>, through: i64) -> Result<(), IndexError> {
        let text = self.inner.text.lock();
        let mut jobs = Vec::with_capacity(changes.len() + 1);
        let mut columns = Vec::with_capacity(changes.len());
        for change in changes {
            match change {
                Change::Put(mut document) => {
                    let texts = document.take_texts();
                    jobs.push(Job::Put(KeyHash::of(&document.key), texts));
                    columns.push(ColumnChange::Put(document));
                }
                Change::Remove { key, .. } => {
                    let hash = KeyHash::of(&key);
                    jobs.push(Job::Remove(hash));
                    columns.push(ColumnChange::Remove(hash, key));
                }
            }
        }
        if !columns.is_empty() || through > self.arrival() {
            // Nothing of it is seen where it fails.
            health::caught(|| self.inner.shared.apply(columns, through))?;
        }
        jobs.push(Job::Through(through));
        let text = text.as_ref().ok_or(IndexError::Stopped)?;
        for job in jobs {
            text.send(job).map_err(|_| IndexError::Stopped)?;
        }
        self.wake(Wake::Look);
        Ok(())
    }

    fn wake(&self, wake: Wake) {
        if let Some(merges) = &*self.inner.merges.lock() {
            // The merging thread only ends with the index.
            let _ = merges.send(wake);
        }
    }

    fn tell_text(&self, job: Job) -> Result<(), IndexError> {
        let text = self.inner.text.lock();
        text.as_ref()
            .ok_or(IndexError::Stopped)?
            .send(job)
            .map_err(|_| IndexError::Stopped)
    }

    /// Starts to fill an empty index with the directory's rows. Readers should wait until it is finished.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn load(&self) -> Result<Loader, IndexError> {
        self.tell_text(Job::Loading(true))?;
        Ok(Loader {
            index: self.clone(),
            builder: Builder::with_capacity(0),
            text_after: Some(self.inner.text_resumes_after),
            finished: false,
        })
    }

    /// The same, but an empty text index is not filled now: it asks for all texts by [`Index::text_wanted`], so that
    /// everything else is there sooner.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn load_text_later(&self) -> Result<Loader, IndexError> {
        let mut loader = self.load()?;
        if self.inner.text_resumes_after == i64::MIN {
            self.tell_text(Job::Later)?;
            loader.text_after = None;
        }
        Ok(loader)
    }

    /// Forgets everything, so that it can be loaded anew: for a database that was restored.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn clear(&self) -> Result<(), IndexError> {
        let text = self.inner.text.lock();
        self.inner.shared.clear();
        text.as_ref()
            .ok_or(IndexError::Stopped)?
            .send(Job::Clear)
            .map_err(|_| IndexError::Stopped)
    }
}

/// Fills an index row by row. Nothing of a row waits in it but what the index keeps.
#[derive(Debug)]
pub struct Loader {
    index: Index,
    builder: Builder,
    /// The text index hears of changes after this number, or of none.
    text_after: Option<i64>,
    finished: bool,
}

impl Loader {
    /// Whether the text index still has to hear of a change of this number.
    #[must_use]
    pub fn wants_text(&self, arrival: i64) -> bool {
        self.text_after.is_some_and(|after| arrival > after)
    }

    /// Takes one row: an entry, or the trace of a deleted one. Each key comes once; the order does not matter.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn push(&mut self, change: Change) -> Result<(), IndexError> {
        let is_new = self.wants_text(change.arrival());
        match change {
            Change::Put(mut document) => {
                let texts = document.take_texts();
                if is_new {
                    self.index
                        .tell_text(Job::Put(KeyHash::of(&document.key), texts))?;
                }
                self.index.inner.shared.load(&mut self.builder, *document);
            }
            Change::Remove { key, .. } if is_new => {
                self.index.tell_text(Job::Remove(KeyHash::of(&key)))?;
            }
            Change::Remove { .. } => {}
        }
        Ok(())
    }

    /// Ends loading: the index now holds all changes up to `through`, in one segment, sorted by name.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn finish(mut self, through: i64) -> Result<(), IndexError> {
        self.finished = true;
        let builder = std::mem::replace(&mut self.builder, Builder::with_capacity(0));
        let index = &self.index;
        index.inner.shared.loaded(builder, through);
        index.tell_text(Job::Through(through))?;
        index.tell_text(Job::Loaded)?;
        index.tell_text(Job::Loading(false))?;
        index.tell_text(Job::Settle)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        if !self.finished && self.index.tell_text(Job::Loading(false)).is_err() {
            tracing::error!("the text index has stopped while it was loaded");
        }
    }
}

impl Index {
    /// Makes one segment of all in the background: for a quiet hour, or before measuring.
    pub fn settle(&self) {
        self.wake(Wake::Everything);
        if self.tell_text(Job::Settle).is_err() {
            tracing::warn!("the text index has stopped");
        }
    }
}

/// Takes all texts for an index that is built anew, while changes go on to be taken in.
#[derive(Debug)]
pub struct Refill {
    index: Index,
    number: u64,
}

impl Refill {
    /// Whether this is still what is wanted: the index may have been lost once more.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        *self.index.inner.shared.refill().borrow() == self.number
    }

    /// Takes an entry as the database had it at some moment after this was asked for. One that the columns hold in another
    /// state is passed over: it was told, or will be, by [`Index::apply`].
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn push(&self, mut document: Document) -> Result<(), IndexError> {
        let text = self.index.inner.text.lock();
        let hash = KeyHash::of(&document.key);
        if self.index.snapshot().arrival_of(hash, &document.key) != Some(document.arrival) {
            return Ok(());
        }
        let job = Job::Refill(self.number, hash, document.take_texts());
        text.as_ref()
            .ok_or(IndexError::Stopped)?
            .send(job)
            .map_err(|_| IndexError::Stopped)
    }

    /// All texts were told.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn finish(&self) -> Result<(), IndexError> {
        self.index.inner.shared.refilled(self.number);
        self.index.tell_text(Job::Refilled(self.number))
    }
}

/// Says that text is kept in memory for a while.
fn cannot_be_used(home: Option<&Home>, error: &dyn std::fmt::Display) {
    let folder = home.map_or_else(String::new, |home| home.folder().display().to_string());
    tracing::error!(folder, %error, "the index folder cannot be used: text is kept in memory until it can");
}

/// The text index of a folder that was taken: what is there, or an empty one, in memory if need be.
fn text_store(
    home: Option<&Home>,
    lock: Option<FolderLock>,
    generation: &str,
) -> Result<(Store, Option<FolderLock>), IndexError> {
    let (Some(home), Some(lock)) = (home, lock) else {
        return Ok((Store::empty(None, generation)?, None));
    };
    let folder = home.text();
    match Store::existing(&folder, generation) {
        Ok(store) => return Ok((store, Some(lock))),
        Err(Unusable::Missing) => {}
        Err(why @ Unusable::Other) => tracing::info!(%why, "the text index is built anew"),
        Err(why @ Unusable::Damaged(_)) => {
            tracing::error!(%why, folder = %folder.display(), "the text index is built anew");
        }
    }
    match Store::empty(Some(&folder), generation) {
        Ok(store) => Ok((store, Some(lock))),
        Err(error) => {
            cannot_be_used(Some(home), &error);
            Ok((Store::empty(None, generation)?, None))
        }
    }
}

/// Merges column segments.
struct Merger {
    shared: Arc<Shared>,
    text: SyncSender<Job>,
    wakes: Receiver<Wake>,
}

impl Merger {
    /// Waits until it is woken, and merges what is due.
    fn round(&self) -> Next {
        // Also now and then by itself: what could not be merged is tried again.
        let mut wake = match self.wakes.recv_timeout(limits::MERGE_AGAIN) {
            Ok(wake) => wake,
            Err(RecvTimeoutError::Timeout) => Wake::Look,
            Err(RecvTimeoutError::Disconnected) => return Next::End,
        };
        // Wakes that came while it was merging are one wake.
        while let Ok(next) = self.wakes.try_recv() {
            if matches!(next, Wake::Everything) {
                wake = next;
            }
        }
        self.merge(matches!(wake, Wake::Everything));
        Next::Again
    }

    /// Where merging panics, the segments at hand stay as they are for a while.
    fn merge(&self, mut all: bool) {
        while let Some(task) = self.shared.merge_task(std::mem::take(&mut all)) {
            if self.shared.is_closed() {
                return;
            }
            let segment = match health::caught(|| build::merged(task.id, &task.sources)) {
                Ok(segment) => segment,
                Err(panicked) => {
                    let health = self.shared.health();
                    health.background_failed("search-merge", panicked);
                    self.shared.not_merged(&task);
                    continue;
                }
            };
            let is_large = segment.len as usize >= limits::JOIN_ENTRIES;
            self.shared.merged(&task, segment);
            // The text index finds its way to a large segment by a table that has to be made for it. Where its thread is
            // busy it looks by itself.
            if is_large {
                let _ = self.text.try_send(Job::Refresh);
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.close();
        // Both threads end when nobody can tell them anything more; the text thread commits what it was told.
        self.merges.lock().take();
        self.text.lock().take();
        for thread in self.threads.lock().drain(..) {
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the index has panicked");
            }
        }
    }
}
