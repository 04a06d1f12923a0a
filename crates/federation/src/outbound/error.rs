//! Why a request to a peer came to nothing.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

/// Why a request to a peer came to nothing. As text it is for the log: it names hosts, addresses and what the peer sent,
/// escaped and cut. Nobody else is shown more than [`public`](Self::public).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The base URL is plain `http`, and the development switch is off.
    #[error("{base} is not https")]
    NotHttps {
        /// The base URL.
        base: String,
    },
    /// The path is not one below the base URL, in its normal form.
    #[error("the path cannot be used: {reason}")]
    UnusablePath {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A header field that is this module's own to set.
    #[error("the header field {name} is not the caller's to set")]
    UnusableHeader {
        /// The field, in lower case.
        name: String,
    },
    /// The host is, or resolves to nothing but, addresses that no peer has.
    #[error("{host} has no address that may be connected to, only {addresses:?}")]
    AddressRefused {
        /// The host, as the base URL has it.
        host: String,
        /// What it is or resolves to.
        addresses: Vec<IpAddr>,
    },
    /// No connection: the name is unknown, nobody listens, or the network is down.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The certificate is not valid for this host, or there is no TLS at the other end.
    #[error("no trustworthy TLS: {0}")]
    Tls(String),
    /// The connection ended before there was an answer.
    #[error("closed without an answer: {0}")]
    Closed(String),
    /// The answer is not HTTP as it should be.
    #[error("not proper HTTP: {0}")]
    Protocol(String),
    /// The answer is a redirection, or anything else with a status of 300 to 399.
    #[error("answered {status}, to {to:?}")]
    Redirect {
        /// The status.
        status: u16,
        /// Where to, cut; empty where it was not said.
        to: String,
    },
    /// The body is longer than it may be.
    #[error("the {form} body is longer than {limit} bytes")]
    TooLarge {
        /// `compressed` for the bytes that came, `unfolded` for what they stand for.
        form: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body unfolds to many times its size.
    #[error("{encoded} bytes unfold to {decoded} or more")]
    Bomb {
        /// Bytes that had come.
        encoded: usize,
        /// Bytes that they stand for.
        decoded: usize,
    },
    /// The body came more slowly than it may.
    #[error("only {received} bytes in {elapsed:?}")]
    TooSlow {
        /// Bytes that had come.
        received: usize,
        /// Since the beginning of the body.
        elapsed: Duration,
    },
    /// Nothing came for too long.
    #[error("silent for {0:?}")]
    Silent(Duration),
    /// The answer was not complete in time.
    #[error("not done after {0:?}")]
    TimedOut(Duration),
    /// The body ended before its end.
    #[error("the body is truncated: {0}")]
    Truncated(String),
    /// The body is encoded in a way that was not asked for, twice, or wrongly.
    #[error("the body's encoding is not usable: {0}")]
    Encoding(String),
    /// The client could not be set up: this machine has no certificates to trust.
    #[error("cannot set up the client: {0}")]
    Setup(String),
}

impl OutboundError {
    /// A name for the reason that never changes, for metrics, stored states and the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotHttps { .. } => "not_https",
            Self::UnusablePath { .. } => "unusable_path",
            Self::UnusableHeader { .. } => "unusable_header",
            Self::AddressRefused { .. } => "address_refused",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Closed(_) => "closed",
            Self::Protocol(_) => "protocol",
            Self::Redirect { .. } => "redirect",
            Self::TooLarge { .. } => "too_large",
            Self::Bomb { .. } => "bomb",
            Self::TooSlow { .. } => "too_slow",
            Self::Silent(_) => "silent",
            Self::TimedOut(_) => "timed_out",
            Self::Truncated(_) => "truncated",
            Self::Encoding(_) => "encoding",
            Self::Setup(_) => "setup",
        }
    }

    /// One sentence that anybody may read: it says nothing about this node's network or what the peer sent.
    #[must_use]
    pub fn public(&self) -> &'static str {
        match self {
            Self::NotHttps { .. } => "The peer's base URL does not begin with https.",
            Self::UnusablePath { .. } | Self::UnusableHeader { .. } | Self::Setup(_) => {
                "This node could not make the request."
            }
            Self::AddressRefused { .. } => "The peer's name does not lead to a public address.",
            Self::Connect(_) => "The peer could not be reached.",
            Self::Tls(_) => "The peer's TLS certificate could not be verified.",
            Self::Closed(_) => "The peer closed the connection without an answer.",
            Self::Protocol(_) => "The peer's answer is not proper HTTP.",
            Self::Redirect { .. } => {
                "The peer redirects to another place; its base URL must be the final one."
            }
            Self::TooLarge { .. } => "The peer's answer is too large.",
            Self::Bomb { .. } => "The peer's answer unfolds to many times its size.",
            Self::TooSlow { .. } => "The peer's answer came too slowly.",
            Self::Silent(_) => "The peer stopped answering.",
            Self::TimedOut(_) => "The peer's answer was not complete in time.",
            Self::Truncated(_) => "The peer's answer is incomplete.",
            Self::Encoding(_) => {
                "The peer's answer is encoded in a way that was not asked for, or wrongly."
            }
        }
    }

    /// All that is known, in one line, for the operator's log only.
    #[must_use]
    pub fn log(&self) -> String {
        format!("{}: {self}", self.code())
    }

    /// Whether the same request may succeed later without anybody changing this node's settings or the peer's software.
    /// An expired certificate counts: it is renewed without a word to us.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Tls(_)
            | Self::Closed(_)
            | Self::TooSlow { .. }
            | Self::Silent(_)
            | Self::TimedOut(_)
            | Self::Truncated(_) => true,
            Self::NotHttps { .. }
            | Self::UnusablePath { .. }
            | Self::UnusableHeader { .. }
            | Self::AddressRefused { .. }
            | Self::Protocol(_)
            | Self::Redirect { .. }
            | Self::TooLarge { .. }
            | Self::Bomb { .. }
            | Self::Encoding(_)
            | Self::Setup(_) => false,
        }
    }

    /// Why no head of an answer came.
    pub(super) fn of_request(error: &reqwest::Error) -> Self {
        let text = chain(error);
        if let Some(refused) = find::<Self>(error) {
            refused.clone()
        } else if error.is_connect() {
            // rustls reports what it refuses as InvalidData; neither TCP nor the resolver does.
            match find_io(error) {
                Some(std::io::ErrorKind::InvalidData) => Self::Tls(text),
                _ => Self::Connect(text),
            }
        } else if find_io(error).is_some() || find::<hyper::Error>(error).is_some_and(ended) {
            Self::Closed(text)
        } else {
            Self::Protocol(text)
        }
    }

    /// Why a body did not come to its end.
    pub(super) fn of_body(error: &reqwest::Error) -> Self {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        let text = chain(error);
        match find_io(error) {
            Some(UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe) => {
                Self::Truncated(text)
            }
            None if find::<hyper::Error>(error).is_some_and(ended) => Self::Truncated(text),
            _ => Self::Protocol(text),
        }
    }
}

fn ended(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}

/// The error and its causes, from the outermost to the innermost.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // The cause of an I/O error is what the error inside was caused by: the error inside has to be taken out.
        match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The kind of the innermost I/O error.
fn find_io(error: &(dyn Error + 'static)) -> Option<std::io::ErrorKind> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .last()
        .map(std::io::Error::kind)
}

/// Bytes of a text of another party that are logged.
const LOGGED: usize = 200;

/// All causes in one line, without control characters, cut.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    // The outermost says only that a request failed, and the URL, which the caller knows.
    for cause in causes(error).skip(1) {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
    }
    shown(&text)
}

/// A text of another party as it may be logged.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .flat_map(char::escape_default)
        .take(LOGGED)
        .collect()
}
