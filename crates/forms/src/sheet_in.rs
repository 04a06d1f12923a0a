//! Spreadsheets (Office Open XML), read cell by cell: a sheet with one cell far below must not become a sheet full of cells.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx, XlsxError};
use chrono::NaiveDate;

use crate::cell::Cell;
use crate::read::Unreadable;
use crate::table::{Row, Table};
use crate::{COLUMNS, ROWS, SHEETS, UNFOLDED_BYTES, bounded};

type Book<'b> = Xlsx<Cursor<&'b [u8]>>;

/// The sheets that are tables of a form.
pub(crate) fn tables(bytes: &[u8]) -> Result<Vec<Table>, Unreadable> {
    bounded::check(bytes)?;
    // The library calculates with what a damaged file says without looking, which in some builds panics. Nothing of it
    // lives on.
    let read = catch_unwind(AssertUnwindSafe(|| unfolded(bytes)));
    read.unwrap_or(Err(Unreadable::Broken))
}

fn unfolded(bytes: &[u8]) -> Result<Vec<Table>, Unreadable> {
    let mut book: Book<'_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| Unreadable::Broken)?;
    let names = book.sheet_names();
    if names.len() > SHEETS {
        return Err(Unreadable::TooLarge("it has too many sheets"));
    }
    // Cells share their text inside the file, but not once they are read.
    let mut left = usize::try_from(UNFOLDED_BYTES).unwrap_or(usize::MAX);
    let mut tables = Vec::new();
    for name in names {
        let rows = rows(&mut book, &name, &mut left)?;
        tables.extend(Table::of(Some(name), rows)?);
    }
    Ok(tables)
}

fn rows(book: &mut Book<'_>, sheet: &str, left: &mut usize) -> Result<Vec<Row>, Unreadable> {
    let mut cells = match book.worksheet_cells_reader(sheet) {
        Ok(cells) => cells,
        // A sheet that is a chart.
        Err(XlsxError::NotAWorksheet(_)) => return Ok(Vec::new()),
        Err(_) => return Err(Unreadable::Broken),
    };
    let mut rows: BTreeMap<u32, BTreeMap<u32, Cell>> = BTreeMap::new();
    while let Some(found) = cells.next_cell().map_err(|_| Unreadable::Broken)? {
        let (row, column) = found.get_position();
        let Some(cell) = cell(found.get_value()) else {
            continue;
        };
        if row >= ROWS {
            return Err(Unreadable::TooLarge("a sheet has too many rows"));
        }
        if column >= COLUMNS {
            return Err(Unreadable::TooLarge("a sheet has too many columns"));
        }
        let Some(rest) = left.checked_sub(cell.bytes()) else {
            return Err(Unreadable::TooLarge("its cells hold too much text"));
        };
        *left = rest;
        rows.entry(row).or_default().insert(column, cell);
    }
    let row = |(row, cells)| Row {
        number: row + 1,
        cells,
    };
    Ok(rows.into_iter().map(row).collect())
}

fn cell(value: &DataRef<'_>) -> Option<Cell> {
    match value {
        DataRef::Empty => None,
        // Whole numbers that lose precision here are no ratings.
        DataRef::Int(number) => Some(Cell::Number(*number as f64)),
        DataRef::Float(number) => Some(Cell::Number(*number)),
        DataRef::String(text) => Cell::text(text),
        DataRef::SharedString(text) => Cell::text(text),
        DataRef::Bool(value) => Cell::text(if *value { "TRUE" } else { "FALSE" }),
        DataRef::DateTime(moment) => Some(day(*moment).map_or(Cell::Unreadable, Cell::Date)),
        DataRef::DateTimeIso(text) => {
            Cell::text(text.strip_suffix("T00:00:00").unwrap_or(text.as_str()))
        }
        DataRef::DurationIso(text) => Cell::text(text),
        DataRef::Error(_) => Some(Cell::Unreadable),
    }
}

/// The day of a date cell. A time of day, or a day that no calendar has, is none.
fn day(moment: ExcelDateTime) -> Option<NaiveDate> {
    let days = moment.as_f64();
    if !moment.is_datetime() || days.fract() != 0.0 || !(0.0..2_958_466.0).contains(&days) {
        return None;
    }
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))
}
