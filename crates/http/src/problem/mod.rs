//! Problem documents (RFC 9457): the one form in which anything goes wrong.
//!
//! A problem holds what the caller may know and, apart from it, what only the log may know. Its `type` is a path of this
//! node, `/problems/{code}`: relative references are allowed (RFC 9457 section 3.1.1), and a node's problems are its own.

mod code;
mod from;
mod unmatched;

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use domain::Violation;
use serde::Serialize;
use utoipa::ToSchema;

pub use code::Code;
pub use unmatched::{AllowedMethods, explain, unmatched};

use crate::request_id::RequestId;

/// The media type of problem documents.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A shorthand for what handlers return.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// What went wrong: code, words, places, and what only the log may know.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

/// What the surface logs and counts of a problem. It rides with the answer.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) cause: Option<String>,
}

#[derive(Debug)]
struct Parts {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<Violation>,
    log: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body of every answer that says that something went wrong (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document<'a> {
    /// Names the kind of problem: a path of this node.
    #[serde(rename = "type")]
    #[schema(format = UriReference, example = "/problems/invalid")]
    pub type_uri: &'a str,
    /// The kind of problem in words, the same for every occurrence.
    #[schema(example = "Something in what was sent is wrong")]
    pub title: &'a str,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// This occurrence in words.
    #[schema(example = "one thing is wrong with what was sent")]
    pub detail: &'a str,
    /// The kind of problem, for programs.
    #[schema(example = "invalid")]
    pub code: &'a str,
    /// What is wrong where; empty when it cannot be said by place.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<Violation>)]
    pub errors: &'a [Violation],
    /// The name of this request in the node's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5f1c0a9be2d34477")]
    pub request_id: Option<&'a str>,
}

impl Problem {
    /// A problem with words for the caller.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            log: None,
            headers: Vec::new(),
        }))
    }

    /// A mistake in this software. The caller learns nothing, the log everything.
    pub fn internal(log: impl fmt::Display) -> Self {
        Self::new(
            Code::Internal,
            "the operator finds the cause in the log, under this request's id",
        )
        .with_log(log.to_string())
    }

    /// There is no such thing, as far as the caller may know.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            Code::NotFound,
            "there is nothing here, or nothing that you may see",
        )
    }

    /// One thing is wrong at one place of the body.
    pub fn at(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Violation {
            pointer: pointer.into(),
            code: Cow::Borrowed(code),
            message: message.into(),
        }])
    }

    /// What is wrong with the body, place by place.
    #[must_use]
    pub fn invalid(errors: Vec<Violation>) -> Self {
        domain::Refusal::invalid(errors).into()
    }

    /// Adds what is wrong where.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<Violation>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The same with each violation as `change` says it: a caller who sent a table looks for rows, not for pointers.
    #[must_use]
    pub fn map_errors(mut self, change: impl FnMut(Violation) -> Violation) -> Self {
        self.0.errors = self.0.errors.into_iter().map(change).collect();
        self
    }

    /// Adds what only the log may know.
    #[must_use]
    pub fn with_log(mut self, log: impl Into<String>) -> Self {
        self.0.log = Some(log.into());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says when trying again makes sense, in seconds (RFC 9110 section 10.2.3).
    #[must_use]
    pub fn with_retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What the caller reads.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What is wrong where.
    #[must_use]
    pub fn errors(&self) -> &[Violation] {
        &self.0.errors
    }

    /// The document, for a given request. Also what one line of a batch's answer holds.
    #[must_use]
    pub fn document<'a>(&'a self, request_id: Option<&'a RequestId>) -> Document<'a> {
        let code = self.0.code;
        Document {
            type_uri: code.type_uri(),
            title: code.title(),
            status: code.status().as_u16(),
            detail: &self.0.detail,
            code: code.as_str(),
            errors: self
                .0
                .errors
                .get(..domain::limits::VIOLATIONS)
                .unwrap_or(&self.0.errors),
            request_id: request_id.map(RequestId::as_str),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let request_id = RequestId::current();
        let body = serde_json::to_vec(&self.document(request_id.as_ref())).unwrap_or_default();
        let mut response = HttpResponse::build(self.status_code())
            .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)))
            .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .body(body);
        response.extensions_mut().insert(Refused {
            code: self.0.code,
            cause: self.0.log.clone(),
        });
        for (name, value) in &self.0.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        // RFC 9110 section 15.5.2: 401 says how to sign in.
        if response.status() == StatusCode::UNAUTHORIZED
            && !response.headers().contains_key(header::WWW_AUTHENTICATE)
        {
            let challenge = HeaderValue::from_static("Bearer realm=\"lotse\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
