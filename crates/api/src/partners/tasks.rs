//! What waits for somebody: for people of an organisation what concerns its entries, for coordinators everything.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, NaiveDate, Utc};
use domain::quality::task_of;
use domain::{Content, EntryId, Kind, Text};
use http::sign_in::SignedIn;
use http::{Caching, Problem, Query};
use search::Viewer;
use serde::{Deserialize, Serialize};
use storage::{CorrectionState, RegistrationState, ReviewCursor, ReviewState, Stored};
use utoipa::ToSchema;

use super::scope;
use crate::State;
use crate::params::invalid;
use crate::quality::NamedEntry;

/// Tasks of one sort that are counted.
const MOST: i64 = storage::limits::LIST;
/// Entries of one page.
const PAGE: i64 = 100;

/// Tasks of one sort.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Waiting {
    /// `registrations` (for coordinators), `corrections`, `reviews` (entries whose review is due) or `never_verified`
    /// (entries that nobody has verified yet).
    #[serde(rename = "type")]
    #[schema(example = "registrations")]
    sort: &'static str,
    /// How many wait; at most 1,000 are counted.
    waiting: usize,
    /// Whether counting stopped there, so that there can be more.
    more: bool,
    /// Since when the oldest waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<DateTime<Utc>>,
    /// Where they are listed.
    #[schema(example = "/api/v1/registrations?state=pending")]
    href: &'static str,
}

impl Waiting {
    /// Of a list that ends at [`MOST`].
    fn of(
        sort: &'static str,
        since: impl Iterator<Item = DateTime<Utc>>,
        href: &'static str,
    ) -> Self {
        let (mut waiting, mut oldest) = (0, None);
        for at in since {
            waiting += 1;
            oldest = Some(oldest.map_or(at, |earlier: DateTime<Utc>| earlier.min(at)));
        }
        Self {
            sort,
            waiting,
            more: i64::try_from(waiting).is_ok_and(|waiting| waiting >= MOST),
            oldest,
            href,
        }
    }
}

/// What waits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tasks {
    /// One item for each sort of task.
    items: Vec<Waiting>,
    /// How many tasks wait in all, as far as they were counted.
    total: usize,
}

/// List what waits for somebody.
///
/// For coordinators everything, for others what concerns the entries of their organisation.
#[utoipa::path(
    get, path = "/api/v1/tasks", tag = "coordination", operation_id = "list_tasks",
    responses((status = 200, description = "What waits", body = Tasks)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn list(
    state: web::Data<State>,
    signed_in: SignedIn,
) -> Result<HttpResponse, Problem> {
    let owner = scope(&signed_in)?;
    let mut items = Vec::new();
    if owner.is_none() {
        let pending = RegistrationState::Pending;
        let found = state.store.registrations.list(pending, None, MOST).await?;
        items.push(Waiting::of(
            "registrations",
            found.iter().map(|registration| registration.submitted),
            "/api/v1/registrations?state=pending",
        ));
    }
    let open = CorrectionState::Open;
    let found = state
        .store
        .corrections
        .list(owner, open, None, MOST)
        .await?;
    items.push(Waiting::of(
        "corrections",
        found.iter().map(|correction| correction.created),
        "/api/v1/corrections?state=open",
    ));
    let today = state.clock.now().date_naive();
    for (sort, wanted, href) in [
        (
            "reviews",
            ReviewState::Due,
            "/api/v1/tasks/reviews?state=due",
        ),
        (
            "never_verified",
            ReviewState::NeverVerified,
            "/api/v1/tasks/reviews?state=never_verified",
        ),
    ] {
        let directory = &state.store.directory;
        let found = directory.reviews_waiting(owner, wanted, today).await?;
        items.push(Waiting {
            sort,
            waiting: found.count,
            more: found.more,
            oldest: found.oldest,
            href,
        });
    }
    let total = items.iter().map(|item| item.waiting).sum();
    let mut response = HttpResponse::Ok().json(Tasks { items, total });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}

/// An entry that somebody has to look at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToReview {
    /// Its id.
    id: EntryId,
    /// Its kind.
    kind: Kind,
    /// The organisation that looks after it.
    owner: EntryId,
    /// What is to be done: `verify`, or of an assessment `progress_note` or `assess_anew`.
    #[schema(example = "verify")]
    task: &'static str,
    /// What it is called.
    title: Text,
    /// Of an assessment, what is assessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<NamedEntry>,
    /// When somebody last checked that it is true; `null` where nobody has.
    last_verified: Option<NaiveDate>,
    /// Since when it is to be checked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    review_due: Option<NaiveDate>,
}

impl ToReview {
    fn of(state: &State, viewer: &Viewer, stored: &Stored) -> Result<Self, Problem> {
        let entry = stored.entry()?;
        let (task, due, subject) = match &entry.content {
            Content::SelfAssessment(it) => {
                let subject = it.subject.uri(&entry.origin);
                let (task, day) = match task_of(it) {
                    Some((task, day)) => (task.as_str(), Some(day)),
                    None => ("assess_anew", None),
                };
                (task, day, Some(NamedEntry::of(state, viewer, subject)))
            }
            _ => ("verify", entry.review_due, None),
        };
        Ok(Self {
            task,
            id: entry.id,
            kind: entry.kind,
            owner: entry.owner,
            title: entry.content.title(),
            subject,
            last_verified: entry.last_verified,
            review_due: due,
        })
    }
}

/// Entries of one page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewList {
    /// The entries: those that are longest overdue first, those never verified by age.
    items: Vec<ToReview>,
    /// How many there are on all pages; at most 1,000 are counted.
    total: usize,
    /// Whether there are more than were counted.
    more: bool,
    /// The `after` of the next page; `null` on the last.
    next: Option<String>,
}

/// Which entries to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// `due` (unless given): those whose review is due; `never_verified`: those that nobody has verified yet.
    state: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// List entries that somebody has to look at.
///
/// For coordinators all that were written at this node, for others those of their organisation. What has ended is left
/// out. Of a published assessment, a note on progress is due after a while, and later a new assessment.
#[utoipa::path(
    get, path = "/api/v1/tasks/reviews", tag = "coordination", operation_id = "list_reviews",
    params(Listing),
    responses((status = 200, description = "The entries", body = ReviewList)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn reviews(
    state: web::Data<State>,
    signed_in: SignedIn,
    params: Query<Listing>,
) -> Result<HttpResponse, Problem> {
    let owner = scope(&signed_in)?;
    let Listing {
        state: wanted,
        after,
    } = params.0;
    let wanted = ReviewState::parse(wanted.as_deref().unwrap_or("due"))
        .ok_or_else(|| invalid("state", "expected due or never_verified"))?;
    let after = after
        .map(|after| {
            ReviewCursor::parse(&after)
                .ok_or_else(|| invalid("after", "expected the next of the page before"))
        })
        .transpose()?;
    let (directory, today) = (&state.store.directory, state.clock.now().date_naive());
    let counted = directory.reviews_waiting(owner, wanted, today).await?;
    let (found, next) = directory.reviews(owner, wanted, today, after, PAGE).await?;
    let viewer = state.viewer_for(Some(&signed_in.actor));
    let items = found
        .iter()
        .map(|stored| ToReview::of(&state, &viewer, stored))
        .collect::<Result<_, _>>()?;
    let mut response = HttpResponse::Ok().json(ReviewList {
        items,
        total: counted.count,
        more: counted.more,
        next: next.as_ref().map(ReviewCursor::to_text),
    });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}
