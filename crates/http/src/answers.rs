//! The memory of answers that are on their way: counted from when they are made until they have been handed over.
//!
//! An answer that is not taken stays in memory. So the bytes of all answers are bounded, for each client and in all, and so
//! are answers that are made while they are sent, which hold on to the state of the directory that they began with. Where
//! there is no room, the answer that has stood still the longest yields ([`Connection::sends`]).

use std::cell::RefCell;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::{Method, header};
use actix_web::{Error, ResponseError};
use bytes::Bytes;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::client::TrustedProxies;
use crate::connection::Connection;
use crate::consts;
use crate::load::{Load, Share, busy};

/// The middleware. Register it first, so that it is innermost and sees answers before they are compressed.
#[derive(Debug, Clone)]
pub struct Answers {
    /// What all requests share.
    pub load: Load,
    /// Proxies in front.
    pub proxies: TrustedProxies,
    /// How long an answer may take to be handed over.
    pub time: Duration,
}

impl<S, B> Transform<S, ServiceRequest> for Answers
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = AnswersService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(AnswersService {
            service,
            answers: Rc::new(self.clone()),
        }))
    }
}

/// [`Answers`] around a service.
#[derive(Debug)]
pub struct AnswersService<S> {
    service: S,
    answers: Rc<Answers>,
}

impl<S, B> Service<ServiceRequest> for AnswersService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Counting<S::Future>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        Counting {
            future: self.service.call(request),
            answers: Rc::clone(&self.answers),
        }
    }
}

pin_project! {
    /// An answer that is being made.
    pub struct Counting<F> {
        #[pin]
        future: F,
        answers: Rc<Answers>,
    }
}

impl<F, B> Future for Counting<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody + 'static,
{
    type Output = Result<ServiceResponse<BoxBody>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.future
            .poll(context)
            .map_ok(|answer| this.answers.count(answer))
    }
}

impl Answers {
    fn count<B: MessageBody + 'static>(
        &self,
        answer: ServiceResponse<B>,
    ) -> ServiceResponse<BoxBody> {
        let request = answer.request();
        let (shares, amount) = match answer.response().body().size() {
            BodySize::Sized(bytes) if bytes > consts::ANSWER_BYTES_FREE => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                let compressed = request.headers().contains_key(header::ACCEPT_ENCODING);
                let encoder = if compressed { consts::ENCODER_BYTES } else { 0 };
                (&self.load.leaving, bytes.saturating_add(encoder))
            }
            BodySize::Stream if *request.method() == Method::GET => (&self.load.exports, 1),
            _ => return answer.map_into_boxed_body(),
        };
        let client = self.proxies.client(request.peer_addr(), request.headers());
        let Some(share) = shares.take(client, amount) else {
            return answer.into_response(busy().error_response());
        };
        let share = Rc::new(RefCell::new(share));
        if let Some(connection) = request.conn_data::<Rc<Connection>>() {
            connection.sends(&share);
        }
        let until = Instant::now() + self.time;
        answer.map_body(|_, body| BoxBody::new(Counted::new(body, share, until)))
    }
}

pin_project! {
    /// A body that is counted until it has been handed over, in pieces.
    struct Counted<B> {
        #[pin]
        body: B,
        size: BodySize,
        piece: Bytes,
        until: Instant,
        share: Rc<RefCell<Share>>,
    }
}

impl<B: MessageBody> Counted<B> {
    fn new(body: B, share: Rc<RefCell<Share>>, until: Instant) -> Self {
        Self {
            size: body.size(),
            body,
            piece: Bytes::new(),
            until,
            share,
        }
    }
}

impl<B: MessageBody> MessageBody for Counted<B> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        if Instant::now() > *this.until {
            return Poll::Ready(Some(Err("the answer was not taken in time".into())));
        }
        if this.piece.is_empty() {
            match std::task::ready!(this.body.poll_next(context)) {
                Some(Ok(piece)) => *this.piece = piece,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            }
        }
        let length = this.piece.len().min(consts::PIECE_BYTES);
        Poll::Ready(Some(Ok(this.piece.split_to(length))))
    }
}
