//! The REST API of a node, and its OpenAPI document.
//!
//! Entries of all kinds go one way ([`entries`]); what is said once here holds for all ten.

mod batch;
mod corrections;
mod coverage;
mod decisions;
mod entries;
mod export;
mod openapi;
mod params;
pub mod partners;
mod quality;
mod state;
mod vocabularies;

use actix_web::web;
use http::problem::unmatched;

pub use batch::Line as BatchLine;
pub use openapi::{document, document_json, document_routes};
pub use quality::Distributions;
pub use state::{Settings, State};

/// Where the API begins.
pub const PREFIX: &str = "/api/v1";

/// Registers every route of the API. Needs `web::Data<State>` and `web::Data<http::sign_in::SignIn>`.
pub fn routes(cfg: &mut web::ServiceConfig) {
    let collection = entries::pattern();
    let path = |rest: &str| format!("{PREFIX}/{collection}{rest}");
    let below = |rest: &str| web::resource(format!("{PREFIX}/{rest}"));
    // What is read most stands first: the router tries one after the other.
    cfg.service(
        web::resource(path(ONE))
            .route(web::get().to(entries::read::read))
            .route(web::put().to(entries::write::replace))
            .route(web::patch().to(entries::write::patch))
            .route(web::delete().to(entries::write::delete))
            .default_service(web::to(unmatched)),
    )
    .service(
        web::resource(path(""))
            .route(web::get().to(entries::list::list))
            .route(web::post().to(entries::write::create))
            .default_service(web::to(unmatched)),
    )
    .service(only(below("coverage"), web::get().to(coverage::coverage)))
    .service(only(
        web::resource(path("/by-external-id/{external_id}")),
        web::put().to(entries::write::upsert),
    ))
    .service(only(
        web::resource(path("/{id}/history")),
        web::get().to(entries::history::history),
    ))
    .service(only(
        web::resource(path("/{id}/purge")),
        web::post().to(entries::write::purge),
    ))
    .service(only(
        web::resource(path("/{id}/owner")),
        web::put().to(entries::write::hand_over),
    ))
    .service(only(below("batch"), web::post().to(batch::batch)))
    .service(only(
        below("vocabularies"),
        web::get().to(vocabularies::vocabularies),
    ))
    .service(only(
        below("vocabularies/{scheme}"),
        web::get().to(vocabularies::code_list),
    ))
    .service(only(below("regions"), web::get().to(vocabularies::regions)))
    .service(
        below("corrections")
            .route(web::post().to(corrections::report))
            .route(web::get().to(corrections::list))
            .default_service(web::to(unmatched)),
    )
    .service(only(
        below("corrections/closings"),
        web::post().to(corrections::close_many),
    ))
    .service(only(
        below("corrections/{id}/state"),
        web::put().to(corrections::close),
    ))
    .configure(partners::routes)
    .configure(quality::routes);
}

/// The path of one entry below its collection. What is no id at all goes to the handler too, which says so.
const ONE: &str = "/{id}";

/// A resource with one method; others are 405.
fn only(resource: actix_web::Resource, route: actix_web::Route) -> actix_web::Resource {
    resource.route(route).default_service(web::to(unmatched))
}

/// Each route with its methods, one pair each, as the router names it: what a 405 says.
#[must_use]
pub fn methods() -> Vec<(String, &'static str)> {
    let collection = entries::pattern();
    let mut methods: Vec<(String, &'static str)> = [
        (ONE, &["GET", "PUT", "PATCH", "DELETE"][..]),
        ("", &["GET", "POST"]),
        ("/by-external-id/{external_id}", &["PUT"]),
        ("/{id}/history", &["GET"]),
        ("/{id}/purge", &["POST"]),
        ("/{id}/owner", &["PUT"]),
    ]
    .into_iter()
    .flat_map(|(rest, methods)| methods.iter().map(move |method| (rest, *method)))
    .map(|(rest, method)| (format!("{PREFIX}/{collection}{rest}"), method))
    .collect();
    for (path, item) in document(Vec::new()).paths.paths {
        let known = [
            (item.get.is_some(), "GET"),
            (item.post.is_some(), "POST"),
            (item.put.is_some(), "PUT"),
            (item.patch.is_some(), "PATCH"),
            (item.delete.is_some(), "DELETE"),
        ];
        methods.extend(
            known
                .into_iter()
                .filter(|(there, _)| *there)
                .map(|(_, method)| (path.clone(), method)),
        );
    }
    methods
}
