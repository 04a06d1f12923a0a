//! Ranked lists: by distance and by relevance, up to a number of hits.

use std::cmp::Ordering;

use crate::cursor::Position;
use crate::geo::Circle;
use crate::page::{Listed, first};
use crate::select::Tests;
use crate::snapshot::{At, Snapshot};
use crate::text::Scored;
use crate::{Query, QueryError, Viewer, limits};

impl Snapshot {
    pub(crate) fn by_distance(
        &self,
        query: &Query,
        viewer: &Viewer,
        position: Option<&Position>,
    ) -> Result<Listed, QueryError> {
        let (offset, most) = ranked_page(query, position)?;
        let Some(near) = &query.near else {
            return Err(QueryError::SortNeeds("near"));
        };
        let words = match &query.q {
            None => None,
            Some(q) => Some(self.match_text_as_needed(
                q,
                &Query {
                    near: None,
                    ..query.clone()
                },
                viewer,
            )?),
        };
        let typos = words.as_ref().is_some_and(|found| found.typos);
        let words = words.map(|found| found.sets(self.views.len()));
        let circle = Circle::new(near);
        let mut found: Vec<(f64, At)> = Vec::new();
        for (i, view) in self.views.iter().enumerate() {
            let tests = Tests::new(view, query, viewer);
            let words = words.as_ref().and_then(|sets| sets.get(i));
            let start = found.len();
            view.segment.points.each_in(&circle.bounds, |spot| {
                let chord2 = circle.chord2_to(spot);
                if chord2 <= circle.chord2
                    && tests.pass(spot.entry)
                    && words.is_none_or(|set| set.contains(spot.entry))
                {
                    found.push((
                        chord2,
                        At {
                            view: i as u32,
                            entry: spot.entry,
                        },
                    ));
                }
            });
            if view.segment.points.several {
                nearest_of_each(&mut found, start);
            }
        }
        let total = found.len() as u64;
        let page = self.ranked(found, offset, most, |a, b| a.total_cmp(b));
        let distances = page
            .iter()
            .map(|(chord2, at)| ((at.view, at.entry), *chord2))
            .collect();
        let entries = page.into_iter().map(|(_, at)| at).collect();
        Ok(Listed {
            entries,
            total,
            offset: Some(offset),
            distances,
            typos,
        })
    }

    pub(crate) fn by_relevance(
        &self,
        query: &Query,
        viewer: &Viewer,
        position: Option<&Position>,
    ) -> Result<Listed, QueryError> {
        let (offset, most) = ranked_page(query, position)?;
        let Some(q) = &query.q else {
            return Err(QueryError::SortNeeds("q"));
        };
        let found = self.match_text_as_needed(q, query, viewer)?;
        let mut hits = found.hits;
        if query.near.is_some() {
            let (within, _) = self.within(
                &Query {
                    q: None,
                    ..query.clone()
                },
                viewer,
                None,
            )?;
            let within = within.unwrap_or_default();
            hits.retain(|hit| {
                within
                    .get(hit.at.view as usize)
                    .is_some_and(|set| set.contains(hit.at.entry))
            });
        }
        let total = hits.len() as u64;
        let scored = hits
            .into_iter()
            .map(|Scored { score, at }| (score, at))
            .collect();
        let page = self.ranked(scored, offset, most, |a: &f32, b| b.total_cmp(a));
        let entries: Vec<At> = page.into_iter().map(|(_, at)| at).collect();
        let distances = self.distances(query, &entries);
        Ok(Listed {
            entries,
            total,
            offset: Some(offset),
            distances,
            typos: found.typos,
        })
    }

    /// The page of ranked hits; ties by name and key, so that every process orders them alike.
    fn ranked<S>(
        &self,
        found: Vec<(S, At)>,
        offset: u32,
        most: usize,
        order: impl Fn(&S, &S) -> Ordering,
    ) -> Vec<(S, At)> {
        let offset = offset as usize;
        let by = |a: &(S, At), b: &(S, At)| {
            order(&a.0, &b.0).then_with(|| self.by_name_and_key(a.1, b.1))
        };
        first(found, offset + most, by)
            .into_iter()
            .skip(offset)
            .collect()
    }
}

/// Keeps of each entry the nearest of its points.
fn nearest_of_each(found: &mut Vec<(f64, At)>, start: usize) {
    let mut mine = found.split_off(start);
    mine.sort_unstable_by(|a, b| a.1.entry.cmp(&b.1.entry).then(a.0.total_cmp(&b.0)));
    mine.dedup_by_key(|(_, at)| at.entry);
    found.append(&mut mine);
}

fn ranked_page(query: &Query, position: Option<&Position>) -> Result<(u32, usize), QueryError> {
    let offset = match position {
        None => 0,
        Some(Position::Offset(offset)) => *offset,
        Some(_) => return Err(QueryError::Cursor),
    };
    let left = limits::RANKED_HITS
        .checked_sub(offset as usize)
        .filter(|left| *left > 0)
        .ok_or(QueryError::TooDeep)?;
    Ok((offset, (query.limit() + 1).min(left)))
}
