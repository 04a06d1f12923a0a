//! Peers, for node admins: `/api/v1/peers`.

use actix_web::{HttpResponse, web};
use domain::feed::FeedName;
use domain::{Origin, Role};
use http::problem::unmatched;
use http::sign_in::SignedIn;
use http::{Caching, Path, Problem, ValidJson};
use serde::{Deserialize, Serialize};
use utoipa::openapi::OpenApi;
use utoipa::{OpenApi as _, ToSchema};
use validator::Validate;

use super::sender::problem;
use crate::error::FederationError;
use crate::federation::Federation;
use crate::peer_view::{OwnIdentity, PeerDetail, PeerView, Verification};
use crate::protocol::policy::Policy;

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        list, add, show, approve, reject, pause, resume, policy, sync, verify, identity, denials, deny, allow
    ),
    tags((name = "federation", description = "Peers: nodes whose entries are shown here, and that show ours"))
)]
struct Described;

/// The operations of this module.
#[must_use]
pub fn document() -> OpenApi {
    Described::openapi()
}

/// Registers them.
pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    let below = |rest: &str| web::resource(format!("/api/v1/{rest}"));
    let only = |resource: actix_web::Resource, route| {
        resource.route(route).default_service(web::to(unmatched))
    };
    cfg.service(
        below("peers")
            .route(web::get().to(list))
            .route(web::post().to(add))
            .default_service(web::to(unmatched)),
    )
    .service(only(below("node/identity"), web::get().to(identity)))
    .service(only(below("peers/{host}"), web::get().to(show)))
    .service(only(below("peers/{host}/approve"), web::post().to(approve)))
    .service(only(below("peers/{host}/reject"), web::post().to(reject)))
    .service(only(below("peers/{host}/pause"), web::post().to(pause)))
    .service(only(below("peers/{host}/resume"), web::post().to(resume)))
    .service(only(below("peers/{host}/policy"), web::put().to(policy)))
    .service(only(below("peers/{host}/sync"), web::post().to(sync)))
    .service(only(below("peers/{host}/verify"), web::post().to(verify)))
    .service(
        below("denials")
            .route(web::get().to(denials))
            .route(web::post().to(deny))
            .route(web::delete().to(allow))
            .default_service(web::to(unmatched)),
    );
}

/// Each route with its methods.
pub(super) fn methods() -> Vec<(String, &'static str)> {
    let mut methods = Vec::new();
    for (path, item) in document().paths.paths {
        for (there, method) in [
            (item.get.is_some(), "GET"),
            (item.post.is_some(), "POST"),
            (item.put.is_some(), "PUT"),
            (item.delete.is_some(), "DELETE"),
        ] {
            if there {
                methods.push((path.clone(), method));
            }
        }
    }
    methods
}

fn answer(value: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(value);
    Caching::Never.apply(response.headers_mut());
    response
}

fn said<T>(result: Result<T, FederationError>) -> Result<T, Problem> {
    result.map_err(|error| problem(&error))
}

/// All peers.
#[derive(Debug, Serialize, ToSchema)]
struct Peers {
    /// By base URL.
    items: Vec<PeerView>,
}

/// A node that this one shall follow.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPeer {
    /// Its base URL.
    #[schema(value_type = String, example = "https://lotse.example.org")]
    base_url: Origin,
    /// Which feed: `network` needs the approval of its admin, `public` does not.
    #[serde(default = "network")]
    feed: FeedName,
    /// Its fingerprint, where it is known already: then the peer is approved at once.
    #[validate(length(max = 200))]
    fingerprint: Option<String>,
}

fn network() -> FeedName {
    FeedName::Network
}

/// A node, by its base URL.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct OtherNode {
    /// Its base URL.
    #[schema(value_type = String, example = "https://lotse.example.org")]
    base_url: Origin,
}

/// What an approval goes by.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Approval {
    /// The fingerprint that the other admin said. Refused where the peer shows another, and needed where nobody here has
    /// compared it yet: anybody can ask in any name.
    #[validate(length(min = 1, max = 200))]
    fingerprint: Option<String>,
    /// The `document` of the peer as it was shown. Refused where it has shown another since.
    #[validate(length(min = 1, max = 200))]
    document: Option<String>,
    /// Whether this node shall follow it too.
    follow: bool,
}

/// How to pull.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Sync {
    /// Agree to remove what is no longer in its feed, also where that is much.
    allow_sweep: bool,
    /// Pull everything again.
    all: bool,
}

/// How to compare.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Comparison {
    /// Look at every row that is here once more, so that damage to the database shows as well. The digests are kept
    /// otherwise, and a comparison costs the same for any number of rows.
    thorough: bool,
}

/// Nodes of which nothing is wanted.
#[derive(Debug, Serialize, ToSchema)]
struct Denials {
    /// Their base URLs.
    #[schema(example = json!(["https://lotse.example.org"]))]
    items: Vec<String>,
}

/// Whether anything has changed.
#[derive(Debug, Serialize, ToSchema)]
struct Changed {
    /// False where it was so already.
    changed: bool,
}

/// Show who this node is.
///
/// The admin of another node compares the fingerprint before approving this node.
#[utoipa::path(
    get, path = "/api/v1/node/identity", tag = "federation", operation_id = "show_identity",
    responses((status = 200, description = "Who this node is", body = OwnIdentity)),
    security(("client" = []), ("session" = [])),
)]
async fn identity(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
) -> Result<HttpResponse, Problem> {
    signed_in.require(Role::NodeAdmin)?;
    Ok(answer(&said(federation.own_identity())?))
}

/// List peers.
#[utoipa::path(
    get, path = "/api/v1/peers", tag = "federation", operation_id = "list_peers",
    responses((status = 200, description = "All peers", body = Peers)),
    security(("client" = []), ("session" = [])),
)]
async fn list(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
) -> Result<HttpResponse, Problem> {
    signed_in.require(Role::NodeAdmin)?;
    let items = said(federation.list_peers().await)?;
    Ok(answer(&Peers { items }))
}

/// Ask another node whether this one may follow it.
///
/// Fetches its identity document. Nothing is pulled before an admin here has approved its fingerprint.
#[utoipa::path(
    post, path = "/api/v1/peers", tag = "federation", operation_id = "add_peer",
    request_body = NewPeer,
    responses((status = 200, description = "The peer", body = PeerDetail)),
    security(("client" = []), ("session" = [])),
)]
async fn add(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    ValidJson(new): ValidJson<NewPeer>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require(Role::NodeAdmin)?;
    let added = federation
        .add_peer(actor, &new.base_url, new.feed, new.fingerprint.as_deref())
        .await;
    Ok(answer(&said(added)?))
}

/// Show a peer, and what of it waits in quarantine.
#[utoipa::path(
    get, path = "/api/v1/peers/{host}", tag = "federation", operation_id = "show_peer",
    params(("host" = String, Path, description = "Host and port of the peer", example = "lotse.example.org")),
    responses((status = 200, description = "The peer", body = PeerDetail)),
    security(("client" = []), ("session" = [])),
)]
async fn show(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    Path(host): Path<String>,
) -> Result<HttpResponse, Problem> {
    signed_in.require(Role::NodeAdmin)?;
    Ok(answer(&said(federation.show_peer(&host).await)?))
}

/// Approve the fingerprint that a peer shows.
///
/// It may then follow this node if it asked to, and this node follows it if that waits for the approval. Exactly what was
/// shown is approved: a node that has not been approved before needs the `fingerprint` (422 `fingerprint_required`), and if
/// it has shown another identity document than the `document` named, nothing is (409).
#[utoipa::path(
    post, path = "/api/v1/peers/{host}/approve", tag = "federation", operation_id = "approve_peer",
    params(("host" = String, Path, description = "Host and port of the peer", example = "lotse.example.org")),
    request_body = Approval,
    responses((status = 200, description = "The peer", body = PeerDetail)),
    security(("client" = []), ("session" = [])),
)]
async fn approve(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    Path(host): Path<String>,
    ValidJson(approval): ValidJson<Approval>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require(Role::NodeAdmin)?;
    let approved = federation
        .approve_peer(
            actor,
            &host,
            crate::Approval {
                fingerprint: approval.fingerprint.as_deref(),
                document: approval.document.as_deref(),
                follow: approval.follow,
            },
        )
        .await;
    Ok(answer(&said(approved)?))
}

/// Refuse a peer, or end what there is.
#[utoipa::path(
    post, path = "/api/v1/peers/{host}/reject", tag = "federation", operation_id = "reject_peer",
    params(("host" = String, Path, description = "Host and port of the peer", example = "lotse.example.org")),
    responses((status = 200, description = "The peer", body = PeerDetail)),
    security(("client" = []), ("session" = [])),
)]
async fn reject(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    Path(host): Path<String>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require(Role::NodeAdmin)?;
    Ok(answer(&said(federation.reject_peer(actor, &host).await)?))
}

/// Stop pulling from a peer for now.
#[utoipa::path(
    post, path = "/api/v1/peers/{host}/pause", tag = "federation", operation_id = "pause_peer",
    params(("host" = String, Path, description = "Host and port of the peer", example = "lotse.example.org")),
    responses((status = 200, description = "The peer", body = PeerDetail)),
    security(("client" = []), ("session" = [])),
)]
async fn pause(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    Path(host): Path<String>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require(Role::NodeAdmin)?;
    Ok(answer(&said(federation.pause_peer(actor, &host).await)?))
}

/// Go on pulling from a peer that was paused or frozen.
#[utoipa::path(
    post, path = "/api/v1/peers/{host}/resume", tag = "federation", operation_id = "resume_peer",
    params(("host" = String, Path, description = "Host and port of the peer", example = "lotse.example.org")),
    responses((status = 200, description = "The peer", body = PeerDetail)),
    security(("client" = []), ("session" = [])),
)]
async fn resume(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    Path(host): Path<String>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require(Role::NodeAdmin)?;
    Ok(answer(&said(federation.resume_peer(actor, &host).await)?))
}

/// Change what is taken from a peer.
///
/// Everything in its feed is looked at again; what the policy leaves out is removed here.
#[utoipa::path(
    put, path = "/api/v1/peers/{host}/policy", tag = "federation", operation_id = "set_peer_policy",
    params(("host" = String, Path, description = "Host and port of the peer", example = "lotse.example.org")),
    request_body = Policy,
    responses((status = 200, description = "The peer", body = PeerDetail)),
    security(("client" = []), ("session" = [])),
)]
async fn policy(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    Path(host): Path<String>,
    ValidJson(policy): ValidJson<Policy>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require(Role::NodeAdmin)?;
    Ok(answer(&said(
        federation.set_policy(actor, &host, &policy).await,
    )?))
}

/// Pull from a peer now.
#[utoipa::path(
    post, path = "/api/v1/peers/{host}/sync", tag = "federation", operation_id = "sync_peer",
    params(("host" = String, Path, description = "Host and port of the peer", example = "lotse.example.org")),
    request_body = Sync,
    responses((status = 200, description = "The peer", body = PeerDetail)),
    security(("client" = []), ("session" = [])),
)]
async fn sync(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    Path(host): Path<String>,
    ValidJson(sync): ValidJson<Sync>,
) -> Result<HttpResponse, Problem> {
    signed_in.require(Role::NodeAdmin)?;
    let synced = federation
        .sync_peer(&host, sync.allow_sweep, sync.all)
        .await;
    Ok(answer(&said(synced)?))
}

/// Prove by digest whether this node and a peer hold the same.
#[utoipa::path(
    post, path = "/api/v1/peers/{host}/verify", tag = "federation", operation_id = "verify_peer",
    params(("host" = String, Path, description = "Host and port of the peer", example = "lotse.example.org")),
    request_body = Comparison,
    responses((status = 200, description = "What the comparison came to", body = Verification)),
    security(("client" = []), ("session" = [])),
)]
async fn verify(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    Path(host): Path<String>,
    ValidJson(comparison): ValidJson<Comparison>,
) -> Result<HttpResponse, Problem> {
    signed_in.require(Role::NodeAdmin)?;
    let compared = federation.verify_peer(&host, comparison.thorough).await;
    Ok(answer(&said(compared)?))
}

/// List the nodes of which nothing is wanted.
#[utoipa::path(
    get, path = "/api/v1/denials", tag = "federation", operation_id = "list_denials",
    responses((status = 200, description = "Denied nodes", body = Denials)),
    security(("client" = []), ("session" = [])),
)]
async fn denials(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
) -> Result<HttpResponse, Problem> {
    signed_in.require(Role::NodeAdmin)?;
    let items = said(federation.denials().await)?;
    Ok(answer(&Denials { items }))
}

/// Want nothing of a node any more.
///
/// Erases everything that came from it. It may no longer follow this node.
#[utoipa::path(
    post, path = "/api/v1/denials", tag = "federation", operation_id = "deny_node",
    request_body = OtherNode,
    responses((status = 200, description = "Done", body = Changed)),
    security(("client" = []), ("session" = [])),
)]
async fn deny(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    ValidJson(node): ValidJson<OtherNode>,
) -> Result<HttpResponse, Problem> {
    signed_in.require(Role::NodeAdmin)?;
    let changed = said(federation.deny_peer(&node.base_url).await)?;
    Ok(answer(&Changed { changed }))
}

/// Take a denial back.
#[utoipa::path(
    delete, path = "/api/v1/denials", tag = "federation", operation_id = "allow_node",
    request_body = OtherNode,
    responses((status = 200, description = "Done", body = Changed)),
    security(("client" = []), ("session" = [])),
)]
async fn allow(
    federation: web::Data<Federation>,
    signed_in: SignedIn,
    ValidJson(node): ValidJson<OtherNode>,
) -> Result<HttpResponse, Problem> {
    signed_in.require(Role::NodeAdmin)?;
    let changed = said(federation.allow_peer(&node.base_url).await)?;
    Ok(answer(&Changed { changed }))
}
