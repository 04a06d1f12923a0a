//! What waits for a coordinator.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::sign_in::SignedIn;
use http::{Caching, Problem};
use serde::Serialize;
use storage::{CorrectionState, RegistrationState};
use utoipa::ToSchema;

use crate::State;

/// Tasks of one sort that are looked at: more are shown as "at least".
const MOST: i64 = storage::limits::LIST;

/// Tasks of one sort.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Waiting {
    /// `registrations` or `corrections`.
    #[serde(rename = "type")]
    #[schema(example = "registrations")]
    sort: &'static str,
    /// How many wait; at most 1,000 are counted.
    waiting: usize,
    /// Since when the oldest waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<DateTime<Utc>>,
    /// Where they are listed.
    #[schema(example = "/api/v1/registrations?state=pending")]
    href: &'static str,
}

/// What waits for a coordinator.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tasks {
    /// One item for each sort of task.
    items: Vec<Waiting>,
    /// How many tasks wait in all.
    total: usize,
}

/// List what waits for a coordinator.
#[utoipa::path(
    get, path = "/api/v1/tasks", tag = "coordination", operation_id = "list_tasks",
    responses((status = 200, description = "What waits", body = Tasks)),
    security(("session" = [])),
)]
pub(crate) async fn list(
    state: web::Data<State>,
    signed_in: SignedIn,
) -> Result<HttpResponse, Problem> {
    signed_in.require_coordinator()?;
    let registrations = state
        .store
        .registrations
        .list(RegistrationState::Pending, None, MOST)
        .await?;
    let corrections = state
        .store
        .corrections
        .list(None, CorrectionState::Open, None, MOST)
        .await?;
    let items = vec![
        Waiting {
            sort: "registrations",
            waiting: registrations.len(),
            oldest: registrations
                .iter()
                .map(|registration| registration.submitted)
                .min(),
            href: "/api/v1/registrations?state=pending",
        },
        Waiting {
            sort: "corrections",
            waiting: corrections.len(),
            oldest: corrections
                .iter()
                .map(|correction| correction.created)
                .min(),
            href: "/api/v1/corrections?state=open",
        },
    ];
    let total = items.iter().map(|item| item.waiting).sum();
    let mut response = HttpResponse::Ok().json(Tasks { items, total });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}
