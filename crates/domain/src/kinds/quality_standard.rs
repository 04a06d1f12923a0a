use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::offer::code_list;
use crate::{
    Checker, EntryRef, Facets, Kind, KindContent, Lang, Text, Weight, codes, limits, quality,
};

/// A quality standard: versioned data that self-assessments answer to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QualityStandard {
    /// The name that stays the same over its versions.
    #[schema(example = "imsa-quality-standard")]
    pub code: String,
    /// The version (Semantic Versioning 2.0.0).
    #[schema(example = "1.0.0-draft.1")]
    pub standard_version: String,
    /// Whether it may be used. A draft says so wherever it shows.
    pub state: StandardState,
    /// The version whose place it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<EntryRef>,
    /// What it is called.
    pub title: Text,
    /// What it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclaimer: Option<Text>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance_note: Option<String>,
    /// The languages in which it is complete.
    pub languages: Vec<Lang>,
    /// The language that decides where translations differ.
    pub default_language: Lang,
    /// What its criteria rest on, by short name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub basis: BTreeMap<String, StandardSource>,
    /// The scale of ratings.
    pub scale: Scale,
    /// Kinds of evidence.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub evidence_types: Vec<EvidenceType>,
    /// Rules of evidence, in words.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub evidence_rules: Vec<String>,
    /// The parameters of the scoring rule, kept as data.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub scoring: Value,
    /// How long a result is valid, kept as data.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub validity: Value,
    /// States, transitions and rules of the review, kept as data.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub review: Value,
    /// The dimensions with their criteria.
    pub dimensions: Vec<Dimension>,
}

/// Where a quality standard stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandardState {
    /// Not confirmed yet.
    Draft,
    /// In force.
    Published,
    /// Replaced by a newer version.
    Superseded,
}

/// What a standard rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandardSource {
    /// What it is called.
    pub title: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A scale of ratings: whole numbers from `min` to `max`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Lowest rating.
    pub min: i32,
    /// Highest rating.
    pub max: i32,
    /// Whether a criterion may be marked as not applicable. A reason is always needed.
    pub allow_not_applicable: bool,
    /// What each rating means.
    pub levels: Vec<ScaleLevel>,
}

/// What one rating means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleLevel {
    /// The rating.
    pub value: i32,
    /// In a word.
    pub label: Text,
    /// In a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Text>,
}

/// A kind of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceType {
    /// Its code.
    pub code: String,
    /// What people read.
    pub label: Text,
}

/// One dimension of quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Its id: `D1`.
    pub id: String,
    /// Its code: `open_outcome`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it is called.
    pub title: Text,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Text>,
    /// Its weight among the dimensions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Its criteria.
    pub criteria: Vec<Criterion>,
}

/// One criterion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Its id: `D1.1`.
    pub id: String,
    /// What it is called.
    pub title: Text,
    /// What must hold.
    pub statement: Text,
    /// Whether a low rating here bounds the level of its dimension.
    #[serde(default)]
    pub core: bool,
    /// The kinds of subjects that it applies to: organisation, offer.
    pub applies_to: Vec<Kind>,
    /// The phases that it applies to. Empty means: all.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<codes::Phase>,
    /// Its weight in its dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// What it rests on: names in the standard's `basis`.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub basis: Vec<String>,
    /// What to look at when rating.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<Indicator>,
}

/// Something to look at when rating.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Indicator {
    /// Its id: `D1.1.a`.
    pub id: String,
    /// What should be seen.
    pub text: Text,
    /// Codes of evidence types that would show it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub suggested_evidence: Vec<String>,
}

impl QualityStandard {
    fn check_basis(&self, c: &mut Checker<'_>) {
        c.field("basis", |c| {
            if self.basis.len() > limits::CODES {
                c.refuse("too_many", format!("at most {} sources", limits::CODES));
                return;
            }
            for (name, source) in &self.basis {
                if name.chars().count() > limits::SHORT {
                    c.refuse(
                        "too_long",
                        format!("a short name has at most {} characters", limits::SHORT),
                    );
                    continue;
                }
                c.field(name, |c| {
                    c.string("title", &source.title, limits::TITLE);
                    c.optional_url("url", source.url.as_deref());
                });
            }
        });
    }

    fn check_scale(&self, c: &mut Checker<'_>) {
        c.field("scale", |c| {
            if self.scale.min >= self.scale.max
                || self.scale.max.saturating_sub(self.scale.min) > 100
            {
                c.field("max", |c| {
                    c.refuse(
                        "out_of_range",
                        "a scale has 2 to 101 steps, the highest above the lowest",
                    )
                });
                return;
            }
            c.list("levels", &self.scale.levels, 101, |c, level| {
                if !(self.scale.min..=self.scale.max).contains(&level.value) {
                    c.field("value", |c| {
                        c.refuse("out_of_range", "this rating is not on the scale")
                    });
                }
                level.label.check(c, "label", limits::TITLE);
                Text::check_optional(level.anchor.as_ref(), c, "anchor", limits::SUMMARY);
            });
            let values: Vec<i32> = self.scale.levels.iter().map(|level| level.value).collect();
            c.distinct("levels", &values);
        });
    }

    fn check_criterion(&self, c: &mut Checker<'_>, criterion: &Criterion) {
        c.string("id", &criterion.id, limits::SHORT);
        criterion.title.check(c, "title", limits::TITLE);
        criterion.statement.check(c, "statement", limits::SUMMARY);
        c.not_empty("applies_to", &criterion.applies_to);
        c.list("applies_to", &criterion.applies_to, 2, |c, kind| {
            if !matches!(kind, Kind::Organisation | Kind::Offer) {
                c.refuse(
                    "contradiction",
                    "criteria apply to organisations and offers",
                );
            }
        });
        c.distinct("applies_to", &criterion.applies_to);
        code_list(c, "phases", &criterion.phases);
        c.list("basis", &criterion.basis, limits::CODES, |c, name| {
            if !self.basis.contains_key(name) {
                c.refuse(
                    "unknown_code",
                    "this name does not stand in the standard's basis",
                );
            }
        });
        c.list(
            "indicators",
            &criterion.indicators,
            limits::INDICATORS,
            |c, indicator| {
                c.string("id", &indicator.id, limits::SHORT);
                indicator.text.check(c, "text", limits::SUMMARY);
                c.list(
                    "suggested_evidence",
                    &indicator.suggested_evidence,
                    limits::CODES,
                    |c, code| {
                        if !self.evidence_types.iter().any(|known| known.code == *code) {
                            c.refuse(
                                "unknown_code",
                                "this code does not stand in the standard's evidence types",
                            );
                        }
                    },
                );
            },
        );
    }

    fn check_dimensions(&self, c: &mut Checker<'_>) {
        c.not_empty("dimensions", &self.dimensions);
        c.list(
            "dimensions",
            &self.dimensions,
            limits::DIMENSIONS,
            |c, dimension| {
                c.string("id", &dimension.id, limits::SHORT);
                c.optional_string("code", dimension.code.as_deref(), limits::SHORT);
                dimension.title.check(c, "title", limits::TITLE);
                Text::check_optional(dimension.purpose.as_ref(), c, "purpose", limits::SUMMARY);
                c.not_empty("criteria", &dimension.criteria);
                c.list(
                    "criteria",
                    &dimension.criteria,
                    limits::CRITERIA,
                    |c, criterion| self.check_criterion(c, criterion),
                );
            },
        );
        let ids: Vec<&str> = self
            .dimensions
            .iter()
            .map(|dimension| dimension.id.as_str())
            .collect();
        c.distinct("dimensions", &ids);
        let ids: Vec<&str> = self
            .criteria()
            .map(|criterion| criterion.id.as_str())
            .collect();
        c.distinct("dimensions", &ids);
    }

    /// All criteria of all dimensions, in order.
    pub fn criteria(&self) -> impl Iterator<Item = &Criterion> {
        self.dimensions
            .iter()
            .flat_map(|dimension| &dimension.criteria)
    }
}

impl KindContent for QualityStandard {
    const KIND: Kind = Kind::QualityStandard;

    fn check(&self, c: &mut Checker<'_>) {
        c.string("code", &self.code, limits::SHORT);
        c.string("standard_version", &self.standard_version, limits::SHORT);
        self.title.check(c, "title", limits::TITLE);
        Text::check_optional(self.disclaimer.as_ref(), c, "disclaimer", limits::SUMMARY);
        c.optional_string(
            "provenance_note",
            self.provenance_note.as_deref(),
            limits::SUMMARY,
        );
        c.not_empty("languages", &self.languages);
        super::offer::language_list(c, "languages", &self.languages);
        if !self.languages.contains(&self.default_language) {
            c.field("default_language", |c| {
                c.refuse(
                    "contradiction",
                    "the default language is one of its languages",
                )
            });
        }
        self.check_basis(c);
        self.check_scale(c);
        c.list(
            "evidence_types",
            &self.evidence_types,
            limits::CODES,
            |c, evidence| {
                c.string("code", &evidence.code, limits::SHORT);
                evidence.label.check(c, "label", limits::TITLE);
            },
        );
        c.list(
            "evidence_rules",
            &self.evidence_rules,
            limits::CODES,
            |c, rule| c.string_here(rule, limits::SUMMARY),
        );
        for (name, value) in [
            ("scoring", &self.scoring),
            ("validity", &self.validity),
            ("review", &self.review),
        ] {
            if !matches!(value, Value::Object(_) | Value::Null) {
                c.field(name, |c| c.refuse("wrong_type", "expected an object"));
            }
        }
        self.check_dimensions(c);
        if let Some(supersedes) = &self.supersedes {
            c.reference("supersedes", supersedes, &[Kind::QualityStandard]);
        }
        // A draft may still be without its scoring rule; what is there may not contradict itself.
        if self.state != StandardState::Draft || self.scoring.get("parameters").is_some() {
            c.findings(quality::contradictions(self));
        } else if let Err(why) = self.standard_version.parse::<quality::StandardVersion>() {
            c.field("standard_version", |c| c.refuse("not_a_version", why));
        }
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.text(&self.title, Weight::Title);
        facets.langs(&self.languages);
        facets.words(Some(&self.code), Weight::Summary);
        facets.related.extend(&self.supersedes);
        for criterion in self.criteria() {
            facets.text(&criterion.title, Weight::Body);
        }
    }

    fn title(&self) -> Text {
        self.title.clone()
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        let mut texts: Vec<&mut Text> = std::iter::once(&mut self.title)
            .chain(&mut self.disclaimer)
            .collect();
        for level in &mut self.scale.levels {
            texts.push(&mut level.label);
            texts.extend(&mut level.anchor);
        }
        texts.extend(
            self.evidence_types
                .iter_mut()
                .map(|evidence| &mut evidence.label),
        );
        for dimension in &mut self.dimensions {
            texts.push(&mut dimension.title);
            texts.extend(&mut dimension.purpose);
            for criterion in &mut dimension.criteria {
                texts.push(&mut criterion.title);
                texts.push(&mut criterion.statement);
                texts.extend(
                    criterion
                        .indicators
                        .iter_mut()
                        .map(|indicator| &mut indicator.text),
                );
            }
        }
        texts
    }
}
