//! Conditional requests and caching (RFC 9110 section 13, RFC 9111).

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::consts;
use crate::problem::{Code, Problem};

/// What `If-Match` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// The header is missing.
    Missing,
    /// `*`: whatever is there, as long as something is.
    Any,
    /// One of these, by strong comparison: opaque tags without quotes. Weak tags never match and are left out.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Reads the header.
    ///
    /// # Errors
    /// 400 `invalid_header` when it cannot be read.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        match read_tags(request, &header::IF_MATCH)? {
            Tags::Missing => Ok(Self::Missing),
            Tags::Any => Ok(Self::Any),
            Tags::Some(tags) => Ok(Self::Tags(
                tags.into_iter()
                    .filter(|tag| !tag.weak)
                    .map(|tag| tag.opaque.to_owned())
                    .collect(),
            )),
        }
    }

    /// Refuses when the header is missing where it is needed.
    ///
    /// # Errors
    /// 428 `precondition_required` (RFC 6585 section 3).
    pub fn required(self) -> Result<Self, Problem> {
        match self {
            Self::Missing => Err(Problem::new(
                Code::PreconditionRequired,
                "send the ETag that you have read in If-Match, so that nobody's change gets lost",
            )),
            given => Ok(given),
        }
    }

    /// Refuses unless `current`, the opaque tag of what is there, is among those asked for.
    ///
    /// # Errors
    /// 412 `precondition_failed`.
    pub fn check(&self, current: &str) -> Result<(), Problem> {
        match self {
            Self::Missing | Self::Any => Ok(()),
            Self::Tags(tags) if tags.iter().any(|tag| tag == current) => Ok(()),
            Self::Tags(_) => Err(Problem::new(
                Code::PreconditionFailed,
                "read it again, and repeat the change on what you find",
            )),
        }
    }
}

/// Whether the caller already holds the representation with this tag (given as it stands in `ETag`, with quotes): then
/// 304. A header that cannot be read is ignored (it only asks for a shorter answer).
#[must_use]
pub fn not_modified(request: &HttpRequest, etag: &HeaderValue) -> bool {
    let Some(first) = request.headers().get(header::IF_NONE_MATCH) else {
        return false;
    };
    // Nearly every caller sends back the very tag that it was given.
    if first == etag {
        return true;
    }
    let current = etag.to_str().unwrap_or_default();
    let current = Tag::read(current).map(|tag| tag.opaque);
    match read_tags(request, &header::IF_NONE_MATCH) {
        Ok(Tags::Any) => true,
        Ok(Tags::Some(tags)) => tags.iter().any(|tag| Some(tag.opaque) == current),
        Ok(Tags::Missing) | Err(_) => false,
    }
}

/// A strong tag as it stands in `ETag`.
#[must_use]
pub fn strong(opaque: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{opaque}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// A weak tag as it stands in `ETag`.
#[must_use]
pub fn weak(opaque: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("W/\"{opaque}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
}

/// For how long others may show what anybody may read: a minute, and for ten while this node cannot be reached (RFC 5861
/// section 4). Long enough for a new start, short enough for what is withdrawn: nobody can call back what a cache holds. See
/// `docs/retention.md`.
const PUBLIC: &str = "public, max-age=60, stale-if-error=600";

/// Who may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Anybody, for a short time: what an anonymous reader sees.
    Public,
    /// Nobody but the reader, and only to ask again: what a signed-in reader sees.
    Private,
    /// Nobody: answers that hold secrets.
    Never,
}

impl Caching {
    /// Sets `Cache-Control`, and `Vary` where the answer depends on who asks in which language.
    pub fn apply(self, headers: &mut HeaderMap) {
        let control = match self {
            Self::Public => HeaderValue::from_static(PUBLIC),
            Self::Private => HeaderValue::from_static("private, no-cache"),
            Self::Never => HeaderValue::from_static("no-store"),
        };
        headers.insert(header::CACHE_CONTROL, control);
        if self != Self::Never {
            headers.insert(
                header::VARY,
                HeaderValue::from_static(
                    "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie",
                ),
            );
        }
    }
}

enum Tags<'a> {
    Missing,
    Any,
    Some(Vec<Tag<'a>>),
}

struct Tag<'a> {
    weak: bool,
    opaque: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads one tag (RFC 9110 section 8.8.3). Tags of this node hold no commas.
    fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (weak, quoted) = text
            .strip_prefix("W/")
            .map_or((false, text), |rest| (true, rest));
        let opaque = quoted.strip_prefix('"')?.strip_suffix('"')?;
        (!opaque.contains('"')).then_some(Self { weak, opaque })
    }
}

fn read_tags<'a>(request: &'a HttpRequest, name: &HeaderName) -> Result<Tags<'a>, Problem> {
    let bad = || {
        Problem::new(
            Code::InvalidHeader,
            format!("{name}: expected entity tags in quotes, or *"),
        )
    };
    let mut tags = Vec::new();
    for value in request.headers().get_all(name) {
        let value = value.to_str().map_err(|_| bad())?.trim();
        if value == "*" {
            return Ok(Tags::Any);
        }
        for tag in value.split(',') {
            if tags.len() == consts::ENTITY_TAGS {
                return Err(bad());
            }
            tags.push(Tag::read(tag).ok_or_else(bad)?);
        }
    }
    Ok(if tags.is_empty() {
        Tags::Missing
    } else {
        Tags::Some(tags)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn if_match(value: &str) -> Result<IfMatch, Code> {
        let request = TestRequest::get()
            .insert_header(("If-Match", value))
            .to_http_request();
        IfMatch::of(&request).map_err(|problem| problem.code())
    }

    #[test]
    fn if_match_compares_strongly() {
        assert_eq!(
            if_match("\"a\", W/\"b\" ,\"c\""),
            Ok(IfMatch::Tags(vec!["a".into(), "c".into()]))
        );
        assert_eq!(if_match("*"), Ok(IfMatch::Any));
        for bad in ["a", "\"a", "\"a\"b\"", "\"a\",,"] {
            assert_eq!(if_match(bad), Err(Code::InvalidHeader), "{bad}");
        }
        let tags = IfMatch::Tags(vec!["a".into()]);
        assert!(tags.check("a").is_ok());
        assert_eq!(
            tags.check("b").map_err(|problem| problem.code()),
            Err(Code::PreconditionFailed)
        );
        let missing = IfMatch::of(&TestRequest::get().to_http_request()).expect("readable");
        assert_eq!(
            missing.required().map_err(|problem| problem.code()),
            Err(Code::PreconditionRequired)
        );
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let holds = |value: &'static str, etag: HeaderValue| {
            not_modified(
                &TestRequest::get()
                    .insert_header(("If-None-Match", value))
                    .to_http_request(),
                &etag,
            )
        };
        assert!(
            holds("\"a\"", strong("a"))
                && holds("W/\"a\"", strong("a"))
                && holds("\"x\", \"a\"", weak("a"))
        );
        assert!(holds("*", weak("a")));
        assert!(!holds("\"b\"", strong("a")) && !holds("garbage", strong("a")));
    }
}
