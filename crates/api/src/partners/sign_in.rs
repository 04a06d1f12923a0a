//! Signing in and out.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Duration, Utc};
use domain::{EntryId, Role, Subject};
use http::sign_in::secret::Secret;
use http::sign_in::token::{self, TokenAnswer, TokenError, TokenForm, TokenRequest};
use http::sign_in::{SignIn, SignedIn, session};
use http::{Caching, Code, Problem, ValidJson, consts};
use serde::{Deserialize, Serialize};
use storage::{Account, Membership};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::State;

/// How session tokens begin.
const SESSION_PREFIX: &str = "lotse_session_";

/// Get an access token: OAuth 2.0 client credentials (RFC 6749 section 4.4).
///
/// The client's id and secret stand in `Authorization: Basic` or in the form. Errors have the shape of RFC 6749.
#[utoipa::path(
    post, path = "/api/v1/token", tag = "sign-in", operation_id = "get_token",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A token for the next 10 minutes", body = TokenAnswer),
        (status = 400, description = "The request is not one of RFC 6749", body = TokenError),
        (status = 401, description = "Unknown client or wrong secret", body = TokenError),
    ),
)]
pub(crate) async fn token(
    request: HttpRequest,
    form: TokenForm,
    sign_in: web::Data<SignIn>,
) -> Result<HttpResponse, Problem> {
    token::issue(request, form, sign_in).await
}

/// Address and password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The address of the account.
    #[validate(length(min = 1, max = 254))]
    #[schema(example = "coordination@example.org")]
    email: String,
    /// The password.
    #[validate(length(min = 1, max = 1000))]
    password: String,
}

/// A role of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownMembership {
    /// The organisation; absent for a role that holds for the whole node.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<EntryId>,
    /// What it may do there.
    role: Role,
}

impl From<&Membership> for ShownMembership {
    fn from(membership: &Membership) -> Self {
        Self {
            organisation: membership.organisation,
            role: membership.role,
        }
    }
}

/// A session that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Started {
    /// Who is signed in.
    account: Uuid,
    /// Its roles.
    memberships: Vec<ShownMembership>,
    /// Until when, if it is used at least every 12 hours.
    expires: DateTime<Utc>,
}

/// Sign in with address and password. The session travels in a cookie.
///
/// A second cookie lets this device in later, too, whatever strangers try at the account. It opens nothing without the
/// password, goes to this operation only, and ends with the password.
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "sign-in", operation_id = "sign_in",
    request_body = Credentials,
    responses(
        (status = 201, description = "Signed in", body = Started,
            headers(("Set-Cookie" = String, description = "The session, and the device"))),
        (status = 401, description = "Wrong address or password", body = http::problem::Document,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn start_session(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    body: ValidJson<Credentials>,
) -> Result<HttpResponse, Problem> {
    let account = check_password(&request, &state, &sign_in, body.0).await?;
    // Only who knows the password is counted: nobody else can take this room.
    let sessions_of = format!("sessions of {}", account.id);
    sign_in.limits.check_made(&sessions_of)?;
    let (secret, now) = (Secret::mint(SESSION_PREFIX)?, state.clock.now());
    let expires = now + Duration::days(consts::SESSION_DAYS);
    let begun = state
        .store
        .sessions
        .create(&secret.hash, account.id, expires, now)
        .await?;
    state.access.reached(begun.arrival).await?;
    let hash = account.password.as_deref().unwrap_or_default();
    let device = sign_in.device_cookie(account.id, hash, now)?;
    let mut response = HttpResponse::Created()
        .insert_header((
            header::SET_COOKIE,
            session::cookie(&secret.plain, sign_in.https).to_string(),
        ))
        .append_header((header::SET_COOKIE, device.to_string()))
        .json(Started {
            account: account.id,
            memberships: account
                .memberships
                .iter()
                .map(ShownMembership::from)
                .collect(),
            expires,
        });
    Caching::Never.apply(response.headers_mut());
    Ok(response)
}

/// The account with this address and password.
///
/// A device that was signed in to it before is counted for itself; all others per account and address, before anything
/// dear is done for them.
async fn check_password(
    request: &HttpRequest,
    state: &State,
    sign_in: &SignIn,
    credentials: Credentials,
) -> Result<Account, Problem> {
    let Credentials { email, password } = credentials;
    let (name, address) = (storage::fold_email(&email), sign_in.client_address(request));
    let devices = sign_in.devices(request, state.clock.now());
    let mut attempt = None;
    if devices.is_empty() {
        attempt = Some(sign_in.limits.attempt(&name, address)?);
    }
    let account = state
        .store
        .accounts
        .by_email(&email)
        .await?
        .filter(|account| !account.disabled);
    let known = account.as_ref().and_then(|account| {
        let password = account.password.as_deref();
        devices.iter().find(|it| it.knows(account.id, password))
    });
    let attempt = match (attempt, known) {
        (Some(attempt), _) => attempt,
        (None, Some(device)) => sign_in.limits.known_attempt(&device.id, address)?,
        (None, None) => sign_in.limits.attempt(&name, address)?,
    };
    let stored = account
        .as_ref()
        .and_then(|account| account.password.clone());
    // Asked also where there is no account, so that the time says nothing.
    let checked = sign_in
        .passwords
        .verify(&password, stored, attempt.standing())
        .await;
    match (checked, account) {
        (Ok(true), Some(account)) => {
            attempt.takes_back();
            Ok(account)
        }
        (Ok(_), _) => {
            attempt.failed();
            Err(Problem::new(
                Code::SignInFailed,
                "there is no account with this address and password",
            ))
        }
        (Err(busy), _) => {
            attempt.takes_back();
            Err(busy)
        }
    }
}

/// Sign out: end this session.
#[utoipa::path(
    delete, path = "/api/v1/sessions/current", tag = "sign-in", operation_id = "sign_out",
    responses((status = 204, description = "Signed out", headers(("Set-Cookie" = String, description = "Removes the cookie")))),
    security(("session" = [])),
)]
pub(crate) async fn end_session(
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    signed_in: SignedIn,
) -> Result<HttpResponse, Problem> {
    let token = signed_in.session.ok_or_else(|| {
        Problem::new(
            Code::BadRequest,
            "an access token ends by itself; only sessions can be ended",
        )
    })?;
    state
        .store
        .sessions
        .revoke(&token, state.clock.now())
        .await?;
    let committed = *state.store.directory.committed().borrow();
    state.access.reached(committed).await?;
    Ok(HttpResponse::NoContent()
        .insert_header((
            header::SET_COOKIE,
            session::removal(sign_in.https).to_string(),
        ))
        .finish())
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// `account` or `client`.
    #[serde(rename = "type")]
    #[schema(example = "client")]
    subject_type: &'static str,
    /// Its id.
    id: Uuid,
    /// What it may do with this request.
    role: Role,
    /// The organisation for which it acts with this request. Who belongs to several chooses with the header
    /// `Lotse-Organisation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<EntryId>,
    /// All its roles.
    memberships: Vec<ShownMembership>,
}

/// Who am I?
#[utoipa::path(
    get, path = "/api/v1/me", tag = "sign-in", operation_id = "me",
    responses((status = 200, description = "Who is signed in", body = Me)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn me(signed_in: SignedIn) -> Result<HttpResponse, Problem> {
    let (subject_type, id) = match signed_in.actor.subject {
        Subject::Account(id) => ("account", id),
        Subject::Client(id) => ("client", id),
        Subject::System => return Err(Problem::internal("the node itself sent a request")),
    };
    let mut response = HttpResponse::Ok().json(Me {
        subject_type,
        id,
        role: signed_in.actor.role,
        organisation: signed_in.actor.organisation,
        memberships: signed_in
            .memberships
            .iter()
            .map(ShownMembership::from)
            .collect(),
    });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}
