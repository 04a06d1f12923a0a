//! Taking answers over to a new version of a standard.

use std::collections::BTreeMap;

use crate::Violation;
use crate::kinds::{
    ActionStatus, Answer, Criterion, ImprovementAction, QualityStandard, SelfAssessment,
};

use super::answers::escaped;
use super::{Rule, Scope};

/// What a new version takes over.
#[derive(Debug, Clone, PartialEq)]
pub struct CarryOver {
    /// The answers that still fit.
    pub answers: BTreeMap<String, Answer>,
    /// The steps of the plan that are still to be done.
    pub improvement_plan: Vec<ImprovementAction>,
    /// What became of each answer that was taken over.
    pub carried: BTreeMap<String, Carried>,
    /// What was left behind, and why.
    pub dropped: Vec<Dropped>,
}

/// How an answer was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// The criterion says what it said before.
    Unchanged,
    /// The criterion kept its code but says something else: the answer waits to be looked at again.
    LookAgain,
}

/// Something that was left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The new version has no such criterion.
    CriterionGone,
    /// The new version does not ask this of the subject.
    OutOfScope,
    /// The scale is another one, so that a number would mean something else.
    ScaleChanged,
    /// The new version does not let criteria be marked as not applicable.
    NotApplicableNotAllowed,
    /// The new version does not know this type of evidence.
    EvidenceTypeGone,
    /// The criterion has no such indicator any more.
    IndicatorGone,
    /// The step is done or was given up.
    ActionClosed,
}

/// What was left behind, where it stood in the old assessment, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Where it stood, as a JSON Pointer into the old content.
    pub pointer: String,
    /// Why.
    pub why: DropReason,
}

impl DropReason {
    /// The code as callers see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CriterionGone => "criterion_gone",
            Self::OutOfScope => "out_of_scope",
            Self::ScaleChanged => "scale_changed",
            Self::NotApplicableNotAllowed => "not_applicable_not_allowed",
            Self::EvidenceTypeGone => "evidence_type_gone",
            Self::IndicatorGone => "indicator_gone",
            Self::ActionClosed => "action_closed",
        }
    }
}

/// Takes over the answers of an assessment by `from` into one by `to`: where a criterion kept its code, what still fits is
/// kept. `scope` is the subject's in the new version.
///
/// # Errors
/// Where `to` is another standard, or contradicts itself.
pub fn carry_over(
    assessment: &SelfAssessment,
    from: &QualityStandard,
    to: &QualityStandard,
    subject: &crate::kinds::AssessedSubject,
) -> Result<CarryOver, Vec<Violation>> {
    if from.code != to.code {
        return Err(vec![Violation {
            pointer: "/code".to_owned(),
            code: "other_standard".into(),
            message: "answers are taken over between versions of one standard".to_owned(),
        }]);
    }
    let rule = Rule::compile(to)?;
    let old_step = Rule::compile(from).map_or(1, |rule| rule.arithmetic.step);
    let same_scale = (from.scale.min, from.scale.max, old_step)
        == (to.scale.min, to.scale.max, rule.arithmetic.step);
    let mut taking = Taking {
        scope: Scope::of(&rule, subject),
        rule: &rule,
        same_scale,
        result: CarryOver {
            answers: BTreeMap::new(),
            improvement_plan: Vec::new(),
            carried: BTreeMap::new(),
            dropped: Vec::new(),
        },
    };
    for (id, answer) in &assessment.answers {
        taking.answer(id, answer, criterion(from, id), criterion(to, id));
    }
    for (at, action) in assessment.improvement_plan.iter().enumerate() {
        taking.action(at, action);
    }
    Ok(taking.result)
}

fn criterion<'a>(standard: &'a QualityStandard, id: &str) -> Option<&'a Criterion> {
    standard.criteria().find(|criterion| criterion.id == id)
}

struct Taking<'a> {
    rule: &'a Rule,
    scope: Scope,
    same_scale: bool,
    result: CarryOver,
}

impl Taking<'_> {
    fn drop(&mut self, pointer: String, why: DropReason) {
        self.result.dropped.push(Dropped { pointer, why });
    }

    fn answer(
        &mut self,
        id: &str,
        answer: &Answer,
        old: Option<&Criterion>,
        new: Option<&Criterion>,
    ) {
        let place = format!("/answers/{}", escaped(id));
        let (Some(new), Some(number)) = (new, self.rule.number_of(id)) else {
            return self.drop(place, DropReason::CriterionGone);
        };
        if !self.scope.has(number) {
            return self.drop(place, DropReason::OutOfScope);
        }
        let mut kept = answer.clone();
        if kept.rating.is_some() && !self.same_scale {
            kept.rating = None;
            self.drop(format!("{place}/rating"), DropReason::ScaleChanged);
        }
        if kept.not_applicable.is_some() && !self.rule.allow_not_applicable {
            kept.not_applicable = None;
            self.drop(
                format!("{place}/not_applicable"),
                DropReason::NotApplicableNotAllowed,
            );
        }
        kept.evidence.clear();
        for (at, item) in answer.evidence.iter().enumerate() {
            let place = format!("{place}/evidence/{at}");
            if !self.rule.evidence_types.contains(&item.evidence_type) {
                self.drop(place, DropReason::EvidenceTypeGone);
                continue;
            }
            let mut item = item.clone();
            let before = item.covers.len();
            item.covers
                .retain(|id| new.indicators.iter().any(|it| it.id == *id));
            if item.covers.len() < before {
                self.drop(format!("{place}/covers"), DropReason::IndicatorGone);
            }
            kept.evidence.push(item);
        }
        if kept == Answer::default() {
            return;
        }
        let says_the_same = old.is_some_and(|old| {
            old.statement == new.statement
                && old.title == new.title
                && old.indicators == new.indicators
        });
        let carried = if says_the_same {
            Carried::Unchanged
        } else {
            Carried::LookAgain
        };
        self.result.carried.insert(id.to_owned(), carried);
        self.result.answers.insert(id.to_owned(), kept);
    }

    fn action(&mut self, at: usize, action: &ImprovementAction) {
        let place = format!("/improvement_plan/{at}");
        if self.rule.number_of(&action.criterion_id).is_none() {
            return self.drop(place, DropReason::CriterionGone);
        }
        if matches!(action.status, ActionStatus::Done | ActionStatus::Dropped) {
            return self.drop(place, DropReason::ActionClosed);
        }
        let mut action = action.clone();
        if !self.same_scale && (action.current.is_some() || action.target.is_some()) {
            (action.current, action.target) = (None, None);
            self.drop(place, DropReason::ScaleChanged);
        }
        self.result.improvement_plan.push(action);
    }
}
