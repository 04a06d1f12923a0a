//! The directory: entries, their history, and the order in which everything changed.

mod apply;
mod batch;
mod budget;
mod changes;
mod contents;
mod facts;
mod read;
mod reviews;
mod save;
mod stored;
mod usage;
mod work;
mod working_set;

use std::sync::Arc;

use domain::{Origin, Rules};

pub(crate) use apply::apply_here;
pub use apply::{Applied, Outcome};
pub use batch::{BatchMode, BatchOutcome};
pub(crate) use budget::Budget;
pub use changes::{Access, Changed, Changes};
pub(crate) use read::head;
pub(crate) use reviews::review_column;
pub use reviews::{ReviewCursor, ReviewState, ReviewsWaiting};
pub(crate) use save::replace_entries;
pub(crate) use stored::{Origins, parse as stored_entry};
pub use stored::{Revision, Stored};
pub(crate) use usage::{count_anew, counted};

use crate::database::Database;

/// Entries, their history, and the order in which everything changed.
#[derive(Debug, Clone)]
pub struct Directory {
    pub(crate) database: Database,
    pub(crate) node: Arc<Node>,
}

/// What decisions need to know of this node.
#[derive(Debug)]
pub(crate) struct Node {
    /// The base URL.
    pub(crate) origin: Origin,
    /// Its row.
    pub(crate) origin_row: i64,
    /// Settings that decisions depend on.
    pub(crate) rules: Rules,
    /// What owners have lately written.
    pub(crate) budget: Budget,
}
