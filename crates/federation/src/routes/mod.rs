//! What other nodes ask of this one.
//!
//! Feeds, heads and the state tree are read under `/fed/v1`: the public feed by anybody, so that anybody can check it;
//! the network feed with a request signed (RFC 9421) by the key of an approved peer. Nothing is fetched for an unknown
//! key, ever.

pub mod admin;
mod feeds;
mod messages;
mod sender;
mod well_known;

use actix_web::web;
use http::problem::unmatched;

/// Where feeds and messages are.
pub const PREFIX: &str = "/fed/v1";

/// Registers what other nodes ask. Needs `web::Data<Federation>`.
pub fn routes(cfg: &mut web::ServiceConfig) {
    let below = |rest: &str| web::resource(format!("{PREFIX}{rest}"));
    let only = |resource: actix_web::Resource, route| {
        resource.route(route).default_service(web::to(unmatched))
    };
    cfg.service(only(
        below("/feeds/{feed}/changes"),
        web::get().to(feeds::changes),
    ))
    .service(only(
        below("/feeds/{feed}/head"),
        web::get().to(feeds::head),
    ))
    .service(only(
        below("/feeds/{feed}/state"),
        web::get().to(feeds::buckets),
    ))
    .service(only(
        below("/feeds/{feed}/state/{bucket}"),
        web::get().to(feeds::leaves),
    ))
    .service(only(
        below("/feeds/{feed}/state/{bucket}/{leaf}"),
        web::get().to(feeds::leaf),
    ))
    .service(only(
        below("/documents"),
        web::get().to(well_known::documents),
    ))
    .service(only(below("/hints"), web::post().to(messages::hint)))
    .service(only(below("/follows"), web::post().to(messages::follow)))
    .service(only(
        web::resource("/.well-known/did.json"),
        web::get().to(well_known::did),
    ))
    .service(only(
        web::resource("/.well-known/webfinger"),
        web::get().to(well_known::webfinger),
    ))
    .configure(admin::routes);
}

/// Each route with its methods: what a 405 says.
#[must_use]
pub fn methods() -> Vec<(String, &'static str)> {
    let below = |rest: &str, method| (format!("{PREFIX}{rest}"), method);
    let mut methods = vec![
        below("/feeds/{feed}/changes", "GET"),
        below("/feeds/{feed}/head", "GET"),
        below("/feeds/{feed}/state", "GET"),
        below("/feeds/{feed}/state/{bucket}", "GET"),
        below("/feeds/{feed}/state/{bucket}/{leaf}", "GET"),
        below("/documents", "GET"),
        below("/hints", "POST"),
        below("/follows", "POST"),
        ("/.well-known/did.json".to_owned(), "GET"),
        ("/.well-known/webfinger".to_owned(), "GET"),
    ];
    methods.extend(admin::methods());
    methods
}
