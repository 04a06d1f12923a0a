//! The shipped standard, and forms by it.

use std::collections::BTreeMap;

use domain::kinds::{Answer, AssessedSubject, ImprovementAction, QualityStandard};
use domain::{Code, Kind};
use forms::{Filled, Form, Language, RowError, Unreadable, read};
use serde_json::{Value, json};

/// The shipped standard as the content of an entry.
pub(crate) fn shipped() -> QualityStandard {
    let text = include_str!("../../../domain/data/imsa-quality-standard.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let sources = file["sources"].as_object().unwrap();
    let basis: BTreeMap<&String, Value> = sources
        .iter()
        .map(|(name, source)| (name, json!({"title": source["t"], "url": source["u"]})))
        .collect();
    serde_json::from_value(json!({
        "code": file["id"], "standard_version": file["version"], "state": file["status"],
        "title": file["title"], "disclaimer": file["disclaimer"], "languages": file["languages"],
        "default_language": file["default_language"], "basis": basis,
        "scale": {
            "min": file["scale"]["min"], "max": file["scale"]["max"],
            "allow_not_applicable": file["scale"]["allow_not_applicable"],
            "levels": file["scale"]["levels"],
        },
        "evidence_types": file["evidence"]["types"], "scoring": file["scoring"],
        "validity": file["validity"], "review": file["review"], "dimensions": file["dimensions"],
    }))
    .unwrap()
}

pub(crate) fn offer() -> AssessedSubject {
    let phases = [
        "orient",
        "prepare",
        "transition",
        "arrive",
        "settle",
        "return",
    ];
    AssessedSubject {
        kind: Kind::Offer,
        phases: phases.into_iter().map(Code::new).collect(),
    }
}

pub(crate) fn organisation() -> AssessedSubject {
    AssessedSubject {
        kind: Kind::Organisation,
        phases: Vec::new(),
    }
}

/// What a form is made from, owned.
pub(crate) struct Given {
    pub(crate) standard: QualityStandard,
    pub(crate) subject: Option<AssessedSubject>,
    pub(crate) answers: BTreeMap<String, Answer>,
    pub(crate) plan: Vec<ImprovementAction>,
}

impl std::fmt::Debug for Given {
    /// Without the standard, which is long and always the same.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#?} {:#?}", self.answers, self.plan)
    }
}

impl Given {
    pub(crate) fn empty() -> Self {
        Self {
            standard: shipped(),
            subject: Some(offer()),
            answers: BTreeMap::new(),
            plan: Vec::new(),
        }
    }

    /// Something of everything.
    pub(crate) fn filled() -> Self {
        Self {
            answers: serde_json::from_value(json!({
                "D1.1": {"rating": 3, "comment": "=HYPERLINK(\"x\")\n- second", "evidence": [
                    {"type": "concept", "title": "Konzept", "date": "2025-05-01",
                     "still_in_force": "2026-04-30", "language": "de", "visibility": "network",
                     "url": "https://example.org/k", "covers": ["D1.1.a", "D1.1.b"]},
                    {"type": "statistics", "title": "<r>Statistik</r>", "date": "1890-01-02"}]},
                "D1.2": {"not_applicable": "gibt es nicht"},
            }))
            .unwrap(),
            plan: serde_json::from_value(json!([
                {"criterion_id": "D1.1", "current": 3, "target": 4, "action": {"de": "Üben", "en": "Practise"},
                 "responsible_function": "Leitung", "due": "2027-01-31", "status": "in_progress",
                 "progress_note": "angefangen"},
            ]))
            .unwrap(),
            ..Self::empty()
        }
    }

    pub(crate) fn form(&self, lang: Language) -> Form<'_> {
        Form {
            standard: &self.standard,
            subject: self.subject.as_ref(),
            answers: &self.answers,
            improvement_plan: &self.plan,
            lang,
        }
    }
}

/// A CSV file of these lines, read.
pub(crate) fn read_lines(lines: &[&str]) -> Result<Filled, Unreadable> {
    read(lines.join("\n").as_bytes(), &shipped())
}

/// The errors in the rows of such a file.
pub(crate) fn errors(lines: &[&str]) -> Vec<RowError> {
    match read_lines(lines) {
        Err(Unreadable::Rows(errors)) => errors,
        other => panic!("no errors by row: {other:?}"),
    }
}

/// The only error of a row below this head, as its column and code.
pub(crate) fn error_of(head: &str, row: &str) -> (String, &'static str) {
    let errors = errors(&[head, row]);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].row, 2);
    (errors[0].column.clone(), errors[0].code)
}

/// The cells of a CSV file that a form is.
pub(crate) fn records(csv: &[u8]) -> Vec<Vec<String>> {
    let text = csv.strip_prefix("\u{feff}".as_bytes()).unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text);
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}
