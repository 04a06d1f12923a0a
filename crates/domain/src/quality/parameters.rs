//! The parameters of a scoring rule, as the standard's `scoring.parameters` holds them.

use serde::Deserialize;

use super::decimal::Decimal;
use crate::draft::{pointer_of, shape};
use crate::kinds::QualityStandard;
use crate::{Text, Violation};

/// The parameters of a scoring rule (`scoring.parameters` of `data/imsa-quality-standard.json`).
///
/// What is not known here is refused and not left out: a result must not be less than what its standard says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The ratings. Must agree with the standard's own `scale`.
    pub scale: ScaleParameters,
    /// What becomes of high ratings without evidence. Absent means: nothing.
    #[serde(default)]
    pub evidence_cap: Option<EvidenceCap>,
    /// The weights of criteria. Absent means: each criterion names its own.
    #[serde(default)]
    pub weights: Option<Weights>,
    /// How ratings become a number.
    pub aggregate: Aggregate,
    /// How that number is rounded.
    pub rounding: Rounding,
    /// How much has to be rated.
    pub coverage: Coverage,
    /// How much may be marked as not applicable before a coordinator looks.
    #[serde(default)]
    pub many_not_applicable: Option<ManyNotApplicable>,
    /// How a low core criterion bounds the level.
    #[serde(default)]
    pub core_rule: Option<CoreRule>,
    /// The levels, from the lowest.
    pub levels: Vec<Level>,
    /// What the level comes from.
    pub level_from: LevelFrom,
    /// That there is no overall number.
    pub overall: Overall,
    /// Which results can be compared.
    #[serde(default)]
    pub compare: Option<Compare>,
}

/// The ratings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleParameters {
    /// Lowest rating.
    pub min: i32,
    /// Highest rating.
    pub max: i32,
    /// From one rating to the next.
    #[serde(default = "one")]
    pub step: i32,
    /// Whether criteria may be marked as not applicable.
    #[serde(default)]
    pub not_applicable: Option<NotApplicable>,
}

fn one() -> i32 {
    1
}

/// Whether criteria may be marked as not applicable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum NotApplicable {
    /// They may, with a reason.
    #[serde(rename = "with reason")]
    WithReason,
    /// They may not.
    #[serde(rename = "not allowed")]
    NotAllowed,
}

/// What becomes of high ratings without evidence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceCap {
    /// The lowest rating that needs evidence.
    pub from_rating: i32,
    /// How many pieces it needs.
    #[serde(default = "one_item")]
    pub items: u16,
    /// How old they may be at submission. Absent means: as old as they are.
    #[serde(default)]
    pub max_age_months: Option<u32>,
    /// What the rating counts as without them.
    pub effective_rating: i32,
    /// What the standard calls such ratings.
    #[serde(default)]
    pub flag: Option<String>,
}

fn one_item() -> u16 {
    1
}

/// The weights of criteria.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of core criteria.
    pub core: u32,
    /// Of all others.
    pub other: u32,
}

/// How ratings become a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Each effective rating times its weight, divided by the sum of weights.
    WeightedMeanOfEffectiveRatings,
}

/// How a mean is rounded: to so many decimals, or to so many steps of each point.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// Decimals, 0 to 4.
    #[serde(default)]
    pub decimals: Option<u32>,
    /// Steps of each point: 4 for quarters.
    #[serde(default)]
    pub steps_per_point: Option<i64>,
    /// Where what lies between goes.
    pub mode: RoundingMode,
}

/// Where what lies between two steps goes. All of them keep the order of what they round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// To the nearer step; from the middle upwards.
    HalfUp,
    /// To the nearer step; from the middle downwards.
    HalfDown,
    /// To the nearer step; from the middle to the even one.
    HalfEven,
    /// Downwards.
    Down,
    /// Upwards.
    Up,
}

/// How much has to be rated.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// The smallest share, as a fraction.
    pub minimum: (u32, u32),
    /// Of what, in words.
    #[serde(default)]
    pub of: Option<String>,
    /// What is shown below it, in words.
    #[serde(default)]
    pub below: Option<String>,
}

/// How much may be marked as not applicable before a coordinator looks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManyNotApplicable {
    /// The share of the criteria in scope, as a fraction.
    pub more_than: (u32, u32),
    /// What happens then, in words.
    #[serde(default)]
    pub then: Option<String>,
}

/// How a low core criterion bounds the level.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoreRule {
    /// The effective rating below which it does.
    pub effective_rating_below: i32,
    /// The highest level that is left.
    pub level_at_most: String,
    /// Whether the result says which criterion it is.
    #[serde(default = "yes")]
    pub name_the_criterion: bool,
}

fn yes() -> bool {
    true
}

/// A level.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Its code.
    pub code: String,
    /// The lowest rounded mean that has it. It reaches up to the next.
    pub min: Decimal,
    /// What people read.
    #[serde(default)]
    pub label: Option<Text>,
}

impl Eq for Level {}

/// What the level comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelFrom {
    /// From what is shown, so that nobody sees 2.5 and another level than that of 2.5.
    RoundedMean,
}

/// That there is no overall number. Anything else is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// None.
    None,
}

/// Which results can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Compare {
    /// Those of one major version.
    #[serde(rename = "same major version only")]
    SameMajorVersionOnly,
}

impl Parameters {
    /// Reads the parameters of a standard.
    ///
    /// # Errors
    /// Where they are absent, or one of them is missing, unknown or of another shape; the place is within the standard.
    pub fn of(standard: &QualityStandard) -> Result<Self, Violation> {
        let found = standard
            .scoring
            .get("parameters")
            .ok_or_else(|| Violation {
                pointer: "/scoring/parameters".to_owned(),
                code: "required".into(),
                message: "a standard that is used says how it scores".to_owned(),
            })?;
        serde_path_to_error::deserialize(found).map_err(|error| {
            let pointer = format!("/scoring/parameters{}", pointer_of(error.path()));
            shape(pointer, error.inner())
        })
    }
}
