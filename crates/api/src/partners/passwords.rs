//! New passwords: of one's own, by giving the old one; of others, with a one-time token that an administrator hands
//! over.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Duration, Utc};
use domain::{Actor, Subject};
use http::sign_in::secret::{self, Secret};
use http::sign_in::{SignIn, SignedIn};
use http::{Caching, Code, Path, Problem, ValidJson, consts};
use serde::{Deserialize, Serialize};
use storage::{Account, StorageError};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::State;

/// How reset tokens begin.
const RESET_PREFIX: &str = "lotse_reset_";

/// A one-time token for setting a password.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResetLink {
    /// The token, shown this once. It belongs into the fragment of a link (`#`), which browsers keep to themselves.
    #[schema(example = "lotse_reset_0aBc...")]
    token: String,
    /// Until when it works.
    expires: DateTime<Utc>,
}

/// Makes a one-time token for an account. Earlier ones stop working.
pub(super) async fn make_reset(
    state: &State,
    actor: &Actor,
    account: Uuid,
) -> Result<ResetLink, Problem> {
    let (secret, now) = (Secret::mint(RESET_PREFIX)?, state.clock.now());
    let expires = now + Duration::hours(consts::RESET_HOURS);
    state
        .store
        .accounts
        .create_reset(actor, account, &secret.hash, expires, now)
        .await?;
    Ok(ResetLink {
        token: secret.plain,
        expires,
    })
}

/// Make a one-time token with which an account sets a new password.
///
/// For administrators of all organisations that the account acts for, and for coordinators; never for an account with a
/// higher role than one's own.
#[utoipa::path(
    post, path = "/api/v1/accounts/{account}/password-resets", tag = "partners", operation_id = "offer_password_reset",
    params(("account" = Uuid, Path, description = "The account")),
    responses((status = 201, description = "The token, to be handed over", body = ResetLink)),
    security(("session" = [])),
)]
pub(crate) async fn offer_reset(
    state: web::Data<State>,
    signed_in: SignedIn,
    sign_in: web::Data<SignIn>,
    Path(account): Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let account = match state.store.accounts.get(account).await {
        // Whoever may not look after it does not learn whether it exists.
        Err(storage::StorageError::NotFound) => {
            signed_in.require_coordinator()?;
            return Err(Problem::not_found());
        }
        found => found?,
    };
    let actor = may_reset(&signed_in, &account)?;
    if let Some(organisation) = actor.organisation {
        super::count_made(&sign_in, &actor, organisation)?;
    }
    let link = make_reset(&state, &actor, account.id).await?;
    let mut response = HttpResponse::Created().json(link);
    Caching::Never.apply(response.headers_mut());
    Ok(response)
}

/// Whoever sets an account's password can act as it: so it must be able to do all that already.
fn may_reset(signed_in: &SignedIn, account: &Account) -> Result<Actor, Problem> {
    let refused = || Problem::new(Code::RoleRequired, "this needs the role coordinator");
    let highest = account.memberships.iter().map(|m| m.role).max();
    if signed_in.actor.is_coordinator()
        && highest.is_none_or(|highest| highest <= signed_in.actor.role)
    {
        return Ok(signed_in.actor.clone());
    }
    let mut actor = None;
    for membership in &account.memberships {
        let organisation = membership.organisation.ok_or_else(refused)?;
        actor = Some(
            signed_in
                .require_admin_of(organisation)
                .map_err(|_| refused())?,
        );
    }
    actor.ok_or_else(refused)
}

/// A new password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reset {
    /// The one-time token.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "lotse_reset_0aBc...")]
    token: String,
    /// Between 12 and 128 characters.
    #[schema(example = "correct horse battery staple")]
    password: String,
}

/// Set a password with a one-time token. All sessions of the account end.
#[utoipa::path(
    post, path = "/api/v1/password-resets", tag = "sign-in", operation_id = "reset_password",
    request_body = Reset,
    responses(
        (status = 204, description = "The password is set; sign in with it"),
        (status = 404, description = "There is no such token", body = http::problem::Document,
            content_type = "application/problem+json"),
        (status = 409, description = "The token was used before", body = http::problem::Document,
            content_type = "application/problem+json"),
        (status = 410, description = "The token has expired", body = http::problem::Document,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reset(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    body: ValidJson<Reset>,
) -> Result<HttpResponse, Problem> {
    let token = secret::hash(&body.0.token);
    // Asked first, so that hashing a password is work for those only who may set one. Storage asks again.
    let open = state.store.accounts.check_reset(&token, state.clock.now());
    if let Err(error) = open.await {
        if matches!(error, StorageError::NotFound) {
            let address = sign_in.client_address(&request);
            sign_in.limits.wrong_secret(None, address)?;
        }
        return Err(error.into());
    }
    let password = sign_in
        .passwords
        .hash(&body.0.password, "/password")
        .await?;
    let account = state
        .store
        .accounts
        .redeem_reset(&token, &password, state.clock.now())
        .await?;
    state.access.reached(account.arrival).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The old password and the new one.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password until now.
    #[validate(length(min = 1, max = 1000))]
    current: String,
    /// Between 12 and 128 characters.
    #[schema(example = "correct horse battery staple")]
    password: String,
}

/// Change one's own password, giving the old one.
///
/// This session goes on; all others of the account end, and one-time tokens for it stop working. Wrong attempts are counted
/// for this session and its address.
#[utoipa::path(
    put, path = "/api/v1/me/password", tag = "sign-in", operation_id = "change_password",
    request_body = PasswordChange,
    responses(
        (status = 204, description = "The password is changed",
            headers(("Set-Cookie" = String, description = "The device, which is known by the new password"))),
        (status = 409, description = "It was changed in the meantime", body = http::problem::Document,
            content_type = "application/problem+json"),
        (status = 422, description = "The old password is wrong, or the new one too short or too long",
            body = http::problem::Document, content_type = "application/problem+json"),
    ),
    security(("session" = [])),
)]
pub(crate) async fn change(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    signed_in: SignedIn,
    body: ValidJson<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    let (Subject::Account(id), Some(session)) = (signed_in.actor.subject, signed_in.session) else {
        return Err(Problem::new(
            Code::BadRequest,
            "a program has a secret, which is made anew; only people have passwords",
        ));
    };
    // A session that is open has its own count, so that nobody else keeps its owner from a new password.
    let address = sign_in.client_address(&request);
    let attempt = sign_in.limits.known_attempt(&session, address)?;
    let account = state.store.accounts.get(id).await?;
    let PasswordChange { current, password } = body.0;
    let right = sign_in
        .passwords
        .verify(&current, account.password.clone(), attempt.standing())
        .await;
    let was = match (right, account.password) {
        (Ok(true), Some(was)) => {
            attempt.takes_back();
            was
        }
        (Ok(_), _) => {
            attempt.failed();
            // Not 401, which would say that the session has ended.
            return Err(Problem::at(
                "/current",
                "wrong",
                "this is not the password of this account",
            ));
        }
        (Err(busy), _) => {
            attempt.takes_back();
            return Err(busy);
        }
    };
    // Each leaves lines in the audit for good.
    sign_in.limits.check_made(&format!("sessions of {id}"))?;
    let password = sign_in.passwords.hash(&password, "/password").await?;
    let account = state
        .store
        .accounts
        .change_password(id, &was, &password, &session, state.clock.now())
        .await?;
    state.access.reached(account.arrival).await?;
    // With the old password went what devices knew of it.
    let device = sign_in.device_cookie(account.id, &password, state.clock.now())?;
    Ok(HttpResponse::NoContent()
        .insert_header((header::SET_COOKIE, device.to_string()))
        .finish())
}
