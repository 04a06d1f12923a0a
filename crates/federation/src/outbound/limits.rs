//! How much of an answer a node takes in, and how long it waits for it.

use std::time::Duration;

/// How long a connection to a peer may take to stand, its name looked up and its certificate checked.
pub const CONNECT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next request. Shorter than the 60 s for which a Lotse node keeps it, so that a
/// request seldom meets a connection that is just being closed.
pub const POOL_IDLE: Duration = Duration::from_secs(20);

/// Connections kept for the next request, for each peer: feeds are read one page after the other.
pub const POOL_PER_PEER: usize = 2;

/// Header fields of an answer. In bytes a head is bounded by hyper, at some 400 KiB.
pub const HEADER_FIELDS: usize = 100;

/// Bytes that are kept of the body of an answer that is not a success: enough for a problem report.
pub const REFUSAL: usize = 16 * KIB;

/// Bytes up to which a body may be compressed as well as it likes: a short text of repetitions unfolds a thousandfold.
pub const RATIO_FREE: usize = MIB;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The limits of one answer. Whoever asks chooses them by what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body as they come, compressed.
    pub encoded: usize,
    /// Bytes of the body as it is, decompressed.
    pub decoded: usize,
    /// How many times as long as its compressed form a body may be, once it is longer than [`RATIO_FREE`].
    pub ratio: u32,
    /// Time from the request to the end of the answer, all included.
    pub total: Duration,
    /// Time without a byte of the body. For the head of the answer it begins when [`CONNECT`] is over.
    pub idle: Duration,
    /// The least rate of a compressed body, on average since its beginning. It holds once `idle` has passed, so that a
    /// start that is slow breaks nothing.
    pub bytes_per_second: u64,
}

impl Limits {
    /// For a page of a feed.
    pub const PAGE: Self = Self {
        encoded: 8 * MIB,
        decoded: 32 * MIB,
        ratio: 60,
        total: Duration::from_secs(60),
        idle: Duration::from_secs(10),
        bytes_per_second: 4 * KIB as u64,
    };

    /// For one document: a head, an identity, the answer to a hint.
    pub const SMALL: Self = Self {
        encoded: 256 * KIB,
        decoded: 256 * KIB,
        ratio: 60,
        total: Duration::from_secs(10),
        idle: Duration::from_secs(10),
        bytes_per_second: 4 * KIB as u64,
    };

    /// The same for an answer that is not a success.
    pub(super) fn of_refusal(self) -> Self {
        Self {
            encoded: self.encoded.min(REFUSAL),
            decoded: self.decoded.min(REFUSAL),
            ..self
        }
    }
}
