//! CSV (RFC 4180).

use std::collections::BTreeMap;

use csv::{ByteRecord, ReaderBuilder, Terminator, WriterBuilder};

use crate::cell::{Cell, one_line_end};
use crate::columns::{self, Column};
use crate::form::{Form, FormError};
use crate::formula::{protected, unprotected};
use crate::read::Unreadable;
use crate::rows::Value;
use crate::table::{Row, Table};
use crate::{COLUMNS, ROWS};

/// Without it Excel takes UTF-8 for something else, and what it then saves is damaged.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// Rows for actions that are there to be filled in.
const BLANK_ACTIONS: usize = 3;

pub(crate) fn write(form: &Form<'_>) -> Result<Vec<u8>, FormError> {
    let asked = form.asked()?;
    let columns = columns::of_both(Form::evidence(&asked)?);
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    let failed = |error: csv::Error| FormError::Writing(error.to_string());
    let codes = columns.iter().map(Column::to_string);
    writer.write_record(codes).map_err(failed)?;
    let headings = columns.iter().map(|column| column.heading(form.lang));
    writer
        .write_record(headings.map(|heading| protected(&heading)))
        .map_err(failed)?;
    for asked in &asked {
        let row = columns.iter().map(|it| form.criterion_cell(asked, *it));
        writer.write_record(row.map(written)).map_err(failed)?;
    }
    let blank = std::iter::repeat_n(None, BLANK_ACTIONS);
    for action in form.improvement_plan.iter().map(Some).chain(blank) {
        let row = columns.iter().map(|it| form.action_cell(action, *it));
        writer.write_record(row.map(written)).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|error| FormError::Writing(error.to_string()))
}

fn written(value: Value) -> String {
    match value {
        Value::Empty => String::new(),
        // Ratings may be negative: a number is no formula.
        Value::Number(number) => number.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Text(text) | Value::Code(text, _) => protected(&text),
    }
}

/// The table of a CSV file, whatever separates its cells.
pub(crate) fn table(bytes: &[u8]) -> Result<Option<Table>, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let text = one_line_end(text);
    for separator in [b',', b';', b'\t'] {
        if is_separated_by(&text, separator) {
            return Table::of(None, rows(&text, separator)?);
        }
    }
    Ok(None)
}

/// Whether the column that every form has is found in the first line.
fn is_separated_by(text: &str, separator: u8) -> bool {
    let first = text.trim_start_matches('\n').lines().next().unwrap_or("");
    let mut cells = first.split(char::from(separator));
    let is_id = |cell: &str| Column::parse(cell.trim().trim_matches('"'));
    cells.any(|cell| is_id(cell) == Some(Column::CriterionId))
}

fn rows(text: &str, separator: u8) -> Result<Vec<Row>, Unreadable> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .terminator(Terminator::Any(b'\n'))
        .from_reader(text.as_bytes());
    let mut record = ByteRecord::new();
    let mut rows = Vec::new();
    let mut number = 0_u32;
    loop {
        // The reader passes over empty lines; a spreadsheet counts them.
        let at = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let empty = text.get(at..).unwrap_or("").bytes();
        let empty = empty.take_while(|byte| *byte == b'\n').count();
        let is_there = reader.read_byte_record(&mut record);
        if !is_there.map_err(|_| Unreadable::NotAForm)? {
            return Ok(rows);
        }
        number = number.saturating_add(u32::try_from(empty).unwrap_or(u32::MAX));
        number = number.saturating_add(1);
        let cells = cells(&record)?;
        if cells.is_empty() {
            continue;
        }
        if number > ROWS {
            return Err(Unreadable::TooLarge("it has too many rows"));
        }
        rows.push(Row { number, cells });
    }
}

fn cells(record: &ByteRecord) -> Result<BTreeMap<u32, Cell>, Unreadable> {
    let mut cells = BTreeMap::new();
    for (position, bytes) in (0_u32..).zip(record.iter()) {
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8)?;
        let Some(cell) = Cell::text(text) else {
            continue;
        };
        if position >= COLUMNS {
            return Err(Unreadable::TooLarge("it has too many columns"));
        }
        let cell = match cell {
            Cell::Text(text) => Cell::Text(unprotected(&text)),
            cell => cell,
        };
        cells.insert(position, cell);
    }
    Ok(cells)
}
