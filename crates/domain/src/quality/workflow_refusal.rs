//! Why a step of the workflow is refused.

use crate::Violation;

/// Why a step is refused. Each has its own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkflowRefusal {
    /// Publishing a draft.
    PublishFromDraft,
    /// Publishing while a peer looks at it.
    PublishFromInPeerReview,
    /// Publishing what a peer sent back.
    PublishFromReturned,
    /// Any other step that the state does not have.
    NotInThisState,
    /// The step is another role's.
    NotYourStep,
    /// Something is missing; the violations say what.
    Incomplete,
    /// The answers are to a version that has been superseded.
    StandardSuperseded,
    /// Nobody is named who would review.
    NoReviewer,
    /// The reviewer is the owner, or has a part in what is assessed.
    ReviewsItself,
    /// Both belong to the same umbrella.
    ReviewsOwnUmbrella,
    /// One funded the other lately.
    FundingRelation,
    /// The owner reviewed the reviewer lately.
    MutualReview,
    /// There is no verdict, or another one than the step needs.
    NoVerdict,
    /// The verdict comes from somebody who was not asked.
    NotTheReviewer,
    /// The verdict is about another submission.
    OtherSubmission,
    /// Returned without saying what has to change.
    ReturnedWithoutReason,
    /// The result is still valid.
    StillValid,
    /// There is no newer result.
    NothingNewer,
}

impl WorkflowRefusal {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::PublishFromDraft,
        Self::PublishFromInPeerReview,
        Self::PublishFromReturned,
        Self::NotInThisState,
        Self::NotYourStep,
        Self::Incomplete,
        Self::StandardSuperseded,
        Self::NoReviewer,
        Self::ReviewsItself,
        Self::ReviewsOwnUmbrella,
        Self::FundingRelation,
        Self::MutualReview,
        Self::NoVerdict,
        Self::NotTheReviewer,
        Self::OtherSubmission,
        Self::ReturnedWithoutReason,
        Self::StillValid,
        Self::NothingNewer,
    ];

    /// The code as callers see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PublishFromDraft => "publish_from_draft",
            Self::PublishFromInPeerReview => "publish_from_in_peer_review",
            Self::PublishFromReturned => "publish_from_returned",
            Self::NotInThisState => "not_in_this_state",
            Self::NotYourStep => "not_your_step",
            Self::Incomplete => "assessment_incomplete",
            Self::StandardSuperseded => "standard_superseded",
            Self::NoReviewer => "no_reviewer",
            Self::ReviewsItself => "reviews_itself",
            Self::ReviewsOwnUmbrella => "reviews_own_umbrella",
            Self::FundingRelation => "funding_relation",
            Self::MutualReview => "mutual_review",
            Self::NoVerdict => "no_verdict",
            Self::NotTheReviewer => "not_the_reviewer",
            Self::OtherSubmission => "other_submission",
            Self::ReturnedWithoutReason => "returned_without_reason",
            Self::StillValid => "still_valid",
            Self::NothingNewer => "nothing_newer",
        }
    }

    /// What the caller reads.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::PublishFromDraft => "a draft has to be submitted before it can be published",
            Self::PublishFromInPeerReview => "the peer has not given its view yet",
            Self::PublishFromReturned => "it was returned: change it and submit it again",
            Self::NotInThisState => "there is no such step from this state",
            Self::NotYourStep => "this step is for another role",
            Self::Incomplete => "something is missing",
            Self::StandardSuperseded => {
                "the standard has been superseded: take the answers over to its new version"
            }
            Self::NoReviewer => "say which organisation is to review",
            Self::ReviewsItself => "nobody reviews what it has a part in",
            Self::ReviewsOwnUmbrella => "nobody reviews within its own umbrella",
            Self::FundingRelation => "one funded the other within the last three years",
            Self::MutualReview => "the other way round, the last review is less than 24 months old",
            Self::NoVerdict => "there is no such verdict of a peer",
            Self::NotTheReviewer => "this organisation was not asked to review",
            Self::OtherSubmission => {
                "the review is about another submission than the one that stands"
            }
            Self::ReturnedWithoutReason => "say what has to change",
            Self::StillValid => "the result is still valid",
            Self::NothingNewer => "there is no newer result",
        }
    }

    /// Where in the request or the entry it lies, as a JSON Pointer.
    #[must_use]
    pub fn pointer(self) -> &'static str {
        match self {
            Self::StandardSuperseded => "/content/standard",
            Self::NoReviewer
            | Self::ReviewsItself
            | Self::ReviewsOwnUmbrella
            | Self::FundingRelation
            | Self::MutualReview
            | Self::NotTheReviewer => "/reviewer",
            Self::NoVerdict => "/verdict",
            Self::OtherSubmission => "/submission",
            Self::ReturnedWithoutReason => "/reason",
            _ => "/content/state",
        }
    }
}

/// A refused step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRefused {
    /// Why.
    pub reason: WorkflowRefusal,
    /// The gaps of [`WorkflowRefusal::Incomplete`]; else where the reason lies.
    pub violations: Vec<Violation>,
}

impl From<WorkflowRefusal> for StepRefused {
    fn from(reason: WorkflowRefusal) -> Self {
        Self {
            reason,
            violations: vec![Violation {
                pointer: reason.pointer().to_owned(),
                code: reason.as_str().into(),
                message: reason.detail().to_owned(),
            }],
        }
    }
}
