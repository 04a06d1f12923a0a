//! The history of an entry, for its owner and coordinators.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use domain::Refusal;
use http::conditional::Caching;
use http::sign_in::SignedIn;
use http::{Problem, Query};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{Collection, PathId};
use crate::State;

/// One version of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// Which version.
    version: u64,
    /// When it became so.
    at: DateTime<Utc>,
    /// Who did it: `account:...`, `client:...` or `system`.
    actor: String,
    /// What was done: `created`, `updated`, `handed_over`, `deleted`; `withheld` where the node itself
    /// did, because its database was put back to before it was deleted, or shown to fewer people.
    action: String,
    /// The entry as it was from then on; none for a deletion.
    #[schema(value_type = Option<Object>)]
    entry: Option<Box<RawValue>>,
}

/// The history of an entry, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    /// Its versions.
    items: Vec<Version>,
}

/// Versions of one page.
const PAGE: i64 = 100;

/// Which versions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryParams {
    before: Option<u64>,
}

/// `GET /{collection}/{id}/history`.
pub(crate) async fn history(
    state: web::Data<State>,
    signed_in: SignedIn,
    collection: Collection,
    id: PathId,
    params: Query<HistoryParams>,
) -> Result<HttpResponse, Problem> {
    let id = id.local(&state.origin)?;
    let stored = state
        .directory()
        .get(&state.key(id))
        .await?
        .ok_or_else(Problem::not_found)?;
    let actor = signed_in.acting_for(stored.owner);
    if collection.0.is_some_and(|kind| kind != stored.kind) {
        return Err(Problem::not_found());
    }
    if !actor.may_edit(stored.owner) {
        let visible = !stored.deleted && stored.visibility < domain::Visibility::Internal;
        let refusal = if visible {
            Refusal::forbidden("histories are for the owner and coordinators")
        } else {
            Refusal::not_found()
        };
        return Err(refusal.into());
    }
    let revisions = state.directory().history(id, params.0.before, PAGE).await?;
    let items = revisions
        .into_iter()
        .map(|revision| Version {
            version: revision.version,
            at: revision.at,
            actor: revision.actor,
            action: revision.action,
            entry: revision
                .json
                .and_then(|json| RawValue::from_string(json).ok()),
        })
        .collect();
    let mut response = HttpResponse::Ok().json(History { items });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}
