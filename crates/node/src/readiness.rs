//! `GET /health/live` and `GET /health/ready`: what this process can do at the moment. Told from memory, so that asking
//! costs the same whatever has failed.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web as actix};
use chrono::SecondsFormat;
use health::{Ability, Health, Status};
use http::{Code, Problem};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// Seconds after which whoever asks may ask again.
const RETRY_AFTER: u64 = 5;

/// What the answers are told from.
pub(crate) struct Readiness {
    pub(crate) health: Health,
    pub(crate) index: search::Index,
}

/// `GET /health/live`: the process answers.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({"status": "live"}))
}

/// `GET /health/ready`: it can read. With `for=` (reading, writing, publishing, text, following; several may be named) it
/// can do that. All parts are listed with how they stand and since when.
pub(crate) async fn ready(
    request: HttpRequest,
    readiness: actix::Data<Readiness>,
) -> Result<HttpResponse, Problem> {
    let asked = asked(request.query_string())?;
    let health = &readiness.health;
    let status = asked.iter().map(|ability| health.status(*ability)).max();
    let status = status.unwrap_or(Status::Ok);
    let words = match status {
        Status::Ok => "ready",
        other => other.name(),
    };
    let names: Vec<&str> = asked.iter().map(|ability| ability.name()).collect();
    let body = json!({
        "status": words,
        "for": names,
        "abilities": abilities(health),
        "parts": parts(health),
        "arrival": readiness.index.arrival(),
        "text_arrival": readiness.index.text_arrival().max(0),
    });
    let mut response = if status == Status::Ok {
        HttpResponse::Ok()
    } else {
        let mut away = HttpResponse::ServiceUnavailable();
        away.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        away
    };
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.json(body))
}

fn asked(query: &str) -> Result<Vec<Ability>, Problem> {
    let mut asked = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "for" {
            return Err(Problem::new(
                Code::UnknownParameter,
                "the one parameter is for",
            ));
        }
        let Some(ability) = Ability::of(&value) else {
            return Err(Problem::new(
                Code::InvalidParameter,
                "for: reading, writing, publishing, text or following",
            ));
        };
        if !asked.contains(&ability) {
            asked.push(ability);
        }
    }
    if asked.is_empty() {
        asked.push(Ability::Reading);
    }
    Ok(asked)
}

fn abilities(health: &Health) -> Value {
    let told = Ability::ALL.map(|ability| {
        let status = health.status(ability).name();
        (ability.name().to_owned(), Value::from(status))
    });
    Value::Object(Map::from_iter(told))
}

fn parts(health: &Health) -> Value {
    let told = health.all().map(|(part, state)| {
        let mut told = json!({
            "status": state.status.name(),
            "since": state.since.to_rfc3339_opts(SecondsFormat::Secs, true),
        });
        if !state.words.is_empty() {
            told["message"] = state.words.into();
        }
        (part.name().to_owned(), told)
    });
    Value::Object(Map::from_iter(told))
}
