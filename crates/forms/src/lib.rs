//! A self-assessment as a file: an empty form or a filled one, as CSV, as a spreadsheet (XLSX) and as a page to print; and
//! CSV and XLSX read back, with errors by row.
//!
//! Bytes in, bytes out: no clock, no file, no network. [`Form`] writes, [`read`] reads.
//!
//! Both files are made of the same columns, named by codes in the first row; the second row says the same in the form's
//! language, and begins with `#`. CSV is one table of criteria and actions, told apart by the column `type`; the spreadsheet
//! has a sheet for each. What stands there for people only (titles, statements, indicators) is not read.
//!
//! What the standard's rule decides about answers is not checked here but by `domain::quality::check_answers`;
//! [`Filled::place_of`] leads from what that finds back to the cell.

mod answers;
mod bounded;
mod cell;
mod columns;
mod comma;
mod fields;
mod form;
mod formula;
mod guide;
mod page;
mod place;
mod plan;
mod read;
mod rows;
mod sheet_in;
mod sheet_out;
mod table;

pub use form::{Form, FormError};
pub use formula::{joined, protected, unprotected};
pub use messages::Language;
pub use page::page_csp;
pub use place::Place;
pub use read::{Filled, RowError, Unreadable, read};

/// Bytes of a file that is read.
pub const FILE_BYTES: usize = 2 * 1024 * 1024;
/// Bytes that a spreadsheet may unfold to, over all its parts.
pub const UNFOLDED_BYTES: u64 = 20 * 1024 * 1024;
/// Rows of a sheet that is read.
pub const ROWS: u32 = 1_000;
/// Columns of a sheet that is read.
pub const COLUMNS: u32 = 400;
/// Sheets of a spreadsheet that is read.
pub const SHEETS: usize = 10;
