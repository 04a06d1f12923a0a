//! What was removed leaves the files of the text index.
//!
//! A document that is deleted is only marked: its words stay in its segment until that is written anew. Merging does that
//! sooner or later, which is soon enough for what has changed, but not for what was removed. So the segments in which
//! removed entries stood are written anew soon, and no others. That takes as long as they are large, and whoever may delete
//! could ask for it again and again: after each time there is a pause of several times its length, so that it takes no more
//! than a fifth of one processor, however much is removed. What is removed meanwhile shares the next time.
//!
//! Nothing has to be remembered across a crash: at the start every segment with marked documents is written anew.

use std::collections::HashSet;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tantivy::index::SegmentId;
use tantivy::{FutureResult, IndexWriter, Searcher, SegmentMeta, SegmentReader};

use super::store::Store;
use crate::document::KeyHash;
use crate::limits;

/// Time between two looks at what is left.
const LOOK: Duration = Duration::from_millis(500);

/// Which removed entries may still stand in files, and what is being done about it.
pub(crate) struct Erasing {
    /// Removed, which no commit holds yet.
    removed: HashSet<u64>,
    /// Removed and committed; their words may still stand in a segment.
    gone: HashSet<u64>,
    rewriting: Option<Rewriting>,
    /// Before this nothing is written anew.
    not_before: Instant,
    /// Before this nobody looks.
    next_look: Instant,
    /// When every segment with marked documents is due, for what has changed.
    all_due: Instant,
    /// Whether files may be there of segments that were replaced: the library removes them right after that, but for those
    /// that somebody still looks at.
    unswept: bool,
    /// Whether what was removed stood in some of these.
    unswept_removed: bool,
}

/// Segments that are being written anew.
struct Rewriting {
    merge: FutureResult<Option<SegmentMeta>>,
    begun: Instant,
}

impl Erasing {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            removed: HashSet::new(),
            gone: HashSet::new(),
            rewriting: None,
            not_before: now,
            next_look: now,
            all_due: now + limits::REWRITE_ALL,
            unswept: true,
            unswept_removed: false,
        }
    }

    /// An entry was removed.
    pub(crate) fn remove(&mut self, key: KeyHash) {
        self.removed.insert(key.0);
    }

    /// A commit holds everything that was removed.
    pub(crate) fn committed(&mut self) {
        self.unswept_removed |= !self.removed.is_empty();
        self.gone.extend(self.removed.drain());
        self.unswept = true;
    }

    /// Whether something that was removed may still stand in a file.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.removed.is_empty() || !self.gone.is_empty() || self.unswept_removed
    }

    /// Makes one segment of all in the background; then those that still have marked documents are written anew.
    pub(crate) fn settle(&mut self, store: &Store, writer: &mut IndexWriter) {
        self.all_due = Instant::now();
        match store.index.searchable_segment_ids() {
            Ok(ids) if ids.len() > 1 => self.begin(writer, &ids),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the text index's segments cannot be listed"),
        }
    }

    /// Does what is due now. Cheap where nothing is.
    pub(crate) fn step(&mut self, store: &Store, writer: &mut IndexWriter) {
        let now = Instant::now();
        if self.is_rewriting(now) || now < self.next_look {
            return;
        }
        let all = now >= self.all_due && now >= self.not_before;
        if self.gone.is_empty() && !all && !self.unswept {
            return;
        }
        self.next_look = now + LOOK;
        if self.unswept {
            self.sweep(store, writer);
        }
        if self.gone.is_empty() && !all {
            return;
        }
        let segments = match self.look(store, all) {
            Ok(segments) => segments,
            Err(error) => {
                tracing::warn!(%error, "the text index's segments cannot be looked at");
                return;
            }
        };
        if all {
            self.all_due = now + limits::REWRITE_ALL;
        }
        if !segments.is_empty() && now >= self.not_before {
            self.begin(writer, &segments);
        }
    }

    /// Before the index is closed: what waits is done at once, unless that would take long; then the next start does it.
    pub(crate) fn finish(&mut self, store: &Store, writer: &mut IndexWriter) {
        let entries = store.reader.searcher().num_docs();
        if self.gone.is_empty() || entries > limits::REWRITE_AT_CLOSE {
            return;
        }
        if let Some(rewriting) = self.rewriting.take() {
            tell(rewriting.merge.wait());
        }
        (self.not_before, self.next_look) = (Instant::now(), Instant::now());
        self.step(store, writer);
    }

    /// Removes the files of segments that were replaced, as soon as nobody looks at them any more.
    fn sweep(&mut self, store: &Store, writer: &IndexWriter) {
        let swept = writer.garbage_collect_files().wait();
        match swept.and_then(|_| store.has_orphans()) {
            Ok(orphans) => {
                // What still stands in a living segment is yet to be replaced.
                self.unswept = orphans || !self.gone.is_empty();
                self.unswept_removed &= self.unswept;
            }
            Err(error) => {
                tracing::warn!(%error, "files of the text index that are used no more could not be removed");
            }
        }
    }

    fn begin(&mut self, writer: &mut IndexWriter, segments: &[SegmentId]) {
        self.rewriting = Some(Rewriting {
            merge: writer.merge(segments),
            begun: Instant::now(),
        });
    }

    /// Whether segments are being written anew at this moment. Notes when that is over.
    fn is_rewriting(&mut self, now: Instant) -> bool {
        let Some(rewriting) = &mut self.rewriting else {
            return false;
        };
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(result) = Pin::new(&mut rewriting.merge).poll(&mut context) else {
            return true;
        };
        tell(result);
        let took = now.saturating_duration_since(rewriting.begun);
        self.not_before = now + pause(took);
        self.next_look = now;
        self.unswept = true;
        self.rewriting = None;
        false
    }

    /// The segments to write anew. What stands in none of them any more is done with.
    fn look(&mut self, store: &Store, all: bool) -> tantivy::Result<Vec<SegmentId>> {
        store.reader.reload()?;
        let searcher: Searcher = store.reader.searcher();
        let (mut segments, mut found) = (Vec::new(), HashSet::new());
        for reader in searcher.segment_readers() {
            let before = found.len();
            self.find(reader, &mut found)?;
            if found.len() > before || (all && reader.num_deleted_docs() > 0) {
                segments.push(reader.segment_id());
            }
        }
        self.gone = found;
        Ok(segments)
    }

    /// The removed entries that still stand in a segment, marked as deleted.
    fn find(&self, reader: &SegmentReader, found: &mut HashSet<u64>) -> tantivy::Result<()> {
        let Some(alive) = reader.alive_bitset() else {
            return Ok(());
        };
        let keys = reader.fast_fields().u64("key")?;
        let marked = (0..reader.max_doc()).filter(|doc| alive.is_deleted(*doc));
        found.extend(
            marked
                .filter_map(|doc| keys.first(doc))
                .filter(|key| self.gone.contains(key)),
        );
        Ok(())
    }
}

/// A merge that others have overtaken fails as well, and is tried again.
fn tell(result: tantivy::Result<Option<SegmentMeta>>) {
    if let Err(error) = result {
        tracing::debug!(%error, "segments of the text index could not be written anew; it is tried again");
    }
}

/// How long nothing is written anew after it took so long.
fn pause(took: Duration) -> Duration {
    limits::REWRITE_PAUSE.max(took.saturating_mul(limits::REWRITE_SHARE))
}
