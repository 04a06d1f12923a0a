//! The first sheet of a spreadsheet: what the standard is, how to fill in the form, and the lists to choose from.

use rust_xlsxwriter::{RowNum, Worksheet, XlsxError};

use crate::form::Form;
use crate::rows::{NOT_APPLICABLE, STATUS, VISIBILITY};
use crate::sheet_out::{Styles, with_meaning, write_text};

/// Where the lists to choose from stand, as formulas.
pub(crate) struct Lists {
    /// All ratings, and the mark of what does not apply.
    pub(crate) ratings: String,
    /// Ratings only.
    pub(crate) numbers: String,
    pub(crate) evidence_types: String,
    pub(crate) visibility: String,
    pub(crate) status: String,
}

/// What to do, line by line.
pub(crate) const STEPS: [&str; 7] = [
    "how-rating",
    "how-not-applicable",
    "how-evidence",
    "how-evidence-people",
    "how-dates",
    "how-plan",
    "how-columns",
];

/// So many rows of one column of a sheet, from a row on.
pub(crate) fn range(sheet: &str, column: u8, from: RowNum, rows: usize) -> String {
    let letter = char::from(b'A' + column.min(25));
    let rows = RowNum::try_from(rows.max(1)).unwrap_or(1);
    let (first, last) = (from + 1, from + rows);
    let sheet = sheet.replace('\'', "''");
    format!("='{sheet}'!${letter}${first}:${letter}${last}")
}

pub(crate) fn write(
    form: &Form<'_>,
    name: &str,
    sheet: &mut Worksheet,
    styles: &Styles,
) -> Result<Lists, XlsxError> {
    for (column, width) in [(0, 60.0), (1, 30.0), (2, 70.0)] {
        sheet.set_column_width(column, width)?;
    }
    let mut guide = Guide {
        name,
        sheet,
        styles,
        row: 0,
    };
    guide.about(form)?;
    let (ratings, numbers) = guide.ratings(form)?;
    let types = form.standard.evidence_types.iter();
    let types = types.map(|it| with_meaning(&it.code, &form.lang.text(&it.label)));
    let status = STATUS.map(|(code, _)| with_meaning(code, &form.status_label(code)));
    let visibility = VISIBILITY.map(|(code, _)| with_meaning(code, &form.visibility_label(code)));
    Ok(Lists {
        ratings,
        numbers,
        evidence_types: guide.list(&form.lang.message("list-evidence-types"), types)?,
        visibility: guide.list(&form.lang.message("list-visibility"), visibility)?,
        status: guide.list(&form.lang.message("list-status"), status)?,
    })
}

/// The sheet, and the row that is written next.
struct Guide<'g> {
    name: &'g str,
    sheet: &'g mut Worksheet,
    styles: &'g Styles,
    row: RowNum,
}

impl Guide<'_> {
    fn line(
        &mut self,
        text: &str,
        format: fn(&Styles) -> &rust_xlsxwriter::Format,
    ) -> Result<(), XlsxError> {
        write_text(self.sheet, self.row, 0, text, format(self.styles))?;
        self.row += 1;
        Ok(())
    }

    fn about(&mut self, form: &Form<'_>) -> Result<(), XlsxError> {
        self.line(&form.lang.text(&form.standard.title), |it| &it.title)?;
        self.line(&form.standard.code, |it| &it.words)?;
        self.line(&form.version(), |it| &it.words)?;
        if let Some(notice) = form.notice() {
            self.line(&notice, |it| &it.notice)?;
        }
        if let Some(disclaimer) = &form.standard.disclaimer {
            self.line(&form.lang.text(disclaimer), |it| &it.words)?;
        }
        self.row += 1;
        self.line(&form.lang.message("how-title"), |it| &it.heading)?;
        for step in STEPS {
            self.line(&form.lang.message(step), |it| &it.words)?;
        }
        Ok(())
    }

    /// The scale. Gives the ranges with and without the mark of what does not apply.
    fn ratings(&mut self, form: &Form<'_>) -> Result<(String, String), XlsxError> {
        self.row += 1;
        self.line(&form.lang.message("list-ratings"), |it| &it.heading)?;
        let first = self.row;
        let words = &self.styles.words;
        for (value, level) in form.ratings() {
            self.sheet
                .write_number_with_format(self.row, 0, value, words)?;
            if let Some(level) = level {
                let label = form.lang.text(&level.label);
                write_text(self.sheet, self.row, 1, &label, words)?;
                let anchor = level.anchor.as_ref().map(|text| form.lang.text(text));
                write_text(self.sheet, self.row, 2, &anchor.unwrap_or_default(), words)?;
            }
            self.row += 1;
        }
        let number = usize::try_from(self.row - first).unwrap_or(1);
        let numbers = range(self.name, 0, first, number);
        if !form.standard.scale.allow_not_applicable {
            return Ok((numbers.clone(), numbers));
        }
        let meaning = form.lang.message("not-applicable");
        write_text(self.sheet, self.row, 1, &meaning, words)?;
        self.line(NOT_APPLICABLE, |it| &it.words)?;
        Ok((range(self.name, 0, first, number + 1), numbers))
    }

    fn list(
        &mut self,
        heading: &str,
        items: impl IntoIterator<Item = String>,
    ) -> Result<String, XlsxError> {
        self.row += 1;
        self.line(heading, |it| &it.heading)?;
        let first = self.row;
        for item in items {
            self.line(&item, |it| &it.words)?;
        }
        let number = usize::try_from(self.row - first).unwrap_or(1);
        Ok(range(self.name, 0, first, number))
    }
}
