//! From a peer's base URL and a path to the URL that is asked for, with all checks that need no network.

use std::net::IpAddr;

use domain::Origin;
use reqwest::Url;
use url::Host;

use super::resolve::Guard;
use super::{OutboundError, Settings};

/// The URL for `path` at the peer whose base URL is `base`.
///
/// The path must be written as URLs write it: it is taken only if nothing of it changes when it is read as one. Dot
/// segments (also percent-encoded), backslashes, tabs and line ends would change, and so could leave the base URL.
///
/// # Errors
/// [`OutboundError::NotHttps`], [`OutboundError::UnusablePath`], or [`OutboundError::AddressRefused`] where the host is
/// an address itself: such hosts never come to the resolver. Other spellings of IPv4 addresses (`0x7f.1`, `2130706433`)
/// are addresses as well, as the WHATWG URL standard reads them.
pub(super) fn url(settings: Settings, base: &Origin, path: &str) -> Result<Url, OutboundError> {
    check_path(path)?;
    let whole = format!("{}{path}", base.as_str());
    let url = Url::parse(&whole).map_err(|_| unusable("it does not make a URL"))?;
    if url.as_str() != whole {
        return Err(unusable("it is not in normal form"));
    }
    if url.scheme() != "https" && !(settings.allow_insecure && url.scheme() == "http") {
        return Err(OutboundError::NotHttps {
            base: base.to_string(),
        });
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => None,
    };
    if let Some(address) = address {
        Guard::check(settings, base.host(), &[address])?;
    }
    Ok(url)
}

fn check_path(path: &str) -> Result<(), OutboundError> {
    if !path.starts_with('/') {
        return Err(unusable("it does not begin with a slash"));
    }
    if path.starts_with("//") {
        return Err(unusable("it begins with two slashes"));
    }
    if path.contains('#') {
        return Err(unusable("it has a fragment"));
    }
    Ok(())
}

fn unusable(reason: &'static str) -> OutboundError {
    OutboundError::UnusablePath { reason }
}

#[cfg(test)]
mod tests;
