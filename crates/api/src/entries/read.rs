//! One entry.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use http::conditional::{not_modified, strong, weak};
use http::sign_in::Reader;
use http::{Problem, Query};
use search::{Found, Level};
use serde::Deserialize;

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
    let opaque = domain::entity_tag(found.version, found.content_hash);
    let etag = match (found.level, lang) {
        (Level::Owner, None) => strong(&opaque),
        (level, lang) => weak(&format!("{opaque}-{level:?}-{}", lang.unwrap_or("all"))),
    };
    let mut response = if not_modified(&request, &etag) {
        HttpResponse::NotModified().finish()
    } else {
        let json = shown(
            found.json,
            found.kind,
            found.level,
            state.clock.now().date_naive(),
            lang,
        );
        HttpResponse::Ok().insert_header(JSON).body(json)
    };
    response.headers_mut().insert(header::ETAG, etag);
    reader.caching().apply(response.headers_mut());
    Ok(response)
}

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
