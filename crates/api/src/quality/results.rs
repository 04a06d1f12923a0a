//! What an assessment comes to: its result as it stands, what is missing, and how results change.

use actix_web::HttpResponse;
use domain::kinds::{AssessmentResult, AssessmentState, DimensionResult};
use domain::quality::{self, gaps, results_of, submission_fingerprint};
use domain::{Content, EntryRef, Violation, limits};
use http::Problem;
use http::conditional::Caching;
use serde::Serialize;
use utoipa::ToSchema;

use super::assessment::{Asking, Own, referred, rule, scope, standard_of};
use crate::State;

/// The result as it would be if nothing more were answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Where the assessment stands.
    state: AssessmentState,
    /// Whether the standard is a draft, so that the result is one too.
    standard_is_draft: bool,
    /// What tells this submission from others.
    submission: String,
    /// The criteria that are asked of this subject, in the standard's order.
    criteria_in_scope: Vec<String>,
    /// The dimensions, in the standard's order. There is no overall number.
    dimensions: Vec<DimensionResult>,
    /// What is missing before it can be submitted, each with its place.
    gaps: Vec<Violation>,
    /// Criteria whose rating counts as a lower one until a piece of evidence is named.
    without_evidence: Vec<String>,
}

/// Show the result as it stands, and what is missing.
#[utoipa::path(
    get, path = "/api/v1/self-assessments/{id}/preview", tag = "quality", operation_id = "preview_assessment",
    params(("id" = String, Path, description = "The assessment")),
    responses((status = 200, description = "The result as it stands", body = Preview)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn preview(asking: Asking) -> Result<HttpResponse, Problem> {
    let own = asking.own().await?;
    let assessment = own.assessment()?;
    let rule = rule(&standard_of(&asking.state, assessment).await?)?;
    let scope = scope(&asking.state, &rule, assessment).await?;
    let today = asking.state.clock.now().date_naive();
    // Once it is submitted, evidence is as recent as it was then.
    let on = assessment.record.submitted_on;
    let on = on
        .filter(|_| !assessment.state.is_editable())
        .unwrap_or(today);
    let result = quality::preview(&rule, &scope, assessment, on);
    Ok(private(Preview {
        state: assessment.state,
        standard_is_draft: result.standard_is_draft,
        submission: submission_fingerprint(assessment),
        criteria_in_scope: scope.ids(&rule),
        without_evidence: result
            .dimensions
            .iter()
            .flat_map(|dimension| dimension.capped.clone())
            .collect(),
        dimensions: result.dimensions,
        gaps: gaps(&rule, &scope, assessment),
    }))
}

/// How one dimension changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DimensionChange {
    /// The dimension's id.
    id: String,
    /// The earlier mean, where there was one.
    earlier: Option<String>,
    /// The later mean, where there is one.
    later: Option<String>,
    /// The difference, where both are there.
    #[schema(example = "0.4")]
    change: Option<String>,
    /// The earlier level.
    earlier_level: Option<String>,
    /// The later level.
    later_level: Option<String>,
}

/// From one result to the next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Change {
    /// When the earlier one was published, and by which version of the standard.
    earlier: ResultName,
    /// The same of the later one.
    later: ResultName,
    /// The dimensions; none where both cannot be compared.
    dimensions: Vec<DimensionChange>,
    /// Why both cannot be compared: `other_standard`, `other_major_version`, `not_later`.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_comparable: Option<&'static str>,
}

/// What tells one result from another.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultName {
    /// When it was published.
    published_on: chrono::NaiveDate,
    /// The version of the standard.
    standard_version: String,
}

impl From<&AssessmentResult> for ResultName {
    fn from(result: &AssessmentResult) -> Self {
        Self {
            published_on: result.published_on,
            standard_version: result.standard_version.clone(),
        }
    }
}

/// How results changed, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trend {
    /// From each result to the next.
    changes: Vec<Change>,
}

/// Show how the results of the same subject have changed, from round to round.
#[utoipa::path(
    get, path = "/api/v1/self-assessments/{id}/trend", tag = "quality", operation_id = "trend_of_assessment",
    params(("id" = String, Path, description = "The newest assessment")),
    responses((status = 200, description = "The changes", body = Trend)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn trend(asking: Asking) -> Result<HttpResponse, Problem> {
    let own = asking.own().await?;
    let rounds = rounds(&asking.state, &own).await?;
    let results = results_of(rounds.iter().filter_map(|entry| match &entry.content {
        Content::SelfAssessment(assessment) => Some(assessment.as_ref()),
        _ => None,
    }));
    let pairs = results.windows(2).filter_map(|pair| match pair {
        [earlier, later] => Some(change(earlier, later)),
        _ => None,
    });
    Ok(private(Trend {
        changes: pairs.collect(),
    }))
}

fn change(earlier: &AssessmentResult, later: &AssessmentResult) -> Change {
    let compared = quality::trend(earlier, later);
    Change {
        earlier: earlier.into(),
        later: later.into(),
        not_comparable: compared.as_ref().err().map(|why| why.as_str()),
        dimensions: compared
            .unwrap_or_default()
            .into_iter()
            .map(|it| DimensionChange {
                id: it.id,
                earlier: it.earlier,
                later: it.later,
                change: it.change,
                earlier_level: it.levels.0,
                later_level: it.levels.1,
            })
            .collect(),
    }
}

/// An assessment and those before it, newest first.
async fn rounds(state: &State, own: &Own) -> Result<Vec<domain::Entry>, Problem> {
    let mut rounds = vec![own.entry.clone()];
    let mut next = own.assessment()?.record.previous.clone();
    while let Some(reference @ EntryRef::Local(id)) = next
        && rounds.len() <= limits::EARLIER_RESULTS
        && rounds.iter().all(|known| known.id != id)
    {
        let Some(entry) = referred(state, &reference).await? else {
            break;
        };
        next = match &entry.content {
            Content::SelfAssessment(it) if entry.owner == own.entry.owner => {
                it.record.previous.clone()
            }
            _ => break,
        };
        rounds.push(entry);
    }
    Ok(rounds)
}

/// An answer for who asks and nobody else.
pub(super) fn private(body: impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(body);
    Caching::Private.apply(response.headers_mut());
    response
}
