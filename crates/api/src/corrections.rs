//! Anybody reports an error; the owner of the entry and coordinators see it.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use domain::EntryId;
use http::conditional::Caching;
use http::rate::{Bucket, Room};
use http::sign_in::{SignIn, SignedIn};
use http::{Code, Path, Problem, Query, ValidJson};
use serde::{Deserialize, Serialize};
use storage::limits::{DECISIONS, OPEN_CORRECTIONS};
use storage::{Correction, CorrectionState, NewCorrection};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::State;
use crate::decisions::ShownDecisions;

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
    #[validate(length(min = 1, max = 254), custom(function = "http::one_line"))]
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
    responses(
        (status = 201, description = "Taken", body = CorrectionTaken),
        (status = 403, description = "As many reports wait as somebody can look at, in all or about this entry or organisation: \
            what to do stands in the answer", body = http::problem::Document, content_type = "application/problem+json"),
    ),
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
    let (corrections, entry) = (&state.store.corrections, state.key(report.entry));
    let open = corrections.room(entry.clone()).await?;
    let room = Room::of(OPEN_CORRECTIONS, open);
    sign_in
        .limits
        .take_place(Bucket::Correction, address, room)?;
    let id = Uuid::now_v7();
    let new = NewCorrection {
        id,
        entry,
        message: report.message,
        contact: report.contact,
    };
    let id = corrections
        .submit(new, None, state.clock.now())
        .await
        .inspect_err(|_| {
            sign_in
                .limits
                .give_place_back(Bucket::Correction, address, room);
        })?;
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
    let wanted = closed(&body.0.state)?;
    let correction = corrections
        .close(&actor, id.0, wanted, state.clock.now())
        .await?;
    let mut response = HttpResponse::Ok().json(Reported::from(correction));
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}

/// The state in which a report is closed.
fn closed(state: &str) -> Result<CorrectionState, Problem> {
    CorrectionState::parse(state)
        .filter(|state| *state != CorrectionState::Open)
        .ok_or_else(|| Problem::new(Code::Invalid, "expected done or rejected"))
}

/// Which reports are closed, and what became of them.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClosingMany {
    /// Their ids, at most 500.
    #[validate(length(min = 1, max = "DECISIONS"))]
    #[schema(min_items = 1, max_items = 500)]
    ids: Vec<Uuid>,
    /// `done` or `rejected`.
    #[schema(example = "rejected")]
    state: String,
}

/// `POST /corrections/closings`: say what became of many reports about entries of one's organisation; of any for
/// coordinators. Each is closed for itself; what was closed before stays as it was.
#[utoipa::path(
    post, path = "/api/v1/corrections/closings", tag = "corrections", operation_id = "close_corrections",
    request_body = ClosingMany,
    responses((status = 200, description = "What came of each", body = ShownDecisions)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn close_many(
    state: web::Data<State>,
    signed_in: SignedIn,
    body: ValidJson<ClosingMany>,
) -> Result<HttpResponse, Problem> {
    let owner = crate::partners::scope(&signed_in)?;
    let ClosingMany { ids, state: wanted } = body.0;
    let decided = state
        .store
        .corrections
        .close_many(
            &signed_in.actor,
            owner,
            ids,
            closed(&wanted)?,
            state.clock.now(),
        )
        .await?;
    Ok(ShownDecisions::of(decided).answer())
}
