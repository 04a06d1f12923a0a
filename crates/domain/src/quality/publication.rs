//! What is published of an assessment, and what others see of it.

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use crate::kinds::{
    Answer, AssessmentRecord, AssessmentReview, AssessmentReviewState, AssessmentState,
    PublicationChoice, ReceivedReview, SelfAssessment, Verdict,
};
use crate::{Audience, Content, Violation, Visibility};

/// Refuses a choice that shows more of a part than of the profile: a plan or a rating without date, method and version of
/// the standard says nothing that anybody could judge.
#[must_use]
pub fn check_choice(choice: &PublicationChoice) -> Vec<Violation> {
    [
        ("criterion_ratings", choice.criterion_ratings),
        ("comments", choice.comments),
        ("evidence", choice.evidence),
        ("improvement_plan", choice.improvement_plan),
    ]
    .into_iter()
    .filter(|(_, part)| *part < choice.profile)
    .map(|(name, _)| Violation {
        pointer: format!("/{name}"),
        code: "wider_than_profile".into(),
        message: "more people would see this than the profile".to_owned(),
    })
    .collect()
}

/// What tells one submission from another: a reviewer names what it read, and a verdict about something else does not count.
/// The first 16 bytes of SHA-256 over what was answered, in hexadecimal.
#[must_use]
pub fn submission_fingerprint(assessment: &SelfAssessment) -> String {
    let answered = (
        &assessment.subject,
        &assessment.standard,
        &assessment.answers,
        &assessment.improvement_plan,
    );
    let json = serde_json::to_vec(&answered).unwrap_or_default();
    let digest = Sha256::digest(&json);
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether others than its owner and coordinators may know of an assessment: while its result is out, for those to whom the
/// profile was opened, until it is only in the archive.
pub(crate) fn shows_assessment(it: &SelfAssessment, audience: Audience, today: NaiveDate) -> bool {
    audience.is_owner() || parts(it, audience, today).is_some()
}

/// Whether others than its owner and coordinators may know of a review: once it is given, the nodes to which it travels. To
/// partners it shows nowhere: that something was returned is for its owner to tell.
pub(crate) fn shows_review(it: &AssessmentReview, audience: Audience) -> bool {
    audience.is_owner()
        || (audience == Audience::NetworkFeed && it.state == AssessmentReviewState::Given)
}

/// The widest visibility that an entry with this content may have.
pub(crate) fn widest_visibility(content: &Content) -> Visibility {
    match content {
        Content::SelfAssessment(it) => widest_visibility_of(it),
        // A verdict is for the owner's node, which is an approved peer.
        Content::AssessmentReview(it) if it.state == AssessmentReviewState::Given => {
            Visibility::Network
        }
        Content::AssessmentReview(_) => Visibility::Internal,
        _ => Visibility::Public,
    }
}

/// The same for an assessment.
pub(super) fn widest_visibility_of(it: &SelfAssessment) -> Visibility {
    it.record
        .publication
        .filter(|_| it.state.is_shown())
        .map_or(Visibility::Internal, |choice| choice.profile)
}

/// The parts that an audience sees beside the profile.
struct Parts {
    ratings: bool,
    comments: bool,
    evidence: bool,
    plan: bool,
}

/// Whether a day has come, for what is shown here. A form that leaves the node depends on no day: what is told again is
/// what changes, and the node that shows it looks at its own calendar.
fn has_come(day: NaiveDate, audience: Audience, today: NaiveDate) -> bool {
    !audience.leaves_the_node() && day <= today
}

fn parts(it: &SelfAssessment, audience: Audience, today: NaiveDate) -> Option<Parts> {
    let choice = it.record.publication.filter(|_| it.state.is_shown())?;
    let result = it.record.result.as_ref()?;
    // No part is seen by more than the profile, whatever another node says.
    let sees = |part: Visibility| part.max(choice.profile) <= audience.sees();
    if !sees(choice.profile) || has_come(result.archived_from, audience, today) {
        return None;
    }
    Some(Parts {
        ratings: sees(choice.criterion_ratings),
        comments: sees(choice.comments),
        evidence: sees(choice.evidence),
        plan: sees(choice.improvement_plan),
    })
}

/// Takes out of an assessment what was not chosen for `audience`. Of what is not published, nothing is left but its subject
/// and standard; [`crate::outward`] does not show it at all.
pub(crate) fn restrict_assessment(
    it: &mut SelfAssessment,
    audience: Audience,
    today: NaiveDate,
) -> bool {
    if audience.is_owner() {
        return false;
    }
    let before = it.clone();
    match parts(it, audience, today) {
        Some(parts) => restrict_published(it, &parts, audience, today),
        None => {
            it.state = AssessmentState::Draft;
            it.answers.clear();
            it.improvement_plan.clear();
            it.record = AssessmentRecord::default();
        }
    }
    *it != before
}

fn restrict_published(
    it: &mut SelfAssessment,
    parts: &Parts,
    audience: Audience,
    today: NaiveDate,
) {
    for answer in it.answers.values_mut() {
        restrict_answer(answer, parts, audience);
    }
    it.answers.retain(|_, answer| *answer != Answer::default());
    if !parts.plan {
        it.improvement_plan.clear();
    }
    if !parts.ratings {
        // A plan says where one stands and wants to be: those are ratings too.
        for action in &mut it.improvement_plan {
            (action.current, action.target) = (None, None);
        }
    }
    let record = std::mem::take(&mut it.record);
    let mut result = record.result;
    if let Some(result) = &mut result {
        if has_come(result.valid_until, audience, today) {
            // Never silently valid: the command that says so may come a little later than the day.
            it.state = AssessmentState::Expired;
        }
        if !parts.ratings {
            result
                .dimensions
                .iter_mut()
                .for_each(|it| it.capped.clear());
        }
    }
    let mut reviews = record.reviews;
    reviews.retain(|view| view.verdict == Verdict::Confirmed);
    reviews
        .iter_mut()
        .for_each(|view| restrict_view(view, parts));
    it.record = AssessmentRecord {
        assessed: record.assessed,
        publication: record.publication,
        result,
        reviews,
        ..AssessmentRecord::default()
    };
}

fn restrict_answer(answer: &mut Answer, parts: &Parts, audience: Audience) {
    if !parts.ratings {
        answer.rating = None;
        answer.not_applicable = None;
    }
    if !parts.comments {
        answer.comment = None;
    }
    answer
        .evidence
        .retain(|item| parts.evidence && item.visibility <= audience.sees());
}

fn restrict_view(view: &mut ReceivedReview, parts: &Parts) {
    view.reason = None;
    for criterion in view.criteria.values_mut() {
        if !parts.ratings {
            criterion.rating = None;
            criterion.stance = None;
        }
        if !parts.comments {
            criterion.comment = None;
        }
    }
    view.criteria
        .retain(|_, criterion| *criterion != Default::default());
}

/// Leaves of a review the verdict alone, once it is given: what the reviewer writes about single criteria, and why it
/// returns a submission, tells of answers that are their owner's to publish.
pub(crate) fn restrict_review(it: &mut AssessmentReview, audience: Audience) -> bool {
    if audience.is_owner() {
        return false;
    }
    let before = it.clone();
    it.criteria.clear();
    it.summary = None;
    it.reason = None;
    if !shows_review(it, audience) {
        it.verdict = None;
        it.submission = None;
    }
    *it != before
}
