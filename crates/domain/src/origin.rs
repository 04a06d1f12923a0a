//! The public base URL of a node, in the one form that it has here.
//!
//! A base URL can be written in many ways that lead to the same node: capitals, punycode or not, a dot behind the host, the
//! port that is the default, `%7E` for `~`, empty and dot segments. Whoever may choose the spelling could be somebody else
//! with each. So there is one normal form, made here and nowhere else, before anything is compared or stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Position, Url};
use utoipa::ToSchema;

use crate::ids::EntryId;
use crate::limits;

/// The public base URL of a node, without a trailing slash: `https://lotse.example.org`.
///
/// It is the name of the node in every URI of its entries, so it may not change lightly. Its text is in normal form
/// (RFC 3986 section 6.2.2): host in lower case and as ASCII, without a dot at its end; no default port; no empty and no dot
/// segments; what a path segment can hold as it is stands as it is, all else is percent-encoded with capital digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(value_type = String, example = "https://lotse.example.org")]
pub struct Origin(String);

impl Origin {
    /// The base URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Everything but the scheme: what two base URLs have in common that name the same node. A `did:web` has no scheme
    /// either, so that a node that is reached by plain `http` is no other node than the one behind `https`.
    #[must_use]
    pub fn node(&self) -> &str {
        self.0.split_once("://").map_or(&self.0, |(_, rest)| rest)
    }

    /// Whether both name the same node.
    #[must_use]
    pub fn is_same_node(&self, other: &Self) -> bool {
        self.node() == other.node()
    }

    /// The base URLs of the same node, as they may stand in a database: with `https` and with `http`.
    #[must_use]
    pub fn of_same_node(&self) -> [String; 2] {
        ["https", "http"].map(|scheme| format!("{scheme}://{}", self.node()))
    }

    /// Whether it is reached by `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Host and, unless it is the default one, port: what stands behind the `@` of a foreign id.
    #[must_use]
    pub fn host(&self) -> &str {
        let node = self.node();
        node.split_once('/').map_or(node, |(host, _)| host)
    }

    /// The global URI of one of its entries.
    #[must_use]
    pub fn uri(&self, id: EntryId) -> String {
        format!("{}/entries/{id}", self.0)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    /// Takes any spelling and gives the normal form.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s.len() > limits::URL {
            return Err("a base URL is too long");
        }
        let mut url = Url::parse(s).map_err(|_| "not an absolute URL")?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err("a base URL starts with https:// or http:// and names a host");
        }
        if url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err("a base URL has no query, fragment or credentials");
        }
        if let Some(Host::Domain(name)) = url.host()
            && let bare = name.trim_end_matches('.')
            && bare.len() < name.len()
        {
            // What is left is read as a host once more: it may be an address.
            let bare = bare.to_owned();
            url.set_host(Some(&bare))
                .map_err(|_| "a base URL names a host")?;
        }
        let text = format!("{}{}", &url[..Position::BeforePath], path(url.path()));
        if text.len() > limits::URL {
            return Err("a base URL is too long");
        }
        Ok(Self(text))
    }
}

/// The path of a URL whose dot segments are resolved, without empty segments and with each character in its one form.
fn path(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        normal.push('/');
        push_segment(&mut normal, segment);
    }
    normal
}

/// Adds a segment: what it can hold as it is (`pchar` of RFC 3986 section 3.3) as it is, else percent-encoded. A percent sign
/// that begins no escape is an ordinary character.
fn push_segment(normal: &mut String, segment: &str) {
    let mut bytes = segment.as_bytes();
    while let [first, rest @ ..] = bytes {
        let (byte, after) = match (first, rest) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => ((high << 4) | low, after),
                _ => (b'%', rest),
            },
            _ => (*first, rest),
        };
        bytes = after;
        if is_pchar(byte) {
            normal.push(char::from(byte));
        } else {
            normal.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn is_pchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().expect(text)
    }

    #[test]
    fn an_origin_has_one_spelling_and_knows_its_host() {
        let at = origin("https://Lotse.Example.org:443/");
        assert_eq!(at.as_str(), "https://lotse.example.org");
        assert_eq!(at.host(), "lotse.example.org");
        let at = origin("http://127.0.0.1:8080/sub");
        assert_eq!(at.host(), "127.0.0.1:8080");
        for bad in [
            "",
            "lotse.example.org",
            "ftp://a",
            "https://a?x",
            "https://u:p@a",
            "https://",
            "https://.",
            "https://./x",
            "https://a.example%2Fx",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn every_spelling_of_a_base_url_comes_to_the_same() {
        for (normal, spellings) in [
            (
                "https://a.example",
                &[
                    "HTTPS://A.EXAMPLE",
                    "https://a.example/",
                    "https://a.example//",
                    "https://a.example.",
                    "https://a.example../",
                    "https://a.example.:443/",
                    "https://a.example:0443",
                    "https://a.example:",
                    "https://@a.example",
                    "https://a%2Eexample%2e",
                    "https://a。example。",
                    "https:a.example",
                    "https:\\\\a.example\\",
                    "https://a.example/x/..",
                    "https://a.example/x/%2e%2E/.",
                    " https://a.example\n",
                ][..],
            ),
            (
                "https://xn--bcher-kva.example",
                &[
                    "https://bücher.example",
                    "https://BÜCHER.example.",
                    "https://XN--BCHER-KVA.example",
                    "https://b%C3%BCcher.example",
                ],
            ),
            (
                "https://127.0.0.1:8080",
                &[
                    "https://0x7f.1:8080",
                    "https://2130706433:8080",
                    "https://0177.0.0.1:8080",
                    "https://127.0.0.1.:8080",
                    "https://127.0.0.1..:8080",
                    "https://127.0.0.1:8080//",
                ],
            ),
            (
                "https://[::1]:8080",
                &["https://[0:0:0:0:0:0:0:1]:8080", "https://[::0001]:8080/"],
            ),
            (
                "https://a.example/x:y/~z/%C3%BC/%2F%25/%7C",
                &[
                    "https://a.example/x%3ay/%7ez/ü/%2f%/|",
                    "https://a.example//x:y/./%7Ez//%c3%bc/%2F%25/%7c/",
                ],
            ),
        ] {
            assert_eq!(origin(normal).as_str(), normal);
            for spelling in spellings {
                assert_eq!(origin(spelling).as_str(), normal, "{spelling}");
            }
        }
    }

    #[test]
    fn http_and_https_name_the_same_node_and_other_ports_another() {
        let at = origin("https://a.example/x");
        assert!(at.is_same_node(&origin("http://a.example:80/x")));
        assert!(!at.is_same_node(&origin("https://a.example:8443/x")));
        assert!(!at.is_same_node(&origin("https://a.example/X")));
        assert_eq!(
            at.of_same_node(),
            ["https://a.example/x", "http://a.example/x"]
        );
        assert!(at.is_https() && !origin("http://a.example").is_https());
    }

    proptest::proptest! {
        /// Read once more, a normal form stays as it is.
        #[test]
        fn a_normal_form_is_its_own(
            host in "[a-zA-Z0-9.ü-]{1,12}",
            path in "[a-zA-Z0-9/%.~|:;@\\[\\]\"^ ü\\\\-]{0,24}",
        ) {
            if let Ok(once) = format!("https://{host}/{path}").parse::<Origin>() {
                proptest::prop_assert_eq!(once.as_str().parse::<Origin>(), Ok(once));
            }
        }
    }
}
