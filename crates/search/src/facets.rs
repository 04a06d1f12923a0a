//! Facet counts of a list.

use std::collections::HashMap;
use std::sync::Arc;

use crate::column::Column;
use crate::select::Selection;
use crate::snapshot::Snapshot;
use crate::{Facet, Query, QueryError, Viewer, limits};

/// How often each value of a facet occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCounts {
    /// Which facet.
    pub facet: Facet,
    /// Values with the number of entries that have them, most frequent first, then by value. Values that no entry has
    /// are left out.
    pub values: Vec<(Arc<str>, u64)>,
    /// Whether there are more than [`limits::FACET_VALUES`] values, of which the rarest were left out.
    pub more: bool,
}

/// What it costs to count in one container of a bitmap, measured in entries that are looked at instead.
const CONTAINER_COST: u64 = 200;

impl Snapshot {
    pub(crate) fn count_facets(
        &self,
        query: &Query,
        viewer: &Viewer,
        typos: bool,
    ) -> Result<Vec<FacetCounts>, QueryError> {
        let (within, _) = self.within(query, viewer, Some(typos))?;
        let counted = query.facets.iter().map(|facet| {
            let mut counts: HashMap<&Arc<str>, u64> = HashMap::new();
            for (i, view) in self.views.iter().enumerate() {
                let within = within.as_ref().and_then(|sets| sets.get(i));
                let selection = view.select(query, viewer, Some(*facet), within);
                let column = view.segment.column(*facet);
                for (term, count) in
                    column
                        .terms
                        .iter()
                        .zip(count(column, &selection, view.segment.len))
                {
                    if count > 0 {
                        *counts.entry(term).or_default() += count;
                    }
                }
            }
            ordered(*facet, counts)
        });
        Ok(counted.collect())
    }
}

/// How many of the selected entries have each value.
fn count(column: &Column, selection: &Selection<'_>, len: u32) -> Vec<u64> {
    let containers = u64::from(len).div_ceil(65_536);
    let by_bitmap = column.terms.len() as u64 * containers * CONTAINER_COST;
    if matches!(selection, Selection::All(_)) || by_bitmap < selection.len() {
        return column
            .bitmaps
            .iter()
            .map(|bitmap| selection.count_in(bitmap))
            .collect();
    }
    let mut counts = vec![0; column.terms.len()];
    selection.each(|entry| {
        column.each(entry, |value| {
            if let Some(count) = counts.get_mut(value as usize) {
                *count += 1;
            }
        });
    });
    counts
}

fn ordered(facet: Facet, counts: HashMap<&Arc<str>, u64>) -> FacetCounts {
    let mut values: Vec<(Arc<str>, u64)> = counts
        .into_iter()
        .map(|(value, count)| (Arc::clone(value), count))
        .collect();
    values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let more = values.len() > limits::FACET_VALUES;
    values.truncate(limits::FACET_VALUES);
    FacetCounts {
        facet,
        values,
        more,
    }
}
