//! What of standards, assessments and reviews depends on other entries.

use super::{
    Rule, Scope, assessed_subject, check_answers, check_plan, check_successor,
    submission_fingerprint,
};
use crate::command::Facts;
use crate::kinds::{
    AssessedSubject, AssessmentReview, AssessmentReviewState, AssessmentState, QualityStandard,
    SelfAssessment,
};
use crate::{Checker, Content, Entry, EntryRef, Kind, Visibility};

/// The entries whose content decides about one that is to be written.
pub(crate) fn decisive(content: &Content) -> Vec<EntryRef> {
    match content {
        Content::QualityStandard(it) => it.supersedes.iter().cloned().collect(),
        Content::SelfAssessment(it) => vec![it.standard.clone(), it.subject.clone()],
        Content::AssessmentReview(it) => vec![it.assessment.clone()],
        _ => Vec::new(),
    }
}

/// Refuses what the entries that it refers to do not allow, at the checker's current place, the content.
pub(crate) fn check_relations(
    entry: &Entry,
    current: Option<&Entry>,
    facts: &Facts<'_>,
    c: &mut Checker<'_>,
) {
    match &entry.content {
        Content::QualityStandard(it) => standard(it, facts, c),
        Content::SelfAssessment(it) => assessment(entry, it, current, facts, c),
        Content::AssessmentReview(it) => review(entry, it, current, facts, c),
        _ => {}
    }
}

fn content<'a>(reference: &EntryRef, facts: &'a Facts<'_>) -> Option<&'a Content> {
    facts.contents.get(reference).map(|entry| &entry.content)
}

fn standard(next: &QualityStandard, facts: &Facts<'_>, c: &mut Checker<'_>) {
    let Some(reference) = &next.supersedes else {
        return;
    };
    match content(reference, facts) {
        Some(Content::QualityStandard(current)) => {
            for mut found in check_successor(current, next) {
                // It is about the fields of the new version, and lies in the choice of the old one.
                found.pointer = "/supersedes".to_owned();
                c.findings(vec![found]);
            }
        }
        // That a local one is missing is said of every reference.
        Some(_) => {}
        None if reference.local().is_none() => c.field("supersedes", |c| {
            c.refuse("unknown_reference", "this standard is not in the directory");
        }),
        None => {}
    }
}

fn assessment(
    entry: &Entry,
    next: &SelfAssessment,
    current: Option<&Entry>,
    facts: &Facts<'_>,
    c: &mut Checker<'_>,
) {
    if current.is_none() {
        own_subject(entry, next, facts, c);
    }
    let standard = match content(&next.standard, facts) {
        Some(Content::QualityStandard(standard)) => standard,
        Some(_) => return,
        None => {
            if next.standard.local().is_none() {
                c.field("standard", |c| {
                    c.refuse("standard_not_here", "this standard is not in the directory");
                });
            }
            return;
        }
    };
    let Ok(rule) = Rule::compile(standard) else {
        c.field("standard", |c| {
            c.refuse(
                "standard_contradicts_itself",
                "nothing can be scored by this standard until its contradictions are mended",
            );
        });
        return;
    };
    if !next.state.is_editable() {
        check_plan(&rule, &next.improvement_plan, c);
    } else if let Some(subject) = scope_of(next, facts) {
        check_answers(&rule, &Scope::of(&rule, &subject), next, c);
    }
}

/// The subject as it is now, or else as it was when the answers were given.
fn scope_of(it: &SelfAssessment, facts: &Facts<'_>) -> Option<AssessedSubject> {
    content(&it.subject, facts)
        .and_then(assessed_subject)
        .or_else(|| it.record.assessed.clone())
}

/// An organisation assesses itself and its own offers: nobody else says how good it is.
fn own_subject(entry: &Entry, next: &SelfAssessment, facts: &Facts<'_>, c: &mut Checker<'_>) {
    let is_own = match next.subject.local() {
        Some(subject) if subject == entry.owner => true,
        Some(subject) => facts
            .entries
            .get(&subject)
            // That there is none is said of every reference.
            .is_none_or(|known| known.owner == entry.owner),
        None => false,
    };
    if !is_own {
        c.field("subject", |c| {
            c.refuse(
                "not_own_subject",
                "an organisation assesses itself and its own offers",
            );
        });
    }
}

/// Whether a review of `entry` is of an assessment that its reviewer was asked to look at. Such an assessment may be named
/// by who may not see it otherwise.
pub(crate) fn is_asked_for(entry: &Entry, facts: &Facts<'_>) -> bool {
    let Content::AssessmentReview(review) = &entry.content else {
        return false;
    };
    matches!(
        content(&review.assessment, facts),
        Some(Content::SelfAssessment(it)) if it.record.reviewer.as_ref() == Some(&review.reviewer)
    )
}

fn review(
    entry: &Entry,
    next: &AssessmentReview,
    current: Option<&Entry>,
    facts: &Facts<'_>,
    c: &mut Checker<'_>,
) {
    // That something else than an organisation reviews is said of every reference.
    let is_organisation = next.reviewer.local().is_none_or(|id| {
        let known = facts.entries.get(&id);
        known.is_some_and(|known| known.kind == Kind::Organisation)
    });
    if is_organisation && next.reviewer != EntryRef::Local(entry.owner) {
        c.field("reviewer", |c| {
            c.refuse("not_own_review", "an organisation reviews in its own name");
        });
    }
    if next.organisation.as_ref() == Some(&next.reviewer) {
        c.field("organisation", |c| {
            c.refuse("reviews_itself", "nobody reviews what it has a part in");
        });
    }
    let was_given = current.is_some_and(|current| {
        matches!(&current.content, Content::AssessmentReview(it) if it.state == AssessmentReviewState::Given)
    });
    // Of an assessment at another node, that node knows more when the verdict arrives.
    let Some(Content::SelfAssessment(it)) = content(&next.assessment, facts) else {
        return;
    };
    if was_given || next.state != AssessmentReviewState::Given {
        return;
    }
    let is_asked = it.record.reviewer.as_ref() == Some(&next.reviewer);
    let is_hidden = facts
        .contents
        .get(&next.assessment)
        .is_some_and(|entry| entry.visibility == Visibility::Internal);
    if !is_asked && is_hidden {
        // Who was not asked hears that there is no such entry, as of any other that is not for it.
        return;
    }
    if !is_asked || it.state != AssessmentState::InPeerReview {
        c.field("assessment", |c| {
            c.refuse(
                "not_the_reviewer",
                "this organisation was not asked to review this assessment",
            );
        });
    } else if next.submission.as_deref() != Some(submission_fingerprint(it).as_str()) {
        c.field("submission", |c| {
            c.refuse(
                "other_submission",
                "the review is about another submission than the one that stands",
            );
        });
    }
}
