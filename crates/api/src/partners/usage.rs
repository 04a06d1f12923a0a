//! How much room the entries of an organisation take.

use actix_web::{HttpResponse, web};
use domain::EntryId;
use http::sign_in::SignedIn;
use http::{Caching, Path, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::must_exist;
use crate::State;

/// How much room the entries of an organisation take, and how much they may take.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownUsage {
    /// Its live entries.
    #[schema(example = 120)]
    entries: u64,
    /// Bytes of these as they are stored, without their history.
    #[schema(example = 180_000)]
    bytes: u64,
    /// Entries that it may have; 0 where there is no limit. Coordinators may write more for it.
    #[schema(example = 20_000)]
    most_entries: u64,
    /// Bytes that they may have; 0 where there is no limit.
    #[schema(example = 33_554_432)]
    most_bytes: u64,
}

/// Show how much room the entries of an organisation take.
///
/// For its administrators and for coordinators.
#[utoipa::path(
    get, path = "/api/v1/organisations/{organisation}/usage", tag = "partners", operation_id = "show_usage",
    params(("organisation" = Uuid, Path, description = "The organisation")),
    responses((status = 200, description = "What they take, and may take", body = ShownUsage)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn show(
    state: web::Data<State>,
    signed_in: SignedIn,
    Path(organisation): Path<EntryId>,
) -> Result<HttpResponse, Problem> {
    signed_in.require_admin_of(organisation)?;
    must_exist(&state, organisation).await?;
    let directory = state.directory();
    let (usage, quota) = (directory.usage(organisation).await?, directory.quota());
    let mut response = HttpResponse::Ok().json(ShownUsage {
        entries: usage.entries,
        bytes: usage.bytes,
        most_entries: quota.entries,
        most_bytes: quota.bytes,
    });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}
