//! Partners: how organisations come to take part, who acts for them, and how they sign in.

mod clients;
mod members;
mod passwords;
mod registrations;
mod sign_in;
mod tasks;
mod usage;

use actix_web::web;
use domain::{Actor, EntryId, Kind};
use http::sign_in::{SignIn, SignedIn};
use http::{Code, Problem};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::State;

/// The operations of this module, as they are described where they are written.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        registrations::submit,
        registrations::show,
        registrations::list,
        registrations::approve,
        registrations::refuse,
        registrations::refuse_many,
        registrations::claim,
        members::list,
        members::add,
        members::remove,
        passwords::offer_reset,
        passwords::reset,
        passwords::change,
        usage::show,
        clients::list,
        clients::add,
        clients::revoke,
        sign_in::token,
        sign_in::start_session,
        sign_in::end_session,
        sign_in::me,
        tasks::list,
        tasks::reviews,
    ),
    tags(
        (name = "registration", description = "How an organisation comes to take part"),
        (name = "partners", description = "Who acts for an organisation: members and clients"),
        (name = "sign-in", description = "Access tokens for programs, sessions for people"),
        (name = "coordination", description = "What waits for somebody"),
    )
)]
struct Described;

/// The operations of this module.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = Described::openapi();
    let claim = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "The claim token that the answer to a registration held.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("claim", SecurityScheme::Http(claim));
    document
}

/// The routes of this module.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/api/v1/registrations")
            .route(web::post().to(registrations::submit))
            .route(web::get().to(registrations::list))
            .default_service(web::to(http::problem::unmatched)),
    )
    // Before the one with an id in this place.
    .route(
        "/api/v1/registrations/refusals",
        web::post().to(registrations::refuse_many),
    )
    .route(
        "/api/v1/registrations/{id}",
        web::get().to(registrations::show),
    )
    .route(
        "/api/v1/registrations/{id}/approve",
        web::post().to(registrations::approve),
    )
    .route(
        "/api/v1/registrations/{id}/refuse",
        web::post().to(registrations::refuse),
    )
    .route(
        "/api/v1/registrations/{id}/claim",
        web::post().to(registrations::claim),
    )
    .service(
        web::resource("/api/v1/organisations/{organisation}/members")
            .route(web::get().to(members::list))
            .route(web::post().to(members::add))
            .default_service(web::to(http::problem::unmatched)),
    )
    .route(
        "/api/v1/organisations/{organisation}/members/{account}",
        web::delete().to(members::remove),
    )
    .route(
        "/api/v1/organisations/{organisation}/usage",
        web::get().to(usage::show),
    )
    .service(
        web::resource("/api/v1/organisations/{organisation}/clients")
            .route(web::get().to(clients::list))
            .route(web::post().to(clients::add))
            .default_service(web::to(http::problem::unmatched)),
    )
    .route(
        "/api/v1/organisations/{organisation}/clients/{client}",
        web::delete().to(clients::revoke),
    )
    .route(
        "/api/v1/accounts/{account}/password-resets",
        web::post().to(passwords::offer_reset),
    )
    .route("/api/v1/password-resets", web::post().to(passwords::reset))
    .route("/api/v1/token", web::post().to(sign_in::token))
    .route("/api/v1/sessions", web::post().to(sign_in::start_session))
    .route(
        "/api/v1/sessions/current",
        web::delete().to(sign_in::end_session),
    )
    .route("/api/v1/me", web::get().to(sign_in::me))
    .route("/api/v1/me/password", web::put().to(passwords::change))
    .route("/api/v1/tasks", web::get().to(tasks::list))
    .route("/api/v1/tasks/reviews", web::get().to(tasks::reviews));
}

/// Whose entries somebody looks after: an organisation's, or (`None`) all of this node.
///
/// # Errors
/// 403 `role_required` for an account that acts for no organisation.
pub(crate) fn scope(signed_in: &SignedIn) -> Result<Option<EntryId>, Problem> {
    let actor = &signed_in.actor;
    if actor.is_coordinator() {
        return Ok(None);
    }
    actor.organisation.map(Some).ok_or_else(|| {
        Problem::new(
            Code::RoleRequired,
            "this needs an organisation, or the role coordinator",
        )
    })
}

/// Refuses unless a live organisation of this node has this id.
async fn must_exist(state: &State, organisation: EntryId) -> Result<(), Problem> {
    let found = state.store.directory.get(&state.key(organisation)).await?;
    match found {
        Some(stored) if stored.kind == Kind::Organisation && !stored.deleted => Ok(()),
        _ => Err(Problem::not_found()),
    }
}

/// Counts what somebody makes for its own organisation: an account, a one-time link, a client. Coordinators are not counted.
fn count_made(sign_in: &SignIn, actor: &Actor, organisation: EntryId) -> Result<(), Problem> {
    if actor.is_coordinator() {
        return Ok(());
    }
    sign_in.limits.check_made(&organisation.to_string())
}
