//! The one reader of request bodies. Every body of every surface arrives through it: content type, content coding, declared
//! length, counted bytes, time, and the memory of all bodies together are looked at here and nowhere else.
//!
//! The framework's own extractors (`Bytes`, `String`, `Json`, `Form`, `Payload`) unfold a compressed body before they count
//! it, or count nothing: no handler may take them.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::consts;
use crate::load::{Share, Shares, busy};
use crate::problem::{Code, Problem};

/// The future of an extractor that reads a body.
pub type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// By what the bodies of a request are bounded. The surface leaves it with each request that may have one.
#[derive(Debug, Clone)]
pub(crate) struct Arriving {
    /// The memory of all bodies that are read as a whole.
    pub(crate) room: Arc<Shares>,
    /// The memory of what is kept of streams.
    pub(crate) stream_room: Arc<Shares>,
    /// Who sends it.
    pub(crate) client: IpAddr,
    /// How long a whole body may take, and how long a stream may pause.
    pub(crate) time: Duration,
    /// How long a stream may take.
    pub(crate) stream_time: Duration,
}

/// The whole body of at most `limit` bytes, if its media type (RFC 9110 section 8.3.1, without parameters) `fits`. Its
/// memory counts until the request has been answered.
///
/// The head alone is looked at when this is called, and nothing is read before the future is polled: extractors that refuse
/// by the head go first wherever they stand among a handler's arguments.
///
/// # Errors
/// The future gives 415, 413, 408 or 400 for what the body is, 503 `busy` where there is no room for it.
pub fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
    fits: fn(&str) -> bool,
) -> impl Future<Output = Result<Bytes, Problem>> + use<> {
    let body = BodyStream::open(request, payload, Some(limit), fits);
    let request = request.clone();
    async move {
        let (bytes, room) = body?.whole(limit).await?;
        request.extensions_mut().insert(Held(room));
        Ok(bytes)
    }
}

/// Keeps a body's room as long as its request.
struct Held(#[expect(dead_code, reason = "counts as long as it is there")] Share);

/// A body that is read piece by piece. It holds one piece at a time; who keeps more counts it by itself.
pub struct BodyStream {
    payload: Payload,
    room: Share,
    declared: usize,
    /// The longest pause.
    pause: Duration,
    until: Instant,
    ended: bool,
    /// Hears when the body has been read.
    connection: Option<Rc<Connection>>,
}

impl BodyStream {
    fn open(
        request: &HttpRequest,
        payload: &mut Payload,
        limit: Option<usize>,
        fits: fn(&str) -> bool,
    ) -> Result<Self, Problem> {
        let declared = check_head(request.headers(), request.content_type(), limit, fits)?;
        let arriving = request.extensions().get::<Arriving>().cloned();
        let arriving =
            arriving.ok_or_else(|| Problem::internal("a body without a surface around it"))?;
        let (room, time) = match limit {
            Some(_) => (arriving.room, arriving.time),
            None => (arriving.stream_room, arriving.stream_time),
        };
        Ok(Self {
            payload: payload.take(),
            room: room.none_for(arriving.client),
            declared,
            pause: arriving.time,
            until: Instant::now() + time,
            ended: false,
            connection: request.conn_data::<Rc<Connection>>().cloned(),
        })
    }

    /// The next piece; none at the end and after an error.
    ///
    /// # Errors
    /// 408 `body_too_slow` after a pause that is too long, or when the whole takes too long; 400 when the connection ends.
    pub async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        if self.ended {
            return None;
        }
        let until = self.until.min(Instant::now() + self.pause);
        let piece = {
            let (payload, room) = (&mut self.payload, &mut self.room);
            let mut piece = pin!(next_until(payload, until));
            let connection = self.connection.as_ref();
            // What was kept so far of a body that does not arrive yields to others, and so does its connection.
            let mut may_wait = |context: &Context<'_>| {
                room.wait(context)
                    && connection.is_none_or(|connection| connection.may_wait(context))
            };
            poll_fn(|context| match piece.as_mut().poll(context) {
                Poll::Pending if !may_wait(context) => Poll::Ready(Some(Err(closing(busy())))),
                polled => polled,
            })
            .await
        };
        if !matches!(piece, Some(Ok(_))) {
            self.stop();
        }
        piece
    }

    /// Reads nothing more.
    pub fn stop(&mut self) {
        self.ended = true;
        self.payload = Payload::None;
        if let Some(connection) = self.connection.take() {
            connection.body_is_read();
        }
    }

    /// Counts so many bytes that are kept of this body, until it is dropped.
    ///
    /// # Errors
    /// 503 `busy` where there is no room for them.
    pub fn keep(&mut self, bytes: usize) -> Result<(), Problem> {
        self.room.grow(bytes).then_some(()).ok_or_else(busy)
    }

    /// All pieces together, if they are no more than `limit` bytes.
    async fn whole(mut self, limit: usize) -> Result<(Bytes, Share), Problem> {
        // What the head claims is no reason to allocate it.
        let mut body = BytesMut::with_capacity(self.declared.min(consts::BODY_CAPACITY));
        // In one piece, most of the time.
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if body.len() + piece.len() > limit {
                return Err(too_large(limit));
            }
            self.keep(piece.len())?;
            body.extend_from_slice(&piece);
        }
        if !self.room.go_on() {
            return Err(closing(busy()));
        }
        Ok((body.freeze(), self.room))
    }
}

impl std::fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BodyStream")
    }
}

/// A body of JSON lines, read piece by piece.
#[derive(Debug)]
pub struct JsonLines(pub BodyStream);

impl FromRequest for JsonLines {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(BodyStream::open(request, payload, None, is_json_lines).map(Self))
    }
}

/// The media types of JSON lines; none of them is registered.
fn is_json_lines(media_type: &str) -> bool {
    [
        "application/x-ndjson",
        "application/jsonl",
        "application/json-lines",
        "application/x-jsonlines",
    ]
    .iter()
    .any(|known| media_type.trim().eq_ignore_ascii_case(known))
}

/// Whether a request has no body: neither a length nor a transfer coding (RFC 9112 section 6.3).
#[must_use]
pub fn is_absent(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    length.is_none_or(|length| length.as_bytes() == b"0")
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// The next piece of a body, if it arrives in time. Whoever is slower is told so, and that this connection ends (RFC 9110
/// section 15.5.9).
async fn next_until<S, E>(pieces: &mut S, until: Instant) -> Option<Result<Bytes, Problem>>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let Ok(piece) = tokio::time::timeout_at(until, pieces.next()).await else {
        let problem = Problem::new(Code::BodyTooSlow, "this body took too long to arrive");
        return Some(Err(closing(problem)));
    };
    piece.map(|piece| {
        piece.map_err(|error| {
            Problem::new(Code::BadRequest, "the body did not arrive whole")
                .with_log(error.to_string())
        })
    })
}

fn closing(problem: Problem) -> Problem {
    problem.with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// What the head says of the body: its length, when it is known.
fn check_head(
    headers: &HeaderMap,
    media_type: &str,
    limit: Option<usize>,
    fits: fn(&str) -> bool,
) -> Result<usize, Problem> {
    if !fits(media_type) || headers.get_all(header::CONTENT_TYPE).count() > 1 {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "this content type is not read here",
        ));
    }
    let plain = |value: &HeaderValue, plain: &[u8]| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(plain))
    };
    // RFC 9110 section 12.5.3: with 415 this header says which content codings would have done.
    if !headers
        .get_all(header::CONTENT_ENCODING)
        .all(|value| plain(value, b"identity"))
    {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "send the body without a content coding",
        )
        .with_header(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        ));
    }
    if !headers
        .get_all(header::TRANSFER_ENCODING)
        .all(|value| plain(value, b"chunked"))
    {
        return Err(Problem::new(
            Code::BadRequest,
            "the only transfer coding that is read here is chunked",
        ));
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(0);
    match limit {
        Some(limit) if length > limit => Err(too_large(limit)),
        _ => Ok(length),
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("at most {limit} bytes are read here"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                header::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        headers
    }

    fn refused(lines: &[(&'static str, &'static str)]) -> Option<Code> {
        check_head(&headers(lines), "application/json", Some(100), |_| true)
            .err()
            .map(|problem| problem.code())
    }

    #[actix_web::test]
    async fn a_body_that_arrives_too_slowly_is_told_so() {
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        let mut trickling = first.chain(futures_util::stream::pending());
        let until = Instant::now() + Duration::from_millis(20);
        assert!(matches!(
            next_until(&mut trickling, until).await,
            Some(Ok(_))
        ));
        let problem = next_until(&mut trickling, until)
            .await
            .expect("an answer")
            .expect_err("too slow");
        assert_eq!(problem.code(), Code::BodyTooSlow);
        let answer = actix_web::ResponseError::error_response(&problem);
        assert_eq!(answer.status().as_u16(), 408);
        let connection = answer.headers().get(header::CONNECTION);
        assert_eq!(connection, Some(&HeaderValue::from_static("close")));
    }

    #[test]
    fn codings_are_refused_however_they_are_written() {
        let coded = Some(Code::UnsupportedMediaType);
        for lines in [
            &[("content-encoding", "gzip")] as &[_],
            &[("content-encoding", "Brotli")],
            &[("content-encoding", "identity, gzip")],
            &[("content-encoding", "identity ,\tdeflate, identity")],
            &[("content-encoding", "identity"), ("content-encoding", "br")],
        ] {
            assert_eq!(refused(lines), coded, "{lines:?}");
        }
        for lines in [
            &[] as &[_],
            &[("content-encoding", "identity")],
            &[("content-encoding", "IDENTITY, ")],
            &[("transfer-encoding", "Chunked")],
        ] {
            assert_eq!(refused(lines), None, "{lines:?}");
        }
        let transfer = [("transfer-encoding", "gzip, chunked")];
        assert_eq!(refused(&transfer), Some(Code::BadRequest));
        let types = [("content-type", "a/b"), ("content-type", "a/b")];
        assert_eq!(refused(&types), coded);
        assert_eq!(
            refused(&[("content-length", "101")]),
            Some(Code::BodyTooLarge)
        );
    }
}
