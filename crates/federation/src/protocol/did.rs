//! The identity of a node: a decentralised identifier of the method `did:web`.
//!
//! <https://w3c-ccg.github.io/did-method-web/>: the identifier is the host of the node's base URL; the colon before a
//! port is percent-encoded; the segments of a path follow, each after a colon. The DID document lies at
//! `/.well-known/did.json`, or at `did.json` below the path where there is one.
//!
//! The method always means `https`. A base URL with plain `http` gets the same identifier as one with `https`, which is
//! for trying things out on one machine only: whoever turns an identifier back into an [`Origin`] gets `https`.

use std::fmt;
use std::str::FromStr;

use domain::Origin;

/// Bytes of an identifier: as long as a base URL may be, with every byte of it escaped.
pub const MAX_BYTES: usize = 3 * domain::limits::URL;

/// The `did:web` of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DidWeb(String);

/// Why a text is no `did:web` of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DidError {
    /// Another method, or no DID at all.
    #[error("expected an identifier that begins with did:web:")]
    Method,
    /// Longer than [`MAX_BYTES`].
    #[error("the identifier is too long")]
    TooLong,
    /// It does not stand for a base URL, or not in the one spelling that it has.
    #[error("the identifier does not name a host, in lower case, with an optional port and path")]
    Form,
}

impl DidWeb {
    /// The identifier of the node at `origin`.
    ///
    /// # Errors
    /// [`DidError::Form`] for an origin that the method cannot name: a host that is an IPv6 address (its colons would
    /// read as a path), or plain `http` at the port of `https`, which would be another spelling of what is there.
    pub fn of(origin: &Origin) -> Result<Self, DidError> {
        if !origin.is_https() && origin.host().ends_with(":443") {
            return Err(DidError::Form);
        }
        let mut segments = origin.node().split('/');
        let host = segments.next().unwrap_or_default();
        if host.starts_with('[') {
            return Err(DidError::Form);
        }
        let mut did = format!("did:web:{}", host.replace(':', "%3A"));
        for segment in segments {
            did.push(':');
            push_segment(&mut did, segment);
        }
        Ok(Self(did))
    }

    /// The base URL of the node, which is always `https`.
    ///
    /// # Errors
    /// [`DidError::Form`] where the identifier names no base URL.
    pub fn origin(&self) -> Result<Origin, DidError> {
        let rest = self.0.strip_prefix("did:web:").ok_or(DidError::Method)?;
        let mut segments = rest.split(':');
        let host = segments.next().unwrap_or_default();
        let mut url = format!("https://{}", host.replacen("%3A", ":", 1));
        for segment in segments {
            if segment.is_empty() {
                return Err(DidError::Form);
            }
            url.push('/');
            url.push_str(segment);
        }
        url.parse().map_err(|_| DidError::Form)
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Adds a path segment of a URL. What a DID cannot hold as it is (DID Core section 3.1: letters, digits, `.`, `-`, `_`
/// and escapes) is percent-encoded; escapes of the URL stay as they are.
fn push_segment(did: &mut String, segment: &str) {
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'%' => {
                did.push(char::from(byte));
            }
            other => did.push_str(&format!("%{other:02X}")),
        }
    }
}

impl fmt::Display for DidWeb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DidWeb {
    type Err = DidError;

    /// Takes the one spelling that the identifier of a base URL has, and no other: two texts that name the same node
    /// would be two peers.
    fn from_str(text: &str) -> Result<Self, DidError> {
        if text.len() > MAX_BYTES {
            return Err(DidError::TooLong);
        }
        if !text.starts_with("did:web:") {
            return Err(DidError::Method);
        }
        let did = Self(text.to_owned());
        if Self::of(&did.origin()?)? == did {
            Ok(did)
        } else {
            Err(DidError::Form)
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::*;

    #[test]
    fn a_host_a_port_and_a_path_go_there_and_back() {
        // The first three as the method's own examples have them.
        for (origin, did) in [
            ("https://w3c-ccg.github.io", "did:web:w3c-ccg.github.io"),
            (
                "https://w3c-ccg.github.io/user/alice",
                "did:web:w3c-ccg.github.io:user:alice",
            ),
            (
                "https://example.com:3000/user/alice",
                "did:web:example.com%3A3000:user:alice",
            ),
            (
                "https://Lotse.Example.org:443/",
                "did:web:lotse.example.org",
            ),
            ("https://bücher.example", "did:web:xn--bcher-kva.example"),
            ("https://a.example/%C3%BC", "did:web:a.example:%C3%BC"),
            ("https://127.0.0.1:8080", "did:web:127.0.0.1%3A8080"),
            ("https://a.example.", "did:web:a.example"),
            ("https://a.example//x//y/", "did:web:a.example:x:y"),
            ("https://a.example/%7ez%21", "did:web:a.example:%7Ez%21"),
        ] {
            let origin: Origin = origin.parse().unwrap();
            let named = DidWeb::of(&origin).unwrap();
            assert_eq!(named.as_str(), did);
            assert_eq!(named.origin(), Ok(origin));
            assert_eq!(did.parse(), Ok(named));
        }
    }

    #[test]
    fn a_node_without_tls_has_the_identifier_of_one_with_it() {
        let origin: Origin = "http://127.0.0.1:8080".parse().unwrap();
        let did = DidWeb::of(&origin).unwrap();
        assert_eq!(did.as_str(), "did:web:127.0.0.1%3A8080");
        assert_eq!(
            did.origin(),
            "https://127.0.0.1:8080".parse().map_err(|_| DidError::Form)
        );
    }

    #[test]
    fn what_a_path_may_hold_and_an_identifier_may_not_is_escaped() {
        let origin: Origin = "https://a.example/x:y/~z".parse().unwrap();
        let did = DidWeb::of(&origin).unwrap();
        assert_eq!(did.as_str(), "did:web:a.example:x%3Ay:%7Ez");
    }

    #[test]
    fn an_identifier_has_one_spelling() {
        for bad in [
            "did:web:Example.org",
            "did:web:example.org%3a3000",
            "did:web:example.org%3A443",
            "did:web:example.org:",
            "did:web:example.org::x",
            "did:web:",
            "did:web:example.org/x",
            "did:web:example.org#key",
            "did:web:example.org?x=1",
            "did:web:user@example.org",
            "did:web:exa mple.org",
            "did:web:example.org:..:x",
            "did:web:example.org%2Fx",
            "did:web:example.org.",
            "did:web:example.org:%7ez",
            "did:web:example.org:~z",
            "did:web:example.org:%61",
            "did:web:example.org:%zz",
            "did:web:[::1]",
        ] {
            assert_eq!(bad.parse::<DidWeb>(), Err(DidError::Form), "{bad}");
        }
        for bad in [
            "",
            "did:key:z6Mk",
            "DID:web:example.org",
            "https://example.org",
        ] {
            assert_eq!(bad.parse::<DidWeb>(), Err(DidError::Method), "{bad}");
        }
        let long = format!("did:web:{}", "a".repeat(MAX_BYTES));
        assert_eq!(long.parse::<DidWeb>(), Err(DidError::TooLong));
    }

    #[test]
    fn an_address_that_the_method_cannot_name_has_no_identifier() {
        for origin in ["https://[::1]:8080", "http://a.example:443"] {
            let origin: Origin = origin.parse().unwrap();
            assert_eq!(DidWeb::of(&origin), Err(DidError::Form), "{origin}");
        }
    }
}
