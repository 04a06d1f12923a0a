//! Which cells of a distribution are shown.

/// Counts below this are not shown, other than zeros where nothing small is hidden.
pub const SMALL_CELL: u32 = 3;

/// The cells of one row as they are shown: a count, or `None` where it is hidden. `None` for the whole row where it would
/// tell too much.
///
/// The number of organisations in the row is known to everybody who reads it, and so is this rule. So:
///
/// - A row in which one cell holds everybody is withheld: it would tell everybody's answer.
/// - Where a cell holds one or two, all cells below [`SMALL_CELL`] are hidden, zeros among them, so that nobody sees which of
///   them is empty.
/// - Where what is hidden could be calculated from the rest, the smallest cells that are left are hidden as well. That is so
///   where only one cell is hidden, or where the hidden ones are as full as small cells can be. Where none is left, the row
///   is withheld.
#[must_use]
pub fn shown_cells(counts: &[u32]) -> Option<Vec<Option<u32>>> {
    let everybody: u32 = counts.iter().sum();
    if counts.contains(&everybody) {
        return None;
    }
    let has_small = counts.iter().any(|count| (1..SMALL_CELL).contains(count));
    if !has_small {
        return Some(counts.iter().copied().map(Some).collect());
    }
    let mut shown: Vec<Option<u32>> = counts
        .iter()
        .map(|count| Some(*count).filter(|count| *count >= SMALL_CELL))
        .collect();
    let hidden = || counts.iter().filter(|count| **count < SMALL_CELL);
    let (cells, sum) = (hidden().count(), hidden().sum::<u32>());
    let fullest = u32::try_from(cells)
        .unwrap_or(u32::MAX)
        .saturating_mul(SMALL_CELL - 1);
    if cells == 1 || sum == fullest {
        // Where none is left, nothing of the row can be shown. Of several that are equally small, all are hidden: which of
        // them was chosen would tell something.
        let smallest = shown.iter().flatten().min().copied()?;
        shown
            .iter_mut()
            .filter(|it| **it == Some(smallest))
            .for_each(|it| *it = None);
    }
    Some(shown)
}
