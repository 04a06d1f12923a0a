//! Building segments: from documents, and from other segments when they are merged.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use roaring::RoaringBitmap;
use uuid::Uuid;

use crate::column::{Column, ColumnBuilder};
use crate::document::{Document, KeyHash, Level};
use crate::facet::{COUNT, Facet};
use crate::geo::{Points, Spot};
use crate::json::{BlocksBuilder, Place};
use crate::limits;
use crate::segment::{ALWAYS, KeyTable, NEVER, NameKey, Segment, Strings};

/// A document that is ready to be put into a segment.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) document: Document,
    pub(crate) hash: KeyHash,
    pub(crate) sort_name: Vec<u8>,
    /// Number of the organisation that stands for it.
    pub(crate) organisation: u32,
}

impl Prepared {
    pub(crate) fn name_key(&self) -> NameKey<'_> {
        NameKey {
            name: &self.sort_name,
            key: (&self.document.key).into(),
        }
    }
}

/// A segment from documents in any order, each key once.
pub(crate) fn from_documents(id: u64, documents: &mut [Prepared]) -> Segment {
    documents.sort_unstable_by(|a, b| a.name_key().cmp(&b.name_key()));
    let mut builder = Builder::with_capacity(documents.len());
    for prepared in documents {
        builder.document(prepared);
    }
    builder.finish(id)
}

/// One segment from the living entries of several.
pub(crate) fn merged(id: u64, sources: &[(Arc<Segment>, Arc<RoaringBitmap>)]) -> Segment {
    let living: u64 = sources
        .iter()
        .map(|(segment, dead)| u64::from(segment.len) - dead.len())
        .sum();
    let mut builder = Builder::with_capacity(living as usize);
    let mut moves: Vec<Moves> = sources
        .iter()
        .map(|(segment, dead)| Moves::plan(segment, dead, &mut builder))
        .collect();
    let next_living = |segment: &Segment, dead: &RoaringBitmap, from: u32| {
        (from..segment.len).find(|entry| !dead.contains(*entry))
    };
    let mut heads = BinaryHeap::with_capacity(sources.len());
    for (i, (segment, dead)) in sources.iter().enumerate() {
        if let Some(entry) = next_living(segment, dead, 0) {
            heads.push(Reverse((segment.name_key(entry), i, entry)));
        }
    }
    while let Some(Reverse((_, i, entry))) = heads.pop() {
        let (Some((segment, dead)), Some(moves)) = (sources.get(i), moves.get_mut(i)) else {
            continue;
        };
        builder.existing(segment, entry, moves);
        if let Some(next) = next_living(segment, dead, entry + 1) {
            heads.push(Reverse((segment.name_key(next), i, next)));
        }
    }
    for ((segment, _), moves) in sources.iter().zip(&moves) {
        builder.spots(segment, moves);
    }
    builder.finish(id)
}

/// Where the values and blocks of a source have their place in the segment that it is merged into.
struct Moves {
    /// Per facet, the source's value numbers to the new ones.
    values: Vec<Vec<u32>>,
    /// The source's blocks to the new ones; none where their texts are copied.
    blocks: Vec<Option<u32>>,
    /// The source's entries to the new ones.
    entries: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl Moves {
    /// A block that is mostly alive and large is shared; small and mostly dead ones are copied together.
    fn plan(segment: &Segment, dead: &RoaringBitmap, builder: &mut Builder) -> Self {
        let mut alive = vec![0_usize; segment.blocks.0.len()];
        for entry in (0..segment.len).filter(|entry| !dead.contains(*entry)) {
            let widest = segment.places.get(entry as usize).copied();
            let wider = segment
                .wider
                .get(&entry)
                .into_iter()
                .flatten()
                .map(|(_, place)| *place);
            for place in widest.into_iter().chain(wider) {
                if let Some(bytes) = alive.get_mut(place.block as usize) {
                    *bytes += place.len();
                }
            }
        }
        let blocks = segment.blocks.0.iter().zip(&alive).map(|(block, alive)| {
            let keep = *alive * 2 >= block.len() && block.len() * 4 >= limits::JSON_BLOCK * 3;
            keep.then(|| builder.json.share(block.clone()))
        });
        Self {
            blocks: blocks.collect(),
            values: segment
                .columns
                .iter()
                .map(|column| vec![UNKNOWN; column.terms.len()])
                .collect(),
            entries: vec![UNKNOWN; segment.len as usize],
        }
    }
}

/// Gathers entries, one after the other.
#[derive(Debug)]
pub(crate) struct Builder {
    ids: Vec<Uuid>,
    hashes: Vec<KeyHash>,
    names: Strings,
    arrivals: Vec<i64>,
    versions: Vec<u64>,
    content_hashes: Vec<u64>,
    modified: Vec<i64>,
    verified: Vec<i32>,
    available: Vec<(i32, i32)>,
    levels: Vec<u8>,
    columns: Vec<ColumnBuilder>,
    organisations: Vec<u32>,
    spots: Vec<Spot>,
    places: Vec<Place>,
    wider: HashMap<u32, Vec<(Level, Place)>>,
    json: BlocksBuilder,
}

impl Builder {
    pub(crate) fn with_capacity(n: usize) -> Self {
        Self {
            ids: Vec::with_capacity(n),
            hashes: Vec::with_capacity(n),
            names: Strings::default(),
            arrivals: Vec::with_capacity(n),
            versions: Vec::with_capacity(n),
            content_hashes: Vec::with_capacity(n),
            modified: Vec::with_capacity(n),
            verified: Vec::with_capacity(n),
            available: Vec::with_capacity(n),
            levels: Vec::with_capacity(n),
            columns: (0..COUNT)
                .map(|_| ColumnBuilder::with_capacity(n))
                .collect(),
            organisations: Vec::with_capacity(n),
            spots: Vec::new(),
            places: Vec::with_capacity(n),
            wider: HashMap::new(),
            json: BlocksBuilder::default(),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.ids.len() as u32
    }

    /// Takes a document in as the next entry.
    pub(crate) fn document(&mut self, prepared: &Prepared) {
        let document = &prepared.document;
        let entry = self.len();
        for (facet, value) in &document.facets {
            if let Some(column) = self.columns.get_mut(facet.index()) {
                let ordinal = column.intern(value);
                column.add(ordinal);
            }
        }
        self.columns.iter_mut().for_each(ColumnBuilder::end);
        for (lat, lon) in &document.points {
            self.spots.push(Spot::new(*lat, *lon, entry));
        }
        let place = self.json.add(&document.form.json);
        self.places.push(place);
        if !document.wider.is_empty() {
            let places = document
                .wider
                .iter()
                .map(|(level, form)| (*level, self.json.add(&form.json)))
                .collect();
            self.wider.insert(entry, places);
        }
        self.hashes.push(prepared.hash);
        self.names.push(&prepared.sort_name);
        self.arrivals.push(document.arrival);
        self.versions.push(document.version);
        self.content_hashes.push(document.content_hash);
        self.modified.push(document.modified);
        self.verified.push(document.verified.unwrap_or(NEVER));
        self.available.push((
            document.available_from.unwrap_or(NEVER),
            document.available_until.unwrap_or(ALWAYS),
        ));
        self.levels.push(document.level() as u8);
        self.organisations.push(prepared.organisation);
        self.ids.push(document.key.id.0);
    }

    fn existing(&mut self, segment: &Segment, old: u32, moves: &mut Moves) {
        let entry = self.len();
        let Some(&place) = segment.places.get(old as usize) else {
            return;
        };
        if let Some(slot) = moves.entries.get_mut(old as usize) {
            *slot = entry;
        }
        for ((source, target), values) in segment
            .columns
            .iter()
            .zip(&mut self.columns)
            .zip(&mut moves.values)
        {
            copy_values(source, target, values, old);
        }
        let widest = self.move_json(segment, place, moves);
        self.places.push(widest);
        if let Some(forms) = segment.wider.get(&old) {
            let forms = forms
                .iter()
                .map(|(level, place)| (*level, self.move_json(segment, *place, moves)))
                .collect();
            self.wider.insert(entry, forms);
        }
        self.hashes.push(segment.hash(old));
        self.names.push(segment.names.get(old));
        self.arrivals
            .push(segment.arrivals.get(old as usize).copied().unwrap_or(0));
        self.versions
            .push(segment.versions.get(old as usize).copied().unwrap_or(0));
        self.content_hashes.push(
            segment
                .content_hashes
                .get(old as usize)
                .copied()
                .unwrap_or(0),
        );
        self.modified.push(segment.modified(old));
        self.verified.push(segment.verified(old));
        self.available.push(segment.available(old));
        self.levels.push(segment.level(old) as u8);
        self.organisations.push(segment.organisation(old));
        self.ids.push(segment.id(old));
    }

    /// Takes over the points of a source's living entries, once these have their new numbers.
    fn spots(&mut self, segment: &Segment, moves: &Moves) {
        for spot in segment.points.iter() {
            match moves.entries.get(spot.entry as usize) {
                None | Some(&UNKNOWN) => {}
                Some(&entry) => self.spots.push(spot.of(entry)),
            }
        }
    }

    fn move_json(&mut self, segment: &Segment, place: Place, moves: &Moves) -> Place {
        match moves.blocks.get(place.block as usize) {
            Some(Some(block)) => BlocksBuilder::moved(place, *block),
            _ => self.json.add(segment.blocks.bytes(place)),
        }
    }

    /// One segment of all that were taken in, in whatever order they came.
    pub(crate) fn finish_sorted(self, id: u64) -> Segment {
        let order = self.name_order();
        let mut places = vec![UNKNOWN; order.len()];
        for (new, old) in order.iter().enumerate() {
            if let Some(place) = places.get_mut(*old as usize) {
                *place = new as u32;
            }
        }
        let now_at = |old: u32| places.get(old as usize).copied().unwrap_or(UNKNOWN);
        let sorted = Self {
            ids: in_order(&self.ids, &order),
            hashes: in_order(&self.hashes, &order),
            names: self.names.in_order(&order),
            arrivals: in_order(&self.arrivals, &order),
            versions: in_order(&self.versions, &order),
            content_hashes: in_order(&self.content_hashes, &order),
            modified: in_order(&self.modified, &order),
            verified: in_order(&self.verified, &order),
            available: in_order(&self.available, &order),
            levels: in_order(&self.levels, &order),
            columns: self
                .columns
                .into_iter()
                .map(|column| column.in_order(&order))
                .collect(),
            organisations: in_order(&self.organisations, &order),
            spots: self
                .spots
                .into_iter()
                .map(|spot| spot.of(now_at(spot.entry)))
                .collect(),
            places: in_order(&self.places, &order),
            wider: self
                .wider
                .into_iter()
                .map(|(entry, forms)| (now_at(entry), forms))
                .collect(),
            json: self.json,
        };
        sorted.finish(id)
    }

    /// The entries by name, then by key.
    fn name_order(&self) -> Vec<u32> {
        let origins = self.columns.get(Facet::Origin.index());
        let key = |entry: u32| {
            let origin = origins.and_then(|column| column.first_of(entry));
            (
                self.names.get(entry),
                origin.map(|origin| &**origin),
                self.ids.get(entry as usize),
            )
        };
        // Most names differ in their first letters: these stand beside the number, where comparing costs no look-up.
        let mut order: Vec<(u64, u32)> = (0..self.len())
            .map(|entry| (first_letters(self.names.get(entry)), entry))
            .collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(&key(b.1))));
        order.into_iter().map(|(_, entry)| entry).collect()
    }

    fn finish(mut self, id: u64) -> Segment {
        let len = self.len();
        let columns: Vec<Column> = self
            .columns
            .into_iter()
            .map(ColumnBuilder::finish)
            .collect();
        let columns: [Column; COUNT] = match columns.try_into() {
            Ok(columns) => columns,
            // One builder was made for each facet; the type cannot say so.
            Err(_) => std::array::from_fn(|_| ColumnBuilder::with_capacity(0).finish()),
        };
        let mut by_level = [
            RoaringBitmap::new(),
            RoaringBitmap::new(),
            RoaringBitmap::new(),
        ];
        for (entry, level) in self.levels.iter().enumerate() {
            if let Some(bitmap) = by_level.get_mut(usize::from(*level)) {
                let _ = bitmap.try_push(entry as u32);
            }
        }
        self.names.shrink();
        let mut segment = Segment {
            id,
            len,
            table: KeyTable::new(&self.hashes),
            ids: self.ids,
            hashes: self.hashes,
            names: self.names,
            arrivals: self.arrivals,
            versions: self.versions,
            content_hashes: self.content_hashes,
            modified: self.modified,
            verified: self.verified,
            available: self.available,
            by_modified: Vec::new(),
            by_verified: Vec::new(),
            levels: self.levels,
            by_level,
            columns,
            organisations: self.organisations,
            points: Points::default(),
            places: self.places,
            wider: self.wider,
            blocks: self.json.finish(),
        };
        self.spots.sort_unstable_by_key(|spot| spot.entry);
        segment.points = Points::new(self.spots);
        segment.by_modified = ordered(&segment, |entry| segment.modified(entry));
        segment.by_verified = ordered(&segment, |entry| segment.verified(entry));
        segment
    }
}

/// The same values, with no room for more. Copied, not shrunk: the allocator leaves what is shrunk where it is, with up to
/// half of it empty.
pub(crate) fn fitted<T: Copy>(values: Vec<T>) -> Vec<T> {
    if values.len() == values.capacity() {
        values
    } else {
        values.as_slice().to_vec()
    }
}

/// The first eight bytes of a name, so that numbers compare as names do.
fn first_letters(name: &[u8]) -> u64 {
    name.iter()
        .chain(std::iter::repeat(&0))
        .take(8)
        .fold(0, |letters, byte| letters << 8 | u64::from(*byte))
}

fn in_order<T: Copy>(values: &[T], order: &[u32]) -> Vec<T> {
    let pick = |entry: &u32| values.get(*entry as usize).copied();
    order.iter().filter_map(pick).collect()
}

fn copy_values(source: &Column, target: &mut ColumnBuilder, moves: &mut [u32], old: u32) {
    source.each(old, |value| {
        let Some(slot) = moves.get_mut(value as usize) else {
            return;
        };
        if *slot == UNKNOWN
            && let Some(term) = source.terms.get(value as usize)
        {
            *slot = target.intern_shared(term);
        }
        target.add(*slot);
    });
    target.end();
}

/// All entries by a column, then by key.
fn ordered<K: Ord + Copy>(segment: &Segment, by: impl Fn(u32) -> K) -> Vec<u32> {
    let mut entries: Vec<(K, u32)> = (0..segment.len).map(|entry| (by(entry), entry)).collect();
    entries.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0)
            .then_with(|| segment.key(a.1).cmp(&segment.key(b.1)))
    });
    entries.into_iter().map(|(_, entry)| entry).collect()
}
