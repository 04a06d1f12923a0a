//! From what a later check found back to the cell that it stands in.

use std::collections::BTreeMap;

use crate::columns::{Column, Piece};
use crate::table::{Row, Table};

/// A cell of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The sheet, of a spreadsheet.
    pub sheet: Option<String>,
    /// The row as a spreadsheet counts: from 1.
    pub row: u32,
    /// The column's code.
    pub column: String,
    /// The cell as a spreadsheet names it (`G12`), where the file has that column.
    pub cell: Option<String>,
}

/// Where everything that was read stood.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Places {
    pub(crate) tables: Vec<Head>,
    pub(crate) answers: BTreeMap<String, RowPlace>,
    pub(crate) actions: Vec<RowPlace>,
}

/// The head of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    sheet: Option<String>,
    columns: BTreeMap<Column, u32>,
}

/// A row of one of the tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowPlace {
    pub(crate) table: usize,
    pub(crate) row: u32,
    /// The numbers of the columns of each piece of evidence: gaps between them are closed.
    pub(crate) evidence: Vec<u8>,
}

impl Head {
    pub(crate) fn of(table: &Table) -> Self {
        Self {
            sheet: table.sheet.clone(),
            columns: table.columns.clone(),
        }
    }

    fn place(&self, row: u32, column: Column) -> Place {
        Place {
            sheet: self.sheet.clone(),
            row,
            column: column.to_string(),
            cell: self
                .columns
                .get(&column)
                .map(|position| format!("{}{row}", letters(*position))),
        }
    }
}

/// The place of a column in a row.
pub(crate) fn place(table: &Table, row: &Row, column: Column) -> Place {
    Head::of(table).place(row.number, column)
}

impl Places {
    /// The place of a JSON Pointer (RFC 6901) into an assessment or its content.
    pub(crate) fn find(&self, pointer: &str) -> Option<Place> {
        let pointer = pointer.strip_prefix("/content").unwrap_or(pointer);
        let mut parts = pointer.strip_prefix('/')?.split('/').map(plain);
        let list = parts.next()?;
        let item = parts.next()?;
        let field = parts.next();
        let (row, column) = match list.as_str() {
            "answers" => {
                let row = self.answers.get(&item)?;
                let column = match field.as_deref() {
                    Some("evidence") => evidence(row, parts.next(), parts.next()),
                    field => named(field),
                };
                (row, column)
            }
            "improvement_plan" => (
                self.actions.get(item.parse::<usize>().ok()?)?,
                named(field.as_deref()),
            ),
            _ => return None,
        };
        Some(self.tables.get(row.table)?.place(row.row, column))
    }
}

/// The column of a field of an answer or an action. What is about the whole is shown at its id.
fn named(field: Option<&str>) -> Column {
    let column = field.and_then(Column::parse);
    column
        .filter(|column| column.is_read())
        .unwrap_or(Column::CriterionId)
}

fn evidence(row: &RowPlace, at: Option<String>, piece: Option<String>) -> Column {
    let at: Option<usize> = at.and_then(|at| at.parse().ok());
    let number = row.evidence.get(at.unwrap_or(0)).copied().unwrap_or(1);
    let piece = piece.as_deref().and_then(Piece::parse);
    Column::Evidence(number, piece.unwrap_or(Piece::Type))
}

/// A part of a JSON Pointer without its escapes (RFC 6901 section 4).
fn plain(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The letters of a column, counted from 0: A, B ... Z, AA.
fn letters(position: u32) -> String {
    let mut rest = position.saturating_add(1);
    let mut letters = Vec::new();
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or(0);
        letters.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_a_spreadsheet_names_them() {
        let names = [0, 25, 26, 51, 52, 399].map(letters);
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "OJ"]);
    }
}
