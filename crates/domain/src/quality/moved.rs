//! What a step writes into an assessment, beside its state. [`super::transition`] has allowed it before.

use super::publication::widest_visibility_of;
use super::{Rule, Scope, check_choice, deadlines, preview};
use crate::kinds::{
    AssessedSubject, AssessmentMethod, AssessmentResult, AssessmentState, HistoryEvent,
    PublicationChoice, ReceivedReview, SelfAssessment,
};
use crate::{EntryRef, Violation, Visibility};

/// An assessment after a step that leaves everything else as it is: expiring, withdrawing, being superseded.
#[must_use]
pub fn moved(assessment: &SelfAssessment, event: HistoryEvent) -> SelfAssessment {
    let mut moved = assessment.clone();
    moved.state = event.to;
    moved.record.history.push(event);
    moved
}

/// After it was submitted, with what its subject was on that day. Who reviewed an earlier submission has to be asked again.
#[must_use]
pub fn submitted(
    assessment: &SelfAssessment,
    event: HistoryEvent,
    subject: AssessedSubject,
) -> SelfAssessment {
    let today = event.at.date_naive();
    let mut submitted = moved(assessment, event);
    submitted.record.assessed = Some(subject);
    submitted.record.submitted_on = Some(today);
    submitted.record.reviewer = None;
    submitted
}

/// After another organisation was asked for its view.
#[must_use]
pub fn review_started(
    assessment: &SelfAssessment,
    event: HistoryEvent,
    reviewer: EntryRef,
) -> SelfAssessment {
    let mut started = moved(assessment, event);
    started.record.reviewer = Some(reviewer);
    started
}

/// After a peer's verdict has arrived. Both views stay: the answers are the owner's and are not touched.
#[must_use]
pub fn reviewed(
    assessment: &SelfAssessment,
    event: HistoryEvent,
    view: ReceivedReview,
) -> SelfAssessment {
    let mut reviewed = moved(assessment, event);
    reviewed.record.reviews.push(view);
    reviewed
}

/// What publishing needs beside the assessment.
#[derive(Debug, Clone)]
pub struct NewResult<'a> {
    /// The rule of its standard.
    pub rule: &'a Rule,
    /// What is in scope for its subject.
    pub scope: &'a Scope,
    /// Who may see which part.
    pub choice: PublicationChoice,
    /// What [`super::transition`] put into the history.
    pub event: HistoryEvent,
}

/// After it was published, with its result.
///
/// # Errors
/// Where the choice shows more of a part than of the profile ([`check_choice`]).
pub fn published(
    assessment: &SelfAssessment,
    new: NewResult<'_>,
) -> Result<SelfAssessment, Vec<Violation>> {
    let wrong = check_choice(&new.choice);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let today = new.event.at.date_naive();
    let due = deadlines(today, new.rule.validity()).ok_or_else(|| {
        vec![Violation {
            pointer: "/content/state".to_owned(),
            code: "out_of_range".into(),
            message: "the calendar ends before the result would".to_owned(),
        }]
    })?;
    let on = assessment.record.submitted_on.unwrap_or(today);
    let profile = preview(new.rule, new.scope, assessment, on);
    let method = if new.event.from == AssessmentState::Confirmed {
        AssessmentMethod::SelfAndPeer
    } else {
        AssessmentMethod::SelfOnly
    };
    let mut published = moved(assessment, new.event);
    published.record.result = Some(AssessmentResult {
        published_on: today,
        valid_until: due.expires,
        progress_note_due: due.progress_note,
        reassess_from: due.expiry_task,
        archived_from: due.archived,
        method,
        standard_code: new.rule.code().to_owned(),
        standard_version: new.rule.version().to_string(),
        standard_is_draft: profile.standard_is_draft,
        dimensions: profile.dimensions,
    });
    published.record.publication = Some(new.choice);
    Ok(published)
}

/// After an expired one was begun anew. Its result stays with it, for the trend.
#[must_use]
pub fn renewed(assessment: &SelfAssessment, event: HistoryEvent) -> SelfAssessment {
    let mut draft = moved(assessment, event);
    let record = &mut draft.record;
    record.earlier_results.extend(record.result.take());
    record.publication = None;
    record.reviewer = None;
    record.submitted_on = None;
    draft
}

/// The visibility that the entry of an assessment has in its state: that of the profile while its result is out, else
/// internal. Every step writes it, so that a withdrawn result leaves the feeds.
#[must_use]
pub fn visibility_of(assessment: &SelfAssessment) -> Visibility {
    widest_visibility_of(assessment)
}
