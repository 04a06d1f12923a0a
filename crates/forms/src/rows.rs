//! What stands in the cells of a form, whatever the file.

use chrono::NaiveDate;
use domain::Visibility;
use domain::kinds::{ActionStatus, Answer, AnswerEvidence, Criterion, ImprovementAction};

use crate::columns::{Column, Piece};
use crate::form::{Asked, Form, mark};

/// A cell that is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Empty,
    Text(String),
    Number(i32),
    Date(NaiveDate),
    /// A code, and what it means to people.
    Code(String, String),
}

/// What stands in the rating's place where a criterion does not apply.
pub(crate) const NOT_APPLICABLE: &str = "NA";

/// The codes of an action's status.
pub(crate) const STATUS: [(&str, ActionStatus); 4] = [
    ("open", ActionStatus::Open),
    ("in_progress", ActionStatus::InProgress),
    ("done", ActionStatus::Done),
    ("dropped", ActionStatus::Dropped),
];

/// The codes of who may see a piece of evidence.
pub(crate) const VISIBILITY: [(&str, Visibility); 3] = [
    ("internal", Visibility::Internal),
    ("network", Visibility::Network),
    ("public", Visibility::Public),
];

/// The code of a value of such a list.
pub(crate) fn code_of<T: PartialEq>(codes: &[(&'static str, T)], value: &T) -> &'static str {
    let found = codes.iter().find(|(_, known)| known == value);
    found.map_or("", |(code, _)| code)
}

impl Form<'_> {
    /// A cell of a criterion's row.
    pub(crate) fn criterion_cell(&self, asked: &Asked<'_>, column: Column) -> Value {
        let text = |text: &domain::Text| Value::Text(self.lang.text(text));
        let answer = asked.answer;
        match column {
            Column::Type => Value::Text("criterion".to_owned()),
            Column::CriterionId => Value::Text(asked.criterion.id.clone()),
            Column::Dimension => {
                let title = self.lang.text(&asked.dimension.title);
                Value::Text(format!("{} {title}", asked.dimension.id))
            }
            Column::Title => text(&asked.criterion.title),
            Column::Statement => text(&asked.criterion.statement),
            Column::Indicators => Value::Text(self.indicators(asked.criterion)),
            Column::Rating => rating(answer),
            Column::NotApplicable => optional(answer.and_then(|it| it.not_applicable.as_ref())),
            Column::Comment => optional(answer.and_then(|it| it.comment.as_ref())),
            Column::Standard => Value::Text(mark(self.standard)),
            Column::Evidence(number, piece) => answer
                .and_then(|answer| answer.evidence.get(usize::from(number).checked_sub(1)?))
                .map_or(Value::Empty, |evidence| self.evidence_cell(evidence, piece)),
            _ => Value::Empty,
        }
    }

    fn indicators(&self, criterion: &Criterion) -> String {
        let line =
            |it: &domain::kinds::Indicator| format!("{} {}", it.id, self.lang.text(&it.text));
        let lines: Vec<String> = criterion.indicators.iter().map(line).collect();
        lines.join("\n")
    }

    fn evidence_cell(&self, evidence: &AnswerEvidence, piece: Piece) -> Value {
        match piece {
            Piece::Type => Value::Code(
                evidence.evidence_type.clone(),
                self.evidence_label(&evidence.evidence_type),
            ),
            Piece::Title => Value::Text(evidence.title.clone()),
            Piece::Date => Value::Date(evidence.date),
            Piece::Url => optional(evidence.url.as_ref()),
            Piece::StillInForce => evidence.still_in_force.map_or(Value::Empty, Value::Date),
            Piece::Language => optional(evidence.language.as_ref().map(|lang| &lang.0)),
            Piece::Visibility => {
                let code = code_of(&VISIBILITY, &evidence.visibility);
                Value::Code(code.to_owned(), self.visibility_label(code))
            }
            Piece::Covers if evidence.covers.is_empty() => Value::Empty,
            Piece::Covers => Value::Text(evidence.covers.join(" ")),
        }
    }

    /// A cell of an action's row; without an action, of a row to fill in.
    pub(crate) fn action_cell(&self, action: Option<&ImprovementAction>, column: Column) -> Value {
        match (column, action) {
            (Column::Type, _) => return Value::Text("action".to_owned()),
            (Column::Standard, _) => return Value::Text(mark(self.standard)),
            (Column::ActionLanguage, None) => return Value::Text(self.lang.tag().to_owned()),
            _ => {}
        }
        let Some(action) = action else {
            return Value::Empty;
        };
        let words = action.action.best(self.lang.tag());
        match column {
            Column::CriterionId => Value::Text(action.criterion_id.clone()),
            Column::Current => action.current.map_or(Value::Empty, Value::Number),
            Column::Target => action.target.map_or(Value::Empty, Value::Number),
            Column::Action => optional(words.map(|(_, text)| &text.value)),
            Column::ActionLanguage => optional(words.map(|(lang, _)| &lang.0)),
            Column::ResponsibleFunction => optional(action.responsible_function.as_ref()),
            Column::Due => action.due.map_or(Value::Empty, Value::Date),
            Column::Status => {
                let code = code_of(&STATUS, &action.status);
                Value::Code(code.to_owned(), self.status_label(code))
            }
            Column::ProgressNote => optional(action.progress_note.as_ref()),
            _ => Value::Empty,
        }
    }

    /// What a type of evidence is called.
    pub(crate) fn evidence_label(&self, code: &str) -> String {
        let mut types = self.standard.evidence_types.iter();
        let known = types.find(|it| it.code == code);
        known.map_or_else(|| code.to_owned(), |it| self.lang.text(&it.label))
    }

    pub(crate) fn status_label(&self, code: &str) -> String {
        let key = format!("status-{}", code.replace('_', "-"));
        self.lang.message(&key)
    }

    pub(crate) fn visibility_label(&self, code: &str) -> String {
        self.lang.message(&format!("visibility-{code}"))
    }
}

fn rating(answer: Option<&Answer>) -> Value {
    match answer {
        Some(Answer {
            rating: Some(rating),
            ..
        }) => Value::Number(*rating),
        Some(Answer {
            not_applicable: Some(_),
            ..
        }) => Value::Text(NOT_APPLICABLE.to_owned()),
        _ => Value::Empty,
    }
}

fn optional(text: Option<&String>) -> Value {
    text.map_or(Value::Empty, |text| Value::Text(text.clone()))
}
