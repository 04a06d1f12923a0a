//! What a cell may hold, and what is said where it holds something else.

use chrono::NaiveDate;
use domain::{Lang, limits};

use crate::cell::Cell;
use crate::columns::Column;
use crate::place::place;
use crate::read::RowError;
use crate::rows::NOT_APPLICABLE;
use crate::table::{Row, Table};

/// What is wrong with the rows of a file, up to as much as people read at once.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<RowError>);

impl Errors {
    pub(crate) fn push(&mut self, error: RowError) {
        if self.0.len() < limits::VIOLATIONS {
            self.0.push(error);
        }
    }

    pub(crate) fn into_inner(self) -> Vec<RowError> {
        self.0
    }
}

/// The cells of one row, read by column.
pub(crate) struct Fields<'t> {
    pub(crate) table: &'t Table,
    pub(crate) row: &'t Row,
    pub(crate) errors: &'t mut Errors,
}

/// A rating's cell.
pub(crate) enum Rated {
    Not,
    With(i32),
    /// Marked as not applicable.
    NotApplicable,
}

/// Stands between a code and what it means, where people choose from a list.
pub(crate) const MEANING: &str = " · ";

impl<'t> Fields<'t> {
    fn cell(&self, column: Column) -> Option<&'t Cell> {
        self.table.cell(self.row, column)
    }

    pub(crate) fn is_there(&self, column: Column) -> bool {
        self.cell(column).is_some()
    }

    /// Notes what is wrong with a cell.
    pub(crate) fn refuse(
        &mut self,
        column: Column,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.errors.push(RowError::at(
            place(self.table, self.row, column),
            code,
            message,
        ));
    }

    /// Text as it stands there.
    pub(crate) fn text(&mut self, column: Column, most: usize) -> Option<String> {
        let text = match self.cell(column)? {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Date(date) => date.to_string(),
            Cell::TooLong(length) => {
                self.too_long(column, most, *length);
                return None;
            }
            Cell::Unreadable => {
                self.refuse(column, "unreadable_cell", "this cell holds no text");
                return None;
            }
        };
        let length = text.chars().count();
        if length > most {
            self.too_long(column, most, length);
            return None;
        }
        Some(text)
    }

    fn too_long(&mut self, column: Column, most: usize, length: usize) {
        let message = format!("at most {most} characters, these are {length}");
        self.refuse(column, "too_long", message);
    }

    /// A word: blanks around it do not count.
    pub(crate) fn word(&mut self, column: Column, most: usize) -> Option<String> {
        let text = self.text(column, most)?;
        Some(text.trim().to_owned())
    }

    /// Text that has to be there.
    pub(crate) fn required(&mut self, column: Column, most: usize) -> Option<String> {
        if !self.is_there(column) {
            self.refuse(column, "required", "this cell may not stay empty here");
        }
        self.text(column, most)
    }

    /// A whole number. `3.0` is one: programs write it so.
    pub(crate) fn whole(&mut self, column: Column) -> Option<i32> {
        let cell = self.cell(column)?;
        let found = match cell {
            Cell::Text(text) => whole(text),
            Cell::Number(number) => whole(&number.to_string()),
            _ => None,
        };
        if found.is_none() {
            self.refuse(column, "not_a_whole_number", "expected a whole number");
        }
        found
    }

    /// A rating, or the mark of a criterion that does not apply.
    pub(crate) fn rating(&mut self, column: Column) -> Rated {
        let word = self.cell(column).and_then(Cell::word);
        if word.is_some_and(|word| word.eq_ignore_ascii_case(NOT_APPLICABLE)) {
            return Rated::NotApplicable;
        }
        self.whole(column).map_or(Rated::Not, Rated::With)
    }

    /// A day.
    pub(crate) fn date(&mut self, column: Column) -> Option<NaiveDate> {
        let found = match self.cell(column)? {
            Cell::Date(date) => Some(*date),
            Cell::Text(text) => day(text.trim()),
            _ => None,
        };
        if found.is_none() {
            self.refuse(
                column,
                "not_a_date",
                "expected a date as year-month-day (2026-03-31) or day.month.year (31.03.2026)",
            );
        }
        found
    }

    /// A code of a list, alone or with its meaning behind it.
    pub(crate) fn code<'c>(
        &mut self,
        column: Column,
        error: &'static str,
        known: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        let word = self.word(column, limits::SHORT + MEANING.len() + limits::TITLE)?;
        let is_meant = |code: &str| {
            let rest = word.strip_prefix(code);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(MEANING))
        };
        // A code may hold what stands before a meaning: the longest is meant.
        let meant = known.into_iter().filter(|code| is_meant(code));
        let found = meant.max_by_key(|code| code.len());
        if found.is_none() {
            self.refuse(column, error, "this is not a code of the list");
        }
        found
    }

    /// A language tag.
    pub(crate) fn language(&mut self, column: Column) -> Option<Lang> {
        let lang = Lang(self.word(column, limits::SHORT)?);
        if lang.is_valid() {
            return Some(lang);
        }
        let expected = "expected a language tag of BCP 47, such as de, pt-BR or sr-Latn";
        self.refuse(column, "not_a_language", expected);
        None
    }
}

/// `3`, `3.0` and, from a German program, `3,0`.
fn whole(text: &str) -> Option<i32> {
    let text = text.trim();
    let (whole, rest) = text.split_once(['.', ',']).unwrap_or((text, ""));
    if !rest.bytes().all(|digit| digit == b'0') || text.ends_with(['.', ',']) {
        return None;
    }
    whole.parse().ok()
}

/// ISO 8601, or day.month.year. No language writes the month first when it writes points; with slashes there are both.
fn day(text: &str) -> Option<NaiveDate> {
    let parts = |separator| {
        let parts: Vec<&str> = text.split(separator).collect();
        <[&str; 3]>::try_from(parts).ok()
    };
    let number = |text: &str, lengths: std::ops::RangeInclusive<usize>| -> Option<u32> {
        let is_number = lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok())?
    };
    let (year, month, day) = if let Some([year, month, day]) = parts('-') {
        (
            number(year, 4..=4)?,
            number(month, 2..=2)?,
            number(day, 2..=2)?,
        )
    } else {
        let [day, month, year] = parts('.')?;
        (
            number(year, 4..=4)?,
            number(month, 1..=2)?,
            number(day, 1..=2)?,
        )
    };
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_whole() {
        for (text, expected) in [("3", 3), (" 3.0 ", 3), ("3,00", 3), ("-1", -1), ("-0.0", 0)] {
            assert_eq!(whole(text), Some(expected), "{text}");
        }
        for text in ["3.5", "3,5", "", "three", "3.", ".0", "99999999999", "1e3"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read_where_only_one_day_can_be_meant() {
        let day_of = |text| day(text).map(|day| day.to_string());
        for text in ["2026-03-04", "04.03.2026", "4.3.2026"] {
            assert_eq!(day_of(text).as_deref(), Some("2026-03-04"), "{text}");
        }
        for text in [
            "03/04/2026",
            "4.3.26",
            "2026-3-4",
            "2026-02-30",
            "46085",
            "March 2026",
            "+026-03-04",
            "2026-03-04-05",
        ] {
            assert_eq!(day_of(text), None, "{text}");
        }
    }
}
