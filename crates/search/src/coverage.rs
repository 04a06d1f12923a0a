//! Coverage: who offers what where, as counts of offers and of organisations over two facets.

use std::sync::Arc;

use bytes::Bytes;
use domain::Kind;
use hashbrown::HashMap;

use crate::segment::{NO_ORGANISATION, Segment};
use crate::select::{Selection, View};
use crate::snapshot::Snapshot;
use crate::{Facet, Query, QueryError, Viewer, limits};

/// Counts over two facets. Values that no counted offer has are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The facet of the rows.
    pub rows: Facet,
    /// The facet of the columns.
    pub cols: Facet,
    /// The values of the rows, in the order of their codes.
    pub row_values: Vec<Arc<str>>,
    /// The values of the columns, in the order of their codes.
    pub col_values: Vec<Arc<str>>,
    /// For each row, for each column: offers that have both values.
    pub offers: Vec<u32>,
    /// For each row, for each column: organisations that have at least one such offer.
    pub organisations: Vec<u32>,
}

/// One pair of values with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Value of the row's facet.
    pub row: Arc<str>,
    /// Value of the column's facet.
    pub col: Arc<str>,
    /// Offers that have both values.
    pub offers: u32,
    /// Organisations that have at least one such offer.
    pub organisations: u32,
}

impl Matrix {
    /// The pairs that some offer has, by row, then by column.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        let pairs = self
            .row_values
            .iter()
            .flat_map(|row| self.col_values.iter().map(move |col| (row, col)));
        let counts = self.offers.iter().zip(&self.organisations);
        pairs
            .zip(counts)
            .filter(|(_, (offers, _))| **offers > 0)
            .map(|((row, col), (offers, organisations))| Cell {
                row: Arc::clone(row),
                col: Arc::clone(col),
                offers: *offers,
                organisations: *organisations,
            })
    }
}

impl Snapshot {
    /// Counts offers and their organisations by two facets, under all filters of the query. Only offers are counted,
    /// whatever kinds the query names.
    ///
    /// # Errors
    /// As [`Snapshot::search`], and [`QueryError::TooManyCells`].
    pub fn coverage(
        &self,
        query: &Query,
        rows: Facet,
        cols: Facet,
        viewer: &Viewer,
    ) -> Result<Matrix, QueryError> {
        query.check()?;
        let (within, _) = self.within(query, viewer, None)?;
        let selections = self.selections(query, viewer, &within);
        let mut scan = Scan::new(&self.views, rows, cols)?;
        for (view, selection) in self.views.iter().zip(selections) {
            let offers = offers_of(view, selection);
            scan.count(&view.segment, &offers);
        }
        Ok(scan.finish())
    }

    /// What `make` answers to a question, made once for as long as nothing changes: for answers that cost much more to
    /// make than to send. The question has to say everything on which the answer depends beside this snapshot, the
    /// viewer included.
    ///
    /// # Errors
    /// As `make`.
    pub fn remembered<E>(
        &self,
        question: &str,
        make: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        self.answers.get_or_make(question, make)
    }
}

/// Those of the selected entries that are offers.
fn offers_of<'a>(view: &'a View, selection: Selection<'a>) -> Selection<'a> {
    use std::borrow::Cow;
    let kinds = view.segment.column(Facet::Kind);
    let offers = kinds
        .ordinal(Kind::Offer.as_str())
        .and_then(|o| kinds.bitmap(o));
    match (offers, selection) {
        (None, _) => Selection::Set(Cow::Owned(roaring::RoaringBitmap::new())),
        (Some(offers), Selection::All(_)) => Selection::Set(Cow::Borrowed(offers)),
        (Some(offers), Selection::Set(set)) => Selection::Set(Cow::Owned(&*set & offers)),
    }
}

/// Values of a facet over all segments.
#[derive(Default)]
struct Terms {
    all: Vec<Arc<str>>,
    lookup: HashMap<Arc<str>, u32>,
}

impl Terms {
    fn of(views: &[View], facet: Facet) -> Self {
        let mut terms = Self::default();
        for term in views
            .iter()
            .flat_map(|view| &view.segment.column(facet).terms)
        {
            if !terms.lookup.contains_key(term) {
                terms
                    .lookup
                    .insert(Arc::clone(term), terms.all.len() as u32);
                terms.all.push(Arc::clone(term));
            }
        }
        terms
    }

    /// The numbers here of a segment's values.
    fn numbers(&self, segment: &Segment, facet: Facet) -> Vec<u32> {
        segment
            .column(facet)
            .terms
            .iter()
            .map(|term| self.lookup.get(term).copied().unwrap_or(0))
            .collect()
    }
}

struct Scan {
    rows: Facet,
    cols: Facet,
    row_terms: Terms,
    col_terms: Terms,
    /// Words of a row: one bit for each column.
    words: u32,
    offers: Vec<u32>,
    organisations: Vec<u32>,
    /// Of an organisation and a word of a row, the columns in which it was counted.
    seen: HashMap<(u32, u32), u64>,
}

impl Scan {
    fn new(views: &[View], rows: Facet, cols: Facet) -> Result<Self, QueryError> {
        let (row_terms, col_terms) = (Terms::of(views, rows), Terms::of(views, cols));
        let cells = row_terms.all.len() * col_terms.all.len();
        if cells > limits::COVERAGE_CELLS {
            return Err(QueryError::TooManyCells);
        }
        Ok(Self {
            rows,
            cols,
            words: col_terms.all.len().div_ceil(64) as u32,
            row_terms,
            col_terms,
            offers: vec![0; cells],
            organisations: vec![0; cells],
            seen: HashMap::new(),
        })
    }

    fn count(&mut self, segment: &Segment, offers: &Selection<'_>) {
        let rows = self.row_terms.numbers(segment, self.rows);
        let cols = self.col_terms.numbers(segment, self.cols);
        let (row_column, col_column) = (segment.column(self.rows), segment.column(self.cols));
        // Each word of columns that an offer has, with its number.
        let mut masks: Vec<(u32, u64)> = Vec::new();
        offers.each(|entry| {
            masks.clear();
            col_column.each(entry, |value| {
                let col = cols.get(value as usize).copied().unwrap_or(0);
                let bit = 1_u64 << (col % 64);
                match masks.iter_mut().find(|(word, _)| *word == col / 64) {
                    Some((_, mask)) => *mask |= bit,
                    None => masks.push((col / 64, bit)),
                }
            });
            let organisation = segment.organisation(entry);
            row_column.each(entry, |value| {
                let row = rows.get(value as usize).copied().unwrap_or(0);
                for (word, mask) in &masks {
                    self.add(organisation, row, *word, *mask);
                }
            });
        });
    }

    /// Counts an offer in some columns of a row, and its organisation in those of them in which it was not yet seen.
    #[inline]
    fn add(&mut self, organisation: u32, row: u32, word: u32, mask: u64) {
        let first = row * self.col_terms.all.len() as u32 + word * 64;
        each_cell(&mut self.offers, first, mask);
        if organisation != NO_ORGANISATION {
            let key = (organisation, row * self.words + word);
            let seen = self.seen.entry(key).or_default();
            let new = mask & !*seen;
            *seen |= mask;
            each_cell(&mut self.organisations, first, new);
        }
    }

    fn finish(self) -> Matrix {
        let width = self.col_terms.all.len();
        let counts = |row: usize, col: usize| {
            let at = row * width + col;
            let count = |counts: &[u32]| counts.get(at).copied().unwrap_or(0);
            (count(&self.offers), count(&self.organisations))
        };
        let height = self.row_terms.all.len();
        let rows = in_order(&self.row_terms.all, |row| {
            (0..width).any(|col| counts(row, col).0 > 0)
        });
        let cols = in_order(&self.col_terms.all, |col| {
            (0..height).any(|row| counts(row, col).0 > 0)
        });
        let cells = rows
            .iter()
            .flat_map(|(row, _)| cols.iter().map(|(col, _)| counts(*row, *col)));
        let (offers, organisations) = cells.unzip();
        let values =
            |numbered: Vec<(usize, Arc<str>)>| numbered.into_iter().map(|(_, v)| v).collect();
        Matrix {
            rows: self.rows,
            cols: self.cols,
            offers,
            organisations,
            row_values: values(rows),
            col_values: values(cols),
        }
    }
}

/// Those of the values that are wanted, with their numbers, in the order of the values.
fn in_order(values: &[Arc<str>], wanted: impl Fn(usize) -> bool) -> Vec<(usize, Arc<str>)> {
    let mut numbered: Vec<(usize, Arc<str>)> = values
        .iter()
        .cloned()
        .enumerate()
        .filter(|(i, _)| wanted(*i))
        .collect();
    numbered.sort_unstable_by(|a, b| a.1.cmp(&b.1));
    numbered
}

/// Adds one to each count whose bit is set.
#[inline]
fn each_cell(counts: &mut [u32], first: u32, mut mask: u64) {
    while mask != 0 {
        if let Some(count) = counts.get_mut((first + mask.trailing_zeros()) as usize) {
            *count += 1;
        }
        mask &= mask - 1;
    }
}
