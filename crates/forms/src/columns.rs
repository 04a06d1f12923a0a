//! The columns of both files.

use std::fmt;

use messages::Language;

/// A column, whatever its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Type,
    CriterionId,
    Dimension,
    Title,
    Statement,
    Indicators,
    Rating,
    NotApplicable,
    Comment,
    Current,
    Target,
    Action,
    ActionLanguage,
    ResponsibleFunction,
    Due,
    Status,
    ProgressNote,
    Standard,
    /// What there is to say about the n-th piece of evidence, counted from 1.
    Evidence(u8, Piece),
}

/// What there is to say about a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Piece {
    Type,
    Title,
    Date,
    Url,
    StillInForce,
    Language,
    Visibility,
    Covers,
}

/// More pieces of evidence than an answer may have are read, so that the check of the answer can say so.
const MOST_EVIDENCE: u8 = 48;

/// The columns of both tables with their codes; those of evidence follow by number.
const SINGLE: [(Column, &str); 18] = [
    (Column::Type, "type"),
    (Column::CriterionId, "criterion_id"),
    (Column::Dimension, "dimension"),
    (Column::Title, "title"),
    (Column::Statement, "statement"),
    (Column::Indicators, "indicators"),
    (Column::Rating, "rating"),
    (Column::NotApplicable, "not_applicable"),
    (Column::Comment, "comment"),
    (Column::Current, "current"),
    (Column::Target, "target"),
    (Column::Action, "action"),
    (Column::ActionLanguage, "action_language"),
    (Column::ResponsibleFunction, "responsible_function"),
    (Column::Due, "due"),
    (Column::Status, "status"),
    (Column::ProgressNote, "progress_note"),
    (Column::Standard, "standard"),
];

const PIECES: [(Piece, &str); 8] = [
    (Piece::Type, "type"),
    (Piece::Title, "title"),
    (Piece::Date, "date"),
    (Piece::Url, "url"),
    (Piece::StillInForce, "still_in_force"),
    (Piece::Language, "language"),
    (Piece::Visibility, "visibility"),
    (Piece::Covers, "covers"),
];

/// The columns about criteria, with so many pieces of evidence.
pub(crate) fn of_criteria(evidence: usize) -> Vec<Column> {
    let mut columns = vec![
        Column::Type,
        Column::CriterionId,
        Column::Dimension,
        Column::Title,
        Column::Statement,
        Column::Indicators,
        Column::Rating,
        Column::NotApplicable,
        Column::Comment,
    ];
    columns.extend(of_evidence(evidence));
    columns.push(Column::Standard);
    columns
}

/// The columns about actions.
pub(crate) fn of_actions() -> Vec<Column> {
    let mut columns = vec![Column::Type, Column::CriterionId];
    columns.extend(ACTION);
    columns.push(Column::Standard);
    columns
}

/// The columns of one table for both. Evidence comes last, as there may be much of it.
pub(crate) fn of_both(evidence: usize) -> Vec<Column> {
    let mut columns = of_criteria(0);
    let standard = columns.pop();
    columns.extend(ACTION);
    columns.extend(standard);
    columns.extend(of_evidence(evidence));
    columns
}

const ACTION: [Column; 8] = [
    Column::Current,
    Column::Target,
    Column::Action,
    Column::ActionLanguage,
    Column::ResponsibleFunction,
    Column::Due,
    Column::Status,
    Column::ProgressNote,
];

fn of_evidence(number: usize) -> impl Iterator<Item = Column> {
    (1..=u8::try_from(number).unwrap_or(u8::MAX))
        .flat_map(|n| PIECES.map(|(piece, _)| Column::Evidence(n, piece)))
}

impl Piece {
    /// All of them, in order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PIECES.into_iter().map(|(piece, _)| piece)
    }

    pub(crate) fn code(self) -> &'static str {
        let found = PIECES.iter().find(|(piece, _)| *piece == self);
        found.map_or("", |(_, code)| code)
    }

    pub(crate) fn parse(code: &str) -> Option<Self> {
        let found = PIECES.iter().find(|(_, known)| *known == code);
        found.map(|(piece, _)| *piece)
    }
}

impl Column {
    /// The column with this code.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        let code = code.trim().to_ascii_lowercase();
        let Some(rest) = code.strip_prefix("evidence_") else {
            let found = SINGLE.iter().find(|(_, known)| *known == code);
            return found.map(|(column, _)| *column);
        };
        let (number, piece) = rest.split_once('_')?;
        let number: u8 = number.parse().ok()?;
        (1..=MOST_EVIDENCE)
            .contains(&number)
            .then_some(Self::Evidence(number, Piece::parse(piece)?))
    }

    /// What people read above the column.
    pub(crate) fn heading(self, language: Language) -> String {
        match self {
            // Marks the row as one that is not read.
            Self::Type => format!("# {}", language.message("column-type")),
            Self::Evidence(number, piece) => {
                let of = format!("evidence-{}", piece.code().replace('_', "-"));
                let heading = language.message_with("column-evidence", "number", i64::from(number));
                format!("{heading}: {}", language.message(&of))
            }
            column => language.message(&format!("column-{}", column.to_string().replace('_', "-"))),
        }
    }

    /// Whether what stands in it was put there by the form itself, so that a row with nothing else counts as empty.
    pub(crate) fn is_given(self) -> bool {
        matches!(
            self,
            Self::Type
                | Self::CriterionId
                | Self::Dimension
                | Self::Title
                | Self::Statement
                | Self::Indicators
                | Self::ActionLanguage
                | Self::Standard
        )
    }

    /// Whether it is filled in for actions only.
    pub(crate) fn is_of_actions(self) -> bool {
        ACTION.contains(&self)
    }

    /// Whether it is read at all.
    pub(crate) fn is_read(self) -> bool {
        !matches!(
            self,
            Self::Dimension | Self::Title | Self::Statement | Self::Indicators
        )
    }
}

impl fmt::Display for Column {
    /// The code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Evidence(number, piece) = self {
            return write!(f, "evidence_{number}_{}", piece.code());
        }
        let found = SINGLE.iter().find(|(column, _)| column == self);
        f.write_str(found.map_or("", |(_, code)| code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_own_code_and_has_a_heading_in_every_language() {
        for column in of_both(30) {
            assert_eq!(Column::parse(&column.to_string()), Some(column));
            for language in Language::ALL {
                let heading = column.heading(language);
                assert!(!heading.contains("column-") && !heading.contains("evidence-"));
            }
        }
        for other in [
            "",
            "evidence_0_type",
            "evidence_49_type",
            "evidence_1_",
            "rating2",
        ] {
            assert_eq!(Column::parse(other), None, "{other}");
        }
    }
}
