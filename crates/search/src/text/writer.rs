//! The thread that writes the text index.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tantivy::{IndexWriter, TantivyDocument, Term};

use super::analyse::Analyser;
use super::erasing::Erasing;
use super::store::Store;
use super::view::TextView;
use crate::document::{Document, KeyHash, Level, Passage};
use crate::shared::Shared;
use crate::{IndexError, limits};

/// The texts of one entry, by the widest level that sees them.
pub(crate) type Texts = Vec<(Level, Vec<Passage>)>;

impl Document {
    /// Takes the texts out: the columns do not need them.
    pub(crate) fn take_texts(&mut self) -> Texts {
        let widest = (self.level(), std::mem::take(&mut self.form.passages));
        let wider = self
            .wider
            .iter_mut()
            .map(|(level, form)| (*level, std::mem::take(&mut form.passages)));
        std::iter::once(widest).chain(wider).collect()
    }
}

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
    /// Everything is forgotten.
    Clear,
    /// The index is to be one segment, as far as possible.
    Settle,
}

/// Waiting time after an error, and between looks for merged segments.
const PAUSE: Duration = Duration::from_millis(500);
/// Time between two commits while the index is loaded: nobody reads it yet.
const LOADING_INTERVAL: Duration = Duration::from_secs(30);

pub(crate) struct Writer {
    store: Store,
    writer: IndexWriter,
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    analyser: Analyser,
    erasing: Erasing,
    /// What no commit holds yet: done again where one fails.
    uncommitted: Vec<Job>,
    through: i64,
    committed: i64,
    loading: bool,
    last_commit: Instant,
    /// How long the last commit took.
    took: Duration,
}

impl Writer {
    pub(crate) fn new(
        store: Store,
        shared: Arc<Shared>,
        jobs: Receiver<Job>,
    ) -> Result<Self, IndexError> {
        let writer = store.writer()?;
        let through = store.progress.through;
        Ok(Self {
            store,
            writer,
            shared,
            jobs,
            analyser: Analyser::default(),
            erasing: Erasing::new(),
            uncommitted: Vec::new(),
            through,
            committed: through,
            loading: false,
            last_commit: Instant::now(),
            took: Duration::ZERO,
        })
    }

    /// Works until the index is closed.
    pub(crate) fn run(mut self) {
        self.publish();
        loop {
            let wait = self.wait();
            match self.jobs.recv_timeout(wait) {
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // Everything that waits goes into the same commit, until that is due.
            while !self.is_full() {
                match self.jobs.try_recv() {
                    Ok(job) => self.take(job),
                    Err(_) => break,
                }
            }
            if self.is_dirty() && (self.is_full() || self.last_commit.elapsed() >= self.interval())
            {
                self.commit_until_done();
            } else if !self.is_dirty() {
                self.look_again();
            }
            if !self.loading {
                self.erasing.step(&self.store, &mut self.writer);
                self.shared.set_text_remains(self.erasing.is_waiting());
            }
        }
        if self.is_dirty() {
            self.commit_until_done();
        }
        self.erasing.finish(&self.store, &mut self.writer);
        // Merging threads write in the folder: who opens it again must not meet them there.
        if let Err(error) = self.writer.wait_merging_threads() {
            tracing::warn!(%error, "a merge of the text index was not finished");
        }
    }

    fn is_dirty(&self) -> bool {
        !self.uncommitted.is_empty() || self.through != self.committed
    }

    fn is_full(&self) -> bool {
        self.uncommitted.len() >= limits::TEXT_QUEUE * if self.loading { 4 } else { 1 }
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
        match &job {
            Job::Put(..) | Job::Remove(_) | Job::Clear => {
                if let Err(error) = self.write(&job) {
                    tracing::error!(%error, "the text index does not take a change; it is tried again with the next commit");
                }
                if matches!(job, Job::Clear) {
                    self.uncommitted.clear();
                }
                if let Job::Remove(key) = &job {
                    self.erasing.remove(*key);
                    self.shared.set_text_remains(true);
                }
                self.uncommitted.push(job);
            }
            Job::Through(arrival) => self.through = self.through.max(*arrival),
            Job::Loading(on) => {
                self.loading = *on;
                if !on && self.is_dirty() {
                    self.commit_until_done();
                }
            }
            Job::Refresh => self.look_again(),
            Job::Settle => self.erasing.settle(&self.store, &mut self.writer),
        }
    }

    fn write(&mut self, job: &Job) -> tantivy::Result<()> {
        let fields = self.store.fields;
        match job {
            Job::Put(hash, texts) => {
                self.writer
                    .delete_term(Term::from_field_u64(fields.key, hash.0));
                let mut document = TantivyDocument::new();
                document.add_u64(fields.key, hash.0);
                for (level, terms) in self.terms(texts) {
                    document.add_text(fields.level(level), terms);
                }
                self.writer.add_document(document)?;
            }
            Job::Remove(hash) => {
                self.writer
                    .delete_term(Term::from_field_u64(fields.key, hash.0));
            }
            Job::Clear => {
                self.writer.delete_all_documents()?;
                self.through = i64::MIN;
            }
            _ => {}
        }
        Ok(())
    }

    /// The terms that each level sees beyond what wider ones see.
    fn terms(&mut self, texts: &Texts) -> Vec<(Level, String)> {
        let mut out: Vec<(Level, String)> = Vec::new();
        let mut before: Option<&Vec<Passage>> = None;
        for (level, passages) in texts {
            if before == Some(passages) {
                continue;
            }
            before = Some(passages);
            let all = self.analyser.terms(passages);
            if out.is_empty() {
                out.push((*level, all));
                continue;
            }
            let seen: HashSet<&str> = out.iter().flat_map(|(_, terms)| terms.split(' ')).collect();
            let new: Vec<&str> = all.split(' ').filter(|term| !seen.contains(term)).collect();
            if !new.is_empty() {
                let new = new.join(" ");
                out.push((*level, new));
            }
        }
        out
    }

    fn commit_until_done(&mut self) {
        loop {
            match self.commit() {
                Ok(()) => break,
                Err(error) => {
                    tracing::error!(%error, "the text index cannot be committed; it is tried again");
                    self.shared.set_text_failing(true);
                    std::thread::sleep(PAUSE);
                    if self.shared.is_closed() {
                        return;
                    }
                    if let Err(error) = self.start_over() {
                        tracing::error!(%error, "the text index cannot be opened for writing");
                    }
                }
            }
        }
        self.shared.set_text_failing(false);
        self.publish();
    }

    fn commit(&mut self) -> tantivy::Result<()> {
        let start = Instant::now();
        let payload = self.store.payload(self.through);
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.uncommitted.clear();
        self.erasing.committed();
        self.committed = self.through;
        self.store.reader.reload()?;
        self.took = start.elapsed();
        self.last_commit = Instant::now();
        Ok(())
    }

    /// Goes back to the last commit, and does again what came after it.
    fn start_over(&mut self) -> tantivy::Result<()> {
        self.writer.rollback()?;
        let jobs = std::mem::take(&mut self.uncommitted);
        let through = self.through;
        for job in &jobs {
            self.write(job)?;
        }
        self.through = through;
        self.uncommitted = jobs;
        Ok(())
    }

    /// Shows what merging has changed since the last commit, here or in the columns.
    fn look_again(&mut self) {
        if let Err(error) = self.store.reader.reload() {
            tracing::warn!(%error, "the text index cannot be read again");
            return;
        }
        let now = self.shared.snapshot();
        if !now.text.shows(&self.store.reader.searcher()) || !now.text.is_joined_to(&now.views) {
            self.publish();
        }
    }

    fn publish(&self) {
        let before = self.shared.snapshot();
        let searcher = self.store.reader.searcher();
        match TextView::new(&searcher, self.store.fields, &before.views, &before.text) {
            Ok(view) => self.shared.publish_text(view, self.committed),
            Err(error) => tracing::error!(%error, "the text index cannot be read"),
        }
    }
}
