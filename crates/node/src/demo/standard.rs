//! The shape of `imsa-quality-standard.json`, and the entry that it becomes.

use std::collections::BTreeMap;

use domain::kinds::{
    Dimension, EvidenceType, QualityStandard, Scale, ScaleLevel, StandardSource, StandardState,
};
use domain::{Lang, Text};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The file. What the entry keeps as data stays data here too.
#[derive(Deserialize)]
pub(super) struct StandardFile {
    pub(super) id: String,
    version: String,
    status: StandardState,
    languages: Vec<Lang>,
    default_language: Lang,
    title: Text,
    disclaimer: Text,
    provenance_note: String,
    sources: BTreeMap<String, Source>,
    scale: ScaleFile,
    evidence: Evidence,
    scoring: Value,
    validity: Value,
    review: Map<String, Value>,
    improvement_plan_fields: Value,
    dimensions: Vec<Dimension>,
}

#[derive(Deserialize)]
struct Source {
    t: String,
    u: Option<String>,
}

#[derive(Deserialize)]
struct ScaleFile {
    min: i32,
    max: i32,
    allow_not_applicable: bool,
    levels: Vec<ScaleLevel>,
    indicator_answers: Value,
}

#[derive(Deserialize)]
struct Evidence {
    types: Vec<EvidenceType>,
    rules: Vec<String>,
}

impl From<StandardFile> for QualityStandard {
    /// What the entry has no field for (answers to indicators, the fields of an improvement plan) is kept with the
    /// rules of the review, so that nothing of the file is lost.
    fn from(file: StandardFile) -> Self {
        let mut review = file.review;
        review.insert("indicator_answers".to_owned(), file.scale.indicator_answers);
        review.insert(
            "improvement_plan_fields".to_owned(),
            file.improvement_plan_fields,
        );
        let basis = |(name, source): (String, Source)| {
            (
                name,
                StandardSource {
                    title: source.t,
                    url: source.u,
                },
            )
        };
        Self {
            code: file.id,
            standard_version: file.version,
            supersedes: None,
            state: file.status,
            title: file.title,
            disclaimer: Some(file.disclaimer),
            provenance_note: Some(file.provenance_note),
            languages: file.languages,
            default_language: file.default_language,
            basis: file.sources.into_iter().map(basis).collect(),
            scale: Scale {
                min: file.scale.min,
                max: file.scale.max,
                allow_not_applicable: file.scale.allow_not_applicable,
                levels: file.scale.levels,
            },
            evidence_types: file.evidence.types,
            evidence_rules: file.evidence.rules,
            scoring: file.scoring,
            validity: file.validity,
            review: Value::Object(review),
            dimensions: file.dimensions,
        }
    }
}
