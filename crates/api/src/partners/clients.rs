//! Clients: programs that act for an organisation.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use domain::{EntryId, Role};
use http::sign_in::secret::Secret;
use http::sign_in::{SignIn, SignedIn};
use http::{Caching, Path, Problem, ValidJson};
use serde::{Deserialize, Serialize};
use storage::{Client, NewClient};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::{count_made, must_exist};
use crate::State;

/// How client secrets begin.
pub(super) const SECRET_PREFIX: &str = "lotse_secret_";

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownClient {
    /// Its id: the `client_id` of OAuth 2.
    id: Uuid,
    /// What it is called.
    #[schema(example = "Nightly import")]
    label: String,
    /// What it may do: `editor` or `org_admin`.
    role: Role,
    /// When it was made.
    created: DateTime<Utc>,
    /// Since when it may no longer sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<DateTime<Utc>>,
}

impl From<Client> for ShownClient {
    fn from(client: Client) -> Self {
        Self {
            id: client.id,
            label: client.label,
            role: client.role,
            created: client.created,
            revoked: client.revoked,
        }
    }
}

/// The clients of an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClientList {
    /// The clients, oldest first, revoked ones included.
    items: Vec<ShownClient>,
    /// How many there are.
    total: usize,
}

/// List the clients of an organisation.
#[utoipa::path(
    get, path = "/api/v1/organisations/{organisation}/clients", tag = "partners", operation_id = "list_clients",
    params(("organisation" = Uuid, Path, description = "The organisation")),
    responses((status = 200, description = "Its clients", body = ClientList)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn list(
    state: web::Data<State>,
    signed_in: SignedIn,
    Path(organisation): Path<EntryId>,
) -> Result<HttpResponse, Problem> {
    signed_in.require_admin_of(organisation)?;
    let found = state
        .store
        .clients
        .list(Some(organisation), None, storage::limits::LIST)
        .await?;
    let (total, items) = (
        found.len(),
        found.into_iter().map(ShownClient::from).collect(),
    );
    let mut response = HttpResponse::Ok().json(ClientList { items, total });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}

/// A client to be made.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddClient {
    /// What it is called.
    #[validate(length(min = 1, max = 200), custom(function = "http::one_line"))]
    #[schema(example = "Nightly import")]
    label: String,
    /// What it may do: `editor` (unless given) or `org_admin`.
    role: Option<Role>,
}

/// A new client.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedClient {
    /// The client.
    #[serde(flatten)]
    client: ShownClient,
    /// Its secret, shown this once.
    #[schema(example = "lotse_secret_Yp3c...")]
    secret: String,
}

/// Make a client. Its secret is shown once.
#[utoipa::path(
    post, path = "/api/v1/organisations/{organisation}/clients", tag = "partners", operation_id = "add_client",
    params(("organisation" = Uuid, Path, description = "The organisation")),
    request_body = AddClient,
    responses((status = 201, description = "The client can sign in", body = AddedClient)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn add(
    state: web::Data<State>,
    signed_in: SignedIn,
    sign_in: web::Data<SignIn>,
    Path(organisation): Path<EntryId>,
    body: ValidJson<AddClient>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require_admin_of(organisation)?;
    must_exist(&state, organisation).await?;
    let role = super::members::role_in_organisation(body.0.role.unwrap_or(Role::Editor))?;
    count_made(&sign_in, &actor, organisation)?;
    let secret = Secret::mint(SECRET_PREFIX)?;
    let new = NewClient {
        id: Uuid::now_v7(),
        label: body.0.label,
        role,
        secret: secret.hash,
    };
    let client = state
        .store
        .clients
        .create(&actor, organisation, new, state.clock.now())
        .await?;
    state.access.reached(client.arrival).await?;
    let mut response = HttpResponse::Created().json(AddedClient {
        client: client.into(),
        secret: secret.plain,
    });
    Caching::Never.apply(response.headers_mut());
    Ok(response)
}

/// Revoke a client: its tokens stop working at once.
#[utoipa::path(
    delete, path = "/api/v1/organisations/{organisation}/clients/{client}", tag = "partners",
    operation_id = "revoke_client",
    params(
        ("organisation" = Uuid, Path, description = "The organisation"),
        ("client" = Uuid, Path, description = "The client"),
    ),
    responses((status = 204, description = "Revoked")),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn revoke(
    state: web::Data<State>,
    signed_in: SignedIn,
    Path((organisation, client)): Path<(EntryId, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require_admin_of(organisation)?;
    if state.store.clients.get(client).await?.organisation != organisation {
        return Err(Problem::not_found());
    }
    let revoked = state
        .store
        .clients
        .revoke(&actor, client, state.clock.now())
        .await?;
    state.access.reached(revoked.arrival).await?;
    Ok(HttpResponse::NoContent().finish())
}
