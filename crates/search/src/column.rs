//! One facet of one segment: its values, which entries have each, and which each entry has.

use std::sync::Arc;

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use crate::build::fitted;

/// Values that one byte can tell apart, besides "none" and "more than one".
const BYTE_VALUES: usize = 254;
const NONE: u8 = 255;
/// Stands for more than one value in [`Forward::Byte`].
pub(crate) const MORE: u8 = 254;

/// The values of one facet in one segment. Values are numbered within the segment, in no particular order.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) terms: Vec<Arc<str>>,
    lookup: HashMap<Arc<str>, u32>,
    pub(crate) bitmaps: Vec<RoaringBitmap>,
    pub(crate) forward: Forward,
}

/// Entry to values. Which shape it takes depends on how many values there are, so that filters and counts read as few
/// bytes as may be.
#[derive(Debug)]
pub(crate) enum Forward {
    /// No entry has a value.
    Empty,
    /// Mostly one of few values each.
    Byte {
        first: Vec<u8>,
        more: HashMap<u32, Box<[u32]>>,
    },
    /// Several of at most 8, 16, 32 or 64 values each: one bit for each value.
    Mask8(Vec<u8>),
    /// See [`Forward::Mask8`].
    Mask16(Vec<u16>),
    /// See [`Forward::Mask8`].
    Mask32(Vec<u32>),
    /// See [`Forward::Mask8`].
    Mask64(Vec<u64>),
    /// Exactly one of many values each.
    One(Vec<u32>),
    /// Several of many values each: values of entry `i` are `starts[i]..starts[i + 1]`.
    Lists16 { starts: Vec<u32>, values: Vec<u16> },
    /// See [`Forward::Lists16`].
    Lists { starts: Vec<u32>, values: Vec<u32> },
}

impl Column {
    /// The number of a value in this segment, if any entry has it.
    pub(crate) fn ordinal(&self, value: &str) -> Option<u32> {
        self.lookup.get(value).copied()
    }

    /// The entries that have the value.
    pub(crate) fn bitmap(&self, ordinal: u32) -> Option<&RoaringBitmap> {
        self.bitmaps.get(ordinal as usize)
    }

    /// Calls `f` with each value of an entry.
    #[inline]
    pub(crate) fn each(&self, entry: u32, mut f: impl FnMut(u32)) {
        let i = entry as usize;
        match &self.forward {
            Forward::Empty => {}
            Forward::Byte { first, more } => match first.get(i).copied().unwrap_or(NONE) {
                NONE => {}
                MORE => more.get(&entry).into_iter().flatten().for_each(|v| f(*v)),
                value => f(u32::from(value)),
            },
            Forward::Mask8(masks) => each_bit(masks.get(i).copied().unwrap_or(0).into(), f),
            Forward::Mask16(masks) => each_bit(masks.get(i).copied().unwrap_or(0).into(), f),
            Forward::Mask32(masks) => each_bit(masks.get(i).copied().unwrap_or(0).into(), f),
            Forward::Mask64(masks) => each_bit(masks.get(i).copied().unwrap_or(0), f),
            Forward::One(values) => values.get(i).into_iter().for_each(|v| f(*v)),
            Forward::Lists16 { starts, values } => {
                range(starts, values, i)
                    .iter()
                    .for_each(|v| f(u32::from(*v)));
            }
            Forward::Lists { starts, values } => {
                range(starts, values, i).iter().for_each(|v| f(*v))
            }
        }
    }

    /// The first value of an entry.
    pub(crate) fn first(&self, entry: u32) -> Option<u32> {
        let mut found = None;
        self.each(entry, |v| found = found.or(Some(v)));
        found
    }
}

#[inline]
fn each_bit(mut mask: u64, mut f: impl FnMut(u32)) {
    while mask != 0 {
        f(mask.trailing_zeros());
        mask &= mask - 1;
    }
}

#[inline]
fn range<'a, T>(starts: &[u32], values: &'a [T], i: usize) -> &'a [T] {
    match (starts.get(i), starts.get(i + 1)) {
        (Some(&start), Some(&end)) => values.get(start as usize..end as usize).unwrap_or(&[]),
        _ => &[],
    }
}

/// Gathers a column entry by entry.
#[derive(Debug, Default)]
pub(crate) struct ColumnBuilder {
    terms: Vec<Arc<str>>,
    lookup: HashMap<Arc<str>, u32>,
    starts: Vec<u32>,
    values: Vec<u32>,
}

impl ColumnBuilder {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        let mut starts = Vec::with_capacity(entries + 1);
        starts.push(0);
        Self {
            starts,
            ..Self::default()
        }
    }

    /// The number that a value has or gets here.
    pub(crate) fn intern(&mut self, value: &str) -> u32 {
        match self.lookup.get(value) {
            Some(&ordinal) => ordinal,
            None => self.add_term(Arc::from(value)),
        }
    }

    /// The same for a value that another segment holds already.
    pub(crate) fn intern_shared(&mut self, value: &Arc<str>) -> u32 {
        match self.lookup.get(value) {
            Some(&ordinal) => ordinal,
            None => self.add_term(Arc::clone(value)),
        }
    }

    fn add_term(&mut self, value: Arc<str>) -> u32 {
        let ordinal = u32::try_from(self.terms.len()).unwrap_or(u32::MAX);
        self.terms.push(Arc::clone(&value));
        self.lookup.insert(value, ordinal);
        ordinal
    }

    /// Gives the entry at hand a value. A repeated one counts once.
    pub(crate) fn add(&mut self, ordinal: u32) {
        let start = self.starts.last().map_or(0, |s| *s as usize);
        if !self.values.get(start..).unwrap_or(&[]).contains(&ordinal) {
            self.values.push(ordinal);
        }
    }

    /// Ends the entry at hand.
    pub(crate) fn end(&mut self) {
        self.starts
            .push(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
    }

    /// The same entries in another order.
    pub(crate) fn in_order(self, order: &[u32]) -> Self {
        let mut starts = Vec::with_capacity(order.len() + 1);
        let mut values = Vec::with_capacity(self.values.len());
        starts.push(0);
        for &entry in order {
            values.extend_from_slice(range(&self.starts, &self.values, entry as usize));
            starts.push(values.len() as u32);
        }
        Self {
            starts,
            values,
            ..self
        }
    }

    /// The first value of an entry that has ended.
    pub(crate) fn first_of(&self, entry: u32) -> Option<&Arc<str>> {
        let value = range(&self.starts, &self.values, entry as usize).first()?;
        self.terms.get(*value as usize)
    }

    pub(crate) fn finish(mut self) -> Column {
        let entries = self.starts.len().saturating_sub(1);
        let mut bitmaps = vec![RoaringBitmap::new(); self.terms.len()];
        for entry in 0..entries {
            for &value in range(&self.starts, &self.values, entry) {
                if let Some(bitmap) = bitmaps.get_mut(value as usize) {
                    let _ = bitmap.try_push(entry as u32);
                }
            }
        }
        // No runs: they take less room where a value is frequent, and several times as long to intersect.
        self.terms.shrink_to_fit();
        self.lookup.shrink_to_fit();
        let forward = forward(self.terms.len(), &self.starts, self.values);
        Column {
            terms: self.terms,
            lookup: self.lookup,
            bitmaps,
            forward,
        }
    }
}

fn forward(terms: usize, starts: &[u32], values: Vec<u32>) -> Forward {
    let entries = starts.len().saturating_sub(1);
    let list = |i: usize| range(starts, &values, i);
    if values.is_empty() {
        return Forward::Empty;
    }
    let several = (0..entries).filter(|i| list(*i).len() > 1).count();
    if terms <= BYTE_VALUES && several * 16 <= entries {
        let mut more = HashMap::new();
        let first = (0..entries).map(|i| match list(i) {
            [] => NONE,
            [one] => u8::try_from(*one).unwrap_or(NONE),
            many => {
                more.insert(i as u32, many.into());
                MORE
            }
        });
        return Forward::Byte {
            first: first.collect(),
            more,
        };
    }
    let mask = |i: usize| list(i).iter().fold(0_u64, |mask, v| mask | 1 << (v & 63));
    match terms {
        0..=8 => Forward::Mask8((0..entries).map(|i| mask(i) as u8).collect()),
        9..=16 => Forward::Mask16((0..entries).map(|i| mask(i) as u16).collect()),
        17..=32 => Forward::Mask32((0..entries).map(|i| mask(i) as u32).collect()),
        33..=64 => Forward::Mask64((0..entries).map(mask).collect()),
        _ if several == 0 && values.len() == entries => Forward::One(fitted(values)),
        65..=65_536 => Forward::Lists16 {
            starts: starts.to_vec(),
            values: values.iter().map(|v| *v as u16).collect(),
        },
        _ => Forward::Lists {
            starts: starts.to_vec(),
            values: fitted(values),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a column and reads every entry back, in every shape that it can take.
    fn holds(terms: usize, entries: usize, per_entry: impl Fn(usize) -> usize) -> Forward {
        let mut builder = ColumnBuilder::with_capacity(entries);
        let expected: Vec<Vec<u32>> = (0..entries)
            .map(|i| {
                (0..per_entry(i))
                    .map(|j| ((i * 7 + j) % terms) as u32)
                    .collect()
            })
            .collect();
        let names: Vec<Arc<str>> = (0..terms).map(|t| t.to_string().into()).collect();
        for name in &names {
            builder.intern(name);
        }
        for list in &expected {
            for value in list {
                builder.add(*value);
                builder.add(*value);
            }
            builder.end();
        }
        let column = builder.finish();
        for (i, list) in expected.iter().enumerate() {
            let mut found = Vec::new();
            column.each(i as u32, |v| found.push(v));
            let mut list = list.clone();
            list.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, list, "entry {i}");
            for value in 0..terms as u32 {
                let has = column.bitmap(value).is_some_and(|b| b.contains(i as u32));
                assert_eq!(has, list.contains(&value), "entry {i} value {value}");
            }
        }
        column.forward
    }

    #[test]
    fn every_shape_of_a_column_gives_back_what_was_put_in() {
        assert!(matches!(holds(5, 20, |_| 0), Forward::Empty));
        assert!(matches!(
            holds(200, 100, |i| 1 + usize::from(i == 3)),
            Forward::Byte { .. }
        ));
        assert!(matches!(holds(8, 20, |_| 3), Forward::Mask8(_)));
        assert!(matches!(holds(13, 20, |_| 3), Forward::Mask16(_)));
        assert!(matches!(holds(32, 20, |_| 3), Forward::Mask32(_)));
        assert!(matches!(holds(64, 20, |_| 3), Forward::Mask64(_)));
        assert!(matches!(holds(300, 100, |_| 1), Forward::One(_)));
        assert!(matches!(
            holds(300, 100, |i| i % 4),
            Forward::Lists16 { .. }
        ));
        assert!(matches!(holds(70_000, 3, |i| i), Forward::Lists { .. }));
    }
}
