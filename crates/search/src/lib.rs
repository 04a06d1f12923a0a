//! The read model: everything that is listed, filtered, counted and found comes from here, from memory.
//!
//! An [`Index`] follows the directory's changes in arrival order. Readers take a [`Snapshot`] and ask it: it never
//! changes and nothing they do waits for a lock. A snapshot's columns lie in a few immutable segments, each sorted by
//! name: a change adds a small segment and marks what it replaces as dead, and a background thread merges segments of
//! similar size. Full text lies in a [tantivy] index of its own, whose documents are joined to the columns by the hash of
//! their keys; filters are answered by the columns. Text follows the columns within some ten milliseconds.
//!
//! What an audience may not see is neither found, nor counted, nor part of a facet: each entry is kept in the forms that
//! its audiences see, is filtered and counted by what the widest of them sees, and is found by the words that the viewer
//! at hand may read.

mod answers;
mod build;
mod column;
mod convert;
mod coverage;
mod cursor;
mod document;
mod error;
mod facet;
mod facets;
mod geo;
mod index;
mod json;
pub mod limits;
mod page;
mod query;
mod ranked;
mod segment;
mod select;
mod shared;
mod snapshot;
mod text;

pub use coverage::{Cell, Matrix};
pub use document::{Document, Form, Level, Passage};
pub use error::{IndexError, QueryError};
pub use facet::Facet;
pub use facets::FacetCounts;
pub use geo::{BoundingBox, Near};
pub use index::{Change, Index, Loader, Refill};
pub use page::{Export, Page};
pub use query::{Direction, Query, Sort, Viewer};
pub use snapshot::{Found, Hit, Snapshot};
pub use text::{Audit, AuditError, Difference, FolderLock};
