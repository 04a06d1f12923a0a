//! Signing in and out.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Duration, Utc};
use domain::{EntryId, Role, Subject};
use http::rate::Bucket;
use http::sign_in::secret::Secret;
use http::sign_in::token::{self, TokenAnswer, TokenError, TokenForm, TokenRequest};
use http::sign_in::{SignIn, SignedIn, session};
use http::{Caching, Code, Problem, ValidJson, consts};
use serde::{Deserialize, Serialize};
use storage::Membership;
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
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "sign-in", operation_id = "sign_in",
    request_body = Credentials,
    responses(
        (status = 201, description = "Signed in", body = Started,
            headers(("Set-Cookie" = String, description = "The session"))),
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
    let Credentials { email, password } = body.0;
    sign_in
        .limits
        .check(Bucket::SignIn, sign_in.client_address(&request))?;
    sign_in
        .limits
        .check_name(Bucket::SignIn, &storage::fold_email(&email))?;
    let account = state
        .store
        .accounts
        .by_email(&email)
        .await?
        .filter(|account| !account.disabled);
    let stored = account
        .as_ref()
        .and_then(|account| account.password.clone());
    // Asked also where there is no account, so that the time says nothing.
    let right = sign_in.passwords.verify(&password, stored).await?;
    let account = account.filter(|_| right).ok_or_else(|| {
        Problem::new(
            Code::SignInFailed,
            "there is no account with this address and password",
        )
    })?;
    let (secret, now) = (Secret::mint(SESSION_PREFIX)?, state.clock.now());
    let expires = now + Duration::days(consts::SESSION_DAYS);
    let begun = state
        .store
        .sessions
        .create(&secret.hash, account.id, expires, now)
        .await?;
    state.access.reached(begun.arrival).await?;
    let mut response = HttpResponse::Created()
        .insert_header((
            header::SET_COOKIE,
            session::cookie(&secret.plain, sign_in.https).to_string(),
        ))
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
