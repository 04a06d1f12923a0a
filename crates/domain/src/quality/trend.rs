//! How a subject's results change from one assessment to the next.

use super::{Decimal, StandardVersion};
use crate::kinds::{AssessmentResult, DimensionResult};

/// The change in one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DimensionTrend {
    /// The dimension's id.
    pub id: String,
    /// The earlier mean, where there was one.
    pub earlier: Option<String>,
    /// The later mean, where there is one.
    pub later: Option<String>,
    /// The difference, where both have one: `0.4`, `-0.3`.
    pub change: Option<String>,
    /// The earlier and the later level.
    pub levels: (Option<String>, Option<String>),
}

/// Why two results cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotComparable {
    /// They are by different standards.
    OtherStandard,
    /// They are by different major versions.
    OtherMajorVersion,
    /// The later one is not later.
    NotLater,
}

impl NotComparable {
    /// The code as callers see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherStandard => "other_standard",
            Self::OtherMajorVersion => "other_major_version",
            Self::NotLater => "not_later",
        }
    }
}

/// The trend per dimension between two results of one subject (the standard file's `scoring.explanation.comparison`: within
/// one major version only). Dimensions are those of the later result.
///
/// # Errors
/// [`NotComparable`].
pub fn trend(
    earlier: &AssessmentResult,
    later: &AssessmentResult,
) -> Result<Vec<DimensionTrend>, NotComparable> {
    if earlier.standard_code != later.standard_code {
        return Err(NotComparable::OtherStandard);
    }
    let version =
        |result: &AssessmentResult| result.standard_version.parse::<StandardVersion>().ok();
    match (version(earlier), version(later)) {
        (Some(a), Some(b)) if a.is_comparable_with(&b) => {}
        _ => return Err(NotComparable::OtherMajorVersion),
    }
    if later.published_on < earlier.published_on {
        return Err(NotComparable::NotLater);
    }
    let before = |id: &str| earlier.dimensions.iter().find(|it| it.id == id);
    Ok(later
        .dimensions
        .iter()
        .map(|it| one(before(&it.id), it))
        .collect())
}

fn one(earlier: Option<&DimensionResult>, later: &DimensionResult) -> DimensionTrend {
    let mean = |it: &DimensionResult| it.mean.as_ref()?.parse::<Decimal>().ok();
    let change = earlier
        .and_then(mean)
        .zip(mean(later))
        .map(|(earlier, later)| Decimal::from_parts(later.parts() - earlier.parts()).to_string());
    DimensionTrend {
        id: later.id.clone(),
        earlier: earlier.and_then(|it| it.mean.clone()),
        later: later.mean.clone(),
        change,
        levels: (earlier.and_then(|it| it.level.clone()), later.level.clone()),
    }
}
