//! Reads a file that somebody filled in.

use std::collections::{BTreeMap, BTreeSet};

use domain::kinds::{Answer, ImprovementAction, QualityStandard};
use domain::limits;

use crate::cell::Cell;
use crate::columns::Column;
use crate::fields::{Errors, Fields};
use crate::form::mark;
use crate::place::{Head, Place, Places, RowPlace};
use crate::table::{Row, RowKind, Table};
use crate::{FILE_BYTES, comma, plan, sheet_in};

/// What stands in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// The answers of the rows in which something was filled in. Criteria without one are not in it.
    pub answers: BTreeMap<String, Answer>,
    /// The improvement plan, as a whole; `None` where the file has no action. Each action is in one language:
    /// see [`Filled::keep_languages`].
    pub improvement_plan: Option<Vec<ImprovementAction>>,
    /// Columns that no form has, by their first cell. What stood there was not read.
    pub unknown_columns: Vec<String>,
    places: Places,
}

/// Something that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The sheet, of a spreadsheet.
    pub sheet: Option<String>,
    /// The row as a spreadsheet counts: from 1.
    pub row: u32,
    /// The column's code.
    pub column: String,
    /// The cell as a spreadsheet names it (`G12`), where the file has that column.
    pub cell: Option<String>,
    /// What, stable for programs: `not_a_whole_number`, `not_a_date`, `unknown_criterion` ...
    pub code: &'static str,
    /// What, in words for people.
    pub message: String,
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Rows that cannot be understood: all of them, up to `domain::limits::VIOLATIONS` findings.
    #[error("{} things in the file's rows cannot be understood", .0.len())]
    Rows(Vec<RowError>),
    /// It holds more than any form does.
    #[error("the file is too large: {0}")]
    TooLarge(&'static str),
    /// Text that is not UTF-8.
    #[error("the file is not in UTF-8: save it as \"CSV UTF-8\", or as a spreadsheet (.xlsx)")]
    NotUtf8,
    /// A spreadsheet in the old format, or one with a password: both begin alike.
    #[error("save the file as a spreadsheet of the format .xlsx, without a password")]
    OldSpreadsheet,
    /// A spreadsheet that is damaged or cut off, or an archive that is none of the format `.xlsx`.
    #[error("the file cannot be opened: it is damaged, or no spreadsheet of the format .xlsx")]
    Broken,
    /// Neither CSV nor a spreadsheet with the columns of a form.
    #[error(
        "no table of a form is in the file: the first row needs the codes of the columns, criterion_id among them"
    )]
    NotAForm,
    /// A column stands there twice.
    #[error("the column {0} stands in the file twice")]
    RepeatedColumn(String),
    /// The form is one of another standard, or of another version.
    #[error("the file is a form of {found}, and not of {expected}")]
    OtherStandard {
        /// What the file names.
        found: String,
        /// What was expected.
        expected: String,
    },
}

impl Unreadable {
    /// Which reason it is, stable for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rows(_) => "wrong_rows",
            Self::TooLarge(_) => "too_large",
            Self::NotUtf8 => "not_utf8",
            Self::OldSpreadsheet => "old_spreadsheet",
            Self::Broken => "broken_spreadsheet",
            Self::NotAForm => "not_a_form",
            Self::RepeatedColumn(_) => "repeated_column",
            Self::OtherStandard { .. } => "other_standard",
        }
    }
}

impl RowError {
    pub(crate) fn at(place: Place, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            sheet: place.sheet,
            row: place.row,
            column: place.column,
            cell: place.cell,
            code,
            message: message.into(),
        }
    }
}

impl Filled {
    /// Where something stands in the file that a later check names by a JSON Pointer: `/content/answers/D1.1/rating`, or
    /// `/improvement_plan/0/due`.
    #[must_use]
    pub fn place_of(&self, pointer: &str) -> Option<Place> {
        self.places.find(pointer)
    }

    /// Gives actions whose words are those of an earlier plan the other languages that they have there.
    pub fn keep_languages(&mut self, earlier: &[ImprovementAction]) {
        if let Some(actions) = &mut self.improvement_plan {
            plan::keep_languages(actions, earlier);
        }
    }
}

/// Reads a form: a spreadsheet if it begins like one, else CSV in UTF-8, with or without a byte order mark, separated by
/// commas, semicolons or tabs.
///
/// A row in which nothing is filled in is passed over: it erases nothing.
///
/// # Errors
/// See [`Unreadable`].
pub fn read(bytes: &[u8], standard: &QualityStandard) -> Result<Filled, Unreadable> {
    if bytes.len() > FILE_BYTES {
        return Err(Unreadable::TooLarge("it has more than 2 MiB"));
    }
    // The compound files of older spreadsheets and of encrypted ones.
    if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(Unreadable::OldSpreadsheet);
    }
    let tables = if bytes.starts_with(b"PK") {
        sheet_in::tables(bytes)?
    } else {
        comma::table(bytes)?.into_iter().collect()
    };
    if tables.is_empty() {
        return Err(Unreadable::NotAForm);
    }
    let mut reading = Reading::new(standard);
    for table in &tables {
        reading.table(table)?;
    }
    reading.finish()
}

struct Reading<'s> {
    standard: &'s QualityStandard,
    mark: String,
    criteria: BTreeSet<&'s str>,
    answers: BTreeMap<String, Answer>,
    plan: Vec<ImprovementAction>,
    unknown_columns: Vec<String>,
    places: Places,
    errors: Errors,
}

impl<'s> Reading<'s> {
    fn new(standard: &'s QualityStandard) -> Self {
        Self {
            standard,
            mark: mark(standard),
            criteria: standard.criteria().map(|it| it.id.as_str()).collect(),
            answers: BTreeMap::new(),
            plan: Vec::new(),
            unknown_columns: Vec::new(),
            places: Places::default(),
            errors: Errors::default(),
        }
    }

    fn finish(self) -> Result<Filled, Unreadable> {
        let errors = self.errors.into_inner();
        if !errors.is_empty() {
            return Err(Unreadable::Rows(errors));
        }
        Ok(Filled {
            answers: self.answers,
            improvement_plan: (!self.plan.is_empty()).then_some(self.plan),
            unknown_columns: self.unknown_columns,
            places: self.places,
        })
    }

    fn table(&mut self, table: &Table) -> Result<(), Unreadable> {
        self.unknown_columns.extend(table.unknown.iter().cloned());
        self.places.tables.push(Head::of(table));
        for row in &table.rows {
            self.is_of_this_standard(table, row)?;
            let kind = table.cell(row, Column::Type).and_then(Cell::word);
            match kind.as_deref().unwrap_or("").to_ascii_lowercase().as_str() {
                "criterion" => self.criterion(table, row),
                "action" => self.action(table, row),
                "" if table.usual_kind() == Some(RowKind::Criterion) => self.criterion(table, row),
                "" if table.usual_kind() == Some(RowKind::Action) => self.action(table, row),
                "" if table.is_empty(row) => {}
                _ => self.fields(table, row).refuse(
                    Column::Type,
                    "unknown_type",
                    "a row is of the type criterion or action",
                ),
            }
        }
        Ok(())
    }

    fn is_of_this_standard(&self, table: &Table, row: &Row) -> Result<(), Unreadable> {
        let found = table.cell(row, Column::Standard).and_then(Cell::word);
        match found {
            Some(found) if found != self.mark => Err(Unreadable::OtherStandard {
                found: found.chars().take(limits::SHORT).collect(),
                expected: self.mark.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn fields<'f>(&'f mut self, table: &'f Table, row: &'f Row) -> Fields<'f> {
        Fields {
            table,
            row,
            errors: &mut self.errors,
        }
    }

    /// Notes what is filled in for a row of the other type: passed over, it would be lost.
    fn misplaced(&mut self, table: &Table, row: &Row, is_action: bool) {
        let columns = table.columns.keys().copied();
        for column in
            columns.filter(|it| it.is_read() && !it.is_given() && it.is_of_actions() != is_action)
        {
            let mut fields = self.fields(table, row);
            if fields.is_there(column) {
                let message = "this column is filled in for rows of the other type only";
                fields.refuse(column, "other_type", message);
            }
        }
    }

    fn criterion(&mut self, table: &Table, row: &Row) {
        self.misplaced(table, row, false);
        let is_empty = table.is_empty(row);
        let Some(id) = table.cell(row, Column::CriterionId).and_then(Cell::word) else {
            if !is_empty {
                self.fields(table, row).refuse_criterion();
            }
            return;
        };
        if !self.criteria.contains(&*id) {
            return self.fields(table, row).refuse_criterion();
        }
        if self.places.answers.contains_key(&*id) {
            let message = "this criterion has a row already";
            return self
                .fields(table, row)
                .refuse(Column::CriterionId, "repeated", message);
        }
        let standard = self.standard;
        let mut fields = self.fields(table, row);
        let evidence = fields.evidence_numbers();
        let answer = (!is_empty).then(|| fields.answer(standard, &evidence));
        self.answers
            .extend(answer.map(|answer| (id.to_string(), answer)));
        let place = self.place(row, evidence);
        self.places.answers.insert(id.into_owned(), place);
    }

    fn action(&mut self, table: &Table, row: &Row) {
        if table.is_empty(row) {
            return;
        }
        self.misplaced(table, row, true);
        let id = table.cell(row, Column::CriterionId).and_then(Cell::word);
        let is_criterion = id.is_some_and(|id| self.criteria.contains(&*id));
        let usual = &self.standard.default_language;
        let action = self.fields(table, row).action(is_criterion, usual);
        self.plan.push(action);
        let place = self.place(row, Vec::new());
        self.places.actions.push(place);
    }

    fn place(&self, row: &Row, evidence: Vec<u8>) -> RowPlace {
        RowPlace {
            table: self.places.tables.len().saturating_sub(1),
            row: row.number,
            evidence,
        }
    }
}
