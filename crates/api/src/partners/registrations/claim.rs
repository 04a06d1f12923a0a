//! An approved organisation takes its first account and client, exactly once.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use domain::{EntryId, Role};
use http::sign_in::SignIn;
use http::sign_in::secret::{self, Secret};
use http::{Caching, Code, Path, Problem, ValidJson};
use serde::{Deserialize, Serialize};
use storage::{Conflict, NewAccount, NewClient, RegistrationState};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::{by_claim, claim_token};
use crate::State;
use crate::partners::clients::SECRET_PREFIX;

/// The first account and client of an organisation.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "office@example.org",
    "display": "Office",
    "password": "correct horse battery staple",
    "client_label": "Nightly import"
}))]
pub(crate) struct Claiming {
    /// The role mailbox with which the account signs in, never a person's own address.
    #[validate(email, length(max = 254))]
    email: String,
    /// What the account is called: a function such as "Office", never a person's name.
    #[validate(length(min = 1, max = 200), custom(function = "http::one_line"))]
    display: String,
    /// Between 12 and 128 characters.
    password: String,
    /// What the first client is called.
    #[validate(length(min = 1, max = 200), custom(function = "http::one_line"))]
    client_label: String,
}

/// What was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Claimed {
    /// The organisation.
    organisation: EntryId,
    /// The account, with the role `org_admin`.
    account: Uuid,
    /// The client's id.
    client_id: Uuid,
    /// The client's secret, shown this once.
    #[schema(example = "lotse_secret_Yp3c...")]
    client_secret: String,
}

/// The hash of the claim token that a request carries. Without one nothing of its body is read.
pub(crate) struct ClaimHash(String);

impl FromRequest for ClaimHash {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = claim_token(request).ok_or_else(|| {
            Problem::new(
                Code::SignInRequired,
                "send the claim token as Authorization: Bearer",
            )
        });
        ready(token.map(|token| Self(secret::hash(token))))
    }
}

/// Take the first account and client of an approved organisation.
///
/// Needs the claim token as `Authorization: Bearer`; works exactly once.
#[utoipa::path(
    post, path = "/api/v1/registrations/{id}/claim", tag = "registration", operation_id = "claim_registration",
    params(("id" = Uuid, Path, description = "The registration")),
    request_body = Claiming,
    responses(
        (status = 201, description = "The account and the client can sign in", body = Claimed),
        (status = 409, description = "Not approved, claimed before, or the address is taken",
            body = http::problem::Document, content_type = "application/problem+json"),
        (status = 410, description = "The claim token has expired", body = http::problem::Document,
            content_type = "application/problem+json"),
    ),
    security(("claim" = [])),
)]
pub(crate) async fn claim(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    Path(id): Path<Uuid>,
    ClaimHash(claim): ClaimHash,
    body: ValidJson<Claiming>,
) -> Result<HttpResponse, Problem> {
    let now = state.clock.now();
    // Asked first, so that hashing a password is work for those only who may set one. Storage asks again.
    let registration = by_claim(&request, &state, &sign_in, &claim).await?;
    match (registration.id == id, registration.state) {
        (false, _) => return Err(Problem::not_found()),
        (true, RegistrationState::Approved) => {}
        (true, RegistrationState::Claimed) => return Err(Conflict::AlreadyClaimed.into()),
        (true, _) => return Err(Conflict::NotApproved.into()),
    }
    let Claiming {
        email,
        display,
        password,
        client_label,
    } = body.0;
    let password = Some(sign_in.passwords.hash(&password, "/password").await?);
    let secret = Secret::mint(SECRET_PREFIX)?;
    let account = NewAccount {
        id: Uuid::now_v7(),
        email,
        display,
        password,
        memberships: Vec::new(),
    };
    let client = NewClient {
        id: Uuid::now_v7(),
        label: client_label,
        role: Role::Editor,
        secret: secret.hash,
    };
    let (account, client) = state
        .store
        .registrations
        .claim(&claim, account, client, now)
        .await?;
    state
        .access
        .reached(account.arrival.max(client.arrival))
        .await?;
    let mut response = HttpResponse::Created().json(Claimed {
        organisation: client.organisation,
        account: account.id,
        client_id: client.id,
        client_secret: secret.plain,
    });
    Caching::Never.apply(response.headers_mut());
    Ok(response)
}
