//! How a network stands by a standard, for coordinators: fixed cells, made ready beforehand, without any filter.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use arc_swap::ArcSwap;
use bytes::Bytes;
use domain::quality::{Distribution, MIN_CHANGED, MIN_ORGANISATIONS};
use domain::{EntryId, Kind, content_hash};
use http::Problem;
use http::conditional::{Caching, not_modified, strong};
use http::sign_in::{Reader, SignedIn};
use serde::Serialize;
use utoipa::ToSchema;

use crate::State;
use crate::entries::{Collection, PathId, read};

/// The distributions that are published, ready to be sent.
#[derive(Debug, Clone, Default)]
pub struct Distributions(Arc<ArcSwap<HashMap<EntryId, Ready>>>);

#[derive(Debug, Clone)]
struct Ready {
    body: Bytes,
    tag: String,
}

impl Distributions {
    /// Takes over those that are published, by their standards.
    pub fn set(&self, all: impl IntoIterator<Item = (EntryId, Distribution)>) {
        let ready = all.into_iter().filter_map(|(standard, distribution)| {
            let body = body(standard, Some(distribution)).ok()?;
            Some((standard, body))
        });
        self.0.store(Arc::new(ready.collect()));
    }
}

/// How many organisations stand where by one standard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The standard.
    standard: EntryId,
    /// The distribution; `null` where too few organisations have published a result.
    distribution: Option<Distribution>,
    /// Over fewer organisations nothing is shown.
    #[schema(example = 5)]
    least_organisations: usize,
    /// It is made anew once so many organisations stand differently than in every one before.
    #[schema(example = 5)]
    least_changed: usize,
}

fn body(standard: EntryId, distribution: Option<Distribution>) -> Result<Ready, Problem> {
    let json = serde_json::to_string(&Standing {
        standard,
        distribution,
        least_organisations: MIN_ORGANISATIONS,
        least_changed: MIN_CHANGED,
    })
    .map_err(|why| Problem::internal(why.to_string()))?;
    Ok(Ready {
        tag: format!("{:016x}", content_hash(&json)),
        body: Bytes::from(json),
    })
}

/// Show how many organisations stand where by a standard, for coordinators.
///
/// Counts organisations of this node and of others whose newest published result is by this version. Cells are fixed and
/// there are no filters; over fewer than five organisations nothing is shown, cells with one or two are hidden, and a new
/// one is made only once five organisations stand differently, so that two looks tell nothing of anybody.
#[utoipa::path(
    get, path = "/api/v1/quality-standards/{id}/distribution", tag = "quality", operation_id = "show_distribution",
    params(("id" = String, Path, description = "The standard, of this node")),
    responses((status = 200, description = "The distribution", body = Standing)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn distribution(
    request: HttpRequest,
    state: web::Data<State>,
    signed_in: SignedIn,
    id: PathId,
) -> Result<HttpResponse, Problem> {
    signed_in.require_coordinator()?;
    let id = id.local(&state.origin)?;
    let ready = match state.distributions.0.load().get(&id) {
        Some(ready) => ready.clone(),
        None => {
            let standards = Collection(Some(Kind::QualityStandard));
            let reader = Reader::SignedIn(Box::new(signed_in));
            read::find(&state, &reader, standards, &PathId { id, host: None })?;
            body(id, None)?
        }
    };
    let etag = strong(&ready.tag);
    let mut response = if not_modified(&request, &etag) {
        HttpResponse::NotModified().finish()
    } else {
        HttpResponse::Ok()
            .insert_header(read::JSON)
            .body(ready.body)
    };
    response.headers_mut().insert(header::ETAG, etag);
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}
