//! Lists: filtered, ordered, page by page.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use domain::Entry;
use roaring::RoaringBitmap;

use crate::cursor::{self, Position};
use crate::facets::FacetCounts;
use crate::geo::{Circle, kilometres};
use crate::segment::{NameKey, PlainKey};
use crate::select::Selection;
use crate::snapshot::{At, Hit, Snapshot};
use crate::{Direction, Query, QueryError, Sort, Viewer, limits};

/// One page of an answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// The entries, in order.
    pub hits: Vec<Hit>,
    /// How many entries answer the query, on all pages together.
    pub total: u64,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// The counts asked for, in the order asked for.
    pub facets: Vec<FacetCounts>,
    /// Whether words with one wrong letter were let in, because so little was found without them.
    pub typos: bool,
}

/// Per segment of a snapshot, the entries that a query's words and circle let in.
pub(crate) type Within = Option<Vec<RoaringBitmap>>;

/// Entries in their order, and what else a page says.
pub(crate) struct Listed {
    /// One more than fits on the page, if there are more.
    pub(crate) entries: Vec<At>,
    pub(crate) total: u64,
    /// How many hits precede the page, where it is counted so.
    pub(crate) offset: Option<u32>,
    /// Squared chords to the centre of the circle.
    pub(crate) distances: Distances,
    pub(crate) typos: bool,
}

pub(crate) type Distances = HashMap<(u32, u32), f64>;

impl Snapshot {
    /// Answers a query.
    ///
    /// # Errors
    /// [`QueryError`] where the query goes beyond a limit, contradicts itself or carries a wrong cursor.
    pub fn search(&self, query: &Query, viewer: &Viewer) -> Result<Page, QueryError> {
        query.check()?;
        let fingerprint = query.fingerprint(viewer);
        let position = query
            .cursor
            .as_deref()
            .map(|cursor| cursor::read(fingerprint, cursor))
            .transpose()?;
        let limit = query.limit();
        let listed = match query.sort() {
            Sort::Relevance => self.by_relevance(query, viewer, position.as_ref())?,
            Sort::Distance => self.by_distance(query, viewer, position.as_ref())?,
            sort => self.by_column(query, viewer, sort, position.as_ref())?,
        };
        let distance = |at: &At| {
            listed
                .distances
                .get(&(at.view, at.entry))
                .map(|chord2| kilometres(*chord2))
        };
        let (mut hits, mut bytes, mut taken) = (Vec::new(), 0, 0);
        for at in listed.entries.iter().take(limit) {
            if let Some(hit) = self.hit(*at, viewer, distance(at)) {
                bytes += hit.json.len();
                // The first fits however large it is, so that every page gets on.
                if bytes > limits::PAGE_BYTES && !hits.is_empty() {
                    break;
                }
                hits.push(hit);
            }
            taken += 1;
        }
        let more = listed.entries.len() > taken;
        let mut entries = listed.entries;
        entries.truncate(taken);
        let next = if more {
            self.position_after(query, &entries, listed.offset)
        } else {
            None
        };
        let facets = if query.facets.is_empty() {
            Vec::new()
        } else {
            self.count_facets(query, viewer, listed.typos)?
        };
        Ok(Page {
            hits,
            total: listed.total,
            next: next.map(|position| cursor::write(fingerprint, &position)),
            facets,
            typos: listed.typos,
        })
    }

    fn position_after(
        &self,
        query: &Query,
        entries: &[At],
        offset: Option<u32>,
    ) -> Option<Position> {
        let last = entries.last()?;
        let segment = &self.views.get(last.view as usize)?.segment;
        let PlainKey { origin, id } = segment.key(last.entry);
        let origin = origin.to_owned();
        match query.sort() {
            Sort::Relevance | Sort::Distance => {
                let offset = offset? as usize + entries.len();
                (offset < limits::RANKED_HITS).then_some(Position::Offset(offset as u32))
            }
            Sort::Name(_) => Some(Position::Name {
                name: segment.names.get(last.entry).to_vec(),
                origin,
                id,
            }),
            Sort::Modified(_) => Some(Position::Time {
                at: segment.modified(last.entry),
                origin,
                id,
            }),
            Sort::Verified(_) => Some(Position::Time {
                at: segment.verified(last.entry).into(),
                origin,
                id,
            }),
        }
    }

    /// The entries that the query's words and circle let in, each under the viewer's eyes but before other filters.
    pub(crate) fn within(
        &self,
        query: &Query,
        viewer: &Viewer,
        typos: Option<bool>,
    ) -> Result<(Within, bool), QueryError> {
        let mut sets: Within = None;
        let mut used_typos = false;
        if let Some(q) = &query.q {
            let bare = Query {
                near: None,
                ..query.clone()
            };
            let found = match typos {
                // The page has decided whether typos are let in; facets count the same hits, under fewer filters.
                Some(typos) => self.match_text(q, &Query::default(), viewer, typos)?,
                None => self.match_text_as_needed(q, &bare, viewer)?,
            };
            used_typos = found.typos;
            sets = Some(found.sets(self.views.len()));
        }
        if let Some(near) = &query.near {
            let circle = Circle::new(near);
            let near = self.views.iter().map(|view| {
                let mut set = RoaringBitmap::new();
                view.segment.points.each_in(&circle.bounds, |spot| {
                    if circle.chord2_to(spot) <= circle.chord2 {
                        set.insert(spot.entry);
                    }
                });
                set
            });
            sets = Some(match sets {
                None => near.collect(),
                Some(sets) => sets.into_iter().zip(near).map(|(a, b)| a & b).collect(),
            });
        }
        Ok((sets, used_typos))
    }

    /// Per segment the entries that answer the query.
    pub(crate) fn selections<'a>(
        &'a self,
        query: &Query,
        viewer: &Viewer,
        within: &'a Within,
    ) -> Vec<Selection<'a>> {
        let part = |i: usize| within.as_ref().and_then(|sets| sets.get(i));
        self.views
            .iter()
            .enumerate()
            .map(|(i, view)| view.select(query, viewer, None, part(i)))
            .collect()
    }

    fn by_column(
        &self,
        query: &Query,
        viewer: &Viewer,
        sort: Sort,
        position: Option<&Position>,
    ) -> Result<Listed, QueryError> {
        let (within, typos) = self.within(query, viewer, None)?;
        let selections = self.selections(query, viewer, &within);
        let most = query.limit() + 1;
        let entries = match (sort, position) {
            (Sort::Name(direction), None) => self.by_name(&selections, direction, None, most),
            (Sort::Name(direction), Some(Position::Name { name, origin, id })) => {
                let after = NameKey {
                    name,
                    key: PlainKey { origin, id: *id },
                };
                self.by_name(&selections, direction, Some(after), most)
            }
            (Sort::Modified(_) | Sort::Verified(_), None) => {
                self.by_time(&selections, sort, None, most)
            }
            (Sort::Modified(_) | Sort::Verified(_), Some(Position::Time { at, origin, id })) => {
                self.by_time(
                    &selections,
                    sort,
                    Some((*at, PlainKey { origin, id: *id })),
                    most,
                )
            }
            _ => return Err(QueryError::Cursor),
        };
        let distances = self.distances(query, &entries);
        Ok(Listed {
            total: selections.iter().map(Selection::len).sum(),
            entries,
            offset: None,
            distances,
            typos,
        })
    }

    /// How far the entries of a page are from the centre of the circle, where they are not ordered by it.
    pub(crate) fn distances(&self, query: &Query, entries: &[At]) -> Distances {
        let mut distances = Distances::new();
        let Some(near) = &query.near else {
            return distances;
        };
        let circle = Circle::new(near);
        for (i, view) in self.views.iter().enumerate() {
            let mine: Vec<u32> = entries
                .iter()
                .filter(|at| at.view as usize == i)
                .map(|at| at.entry)
                .collect();
            if mine.is_empty() {
                continue;
            }
            view.segment.points.each_in(&circle.bounds, |spot| {
                if mine.contains(&spot.entry) {
                    let chord2 = circle.chord2_to(spot);
                    let nearest = distances.entry((i as u32, spot.entry)).or_insert(chord2);
                    *nearest = nearest.min(chord2);
                }
            });
        }
        distances
    }

    fn by_name(
        &self,
        selections: &[Selection<'_>],
        direction: Direction,
        after: Option<NameKey<'_>>,
        most: usize,
    ) -> Vec<At> {
        let mut found = Vec::new();
        for (i, (view, selection)) in self.views.iter().zip(selections).enumerate() {
            let segment = &view.segment;
            let entries = match direction {
                Direction::Ascending => {
                    let from = after.map_or(0, |after| {
                        boundary(segment.len, |entry| segment.name_key(entry) <= after)
                    });
                    selection.from(from, most)
                }
                Direction::Descending => {
                    let to = after.map_or(segment.len, |after| {
                        boundary(segment.len, |entry| segment.name_key(entry) < after)
                    });
                    selection.before(to, most)
                }
            };
            found.extend(entries.into_iter().map(|entry| At {
                view: i as u32,
                entry,
            }));
        }
        if self.views.len() > 1 {
            found.sort_unstable_by(|a, b| directed(direction, self.by_name_and_key(*a, *b)));
        }
        found.truncate(most);
        found
    }

    /// How two entries stand by name, then by key.
    pub(crate) fn by_name_and_key(&self, a: At, b: At) -> Ordering {
        // A segment is sorted so: many hits are equally near or relevant, and their names lie far apart in memory.
        if a.view == b.view {
            return a.entry.cmp(&b.entry);
        }
        self.name_key(a).cmp(&self.name_key(b))
    }

    fn name_key(&self, at: At) -> Option<NameKey<'_>> {
        Some(self.views.get(at.view as usize)?.segment.name_key(at.entry))
    }

    fn by_time(
        &self,
        selections: &[Selection<'_>],
        sort: Sort,
        after: Option<(i64, PlainKey<'_>)>,
        most: usize,
    ) -> Vec<At> {
        let (Sort::Modified(direction) | Sort::Verified(direction)) = sort else {
            return Vec::new();
        };
        let mut found: Vec<((i64, PlainKey<'_>), At)> = Vec::new();
        for (i, (view, selection)) in self.views.iter().zip(selections).enumerate() {
            let segment = &view.segment;
            let time = |entry: u32| match sort {
                Sort::Modified(_) => segment.modified(entry),
                _ => i64::from(segment.verified(entry)),
            };
            let order = if matches!(sort, Sort::Modified(_)) {
                &segment.by_modified
            } else {
                &segment.by_verified
            };
            let key = |entry: u32| (time(entry), segment.key(entry));
            let rest = match (direction, after) {
                (_, None) => order.get(..),
                (Direction::Ascending, Some(after)) => {
                    order.get(order.partition_point(|e| key(*e) <= after)..)
                }
                (Direction::Descending, Some(after)) => {
                    order.get(..order.partition_point(|e| key(*e) < after))
                }
            };
            let rest = rest.unwrap_or(&[]);
            let at = |entry: u32| {
                (
                    key(entry),
                    At {
                        view: i as u32,
                        entry,
                    },
                )
            };
            // Few hits are gathered and ordered; of many, the first are soon met in the order itself.
            if selection.len() * 64 < u64::from(segment.len) || selection.len() <= most as u64 {
                let mut some: Vec<_> = Vec::new();
                selection.each(|entry| {
                    let beyond = after.is_none_or(|after| {
                        directed(direction, key(entry).cmp(&after)) == Ordering::Greater
                    });
                    if beyond {
                        some.push(at(entry));
                    }
                });
                found.extend(first(some, most, |a, b| directed(direction, a.0.cmp(&b.0))));
            } else {
                let has = |entry: &&u32| selection.contains(**entry);
                match direction {
                    Direction::Ascending => {
                        found.extend(rest.iter().filter(has).take(most).map(|e| at(*e)))
                    }
                    Direction::Descending => {
                        found.extend(rest.iter().rev().filter(has).take(most).map(|e| at(*e)))
                    }
                }
            }
        }
        first(found, most, |a, b| directed(direction, a.0.cmp(&b.0)))
            .into_iter()
            .map(|(_, at)| at)
            .collect()
    }
}

fn directed(direction: Direction, order: Ordering) -> Ordering {
    match direction {
        Direction::Ascending => order,
        Direction::Descending => order.reverse(),
    }
}

/// The first `most` in order.
pub(crate) fn first<T>(
    mut items: Vec<T>,
    most: usize,
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<T> {
    if items.len() > most {
        items.select_nth_unstable_by(most, &order);
        items.truncate(most);
    }
    items.sort_unstable_by(&order);
    items
}

/// The first of `0..len` for which `before` no longer holds; it must hold for a beginning and for nothing after it.
fn boundary(len: u32, before: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// All entries that answer a query, by name, in one go: for exports.
#[derive(Debug)]
pub struct Export {
    snapshot: Arc<Snapshot>,
    viewer: Viewer,
    selections: Vec<Selection<'static>>,
    /// Per segment the entry to go on from.
    heads: Vec<u32>,
    ready: std::vec::IntoIter<At>,
}

/// Entries that an export takes from each segment at a time.
const EXPORT_RUN: usize = 256;

impl Snapshot {
    /// All entries that answer a query, by name, whatever else its order, limit and cursor say. The export holds the
    /// snapshot: it shows one moment, however long it is read.
    ///
    /// # Errors
    /// As [`Snapshot::search`].
    pub fn export(self: &Arc<Self>, query: &Query, viewer: &Viewer) -> Result<Export, QueryError> {
        query.check()?;
        let (within, _) = self.within(query, viewer, None)?;
        let selections = self
            .selections(query, viewer, &within)
            .into_iter()
            .map(Selection::into_owned)
            .collect();
        Ok(Export {
            snapshot: Arc::clone(self),
            viewer: viewer.clone(),
            selections,
            heads: vec![0; self.views.len()],
            ready: Vec::new().into_iter(),
        })
    }

    /// All entries that answer a query, with everything that is in them: for what the node decides by itself. What cannot
    /// be read is left out, and a query that cannot be answered finds nothing.
    pub fn entries(self: &Arc<Self>, query: &Query) -> impl Iterator<Item = Entry> + use<> {
        let found = self.export(query, &Viewer::Coordinator).ok();
        let text = |hit: Hit| Entry::from_json(std::str::from_utf8(&hit.json).ok()?).ok();
        found.into_iter().flatten().filter_map(text)
    }
}

impl Export {
    /// How many entries it has in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.selections.iter().map(Selection::len).sum()
    }

    fn refill(&mut self) {
        let snapshot = &self.snapshot;
        let mut run: Vec<At> = Vec::new();
        for (i, (selection, head)) in self.selections.iter().zip(&self.heads).enumerate() {
            run.extend(
                selection
                    .from(*head, EXPORT_RUN)
                    .into_iter()
                    .map(|entry| At {
                        view: i as u32,
                        entry,
                    }),
            );
        }
        let run = first(run, EXPORT_RUN, |a, b| {
            snapshot.name_key(*a).cmp(&snapshot.name_key(*b))
        });
        for at in &run {
            if let Some(head) = self.heads.get_mut(at.view as usize) {
                *head = at.entry + 1;
            }
        }
        self.ready = run.into_iter();
    }
}

impl Iterator for Export {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        if self.ready.len() == 0 {
            self.refill();
        }
        let at = self.ready.next()?;
        self.snapshot.hit(at, &self.viewer, None)
    }
}
