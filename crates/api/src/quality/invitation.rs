//! What a reviewer does at the owner's node, with the token of an invitation: read the submission, leave its views of single
//! criteria. The verdict itself is an entry at the reviewer's own node.

use std::collections::BTreeMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use domain::kinds::{
    Answer, AssessmentState, DimensionResult, ImprovementAction, QualityStandard, SelfAssessment,
};
use domain::quality::{self, PeerViews, WorkflowRefusal, submission_fingerprint};
use domain::{Content, Entry, Refusal, Text};
use http::sign_in::{SignIn, bearer, secret::hash};
use http::{Code, JsonBytes, Problem};
use serde::Serialize;
use storage::{Conflict, Invitation, StorageError};
use utoipa::ToSchema;

use super::assessment::{referred, rule, scope, standard_of};
use super::steps::secret;
use crate::State;

/// Bytes of a reviewer's views.
const VIEWS_BYTES: usize = 64 * 1024;

/// The token of an invitation, which opens nothing else.
pub(crate) struct Token {
    hash: String,
}

impl FromRequest for Token {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = request.headers().get(header::AUTHORIZATION);
        ready(
            token
                .and_then(bearer)
                .map(|token| Self { hash: hash(token) })
                .ok_or_else(unknown),
        )
    }
}

fn unknown() -> Problem {
    Problem::new(
        Code::InvalidToken,
        "send the token of the invitation in Authorization: Bearer",
    )
    .with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"lotse-invitation\""),
    )
}

/// A submission as its reviewer reads it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Submission {
    /// The URI of the assessment: the `assessment` of the review.
    assessment: String,
    /// The URI of the organisation that owns it: the `organisation` of the review.
    organisation: String,
    /// What that organisation is called.
    organisation_name: Option<Text>,
    /// The URI of the organisation that is asked: the `reviewer` of the review.
    reviewer: String,
    /// What tells this submission from others: the `submission` of the review.
    submission: String,
    /// Until when the token works.
    expires: DateTime<Utc>,
    /// The URI of what is assessed.
    subject: String,
    /// What that is called.
    subject_title: Option<Text>,
    /// The standard, with everything that it asks.
    standard: QualityStandard,
    /// The criteria that are asked of this subject, in the standard's order.
    criteria_in_scope: Vec<String>,
    /// The answers, with comments and evidence.
    answers: BTreeMap<String, Answer>,
    /// What is to become better.
    improvement_plan: Vec<ImprovementAction>,
    /// What the answers come to.
    dimensions: Vec<DimensionResult>,
    /// What the reviewer has left here before.
    views: Option<PeerViews>,
}

/// Read the submission that one was asked to review.
///
/// The token of the invitation is sent as `Authorization: Bearer`; no account is needed.
#[utoipa::path(
    get, path = "/api/v1/review-invitation", tag = "quality", operation_id = "read_submission",
    responses((status = 200, description = "The submission", body = Submission)),
)]
pub(crate) async fn submission(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    token: Token,
) -> Result<HttpResponse, Problem> {
    let (invitation, entry) = open(&request, &state, &sign_in, &token).await?;
    let assessment = of(&entry)?;
    let standard = standard_of(&state, assessment).await?;
    let rule = rule(&standard)?;
    let scope = scope(&state, &rule, assessment).await?;
    let today = state.clock.now().date_naive();
    let on = assessment.record.submitted_on.unwrap_or(today);
    let name = |entry: Option<Entry>| entry.map(|entry| entry.content.title());
    let owner = domain::EntryRef::Local(entry.owner);
    Ok(secret(Submission {
        assessment: entry.uri(),
        organisation: state.origin.uri(entry.owner),
        organisation_name: name(referred(&state, &owner).await?),
        reviewer: invitation.reviewer.clone(),
        submission: invitation.submission.clone(),
        expires: invitation.expires,
        subject: assessment.subject.uri(&state.origin),
        subject_title: name(referred(&state, &assessment.subject).await?),
        criteria_in_scope: scope.ids(&rule),
        dimensions: quality::preview(&rule, &scope, assessment, on).dimensions,
        answers: assessment.answers.clone(),
        improvement_plan: assessment.improvement_plan.clone(),
        views: kept(&invitation),
        standard,
    }))
}

/// Leave what one sees in single criteria.
///
/// It stays with the assessment, and is seen by whom its owner chooses. Send it before the verdict: a verdict that returns
/// a submission waits for the reason.
#[utoipa::path(
    put, path = "/api/v1/review-invitation/views", tag = "quality", operation_id = "leave_views",
    request_body = PeerViews,
    responses((status = 200, description = "The views as they are kept", body = PeerViews)),
)]
pub(crate) async fn views(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    token: Token,
    body: JsonBytes<VIEWS_BYTES>,
) -> Result<HttpResponse, Problem> {
    let (_, entry) = open(&request, &state, &sign_in, &token).await?;
    let views: PeerViews = http::json::parse_checked(&body.0)?;
    let rule = rule(&standard_of(&state, of(&entry)?).await?)?;
    let today = state.clock.now().date_naive();
    let wrong = quality::check_peer_views(&rule, &views, &state.origin, today);
    if !wrong.is_empty() {
        return Err(Refusal::invalid(wrong).into());
    }
    let json = serde_json::to_string(&views).map_err(|why| Problem::internal(why.to_string()))?;
    let now = state.clock.now();
    let kept = state
        .store
        .invitations
        .keep_views(&token.hash, json, now)
        .await;
    kept.map_err(of_token)?;
    Ok(secret(views))
}

/// The invitation of a token, with the assessment, while both are about the same submission.
async fn open(
    request: &HttpRequest,
    state: &State,
    sign_in: &SignIn,
    token: &Token,
) -> Result<(Invitation, Entry), Problem> {
    let now = state.clock.now();
    let found = state.store.invitations.open(&token.hash, now).await;
    if matches!(found, Err(StorageError::NotFound)) {
        // A token is not to be guessed; whoever tries is slowed down all the same.
        let address = sign_in.client_address(request);
        sign_in.limits.wrong_secret(None, address)?;
    }
    let invitation = found.map_err(of_token)?;
    let stored = state
        .directory()
        .get(&state.key(invitation.assessment))
        .await?;
    let stored = stored
        .filter(|stored| !stored.deleted)
        .ok_or_else(Problem::not_found)?;
    let entry = stored.entry()?;
    let assessment = of(&entry)?;
    if assessment.state != AssessmentState::InPeerReview
        || submission_fingerprint(assessment) != invitation.submission
    {
        return Err(Problem::new(
            Code::OtherSubmission,
            WorkflowRefusal::OtherSubmission.detail(),
        ));
    }
    Ok((invitation, entry))
}

fn of_token(error: StorageError) -> Problem {
    match error {
        StorageError::NotFound => unknown(),
        StorageError::Conflict(Conflict::AlreadyClosed) => Problem::new(
            Code::AlreadyClosed,
            "the verdict has come, or another invitation took the place of this one",
        ),
        StorageError::Conflict(Conflict::Expired) => Problem::new(
            Code::Expired,
            "the invitation has expired: ask for a new one",
        ),
        other => other.into(),
    }
}

fn of(entry: &Entry) -> Result<&SelfAssessment, Problem> {
    match &entry.content {
        Content::SelfAssessment(assessment) => Ok(assessment),
        _ => Err(Problem::not_found()),
    }
}

fn kept(invitation: &Invitation) -> Option<PeerViews> {
    serde_json::from_str(invitation.views.as_deref()?).ok()
}
