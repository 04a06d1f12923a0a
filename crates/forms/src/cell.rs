//! A cell that was read.

use std::borrow::Cow;

use chrono::NaiveDate;

/// What stands in a cell of either file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Number(f64),
    Date(NaiveDate),
    /// Text of so many characters, longer than anything that is read.
    TooLong(usize),
    /// An error value, or a point in time where a day belongs.
    Unreadable,
}

/// No text that is read is longer: 2,000 characters of at most four bytes.
const MOST_BYTES: usize = 8_000;

impl Cell {
    /// Text as it is kept, with line ends of one kind; `None` for an empty cell.
    pub(crate) fn text(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        if text.len() > MOST_BYTES {
            return Some(Self::TooLong(text.chars().count()));
        }
        Some(Self::Text(one_line_end(text).into_owned()))
    }

    /// The bytes that it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        let text = match self {
            Self::Text(text) => text.len(),
            _ => 0,
        };
        text + size_of::<Self>()
    }

    /// The words of it, where a word is expected: an id, a code, a heading.
    pub(crate) fn word(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text.trim())),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Date(date) => Some(Cow::Owned(date.to_string())),
            Self::TooLong(_) | Self::Unreadable => None,
        }
    }
}

/// The same text with line feeds only, as entries have them.
pub(crate) fn one_line_end(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}
