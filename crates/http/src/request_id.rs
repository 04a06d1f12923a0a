//! A name for each request: in its answer, in its problem document and in its log lines.

use std::cell::Cell;
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::HeaderValue;

use crate::consts;

/// The name of one request: 16 hexadecimal digits, or what a trusted proxy called it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    length: u8,
    bytes: [u8; consts::REQUEST_ID],
}

/// Where this process starts counting: random, so that two processes hardly ever share an id.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(rand::random()));

thread_local! {
    /// The request that this thread works on. One worker polls one request at a time.
    static CURRENT: Cell<Option<RequestId>> = const { Cell::new(None) };
}

impl RequestId {
    /// A new id, unique in this process: a bijective mix (SplitMix64) of a counter.
    #[must_use]
    pub fn mint() -> Self {
        let mut z = NEXT.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let mut bytes = [0; consts::REQUEST_ID];
        for (place, digit) in bytes
            .iter_mut()
            .zip((0..16).map(|i| (z >> (60 - 4 * i)) & 0xf))
        {
            *place = b"0123456789abcdef"
                .get(digit as usize)
                .copied()
                .unwrap_or(b'0');
        }
        Self { length: 16, bytes }
    }

    /// An id that was given, when it is short and plain.
    #[must_use]
    pub fn given(value: &[u8]) -> Option<Self> {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let length = u8::try_from(value.len()).ok()?;
        if value.len() < 8 || value.len() > consts::REQUEST_ID || !value.iter().all(plain) {
            return None;
        }
        let mut bytes = [0; consts::REQUEST_ID];
        for (place, byte) in bytes.iter_mut().zip(value) {
            *place = *byte;
        }
        Some(Self { length, bytes })
    }

    /// The request that this thread is working on, if any. Inside a task or thread of its own there is none.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self
            .bytes
            .get(..usize::from(self.length))
            .unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(self.as_str()).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    /// Runs `work` as part of this request.
    pub(crate) fn within<R>(self, work: impl FnOnce() -> R) -> R {
        let before = CURRENT.replace(Some(self));
        let result = work();
        CURRENT.set(before);
        result
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn minted_ids_differ_and_are_sixteen_hexadecimal_digits() {
        let ids: std::collections::HashSet<String> =
            (0..10_000).map(|_| RequestId::mint().to_string()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(
            ids.iter()
                .all(|id| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        );
    }

    #[test]
    fn a_given_id_must_be_short_and_plain() {
        assert_eq!(
            RequestId::given(b"abc-DEF_1.2")
                .map(|id| id.to_string())
                .as_deref(),
            Some("abc-DEF_1.2")
        );
        for bad in [
            &b"short"[..],
            b"with space in",
            b"newline\nnewline",
            b"\"quoted-id\"",
            &[b'a'; 37],
        ] {
            assert_eq!(RequestId::given(bad), None);
        }
    }
}
