//! One entry.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use http::conditional::{not_modified, strong, weak};
use http::sign_in::Reader;
use http::{Problem, Query};
use search::{Found, Level};
use serde::Deserialize;
use twox_hash::XxHash3_64;

use super::shown::shown;
use super::{Collection, PathId};
use crate::State;
use crate::params::language;

/// Parameters of reading one entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadParams {
    lang: Option<String>,
}

/// `GET /{collection}/{id}`.
pub(crate) async fn read(
    request: HttpRequest,
    state: web::Data<State>,
    reader: Reader,
    collection: Collection,
    id: PathId,
    params: Query<ReadParams>,
) -> Result<HttpResponse, Problem> {
    state.at_least(&request).await?;
    let lang = language(params.0.lang.as_deref())?;
    let found = find(&state, &reader, collection, &id)?;
    let sent = shown(
        found.json.clone(),
        found.kind,
        found.level,
        state.clock.now().date_naive(),
        lang,
    );
    let etag = tag(&found, &sent, lang);
    let mut response = if not_modified(&request, &etag) {
        HttpResponse::NotModified().finish()
    } else {
        HttpResponse::Ok().insert_header(JSON).body(sent)
    };
    response.headers_mut().insert(header::ETAG, etag);
    reader.caching().apply(response.headers_mut());
    Ok(response)
}

/// The entity tag of what is sent. It is made of nothing but that: a hash of the whole entry would let anybody try out what is
/// hidden from them until the tag fits, and would stay the same when a name is shown no more. Who may write the entry gets
/// the tag of the entry for `If-Match`, with an addition where less is sent than is stored.
fn tag(found: &Found, sent: &[u8], lang: Option<&str>) -> header::HeaderValue {
    let hash = XxHash3_64::oneshot(sent);
    if found.level != Level::Owner || lang.is_some() {
        return weak(&format!("{}-{hash:016x}", found.version));
    }
    let stored = domain::entity_tag(found.version, found.content_hash);
    let is_whole = std::str::from_utf8(sent)
        .is_ok_and(|json| domain::content_hash(json) == found.content_hash);
    if is_whole {
        strong(&stored)
    } else {
        strong(&format!("{stored}{ADDITION}{hash:016x}"))
    }
}

/// What stands between the tag of an entry and what a representation of it adds.
pub(crate) const ADDITION: char = '.';

/// `Content-Type: application/json`.
pub(crate) const JSON: (header::HeaderName, header::HeaderValue) = (
    header::CONTENT_TYPE,
    header::HeaderValue::from_static("application/json"),
);

/// The entry, as far as the reader may see it.
pub(crate) fn find(
    state: &State,
    reader: &Reader,
    collection: Collection,
    id: &PathId,
) -> Result<Found, Problem> {
    let viewer = state.viewer(reader);
    let snapshot = state.index.snapshot();
    let found = match id.host.as_deref() {
        Some(host) if host != state.origin.host() => ["https", "http"]
            .into_iter()
            .find_map(|scheme| snapshot.get_by(&format!("{scheme}://{host}"), id.id, &viewer)),
        _ => snapshot.get_by(state.origin.as_str(), id.id, &viewer),
    };
    let found = found.ok_or_else(Problem::not_found)?;
    if collection.0.is_some_and(|kind| kind != found.kind) {
        return Err(Problem::not_found());
    }
    Ok(found)
}
