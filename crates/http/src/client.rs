//! Which address a request comes from, with and without proxies in front.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;
use serde::Deserialize;

use crate::consts;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Which header the trusted proxies set. Only one is believed: the other could come from the client itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies whose word is taken.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    /// Their networks. Empty: nobody's.
    pub networks: Vec<IpNet>,
    /// The header that they set.
    pub header: ForwardedHeader,
}

impl TrustedProxies {
    /// Whether `peer` is one of them.
    #[must_use]
    pub fn trust(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }

    /// The address of the client: the peer of the connection, or, when that is a trusted proxy, the last address in the
    /// header that is not one. An entry that is no address ends the search at the proxy that wrote it.
    #[must_use]
    pub fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
        let Some(peer) = peer.map(|peer| peer.ip().to_canonical()) else {
            return IpAddr::from([0, 0, 0, 0]);
        };
        if self.networks.is_empty() || !self.trust(peer) {
            return peer;
        }
        let mut client = peer;
        for hop in self
            .hops(headers)
            .into_iter()
            .rev()
            .take(consts::FORWARDED_HOPS)
        {
            let Some(address) = hop else { break };
            client = address;
            if !self.trust(client) {
                break;
            }
        }
        client
    }

    /// The addresses in the header, in the order written: the nearest hop last.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        match self.header {
            ForwardedHeader::XForwardedFor => {
                let values = headers
                    .get_all(&X_FORWARDED_FOR)
                    .map(|value| value.to_str().unwrap_or_default());
                values
                    .flat_map(|value| value.split(','))
                    .map(address)
                    .collect()
            }
            ForwardedHeader::Forwarded => {
                let values = headers
                    .get_all(header::FORWARDED)
                    .map(|value| value.to_str().unwrap_or_default());
                values
                    .flat_map(|value| value.split(','))
                    .map(forwarded_for)
                    .collect()
            }
        }
    }
}

/// The `for` parameter of one element of `Forwarded` (RFC 7239 section 4). Quoted strings in it hold addresses only, so
/// that a comma or semicolon inside quotes leaves something that is no address.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let (_, value) = element
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(value.trim().trim_matches('"'))
}

/// An address with or without port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next())
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, header: ForwardedHeader, values: &[&str]) -> String {
        let proxies = TrustedProxies {
            networks: ["10.0.0.0/8", "2001:db8:ffff::/48"]
                .map(|n| n.parse().expect("a network"))
                .to_vec(),
            header,
        };
        let mut headers = HeaderMap::new();
        for value in values {
            let name = match header {
                ForwardedHeader::XForwardedFor => X_FORWARDED_FOR.clone(),
                ForwardedHeader::Forwarded => header::FORWARDED,
            };
            headers.append(name, HeaderValue::from_str(value).expect("a header value"));
        }
        proxies.client(peer.parse().ok(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let x = |peer, values: &[&str]| client(peer, ForwardedHeader::XForwardedFor, values);
        assert_eq!(x("192.0.2.1:5", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(x("10.0.0.1:5", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(x("[::ffff:10.0.0.1]:5", &["203.0.113.9"]), "203.0.113.9");
        // What stands left of the last untrusted address was written by that client.
        assert_eq!(
            x("10.0.0.1:5", &["198.51.100.7, 203.0.113.9, 10.2.2.2"]),
            "203.0.113.9"
        );
        assert_eq!(
            x("10.0.0.1:5", &["198.51.100.7", "203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(
            x("10.0.0.1:5", &["203.0.113.9, nonsense, 10.2.2.2"]),
            "10.2.2.2"
        );
        assert_eq!(x("10.0.0.1:5", &[]), "10.0.0.1");
        assert_eq!(x("[2001:db8:ffff::1]:5", &["2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn the_standard_header_is_read_with_quotes_ports_and_hidden_names() {
        let f = |values: &[&str]| client("10.0.0.1:5", ForwardedHeader::Forwarded, values);
        assert_eq!(
            f(&["for=198.51.100.7;proto=https, For=203.0.113.9;by=10.0.0.1"]),
            "203.0.113.9"
        );
        assert_eq!(
            f(&["for=\"[2001:db8:cafe::17]:4711\""]),
            "2001:db8:cafe::17"
        );
        assert_eq!(f(&["for=\"203.0.113.9:80\""]), "203.0.113.9");
        assert_eq!(f(&["for=203.0.113.9, for=_hidden"]), "10.0.0.1");
        assert_eq!(
            f(&["for=203.0.113.9, for=unknown, for=10.3.3.3"]),
            "10.3.3.3"
        );
    }
}
