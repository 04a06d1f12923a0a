//! Full text: analysis, the index on disk, and matching.
//!
//! Terms are folded spellings and, marked as such, stems and the parts of German compounds. What only narrower
//! audiences may see stands in fields of its own, so that nobody finds by words that they may not read.

mod analyse;
mod audit;
mod erasing;
pub(crate) mod fold;
mod german;
mod matching;
mod scratch;
mod stem;
mod stop;
mod store;
mod terms;
mod view;
mod whole;
mod writer;

pub use audit::{Audit, AuditError, Difference};
pub(crate) use matching::Scored;
pub use store::FolderLock;
pub(crate) use store::{Home, Store, Unusable};
pub(crate) use view::TextView;
pub(crate) use writer::{Job, Writer};
