//! What nobody changes by writing an entry: what the workflow does, and what somebody relies on.

use super::check_change;
use crate::kinds::{
    ActionStatus, AssessmentReview, AssessmentReviewState, AssessmentState, ImprovementAction,
    QualityStandard, SelfAssessment,
};
use crate::{Checker, Content};

/// Refuses what a plain write may not change, at the checker's current place, the content. `is_used` says whether other
/// entries refer to this one.
pub fn check_written_by_hand(
    current: Option<&Content>,
    next: &Content,
    is_used: bool,
    c: &mut Checker<'_>,
) {
    match (current, next) {
        (current, Content::SelfAssessment(next)) => {
            let current = current.and_then(|current| match current {
                Content::SelfAssessment(current) => Some(current.as_ref()),
                _ => None,
            });
            assessment(current, next, c);
        }
        (Some(Content::QualityStandard(current)), Content::QualityStandard(next)) => {
            standard(current, next, is_used, c);
        }
        (Some(Content::AssessmentReview(current)), Content::AssessmentReview(next)) => {
            review(current, next, c);
        }
        _ => {}
    }
}

fn standard(current: &QualityStandard, next: &QualityStandard, is_used: bool, c: &mut Checker<'_>) {
    c.findings(check_change(current, next, is_used));
}

fn review(current: &AssessmentReview, next: &AssessmentReview, c: &mut Checker<'_>) {
    if current.state == AssessmentReviewState::Given && current != next {
        c.field("state", |c| {
            c.refuse(
                "not_editable",
                "a review that is given stays as it is: write another one",
            );
        });
    }
}

fn assessment(current: Option<&SelfAssessment>, next: &SelfAssessment, c: &mut Checker<'_>) {
    let state = current.map_or(AssessmentState::Draft, |current| current.state);
    if next.state != state {
        c.field("state", |c| {
            c.refuse(
                "wrong_value",
                "the state changes by the steps of the workflow, not by writing",
            );
        });
    }
    let record = current.map(|current| &current.record);
    if record.map_or(!next.record.is_empty(), |record| *record != next.record) {
        c.field("record", |c| {
            c.refuse("read_only", "this is written by the steps of the workflow")
        });
    }
    let Some(current) = current else {
        return;
    };
    for (name, is_changed) in [
        ("subject", current.subject != next.subject),
        ("standard", current.standard != next.standard),
    ] {
        if is_changed {
            c.field(name, |c| c.refuse("read_only", "start another assessment"));
        }
    }
    if current.state.is_editable() {
        return;
    }
    if current.answers != next.answers {
        c.field("answers", |c| {
            c.refuse(
                "not_editable",
                "answers can be changed in a draft, and in what was returned",
            );
        });
    }
    let may_progress = current.state.is_shown();
    let is_same_plan = if may_progress {
        planned(&current.improvement_plan) == planned(&next.improvement_plan)
    } else {
        current.improvement_plan == next.improvement_plan
    };
    if !is_same_plan {
        c.field("improvement_plan", |c| {
            c.refuse(
                "not_editable",
                "once submitted, a plan stays; once published, its steps may say how far they are",
            );
        });
    }
}

/// What was planned, without how far it is: that goes on after publication.
fn planned(plan: &[ImprovementAction]) -> Vec<ImprovementAction> {
    plan.iter()
        .map(|action| ImprovementAction {
            status: ActionStatus::Open,
            progress_note: None,
            ..action.clone()
        })
        .collect()
}
