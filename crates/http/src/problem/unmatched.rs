//! What is answered where no route is: 404, or 405 when only the method is wrong; and what a code means.

use std::collections::HashMap;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use super::{Code, Problem};

/// Which methods each path pattern knows (`/api/v1/offers/{id}` → `GET, HEAD, PUT`), so that a 405 can say so
/// (RFC 9110 section 15.5.6). The binary makes it from the OpenAPI document and registers it as app data.
#[derive(Debug, Clone, Default)]
pub struct AllowedMethods(HashMap<String, HeaderValue>);

impl AllowedMethods {
    /// From pairs of pattern and method.
    pub fn new<'a>(routes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut methods: HashMap<String, Vec<&str>> = HashMap::new();
        for (pattern, method) in routes {
            let known = methods.entry(pattern.to_owned()).or_default();
            known.push(method);
            if method == "GET" {
                known.push("HEAD");
            }
        }
        Self(
            methods
                .into_iter()
                .filter_map(|(pattern, mut methods)| {
                    methods.sort_unstable();
                    methods.dedup();
                    Some((pattern, HeaderValue::from_str(&methods.join(", ")).ok()?))
                })
                .collect(),
        )
    }
}

/// The default service of the whole application.
///
/// # Errors
/// Always: 404, or 405 where the path is known with other methods.
pub async fn unmatched(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let allowed = request.app_data::<web::Data<AllowedMethods>>();
    let known = request
        .match_pattern()
        .and_then(|pattern| allowed?.0.get(&pattern).cloned());
    Err(match known {
        Some(methods) => Problem::new(
            Code::MethodNotAllowed,
            "this path knows other methods; Allow lists them",
        )
        .with_header(header::ALLOW, methods),
        None => Problem::not_found(),
    })
}

/// `GET /problems/{code}`: what a problem's `type` leads to.
///
/// # Errors
/// 404 for a code that this node does not know.
pub async fn explain(code: web::Path<String>) -> Result<HttpResponse, Problem> {
    let code = Code::parse(&code).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "type": code.type_uri(),
        "code": code.as_str(),
        "status": code.status().as_u16(),
        "title": code.title(),
    })))
}
