//! A form as a spreadsheet: how to fill it in, the criteria, the improvement plan.

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{
    ColNum, Color, DataValidation, DataValidationErrorStyle, DocProperties, ExcelDateTime, Format,
    FormatAlign, FormatBorder, Formula, RowNum, Workbook, Worksheet, XlsxError,
};

use crate::columns::{self, Column, Piece};
use crate::fields::MEANING;
use crate::form::{Asked, Form, FormError};
use crate::guide::{self, Lists};
use crate::rows::Value;

/// Rows for actions that are there to be filled in.
const BLANK_ACTIONS: usize = 20;
/// UTF-16 units of text that a cell can hold are 32,767.
const MOST_UNITS: usize = 32_000;
/// The rows of the codes and of the headings.
const HEAD: RowNum = 2;

pub(crate) fn write(form: &Form<'_>) -> Result<Vec<u8>, FormError> {
    let asked = form.asked()?;
    let evidence = Form::evidence(&asked)?;
    book(form, &asked, evidence).map_err(|error| FormError::Writing(error.to_string()))
}

fn book(form: &Form<'_>, asked: &[Asked<'_>], evidence: usize) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // A fixed day, so that the same form is the same file.
    let day = ExcelDateTime::from_ymd(2000, 1, 1)?;
    let title = form.lang.text(&form.standard.title);
    let properties = DocProperties::new().set_title(title);
    book.set_properties(&properties.set_creation_datetime(&day));

    let styles = Styles::new();
    let names = ["sheet-guide", "sheet-criteria", "sheet-plan"].map(|key| form.lang.message(key));
    let [guide, criteria, plan] = &names;
    let lists = guide::write(form, guide, sheet(&mut book, form, guide)?, &styles)?;

    let columns = columns::of_criteria(evidence);
    let rows = asked.iter().map(|asked| {
        let cells = columns.iter();
        cells.map(|it| form.criterion_cell(asked, *it)).collect()
    });
    let rows: Vec<Vec<Value>> = rows.collect();
    let criteria_sheet = sheet(&mut book, form, criteria)?;
    table(criteria_sheet, form, &columns, &rows, &styles)?;
    choices(criteria_sheet, &columns, rows.len(), &lists, None)?;

    let columns = columns::of_actions();
    let blank = std::iter::repeat_n(None, BLANK_ACTIONS);
    let actions = form.improvement_plan.iter().map(Some).chain(blank);
    let rows = actions.map(|action| {
        let cells = columns.iter();
        cells.map(|it| form.action_cell(action, *it)).collect()
    });
    let rows: Vec<Vec<Value>> = rows.collect();
    let ids = guide::range(criteria, 1, HEAD, asked.len());
    let plan_sheet = sheet(&mut book, form, plan)?;
    table(plan_sheet, form, &columns, &rows, &styles)?;
    choices(plan_sheet, &columns, rows.len(), &lists, Some(&ids))?;
    book.save_to_buffer()
}

fn sheet<'b>(
    book: &'b mut Workbook,
    form: &Form<'_>,
    name: &str,
) -> Result<&'b mut Worksheet, XlsxError> {
    let sheet = book.add_worksheet();
    sheet.set_name(name)?;
    sheet.set_right_to_left(form.lang.is_right_to_left());
    sheet.set_landscape();
    sheet.set_paper_size(9); // A4
    sheet.set_print_fit_to_pages(1, 0);
    Ok(sheet)
}

/// Codes, headings and rows.
fn table(
    sheet: &mut Worksheet,
    form: &Form<'_>,
    columns: &[Column],
    rows: &[Vec<Value>],
    styles: &Styles,
) -> Result<(), XlsxError> {
    for (at, column) in (0..).zip(columns) {
        sheet.write_string_with_format(0, at, column.to_string(), &styles.code)?;
        sheet.write_string_with_format(1, at, column.heading(form.lang), &styles.heading)?;
        sheet.set_column_width(at, width(*column))?;
        // Formats beyond the last row too, where people may add some.
        sheet.set_column_format(at, styles.of(*column, columns))?;
        if matches!(column, Column::Type | Column::Standard) {
            sheet.set_column_hidden(at)?;
        }
    }
    for (row, values) in (HEAD..).zip(rows) {
        for ((at, column), value) in (0..).zip(columns).zip(values) {
            write_value(sheet, row, at, value, styles.of(*column, columns))?;
        }
    }
    sheet.set_freeze_panes(HEAD, 2)?;
    sheet.set_repeat_rows(0, HEAD - 1)?;
    Ok(())
}

fn write_value(
    sheet: &mut Worksheet,
    row: RowNum,
    column: ColNum,
    value: &Value,
    format: &Format,
) -> Result<(), XlsxError> {
    match value {
        Value::Empty => sheet.write_blank(row, column, format)?,
        Value::Number(number) => sheet.write_number_with_format(row, column, *number, format)?,
        Value::Text(text) => return write_text(sheet, row, column, text, format),
        Value::Code(code, meaning) => {
            return write_text(sheet, row, column, &with_meaning(code, meaning), format);
        }
        Value::Date(date) => match serial(*date) {
            Some(date) => sheet.write_date_with_format(row, column, date, format)?,
            None => return write_text(sheet, row, column, &date.to_string(), format),
        },
    };
    Ok(())
}

/// Text, and never a formula.
pub(crate) fn write_text(
    sheet: &mut Worksheet,
    row: RowNum,
    column: ColNum,
    text: &str,
    format: &Format,
) -> Result<(), XlsxError> {
    let text = cut(text);
    // The library takes text between these tags for markup and writes it as it is: whoever wrote it would write the file.
    if text.starts_with("<r>") && text.ends_with("</r>") {
        let text = text.replace("_x", "_x005F_x");
        let plain = Format::default();
        sheet.write_rich_string_with_format(row, column, &[(&plain, &text)], format)?;
    } else {
        sheet.write_string_with_format(row, column, text, format)?;
    }
    Ok(())
}

/// As much of a text as fits into a cell. Only what is not read back can be that long.
fn cut(text: &str) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > MOST_UNITS
    });
    end.map_or(text, |(at, _)| text.split_at(at).0)
}

/// A code with what it means, as people choose it from a list.
pub(crate) fn with_meaning(code: &str, meaning: &str) -> String {
    if meaning.is_empty() || meaning == code {
        code.to_owned()
    } else {
        format!("{code}{MEANING}{meaning}")
    }
}

/// A day as Excel counts it. It knows none before 1900, and one too many in February of that year.
fn serial(date: NaiveDate) -> Option<ExcelDateTime> {
    if date < NaiveDate::from_ymd_opt(1900, 3, 1)? {
        return None;
    }
    let year = u16::try_from(date.year()).ok()?;
    let month = u8::try_from(date.month()).ok()?;
    let day = u8::try_from(date.day()).ok()?;
    ExcelDateTime::from_ymd(year, month, day).ok()
}

/// Lists to choose from.
fn choices(
    sheet: &mut Worksheet,
    columns: &[Column],
    rows: usize,
    lists: &Lists,
    criteria: Option<&str>,
) -> Result<(), XlsxError> {
    let Some(last) = rows.checked_sub(1) else {
        return Ok(());
    };
    let last = HEAD + RowNum::try_from(last).unwrap_or(0);
    for (at, column) in (0..).zip(columns) {
        let list: &str = match column {
            Column::Rating => &lists.ratings,
            Column::Current | Column::Target => &lists.numbers,
            Column::Status => &lists.status,
            Column::Evidence(_, Piece::Type) => &lists.evidence_types,
            Column::Evidence(_, Piece::Visibility) => &lists.visibility,
            Column::CriterionId => match criteria {
                Some(criteria) => criteria,
                None => continue,
            },
            _ => continue,
        };
        // A list that may be overruled: what counts is checked when the file is read.
        let choice = DataValidation::new()
            .allow_list_formula(Formula::new(list))
            .set_error_style(DataValidationErrorStyle::Warning);
        sheet.add_data_validation(HEAD, at, last, at, &choice)?;
    }
    Ok(())
}

fn width(column: Column) -> f64 {
    match column {
        Column::Statement | Column::Indicators | Column::Action => 50.0,
        Column::NotApplicable | Column::Comment | Column::ProgressNote => 40.0,
        Column::Title | Column::Dimension | Column::ResponsibleFunction => 26.0,
        Column::Evidence(_, Piece::Title | Piece::Type | Piece::Url) => 30.0,
        Column::Status | Column::Evidence(_, Piece::Visibility | Piece::Covers) => 20.0,
        Column::Type | Column::Standard => 12.0,
        _ => 13.0,
    }
}

/// How cells look.
pub(crate) struct Styles {
    pub(crate) code: Format,
    pub(crate) heading: Format,
    pub(crate) title: Format,
    pub(crate) notice: Format,
    pub(crate) words: Format,
    /// What is only to be read.
    given: Format,
    /// Text stays as it is typed: without this Excel would make dates of some.
    text: Format,
    number: Format,
    date: Format,
}

impl Styles {
    fn new() -> Self {
        // Whoever edits text that begins like a formula does not make one of it.
        let words = Format::new()
            .set_text_wrap()
            .set_align(FormatAlign::Top)
            .set_quote_prefix();
        let framed = words.clone().set_border(FormatBorder::Hair);
        let plain = Format::new()
            .set_text_wrap()
            .set_align(FormatAlign::Top)
            .set_border(FormatBorder::Hair);
        Self {
            code: Format::new()
                .set_font_size(8)
                .set_font_color(Color::RGB(0x0066_6666)),
            heading: framed
                .clone()
                .set_bold()
                .set_background_color(Color::RGB(0x00DC_E6F1)),
            title: words.clone().set_bold().set_font_size(14),
            notice: words
                .clone()
                .set_bold()
                .set_background_color(Color::RGB(0x00FF_F2CC)),
            given: framed.clone().set_background_color(Color::RGB(0x00F5_F5F5)),
            text: framed.clone().set_num_format("@"),
            number: plain.clone(),
            date: plain.set_num_format("yyyy-mm-dd"),
            words,
        }
    }

    /// How a column looks among these.
    fn of(&self, column: Column, columns: &[Column]) -> &Format {
        let is_plan = columns.contains(&Column::Action);
        match column {
            Column::CriterionId if is_plan => &self.text,
            Column::Rating | Column::Current | Column::Target => &self.number,
            Column::Due | Column::Evidence(_, Piece::Date | Piece::StillInForce) => &self.date,
            column if column.is_given() && column != Column::ActionLanguage => &self.given,
            _ => &self.text,
        }
    }
}
