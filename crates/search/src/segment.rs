//! A segment: the columns of some entries, immutable once built, sorted by name.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::{EntryKey, Kind, Visibility};
use roaring::RoaringBitmap;
use uuid::Uuid;

use crate::build::fitted;
use crate::column::Column;
use crate::document::{KeyHash, Level};
use crate::facet::{COUNT, Facet};
use crate::geo::Points;
use crate::json::{Blocks, Place};

/// Stands for "never" where a date is missing: sorts before all dates.
pub(crate) const NEVER: i32 = i32::MIN;
/// Stands for "without end".
pub(crate) const ALWAYS: i32 = i32::MAX;
/// Stands for "no organisation".
pub(crate) const NO_ORGANISATION: u32 = u32::MAX;

/// What entries are sorted by: folded name, then key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameKey<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) key: PlainKey<'a>,
}

/// A key taken apart: compares like [`EntryKey`] without owning its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlainKey<'a> {
    pub(crate) origin: &'a str,
    pub(crate) id: Uuid,
}

impl<'a> From<&'a EntryKey> for PlainKey<'a> {
    fn from(key: &'a EntryKey) -> Self {
        Self {
            origin: key.origin.as_str(),
            id: key.id.0,
        }
    }
}

/// Strings one after the other.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Strings {
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends
            .push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    pub(crate) fn get(&self, i: u32) -> &[u8] {
        let i = i as usize;
        let start = i
            .checked_sub(1)
            .and_then(|p| self.ends.get(p))
            .map_or(0, |s| *s as usize);
        let end = self.ends.get(i).map_or(start, |e| *e as usize);
        self.bytes.get(start..end).unwrap_or(&[])
    }

    /// The same strings in another order.
    pub(crate) fn in_order(&self, order: &[u32]) -> Self {
        let mut strings = Self {
            ends: Vec::with_capacity(order.len()),
            bytes: Vec::with_capacity(self.bytes.len()),
        };
        order.iter().for_each(|i| strings.push(self.get(*i)));
        strings
    }

    /// Keeps no room for more.
    pub(crate) fn shrink(&mut self) {
        self.bytes = fitted(std::mem::take(&mut self.bytes));
        self.ends = fitted(std::mem::take(&mut self.ends));
    }
}

/// Key hashes to entries: open addressing, at most half full.
#[derive(Debug, Default)]
pub(crate) struct KeyTable {
    slots: Vec<u32>,
    shift: u32,
}

const FREE: u32 = u32::MAX;

impl KeyTable {
    pub(crate) fn new(hashes: &[KeyHash]) -> Self {
        let size = (hashes.len() * 2).next_power_of_two().max(2);
        let mut table = Self {
            slots: vec![FREE; size],
            shift: 64 - size.trailing_zeros(),
        };
        for (entry, hash) in hashes.iter().enumerate() {
            let mut at = table.start(*hash);
            while table.slots.get(at).is_some_and(|slot| *slot != FREE) {
                at = (at + 1) & (size - 1);
            }
            if let Some(slot) = table.slots.get_mut(at) {
                *slot = entry as u32;
            }
        }
        table
    }

    fn start(&self, hash: KeyHash) -> usize {
        (hash.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    /// The entries that may have this hash.
    fn candidates(&self, hash: KeyHash) -> impl Iterator<Item = u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = self.start(hash);
        std::iter::from_fn(move || {
            let entry = *self.slots.get(at)?;
            at = (at + 1) & mask;
            (entry != FREE).then_some(entry)
        })
    }
}

/// The columns of some entries.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Unique in the life of an index.
    pub(crate) id: u64,
    pub(crate) len: u32,
    pub(crate) ids: Vec<Uuid>,
    pub(crate) hashes: Vec<KeyHash>,
    pub(crate) table: KeyTable,
    pub(crate) names: Strings,
    pub(crate) arrivals: Vec<i64>,
    pub(crate) versions: Vec<u64>,
    pub(crate) content_hashes: Vec<u64>,
    pub(crate) modified: Vec<i64>,
    /// Days since 1970, or [`NEVER`].
    pub(crate) verified: Vec<i32>,
    /// First and last day on which it is there; [`NEVER`] and [`ALWAYS`] where open.
    pub(crate) available: Vec<(i32, i32)>,
    /// Entries from the least to the most recently modified, then by key.
    pub(crate) by_modified: Vec<u32>,
    /// Entries from never and least to most recently verified, then by key.
    pub(crate) by_verified: Vec<u32>,
    pub(crate) levels: Vec<u8>,
    pub(crate) by_level: [RoaringBitmap; 3],
    pub(crate) columns: [Column; COUNT],
    /// Number of the organisation that stands for an entry; numbers are the same in all segments of an index.
    pub(crate) organisations: Vec<u32>,
    pub(crate) points: Points,
    pub(crate) places: Vec<Place>,
    /// JSON for narrower audiences than the widest, where it differs.
    pub(crate) wider: HashMap<u32, Vec<(Level, Place)>>,
    pub(crate) blocks: Blocks,
}

impl Segment {
    pub(crate) fn column(&self, facet: Facet) -> &Column {
        // The array has one column for each facet, and a facet's index is below the count (tested there).
        let [first, ..] = &self.columns;
        self.columns.get(facet.index()).unwrap_or(first)
    }

    pub(crate) fn origin(&self, entry: u32) -> &Arc<str> {
        static NONE: std::sync::LazyLock<Arc<str>> = std::sync::LazyLock::new(|| Arc::from(""));
        let column = self.column(Facet::Origin);
        column
            .first(entry)
            .and_then(|o| column.terms.get(o as usize))
            .unwrap_or(&NONE)
    }

    pub(crate) fn id(&self, entry: u32) -> Uuid {
        self.ids.get(entry as usize).copied().unwrap_or_default()
    }

    pub(crate) fn key(&self, entry: u32) -> PlainKey<'_> {
        PlainKey {
            origin: self.origin(entry),
            id: self.id(entry),
        }
    }

    pub(crate) fn name_key(&self, entry: u32) -> NameKey<'_> {
        NameKey {
            name: self.names.get(entry),
            key: self.key(entry),
        }
    }

    pub(crate) fn hash(&self, entry: u32) -> KeyHash {
        self.hashes
            .get(entry as usize)
            .copied()
            .unwrap_or(KeyHash(0))
    }

    pub(crate) fn level(&self, entry: u32) -> Level {
        Level::from_index(self.levels.get(entry as usize).copied().unwrap_or(2))
    }

    pub(crate) fn visibility(&self, entry: u32) -> Visibility {
        self.level(entry).visibility()
    }

    pub(crate) fn modified(&self, entry: u32) -> i64 {
        self.modified.get(entry as usize).copied().unwrap_or(0)
    }

    pub(crate) fn verified(&self, entry: u32) -> i32 {
        self.verified.get(entry as usize).copied().unwrap_or(NEVER)
    }

    pub(crate) fn available(&self, entry: u32) -> (i32, i32) {
        self.available
            .get(entry as usize)
            .copied()
            .unwrap_or((NEVER, ALWAYS))
    }

    pub(crate) fn organisation(&self, entry: u32) -> u32 {
        self.organisations
            .get(entry as usize)
            .copied()
            .unwrap_or(NO_ORGANISATION)
    }

    /// The first value of a facet of an entry.
    pub(crate) fn value(&self, facet: Facet, entry: u32) -> Option<&Arc<str>> {
        let column = self.column(facet);
        column.terms.get(column.first(entry)? as usize)
    }

    pub(crate) fn kind(&self, entry: u32) -> Option<Kind> {
        self.value(Facet::Kind, entry)?.parse().ok()
    }

    /// The entry of a key, dead or alive.
    pub(crate) fn find(&self, hash: KeyHash, key: PlainKey<'_>) -> Option<u32> {
        self.table
            .candidates(hash)
            .find(|&entry| self.hash(entry) == hash && self.key(entry) == key)
    }

    /// The entry of a key hash, dead or alive.
    pub(crate) fn find_hash(&self, hash: KeyHash) -> Option<u32> {
        self.table
            .candidates(hash)
            .find(|&entry| self.hash(entry) == hash)
    }

    /// Where the JSON of an entry lies that somebody of `level` may see.
    pub(crate) fn place(&self, entry: u32, level: Level) -> Option<Place> {
        let widest = *self.places.get(entry as usize)?;
        if self.wider.is_empty() {
            return Some(widest);
        }
        let narrower = self.wider.get(&entry).and_then(|forms| {
            forms
                .iter()
                .filter(|(of, _)| *of <= level)
                .max_by_key(|(of, _)| *of)
                .map(|(_, place)| *place)
        });
        Some(narrower.unwrap_or(widest))
    }

    pub(crate) fn json(&self, entry: u32, level: Level) -> Bytes {
        self.place(entry, level)
            .map_or_else(Bytes::new, |place| self.blocks.get(place))
    }
}
