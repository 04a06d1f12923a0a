//! Quality: what is done with self-assessments beside reading and writing them as entries.
//!
//! What is decided, `domain::quality` decides; here it is asked for, and answered.

mod answers;
mod assessment;
mod distribution;
mod exchange;
mod follow_up;
mod invitation;
mod results;
mod steps;
mod summary;

use actix_web::web;

use crate::{PREFIX, only};

pub use distribution::Distributions;
pub(crate) use summary::NamedEntry;

/// What is described where it is written.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        answers::read,
        answers::write,
        answers::remove,
        steps::step,
        steps::invite,
        results::preview,
        results::trend,
        follow_up::look,
        follow_up::begin,
        summary::summary,
        exchange::form,
        exchange::export,
        exchange::import,
        invitation::submission,
        invitation::views,
        distribution::distribution
    ),
    components(schemas(domain::kinds::Answer, domain::kinds::PublicationChoice))
)]
pub(crate) struct Described;

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    let assessment = |rest: &str| web::resource(format!("{PREFIX}/self-assessments/{{id}}{rest}"));
    let standard = |rest: &str| web::resource(format!("{PREFIX}/quality-standards/{{id}}{rest}"));
    let asked = |rest: &str| web::resource(format!("{PREFIX}/review-invitation{rest}"));
    cfg.service(
        assessment("/answers/{criterion}")
            .route(web::get().to(answers::read))
            .route(web::put().to(answers::write))
            .route(web::delete().to(answers::remove))
            .default_service(web::to(http::problem::unmatched)),
    )
    .service(only(
        assessment("/steps/{step}"),
        web::post().to(steps::step),
    ))
    .service(only(
        assessment("/invitation"),
        web::post().to(steps::invite),
    ))
    .service(only(
        assessment("/preview"),
        web::get().to(results::preview),
    ))
    .service(only(assessment("/trend"), web::get().to(results::trend)))
    .service(
        assessment("/follow-up")
            .route(web::get().to(follow_up::look))
            .route(web::post().to(follow_up::begin))
            .default_service(web::to(http::problem::unmatched)),
    )
    .service(only(
        assessment("/summary"),
        web::get().to(summary::summary),
    ))
    .service(only(assessment("/export"), web::get().to(exchange::export)))
    .service(only(
        assessment("/import"),
        web::post().to(exchange::import),
    ))
    .service(only(standard("/form"), web::get().to(exchange::form)))
    .service(only(
        standard("/distribution"),
        web::get().to(distribution::distribution),
    ))
    .service(only(asked(""), web::get().to(invitation::submission)))
    .service(only(asked("/views"), web::put().to(invitation::views)));
}
