//! From names to addresses, past the guard.
//!
//! The check stands between the resolver and the connector: what has been checked is what is connected to. Checking a
//! name first and letting the connector look it up again would leave a gap in which the answer can change.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolving};

use super::{OutboundError, Settings, address};

/// The addresses of a name, or why they are not known.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// What turns names into addresses. It decides nothing: whatever it says is checked.
pub trait Resolve: Send + Sync {
    /// The addresses of `host`, which is a name, in ASCII and lower case. Asked once for each new connection.
    fn resolve(&self, host: &str) -> Addresses;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Resolve for System {
    fn resolve(&self, host: &str) -> Addresses {
        let host = host.to_owned();
        Box::pin(async move {
            // The port is not looked up; the connector puts in the URL's.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A resolver of which the connector sees only the addresses that may be connected to.
pub(super) struct Guard {
    pub(super) settings: Settings,
    pub(super) resolver: Arc<dyn Resolve>,
}

impl Guard {
    /// Those of a host's addresses that may be connected to.
    ///
    /// Refused addresses are left out, and only a host with no other is refused: the connector never sees them either
    /// way, and a peer that has a private address beside its public one (as split-horizon DNS often says within the
    /// network of a city or an association) is no less a peer.
    ///
    /// # Errors
    /// [`OutboundError::AddressRefused`] if none is left; [`OutboundError::Connect`] if there was none at all.
    pub(super) fn check(
        settings: Settings,
        host: &str,
        addresses: &[IpAddr],
    ) -> Result<Vec<IpAddr>, OutboundError> {
        if addresses.is_empty() {
            return Err(OutboundError::Connect(format!("{host} has no address")));
        }
        let allowed: Vec<IpAddr> = addresses
            .iter()
            .copied()
            .filter(|&it| {
                address::is_global(it) || (settings.allow_insecure && address::is_private(it))
            })
            .collect();
        if allowed.is_empty() {
            return Err(OutboundError::AddressRefused {
                host: host.to_owned(),
                addresses: addresses.to_vec(),
            });
        }
        Ok(allowed)
    }
}

impl reqwest::dns::Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let settings = self.settings;
        let found = self.resolver.resolve(name.as_str());
        Box::pin(async move {
            let allowed = Self::check(settings, name.as_str(), &found.await?)?;
            let addresses: Addrs = Box::new(allowed.into_iter().map(|it| SocketAddr::new(it, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests;
