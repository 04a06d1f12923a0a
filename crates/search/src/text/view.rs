//! The text index at one moment, with the way from its documents to the columns.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tantivy::columnar::Column;
use tantivy::fastfield::AliveBitSet;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentId;
use tantivy::{InvertedIndexReader, Searcher};

use super::store::Fields;
use crate::document::{KeyHash, Level};
use crate::limits;
use crate::segment::Segment;
use crate::select::View;

/// Stands for "not in this segment".
pub(crate) const ELSEWHERE: u32 = u32::MAX;

/// The text index at one moment.
pub(crate) struct TextView {
    pub(crate) segments: Vec<TextSegment>,
    pub(crate) fields: Option<Fields>,
    /// Whether it holds all texts; else nothing is answered from it.
    pub(crate) is_whole: bool,
    /// Set by a search in it that failed.
    has_failed: Arc<AtomicBool>,
}

/// One segment of the text index.
pub(crate) struct TextSegment {
    id: SegmentId,
    pub(crate) len: u32,
    pub(crate) alive: Option<AliveBitSet>,
    pub(crate) levels: [TextField; 3],
    keys: Column<u64>,
    /// For large column segments, by id: text document to entry.
    joins: HashMap<u64, Arc<Vec<u32>>>,
}

/// One field of a segment.
pub(crate) struct TextField {
    pub(crate) terms: Arc<InvertedIndexReader>,
    pub(crate) norms: Option<FieldNormReader>,
}

impl fmt::Debug for TextView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextView")
            .field("segments", &self.segments.len())
            .finish_non_exhaustive()
    }
}

impl TextView {
    /// No text at all, because there is none.
    pub(crate) fn empty() -> Self {
        Self {
            segments: Vec::new(),
            fields: None,
            is_whole: true,
            has_failed: Arc::default(),
        }
    }

    /// No text at all, because it is not there at the moment.
    pub(crate) fn away() -> Self {
        Self {
            is_whole: false,
            ..Self::empty()
        }
    }

    /// Notes that a search in it has failed: whether it is the first that its writer does not know of.
    pub(crate) fn fail(&self) -> bool {
        !self.has_failed.swap(true, Ordering::Relaxed)
    }

    /// Whether a search in it has failed since this was last asked.
    pub(crate) fn take_failed(&self) -> bool {
        self.has_failed.swap(false, Ordering::Relaxed)
    }

    /// What `searcher` sees, joined to the columns of `views`. Takes over the joins of `before` that still hold.
    pub(crate) fn new(
        searcher: &Searcher,
        fields: Fields,
        views: &[View],
        before: &Self,
    ) -> tantivy::Result<Self> {
        let segments = searcher.segment_readers().iter().map(|reader| {
            let field = |level: Level| -> tantivy::Result<TextField> {
                let field = fields.level(level);
                Ok(TextField {
                    terms: reader.inverted_index(field)?,
                    norms: reader.fieldnorms_readers().get_field(field)?,
                })
            };
            let mut segment = TextSegment {
                id: reader.segment_id(),
                len: reader.max_doc(),
                alive: reader.alive_bitset().cloned(),
                levels: [
                    field(Level::Public)?,
                    field(Level::Network)?,
                    field(Level::Owner)?,
                ],
                keys: reader.fast_fields().u64("key")?,
                joins: HashMap::new(),
            };
            let known = before.segments.iter().find(|old| old.id == segment.id);
            segment.join(views, known);
            Ok(segment)
        });
        Ok(Self {
            segments: segments.collect::<tantivy::Result<_>>()?,
            fields: Some(fields),
            is_whole: true,
            has_failed: Arc::clone(&before.has_failed),
        })
    }

    /// Whether every large text segment knows its way to every large column segment.
    pub(crate) fn is_joined_to(&self, views: &[View]) -> bool {
        self.segments.iter().all(|segment| {
            large(segment, views).all(|view| segment.joins.contains_key(&view.segment.id))
        })
    }

    /// Whether it shows the very segments, with the very deletions, that `searcher` sees.
    pub(crate) fn shows(&self, searcher: &Searcher) -> bool {
        let readers = searcher.segment_readers();
        readers.len() == self.segments.len()
            && readers.iter().all(|reader| {
                self.segments
                    .iter()
                    .any(|segment| segment.id == reader.segment_id())
            })
    }

    /// Living documents.
    pub(crate) fn len(&self) -> u64 {
        self.segments
            .iter()
            .map(|s| {
                s.alive
                    .as_ref()
                    .map_or(u64::from(s.len), |alive| alive.num_alive_docs() as u64)
            })
            .sum()
    }
}

/// The keys of all living documents.
pub(crate) fn keys(searcher: &Searcher) -> tantivy::Result<Vec<KeyHash>> {
    let mut keys = Vec::new();
    for reader in searcher.segment_readers() {
        let column = reader.fast_fields().u64("key")?;
        keys.extend(
            reader
                .doc_ids_alive()
                .filter_map(|doc| column.first(doc).map(KeyHash)),
        );
    }
    Ok(keys)
}

fn large<'a>(segment: &TextSegment, views: &'a [View]) -> impl Iterator<Item = &'a View> {
    let worth_it = segment.len as usize >= limits::JOIN_ENTRIES;
    views
        .iter()
        .filter(move |view| worth_it && view.segment.len as usize >= limits::JOIN_ENTRIES)
}

impl TextSegment {
    fn join(&mut self, views: &[View], known: Option<&Self>) {
        let joins = large(self, views).map(|view| {
            let id = view.segment.id;
            let join = known.and_then(|known| known.joins.get(&id)).map(Arc::clone);
            (
                id,
                join.unwrap_or_else(|| Arc::new(self.way_to(&view.segment))),
            )
        });
        self.joins = joins.collect();
    }

    fn way_to(&self, segment: &Segment) -> Vec<u32> {
        (0..self.len)
            .map(|doc| {
                self.key(doc)
                    .and_then(|hash| segment.find_hash(hash))
                    .unwrap_or(ELSEWHERE)
            })
            .collect()
    }

    pub(crate) fn key(&self, doc: u32) -> Option<KeyHash> {
        self.keys.first(doc).map(KeyHash)
    }

    pub(crate) fn join_to(&self, segment: &Segment) -> Option<&[u32]> {
        self.joins.get(&segment.id).map(|join| join.as_slice())
    }
}
