//! A standard, compiled for scoring.

use std::collections::BTreeMap;

use super::decimal::{Decimal, PARTS};
use super::parameters::{EvidenceCap, Parameters, RoundingMode};
use super::standard::{contradictions, is_rating, steps_per_point};
use super::{StandardVersion, Validity};
use crate::kinds::{Criterion, QualityStandard, StandardState};
use crate::{Kind, Violation};

/// The scoring rule of one version of a standard. There is one only for a standard that contradicts itself nowhere.
///
/// Criteria have numbers, in the standard's order through all dimensions, so that scoring compares no text.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) code: String,
    pub(super) version: StandardVersion,
    pub(super) state: StandardState,
    pub(super) validity: Validity,
    pub(super) parameters: Parameters,
    pub(super) allow_not_applicable: bool,
    pub(super) evidence_types: Vec<String>,
    pub(super) dimensions: Vec<RuleDimension>,
    pub(super) criteria: Vec<RuleCriterion>,
    pub(super) numbers: BTreeMap<String, usize>,
    pub(super) arithmetic: Arithmetic,
}

/// A dimension: so many criteria, after those of the dimension before.
#[derive(Debug, Clone)]
pub(super) struct RuleDimension {
    pub(super) id: String,
    pub(super) first: usize,
    pub(super) criteria: usize,
}

/// A criterion as far as it decides about scope and answers.
#[derive(Debug, Clone)]
pub(super) struct RuleCriterion {
    pub(super) id: String,
    pub(super) applies_to: Vec<Kind>,
    /// Empty: all.
    pub(super) phases: Vec<String>,
    pub(super) indicators: Vec<String>,
}

/// What scoring touches, and nothing else.
#[derive(Debug, Clone)]
pub(super) struct Arithmetic {
    pub(super) weights: Vec<CriterionWeight>,
    pub(super) lengths: Vec<usize>,
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) step: i32,
    pub(super) cap: Option<Cap>,
    pub(super) steps: i64,
    pub(super) mode: RoundingMode,
    pub(super) coverage: (i64, i64),
    pub(super) many_not_applicable: Option<(i64, i64)>,
    pub(super) core: Option<Core>,
    /// The first step of each level, ascending.
    pub(super) levels: Vec<i64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct CriterionWeight {
    pub(super) weight: i64,
    pub(super) core: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Cap {
    pub(super) from: i32,
    pub(super) items: u16,
    pub(super) effective: i32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Core {
    pub(super) below: i32,
    pub(super) level_at_most: u8,
}

impl Rule {
    /// Compiles a standard.
    ///
    /// # Errors
    /// Everything in which it contradicts itself ([`contradictions`]).
    pub fn compile(standard: &QualityStandard) -> Result<Self, Vec<Violation>> {
        let found = contradictions(standard);
        if !found.is_empty() {
            return Err(found);
        }
        let one = |violation| vec![violation];
        let parameters = Parameters::of(standard).map_err(one)?;
        let version = standard.standard_version.parse().map_err(|why: &str| {
            one(Violation {
                pointer: "/standard_version".to_owned(),
                code: "not_a_version".into(),
                message: why.to_owned(),
            })
        })?;
        let mut dimensions = Vec::with_capacity(standard.dimensions.len());
        let mut criteria = Vec::new();
        for dimension in &standard.dimensions {
            dimensions.push(RuleDimension {
                id: dimension.id.clone(),
                first: criteria.len(),
                criteria: dimension.criteria.len(),
            });
            criteria.extend(dimension.criteria.iter().map(compiled));
        }
        Ok(Self {
            code: standard.code.clone(),
            version,
            state: standard.state,
            validity: Validity::of(standard).unwrap_or_default(),
            allow_not_applicable: standard.scale.allow_not_applicable,
            evidence_types: standard
                .evidence_types
                .iter()
                .map(|it| it.code.clone())
                .collect(),
            numbers: criteria
                .iter()
                .enumerate()
                .map(|(number, it)| (it.id.clone(), number))
                .collect(),
            arithmetic: arithmetic(standard, &parameters),
            parameters,
            dimensions,
            criteria,
        })
    }

    /// The standard's code, the same over its versions.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &StandardVersion {
        &self.version
    }

    /// Whether the standard is a draft, which has to show wherever its results do.
    #[must_use]
    pub fn is_draft(&self) -> bool {
        self.state == StandardState::Draft
    }

    /// Where the standard stands in its life.
    #[must_use]
    pub fn state(&self) -> StandardState {
        self.state
    }

    /// How long results are valid.
    #[must_use]
    pub fn validity(&self) -> &Validity {
        &self.validity
    }

    /// The parameters that it was compiled from.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// How many dimensions there are.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions.len()
    }

    /// The ids of the dimensions, in order.
    pub fn dimension_ids(&self) -> impl Iterator<Item = &str> {
        self.dimensions.iter().map(|it| it.id.as_str())
    }

    /// The ids of all criteria, in the order of their numbers.
    pub fn criterion_ids(&self) -> impl Iterator<Item = &str> {
        self.criteria.iter().map(|it| it.id.as_str())
    }

    /// The number of a criterion.
    #[must_use]
    pub fn number_of(&self, criterion: &str) -> Option<usize> {
        self.numbers.get(criterion).copied()
    }

    /// Whether a number is a rating of the scale.
    #[must_use]
    pub fn is_rating(&self, value: i32) -> bool {
        is_rating(&self.parameters, value)
    }

    /// All ratings, from the lowest.
    pub fn ratings(&self) -> impl Iterator<Item = i32> + use<> {
        // The step is at least one: that was checked.
        let step = usize::try_from(self.arithmetic.step).unwrap_or(1).max(1);
        (self.arithmetic.min..=self.arithmetic.max).step_by(step)
    }

    /// What becomes of high ratings without evidence.
    #[must_use]
    pub fn evidence_cap(&self) -> Option<&EvidenceCap> {
        self.parameters.evidence_cap.as_ref()
    }

    /// The codes of the levels, from the lowest.
    pub fn level_codes(&self) -> impl Iterator<Item = &str> {
        self.parameters
            .levels
            .iter()
            .map(|level| level.code.as_str())
    }

    /// A rounded mean as it is written: with as many decimals as its smallest step has.
    #[must_use]
    pub fn write_mean(&self, mean: Decimal) -> String {
        let places = (0..4).find(|places| 10_i64.pow(*places) % self.arithmetic.steps == 0);
        mean.with_places(usize::try_from(places.unwrap_or(4)).unwrap_or(4))
    }
}

fn compiled(criterion: &Criterion) -> RuleCriterion {
    RuleCriterion {
        id: criterion.id.clone(),
        applies_to: criterion.applies_to.clone(),
        phases: criterion
            .phases
            .iter()
            .map(|it| it.as_str().to_owned())
            .collect(),
        indicators: criterion
            .indicators
            .iter()
            .map(|it| it.id.clone())
            .collect(),
    }
}

fn arithmetic(standard: &QualityStandard, parameters: &Parameters) -> Arithmetic {
    let steps = steps_per_point(&parameters.rounding).unwrap_or(PARTS);
    let weight_of = |criterion: &Criterion| match &parameters.weights {
        Some(weights) if criterion.core => weights.core,
        Some(weights) => weights.other,
        None => criterion.weight.unwrap_or(1),
    };
    let wide = |(share, of): (u32, u32)| (i64::from(share), i64::from(of));
    let level = |code: &str| parameters.levels.iter().position(|it| it.code == code);
    Arithmetic {
        weights: standard
            .criteria()
            .map(|criterion| CriterionWeight {
                weight: i64::from(weight_of(criterion)),
                core: criterion.core,
            })
            .collect(),
        lengths: standard
            .dimensions
            .iter()
            .map(|it| it.criteria.len())
            .collect(),
        min: parameters.scale.min,
        max: parameters.scale.max,
        step: parameters.scale.step,
        cap: parameters.evidence_cap.as_ref().map(|cap| Cap {
            from: cap.from_rating,
            items: cap.items,
            effective: cap.effective_rating,
        }),
        steps,
        mode: parameters.rounding.mode,
        coverage: wide(parameters.coverage.minimum),
        many_not_applicable: parameters
            .many_not_applicable
            .as_ref()
            .map(|it| wide(it.more_than)),
        core: parameters.core_rule.as_ref().and_then(|rule| {
            Some(Core {
                below: rule.effective_rating_below,
                level_at_most: u8::try_from(level(&rule.level_at_most)?).ok()?,
            })
        }),
        levels: parameters
            .levels
            .iter()
            .map(|level| level.min.parts() * steps / PARTS)
            .collect(),
    }
}
