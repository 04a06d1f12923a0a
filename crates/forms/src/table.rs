//! A table that was read: its columns found by their codes, its rows numbered as a spreadsheet numbers them.

use std::collections::BTreeMap;

use crate::cell::Cell;
use crate::columns::Column;
use crate::read::Unreadable;

/// A sheet, or the whole CSV file.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) sheet: Option<String>,
    /// Where each known column stands, counted from 0.
    pub(crate) columns: BTreeMap<Column, u32>,
    /// Columns that no form has. What stands there is not read.
    pub(crate) unknown: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// A row with its cells that are not empty, by position.
#[derive(Debug)]
pub(crate) struct Row {
    /// Counted from 1.
    pub(crate) number: u32,
    pub(crate) cells: BTreeMap<u32, Cell>,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKind {
    Criterion,
    Action,
}

impl Table {
    /// Finds the columns by the first row that is not empty. `None`: this is no table of a form.
    pub(crate) fn of(sheet: Option<String>, rows: Vec<Row>) -> Result<Option<Self>, Unreadable> {
        let mut rows = rows.into_iter().filter(|row| !row.cells.is_empty());
        let Some(head) = rows.next() else {
            return Ok(None);
        };
        let mut table = Self {
            sheet,
            columns: BTreeMap::new(),
            unknown: Vec::new(),
            rows: Vec::new(),
        };
        for (position, cell) in &head.cells {
            let Some(word) = cell.word() else { continue };
            match Column::parse(&word) {
                Some(column) => {
                    if table.columns.insert(column, *position).is_some() {
                        return Err(Unreadable::RepeatedColumn(column.to_string()));
                    }
                }
                None => table.unknown.push(word.chars().take(100).collect()),
            }
        }
        let has = |column| table.columns.contains_key(&column);
        if !has(Column::CriterionId) || !(has(Column::Rating) || has(Column::Action)) {
            return Ok(None);
        }
        let rows: Vec<Row> = rows.filter(|row| !table.is_heading(row)).collect();
        table.rows = rows;
        Ok(Some(table))
    }

    /// The headings for people, below the codes.
    fn is_heading(&self, row: &Row) -> bool {
        let word = self.cell(row, Column::Type).and_then(Cell::word);
        word.is_some_and(|word| word.starts_with('#'))
    }

    /// What stands in a column of a row.
    pub(crate) fn cell<'r>(&self, row: &'r Row, column: Column) -> Option<&'r Cell> {
        row.cells.get(self.columns.get(&column)?)
    }

    /// Whether nobody has filled in anything.
    pub(crate) fn is_empty(&self, row: &Row) -> bool {
        let mut columns = self.columns.iter();
        columns.all(|(column, position)| column.is_given() || !row.cells.contains_key(position))
    }

    /// What rows are about where their type is not given: what the only kind of columns is about.
    pub(crate) fn usual_kind(&self) -> Option<RowKind> {
        let has = |column| self.columns.contains_key(&column);
        match (has(Column::Rating), has(Column::Action)) {
            (true, false) => Some(RowKind::Criterion),
            (false, true) => Some(RowKind::Action),
            _ => None,
        }
    }

    /// The numbers of evidence that have columns.
    pub(crate) fn evidence(&self) -> Vec<u8> {
        let numbers = self.columns.keys().filter_map(|column| match column {
            Column::Evidence(number, _) => Some(*number),
            _ => None,
        });
        let mut numbers: Vec<u8> = numbers.collect();
        numbers.dedup();
        numbers
    }
}
