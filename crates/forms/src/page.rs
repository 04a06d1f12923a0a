//! A form as a page to print: without scripts, with one style inside, so that it is one file.

use std::sync::LazyLock;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Text;
use domain::kinds::{AnswerEvidence, Dimension, ImprovementAction};
use messages::{Language, direction};
use sha2::{Digest, Sha256};

use crate::columns::Piece;
use crate::form::{Asked, Form, FormError};
use crate::guide::STEPS;
use crate::rows::{NOT_APPLICABLE, STATUS, VISIBILITY, code_of};

const STYLE: &str = include_str!("../templates/form.css");
/// Empty lines for evidence below what is there.
const BLANK_EVIDENCE: usize = 2;

/// The Content-Security-Policy (CSP Level 3) to serve the page with: nothing but its own style, known by its hash.
#[must_use]
pub fn page_csp() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    });
    &POLICY
}

pub(crate) fn write(form: &Form<'_>) -> Result<String, FormError> {
    let page = Page::of(form)?;
    page.render()
        .map_err(|error| FormError::Writing(error.to_string()))
}

#[derive(Template)]
#[template(path = "form.html")]
struct Page {
    lang: Language,
    style: &'static str,
    title: Words,
    code: String,
    version: String,
    notice: Option<String>,
    disclaimer: Option<Words>,
    levels: Vec<Level>,
    evidence_types: Vec<Words>,
    dimensions: Vec<Section>,
    /// Actions for criteria that are not asked.
    other_actions: Vec<Action>,
}

/// A text and the language that it is in, which may be another one than the page's.
struct Words {
    value: String,
    lang: String,
    dir: &'static str,
}

struct Level {
    value: i32,
    label: Option<Words>,
    anchor: Option<Words>,
}

struct Section {
    id: String,
    title: Words,
    purpose: Option<Words>,
    criteria: Vec<Question>,
}

struct Question {
    id: String,
    title: Words,
    statement: Words,
    core: bool,
    indicators: Vec<Words>,
    boxes: Vec<TickBox>,
    allow_not_applicable: bool,
    not_applicable: String,
    comment: String,
    /// Cells in the order of [`Piece::all`]; empty rows are to be written on.
    evidence: Vec<Vec<String>>,
    actions: Vec<Action>,
}

struct TickBox {
    label: String,
    ticked: bool,
}

/// An action, or an empty row for one.
#[derive(Default)]
struct Action {
    criterion: String,
    words: Option<Words>,
    current: String,
    target: String,
    who: String,
    due: String,
    status: String,
    note: String,
}

impl Page {
    fn of(form: &Form<'_>) -> Result<Self, FormError> {
        let asked = form.asked()?;
        let words = |text: &Text| Words::of(text, form.lang);
        let mut dimensions: Vec<Section> = Vec::new();
        for asked in &asked {
            if dimensions
                .last()
                .is_none_or(|it| it.id != asked.dimension.id)
            {
                dimensions.push(Section::of(asked.dimension, form.lang));
            }
            if let Some(section) = dimensions.last_mut() {
                section.criteria.push(Question::of(form, asked));
            }
        }
        let is_asked = |id: &str| asked.iter().any(|it| it.criterion.id == id);
        let others = form.improvement_plan.iter();
        let others = others.filter(|action| !is_asked(&action.criterion_id));
        let types = form.standard.evidence_types.iter();
        let levels = form.ratings().into_iter().map(|(value, level)| Level {
            value,
            label: level.map(|level| words(&level.label)),
            anchor: level.and_then(|level| level.anchor.as_ref()).map(words),
        });
        Ok(Self {
            lang: form.lang,
            style: STYLE,
            title: words(&form.standard.title),
            code: form.standard.code.clone(),
            version: form.version(),
            notice: form.notice(),
            disclaimer: form.standard.disclaimer.as_ref().map(words),
            levels: levels.collect(),
            evidence_types: types.map(|it| words(&it.label)).collect(),
            dimensions,
            other_actions: others.map(|action| Action::of(form, action)).collect(),
        })
    }

    /// A message.
    fn t(&self, key: &str) -> String {
        self.lang.message(key)
    }

    fn dir(&self) -> &'static str {
        self.lang.direction()
    }

    fn steps(&self) -> impl Iterator<Item = String> {
        // What is about columns and files means nothing on paper.
        let steps = STEPS.into_iter();
        let steps = steps.filter(|step| !matches!(*step, "how-dates" | "how-columns"));
        steps.map(|step| self.t(step))
    }

    fn pieces(&self) -> impl Iterator<Item = String> {
        Piece::all().map(|it| self.t(&format!("evidence-{}", it.code().replace('_', "-"))))
    }
}

impl Words {
    fn of(text: &Text, wanted: Language) -> Self {
        let (lang, value) = match text.best(wanted.tag()) {
            Some((lang, text)) => (lang.0.clone(), text.value.clone()),
            None => (wanted.tag().to_owned(), String::new()),
        };
        Self {
            dir: direction(&lang),
            lang,
            value,
        }
    }
}

impl Section {
    fn of(dimension: &Dimension, lang: Language) -> Self {
        Self {
            id: dimension.id.clone(),
            title: Words::of(&dimension.title, lang),
            purpose: dimension.purpose.as_ref().map(|it| Words::of(it, lang)),
            criteria: Vec::new(),
        }
    }
}

impl Question {
    fn of(form: &Form<'_>, asked: &Asked<'_>) -> Self {
        let criterion = asked.criterion;
        let answer = asked.answer;
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let pieces = answer.map_or(&[] as &[_], |answer| &answer.evidence);
        let mut evidence: Vec<Vec<String>> = pieces.iter().map(|it| piece_row(form, it)).collect();
        let blank = vec![String::new(); Piece::all().count()];
        evidence.extend(std::iter::repeat_n(blank, BLANK_EVIDENCE));
        let actions = form.improvement_plan.iter();
        let mut actions: Vec<Action> = actions
            .filter(|action| action.criterion_id == criterion.id)
            .map(|action| Action::of(form, action))
            .collect();
        actions.push(Action::default());
        Self {
            id: criterion.id.clone(),
            title: Words::of(&criterion.title, form.lang),
            statement: Words::of(&criterion.statement, form.lang),
            core: criterion.core,
            indicators: criterion
                .indicators
                .iter()
                .map(|it| Words::of(&it.text, form.lang))
                .collect(),
            boxes: boxes(form, asked),
            allow_not_applicable: form.standard.scale.allow_not_applicable,
            not_applicable: text(answer.and_then(|it| it.not_applicable.as_ref())),
            comment: text(answer.and_then(|it| it.comment.as_ref())),
            evidence,
            actions,
        }
    }
}

/// A box for each rating, and one for a criterion that does not apply.
fn boxes(form: &Form<'_>, asked: &Asked<'_>) -> Vec<TickBox> {
    let rating = asked.answer.and_then(|answer| answer.rating);
    let ratings = form.ratings().into_iter().map(|(value, _)| TickBox {
        label: value.to_string(),
        ticked: rating == Some(value),
    });
    let mut boxes: Vec<TickBox> = ratings.collect();
    if form.standard.scale.allow_not_applicable {
        boxes.push(TickBox {
            label: NOT_APPLICABLE.to_owned(),
            ticked: asked.answer.is_some_and(|it| it.not_applicable.is_some()),
        });
    }
    boxes
}

fn piece_row(form: &Form<'_>, evidence: &AnswerEvidence) -> Vec<String> {
    let cell = |piece| match piece {
        Piece::Type => form.evidence_label(&evidence.evidence_type),
        Piece::Title => evidence.title.clone(),
        Piece::Date => evidence.date.to_string(),
        Piece::Url => match &evidence.url {
            Some(url) => url.clone(),
            None => form.lang.message("held-internally"),
        },
        Piece::StillInForce => optional(evidence.still_in_force),
        Piece::Language => optional(evidence.language.as_ref()),
        Piece::Visibility => form.visibility_label(code_of(&VISIBILITY, &evidence.visibility)),
        Piece::Covers => evidence.covers.join(" "),
    };
    Piece::all().map(cell).collect()
}

impl Action {
    fn of(form: &Form<'_>, action: &ImprovementAction) -> Self {
        Self {
            criterion: action.criterion_id.clone(),
            words: Some(Words::of(&action.action, form.lang)),
            current: optional(action.current),
            target: optional(action.target),
            who: optional(action.responsible_function.as_ref()),
            due: optional(action.due),
            status: form.status_label(code_of(&STATUS, &action.status)),
            note: optional(action.progress_note.as_ref()),
        }
    }
}

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
