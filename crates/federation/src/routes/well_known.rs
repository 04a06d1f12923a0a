//! Who this node is.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use domain::feed::FeedName;
use http::{Code, Problem, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sender::problem;
use crate::federation::Federation;

/// Seconds for which others may keep what stands here.
const MAX_AGE: &str = "public, max-age=60";
/// Documents of one answer.
const DOCUMENTS: i64 = 20;

/// `GET /.well-known/did.json`: the identity document in force.
pub(super) async fn did(federation: web::Data<Federation>) -> Result<HttpResponse, Problem> {
    let newest = federation
        .feeds()
        .read(federation.now(), |work| work.document())
        .await?;
    let document = newest.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/did+json"))
        .insert_header((header::CACHE_CONTROL, MAX_AGE))
        .body(document))
}

/// What `GET /fed/v1/documents` understands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

/// `GET /fed/v1/documents?after=`: the identity documents after a number, each vouched for by the one before.
pub(super) async fn documents(
    federation: web::Data<Federation>,
    Query(After { after }): Query<After>,
) -> Result<HttpResponse, Problem> {
    let after = after.min(crate::protocol::canonical::MAX_INTEGER);
    let read = federation.feeds().read(federation.now(), move |work| {
        work.documents(after, DOCUMENTS)
    });
    // As they were signed, joined: nothing is read to be written again.
    let documents: Vec<String> = read.await?.into_iter().map(|(_, json)| json).collect();
    let body = format!("{{\"documents\":[{}]}}", documents.join(","));
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, MAX_AGE))
        .body(body))
}

/// What `GET /.well-known/webfinger` understands (RFC 7033 section 4.1).
#[derive(Debug, Deserialize)]
pub(super) struct Resource {
    resource: Option<String>,
}

/// `GET /.well-known/webfinger?resource=`: where this node's document and feeds are (RFC 7033).
pub(super) async fn webfinger(
    federation: web::Data<Federation>,
    resource: web::Query<Resource>,
) -> Result<HttpResponse, Problem> {
    let origin = federation.origin();
    let own = federation.own_identity().map_err(|error| problem(&error))?;
    let Some(asked) = resource.into_inner().resource else {
        return Err(Problem::new(
            Code::InvalidParameter,
            "resource: say whom you look for",
        ));
    };
    let host = origin.host();
    let known = asked == own.did
        || asked.trim_end_matches('/') == origin.as_str()
        || asked == format!("acct:lotse@{host}");
    if !known {
        return Err(Problem::not_found());
    }
    let feed = |name: FeedName| json!({"rel": "urn:lotse:feed", "type": "application/jsonl", "href": format!("{origin}/fed/v1/feeds/{name}/changes")});
    let links: Vec<Value> = [
        json!({"rel": "self", "type": "application/did+json", "href": format!("{origin}/.well-known/did.json")}),
        json!({"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": origin.as_str()}),
    ]
    .into_iter()
    .chain(FeedName::ALL.into_iter().map(feed))
    .collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/jrd+json"))
        .insert_header((header::CACHE_CONTROL, MAX_AGE))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .body(
            json!({
                "subject": format!("acct:lotse@{host}"),
                "aliases": [origin.as_str(), own.did],
                "links": links,
            })
            .to_string(),
        ))
}
