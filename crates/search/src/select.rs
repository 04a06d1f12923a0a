//! Which entries of a segment answer a query: as a set for lists and counts, and as a test for single entries.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use roaring::{MultiOps, RoaringBitmap};

use crate::column::{Column, Forward, MORE};
use crate::document::Level;
use crate::segment::Segment;
use crate::{Facet, Query, Viewer};

/// A segment as one snapshot sees it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) segment: Arc<Segment>,
    /// Entries that were replaced or removed since the segment was built.
    pub(crate) dead: Arc<RoaringBitmap>,
    /// Living entries that everybody may see.
    public: Arc<RoaringBitmap>,
    all_public: bool,
}

impl View {
    pub(crate) fn new(segment: Arc<Segment>, dead: Arc<RoaringBitmap>) -> Self {
        let [public, ..] = &segment.by_level;
        let public = if dead.is_empty() {
            public.clone()
        } else {
            public - &*dead
        };
        let all_public = public.len() == u64::from(segment.len);
        Self {
            segment,
            dead,
            public: Arc::new(public),
            all_public,
        }
    }

    pub(crate) fn living(&self) -> u64 {
        u64::from(self.segment.len) - self.dead.len()
    }

    pub(crate) fn is_alive(&self, entry: u32) -> bool {
        self.dead.is_empty() || !self.dead.contains(entry)
    }

    /// The form of an entry that the viewer sees, or none where it may not know of it.
    pub(crate) fn seen(&self, entry: u32, viewer: &Viewer) -> Option<Level> {
        let level = match viewer {
            Viewer::Public => Level::Public,
            _ => viewer.level(self.segment.value(Facet::Owner, entry)),
        };
        (self.segment.level(entry) <= level).then_some(level)
    }

    /// What the viewer may see; all where nothing is hidden from it.
    fn visible(&self, viewer: &Viewer) -> Selection<'_> {
        let [public, network, _] = &self.segment.by_level;
        match viewer {
            Viewer::Public if self.all_public => Selection::All(self.segment.len),
            Viewer::Public => Selection::Set(Cow::Borrowed(&self.public)),
            Viewer::Coordinator if self.dead.is_empty() => Selection::All(self.segment.len),
            Viewer::Coordinator => {
                let mut all = RoaringBitmap::new();
                all.insert_range(0..self.segment.len);
                Selection::Set(Cow::Owned(all - &*self.dead))
            }
            Viewer::Network { organisation } => {
                let mut set = public | network;
                if let Some(own) = organisation {
                    let owners = self.segment.column(Facet::Owner);
                    if let Some(own) = owners.ordinal(own).and_then(|o| owners.bitmap(o)) {
                        set |= own;
                    }
                }
                set -= &*self.dead;
                Selection::Set(Cow::Owned(set))
            }
        }
    }

    /// The entries that meet all filters of the query, but those on the facet `except`. `within` holds, where the
    /// query has them, the entries that its words and its circle let in.
    pub(crate) fn select<'a>(
        &'a self,
        query: &Query,
        viewer: &Viewer,
        except: Option<Facet>,
        within: Option<&'a RoaringBitmap>,
    ) -> Selection<'a> {
        let mut parts: Vec<Cow<'a, RoaringBitmap>> =
            within.map(Cow::Borrowed).into_iter().collect();
        for (facet, values) in &query.filters {
            if Some(*facet) == except {
                continue;
            }
            match self.with_any(*facet, values) {
                Some(part) => parts.push(part),
                None => return Selection::none(),
            }
        }
        self.other_filters(query, &mut parts);
        match self.visible(viewer) {
            Selection::All(len) if parts.is_empty() => return Selection::All(len),
            Selection::All(_) => {}
            Selection::Set(set) => parts.push(set),
        }
        Selection::Set(intersection(parts))
    }

    /// The entries with one of the values.
    fn with_any(&self, facet: Facet, values: &[Arc<str>]) -> Option<Cow<'_, RoaringBitmap>> {
        let column = self.segment.column(facet);
        let mut bitmaps = values
            .iter()
            .filter_map(|value| column.bitmap(column.ordinal(value)?));
        let first = bitmaps.next()?;
        let rest: Vec<&RoaringBitmap> = bitmaps.collect();
        if rest.is_empty() {
            return Some(Cow::Borrowed(first));
        }
        Some(Cow::Owned(rest.into_iter().chain([first]).union()))
    }

    fn other_filters(&self, query: &Query, parts: &mut Vec<Cow<'_, RoaringBitmap>>) {
        let segment = &self.segment;
        if let Some(since) = query.verified_since {
            let since = days(since);
            let from = segment
                .by_verified
                .partition_point(|entry| segment.verified(*entry) < since);
            let mut entries = segment.by_verified.get(from..).unwrap_or(&[]).to_vec();
            entries.sort_unstable();
            parts.push(Cow::Owned(entries.into_iter().collect()));
        }
        if let Some(on) = query.available_on {
            let on = days(on);
            let there = |entry: &u32| is_there(segment.available(*entry), on);
            parts.push(Cow::Owned((0..segment.len).filter(there).collect()));
        }
        if let Some(bbox) = &query.bbox {
            let mut set = RoaringBitmap::new();
            segment.points.each_in(bbox, |spot| {
                set.insert(spot.entry);
            });
            parts.push(Cow::Owned(set));
        }
    }
}

/// Days since 1970.
pub(crate) fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

fn is_there((from, until): (i32, i32), on: i32) -> bool {
    from <= on && on <= until
}

fn intersection(mut parts: Vec<Cow<'_, RoaringBitmap>>) -> Cow<'_, RoaringBitmap> {
    parts.sort_by_cached_key(|part| part.len());
    let mut parts = parts.into_iter();
    let Some(mut set) = parts.next() else {
        return Cow::Owned(RoaringBitmap::new());
    };
    for part in parts {
        set = match set {
            Cow::Borrowed(set) => Cow::Owned(set & &*part),
            Cow::Owned(set) => Cow::Owned(set & &*part),
        };
    }
    set
}

/// Some entries of a segment.
#[derive(Debug, Clone)]
pub(crate) enum Selection<'a> {
    /// All of so many.
    All(u32),
    /// These.
    Set(Cow<'a, RoaringBitmap>),
}

impl Selection<'_> {
    fn none() -> Self {
        Self::Set(Cow::Owned(RoaringBitmap::new()))
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::All(len) => u64::from(*len),
            Self::Set(set) => set.len(),
        }
    }

    pub(crate) fn contains(&self, entry: u32) -> bool {
        match self {
            Self::All(len) => entry < *len,
            Self::Set(set) => set.contains(entry),
        }
    }

    /// The first `most` entries from `from` on.
    pub(crate) fn from(&self, from: u32, most: usize) -> Vec<u32> {
        match self {
            Self::All(len) => (from..*len).take(most).collect(),
            Self::Set(set) => set.range(from..).take(most).collect(),
        }
    }

    /// The last `most` entries before `to`, backwards.
    pub(crate) fn before(&self, to: u32, most: usize) -> Vec<u32> {
        match self {
            Self::All(len) => (0..to.min(*len)).rev().take(most).collect(),
            Self::Set(set) => set.range(..to).rev().take(most).collect(),
        }
    }

    /// Calls `f` with each entry, in order.
    pub(crate) fn each(&self, mut f: impl FnMut(u32)) {
        match self {
            Self::All(len) => (0..*len).for_each(f),
            Self::Set(set) => {
                let mut buffer = [0; 256];
                let mut entries = set.iter();
                loop {
                    let some = entries.next_many(&mut buffer);
                    if some.is_empty() {
                        break;
                    }
                    some.iter().for_each(|entry| f(*entry));
                }
            }
        }
    }

    pub(crate) fn into_owned(self) -> Selection<'static> {
        match self {
            Self::All(len) => Selection::All(len),
            Self::Set(set) => Selection::Set(Cow::Owned(set.into_owned())),
        }
    }

    /// How many entries have the value of the bitmap.
    pub(crate) fn count_in(&self, bitmap: &RoaringBitmap) -> u64 {
        match self {
            Self::All(_) => bitmap.len(),
            Self::Set(set) => set.intersection_len(bitmap),
        }
    }
}

/// Some entries of a segment, one bit for each: what is asked of many entries in no order.
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// The entries that meet all filters, where there are few enough that gathering them costs less than testing
    /// entries one by one.
    pub(crate) fn of(view: &View, query: &Query, viewer: &Viewer) -> Option<Self> {
        if query.filters.is_empty() {
            return None;
        }
        let Selection::Set(set) = view.select(query, viewer, None, None) else {
            return None;
        };
        if set.len() * 8 > u64::from(view.segment.len) {
            return None;
        }
        let mut words = vec![0; (view.segment.len as usize).div_ceil(64)];
        for entry in &*set {
            if let Some(word) = words.get_mut(entry as usize / 64) {
                *word |= 1 << (entry % 64);
            }
        }
        Some(Self(words))
    }

    #[inline]
    fn has(&self, entry: u32) -> bool {
        let word = self.0.get(entry as usize / 64).copied().unwrap_or(0);
        word >> (entry % 64) & 1 == 1
    }
}

/// One condition on an entry, over the bytes of its column.
enum Test<'a> {
    Byte {
        column: &'a Column,
        first: &'a [u8],
        wanted: Box<[bool; 256]>,
    },
    /// A level no narrower than this one.
    Level(&'a [u8], u8),
    Mask8(&'a [u8], u8),
    Mask16(&'a [u16], u16),
    Mask32(&'a [u32], u32),
    Mask64(&'a [u64], u64),
    One(&'a [u32], Vec<u32>),
    Set(Cow<'a, RoaringBitmap>),
    Alive(&'a RoaringBitmap),
    Bits(Bits),
    Verified(&'a [i32], i32),
    Available(&'a [(i32, i32)], i32),
    Never,
}

impl Test<'_> {
    fn cost(&self) -> u8 {
        match self {
            Self::Never => 0,
            Self::Bits(_)
            | Self::Byte { .. }
            | Self::Mask8(..)
            | Self::Mask16(..)
            | Self::Mask32(..)
            | Self::Mask64(..) => 1,
            Self::Level(..) | Self::Verified(..) | Self::Available(..) => 2,
            Self::One(..) => 3,
            Self::Set(_) | Self::Alive(_) => 4,
        }
    }

    #[inline]
    fn passes(&self, entry: u32) -> bool {
        let i = entry as usize;
        match self {
            Self::Byte {
                column,
                first,
                wanted,
            } => {
                let is_wanted = |v: u8| wanted.get(usize::from(v)).copied().unwrap_or(false);
                match first.get(i) {
                    Some(&MORE) => {
                        let mut found = false;
                        column.each(entry, |v| found |= is_wanted(v as u8));
                        found
                    }
                    Some(&value) => is_wanted(value),
                    None => false,
                }
            }
            Self::Level(levels, widest) => levels.get(i).is_some_and(|level| level <= widest),
            Self::Mask8(masks, wanted) => masks.get(i).is_some_and(|m| m & wanted != 0),
            Self::Mask16(masks, wanted) => masks.get(i).is_some_and(|m| m & wanted != 0),
            Self::Mask32(masks, wanted) => masks.get(i).is_some_and(|m| m & wanted != 0),
            Self::Mask64(masks, wanted) => masks.get(i).is_some_and(|m| m & wanted != 0),
            Self::One(values, wanted) => values.get(i).is_some_and(|v| wanted.contains(v)),
            Self::Set(set) => set.contains(entry),
            Self::Alive(dead) => !dead.contains(entry),
            Self::Bits(bits) => bits.has(entry),
            Self::Verified(column, since) => column.get(i).is_some_and(|v| v >= since),
            Self::Available(column, on) => column.get(i).is_some_and(|span| is_there(*span, *on)),
            Self::Never => false,
        }
    }
}

/// All conditions of a query on entries of one segment, for when few of them are looked at.
pub(crate) struct Tests<'a>(Vec<Test<'a>>);

impl<'a> Tests<'a> {
    /// Does what [`View::select`] does, entry by entry.
    pub(crate) fn new(view: &'a View, query: &Query, viewer: &Viewer) -> Self {
        let segment = &*view.segment;
        let mut tests: Vec<Test<'a>> = Vec::new();
        for (facet, values) in &query.filters {
            tests.push(facet_test(view, *facet, values));
        }
        if let Some(since) = query.verified_since {
            tests.push(Test::Verified(&segment.verified, days(since)));
        }
        if let Some(on) = query.available_on {
            tests.push(Test::Available(&segment.available, days(on)));
        }
        if query.bbox.is_some() {
            let only = Query {
                bbox: query.bbox,
                ..Query::default()
            };
            let mut parts = Vec::new();
            view.other_filters(&only, &mut parts);
            tests.extend(parts.into_iter().map(Test::Set));
        }
        if !view.dead.is_empty() {
            tests.push(Test::Alive(&view.dead));
        }
        match viewer {
            Viewer::Coordinator => {}
            Viewer::Public if view.all_public => {}
            Viewer::Public => tests.push(Test::Level(&segment.levels, Level::Public as u8)),
            Viewer::Network { .. } => {
                if let Selection::Set(set) = view.visible(viewer) {
                    tests.push(Test::Set(set));
                }
            }
        }
        // What reads one byte first: it leaves little for the others.
        tests.sort_by_key(Test::cost);
        Self(tests)
    }

    /// The same for when many entries are looked at.
    pub(crate) fn for_many(view: &'a View, query: &Query, viewer: &Viewer) -> Self {
        match Bits::of(view, query, viewer) {
            Some(bits) => Self(vec![Test::Bits(bits)]),
            None => Self::new(view, query, viewer),
        }
    }

    #[inline]
    pub(crate) fn pass(&self, entry: u32) -> bool {
        self.0.iter().all(|test| test.passes(entry))
    }
}

fn facet_test<'a>(view: &'a View, facet: Facet, values: &[Arc<str>]) -> Test<'a> {
    let column = view.segment.column(facet);
    let wanted: Vec<u32> = values
        .iter()
        .filter_map(|value| column.ordinal(value))
        .collect();
    if wanted.is_empty() {
        return Test::Never;
    }
    let mask = wanted.iter().fold(0_u64, |mask, v| mask | 1 << (v & 63));
    match &column.forward {
        Forward::Byte { first, .. } => {
            let mut table = Box::new([false; 256]);
            for value in wanted {
                if let Some(slot) = table.get_mut(value as usize) {
                    *slot = true;
                }
            }
            Test::Byte {
                column,
                first,
                wanted: table,
            }
        }
        Forward::Mask8(masks) => Test::Mask8(masks, mask as u8),
        Forward::Mask16(masks) => Test::Mask16(masks, mask as u16),
        Forward::Mask32(masks) => Test::Mask32(masks, mask as u32),
        Forward::Mask64(masks) => Test::Mask64(masks, mask),
        Forward::One(values) => Test::One(values, wanted),
        _ => view.with_any(facet, values).map_or(Test::Never, Test::Set),
    }
}
