//! Lists of entries: pages of JSON, and whole lists as CSV and GeoJSON.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{BufMut, Bytes, BytesMut};
use domain::{region, vocabulary};
use http::sign_in::Reader;
use http::{Problem, Query};
use search::{Facet, FacetCounts, Page};
use serde_json::json;

use super::Collection;
use super::read::JSON;
use super::shown::shown;
use crate::params::{Format, ListParams, refused, scheme, unknown};
use crate::{State, export};

/// `GET /{collection}`.
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    reader: Reader,
    collection: Collection,
    params: Query<ListParams>,
) -> Result<HttpResponse, Problem> {
    state.at_least(&request).await?;
    let params = params.0;
    if params.rows.is_some() || params.cols.is_some() {
        return Err(unknown("rows, cols", "these belong to /coverage"));
    }
    let paged = params.sort.is_some()
        || params.limit.is_some()
        || params.cursor.is_some()
        || params.facets.is_some();
    if paged && params.format.unwrap_or_default() != Format::Json {
        return Err(unknown(
            "sort, limit, cursor, facets",
            "a file holds the whole list, in its own order",
        ));
    }
    let query = params.query(&state, collection.0)?;
    let lang = params.language()?;
    let viewer = state.viewer(&reader);
    let mut response = match params.format.unwrap_or_default() {
        Format::Json => {
            let page = state
                .index
                .snapshot()
                .search(&query, &viewer)
                .map_err(refused)?;
            let mut response = HttpResponse::Ok();
            if let Some(next) = &page.next
                && let Some(link) = link(&request, next)
            {
                response.insert_header((header::LINK, link));
            }
            response.insert_header(JSON).body(body(&state, &page, lang))
        }
        Format::Csv => export::csv(&state, &query, &viewer, lang)?,
        Format::Geojson => export::geojson(&state, &query, &viewer, lang)?,
    };
    reader.caching().apply(response.headers_mut());
    Ok(response)
}

/// The page's JSON: the entries' own bytes, joined.
fn body(state: &State, page: &Page, lang: Option<&str>) -> Bytes {
    let today = state.clock.now().date_naive();
    let length: usize = page.hits.iter().map(|hit| hit.json.len() + 1).sum();
    let mut body = BytesMut::with_capacity(length + 128);
    body.put_slice(b"{\"items\":[");
    for (index, hit) in page.hits.iter().enumerate() {
        if index > 0 {
            body.put_u8(b',');
        }
        body.put_slice(&shown(hit.json.clone(), hit.kind, hit.level, today, lang));
    }
    body.put_slice(b"],\"total\":");
    body.put_slice(page.total.to_string().as_bytes());
    body.put_slice(b",\"next\":");
    body.put_slice(json!(page.next).to_string().as_bytes());
    if page.hits.iter().any(|hit| hit.distance_km.is_some()) {
        let metres = |km: f64| (km * 1000.0).round() / 1000.0;
        let distances: Vec<Option<f64>> = page
            .hits
            .iter()
            .map(|hit| hit.distance_km.map(metres))
            .collect();
        body.put_slice(b",\"distances_km\":");
        body.put_slice(json!(distances).to_string().as_bytes());
    }
    if page.typos {
        body.put_slice(b",\"typos\":true");
    }
    if !page.facets.is_empty() {
        body.put_slice(b",\"facets\":");
        body.put_slice(facets(&page.facets, lang).to_string().as_bytes());
    }
    body.put_u8(b'}');
    body.freeze()
}

fn facets(counted: &[FacetCounts], lang: Option<&str>) -> serde_json::Value {
    let one = |counts: &FacetCounts| {
        let values: Vec<_> = counts
            .values
            .iter()
            .map(
                |(value, count)| match lang.and_then(|lang| label(counts.facet, value, lang)) {
                    Some(label) => json!({"value": value, "count": count, "label": label}),
                    None => json!({"value": value, "count": count}),
                },
            )
            .collect();
        (
            counts.facet.as_str().to_owned(),
            serde_json::Value::from(values),
        )
    };
    counted
        .iter()
        .map(one)
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What people read instead of a value.
pub(crate) fn label(facet: Facet, value: &str, lang: &str) -> Option<String> {
    match facet {
        Facet::Country | Facet::Destination | Facet::Region => {
            region::name(value, lang).map(str::to_owned)
        }
        Facet::Language => region::language_name(value, lang).map(str::to_owned),
        facet => vocabulary::label(scheme(facet)?, value, lang).map(str::to_owned),
    }
}

/// `Link: <...>; rel="next"` (RFC 8288): the same address with the next cursor.
fn link(request: &HttpRequest, next: &str) -> Option<HeaderValue> {
    let rest = request
        .query_string()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query: Vec<&str> = rest.collect();
    let separator = if query.is_empty() { "" } else { "&" };
    // A cursor is of the URL-safe alphabet, so it needs no encoding.
    let target = format!(
        "<{}?{}{separator}cursor={next}>; rel=\"next\"",
        request.path(),
        query.join("&")
    );
    HeaderValue::from_str(&target).ok()
}
