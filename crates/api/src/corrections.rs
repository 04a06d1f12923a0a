//! Anybody reports an error; the owner of the entry and coordinators see it.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use domain::EntryId;
use http::conditional::Caching;
use http::rate::Bucket;
use http::sign_in::{SignIn, SignedIn};
use http::{Code, Path, Problem, Query, ValidJson};
use serde::{Deserialize, Serialize};
use storage::{Correction, CorrectionState, NewCorrection};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::State;

/// Corrections of one page.
const PAGE: i64 = 100;

/// What somebody found to be wrong. Nobody is asked who they are.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    /// The entry.
    #[schema(value_type = EntryId)]
    entry: EntryId,
    /// What is wrong.
    #[validate(length(min = 1, max = 2000))]
    #[schema(example = "The telephone number is no longer in use.")]
    message: String,
    /// Where to ask back, if one wants to be asked.
    #[validate(length(min = 1, max = 254))]
    contact: Option<String>,
}

/// A report that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CorrectionTaken {
    /// Its number, for asking after it.
    id: Uuid,
}

/// A report, as the owner and coordinators see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reported {
    /// Its id.
    id: Uuid,
    /// The entry.
    entry: EntryId,
    /// What is wrong.
    message: String,
    /// Where to ask back.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    /// When it came in.
    created: DateTime<Utc>,
    /// What became of it: `open`, `done` or `rejected`.
    state: &'static str,
    /// When that was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<DateTime<Utc>>,
}

/// Reports of one page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportedList {
    /// The reports, oldest first.
    items: Vec<Reported>,
    /// The `after` of the next page.
    next: Option<Uuid>,
}

impl From<Correction> for Reported {
    fn from(correction: Correction) -> Self {
        Self {
            id: correction.id,
            entry: correction.entry.id,
            message: correction.message,
            contact: correction.contact,
            created: correction.created,
            state: correction.state.as_str(),
            closed: correction.closed,
        }
    }
}

/// `POST /corrections`: report an error.
#[utoipa::path(
    post, path = "/api/v1/corrections", tag = "corrections", operation_id = "report_correction",
    request_body = Report,
    responses((status = 201, description = "Taken", body = CorrectionTaken)),
)]
pub(crate) async fn report(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    body: ValidJson<Report>,
) -> Result<HttpResponse, Problem> {
    let address = sign_in.client_address(&request);
    sign_in.limits.check(Bucket::Correction, address)?;
    let report = body.0;
    // What the public may not see does not exist here either.
    let seen =
        state
            .index
            .snapshot()
            .get_by(state.origin.as_str(), report.entry, &search::Viewer::Public);
    seen.ok_or_else(Problem::not_found)?;
    sign_in.limits.check_place(Bucket::Correction, address)?;
    let id = Uuid::now_v7();
    let new = NewCorrection {
        id,
        entry: state.key(report.entry),
        message: report.message,
        contact: report.contact,
    };
    let id = state
        .store
        .corrections
        .submit(new, None, state.clock.now())
        .await?;
    Ok(HttpResponse::Created().json(CorrectionTaken { id }))
}

/// Which reports to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// `open` (unless given), `done` or `rejected`.
    state: Option<String>,
    /// The `next` of the page before.
    after: Option<Uuid>,
}

/// `GET /corrections`: reports about entries of one's organisation; all of them for coordinators.
#[utoipa::path(
    get, path = "/api/v1/corrections", tag = "corrections", operation_id = "list_corrections",
    params(Listing),
    responses((status = 200, description = "Reports, oldest first", body = ReportedList)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn list(
    state: web::Data<State>,
    signed_in: SignedIn,
    params: Query<Listing>,
) -> Result<HttpResponse, Problem> {
    let wanted = params.0.state.as_deref().unwrap_or("open");
    let wanted = CorrectionState::parse(wanted)
        .ok_or_else(|| crate::params::invalid("state", "expected open, done or rejected"))?;
    let owner = crate::partners::scope(&signed_in)?;
    let found = state
        .store
        .corrections
        .list(owner, wanted, params.0.after, PAGE)
        .await?;
    let next = (found.len() as i64 == PAGE)
        .then(|| found.last().map(|correction| correction.id))
        .flatten();
    let items = found.into_iter().map(Reported::from).collect();
    let mut response = HttpResponse::Ok().json(ReportedList { items, next });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}

/// What became of a report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {
    /// `done` or `rejected`.
    #[schema(example = "done")]
    state: String,
}

/// `PUT /corrections/{id}/state`: say what became of a report.
#[utoipa::path(
    put, path = "/api/v1/corrections/{id}/state", tag = "corrections", operation_id = "close_correction",
    params(("id" = Uuid, Path, description = "The report")),
    request_body = Closing,
    responses((status = 200, description = "The report", body = Reported)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn close(
    state: web::Data<State>,
    signed_in: SignedIn,
    id: Path<Uuid>,
    body: http::Json<Closing>,
) -> Result<HttpResponse, Problem> {
    let corrections = &state.store.corrections;
    let (_, owner) = corrections.get(id.0).await?;
    let actor = signed_in.acting_for(owner);
    if !actor.may_edit(owner) {
        return Err(Problem::not_found());
    }
    let wanted = CorrectionState::parse(&body.0.state)
        .filter(|state| *state != CorrectionState::Open)
        .ok_or_else(|| Problem::new(Code::Invalid, "expected done or rejected"))?;
    let correction = corrections
        .close(&actor, id.0, wanted, state.clock.now())
        .await?;
    let mut response = HttpResponse::Ok().json(Reported::from(correction));
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}
