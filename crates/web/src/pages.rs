//! The pages, one file each, and what their answers have in common.

mod entry;
mod landing;
mod legal;
mod offers;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use askama::Template;

use crate::page::Page;

/// Nothing is loaded but the node's own style sheet and icon, and forms go nowhere else (Content Security Policy 3).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Seconds for which a page may be kept.
const MAX_AGE: &str = "public, max-age=30";

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(landing::get))
        .route("/offers", web::get().to(offers::get))
        .route("/entries/{name}", web::get().to(entry::get))
        .route("/imprint", web::get().to(legal::imprint))
        .route("/privacy", web::get().to(legal::privacy));
}

/// A page that says what went wrong.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    heading: String,
    text: String,
}

fn error(page: Page, status: StatusCode, key: &str) -> HttpResponse {
    let (heading, text) = (page.t(key), page.t(&format!("{key}-text")));
    let mut builder = HttpResponse::build(status);
    builder.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        builder.insert_header((header::RETRY_AFTER, HeaderValue::from_static("5")));
    }
    let language = page.lang();
    html(
        &mut builder,
        language,
        &ErrorPage {
            page,
            heading,
            text,
        },
    )
}

/// There is no such page, or it is not public: both look the same.
fn not_found(page: Page) -> HttpResponse {
    error(page, StatusCode::NOT_FOUND, "error-not-found")
}

/// The directory is not loaded yet.
fn unavailable(page: Page) -> HttpResponse {
    error(page, StatusCode::SERVICE_UNAVAILABLE, "error-unavailable")
}

/// The address asks for something that cannot be.
fn bad_request(page: Page) -> HttpResponse {
    error(page, StatusCode::BAD_REQUEST, "error-bad-request")
}

/// A page that was found.
fn ok(language: &'static str, template: &impl Template) -> HttpResponse {
    let mut builder = HttpResponse::Ok();
    builder.insert_header((header::CACHE_CONTROL, HeaderValue::from_static(MAX_AGE)));
    html(&mut builder, language, template)
}

fn html(
    builder: &mut HttpResponseBuilder,
    language: &'static str,
    template: &impl Template,
) -> HttpResponse {
    match template.render() {
        Ok(body) => builder
            .insert_header((
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            ))
            .insert_header((header::CONTENT_LANGUAGE, HeaderValue::from_static(language)))
            .insert_header((
                header::VARY,
                HeaderValue::from_static("Accept, Accept-Language"),
            ))
            .insert_header((
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(CONTENT_SECURITY_POLICY),
            ))
            .body(body),
        Err(cause) => {
            tracing::error!(%cause, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}
