//! The only door through which a node speaks to other nodes.
//!
//! A peer may be broken, taken over or hostile from the start, and is never to decide where a node connects, how much it
//! keeps in memory or how long it waits: `https` only, no redirects, no proxies, no cookies; the peer's base URL as it
//! was approved; public addresses only, checked where the connection is made; every answer under [`Limits`], while it
//! comes and while it unfolds. HTTP/1.1 only: pages are read one after the other, and it is the smaller surface.

use std::sync::Arc;

use bytes::Bytes;
use domain::Origin;
use reqwest::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName,
    HeaderValue, LOCATION, REFERER, TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use reqwest::{Client, Method, Request, Response, redirect, retry};
use tokio::time::timeout;

mod address;
mod body;
mod error;
pub mod limits;
mod resolve;
mod target;

pub use address::is_global;
pub use error::OutboundError;
pub use limits::Limits;
pub use resolve::{Addresses, Resolve, System};

/// How a node names itself to other nodes.
const AGENT: &str = concat!("Lotse/", env!("CARGO_PKG_VERSION"));

/// Header fields that say how the message is carried, or where to: not the caller's to set.
const RESERVED: [HeaderName; 11] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    COOKIE,
    EXPECT,
    HOST,
    REFERER,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    USER_AGENT,
];

/// What an operator can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// Allows plain `http` and the addresses of this machine and of private networks, for trying out several nodes on one
    /// machine. Never for a node that others can reach: whoever is a peer could then look into the node's network.
    pub allow_insecure: bool,
}

/// What a peer answered. Every status but those from 300 to 399 is an answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status, from 200 to 299 or from 400 on.
    pub status: u16,
    /// The header fields as they came. `Content-Encoding` and `Content-Length` are about the body as it came.
    pub headers: HeaderMap,
    /// The body, unfolded. For a success it is complete, else cut off behind [`limits::REFUSAL`] bytes.
    pub body: Bytes,
}

impl Answer {
    /// Whether the status is one of success, from 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The client for speaking to peers. One for each process; clones share their connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: Client,
    settings: Settings,
}

impl Outbound {
    /// A client that looks names up as the system does.
    ///
    /// # Errors
    /// [`OutboundError::Setup`] if TLS cannot be set up, for instance without any trusted certificates.
    pub fn new(settings: Settings) -> Result<Self, OutboundError> {
        Self::with_resolver(settings, Arc::new(System))
    }

    /// A client that looks names up as told. Its answers are checked like the system's.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_resolver(
        settings: Settings,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, OutboundError> {
        let client = Client::builder()
            .user_agent(AGENT)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .https_only(!settings.allow_insecure)
            .tls_backend_rustls()
            .http1_only()
            .http1_max_headers(limits::HEADER_FIELDS)
            .connect_timeout(limits::CONNECT)
            .pool_idle_timeout(limits::POOL_IDLE)
            .pool_max_idle_per_host(limits::POOL_PER_PEER)
            .dns_resolver(Arc::new(resolve::Guard { settings, resolver }))
            .build()
            .map_err(|error| OutboundError::Setup(error.to_string()))?;
        Ok(Self { client, settings })
    }

    /// Asks the peer at `base` for `path`, which begins with a slash and may have a query. `headers` may not hold any
    /// field that says how the message is carried (`Host`, `Content-Length`, `Accept-Encoding` and the like).
    ///
    /// # Errors
    /// See [`OutboundError`]. An answer with another status than success is not an error, unless it redirects.
    pub async fn get(
        &self,
        base: &Origin,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        limits: &Limits,
    ) -> Result<Answer, OutboundError> {
        let request = self.request(Method::GET, base, path, headers)?;
        self.send(request, *limits).await
    }

    /// Sends `body` to `path` at the peer at `base`, as [`get`](Self::get) does. The caller names its `Content-Type`.
    ///
    /// # Errors
    /// As for [`get`](Self::get). After an error the peer may have received the request, or not.
    pub async fn post(
        &self,
        base: &Origin,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
        limits: &Limits,
    ) -> Result<Answer, OutboundError> {
        let mut request = self.request(Method::POST, base, path, headers)?;
        *request.body_mut() = Some(body.into());
        self.send(request, *limits).await
    }

    fn request(
        &self,
        method: Method,
        base: &Origin,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Request, OutboundError> {
        let mut request = Request::new(method, target::url(self.settings, base, path)?);
        for (name, value) in headers {
            if RESERVED.contains(name) {
                return Err(OutboundError::UnusableHeader {
                    name: name.to_string(),
                });
            }
            request.headers_mut().append(name, value.clone());
        }
        request
            .headers_mut()
            .insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        Ok(request)
    }

    async fn send(&self, request: Request, limits: Limits) -> Result<Answer, OutboundError> {
        timeout(limits.total, self.exchange(request, limits))
            .await
            .map_err(|_| OutboundError::TimedOut(limits.total))?
    }

    async fn exchange(&self, request: Request, limits: Limits) -> Result<Answer, OutboundError> {
        let patience = limits::CONNECT + limits.idle;
        let mut response = timeout(patience, self.client.execute(request))
            .await
            .map_err(|_| OutboundError::Silent(patience))?
            .map_err(|error| OutboundError::of_request(&error))?;
        let status = response.status().as_u16();
        let headers = match status {
            200..300 | 400.. => std::mem::take(response.headers_mut()),
            300..400 => return Err(redirected(&response)),
            // Switching protocols, which nobody asked for; other interim answers never come to here.
            _ => return Err(OutboundError::Protocol(format!("status {status}"))),
        };
        let body = if response.status().is_success() {
            body::of_success(response, &headers, limits).await?
        } else {
            body::of_refusal(response, &headers, limits).await?
        };
        Ok(Answer {
            status,
            headers,
            body: body.into(),
        })
    }
}

fn redirected(response: &Response) -> OutboundError {
    let to = response.headers().get(LOCATION);
    OutboundError::Redirect {
        status: response.status().as_u16(),
        to: to.map_or_else(String::new, |to| {
            error::shown(&String::from_utf8_lossy(to.as_bytes()))
        }),
    }
}
