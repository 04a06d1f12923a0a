//! The states of an assessment, and who moves them.
//!
//! [`TRANSITIONS`] is the standard file's `review.transitions`, row by row (a test compares them). It is a table of this code
//! and not read from each standard, because it says who may do what here: a standard from another node must not be able to
//! open a way from draft to published. A standard whose own table differs is refused.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use super::standard::Findings;
use super::{Conflict, ReviewerFacts, StepRefused, WorkflowRefusal, conflict};
use crate::kinds::{
    AssessmentState, HistoryEvent, StandardState, Verdict, WorkflowParty, WorkflowStep,
};
use crate::{Actor, EntryId, Subject, Violation};

use AssessmentState as State;
use WorkflowParty as Party;
use WorkflowStep as Step;

/// Every move: from, to, by whom, and what it is called.
pub const TRANSITIONS: [(State, State, Party, Step); 11] = [
    (
        State::Draft,
        State::Submitted,
        Party::Organisation,
        Step::Submit,
    ),
    (
        State::Submitted,
        State::InPeerReview,
        Party::Coordinator,
        Step::StartReview,
    ),
    (
        State::Submitted,
        State::Published,
        Party::Organisation,
        Step::Publish,
    ),
    (
        State::InPeerReview,
        State::Returned,
        Party::Peer,
        Step::Return,
    ),
    (
        State::Returned,
        State::Submitted,
        Party::Organisation,
        Step::Submit,
    ),
    (
        State::InPeerReview,
        State::Confirmed,
        Party::Peer,
        Step::Confirm,
    ),
    (
        State::Confirmed,
        State::Published,
        Party::Organisation,
        Step::Publish,
    ),
    (
        State::Published,
        State::Expired,
        Party::System,
        Step::Expire,
    ),
    (
        State::Published,
        State::Withdrawn,
        Party::Organisation,
        Step::Withdraw,
    ),
    (
        State::Expired,
        State::Draft,
        Party::Organisation,
        Step::Renew,
    ),
    (
        State::Published,
        State::Superseded,
        Party::System,
        Step::Supersede,
    ),
];

/// What a step depends on.
#[derive(Debug, Clone, Copy)]
pub struct StepFacts<'a> {
    /// Now.
    pub now: DateTime<Utc>,
    /// Where the standard stands. Submitting answers to a superseded version is refused; what was submitted before may still
    /// be reviewed and published.
    pub standard: StandardState,
    /// What is missing ([`super::gaps`]), for submitting.
    pub gaps: &'a [Violation],
    /// Who is to review, for starting a review and for a verdict.
    pub reviewer: Option<ReviewerFacts<'a>>,
    /// The peer's verdict, for what it moves.
    pub verdict: Option<PeerVerdict<'a>>,
    /// The first day on which the result is no longer valid, for expiring.
    pub valid_until: Option<NaiveDate>,
    /// Whether a newer result of the same subject by the same standard is out, for superseding.
    pub newer_is_published: bool,
}

/// A peer's verdict as it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerVerdict<'a> {
    /// What it came to.
    pub verdict: Verdict,
    /// Why it is returned.
    pub reason: Option<&'a str>,
    /// The URI of the organisation that was asked.
    pub asked: &'a str,
    /// The URI of the organisation that answers.
    pub reviewer: &'a str,
    /// The submission that it is about.
    pub about: &'a str,
    /// The submission that stands ([`super::submission_fingerprint`]).
    pub submission: &'a str,
}

/// Moves an assessment: the state after, and what goes into its history.
///
/// A peer's step is made by the node when the peer's verdict arrives, so [`WorkflowParty::System`] may make it too, and
/// neither may without the verdict.
///
/// # Errors
/// [`StepRefused`], with a reason of its own for each case.
pub fn transition(
    state: State,
    step: Step,
    party: Party,
    facts: &StepFacts<'_>,
) -> Result<(State, HistoryEvent), StepRefused> {
    let row = TRANSITIONS
        .iter()
        .find(|(from, _, _, name)| *from == state && *name == step);
    let Some((_, to, by, _)) = row else {
        return Err(not_from(state, step).into());
    };
    let is_carried_out = *by == Party::Peer && party == Party::System;
    if party != *by && !is_carried_out {
        return Err(WorkflowRefusal::NotYourStep.into());
    }
    allowed(step, facts)?;
    let event = HistoryEvent {
        at: facts.now,
        step,
        from: state,
        to: *to,
        by: *by,
        reason: match step {
            Step::Return => facts.verdict.and_then(|it| it.reason).map(str::to_owned),
            _ => None,
        },
    };
    Ok((*to, event))
}

fn not_from(state: State, step: Step) -> WorkflowRefusal {
    match (step, state) {
        (Step::Publish, State::Draft) => WorkflowRefusal::PublishFromDraft,
        (Step::Publish, State::InPeerReview) => WorkflowRefusal::PublishFromInPeerReview,
        (Step::Publish, State::Returned) => WorkflowRefusal::PublishFromReturned,
        _ => WorkflowRefusal::NotInThisState,
    }
}

fn allowed(step: Step, facts: &StepFacts<'_>) -> Result<(), StepRefused> {
    let today = facts.now.date_naive();
    match step {
        Step::Submit if facts.standard == StandardState::Superseded => {
            Err(WorkflowRefusal::StandardSuperseded.into())
        }
        Step::Submit if !facts.gaps.is_empty() => Err(StepRefused {
            reason: WorkflowRefusal::Incomplete,
            violations: facts.gaps.to_vec(),
        }),
        Step::StartReview => no_conflict(facts, today),
        Step::Return => verdict(Verdict::Returned, facts, today),
        Step::Confirm => verdict(Verdict::Confirmed, facts, today),
        // Without a date there is nothing to say that it is over.
        Step::Expire if facts.valid_until.is_none_or(|until| today < until) => {
            Err(WorkflowRefusal::StillValid.into())
        }
        Step::Supersede if !facts.newer_is_published => Err(WorkflowRefusal::NothingNewer.into()),
        Step::Submit
        | Step::Publish
        | Step::Expire
        | Step::Withdraw
        | Step::Renew
        | Step::Supersede => Ok(()),
    }
}

fn no_conflict(facts: &StepFacts<'_>, today: NaiveDate) -> Result<(), StepRefused> {
    let reviewer = facts
        .reviewer
        .as_ref()
        .filter(|it| !it.reviewer.is_empty())
        .ok_or(WorkflowRefusal::NoReviewer)?;
    match conflict(reviewer, today) {
        None => Ok(()),
        Some(Conflict::Itself) => Err(WorkflowRefusal::ReviewsItself.into()),
        Some(Conflict::SameUmbrella) => Err(WorkflowRefusal::ReviewsOwnUmbrella.into()),
        Some(Conflict::Funding) => Err(WorkflowRefusal::FundingRelation.into()),
        Some(Conflict::MutualReview) => Err(WorkflowRefusal::MutualReview.into()),
    }
}

/// The conflict is looked at again when the verdict arrives: organisations can come under one umbrella in between.
fn verdict(wanted: Verdict, facts: &StepFacts<'_>, today: NaiveDate) -> Result<(), StepRefused> {
    let given = facts
        .verdict
        .filter(|it| it.verdict == wanted)
        .ok_or(WorkflowRefusal::NoVerdict)?;
    if given.reviewer != given.asked {
        return Err(WorkflowRefusal::NotTheReviewer.into());
    }
    no_conflict(facts, today)?;
    if given.about != given.submission {
        return Err(WorkflowRefusal::OtherSubmission.into());
    }
    let has_reason = given.reason.is_some_and(|reason| !reason.trim().is_empty());
    if wanted == Verdict::Returned && !has_reason {
        return Err(WorkflowRefusal::ReturnedWithoutReason.into());
    }
    Ok(())
}

/// In which role an actor makes a step. Who is both coordinator and of the owning organisation makes it in the role that the
/// table asks for. `None`: the actor has no part in it. Peers are known by their verdict and not by an account.
#[must_use]
pub fn party_for(step: Step, actor: &Actor, owner: EntryId) -> Option<Party> {
    if actor.subject == Subject::System {
        return Some(Party::System);
    }
    let wanted = TRANSITIONS
        .iter()
        .find(|(_, _, _, name)| *name == step)
        .map(|(_, _, by, _)| *by)?;
    let is_owner = actor.organisation == Some(owner);
    match wanted {
        Party::Organisation if is_owner => Some(Party::Organisation),
        Party::Coordinator if actor.is_coordinator() => Some(Party::Coordinator),
        _ if is_owner => Some(Party::Organisation),
        _ if actor.is_coordinator() => Some(Party::Coordinator),
        _ => None,
    }
}

/// Refuses a standard whose own table of transitions is another one.
pub(super) fn check_transitions(review: &Value, found: &mut Findings) {
    let Some(rows) = review.get("transitions") else {
        return;
    };
    let code = |value: Value| value.as_str().map(str::to_owned);
    let own: Vec<Value> = TRANSITIONS
        .iter()
        .map(|(from, to, by, _)| serde_json::json!([from, to, by]))
        .collect();
    let Some(rows) = rows.as_array() else {
        found.add("/review/transitions", "wrong_type", "expected a list");
        return;
    };
    for (at, row) in rows.iter().enumerate() {
        if !own.contains(row) {
            found.add(
                &format!("/review/transitions/{at}"),
                "unknown_transition",
                "assessments here are not moved in this way",
            );
        }
    }
    for row in own.iter().filter(|row| !rows.contains(row)) {
        let words: Vec<String> = row
            .as_array()
            .into_iter()
            .flatten()
            .cloned()
            .filter_map(code)
            .collect();
        found.add(
            "/review/transitions",
            "missing_transition",
            format!("assessments here are also moved so: {}", words.join(", ")),
        );
    }
}
