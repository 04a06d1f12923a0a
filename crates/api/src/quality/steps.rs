//! The steps of an assessment's workflow, and the invitation of a reviewer.

use actix_web::HttpResponse;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::kinds::{AssessmentState, PublicationChoice};
use domain::quality::{Act, WorkflowRefusal, due, submission_fingerprint};
use domain::{Actor, Command, Entry, EntryRef, Kind, Precondition};
use http::conditional::{Caching, IfMatch};
use http::sign_in::secret::Secret;
use http::{Code, JsonBytes, Path, Problem};
use search::{Facet, Query};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use storage::{Applied, Invitation};
use utoipa::ToSchema;

use super::assessment::{Asking, Own, SelfAssessmentEntry};
use crate::entries::write::{answer, precondition};
use crate::{PREFIX, State};

/// Days for which an invitation works.
const INVITATION_DAYS: u64 = 30;
/// Bytes of what a step is sent with.
const STEP_BYTES: usize = 4 * 1024;

/// What `start_review` is sent with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "reviewer": "https://lotse.example.org/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
}))]
pub(crate) struct StartReview {
    /// The organisation that is asked: a local id, or the URI of an organisation of another node.
    reviewer: EntryRef,
    /// The last day on which one funded the other, as they declare it. Left out: they did not.
    #[serde(default)]
    last_funding: Option<NaiveDate>,
}

/// What the workflow's steps are sent with: `publish` a choice, `start_review` a reviewer, all others nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the shape in the API's document")]
pub(crate) enum StepBody {
    /// For `publish`.
    Publish(PublicationChoice),
    /// For `start_review`.
    StartReview(StartReview),
}

/// With this a reviewer reads the submission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewInvitation {
    /// Send it as `Authorization: Bearer`. It is shown once.
    token: String,
    /// Where the submission is read.
    #[schema(example = "https://lotse.example.org/api/v1/review-invitation")]
    url: String,
    /// Until when it works.
    expires: DateTime<Utc>,
}

/// A review that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewStarted {
    /// The assessment.
    #[schema(value_type = SelfAssessmentEntry)]
    assessment: Box<RawValue>,
    /// For the reviewer.
    invitation: NewInvitation,
}

/// What a step is answered with: `start_review` an invitation as well, all others the assessment.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the shape in the API's document")]
pub(crate) enum Stepped {
    /// For all others.
    Assessment(SelfAssessmentEntry),
    /// For `start_review`.
    ReviewStarted(ReviewStarted),
}

/// Make a step of the workflow.
///
/// `submit`, `publish`, `withdraw` and `renew` are the owner's; `start_review` is a coordinator's, and its answer holds the
/// invitation for the reviewer. What a peer decides arrives with its assessment-review; what falls due by time, the node
/// does.
#[utoipa::path(
    post, path = "/api/v1/self-assessments/{id}/steps/{step}", tag = "quality",
    operation_id = "step_assessment",
    params(("id" = String, Path, description = "The assessment"), ("step" = String, Path, description = "submit, start_review, publish, withdraw or renew")),
    request_body(content = Option<StepBody>, description = "For publish who may see what; for start_review who is asked"),
    responses(
        (status = 200, description = "The assessment; with start_review also the invitation", body = Stepped)
    ),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn step(
    asking: Asking,
    path: Path<(String, String)>,
    body: JsonOrNothing,
) -> Result<HttpResponse, Problem> {
    let body = body.0;
    let (_, name) = path.0;
    let act = act_of(&name, &body)?;
    let expected = precondition(IfMatch::of(&asking.request)?);
    let starts_review = matches!(act, Act::StartReview { .. });
    let publishes = matches!(act, Act::Publish { .. });
    let mut applied = asking.act(act, expected, &body).await?;
    if publishes && let Some(last) = supersede_older(&asking.state, &applied).await {
        // Whoever reads next sees both: the newer one out and the older one superseded.
        asking.state.reached(last).await?;
        applied.arrival = last;
    }
    if !starts_review {
        return Ok(answer(&applied));
    }
    let own = asking.own().await?;
    let invitation = mint(&asking, &own).await?;
    let json = applied.json.clone().unwrap_or_default();
    let assessment =
        RawValue::from_string(json).map_err(|why| Problem::internal(why.to_string()))?;
    Ok(secret(ReviewStarted {
        assessment,
        invitation,
    }))
}

/// Make a new invitation for the organisation that was asked; the one before stops working.
#[utoipa::path(
    post, path = "/api/v1/self-assessments/{id}/invitation", tag = "quality",
    operation_id = "invite_reviewer",
    params(("id" = String, Path, description = "The assessment")),
    responses((status = 200, description = "The invitation", body = NewInvitation)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn invite(asking: Asking) -> Result<HttpResponse, Problem> {
    let own = asking.own().await?;
    asking.signed_in.require_coordinator()?;
    if own.assessment()?.state != AssessmentState::InPeerReview {
        return Err(Problem::new(
            Code::NotInThisState,
            WorkflowRefusal::NotInThisState.detail(),
        ));
    }
    Ok(secret(mint(&asking, &own).await?))
}

async fn mint(asking: &Asking, own: &Own) -> Result<NewInvitation, Problem> {
    let assessment = own.assessment()?;
    let state = &asking.state;
    let reviewer = assessment
        .record
        .reviewer
        .as_ref()
        .ok_or_else(|| Problem::new(Code::NoReviewer, WorkflowRefusal::NoReviewer.detail()))?;
    let now = state.clock.now();
    let expires = now + Days::new(INVITATION_DAYS);
    let token = Secret::mint("lotse-invitation-")?;
    let new = Invitation {
        token: token.hash,
        assessment: own.entry.id,
        reviewer: reviewer.uri(&state.origin),
        submission: submission_fingerprint(assessment),
        created: now,
        expires,
        views: None,
    };
    state.store.invitations.create(&own.actor, new, now).await?;
    Ok(NewInvitation {
        token: token.plain,
        url: format!("{}{PREFIX}/review-invitation", state.origin),
        expires,
    })
}

fn act_of(name: &str, body: &[u8]) -> Result<Act, Problem> {
    let nothing = |act| {
        if body.is_empty() || body == b"{}" {
            Ok(act)
        } else {
            Err(Problem::new(
                Code::Malformed,
                "this step is sent with nothing",
            ))
        }
    };
    match name {
        "submit" => nothing(Act::Submit),
        "withdraw" => nothing(Act::Withdraw),
        "renew" => nothing(Act::Renew),
        "publish" if body.is_empty() => Ok(Act::Publish {
            choice: PublicationChoice::default(),
        }),
        "publish" => Ok(Act::Publish {
            choice: http::json::parse(body)?,
        }),
        "start_review" => {
            let StartReview {
                reviewer,
                last_funding,
            } = http::json::parse(body)?;
            Ok(Act::StartReview {
                reviewer,
                last_funding,
            })
        }
        "return" | "confirm" => Err(Problem::new(
            Code::NoVerdict,
            "a peer's verdict arrives with its assessment-review",
        )),
        "expire" | "supersede" => Err(Problem::new(
            Code::NotYourStep,
            "the node does this by itself when it is time",
        )),
        _ => Err(Problem::not_found()),
    }
}

/// Results of the same subject by the same standard that are out make way for the newer one. What fails here, the node's
/// upkeep does later. Gives the number of the last change, if there was any.
async fn supersede_older(state: &State, newer: &Applied) -> Option<i64> {
    let newer = Entry::from_json(newer.json.as_deref()?).ok()?;
    let query = Query::default()
        .filter(Facet::Kind, [Kind::SelfAssessment.as_str()])
        .filter(Facet::Owner, [state.origin.uri(newer.owner)]);
    let of_owner: Vec<_> = state.index.snapshot().entries(&query).collect();
    let now = state.clock.now();
    let acts = due(of_owner.iter(), now.date_naive())
        .into_iter()
        .filter(|(_, act)| matches!(act, Act::Supersede { by } if *by == newer.id));
    let mut last = None;
    for (older, act) in acts {
        let command = Command::Assess {
            id: older,
            act: Box::new(act),
            expected: Precondition::None,
        };
        let node = Actor::system();
        match state.directory().apply(&node, command, None, now).await {
            Ok(applied) => last = last.max(Some(applied.arrival)),
            Err(error) => tracing::debug!(%older, code = error.code(), "is not superseded"),
        }
    }
    last
}

/// An answer with a secret.
pub(super) fn secret(body: impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(body);
    Caching::Never.apply(response.headers_mut());
    response
}

/// A body of JSON, or none.
pub(crate) struct JsonOrNothing(bytes::Bytes);

impl actix_web::FromRequest for JsonOrNothing {
    type Error = Problem;
    type Future = http::body::Extracting<Self>;

    fn from_request(
        request: &actix_web::HttpRequest,
        payload: &mut actix_web::dev::Payload,
    ) -> Self::Future {
        if http::body::is_absent(request.headers()) {
            return Box::pin(async { Ok(Self(bytes::Bytes::new())) });
        }
        let body = JsonBytes::<STEP_BYTES>::from_request(request, payload);
        Box::pin(async move { Ok(Self(body.await?.0)) })
    }
}
