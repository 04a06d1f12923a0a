//! The style sheet and the icon: part of the program, served from the node itself.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, web};

const STYLE_SHEET: &str = include_str!("../assets/lotse.css");
const ICON: &str = include_str!("../assets/lotse.svg");

/// The path of a file under a name that changes with its content, so that browsers may keep it for good.
fn path(content: &str, extension: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("/assets/lotse-{:016x}.{extension}", hasher.finish())
}

static STYLE_SHEET_PATH: LazyLock<String> = LazyLock::new(|| path(STYLE_SHEET, "css"));
static ICON_PATH: LazyLock<String> = LazyLock::new(|| path(ICON, "svg"));

pub(crate) fn style_sheet() -> &'static str {
    &STYLE_SHEET_PATH
}

pub(crate) fn icon() -> &'static str {
    &ICON_PATH
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route(
            style_sheet(),
            web::get().to(|| file(STYLE_SHEET, "text/css; charset=utf-8")),
        )
        .route(icon(), web::get().to(|| file(ICON, "image/svg+xml")))
        .route(
            "/favicon.ico",
            web::get().to(|| file(ICON, "image/svg+xml")),
        );
}

async fn file(content: &'static str, media_type: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(media_type)))
        .insert_header((
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ))
        .body(content)
}
