//! What readers, the writer and the two background threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use health::{Health, caught};
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use tokio::sync::watch;

use crate::answers::Answers;
use crate::build::{self, Builder, Prepared};
use crate::document::{Document, KeyHash};
use crate::limits;
use crate::segment::{NO_ORGANISATION, Segment};
use crate::select::View;
use crate::snapshot::{At, Snapshot};
use crate::text::{TextView, fold};

/// How far columns and text have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) columns: i64,
    pub(crate) text: i64,
    /// Whether there is a text index that will get there.
    pub(crate) is_text_whole: bool,
}

pub(crate) struct Shared {
    current: ArcSwap<Snapshot>,
    /// Whoever replaces the snapshot holds this, for less than a millisecond.
    state: Mutex<State>,
    reached: watch::Sender<Reached>,
    closed: AtomicBool,
    text_remains: AtomicBool,
    health: Health,
    /// The rebuilding of the text index that waits for all texts; 0 for none.
    refill: watch::Sender<u64>,
    /// How many there were.
    refills: AtomicU64,
}

/// What only those who replace the snapshot need.
#[derive(Default)]
struct State {
    organisations: HashMap<Arc<str>, u32>,
    last_segment: u64,
    /// Segments that are being merged: nobody else may take them away. With a moment: of which merging has failed, and before
    /// which it is not tried again.
    merging: HashMap<u64, Option<Instant>>,
}

/// A change as the columns take it.
pub(crate) enum ColumnChange {
    Put(Box<Document>),
    Remove(KeyHash, domain::EntryKey),
}

/// Segments that are to become one.
pub(crate) struct MergeTask {
    pub(crate) id: u64,
    pub(crate) sources: Vec<(Arc<Segment>, Arc<RoaringBitmap>)>,
}

impl Shared {
    pub(crate) fn new(health: Health) -> Self {
        let snapshot = Snapshot {
            views: Vec::new(),
            text: Arc::new(TextView::empty()),
            answers: Answers::default(),
            arrival: i64::MIN,
            text_arrival: i64::MIN,
        };
        Self {
            current: ArcSwap::from_pointee(snapshot),
            state: Mutex::default(),
            reached: watch::Sender::new(Reached {
                columns: i64::MIN,
                text: i64::MIN,
                is_text_whole: true,
            }),
            closed: AtomicBool::new(false),
            text_remains: AtomicBool::new(false),
            health,
            refill: watch::Sender::new(0),
            refills: AtomicU64::new(0),
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub(crate) fn reached(&self) -> watch::Receiver<Reached> {
        self.reached.subscribe()
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// Nothing is found by words until text is published again.
    pub(crate) fn text_is_away(&self) {
        let _state = self.state.lock();
        let before = self.snapshot();
        self.publish(Snapshot {
            views: before.views.clone(),
            text: Arc::new(TextView::away()),
            answers: Answers::default(),
            arrival: before.arrival,
            text_arrival: i64::MIN,
        });
    }

    /// Whether a search in the text index has failed since this was last asked.
    pub(crate) fn has_search_failed(&self) -> bool {
        self.snapshot().text.take_failed()
    }

    /// Asks for all texts; returns the number of this rebuilding.
    pub(crate) fn want_refill(&self) -> u64 {
        let number = self.refills.fetch_add(1, Ordering::Relaxed) + 1;
        self.refill.send_replace(number);
        number
    }

    /// The rebuilding that waits for all texts; 0 for none.
    pub(crate) fn refill(&self) -> watch::Receiver<u64> {
        self.refill.subscribe()
    }

    /// All texts of a rebuilding were told.
    pub(crate) fn refilled(&self, number: u64) {
        self.refill.send_if_modified(|wanted| {
            let is_this = *wanted == number;
            if is_this {
                *wanted = 0;
            }
            is_this
        });
    }

    pub(crate) fn set_text_remains(&self, remains: bool) {
        self.text_remains.store(remains, Ordering::Relaxed);
    }

    pub(crate) fn has_text_remains(&self) -> bool {
        self.text_remains.load(Ordering::Relaxed)
    }

    fn publish(&self, snapshot: Snapshot) {
        let reached = Reached {
            columns: snapshot.arrival,
            text: snapshot.text_arrival,
            is_text_whole: snapshot.text.is_whole,
        };
        self.current.store(Arc::new(snapshot));
        self.reached
            .send_if_modified(|before| std::mem::replace(before, reached) != reached);
    }

    /// Takes changes in. Of several of one key the last counts.
    pub(crate) fn apply(&self, changes: Vec<ColumnChange>, through: i64) {
        let mut last: HashMap<KeyHash, ColumnChange> = HashMap::with_capacity(changes.len());
        for change in changes {
            let hash = match &change {
                ColumnChange::Put(document) => KeyHash::of(&document.key),
                ColumnChange::Remove(hash, _) => *hash,
            };
            last.insert(hash, change);
        }
        let mut state = self.state.lock();
        let before = self.snapshot();
        let mut dead: Vec<RoaringBitmap> = vec![RoaringBitmap::new(); before.views.len()];
        let mut put = Vec::with_capacity(last.len());
        for (hash, change) in last {
            let key = match &change {
                ColumnChange::Put(document) => &document.key,
                ColumnChange::Remove(_, key) => key,
            };
            if let Some(At { view, entry }) = before.find(hash, key.into())
                && let Some(dead) = dead.get_mut(view as usize)
            {
                dead.insert(entry);
            }
            if let ColumnChange::Put(document) = change {
                put.push(state.prepare(*document, hash));
            }
        }
        let mut views: Vec<View> = before
            .views
            .iter()
            .zip(dead)
            .map(|(view, dead)| killed(view, dead))
            .collect();
        views.retain(|view| view.living() > 0 || state.is_merging(view));
        if !put.is_empty() {
            let segment = Arc::new(build::from_documents(state.next_segment(), &mut put));
            views.push(View::new(segment, Arc::default()));
            state.gather_tail(&mut views, &self.health);
        }
        let text = Arc::clone(&before.text);
        let arrival = before.arrival.max(through);
        self.publish(Snapshot {
            views,
            text,
            answers: Answers::default(),
            arrival,
            text_arrival: before.text_arrival,
        });
    }

    /// Takes one document into the segment of an index that is being loaded.
    pub(crate) fn load(&self, builder: &mut Builder, document: Document) {
        let hash = KeyHash::of(&document.key);
        let prepared = self.state.lock().prepare(document, hash);
        builder.document(&prepared);
    }

    /// Adds what was loaded: entries that no segment holds yet.
    pub(crate) fn loaded(&self, builder: Builder, through: i64) {
        let id = self.state.lock().next_segment();
        // Sorting a million names takes its time: nobody is kept waiting for it.
        let segment = (builder.len() > 0).then(|| builder.finish_sorted(id));
        let _state = self.state.lock();
        let before = self.snapshot();
        let mut views = before.views.clone();
        views.extend(segment.map(|segment| View::new(Arc::new(segment), Arc::default())));
        self.publish(Snapshot {
            views,
            text: Arc::clone(&before.text),
            arrival: before.arrival.max(through),
            text_arrival: before.text_arrival,
            answers: Answers::default(),
        });
    }

    pub(crate) fn publish_text(&self, text: TextView, text_arrival: i64) {
        let _state = self.state.lock();
        let before = self.snapshot();
        self.publish(Snapshot {
            views: before.views.clone(),
            text: Arc::new(text),
            answers: Answers::default(),
            arrival: before.arrival,
            text_arrival,
        });
    }

    /// Forgets all entries; numbers of changes start anew.
    pub(crate) fn clear(&self) {
        let _state = self.state.lock();
        let before = self.snapshot();
        self.publish(Snapshot {
            views: Vec::new(),
            text: Arc::clone(&before.text),
            answers: Answers::default(),
            arrival: i64::MIN,
            text_arrival: i64::MIN,
        });
    }

    /// Segments that should be merged now, or all of them. They belong to the caller until [`Shared::merged`].
    pub(crate) fn merge_task(&self, all: bool) -> Option<MergeTask> {
        let mut state = self.state.lock();
        let snapshot = self.snapshot();
        let free: Vec<&View> = snapshot
            .views
            .iter()
            .filter(|view| !state.is_merging(view))
            .collect();
        let chosen = if all { everything(free) } else { due(free) };
        if chosen.is_empty() {
            return None;
        }
        let sources: Vec<_> = chosen
            .iter()
            .map(|view| (Arc::clone(&view.segment), Arc::clone(&view.dead)))
            .collect();
        state
            .merging
            .extend(sources.iter().map(|(segment, _)| (segment.id, None)));
        Some(MergeTask {
            id: state.next_segment(),
            sources,
        })
    }

    /// The segments of a task could not be merged: they stay as they are, and it is tried again later.
    pub(crate) fn not_merged(&self, task: &MergeTask) {
        self.state.lock().try_later(&task.sources);
    }

    /// Puts a merged segment in the place of its sources. What died in these meanwhile is dead in it too.
    pub(crate) fn merged(&self, task: &MergeTask, segment: Segment) {
        let mut state = self.state.lock();
        let before = self.snapshot();
        let mut dead = RoaringBitmap::new();
        let mut at = before.views.len();
        let mut views = Vec::with_capacity(before.views.len());
        for view in &before.views {
            let source = task
                .sources
                .iter()
                .find(|(source, _)| source.id == view.segment.id);
            let Some((source, dead_then)) = source else {
                views.push(view.clone());
                continue;
            };
            at = at.min(views.len());
            for entry in &*view.dead - &**dead_then {
                dead.extend(segment.find(source.hash(entry), source.key(entry)));
            }
        }
        state
            .merging
            .retain(|id, _| task.sources.iter().all(|(source, _)| source.id != *id));
        // A clear in between took the sources away: then there is nothing to put in their place.
        let still_wanted = before.views.len() > views.len();
        if still_wanted && segment.len as u64 > dead.len() {
            views.insert(
                at.min(views.len()),
                View::new(Arc::new(segment), Arc::new(dead)),
            );
        }
        self.publish(Snapshot {
            views,
            text: Arc::clone(&before.text),
            answers: Answers::default(),
            arrival: before.arrival,
            text_arrival: before.text_arrival,
        });
    }
}

fn killed(view: &View, dead: RoaringBitmap) -> View {
    if dead.is_empty() {
        return view.clone();
    }
    View::new(Arc::clone(&view.segment), Arc::new(dead | &*view.dead))
}

fn everything(free: Vec<&View>) -> Vec<&View> {
    let is_done = match free.as_slice() {
        [] => true,
        [only] => only.dead.is_empty(),
        _ => false,
    };
    if is_done { Vec::new() } else { free }
}

/// Segments of similar size, where there are enough of them; else one with many dead entries.
fn due(mut free: Vec<&View>) -> Vec<&View> {
    free.sort_by_key(|view| view.living());
    let run = similar(free.iter().map(|view| view.living()));
    if run >= limits::MERGE_AT {
        free.truncate(run);
        return free;
    }
    let worn =
        |view: &&View| view.dead.len() * 100 > u64::from(view.segment.len) * limits::DEAD_PERCENT;
    free.into_iter()
        .find(|view| view.segment.len as usize > limits::TAIL_ENTRIES && worn(view))
        .into_iter()
        .collect()
}

/// How many of the smallest segments are of similar size and together not too large, by how many entries live in each,
/// smallest first.
fn similar(living: impl Iterator<Item = u64>) -> usize {
    let mut sum = 0;
    let mut run = 0;
    for living in living {
        let is_larger = living > u64::max(sum, limits::TAIL_ENTRIES as u64);
        if run > 0 && (is_larger || sum + living > limits::MERGE_MOST) {
            break;
        }
        sum += living;
        run += 1;
    }
    run
}

impl State {
    fn next_segment(&mut self) -> u64 {
        self.last_segment += 1;
        self.last_segment
    }

    fn prepare(&mut self, document: Document, hash: KeyHash) -> Prepared {
        let organisation = document
            .organisation
            .as_ref()
            .map_or(NO_ORGANISATION, |uri| {
                let next = self.organisations.len() as u32;
                *self.organisations.entry(Arc::clone(uri)).or_insert(next)
            });
        Prepared {
            hash,
            sort_name: fold::sort_name(&document.name),
            organisation,
            document,
        }
    }

    /// Makes one segment of the newest ones while they are small, so that single changes do not pile up.
    fn gather_tail(&mut self, views: &mut Vec<View>, health: &Health) {
        let mut entries = 0;
        let mut from = views.len();
        for view in views.iter().rev() {
            entries += view.living();
            if entries > limits::TAIL_ENTRIES as u64 || self.is_merging(view) {
                break;
            }
            from -= 1;
        }
        if views.len() - from < 2 {
            return;
        }
        let sources: Vec<_> = views
            .get(from..)
            .unwrap_or_default()
            .iter()
            .map(|view| (Arc::clone(&view.segment), Arc::clone(&view.dead)))
            .collect();
        let id = self.next_segment();
        match caught(|| build::merged(id, &sources)) {
            Ok(merged) => {
                views.truncate(from);
                views.push(View::new(Arc::new(merged), Arc::default()));
            }
            // They stay as they are for a while: a change must not be lost over it.
            Err(panicked) => {
                health.background_failed("search-merge", panicked);
                self.try_later(&sources);
            }
        }
    }

    fn try_later(&mut self, sources: &[(Arc<Segment>, Arc<RoaringBitmap>)]) {
        let then = Instant::now() + limits::MERGE_AGAIN;
        self.merging
            .extend(sources.iter().map(|(segment, _)| (segment.id, Some(then))));
    }

    fn is_merging(&self, view: &View) -> bool {
        match self.merging.get(&view.segment.id) {
            Some(Some(then)) => Instant::now() < *then,
            known => known.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::{State, similar};
    use crate::build::Builder;
    use crate::limits::MERGE_MOST;
    use crate::select::View;

    #[test]
    fn what_could_not_be_merged_is_left_for_a_while_and_then_tried_again() {
        let segment = Arc::new(Builder::with_capacity(0).finish_sorted(7));
        let view = View::new(Arc::clone(&segment), Arc::default());
        let mut state = State::default();
        assert!(!state.is_merging(&view));
        state.try_later(&[(segment, Arc::default())]);
        assert!(state.is_merging(&view));
        // The pause is over.
        state.merging.insert(7, Some(Instant::now()));
        assert!(!state.is_merging(&view));
        state.merging.insert(7, None);
        assert!(state.is_merging(&view));
    }

    fn run(living: &[u64]) -> usize {
        similar(living.iter().copied())
    }

    #[test]
    fn segments_of_similar_size_are_merged_and_much_larger_ones_are_left() {
        assert_eq!(run(&[]), 0);
        assert_eq!(run(&[500, 500, 500, 500]), 4);
        assert_eq!(run(&[1, 1, 1, 60, 64, 90_000]), 5);
    }

    #[test]
    fn nothing_is_merged_into_a_segment_that_is_too_large() {
        let quarter = MERGE_MOST / 4;
        assert_eq!(run(&[quarter; 9]), 4);
        assert_eq!(run(&[quarter + 1; 9]), 3);
        assert_eq!(run(&[MERGE_MOST * 2; 9]), 1);
    }
}
