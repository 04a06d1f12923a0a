//! Reading a body under limits, while it comes and while it unfolds.
//!
//! Decompression is done here and not by the client: a few bytes may stand for gigabytes, and only who counts both sides
//! at every step notices in time.

use std::io::{self, Write};

use flate2::write::GzDecoder;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use tokio::time::{Instant, timeout};

use super::error::shown;
use super::limits::RATIO_FREE;
use super::{Limits, OutboundError};

const COMPRESSED: &str = "compressed";
const UNFOLDED: &str = "unfolded";

/// Reads the body of a success.
///
/// # Errors
/// Whatever is wrong with it, see [`OutboundError`]; what had come until then is dropped.
pub(super) async fn of_success(
    mut response: Response,
    headers: &HeaderMap,
    limits: Limits,
) -> Result<Vec<u8>, OutboundError> {
    if response.status().as_u16() == 204 {
        return Ok(Vec::new());
    }
    let announced = framing(headers)?;
    if announced.is_some_and(|length| length > limits.encoded as u64) {
        return Err(too_large(COMPRESSED, limits.encoded));
    }
    let mut body = Body::of(headers, limits)?;
    body.read(&mut response).await?;
    body.finish()
}

/// Reads the beginning of the body of an answer that is not a success. What is beyond the limit is cut off: the status is
/// what matters, and the page that a proxy puts around a 503 must not hide it.
///
/// # Errors
/// As for a success, except for the length.
pub(super) async fn of_refusal(
    mut response: Response,
    headers: &HeaderMap,
    limits: Limits,
) -> Result<Vec<u8>, OutboundError> {
    let mut body = Body::of(headers, limits.of_refusal())?;
    match body.read(&mut response).await {
        Ok(()) => body.finish(),
        Err(OutboundError::TooLarge { .. }) => Ok(body.into_bytes()),
        Err(error) => Err(error),
    }
}

/// Whether the head says where the body ends; its length, if that is how.
///
/// A body that ends where the connection ends cannot be told from a truncated one. Length and chunks together are how
/// requests get smuggled (RFC 9112, section 6.3); of other transfer codings we asked for none.
fn framing(headers: &HeaderMap) -> Result<Option<u64>, OutboundError> {
    let wrong = |text: &str| Err(OutboundError::Protocol(text.to_owned()));
    match (headers.get(CONTENT_LENGTH), headers.get(TRANSFER_ENCODING)) {
        (Some(length), None) => match length.to_str().ok().and_then(|it| it.parse().ok()) {
            Some(length) => Ok(Some(length)),
            None => wrong("the length is not a number"),
        },
        (None, Some(coding)) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(None),
        (None, Some(_)) => wrong("a transfer coding that was not asked for"),
        (Some(_), Some(_)) => wrong("both a length and a transfer coding"),
        (None, None) => wrong("the head does not say where the body ends"),
    }
}

/// A body as it grows.
struct Body {
    unfold: Unfold,
    limits: Limits,
    received: usize,
}

enum Unfold {
    Identity(Store),
    Gzip(Box<GzDecoder<Store>>),
}

impl Body {
    fn of(headers: &HeaderMap, limits: Limits) -> Result<Self, OutboundError> {
        let store = Store {
            bytes: Vec::new(),
            encoded: 0,
            limits,
            refused: None,
        };
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let unfold = match (codings.next(), codings.next()) {
            (None, _) => Unfold::Identity(store),
            (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"identity") => {
                Unfold::Identity(store)
            }
            (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"gzip") => {
                Unfold::Gzip(Box::new(GzDecoder::new(store)))
            }
            (Some(one), None) => return Err(OutboundError::Encoding(shown(&format!("{one:?}")))),
            (Some(_), Some(_)) => return Err(OutboundError::Encoding("more than one".to_owned())),
        };
        Ok(Self {
            unfold,
            limits,
            received: 0,
        })
    }

    /// Takes in all that comes.
    async fn read(&mut self, response: &mut Response) -> Result<(), OutboundError> {
        let begun = Instant::now();
        loop {
            let chunk = timeout(self.limits.idle, response.chunk())
                .await
                .map_err(|_| OutboundError::Silent(self.limits.idle))?
                .map_err(|error| OutboundError::of_body(&error))?;
            let Some(chunk) = chunk else { return Ok(()) };
            self.take(&chunk)?;
            self.check_rate(begun)?;
        }
    }

    /// Takes in some bytes as they came.
    fn take(&mut self, chunk: &[u8]) -> Result<(), OutboundError> {
        // Of a chunk that is too long the allowed part is taken all the same, for those who want the beginning.
        let allowed = chunk
            .len()
            .min(self.limits.encoded.saturating_sub(self.received));
        self.received = self.received.saturating_add(chunk.len());
        self.store_mut().encoded = self.received;
        let written = match &mut self.unfold {
            Unfold::Identity(store) => store.write_all(&chunk[..allowed]),
            Unfold::Gzip(decoder) => decoder.write_all(&chunk[..allowed]),
        };
        written.map_err(|error| self.reason(&error))?;
        if allowed < chunk.len() {
            return Err(too_large(COMPRESSED, self.limits.encoded));
        }
        Ok(())
    }

    fn check_rate(&self, begun: Instant) -> Result<(), OutboundError> {
        let elapsed = begun.elapsed();
        let due = u128::from(self.limits.bytes_per_second) * elapsed.as_millis() / 1000;
        if elapsed > self.limits.idle && (self.received as u128) < due {
            return Err(OutboundError::TooSlow {
                received: self.received,
                elapsed,
            });
        }
        Ok(())
    }

    /// The whole body, when all has come.
    fn finish(mut self) -> Result<Vec<u8>, OutboundError> {
        if let Unfold::Gzip(decoder) = &mut self.unfold
            && let Err(error) = decoder.try_finish()
        {
            return Err(self.reason(&error));
        }
        Ok(self.into_bytes())
    }

    fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(&mut self.store_mut().bytes)
    }

    /// Why a write failed: because the store refused, else because what came is not what it says it is. A second member
    /// or anything else behind the end of the compressed data is refused by the decoder.
    fn reason(&mut self, error: &io::Error) -> OutboundError {
        self.store_mut()
            .refused
            .take()
            .unwrap_or_else(|| OutboundError::Encoding(format!("gzip: {error}")))
    }

    fn store_mut(&mut self) -> &mut Store {
        match &mut self.unfold {
            Unfold::Identity(store) => store,
            Unfold::Gzip(decoder) => decoder.get_mut(),
        }
    }
}

/// Where unfolded bytes go, and are counted. The decoder hands them over 32 KiB at a time.
struct Store {
    bytes: Vec<u8>,
    /// Bytes that have come so far.
    encoded: usize,
    limits: Limits,
    /// Why no more is taken.
    refused: Option<OutboundError>,
}

impl Write for Store {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let after = self.bytes.len().saturating_add(part.len());
        let ratio = self.limits.ratio as usize;
        if after > RATIO_FREE && after > self.encoded.saturating_mul(ratio) {
            self.refused = Some(OutboundError::Bomb {
                encoded: self.encoded,
                decoded: after,
            });
            return Err(io::Error::other("bomb"));
        }
        let room = self.limits.decoded.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
        if part.len() > room {
            self.refused = Some(too_large(UNFOLDED, self.limits.decoded));
            return Err(io::Error::other("too large"));
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_large(form: &'static str, limit: usize) -> OutboundError {
    OutboundError::TooLarge { form, limit }
}

#[cfg(test)]
mod tests;
