//! Coverage: who offers what where, as counts of offers and of organisations over two facets.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use domain::Kind;

use crate::segment::{NO_ORGANISATION, Segment};
use crate::select::{Selection, View};
use crate::snapshot::Snapshot;
use crate::{Facet, Query, QueryError, Viewer, limits};

/// Counts over two facets. Pairs that no offer has are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The facet of the rows.
    pub rows: Facet,
    /// The facet of the columns.
    pub cols: Facet,
    /// The pairs, by row, then by column.
    pub cells: Vec<Cell>,
}

/// One pair of values with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Value of the row's facet.
    pub row: Arc<str>,
    /// Value of the column's facet.
    pub col: Arc<str>,
    /// Offers that have both values.
    pub offers: u64,
    /// Organisations that have at least one such offer.
    pub organisations: u64,
}

/// The public matrix of country and topic, kept up to date with every change.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    matrix: Matrix,
    /// The answer in the form that the caller gave it, made once.
    answer: OnceLock<Bytes>,
}

impl Default for Matrix {
    fn default() -> Self {
        Self {
            rows: Facet::Country,
            cols: Facet::Topic,
            cells: Vec::new(),
        }
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
        if *viewer == Viewer::Public
            && (rows, cols) == (Facet::Country, Facet::Topic)
            && query.is_unfiltered()
        {
            return Ok(self.kept.matrix.clone());
        }
        let (within, _) = self.within(query, viewer, None)?;
        let selections = self.selections(query, viewer, &within);
        let mut scan = Scan::new(&self.views, rows, cols)?;
        for (view, selection) in self.views.iter().zip(selections) {
            let offers = offers_of(view, selection);
            scan.count(&view.segment, &offers);
        }
        Ok(scan.finish())
    }

    /// The public matrix of country and topic without filters, in the form that `render` gives it. It is rendered once
    /// for as long as nothing in it changes, so every caller has to pass the same function.
    pub fn public_coverage(&self, render: impl FnOnce(&Matrix) -> Bytes) -> Bytes {
        self.kept
            .answer
            .get_or_init(|| render(&self.kept.matrix))
            .clone()
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

/// What of an organisation was seen first: most have their offers in one row, which then needs no set.
#[derive(Clone, Copy, Default)]
struct Seen {
    scan: u32,
    row: u32,
    cols: u64,
}

thread_local! {
    /// Number of the last scan of this thread, and what it saw of each organisation. Kept between scans, so that none
    /// has to clear it.
    static SEEN: RefCell<(u32, Vec<Seen>)> = const { RefCell::new((0, Vec::new())) };
}

struct Scan {
    rows: Facet,
    cols: Facet,
    row_terms: Terms,
    col_terms: Terms,
    offers: Vec<u32>,
    organisations: Vec<u32>,
    /// Organisation and cell, where an organisation has offers in more than one row or there are many columns.
    rest: Vec<(u32, u32)>,
    number: u32,
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

impl Scan {
    fn new(views: &[View], rows: Facet, cols: Facet) -> Result<Self, QueryError> {
        let (row_terms, col_terms) = (Terms::of(views, rows), Terms::of(views, cols));
        let cells = row_terms.all.len() * col_terms.all.len();
        if cells > limits::COVERAGE_CELLS {
            return Err(QueryError::TooManyCells);
        }
        let number = SEEN.with_borrow_mut(|(last, seen)| {
            *last = last.wrapping_add(1);
            if *last == 0 {
                seen.clear();
                *last = 1;
            }
            *last
        });
        let (offers, organisations) = (vec![0; cells], vec![0; cells]);
        Ok(Self {
            rows,
            cols,
            row_terms,
            col_terms,
            offers,
            organisations,
            rest: Vec::new(),
            number,
        })
    }

    fn count(&mut self, segment: &Segment, offers: &Selection<'_>) {
        let rows = self.row_terms.numbers(segment, self.rows);
        let cols = self.col_terms.numbers(segment, self.cols);
        let width = self.col_terms.all.len() as u32;
        let (row_column, col_column) = (segment.column(self.rows), segment.column(self.cols));
        let mut buffer: Vec<u32> = Vec::new();
        SEEN.with_borrow_mut(|(_, seen)| {
            offers.each(|entry| {
                buffer.clear();
                let mut mask = 0_u64;
                col_column.each(entry, |value| {
                    let col = cols.get(value as usize).copied().unwrap_or(0);
                    buffer.push(col);
                    mask |= 1 << (col & 63);
                });
                if buffer.is_empty() {
                    return;
                }
                let organisation = segment.organisation(entry);
                row_column.each(entry, |value| {
                    let row = rows.get(value as usize).copied().unwrap_or(0);
                    for col in &buffer {
                        add(&mut self.offers, row * width + col);
                    }
                    if organisation != NO_ORGANISATION {
                        self.see(seen, organisation, row, width, mask, &buffer);
                    }
                });
            });
        });
    }

    /// Counts an organisation in the cells in which it was not yet seen.
    #[inline]
    fn see(
        &mut self,
        seen: &mut Vec<Seen>,
        organisation: u32,
        row: u32,
        width: u32,
        mask: u64,
        cols: &[u32],
    ) {
        let at = organisation as usize;
        if at >= seen.len() {
            seen.resize(at + 1, Seen::default());
        }
        let Some(mine) = seen.get_mut(at) else { return };
        if mine.scan != self.number {
            *mine = Seen {
                scan: self.number,
                row,
                cols: 0,
            };
        }
        if mine.row != row || width > 64 {
            self.rest
                .extend(cols.iter().map(|col| (organisation, row * width + col)));
            return;
        }
        let mut new = mask & !mine.cols;
        mine.cols |= mask;
        while new != 0 {
            add(&mut self.organisations, row * width + new.trailing_zeros());
            new &= new - 1;
        }
    }

    fn finish(mut self) -> Matrix {
        self.rest.sort_unstable();
        self.rest.dedup();
        for (_, cell) in std::mem::take(&mut self.rest) {
            add(&mut self.organisations, cell);
        }
        let width = self.col_terms.all.len();
        let mut cells = Vec::new();
        for (i, (offers, organisations)) in self.offers.iter().zip(&self.organisations).enumerate()
        {
            let pair = i.checked_div(width).map(|row| {
                (
                    self.row_terms.all.get(row),
                    self.col_terms.all.get(i % width),
                )
            });
            if let (1.., Some((Some(row), Some(col)))) = (*offers, pair) {
                let (row, col) = (Arc::clone(row), Arc::clone(col));
                cells.push(Cell {
                    row,
                    col,
                    offers: (*offers).into(),
                    organisations: (*organisations).into(),
                });
            }
        }
        cells.sort_unstable_by(|a, b| a.row.cmp(&b.row).then_with(|| a.col.cmp(&b.col)));
        Matrix {
            rows: self.rows,
            cols: self.cols,
            cells,
        }
    }
}

#[inline]
fn add(counts: &mut [u32], at: u32) {
    if let Some(count) = counts.get_mut(at as usize) {
        *count += 1;
    }
}

/// The writer's side of the kept matrix.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// Offers and organisations of each pair of country and topic.
    cells: BTreeMap<(Arc<str>, Arc<str>), (u64, u64)>,
    /// How many offers each organisation has in each pair; organisations by number.
    offers_of: HashMap<(u32, u16, u16), u32>,
    numbers: HashMap<Arc<str>, u16>,
    changed: bool,
}

impl Keeper {
    /// Takes an entry in.
    pub(crate) fn add(&mut self, segment: &Segment, entry: u32) {
        self.change(segment, entry, true);
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, segment: &Segment, entry: u32) {
        self.change(segment, entry, false);
    }

    fn change(&mut self, segment: &Segment, entry: u32, comes: bool) {
        let is_offer = segment
            .value(Facet::Kind, entry)
            .is_some_and(|kind| **kind == *Kind::Offer.as_str());
        if !is_offer || segment.level(entry) != crate::Level::Public {
            return;
        }
        let organisation = segment.organisation(entry);
        let (countries, topics) = (segment.column(Facet::Country), segment.column(Facet::Topic));
        countries.each(entry, |country| {
            topics.each(entry, |topic| {
                if let (Some(country), Some(topic)) = (
                    countries.terms.get(country as usize),
                    topics.terms.get(topic as usize),
                ) {
                    self.change_cell(country, topic, organisation, comes);
                }
            });
        });
    }

    fn change_cell(
        &mut self,
        country: &Arc<str>,
        topic: &Arc<str>,
        organisation: u32,
        comes: bool,
    ) {
        self.changed = true;
        let pair = (organisation, self.number(country), self.number(topic));
        let mut met = 0;
        if organisation != NO_ORGANISATION {
            let count = self.offers_of.entry(pair).or_default();
            // The first that comes and the last that goes change the number of organisations.
            met = u64::from(*count == if comes { 0 } else { 1 });
            *count = if comes {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
            if *count == 0 {
                self.offers_of.remove(&pair);
            }
        }
        let key = (Arc::clone(country), Arc::clone(topic));
        let cell = self.cells.entry(key.clone()).or_default();
        *cell = if comes {
            (cell.0 + 1, cell.1 + met)
        } else {
            (cell.0.saturating_sub(1), cell.1.saturating_sub(met))
        };
        if cell.0 == 0 {
            self.cells.remove(&key);
        }
    }

    fn number(&mut self, term: &Arc<str>) -> u16 {
        if let Some(number) = self.numbers.get(term) {
            return *number;
        }
        // Countries and topics are codes from short lists: there are some hundreds of both together.
        let number = u16::try_from(self.numbers.len()).unwrap_or(u16::MAX);
        self.numbers.insert(Arc::clone(term), number);
        number
    }

    /// The matrix for the next snapshot: the same as before where nothing in it has changed.
    pub(crate) fn publish(&mut self, before: &Arc<Kept>) -> Arc<Kept> {
        if !std::mem::take(&mut self.changed) {
            return Arc::clone(before);
        }
        let cells: Vec<Cell> = self
            .cells
            .iter()
            .map(|((row, col), (offers, organisations))| Cell {
                row: Arc::clone(row),
                col: Arc::clone(col),
                offers: *offers,
                organisations: *organisations,
            })
            .collect();
        Arc::new(Kept {
            matrix: Matrix {
                cells,
                ..Matrix::default()
            },
            answer: OnceLock::new(),
        })
    }
}
