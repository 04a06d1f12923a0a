//! Results with names: what a rule says of the answers of one assessment.

use chrono::{Months, NaiveDate};

use super::rule::RuleDimension;
use super::{DimensionScore, Mark, Outcome, Rule, Scope};
use crate::kinds::{Answer, AnswerEvidence, DimensionOutcome, DimensionResult, SelfAssessment};

/// What the result would be if nothing more were answered. Shown at any time, also while much is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The dimensions, in the standard's order. There is no overall number.
    pub dimensions: Vec<DimensionResult>,
    /// Whether the standard is a draft, which has to show with the result.
    pub standard_is_draft: bool,
}

/// The result as it stands, with evidence as recent as on the day `on`: the day of submission, or today before that.
#[must_use]
pub fn preview(rule: &Rule, scope: &Scope, assessment: &SelfAssessment, on: NaiveDate) -> Preview {
    let scores = rule.scores(scope, &marks(rule, assessment, on));
    Preview {
        dimensions: named(rule, &scores),
        standard_is_draft: rule.is_draft(),
    }
}

/// The marks of all criteria, by number.
#[must_use]
pub fn marks(rule: &Rule, assessment: &SelfAssessment, on: NaiveDate) -> Vec<Mark> {
    rule.criterion_ids()
        .map(|id| {
            assessment
                .answers
                .get(id)
                .map_or(Mark::Unanswered, |answer| mark_of(rule, answer, on))
        })
        .collect()
}

/// What an answer counts as.
#[must_use]
pub fn mark_of(rule: &Rule, answer: &Answer, on: NaiveDate) -> Mark {
    match (answer.rating, &answer.not_applicable) {
        (Some(rating), _) => Mark::Rated {
            rating,
            evidence: counting(rule, &answer.evidence, on),
        },
        (None, Some(_)) if rule.allow_not_applicable => Mark::NotApplicable,
        (None, _) => Mark::Unanswered,
    }
}

/// How many pieces of evidence count on a day. One that is too old counts where somebody confirmed lately that it is still
/// in force (the standard file's `evidence.rules`); what is held internally counts like any other.
fn counting(rule: &Rule, evidence: &[AnswerEvidence], on: NaiveDate) -> u16 {
    let most = rule.evidence_cap().and_then(|cap| cap.max_age_months);
    let is_recent = |item: &&AnswerEvidence| {
        let dated = item.still_in_force.unwrap_or(item.date).max(item.date);
        most.is_none_or(|months| {
            dated
                .checked_add_months(Months::new(months))
                .is_none_or(|until| on <= until)
        })
    };
    u16::try_from(evidence.iter().filter(is_recent).count()).unwrap_or(u16::MAX)
}

/// Gives names to scores.
pub(super) fn named(rule: &Rule, scores: &[DimensionScore]) -> Vec<DimensionResult> {
    let dimensions = rule.dimensions.iter().zip(scores);
    dimensions
        .map(|(dimension, score)| result(rule, dimension, score))
        .collect()
}

fn result(rule: &Rule, dimension: &RuleDimension, score: &DimensionScore) -> DimensionResult {
    let names_core = rule
        .parameters
        .core_rule
        .as_ref()
        .is_some_and(|core| core.name_the_criterion);
    let (outcome, mean, level) = match score.outcome {
        Outcome::NotInScope => (DimensionOutcome::NotInScope, None, None),
        Outcome::Incomplete => (DimensionOutcome::Incomplete, None, None),
        Outcome::Scored { mean, level } => (
            DimensionOutcome::Scored,
            Some(rule.write_mean(mean)),
            rule.parameters
                .levels
                .get(usize::from(level))
                .map(|level| level.code.clone()),
        ),
    };
    DimensionResult {
        id: dimension.id.clone(),
        outcome,
        mean,
        level,
        in_scope: score.in_scope,
        not_applicable: score.not_applicable,
        rated: score.rated,
        capped: names(rule, dimension, score.capped),
        core_below: names(
            rule,
            dimension,
            if names_core { score.core_below } else { 0 },
        ),
        level_bounded: score.level_bounded,
        many_not_applicable: score.many_not_applicable,
    }
}

/// The ids of a dimension's criteria whose bits are set.
fn names(rule: &Rule, dimension: &RuleDimension, bits: u64) -> Vec<String> {
    rule.criteria
        .iter()
        .skip(dimension.first)
        .take(dimension.criteria)
        .enumerate()
        .filter(|(at, _)| bits >> at & 1 == 1)
        .map(|(_, criterion)| criterion.id.clone())
        .collect()
}
