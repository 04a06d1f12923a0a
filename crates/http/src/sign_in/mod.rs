//! Signing in: access tokens for programs, sessions for people, and who may do what.

mod access;
pub mod device;
mod extract;
mod keys;
mod line;
mod password;
pub mod secret;
pub mod session;
pub mod token;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::Origin;

pub use access::{Access, Identity, KnownClient};
pub use extract::{ORGANISATION_HEADER, Reader, SignedIn, Visitor, bearer};
pub use keys::{Claims, Keys, generate};
pub use password::Passwords;

use crate::Clock;
use crate::client::TrustedProxies;
use crate::rate::RateLimits;

/// All that signing in needs. Registered as `web::Data<SignIn>`.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Accounts, clients and sessions.
    pub access: Access,
    /// The keys that sign and verify access tokens.
    pub keys: Arc<Keys>,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// The counters of this process.
    pub limits: Arc<RateLimits>,
    /// Proxies in front.
    pub proxies: TrustedProxies,
    /// Tells the time.
    pub clock: Clock,
    /// The node's base URL.
    pub origin: Origin,
    /// Whether that is `https`.
    pub https: bool,
}

impl SignIn {
    /// The address of the client that sent a request.
    #[must_use]
    pub fn client_address(&self, request: &HttpRequest) -> IpAddr {
        self.proxies.client(request.peer_addr(), request.headers())
    }
}

/// `GET /.well-known/jwks.json`: the public keys (RFC 7517 section 5).
pub async fn jwks(sign_in: web::Data<SignIn>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=300"),
        ))
        .json(sign_in.keys.jwks())
}
