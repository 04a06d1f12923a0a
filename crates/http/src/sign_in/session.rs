//! The session cookie, and the check that a page of this very site sent it (CSRF).

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Method;
use actix_web::http::header;
use domain::Origin;

use crate::consts;
use crate::problem::{Code, Problem};

/// The name over https: browsers then insist on Secure, this host, and the whole site (RFC 6265bis section 4.1.3.2).
const SECURE_NAME: &str = "__Host-lotse-session";
/// The name over plain http, for trying out.
const PLAIN_NAME: &str = "lotse-session";

fn name(https: bool) -> &'static str {
    if https { SECURE_NAME } else { PLAIN_NAME }
}

/// The cookie that carries a session's token.
#[must_use]
pub fn cookie(token: &str, https: bool) -> Cookie<'static> {
    Cookie::build(name(https), token.to_owned())
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .max_age(actix_web::cookie::time::Duration::days(
            consts::SESSION_DAYS,
        ))
        .finish()
}

/// The cookie that makes a browser forget its session.
#[must_use]
pub fn removal(https: bool) -> Cookie<'static> {
    let mut cookie = cookie("", https);
    cookie.make_removal();
    cookie
}

/// The session token that a request carries, if any.
pub(crate) fn token(request: &HttpRequest, https: bool) -> Option<&str> {
    let name = name(https);
    request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
}

/// Refuses to change anything by cookie for a page of another site. Browsers say where a request comes from in
/// `Sec-Fetch-Site` (Fetch Metadata), older ones in `Origin`; who says neither is no browser, and sends no cookie that
/// anybody could ride on unless it means to.
pub(crate) fn check_same_site(request: &HttpRequest, origin: &Origin) -> Result<(), Problem> {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return Ok(());
    }
    let text = |name| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let same = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(from)) => from
            .parse::<Origin>()
            .is_ok_and(|from| site_of(&from) == site_of(origin)),
        (None, None) => false,
    };
    if same {
        return Ok(());
    }
    Err(Problem::new(
        Code::CrossSite,
        "a session cookie changes things only from pages of this node; programs use an access token",
    ))
}

/// Scheme, host and port.
fn site_of(origin: &Origin) -> (&str, &str) {
    (
        origin
            .as_str()
            .split_once(':')
            .map_or("", |(scheme, _)| scheme),
        origin.host(),
    )
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let text = cookie("abc", true).to_string();
        assert_eq!(
            text,
            "__Host-lotse-session=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800"
        );
        let plain = cookie("abc", false).to_string();
        assert!(
            plain.starts_with("lotse-session=abc; HttpOnly") && !plain.contains("Secure"),
            "{plain}"
        );
        assert!(removal(true).to_string().contains("Max-Age=0"));
        let request = TestRequest::get()
            .insert_header(("Cookie", "a=b; __Host-lotse-session=abc; c=d"))
            .to_http_request();
        assert_eq!(token(&request, true), Some("abc"));
        assert_eq!(token(&request, false), None);
    }

    #[test]
    fn a_cookie_changes_things_from_the_same_site_only() {
        let origin: Origin = "https://a.example/lotse".parse().expect("an origin");
        let allowed = |headers: &[(&'static str, &'static str)], method: Method| {
            let request = headers
                .iter()
                .fold(TestRequest::default().method(method), |request, header| {
                    request.insert_header(*header)
                });
            check_same_site(&request.to_http_request(), &origin).is_ok()
        };
        assert!(allowed(&[("Sec-Fetch-Site", "same-origin")], Method::POST));
        assert!(allowed(&[("Origin", "https://a.example")], Method::DELETE));
        assert!(
            allowed(&[("Sec-Fetch-Site", "cross-site")], Method::GET),
            "reading changes nothing"
        );
        for bad in [
            &[("Sec-Fetch-Site", "cross-site")][..],
            &[
                ("Sec-Fetch-Site", "same-site"),
                ("Origin", "https://a.example"),
            ],
            &[("Sec-Fetch-Site", "none")],
            &[("Origin", "https://b.example")],
            &[("Origin", "http://a.example")],
            &[("Origin", "https://a.example:444")],
            &[("Origin", "null")],
            &[],
        ] {
            assert!(!allowed(bad, Method::POST), "{bad:?}");
        }
    }
}
