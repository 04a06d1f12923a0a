//! Checks of answers: what is wrong with one that is saved, and what is missing when an assessment is submitted.

use std::collections::BTreeSet;

use super::rule::RuleCriterion;
use super::{Rule, Scope};
use crate::Checker;
use crate::Violation;
use crate::kinds::{Answer, ImprovementAction, SelfAssessment, StandardState};

/// Refuses an answer that the standard does not allow, at `answers/{criterion}` below the checker's current place.
fn check_answer(rule: &Rule, scope: &Scope, criterion: &str, answer: &Answer, c: &mut Checker<'_>) {
    c.field("answers", |c| {
        c.field(criterion, |c| {
            answer_here(rule, scope, criterion, answer, c)
        });
    });
}

/// Refuses what the standard does not allow in the answers and the plan of an assessment, and answers to a standard that has
/// been superseded.
pub fn check_answers(rule: &Rule, scope: &Scope, assessment: &SelfAssessment, c: &mut Checker<'_>) {
    if rule.state() == StandardState::Superseded {
        c.field("standard", |c| {
            c.refuse(
                "standard_superseded",
                "this version has been superseded: start from the new one, which takes over the answers that still fit",
            );
        });
    }
    for (criterion, answer) in &assessment.answers {
        check_answer(rule, scope, criterion, answer, c);
    }
    check_plan(rule, &assessment.improvement_plan, c);
}

fn answer_here(rule: &Rule, scope: &Scope, id: &str, answer: &Answer, c: &mut Checker<'_>) {
    let found = rule
        .number_of(id)
        .and_then(|number| Some((number, rule.criteria.get(number)?)));
    let Some((number, criterion)) = found else {
        c.refuse("unknown_criterion", "the standard has no such criterion");
        return;
    };
    if !scope.has(number) {
        c.refuse(
            "criterion_out_of_scope",
            "this criterion is not asked of this subject",
        );
    }
    if answer.rating.is_some_and(|rating| !rule.is_rating(rating)) {
        let message = format!(
            "a rating is one of {} to {}, in steps of {}",
            rule.arithmetic.min, rule.arithmetic.max, rule.arithmetic.step
        );
        c.field("rating", |c| c.refuse("rating_outside_scale", message));
    }
    if answer.not_applicable.is_some() && !rule.allow_not_applicable {
        c.field("not_applicable", |c| {
            c.refuse(
                "not_applicable_not_allowed",
                "this standard asks for a rating of every criterion in scope",
            );
        });
    }
    evidence(rule, criterion, answer, c);
}

fn evidence(rule: &Rule, criterion: &RuleCriterion, answer: &Answer, c: &mut Checker<'_>) {
    let mut seen = BTreeSet::new();
    c.list("evidence", &answer.evidence, usize::MAX, |c, item| {
        let is_known = rule.evidence_types.contains(&item.evidence_type);
        if !is_known {
            c.field("type", |c| {
                c.refuse(
                    "unknown_evidence_type",
                    "the standard has no such type of evidence",
                );
            });
        }
        let same = (
            item.evidence_type.clone(),
            item.title.clone(),
            item.date,
            item.url.clone(),
        );
        if !seen.insert(same) {
            c.refuse(
                "repeated_evidence",
                "this piece of evidence is named twice: it counts once",
            );
        }
        c.list("covers", &item.covers, usize::MAX, |c, id| {
            if !criterion.indicators.contains(id) {
                c.refuse("unknown_indicator", "this criterion has no such indicator");
            }
        });
        c.distinct("covers", &item.covers);
    });
}

/// Refuses what cannot be meant in an improvement plan, at `improvement_plan`.
pub fn check_plan(rule: &Rule, plan: &[ImprovementAction], c: &mut Checker<'_>) {
    c.list("improvement_plan", plan, usize::MAX, |c, action| {
        if rule.number_of(&action.criterion_id).is_none() {
            c.field("criterion_id", |c| {
                c.refuse("unknown_criterion", "the standard has no such criterion");
            });
        }
        for (name, rating) in [("current", action.current), ("target", action.target)] {
            if rating.is_some_and(|rating| !rule.is_rating(rating)) {
                c.field(name, |c| {
                    c.refuse("rating_outside_scale", "this is no rating of the scale")
                });
            }
        }
        if let (Some(current), Some(target)) = (action.current, action.target)
            && target < current
        {
            c.field("target", |c| {
                c.refuse("target_below_current", "an improvement does not aim lower");
            });
        }
    });
}

/// What is missing before an assessment can be submitted, each gap with its place in the content.
///
/// Every criterion in scope is rated or marked as not applicable: if criteria could be passed over, nobody could tell a
/// weakness from an oversight. (The coverage of a dimension is for previews and imports.) Actions say who does them by
/// when.
#[must_use]
pub fn gaps(rule: &Rule, scope: &Scope, assessment: &SelfAssessment) -> Vec<Violation> {
    let gap = |pointer: String, code: &'static str, message: &str| Violation {
        pointer,
        code: code.into(),
        message: message.to_owned(),
    };
    let mut gaps = Vec::new();
    for criterion in scope
        .numbers()
        .filter_map(|number| rule.criteria.get(number))
    {
        let is_answered = assessment
            .answers
            .get(&criterion.id)
            .is_some_and(|answer| answer.rating.is_some() || answer.not_applicable.is_some());
        if !is_answered {
            gaps.push(gap(
                format!("/answers/{}", escaped(&criterion.id)),
                "unanswered",
                "rate this criterion, or say why it does not apply",
            ));
        }
    }
    for (at, action) in assessment.improvement_plan.iter().enumerate() {
        let is_blank = |value: &String| value.trim().is_empty();
        if action.responsible_function.as_ref().is_none_or(is_blank) {
            gaps.push(gap(
                format!("/improvement_plan/{at}/responsible_function"),
                "action_without_owner",
                "say which function does it",
            ));
        }
        if action.due.is_none() {
            gaps.push(gap(
                format!("/improvement_plan/{at}/due"),
                "action_without_due_date",
                "say by when",
            ));
        }
    }
    gaps
}

/// A name as a part of a JSON Pointer (RFC 6901 section 3).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
