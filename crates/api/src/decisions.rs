//! What came of each of many that were decided on in one request.

use actix_web::HttpResponse;
use http::Caching;
use serde::Serialize;
use storage::Decided;
use utoipa::ToSchema;
use uuid::Uuid;

/// What came of one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownDecision {
    /// Its id.
    id: Uuid,
    /// `decided`, `already_decided` (it stays as it was), or `not_found`.
    #[schema(example = "decided")]
    outcome: &'static str,
}

/// What came of each, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownDecisions {
    /// One for each id.
    results: Vec<ShownDecision>,
}

impl ShownDecisions {
    pub(crate) fn of(decided: Vec<(Uuid, Decided)>) -> Self {
        let outcome = |decided| match decided {
            Decided::Now => "decided",
            Decided::Before => "already_decided",
            Decided::NotFound => "not_found",
        };
        let results = decided.into_iter().map(|(id, decided)| ShownDecision {
            id,
            outcome: outcome(decided),
        });
        Self {
            results: results.collect(),
        }
    }

    pub(crate) fn answer(&self) -> HttpResponse {
        let mut response = HttpResponse::Ok().json(self);
        Caching::Never.apply(response.headers_mut());
        response
    }
}
