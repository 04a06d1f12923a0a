//! The contents of the ten kinds, one file each.

mod assessment_record;
mod assessment_review;
mod contact_point;
mod event;
mod need;
mod offer;
mod organisation;
mod pathway;
mod publication;
mod quality_standard;
mod self_assessment;

pub use assessment_record::{
    AssessedSubject, AssessmentMethod, AssessmentRecord, AssessmentResult, DimensionOutcome,
    DimensionResult, HistoryEvent, PublicationChoice, ReceivedReview, WorkflowParty, WorkflowStep,
};
pub(crate) use assessment_review::check_views;
pub use assessment_review::{
    AssessmentReview, AssessmentReviewState, CriterionView, Stance, Verdict,
};
pub use contact_point::{Consent, ContactChannel, ContactPerson, ContactPoint};
pub use event::{Document, Event};
pub use need::Need;
pub use offer::{Eligibility, Offer, OfferLanguage, OrganisationPart};
pub use organisation::{Identifier, Organisation};
pub use pathway::{Condition, Pathway};
pub use publication::Publication;
pub use quality_standard::{
    Criterion, Dimension, EvidenceType, Indicator, QualityStandard, Scale, ScaleLevel,
    StandardSource, StandardState,
};
pub use self_assessment::{
    ActionStatus, Answer, AnswerEvidence, AssessmentState, ImprovementAction, SelfAssessment,
};
