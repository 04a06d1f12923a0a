//! Quality: standards, answers, scores, workflow, what is published.

mod acts;
mod answers;
pub(crate) mod assessments;
mod carry_over;
mod distribution;
mod life;
mod naive;
mod publication;
mod random;
mod scoring;
mod standards;
mod workflow;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::kinds::{Answer, AssessedSubject, QualityStandard, SelfAssessment};
use domain::quality::{Rule, Scope};
use domain::{Code, Kind, Violation};
use serde_json::{Value, json};

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The shipped file as it is.
pub(crate) fn file() -> Value {
    serde_json::from_str(include_str!("../../../data/imsa-quality-standard.json")).unwrap()
}

/// The shipped standard as the content of an entry.
pub(crate) fn shipped_json() -> Value {
    let file = file();
    let sources = file["sources"].as_object().unwrap();
    let basis: BTreeMap<&String, Value> = sources
        .iter()
        .map(|(name, source)| (name, json!({"title": source["t"], "url": source["u"]})))
        .collect();
    json!({
        "code": file["id"], "standard_version": file["version"], "state": file["status"],
        "title": file["title"], "languages": file["languages"],
        "default_language": file["default_language"], "basis": basis,
        "scale": {
            "min": file["scale"]["min"], "max": file["scale"]["max"],
            "allow_not_applicable": file["scale"]["allow_not_applicable"],
            "levels": file["scale"]["levels"],
        },
        "evidence_types": file["evidence"]["types"], "scoring": file["scoring"],
        "validity": file["validity"], "review": file["review"], "dimensions": file["dimensions"],
    })
}

/// A quite different standard: other scale, cap, weights, rounding, coverage and levels.
pub(crate) fn other_json() -> Value {
    serde_json::from_str(include_str!("other-standard.json")).unwrap()
}

pub(crate) fn standard(json: &Value) -> QualityStandard {
    serde_json::from_value(json.clone()).unwrap()
}

pub(crate) fn rule(json: &Value) -> Rule {
    Rule::compile(&standard(json)).unwrap()
}

pub(crate) fn shipped() -> Rule {
    rule(&shipped_json())
}

pub(crate) fn offer(phases: &[&str]) -> AssessedSubject {
    AssessedSubject {
        kind: Kind::Offer,
        phases: phases.iter().map(|phase| Code::new(*phase)).collect(),
    }
}

pub(crate) fn organisation() -> AssessedSubject {
    AssessedSubject {
        kind: Kind::Organisation,
        phases: Vec::new(),
    }
}

pub(crate) const PHASES: [&str; 6] = [
    "orient",
    "prepare",
    "transition",
    "arrive",
    "settle",
    "return",
];

pub(crate) fn everywhere(rule: &Rule) -> Scope {
    Scope::of(rule, &offer(&PHASES))
}

/// An assessment with these answers.
pub(crate) fn assessment(answers: BTreeMap<String, Answer>) -> SelfAssessment {
    let mut assessment: SelfAssessment = serde_json::from_value(json!({
        "subject": "01a2008d-7400-7fbf-932d-7ca33da03200",
        "standard": "01a2008d-7400-769e-97de-22d17401899c",
        "state": "draft",
    }))
    .unwrap();
    assessment.answers = answers;
    assessment
}

/// An answer from `3`, `"NA"` or `null`, with so many pieces of evidence of a day.
pub(crate) fn answer(value: &Value, evidence: usize, day: NaiveDate) -> Answer {
    let item = |at: usize| {
        serde_json::from_value(
            json!({"type": "concept", "title": format!("piece {at}"), "date": day}),
        )
        .unwrap()
    };
    Answer {
        rating: value.as_i64().map(|rating| i32::try_from(rating).unwrap()),
        not_applicable: value.as_str().map(|_| "it does not apply".to_owned()),
        comment: None,
        evidence: (0..evidence).map(item).collect(),
    }
}

/// Every criterion in scope rated alike, with evidence.
pub(crate) fn complete(rule: &Rule, scope: &Scope, rating: i32, day: NaiveDate) -> SelfAssessment {
    let asked = rule
        .criterion_ids()
        .enumerate()
        .filter(|(number, _)| scope.has(*number));
    assessment(
        asked
            .map(|(_, id)| (id.to_owned(), answer(&json!(rating), 2, day)))
            .collect(),
    )
}

/// Places and codes of findings.
pub(crate) fn found(violations: &[Violation]) -> Vec<(&str, &str)> {
    violations
        .iter()
        .map(|it| (it.pointer.as_str(), it.code.as_ref()))
        .collect()
}
