//! A coordinator decides.

use actix_web::{HttpResponse, web};
use domain::{Command, EntryId};
use http::sign_in::SignedIn;
use http::{Caching, Path, Problem, Query, ValidJson};
use serde::{Deserialize, Serialize};
use storage::RegistrationState;
use storage::limits::DECISIONS;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::{Shown, read_draft};
use crate::State;
use crate::decisions::ShownDecisions;

/// Registrations of one page.
const PAGE: i64 = 100;

/// Which registrations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// `pending` (unless given), `approved`, `refused` or `claimed`.
    state: Option<String>,
    /// The `next` of the page before.
    after: Option<Uuid>,
}

/// Registrations of one page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownList {
    /// The registrations, oldest first.
    items: Vec<Shown>,
    /// The `after` of the next page.
    next: Option<Uuid>,
}

/// List registrations.
#[utoipa::path(
    get, path = "/api/v1/registrations", tag = "coordination", operation_id = "list_registrations",
    params(Listing),
    responses((status = 200, description = "Registrations, oldest first", body = ShownList)),
    security(("session" = [])),
)]
pub(crate) async fn list(
    state: web::Data<State>,
    signed_in: SignedIn,
    Query(listing): Query<Listing>,
) -> Result<HttpResponse, Problem> {
    signed_in.require_coordinator()?;
    let wanted = RegistrationState::parse(listing.state.as_deref().unwrap_or("pending"))
        .ok_or_else(|| {
            Problem::new(
                http::Code::InvalidParameter,
                "state: expected pending, approved, refused or claimed",
            )
        })?;
    let found = state
        .store
        .registrations
        .list(wanted, listing.after, PAGE)
        .await?;
    let next = (found.len() as i64 == PAGE)
        .then(|| found.last().map(|registration| registration.id))
        .flatten();
    let items = found.into_iter().map(Shown::to_coordinator).collect();
    let mut response = HttpResponse::Ok().json(ShownList { items, next });
    Caching::Never.apply(response.headers_mut());
    Ok(response)
}

/// An organisation that was let in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Approved {
    /// Its id in the directory.
    organisation: EntryId,
}

/// Approve a registration.
///
/// The organisation enters the directory, owned by itself; its claim token works for another 30 days.
#[utoipa::path(
    post, path = "/api/v1/registrations/{id}/approve", tag = "coordination", operation_id = "approve_registration",
    params(("id" = Uuid, Path, description = "The registration")),
    responses(
        (status = 200, description = "The organisation is in the directory", body = Approved),
        (status = 409, description = "Decided before", body = http::problem::Document,
            content_type = "application/problem+json"),
    ),
    security(("session" = [])),
)]
pub(crate) async fn approve(
    state: web::Data<State>,
    signed_in: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require_coordinator()?;
    let registration = state.store.registrations.get(id).await?;
    let command = Command::Create {
        id: state.mint(),
        draft: read_draft(&registration.draft)?,
    };
    let applied = state
        .store
        .registrations
        .approve(actor, id, command, state.clock.now())
        .await?;
    state.reached(applied.arrival).await?;
    let organisation = applied.key.id;
    Ok(HttpResponse::Ok().json(Approved { organisation }))
}

/// Why a registration is refused.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusing {
    /// The reason, for whoever submitted it to read.
    #[validate(length(min = 1, max = 2000))]
    #[schema(
        example = "This organisation is in the directory already; please ask it for an account."
    )]
    reason: String,
}

/// Which registrations are refused, and why.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusingMany {
    /// Their ids, at most 500.
    #[validate(length(min = 1, max = "DECISIONS"))]
    #[schema(min_items = 1, max_items = 500)]
    ids: Vec<Uuid>,
    /// The reason, for whoever submitted them to read.
    #[validate(length(min = 1, max = 2000))]
    #[schema(example = "This was not sent by an organisation.")]
    reason: String,
}

/// Refuse many registrations, all with the same reason.
///
/// Each is refused for itself, as by `refuse_registration`; what was decided before stays as it was.
#[utoipa::path(
    post, path = "/api/v1/registrations/refusals", tag = "coordination", operation_id = "refuse_registrations",
    request_body = RefusingMany,
    responses((status = 200, description = "What came of each", body = ShownDecisions)),
    security(("session" = [])),
)]
pub(crate) async fn refuse_many(
    state: web::Data<State>,
    signed_in: SignedIn,
    body: ValidJson<RefusingMany>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require_coordinator()?;
    let RefusingMany { ids, reason } = body.0;
    let decided = state
        .store
        .registrations
        .refuse_many(actor, ids, &reason, state.clock.now())
        .await?;
    Ok(ShownDecisions::of(decided).answer())
}

/// Refuse a registration, with a reason.
///
/// Whoever submitted it reads the reason with the claim token; after 30 days all of it is erased.
#[utoipa::path(
    post, path = "/api/v1/registrations/{id}/refuse", tag = "coordination", operation_id = "refuse_registration",
    params(("id" = Uuid, Path, description = "The registration")),
    request_body = Refusing,
    responses(
        (status = 204, description = "Refused"),
        (status = 409, description = "Decided before", body = http::problem::Document,
            content_type = "application/problem+json"),
    ),
    security(("session" = [])),
)]
pub(crate) async fn refuse(
    state: web::Data<State>,
    signed_in: SignedIn,
    Path(id): Path<Uuid>,
    body: ValidJson<Refusing>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require_coordinator()?;
    state
        .store
        .registrations
        .refuse(actor, id, &body.0.reason, state.clock.now())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
