//! The device cookie: that somebody was signed in to an account from this browser before. With it a right password works
//! whatever strangers try at the account (OWASP, "Device cookies").
//!
//! It opens nothing by itself, goes to the sign-in alone (its path), and is out of reach of scripts and other sites. Only
//! who signs in to an account gets one; readers get none. A new password ends all of them.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::keys::Dated;
use super::{SignIn, secret};
use crate::consts;
use crate::problem::Problem;

/// The media type in `typ`, so that no access token passes for one, nor the other way round.
const TYPE: &str = "lotse-device+jwt";
/// The only path to which browsers send it, below the base URL.
const PATH: &str = "/api/v1/sessions";

/// What a device cookie says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    /// The account.
    sub: Uuid,
    /// Tells the device from others.
    jti: String,
    iat: i64,
    exp: i64,
    /// Which password the account had: see [`epoch`].
    epoch: String,
}

impl Dated for Claims {
    const LONGEST: i64 = consts::DEVICE_DAYS * 24 * 3_600;

    fn dates(&self) -> (i64, i64) {
        (self.iat, self.exp)
    }
}

/// A device from which somebody was signed in before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Tells it from others.
    pub id: String,
    account: Uuid,
    epoch: String,
}

impl Device {
    /// Whether it was signed in to this account with the password that it has now.
    #[must_use]
    pub fn knows(&self, account: Uuid, password: Option<&str>) -> bool {
        self.account == account && password.is_some_and(|hash| epoch(hash) == self.epoch)
    }
}

/// Which password an account has, by its hash, of which this shows nothing: it is salted with 128 bits that nobody knows.
fn epoch(password: &str) -> String {
    let digest = Sha256::digest(format!("lotse device\n{password}"));
    URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default())
}

/// People who share a device have a cookie each.
fn name(https: bool, account: &str) -> String {
    // RFC 6265bis section 4.1.3.1: browsers then insist on Secure.
    let prefix = if https { "__Secure-" } else { "" };
    format!("{prefix}lotse-device-{account}")
}

impl SignIn {
    /// The cookie for a device that has just signed in to an account whose password has this hash.
    ///
    /// # Errors
    /// 500 when it cannot be signed.
    pub fn device_cookie(
        &self,
        account: Uuid,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<Cookie<'static>, Problem> {
        let iat = now.timestamp();
        let claims = Claims {
            iss: self.origin.as_str().to_owned(),
            aud: self.audience_of_devices(),
            sub: account,
            jti: URL_SAFE_NO_PAD.encode(secret::random()?),
            iat,
            exp: iat + Claims::LONGEST,
            epoch: epoch(password),
        };
        let token = self.keys.sign(TYPE, &claims)?;
        let path = self.origin.as_str().splitn(4, '/').nth(3).unwrap_or("");
        let path = if path.is_empty() {
            PATH.to_owned()
        } else {
            format!("/{path}{PATH}")
        };
        Ok(
            Cookie::build(name(self.https, &account.simple().to_string()), token)
                .path(path)
                .http_only(true)
                .secure(self.https)
                .same_site(SameSite::Strict)
                .max_age(actix_web::cookie::time::Duration::days(consts::DEVICE_DAYS))
                .finish(),
        )
    }

    /// The devices that a request shows to come from: signed by this node, not expired, of whatever account.
    #[must_use]
    pub fn devices(&self, request: &HttpRequest, now: DateTime<Utc>) -> Vec<Device> {
        let prefix = name(self.https, "");
        let cookies = request
            .headers()
            .get_all(header::COOKIE)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, value)| key.starts_with(&prefix) && value.len() <= consts::TOKEN_BYTES)
            .take(consts::DEVICES);
        let audience = self.audience_of_devices();
        cookies
            .filter_map(|(_, token)| self.keys.open::<Claims>(TYPE, &audience, token, now).ok())
            .map(|claims| Device {
                id: claims.jti,
                account: claims.sub,
                epoch: claims.epoch,
            })
            .collect()
    }

    fn audience_of_devices(&self) -> String {
        format!("{}{PATH}", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::test::TestRequest;
    use chrono::Duration;
    use domain::Origin;

    use super::*;
    use crate::rate::{RateLimits, Rates};
    use crate::sign_in::{Access, Keys, Passwords, generate};

    const ACCOUNT: Uuid = Uuid::from_u128(7);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(seconds)
    }

    fn sign_in(origin: &str, pem: &str) -> SignIn {
        let origin: Origin = origin.parse().expect("an origin");
        SignIn {
            access: Access::default(),
            keys: Arc::new(Keys::from_pem(&origin, [pem]).expect("usable")),
            passwords: Passwords::default(),
            limits: Arc::new(RateLimits::new(&Rates::default())),
            proxies: crate::client::TrustedProxies::default(),
            clock: crate::Clock::new(|| at(0)),
            https: origin.as_str().starts_with("https"),
            origin,
        }
    }

    fn shown(sign_in: &SignIn, cookie: &Cookie<'_>, now: DateTime<Utc>) -> Option<Device> {
        let pair = format!("x=y; {}={}", cookie.name(), cookie.value());
        let request = TestRequest::post().insert_header(("Cookie", pair));
        sign_in.devices(&request.to_http_request(), now).pop()
    }

    #[test]
    fn the_cookie_goes_to_the_sign_in_alone() {
        let pem = generate().expect("a key");
        let text = |origin: &str| {
            let cookie = sign_in(origin, &pem).device_cookie(ACCOUNT, "$phc", at(0));
            cookie.expect("signed").to_string()
        };
        let secure = text("https://a.example/lotse");
        assert!(
            secure.starts_with("__Secure-lotse-device-00000000000000000000000000000007="),
            "{secure}"
        );
        assert!(
            secure.ends_with(
                "; HttpOnly; SameSite=Strict; Secure; Path=/lotse/api/v1/sessions; Max-Age=15552000"
            ),
            "{secure}"
        );
        let plain = text("http://127.0.0.1:8080");
        assert!(
            plain.starts_with("lotse-device-")
                && plain.contains("; Path=/api/v1/sessions; ")
                && !plain.contains("Secure;"),
            "{plain}"
        );
    }

    #[test]
    fn a_device_is_known_to_its_account_until_the_password_changes() {
        let pem = generate().expect("a key");
        let node = sign_in("https://a.example", &pem);
        let cookie = node.device_cookie(ACCOUNT, "$phc", at(0)).expect("signed");
        let device = shown(&node, &cookie, at(3_600)).expect("shown");
        assert!(device.knows(ACCOUNT, Some("$phc")));
        assert!(!device.knows(ACCOUNT, Some("$another")) && !device.knows(ACCOUNT, None));
        assert!(!device.knows(Uuid::from_u128(8), Some("$phc")));
        let days = |days: i64| at(days * 24 * 3_600);
        assert!(shown(&node, &cookie, days(179)).is_some());
        assert!(shown(&node, &cookie, days(181)).is_none(), "expired");
        assert!(
            shown(&node, &cookie, days(-1)).is_none(),
            "made by a clock that was ahead"
        );
    }

    #[test]
    fn only_a_cookie_of_this_node_counts() {
        let pem = generate().expect("a key");
        let node = sign_in("https://a.example", &pem);
        let cookie = node.device_cookie(ACCOUNT, "$phc", at(0)).expect("signed");
        let other = sign_in("https://a.example", &generate().expect("a key"));
        assert!(shown(&other, &cookie, at(0)).is_none(), "another key");
        let moved = sign_in("https://b.example", &pem);
        assert!(shown(&moved, &cookie, at(0)).is_none(), "another node");
        let role = domain::Role::Editor;
        let access = node
            .keys
            .issue(ACCOUNT, domain::EntryId(ACCOUNT), role, at(0));
        let access = Cookie::new(cookie.name().to_owned(), access.expect("issued"));
        assert!(shown(&node, &access, at(0)).is_none(), "an access token");
        assert!(
            node.keys.verify(cookie.value(), at(0)).is_err(),
            "nor is it an access token"
        );
    }
}
