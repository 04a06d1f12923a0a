//! Strict reading of query strings and path parameters.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use crate::consts;
use crate::problem::{Code, Problem};

/// Query parameters. `T` must deny unknown fields: a misspelt filter would silently find too much.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse_query(request.query_string()).map(Self))
    }
}

/// Reads a query string into `T`.
///
/// # Errors
/// 400 `unknown_parameter` or `invalid_parameter`, naming the parameter; 414 when it is too long.
pub fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    if query.len() > consts::QUERY_BYTES {
        return Err(Problem::new(
            Code::UriTooLong,
            format!("at most {} bytes of parameters", consts::QUERY_BYTES),
        ));
    }
    // Only what is percent-encoded can decode to a control character or to what is not UTF-8.
    if query.contains('%') {
        check_decoded(query)?;
    }
    serde_urlencoded::from_str(query).or_else(|_| {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
            .map_err(|error| problem(&error.path().to_string(), &error.inner().to_string()))
    })
}

fn check_decoded(query: &str) -> Result<(), Problem> {
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let bad = |c: char| {
            (c.is_control() && c != '\n' && c != '\t') || c == char::REPLACEMENT_CHARACTER
        };
        if name.contains(bad) || value.contains(bad) {
            return Err(Problem::new(
                Code::InvalidParameter,
                format!(
                    "{}: control characters and broken UTF-8 are not allowed",
                    name.replace(bad, "?")
                ),
            ));
        }
    }
    Ok(())
}

fn problem(parameter: &str, message: &str) -> Problem {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (name, expected) = rest.split_once('`').unwrap_or((rest, ""));
        return Problem::new(
            Code::UnknownParameter,
            format!("{name}: unknown parameter{expected}"),
        );
    }
    match parameter {
        "" | "." | "?" => Problem::new(Code::InvalidParameter, message.to_owned()),
        name => Problem::new(Code::InvalidParameter, format!("{name}: {message}")),
    }
}

/// Path parameters; what does not parse is 400 `invalid_id`.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let path = web::Path::<T>::from_request(request, payload).into_inner();
        ready(path.map(|path| Self(path.into_inner())).map_err(|_| {
            Problem::new(
                Code::InvalidId,
                "expected an id such as 019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Filter {
        limit: Option<u16>,
        q: Option<String>,
    }

    fn refused(query: &str) -> (Code, String) {
        let problem = parse_query::<Filter>(query)
            .map(drop)
            .expect_err("must be refused");
        (problem.code(), problem.detail().to_owned())
    }

    #[test]
    fn unknown_and_unusable_parameters_are_named() {
        let (code, detail) = refused("q=x&contry=DE");
        assert_eq!(code, Code::UnknownParameter);
        assert!(
            detail.starts_with("contry: unknown parameter") && detail.contains("limit"),
            "{detail}"
        );
        let (code, detail) = refused("limit=many");
        assert_eq!(code, Code::InvalidParameter);
        assert!(detail.starts_with("limit: "), "{detail}");
        assert_eq!(refused("q=a&q=b").0, Code::InvalidParameter);
    }

    #[test]
    fn control_characters_and_broken_utf8_are_refused() {
        for query in ["q=%00", "q=a%1b", "q=%ff", "%00=1", "q=%C2%85"] {
            assert_eq!(refused(query).0, Code::InvalidParameter, "{query}");
        }
        assert!(parse_query::<Filter>("q=%C3%BC%0A&limit=3").is_ok());
        assert_eq!(
            refused(&format!("q={}", "a".repeat(9_000))).0,
            Code::UriTooLong
        );
    }
}
