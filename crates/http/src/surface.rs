//! The one middleware around everything: request id, rate limit, time limit, security headers, CORS, log and counts.
//!
//! A read of one entry takes a few microseconds in all, so this does no more than it must: no boxed future, no span and
//! no log line for an ordinary read (they are counted, not recorded: who reads leaves no trace), no timer unless the
//! handler has to wait.

use std::future::{Future, Ready, ready};
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tracing::Span;

use crate::body::{Arriving, is_absent};
use crate::client::TrustedProxies;
use crate::connection::{Connection, Working};
use crate::consts;
use crate::load::{Load, Share};
use crate::metrics::{Metrics, Route};
use crate::problem::{Code, Problem, Refused};
use crate::rate::{Bucket, RateLimits};
use crate::request_id::RequestId;
use crate::tally::{Kind, Tally};

/// A route's pattern without the expressions that its parameters must match: `/api/v1/{collection}/{id}`.
fn readable(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let (mut depth, mut hidden) = (0_u32, false);
    for c in pattern.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 1 => hidden = true,
            _ => {}
        }
        hidden &= depth > 0;
        if !hidden {
            text.push(c);
        }
    }
    text
}

/// What the surface needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether the public base URL is `https`: then browsers are told to stay with it.
    pub https: bool,
    /// Proxies in front.
    pub proxies: TrustedProxies,
    /// How long a request may take until the head of its answer is ready.
    pub time_limit: Duration,
    /// Paths that may take longer, because they stream: compared whole.
    pub long_paths: &'static [&'static str],
    /// How long those may take.
    pub long_time_limit: Duration,
    /// How long a body may take to arrive, and one that streams may pause.
    pub body_time: Duration,
    /// What all requests share.
    pub load: Load,
    /// Where refusals are counted.
    pub tally: Arc<Tally>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            https: false,
            proxies: TrustedProxies::default(),
            time_limit: Duration::from_secs(30),
            long_paths: &[],
            long_time_limit: Duration::from_secs(600),
            body_time: consts::BODY_TIME,
            load: Load::default(),
            tally: Arc::default(),
        }
    }
}

/// The middleware. Register it last, so that it is outermost.
#[derive(Debug, Clone)]
pub struct Surface(Shared);

#[derive(Debug, Clone)]
struct Shared {
    settings: Settings,
    limits: Arc<RateLimits>,
    metrics: Arc<Metrics>,
}

impl Surface {
    /// A surface with its limits and counters, shared by all workers.
    #[must_use]
    pub fn new(settings: Settings, limits: Arc<RateLimits>, metrics: Arc<Metrics>) -> Self {
        Self(Shared {
            settings,
            limits,
            metrics,
        })
    }
}

impl<S, B> Transform<S, ServiceRequest> for Surface
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<Watched<EitherBody<B>>>;
    type Error = Error;
    type Transform = SurfaceService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        // One `Rc` per worker: requests of different workers touch no common reference count.
        ready(Ok(SurfaceService {
            service,
            shared: Rc::new(self.0.clone()),
        }))
    }
}

/// Mark of a request that was sent as HEAD and is answered as GET.
struct WasHead;

/// The method that a request was sent with, which is what its sender signed (RFC 9421 section 2.2.1).
#[must_use]
pub fn method_sent(request: &HttpRequest) -> Method {
    if request.extensions().contains::<WasHead>() {
        Method::HEAD
    } else {
        request.method().clone()
    }
}

/// [`Surface`] around a service.
#[derive(Debug)]
pub struct SurfaceService<S> {
    service: S,
    shared: Rc<Shared>,
}

impl<S, B> Service<ServiceRequest> for SurfaceService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<Watched<EitherBody<B>>>;
    type Error = Error;
    type Future = Answering<S::Future, B>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let started = Instant::now();
        let shared = Rc::clone(&self.shared);
        let (address, id) = who(&shared.settings.proxies, &request);
        // RFC 9110 section 9.3.2: HEAD is GET without the body. The encoder remembers that it was HEAD.
        if request.method() == Method::HEAD {
            request.head_mut().method = Method::GET;
            request.extensions_mut().insert(WasHead);
        }
        without_brotli(request.headers_mut());
        let reads = matches!(*request.method(), Method::GET | Method::OPTIONS);
        let connection = request.conn_data::<Rc<Connection>>();
        let working = connection.map(|connection| connection.begin(!is_absent(request.headers())));
        let mut visit = Visit {
            id,
            started,
            hold: Hold {
                working,
                in_flight: None,
            },
            route: shared.metrics.route(request.path(), request.method()),
            reads,
            scripted: request.headers().contains_key(header::ORIGIN),
            long: !reads && shared.settings.long_paths.contains(&request.path()),
            span: (!reads)
                .then(|| tracing::info_span!("request", id = %id, method = %request.method())),
            shared,
        };
        if let Some(response) = visit.early(&request, address) {
            let answer = request.into_response(response).map_into_right_body();
            return Answering {
                visit,
                state: State::Early {
                    answer: Some(answer),
                },
            };
        }
        if !reads {
            request.extensions_mut().insert(visit.arriving(address));
        }
        let future = visit.enter(|| self.service.call(request));
        Answering {
            visit,
            state: State::Working {
                future,
                timer: None,
            },
        }
    }
}

/// Answers are not compressed with Brotli: its encoder takes megabytes for each, gzip's a third of one, and which of them it
/// is would be the client's choice. What it asks for otherwise (RFC 9110 section 12.5.3) stays.
fn without_brotli(headers: &mut HeaderMap) {
    let is_brotli = |item: &str| {
        let coding = item.split(';').next().unwrap_or_default();
        coding.trim().eq_ignore_ascii_case("br")
    };
    let mut rest = Vec::new();
    let mut found = false;
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for item in value.to_str().unwrap_or_default().split(',') {
            if is_brotli(item) {
                found = true;
            } else if !item.trim().is_empty() {
                rest.push(item.trim());
            }
        }
    }
    if !found {
        return;
    }
    // Nothing left means that nothing but the answer as it is will do.
    let rest = if rest.is_empty() {
        "identity".to_owned()
    } else {
        rest.join(", ")
    };
    if let Ok(value) = HeaderValue::from_str(&rest) {
        headers.insert(header::ACCEPT_ENCODING, value);
    }
}

/// The client's address, and the id of the request: a proxy's, if it is trusted.
fn who(proxies: &TrustedProxies, request: &ServiceRequest) -> (IpAddr, RequestId) {
    let peer = request.peer_addr();
    let address = proxies.client(peer, request.headers());
    let given = peer
        .filter(|peer| !proxies.networks.is_empty() && proxies.trust(peer.ip()))
        .and_then(|_| RequestId::given(request.headers().get(&X_REQUEST_ID)?.as_bytes()));
    (address, given.unwrap_or_else(RequestId::mint))
}

/// Marks a request of somebody who is signed in: what they write is logged line by line.
#[derive(Debug)]
pub(crate) struct Known;

/// What is remembered of a request while it is worked on.
struct Visit {
    id: RequestId,
    started: Instant,
    hold: Hold,
    route: Route,
    reads: bool,
    /// Whether a script of some site asks (Fetch section 3.2.1).
    scripted: bool,
    long: bool,
    span: Option<Span>,
    shared: Rc<Shared>,
}

/// What is held for a request until its answer has been handed over, or nobody waits for it.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "they count as long as they are there")]
struct Hold {
    working: Option<Working>,
    in_flight: Option<Share>,
}

pin_project! {
    /// The body of an answer, which counts as being worked on until it has been handed over.
    #[derive(Debug)]
    pub struct Watched<B> {
        #[pin]
        body: B,
        hold: Hold,
    }
}

impl<B: MessageBody> MessageBody for Watched<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.project().body.poll_next(context)
    }
}

pin_project! {
    /// A request that is being answered.
    pub struct Answering<F, B> {
        visit: Visit,
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<F, B> {
        Early { answer: Option<ServiceResponse<EitherBody<B>>> },
        Working { #[pin] future: F, timer: Option<Pin<Box<Sleep>>> },
    }
}

impl<F, B> Future for Answering<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody + 'static,
{
    type Output = Result<ServiceResponse<Watched<EitherBody<B>>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let visit = this.visit;
        let answer = match this.state.project() {
            Projected::Early { answer } => match answer.take() {
                Some(answer) => answer,
                None => return Poll::Pending,
            },
            Projected::Working { future, timer } => match visit.enter(|| future.poll(context)) {
                Poll::Ready(Ok(answer)) => visit.as_problem(answer),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(visit.failed(error))),
                Poll::Pending => {
                    let timer = timer
                        .get_or_insert_with(|| Box::pin(tokio::time::sleep(visit.time_limit())));
                    return timer.as_mut().poll(context).map(|()| {
                        let problem =
                            Problem::new(Code::TimeLimit, "this took longer than allowed")
                                .with_retry_after(5);
                        Err(visit.failed(problem.into()))
                    });
                }
            },
        };
        let answer = visit.finish(answer);
        let hold = std::mem::take(&mut visit.hold);
        Poll::Ready(Ok(answer.map_body(|_, body| Watched { body, hold })))
    }
}

impl Visit {
    fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        match &self.span {
            None => self.id.within(work),
            Some(span) => span.in_scope(|| self.id.within(work)),
        }
    }

    fn time_limit(&self) -> Duration {
        let settings = &self.shared.settings;
        if self.long {
            settings.long_time_limit
        } else {
            settings.time_limit
        }
    }

    /// By what the body of this request is bounded.
    fn arriving(&self, client: IpAddr) -> Arriving {
        let settings = &self.shared.settings;
        Arriving {
            room: Arc::clone(&settings.load.arriving),
            stream_room: Arc::clone(&settings.load.streaming_in),
            client,
            time: settings.body_time,
            stream_time: settings.long_time_limit,
        }
    }

    /// Counts this request for its client where it came through a proxy, whose connections are not counted.
    fn enter_flight(&mut self, request: &ServiceRequest, client: IpAddr) -> Result<(), Problem> {
        let settings = &self.shared.settings;
        let proxied = request
            .peer_addr()
            .is_some_and(|peer| settings.proxies.trust(peer.ip()));
        if !proxied {
            return Ok(());
        }
        self.hold.in_flight = settings.load.in_flight.take(client, 1);
        if self.hold.in_flight.is_some() {
            return Ok(());
        }
        Err(Problem::new(
            Code::RateLimited,
            "too many requests at once: wait for some to be answered",
        )
        .with_retry_after(1))
    }

    /// What can be answered without asking anybody: too many requests, and the browser's question before another site's
    /// script may ask (a preflight, Fetch standard section 3.2.2).
    fn early(&mut self, request: &ServiceRequest, address: IpAddr) -> Option<HttpResponse> {
        let bucket = if self.reads {
            Bucket::Read
        } else {
            Bucket::Write
        };
        let limits = Arc::clone(&self.shared.limits);
        let counted = limits
            .check(bucket, address)
            .and_then(|()| self.enter_flight(request, address));
        if let Err(problem) = counted {
            self.shared.metrics.count_rate_limited();
            return Some(self.id.within(|| problem.error_response()));
        }
        let preflight = *request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        preflight.then(|| {
            let mut response = HttpResponse::NoContent().finish();
            let headers = response.headers_mut();
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, HEAD"),
            );
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static("Accept, Accept-Language, If-None-Match, Lotse-At-Least"),
            );
            headers.insert(
                header::ACCESS_CONTROL_MAX_AGE,
                HeaderValue::from_static("86400"),
            );
            response
        })
    }

    /// An error that has no document yet (of the framework itself) gets one.
    fn as_problem<B: MessageBody>(
        &self,
        answer: ServiceResponse<B>,
    ) -> ServiceResponse<EitherBody<B>> {
        let status = answer.status();
        if status.as_u16() < 400 || !is_bare(answer.headers()) {
            return answer.map_into_left_body();
        }
        let problem = Problem::new(
            Code::of_status(status),
            status.canonical_reason().unwrap_or("refused"),
        );
        let mut document = self.id.within(|| problem.error_response());
        *document.status_mut() = status;
        for (name, value) in answer.headers() {
            if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
                document.headers_mut().append(name.clone(), value.clone());
            }
        }
        answer.into_response(document).map_into_right_body()
    }

    /// An error that passed every handler, as an answer that is ready to be sent.
    fn failed(&self, error: Error) -> Error {
        let mut response = self.id.within(|| error.error_response());
        self.add_headers(response.head_mut().headers_mut());
        self.count(response.status());
        self.log(&response, "-".to_owned(), false);
        actix_web::error::InternalError::from_response(
            Problem::internal("answered before"),
            response,
        )
        .into()
    }

    fn finish<B: MessageBody>(&self, mut answer: ServiceResponse<B>) -> ServiceResponse<B> {
        self.add_headers(answer.headers_mut());
        let (request, response) = (answer.request(), answer.response());
        let took = self.count(response.status());
        let ordinary = self.reads && response.status().as_u16() < 400 && took < consts::SLOW_READ;
        // The usual case pays nothing for the log.
        if !ordinary || tracing::enabled!(tracing::Level::DEBUG) {
            let pattern = request.match_pattern();
            let route = pattern.map_or_else(|| "-".to_owned(), |pattern| readable(&pattern));
            let known = request.extensions().contains::<Known>();
            self.log(response, route, known);
        }
        answer
    }

    fn count(&self, status: StatusCode) -> Duration {
        let took = self.started.elapsed();
        self.shared.metrics.count(self.route, status, took);
        took
    }

    /// The headers that every answer has (RFC 6797; Content Security Policy 3; Fetch section 3.2).
    fn add_headers(&self, headers: &mut HeaderMap) {
        headers.append(X_REQUEST_ID.clone(), self.id.header());
        headers.append(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        // Data leads nowhere and loads nothing: only what a browser shows needs to be told what to keep to itself.
        let data = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|media_type| media_type.as_bytes().starts_with(b"application/"));
        if !data && !headers.contains_key(header::REFERRER_POLICY) {
            headers.append(
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            );
        }
        if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
            headers.append(
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
            );
        }
        if self.shared.settings.https {
            headers.append(
                header::STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_static("max-age=31536000; includeSubDomains"),
            );
        }
        if self.reads {
            // Without credentials: what a script of another site may read is what anybody may read.
            headers.append(
                header::ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_static("*"),
            );
        }
        if self.reads && self.scripted {
            headers.append(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("ETag, Link, Retry-After, Content-Language, X-Request-Id"),
            );
        }
    }

    fn log(&self, response: &HttpResponse<impl MessageBody>, route: String, known: bool) {
        let (status, took) = (response.status(), self.started.elapsed());
        let line = Line {
            id: self.id,
            route,
            reads: self.reads,
            status: status.as_u16(),
            micros: took.as_micros() as u64,
            bytes: match response.body().size() {
                BodySize::Sized(bytes) => bytes,
                BodySize::None | BodySize::Stream => 0,
            },
        };
        if status.as_u16() < 400 {
            return line.write();
        }
        let refused = response.extensions();
        let refused = refused.get::<Refused>();
        let code = refused.map(|refused| refused.code);
        if let Some(code) = code {
            self.shared.metrics.count_refused(code);
        }
        let kind = Kind {
            route: line.route.clone(),
            status: line.status,
            code,
        };
        // What somebody did who is signed in is told line by line.
        let known = known && !self.reads;
        if self.shared.settings.tally.is_first(kind) || known {
            line.write_refused(
                code.map(Code::as_str),
                refused.and_then(|it| it.cause.as_deref()),
            );
        }
    }
}

/// What the log says of a request.
struct Line {
    id: RequestId,
    route: String,
    reads: bool,
    status: u16,
    micros: u64,
    bytes: u64,
}

impl Line {
    fn write(self) {
        let Self {
            id,
            route,
            reads,
            status,
            micros,
            bytes,
        } = self;
        let ordinary = reads && micros < consts::SLOW_READ.as_micros() as u64;
        if ordinary {
            tracing::debug!(request_id = %id, route, reads, status, micros, bytes, "answered");
        } else {
            tracing::info!(request_id = %id, route, reads, status, micros, bytes, "answered");
        }
    }

    fn write_refused(self, code: Option<&str>, cause: Option<&str>) {
        let Self {
            id,
            route,
            reads,
            status,
            micros,
            ..
        } = self;
        if status >= 500 {
            tracing::error!(request_id = %id, route, reads, status, micros, code, cause, "request failed");
        } else {
            tracing::info!(request_id = %id, route, reads, status, micros, code, cause, "request refused");
        }
    }
}

/// Whether an error has neither a problem document nor another body with a type of its own.
fn is_bare(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|media_type| {
        let media_type = media_type.as_bytes();
        media_type.starts_with(b"text/plain")
    })
}

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[cfg(test)]
mod tests {
    use actix_web::http::header::{self, HeaderMap, HeaderValue};

    use super::{readable, without_brotli};

    #[test]
    fn brotli_is_not_among_what_is_asked_for() {
        for (asked, left) in [
            ("gzip, deflate, br, zstd", "gzip, deflate, zstd"),
            ("BR;q=1.0,gzip;q=0.5", "gzip;q=0.5"),
            ("br", "identity"),
            ("brown, gzip", "brown, gzip"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(asked));
            without_brotli(&mut headers);
            let asks = headers.get(header::ACCEPT_ENCODING);
            assert_eq!(
                asks.map(HeaderValue::as_bytes),
                Some(left.as_bytes()),
                "{asked}"
            );
        }
    }

    #[test]
    fn a_route_is_logged_without_the_expressions_of_its_parameters() {
        assert_eq!(
            readable("/api/v1/{collection:a|b}/{id:[0-9]{3}(?:@x)?}/history"),
            "/api/v1/{collection}/{id}/history"
        );
        assert_eq!(readable("/docs/{_:.*}"), "/docs/{_}");
        assert_eq!(readable("/health/live"), "/health/live");
    }
}
