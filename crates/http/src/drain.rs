//! An orderly end: what is being answered is answered to its end, what comes after is refused, and no connection is kept.
//!
//! It has a place of its own, inside of [`crate::surface`], so that refusals look like all others.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::{ConnectionType, header};
use actix_web::{Error, HttpResponse, ResponseError as _};
use bytes::Bytes;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::problem::{Code, Problem};

/// What stays open while the node ends: the process lives, and its counters can still be read.
const OPEN: &[&str] = &["/health/live", "/metrics"];
/// Where it is asked whether the node can do its work.
const READY: &str = "/health/ready";
/// Seconds after which whoever is refused may try again: a restart takes about so long.
const RETRY_AFTER: u64 = 5;
/// For how long nothing may be in the middle of being answered before the node closes its port. What was sent before the
/// signal is on its way through the kernel's queue and the workers' for a moment.
const QUIET: Duration = Duration::from_millis(250);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

/// Whether this node ends, and what it is in the middle of answering. Cloning shares it; as middleware it counts.
#[derive(Debug, Clone, Default)]
pub struct Drain(Arc<State>);

#[derive(Debug, Default)]
struct State {
    ending: AtomicBool,
    /// One for each worker, so that workers touch no common counter.
    workers: Mutex<Vec<Arc<Counted>>>,
}

/// Requests of one worker since the start.
#[derive(Debug, Default)]
struct Counted {
    begun: AtomicU64,
    done: AtomicU64,
}

impl Drain {
    /// From now on new requests are refused (503 `ending`), and every answer closes its connection.
    pub fn begin(&self) {
        self.0.ending.store(true, Ordering::SeqCst);
    }

    /// Whether that has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.ending.load(Ordering::SeqCst)
    }

    /// Requests that have begun so far, and how many of them are not answered to the end.
    #[must_use]
    pub fn requests(&self) -> (u64, u64) {
        let workers = self.0.workers.lock();
        workers.iter().fold((0, 0), |(begun, open), worker| {
            // In this order, so that none counts as done that has not begun.
            let done = worker.done.load(Ordering::SeqCst);
            let all = worker.begun.load(Ordering::SeqCst);
            (begun + all, open + all.saturating_sub(done))
        })
    }

    /// Waits until everything is answered that had begun, but not beyond `deadline`; returns how many are not.
    pub async fn until_quiet(&self, deadline: Instant) -> u64 {
        let mut since = Instant::now();
        let mut known = 0;
        loop {
            let (begun, open) = self.requests();
            if open > 0 || begun != known {
                since = Instant::now();
            }
            known = begun;
            if since.elapsed() >= QUIET || Instant::now() >= deadline {
                return open;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Drain
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<Watched<B>>>;
    type Error = Error;
    type Transform = DrainService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let counted = Arc::new(Counted::default());
        self.0.workers.lock().push(Arc::clone(&counted));
        ready(Ok(DrainService {
            service,
            state: Arc::clone(&self.0),
            counted,
        }))
    }
}

/// [`Drain`] around a service.
#[derive(Debug)]
pub struct DrainService<S> {
    service: S,
    state: Arc<State>,
    counted: Arc<Counted>,
}

impl<S, B> Service<ServiceRequest> for DrainService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<Watched<B>>>;
    type Error = Error;
    type Future = Draining<S::Future, B>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        // Counted before it is looked whether the node ends, so that whoever ends it either sees it or it is refused.
        let mut open = Some(Open::new(&self.counted));
        if self.state.ending.load(Ordering::SeqCst) {
            // What comes now is answered at once: who asks again and again may not keep the node from ending.
            if let Some(open) = open.take() {
                open.uncount();
            }
            if !OPEN.contains(&request.path()) {
                let refusal = refusal(&request);
                return Draining::Refused {
                    answer: Some(request.into_response(refusal).map_into_right_body()),
                };
            }
        }
        Draining::Working {
            future: self.service.call(request),
            open,
            state: Arc::clone(&self.state),
        }
    }
}

fn refusal(request: &ServiceRequest) -> HttpResponse {
    let mut response = if request.path() == READY {
        HttpResponse::ServiceUnavailable()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::RETRY_AFTER, RETRY_AFTER))
            .json(serde_json::json!({"status": "ending"}))
    } else {
        Problem::new(Code::Ending, "this node is about to end; it may come back")
            .with_retry_after(RETRY_AFTER)
            .error_response()
    };
    response
        .head_mut()
        .set_connection_type(ConnectionType::Close);
    response
}

/// A request that is not answered to the end.
#[derive(Debug)]
struct Open {
    counted: Arc<Counted>,
    counts: bool,
}

impl Open {
    fn new(counted: &Arc<Counted>) -> Self {
        counted.begun.fetch_add(1, Ordering::SeqCst);
        Self {
            counted: Arc::clone(counted),
            counts: true,
        }
    }

    /// It was none after all.
    fn uncount(mut self) {
        self.counts = false;
        self.counted.begun.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.counts {
            self.counted.done.fetch_add(1, Ordering::SeqCst);
        }
    }
}

pin_project! {
    /// A request that is being answered, or refused because the node ends.
    #[project = Projected]
    #[expect(missing_docs, reason = "nobody but the middleware looks inside")]
    pub enum Draining<F, B> {
        Refused { answer: Option<ServiceResponse<EitherBody<Watched<B>>>> },
        Working { #[pin] future: F, open: Option<Open>, state: Arc<State> },
    }
}

impl<F, B> Future for Draining<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody + 'static,
{
    type Output = Result<ServiceResponse<EitherBody<Watched<B>>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending,
            },
            Projected::Working {
                future,
                open,
                state,
            } => future.poll(context).map(|answer| {
                let mut answer = answer?;
                if state.ending.load(Ordering::SeqCst) {
                    let head = answer.response_mut().head_mut();
                    head.set_connection_type(ConnectionType::Close);
                }
                let open = open.take();
                Ok(answer.map_body(|_, body| EitherBody::left(Watched { body, open })))
            }),
        }
    }
}

pin_project! {
    /// A body whose request counts as open until it is written.
    pub struct Watched<B> {
        #[pin]
        body: B,
        open: Option<Open>,
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

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        let Self { body, open } = self;
        body.try_into_bytes().map_err(|body| Self { body, open })
    }
}
