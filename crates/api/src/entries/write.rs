//! Writing one entry.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use chrono::Duration;
use domain::{AnyDraft, Command, EntryId, Kind, Precondition, limits};
use http::conditional::Caching;
use http::conditional::{IfMatch, strong};
use http::sign_in::SignedIn;
use http::{Code, Json, JsonBytes, Problem};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use storage::{Applied, Idempotency, Outcome};
use utoipa::ToSchema;

use super::read::{ADDITION, JSON};
use super::{Collection, PathId};
use crate::State;

/// A body as large as the largest kind's; smaller kinds are checked by the domain.
type Body = JsonBytes<{ limits::STANDARD_BYTES }>;

/// The number of the change, in answers to writes.
pub(crate) const ARRIVAL: HeaderName = HeaderName::from_static("lotse-arrival");
/// How long an idempotency key is remembered.
const IDEMPOTENCY_HOURS: i64 = 24;
/// Characters of an idempotency key.
const IDEMPOTENCY_KEY: usize = 255;

/// Somebody who is signed in, with what the handlers share.
pub(crate) struct Caller {
    pub(crate) request: HttpRequest,
    pub(crate) state: web::Data<State>,
    pub(crate) signed_in: SignedIn,
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed_in = SignedIn::from_request(request, payload).into_inner();
        let state = request.app_data::<web::Data<State>>().cloned();
        ready(signed_in.and_then(|signed_in| {
            Ok(Self {
                request: request.clone(),
                state: state.ok_or_else(|| Problem::internal("an application without a state"))?,
                signed_in,
            })
        }))
    }
}

/// What every write needs: who writes, into which collection of this node.
pub(crate) struct Write {
    caller: Caller,
    collection: Collection,
}

impl FromRequest for Write {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload).into_inner();
        let collection = Collection::from_request(request, payload).into_inner();
        ready(caller.and_then(|caller| {
            Ok(Self {
                caller,
                collection: collection?,
            })
        }))
    }
}

impl Write {
    fn kind(&self) -> Result<Kind, Problem> {
        self.collection.kind()
    }

    async fn apply(&self, command: Command, body: &Bytes) -> Result<HttpResponse, Problem> {
        let Caller {
            request,
            state,
            signed_in,
        } = &self.caller;
        let now = state.clock.now();
        let key = idempotency(request, signed_in, body, now)?;
        let actor = acting(signed_in, &command);
        let applied = state.directory().apply(&actor, command, key, now).await?;
        state.found(applied.arrival).await?;
        Ok(answer(&applied))
    }
}

/// `POST /{collection}`.
pub(crate) async fn create(write: Write, body: Body) -> Result<HttpResponse, Problem> {
    let draft = draft(write.kind()?, &body.0)?;
    let command = Command::Create {
        id: write.caller.state.mint(),
        draft,
    };
    write.apply(command, &body.0).await
}

/// `PUT /{collection}/{id}`.
pub(crate) async fn replace(write: Write, id: PathId, body: Body) -> Result<HttpResponse, Problem> {
    let draft = draft(write.kind()?, &body.0)?;
    let expected = precondition(IfMatch::of(&write.caller.request)?.required()?);
    let command = Command::Replace {
        id: id.local(&write.caller.state.origin)?,
        draft,
        expected,
    };
    write.apply(command, &body.0).await
}

/// `PATCH /{collection}/{id}`: JSON Merge Patch (RFC 7396).
pub(crate) async fn patch(write: Write, id: PathId, body: Body) -> Result<HttpResponse, Problem> {
    let patch: serde_json::Value = http::json::parse_checked(&body.0)?;
    if !patch.is_object() {
        return Err(Problem::new(
            Code::Malformed,
            "a merge patch of an entry is an object",
        ));
    }
    let expected = precondition(IfMatch::of(&write.caller.request)?);
    let command = Command::Patch {
        kind: write.kind()?,
        id: id.local(&write.caller.state.origin)?,
        patch,
        expected,
    };
    write.apply(command, &body.0).await
}

/// `PUT /{collection}/by-external-id/{external_id}`.
pub(crate) async fn upsert(
    write: Write,
    key: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let mut draft = draft(write.kind()?, &body.0)?;
    let (_, key) = key.into_inner();
    if draft
        .external_id
        .as_ref()
        .is_some_and(|given| *given != key)
    {
        return Err(Problem::new(
            Code::Invalid,
            "the external_id in the body is not the one in the path",
        ));
    }
    draft.external_id = Some(key);
    let command = Command::Upsert {
        new_id: write.caller.state.mint(),
        draft,
    };
    write.apply(command, &body.0).await
}

/// `DELETE /{collection}/{id}`.
pub(crate) async fn delete(write: Write, id: PathId) -> Result<HttpResponse, Problem> {
    let expected = precondition(IfMatch::of(&write.caller.request)?);
    let command = Command::Delete {
        kind: write.kind()?,
        id: id.local(&write.caller.state.origin)?,
        expected,
    };
    write.apply(command, &Bytes::new()).await
}

/// `POST /{collection}/{id}/purge`: erase the entry with all its revisions.
pub(crate) async fn purge(write: Write, id: PathId) -> Result<HttpResponse, Problem> {
    let command = Command::Purge {
        kind: write.kind()?,
        id: id.local(&write.caller.state.origin)?,
    };
    write.apply(command, &Bytes::new()).await
}

/// The new owner.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandOver {
    /// The organisation that will own the entry.
    owner: EntryId,
}

/// `PUT /{collection}/{id}/owner`: hand the entry over.
pub(crate) async fn hand_over(
    write: Write,
    id: PathId,
    body: Json<HandOver>,
) -> Result<HttpResponse, Problem> {
    let command = Command::HandOver {
        kind: write.kind()?,
        id: id.local(&write.caller.state.origin)?,
        to: body.0.owner,
    };
    write.apply(command, &Bytes::new()).await
}

fn draft(kind: Kind, body: &Bytes) -> Result<AnyDraft, Problem> {
    if body.len() > kind.max_bytes() {
        return Err(Problem::new(
            Code::BodyTooLarge,
            format!(
                "an entry of this kind has at most {} bytes",
                kind.max_bytes()
            ),
        ));
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| Problem::new(Code::Malformed, "the body is not UTF-8"))?;
    Ok(AnyDraft::parse_checked(kind, text)?)
}

pub(crate) fn precondition(header: IfMatch) -> Precondition {
    match header {
        IfMatch::Missing => Precondition::None,
        IfMatch::Any => Precondition::Exists,
        IfMatch::Tags(tags) => Precondition::Tags(tags.into_iter().map(of_the_entry).collect()),
    }
}

/// The tag of the entry in the tag of what was sent of it.
fn of_the_entry(mut tag: String) -> String {
    tag.truncate(tag.find(ADDITION).unwrap_or(tag.len()));
    tag
}

/// Who acts: somebody with several organisations acts for the one that the draft names.
pub(crate) fn acting(signed_in: &SignedIn, command: &Command) -> domain::Actor {
    let owner = match command {
        Command::Create { draft, .. }
        | Command::Upsert { draft, .. }
        | Command::Replace { draft, .. } => draft.owner,
        _ => None,
    };
    owner.map_or_else(
        || signed_in.actor.clone(),
        |owner| signed_in.acting_for(owner),
    )
}

/// The `Idempotency-Key` of a request, with a fingerprint of what it was sent with.
pub(crate) fn idempotency(
    request: &HttpRequest,
    signed_in: &SignedIn,
    body: &[u8],
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= IDEMPOTENCY_KEY)
        .ok_or_else(|| {
            Problem::new(
                Code::InvalidHeader,
                format!("Idempotency-Key: 1 to {IDEMPOTENCY_KEY} visible characters"),
            )
        })?;
    let mut hasher = Sha256::new();
    for part in [
        request.method().as_str().as_bytes(),
        request.uri().to_string().as_bytes(),
        body,
    ] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let fingerprint = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(Some(Idempotency {
        subject: signed_in.actor.subject.display(),
        key: key.to_owned(),
        fingerprint,
        expires: now + Duration::hours(IDEMPOTENCY_HOURS),
    }))
}

/// The head of an answer to a write: what was done, the number of the change, and the tag and place of what stands there
/// now.
pub(crate) fn head(applied: &Applied) -> HttpResponseBuilder {
    let status = match applied.outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Deleted | Outcome::Purged => StatusCode::NO_CONTENT,
        Outcome::Updated | Outcome::HandedOver | Outcome::Unchanged => StatusCode::OK,
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((ARRIVAL, HeaderValue::from(applied.arrival)));
    if status != StatusCode::NO_CONTENT {
        response.insert_header((header::ETAG, strong(&applied.tag())));
    }
    if status == StatusCode::CREATED {
        response.insert_header((
            header::LOCATION,
            format!("/api/v1/entries/{}", applied.key.id),
        ));
    }
    response
}

/// The answer to a write: the entry, or nothing where it is gone.
pub(crate) fn answer(applied: &Applied) -> HttpResponse {
    let mut response = head(applied);
    let mut response = match &applied.json {
        Some(json) => response.insert_header(JSON).body(json.clone()),
        None => response.finish(),
    };
    Caching::Private.apply(response.headers_mut());
    response
}
