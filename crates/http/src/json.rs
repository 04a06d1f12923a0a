//! Strict reading of JSON bodies: depth, names that stand twice, control characters, unknown fields; and errors that name
//! the place. How the bytes arrive is [`crate::body`]'s.

use std::borrow::Cow;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use domain::Violation;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use validator::{Validate, ValidationError};

use crate::body::{Extracting, read};
use crate::consts;
use crate::problem::{Code, Problem};

/// A JSON body of at most `LIMIT` bytes, read strictly. `T` must deny unknown fields.
#[derive(Debug)]
pub struct Json<T, const LIMIT: usize = { consts::BODY_BYTES }>(pub T);

impl<T: DeserializeOwned + 'static, const LIMIT: usize> FromRequest for Json<T, LIMIT> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload, LIMIT, is_json);
        Box::pin(async move { Ok(Self(parse(&body.await?)?)) })
    }
}

/// Like [`Json`], and then checked with `validator`; what is wrong is answered with 422 and places.
#[derive(Debug)]
pub struct ValidJson<T>(pub T);

impl<T: DeserializeOwned + Validate + 'static> FromRequest for ValidJson<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = Json::<T>::from_request(request, payload);
        Box::pin(async move {
            let Json(value) = json.await?;
            value.validate()?;
            Ok(Self(value))
        })
    }
}

/// The bytes of a JSON body of at most `LIMIT` bytes, known to be strict JSON, for handlers that choose the type
/// themselves (with [`parse_checked`]). Takes any `application/json` or `+json` content type.
#[derive(Debug)]
pub struct JsonBytes<const LIMIT: usize = { consts::BODY_BYTES }>(pub Bytes);

impl<const LIMIT: usize> FromRequest for JsonBytes<LIMIT> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload, LIMIT, is_json);
        Box::pin(async move {
            let bytes = body.await?;
            check(&bytes)?;
            Ok(Self(bytes))
        })
    }
}

/// The bytes of a table of at most `LIMIT` bytes: `text/csv` or a spreadsheet, told apart by what they are.
#[derive(Debug)]
pub struct TableBytes<const LIMIT: usize>(pub Bytes);

impl<const LIMIT: usize> FromRequest for TableBytes<LIMIT> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload, LIMIT, is_table);
        Box::pin(async move { Ok(Self(body.await?)) })
    }
}

/// Reads strict JSON into `T`.
///
/// # Errors
/// 400 `malformed`, with the place as a JSON Pointer where it is known.
pub fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    check(bytes)?;
    parse_checked(bytes)
}

/// Refuses what is not strict JSON.
///
/// # Errors
/// 400 `malformed`.
pub fn check(bytes: &[u8]) -> Result<(), Problem> {
    domain::json::check(bytes, domain::limits::JSON_DEPTH)
        .map(drop)
        .map_err(|violation| {
            Problem::new(
                Code::Malformed,
                "the body is not JSON as this node reads it",
            )
            .with_errors(vec![violation])
        })
}

/// Reads JSON that was checked before into `T`.
///
/// # Errors
/// 400 `malformed`, with the place.
pub fn parse_checked<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    // The common case pays nothing for knowing places; what fails is read again with them.
    serde_json::from_slice(bytes).or_else(|_| {
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(bytes)).map_err(
            |error| {
                let violation = shape_violation(pointer(error.path()), &error.inner().to_string());
                Problem::new(Code::Malformed, "the body does not have the expected shape")
                    .with_errors(vec![violation])
            },
        )
    })
}

/// `application/json` and anything `application/*+json` (RFC 6839 section 3.1).
#[must_use]
pub fn is_json(media_type: &str) -> bool {
    let media_type = media_type.trim();
    media_type.eq_ignore_ascii_case("application/json")
        || (media_type.to_ascii_lowercase().starts_with("application/")
            && media_type.to_ascii_lowercase().ends_with("+json"))
}

/// The media types of tables (RFC 4180; ECMA-376), and what browsers send of a file that they do not know.
fn is_table(media_type: &str) -> bool {
    const TABLES: [&str; 3] = [
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/octet-stream",
    ];
    let media_type = media_type.trim();
    TABLES
        .iter()
        .any(|table| media_type.eq_ignore_ascii_case(table))
}

/// A path of serde as a JSON Pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            // Neither is a place in the text.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// Refuses text that is not one line of characters to be read: a name that stands in lists, at consoles and in logs. For
/// `#[validate(custom(function = "http::one_line"))]`.
///
/// # Errors
/// `control_character`.
pub fn one_line(text: &str) -> Result<(), ValidationError> {
    if text.chars().any(domain::commands) {
        let refused = ValidationError::new("control_character");
        return Err(refused.with_message("expected one line, without control characters".into()));
    }
    Ok(())
}

/// What serde found, with a code, at the field that it names.
pub(crate) fn shape_violation(mut pointer: String, message: &str) -> Violation {
    let named = |prefix: &str| {
        message
            .strip_prefix(prefix)
            .and_then(|rest| rest.split('`').next())
    };
    let code = if let Some(field) = named("unknown field `") {
        // Depending on the format, the path ends at the field already or at what holds it.
        let mut token = String::new();
        push(&mut token, field);
        if !pointer.ends_with(&token) {
            pointer.push_str(&token);
        }
        "unknown_field"
    } else if let Some(field) = named("missing field `") {
        push(&mut pointer, field);
        "required"
    } else if message.starts_with("unknown variant") {
        "unknown_code"
    } else if message.starts_with("invalid type") {
        "wrong_type"
    } else {
        "malformed"
    };
    Violation {
        pointer,
        code: Cow::Borrowed(code),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Outer {
        items: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Inner {
        number: u8,
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_place() {
        for (json, pointer, code) in [
            (
                r#"{"items":[{"number":1},{"number":"x"}]}"#,
                "/items/1/number",
                "wrong_type",
            ),
            (
                r#"{"items":[{"number":1,"a/b":2}]}"#,
                "/items/0/a~1b",
                "unknown_field",
            ),
            (r#"{"items":[{}]}"#, "/items/0/number", "required"),
            (
                r#"{"items":[{"number":256}]}"#,
                "/items/0/number",
                "malformed",
            ),
            (
                r#"{"items":[{"number":1,"number":1}]}"#,
                "",
                "duplicate_name",
            ),
            (r#"{"items":["#, "", "not_json"),
            ("{\"items\":[{\"number\":1}]}\u{0}", "", "not_json"),
        ] {
            let problem = parse::<Outer>(json.as_bytes())
                .map(drop)
                .map_err(|problem| {
                    let violation = problem.errors().first().cloned();
                    (
                        problem.code(),
                        violation.map(|v| (v.pointer, v.code.into_owned())),
                    )
                });
            assert_eq!(
                problem,
                Err((Code::Malformed, Some((pointer.to_owned(), code.to_owned())))),
                "{json}"
            );
        }
        assert!(parse::<Outer>(br#"{"items":[{"number":1}]}"#).is_ok());
    }

    #[test]
    fn json_types_are_told_from_others() {
        assert!(is_json("application/json") && is_json("Application/Merge-Patch+JSON"));
        assert!(!is_json("text/json") && !is_json("application/jsonp") && !is_json(""));
    }
}
