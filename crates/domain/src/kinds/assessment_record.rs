use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AssessmentState, CriterionView, Verdict};
use crate::{Checker, EntryRef, Facets, Kind, Visibility, codes, limits};

/// What the workflow writes about a self-assessment, and nobody by hand.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessmentRecord {
    /// What the subject was when the answers were given: it decides which criteria are in scope, also after an offer has
    /// changed its phases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessed: Option<AssessedSubject>,
    /// The assessment that this one follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<EntryRef>,
    /// Everything that moved the state, oldest first.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEvent>,
    /// When it was last submitted. Evidence has to be recent on this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_on: Option<NaiveDate>,
    /// The organisation that was asked for its view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<EntryRef>,
    /// The views of peers, oldest first. They stay visible where they differ.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<ReceivedReview>,
    /// Who may see which part, chosen at publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication: Option<PublicationChoice>,
    /// The result as it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<AssessmentResult>,
    /// Results of earlier rounds of this assessment, oldest first.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub earlier_results: Vec<AssessmentResult>,
}

/// A subject as far as it decides which criteria are in scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessedSubject {
    /// Organisation or offer.
    pub kind: Kind,
    /// The phases of an offer. An offer that names none is assessed in all phases: leaving a field empty gets nobody
    /// around a criterion.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<codes::Phase>,
}

/// One move of an assessment's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What was done.
    pub step: WorkflowStep,
    /// The state before.
    pub from: AssessmentState,
    /// The state after.
    pub to: AssessmentState,
    /// In which role it was done.
    pub by: WorkflowParty,
    /// Why, where that has to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What moves an assessment from one state to another.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowStep {
    /// The organisation says that its answers are complete.
    Submit,
    /// A coordinator asks another organisation for its view.
    StartReview,
    /// The peer sends it back, with a reason.
    Return,
    /// The peer agrees, or differs visibly, and lets it pass.
    Confirm,
    /// The organisation publishes the result.
    Publish,
    /// The time of its validity is over.
    Expire,
    /// The organisation takes a published result back.
    Withdraw,
    /// The organisation begins anew after its result has expired.
    Renew,
    /// A newer result of the same subject takes its place.
    Supersede,
}

/// Who makes a step: the roles of the standard file's `review.transitions`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowParty {
    /// The organisation that owns the assessment.
    Organisation,
    /// A coordinator of the node.
    Coordinator,
    /// The organisation that was asked for its view.
    Peer,
    /// The node itself: what falls due by time, and what arrives from other nodes.
    System,
}

/// A peer's view as it is kept with the assessment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceivedReview {
    /// The organisation that reviewed.
    pub reviewer: EntryRef,
    /// The URI of its assessment-review.
    pub review: String,
    /// What it came to.
    pub verdict: Verdict,
    /// When it arrived.
    pub received_on: NaiveDate,
    /// Why it was returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it sees in single criteria.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub criteria: BTreeMap<String, CriterionView>,
}

/// Who may see which part of a published assessment. The defaults are the standard file's `review.visibility_defaults`; a
/// part of which nothing is said is seen by no more than the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(from = "GivenChoice")]
#[schema(example = json!({"profile": "public", "improvement_plan": "network"}))]
pub struct PublicationChoice {
    /// The result per dimension, with date, method and version of the standard.
    #[schema(required = false)]
    pub profile: Visibility,
    /// The ratings of single criteria.
    #[schema(required = false)]
    pub criterion_ratings: Visibility,
    /// The comments on single criteria.
    #[schema(required = false)]
    pub comments: Visibility,
    /// The evidence. Each item's own visibility can narrow this, never widen it.
    #[schema(required = false)]
    pub evidence: Visibility,
    /// What is to become better.
    #[schema(required = false)]
    pub improvement_plan: Visibility,
}

/// A choice as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenChoice {
    profile: Option<Visibility>,
    criterion_ratings: Option<Visibility>,
    comments: Option<Visibility>,
    evidence: Option<Visibility>,
    improvement_plan: Option<Visibility>,
}

impl From<GivenChoice> for PublicationChoice {
    fn from(given: GivenChoice) -> Self {
        let usual = Self::default();
        let profile = given.profile.unwrap_or(usual.profile);
        let part =
            |given: Option<Visibility>, usual: Visibility| given.unwrap_or(usual.max(profile));
        Self {
            profile,
            criterion_ratings: part(given.criterion_ratings, usual.criterion_ratings),
            comments: part(given.comments, usual.comments),
            evidence: part(given.evidence, usual.evidence),
            improvement_plan: part(given.improvement_plan, usual.improvement_plan),
        }
    }
}

fn network() -> Visibility {
    Visibility::Network
}

fn internal() -> Visibility {
    Visibility::Internal
}

impl Default for PublicationChoice {
    fn default() -> Self {
        Self {
            profile: network(),
            criterion_ratings: internal(),
            comments: internal(),
            evidence: internal(),
            improvement_plan: network(),
        }
    }
}

/// A published result: a profile of dimensions. There is no overall number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessmentResult {
    /// When it was published.
    pub published_on: NaiveDate,
    /// The first day on which it is no longer valid.
    pub valid_until: NaiveDate,
    /// The day from which on a short note on progress is due, where the standard asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_note_due: Option<NaiveDate>,
    /// The day from which on its owner is asked to assess anew.
    pub reassess_from: NaiveDate,
    /// The day from which on it is only in the archive: its owner's own history.
    pub archived_from: NaiveDate,
    /// Whether a peer looked at it.
    pub method: AssessmentMethod,
    /// The code of the standard.
    pub standard_code: String,
    /// The version of the standard.
    pub standard_version: String,
    /// Whether that version was a draft when the result was published.
    pub standard_is_draft: bool,
    /// The dimensions, in the standard's order.
    pub dimensions: Vec<DimensionResult>,
}

/// How a result came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AssessmentMethod {
    /// By the organisation alone.
    #[serde(rename = "self")]
    SelfOnly,
    /// By the organisation, with the view of a peer.
    #[serde(rename = "self+peer")]
    SelfAndPeer,
}

/// The result in one dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DimensionResult {
    /// The dimension's id.
    pub id: String,
    /// Whether there is a number.
    pub outcome: DimensionOutcome,
    /// The weighted mean, rounded as the standard says, as a decimal in text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2.2")]
    pub mean: Option<String>,
    /// The code of the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Criteria in scope.
    pub in_scope: u16,
    /// Of these, how many are marked as not applicable.
    pub not_applicable: u16,
    /// Of the rest, how many are rated. Coverage is this over the rest.
    pub rated: u16,
    /// Criteria whose rating counts as a lower one for want of evidence. Left out for those who may not see ratings.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub capped: Vec<String>,
    /// Core criteria that are so low that they bound the level.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub core_below: Vec<String>,
    /// Whether the core rule made the level lower than the mean would.
    #[serde(default)]
    pub level_bounded: bool,
    /// Whether so much is marked as not applicable that a coordinator should look.
    #[serde(default)]
    pub many_not_applicable: bool,
}

/// Whether a dimension has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DimensionOutcome {
    /// It has one.
    Scored,
    /// Too little is rated.
    Incomplete,
    /// Nothing is in scope, or nothing applies.
    NotInScope,
}

impl AssessmentRecord {
    /// Whether the workflow has written nothing yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self, c: &mut Checker<'_>) {
        if let Some(previous) = &self.previous {
            c.reference("previous", previous, &[Kind::SelfAssessment]);
        }
        if let Some(reviewer) = &self.reviewer {
            c.reference("reviewer", reviewer, &[Kind::Organisation]);
        }
        c.list("history", &self.history, limits::HISTORY, |c, event| {
            c.optional_string("reason", event.reason.as_deref(), limits::SUMMARY);
        });
        c.list("reviews", &self.reviews, limits::REVIEWS, |c, view| {
            c.reference("reviewer", &view.reviewer, &[Kind::Organisation]);
            c.field("review", |c| c.url_here(&view.review));
            c.optional_string("reason", view.reason.as_deref(), limits::SUMMARY);
            super::assessment_review::check_views(c, "criteria", &view.criteria);
        });
        c.list(
            "earlier_results",
            &self.earlier_results,
            limits::EARLIER_RESULTS,
            |c, result| result.check(c),
        );
        if let Some(result) = &self.result {
            c.field("result", |c| result.check(c));
        }
    }

    pub(super) fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets
            .related
            .extend(self.previous.iter().chain(&self.reviewer));
        facets
            .related
            .extend(self.reviews.iter().map(|view| &view.reviewer));
    }
}

impl AssessmentResult {
    fn check(&self, c: &mut Checker<'_>) {
        c.string("standard_code", &self.standard_code, limits::SHORT);
        c.string("standard_version", &self.standard_version, limits::SHORT);
        c.list(
            "dimensions",
            &self.dimensions,
            limits::DIMENSIONS,
            |c, dimension| {
                c.string("id", &dimension.id, limits::SHORT);
                c.optional_string("mean", dimension.mean.as_deref(), limits::SHORT);
                c.optional_string("level", dimension.level.as_deref(), limits::SHORT);
                for (name, list) in [
                    ("capped", &dimension.capped),
                    ("core_below", &dimension.core_below),
                ] {
                    c.list(name, list, limits::CRITERIA, |c, id| {
                        c.string_here(id, limits::SHORT);
                    });
                }
            },
        );
    }
}
