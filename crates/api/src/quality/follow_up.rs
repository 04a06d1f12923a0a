//! The assessment that follows one: a year later by the same version, or by a new version of the standard.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use domain::quality::{Act, Carried, CarryOver, carry_over};
use domain::{EntryRef, Precondition, Refusal};
use http::conditional::Caching;
use http::{JsonBytes, Problem, Query};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::assessment::{Asking, Own, SelfAssessmentEntry, standard, standard_of, subject};
use super::results::private;
use crate::entries::write::head;

/// The version that the next assessment answers to.
#[derive(Debug, Default, Deserialize, ToSchema, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
#[into_params(parameter_in = Query)]
pub(crate) struct Following {
    /// A version of the same standard; the same version, unless given.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    standard: Option<EntryRef>,
}

/// Something that was left behind.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeftBehind {
    /// Where it stood in the old content, as a JSON Pointer.
    #[schema(example = "/answers/D1.1/evidence/0")]
    pointer: String,
    /// Why: `criterion_gone`, `out_of_scope`, `scale_changed` ...
    reason: &'static str,
}

/// What the next assessment takes over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TakenOver {
    /// Each answer that is taken over: `unchanged`, or `look_again` where the criterion says something else by now.
    answers: BTreeMap<String, &'static str>,
    /// How many steps of the plan are still to be done.
    actions: usize,
    /// What is left behind.
    left_behind: Vec<LeftBehind>,
}

impl From<CarryOver> for TakenOver {
    fn from(taken: CarryOver) -> Self {
        let word = |carried| match carried {
            Carried::Unchanged => "unchanged",
            Carried::LookAgain => "look_again",
        };
        Self {
            answers: taken
                .carried
                .into_iter()
                .map(|(id, carried)| (id, word(carried)))
                .collect(),
            actions: taken.improvement_plan.len(),
            left_behind: taken
                .dropped
                .into_iter()
                .map(|dropped| LeftBehind {
                    pointer: dropped.pointer,
                    reason: dropped.why.as_str(),
                })
                .collect(),
        }
    }
}

/// An assessment that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Begun {
    /// The new assessment, a draft.
    #[schema(value_type = SelfAssessmentEntry)]
    assessment: Box<RawValue>,
    /// What it took over.
    taken_over: TakenOver,
}

/// Show what an assessment that follows this one would take over.
#[utoipa::path(
    get, path = "/api/v1/self-assessments/{id}/follow-up", tag = "quality", operation_id = "look_at_follow_up",
    params(("id" = String, Path, description = "The assessment"), Following),
    responses((status = 200, description = "What would be taken over", body = TakenOver)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn look(
    asking: Asking,
    params: Query<Following>,
) -> Result<HttpResponse, Problem> {
    let own = asking.own().await?;
    Ok(private(taken_over(&asking, &own, &params.0).await?))
}

/// Begin the assessment that follows this one.
///
/// The new draft has the answers of this one where criteria kept their code. This one stays as it is; once the new one is
/// published, it takes its place.
#[utoipa::path(
    post, path = "/api/v1/self-assessments/{id}/follow-up", tag = "quality", operation_id = "begin_follow_up",
    params(("id" = String, Path, description = "The assessment")),
    request_body = Following,
    responses((status = 201, description = "The new draft", body = Begun)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn begin(asking: Asking, body: JsonBytes) -> Result<HttpResponse, Problem> {
    let following: Following = http::json::parse_checked(&body.0)?;
    let own = asking.own().await?;
    let taken_over = taken_over(&asking, &own, &following).await?;
    let act = Act::FollowUp {
        new_id: asking.state.mint(),
        standard: following.standard,
    };
    let applied = asking.act(act, Precondition::None, &body.0).await?;
    let json = applied.json.clone().unwrap_or_default();
    let assessment =
        RawValue::from_string(json).map_err(|why| Problem::internal(why.to_string()))?;
    let mut response = head(&applied).json(Begun {
        assessment,
        taken_over,
    });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}

async fn taken_over(
    asking: &Asking,
    own: &Own,
    following: &Following,
) -> Result<TakenOver, Problem> {
    let assessment = own.assessment()?;
    let from = standard_of(&asking.state, assessment).await?;
    let to = match &following.standard {
        Some(reference) => standard(&asking.state, reference).await?,
        None => from.clone(),
    };
    let mut now = assessment.clone();
    // It is begun for the subject as it is now.
    now.state = domain::kinds::AssessmentState::Draft;
    let subject = subject(&asking.state, &now).await?;
    carry_over(assessment, &from, &to, &subject)
        .map(TakenOver::from)
        .map_err(|found| Refusal::invalid(found).into())
}
