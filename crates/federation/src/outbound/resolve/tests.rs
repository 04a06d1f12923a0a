#![expect(clippy::unwrap_used, reason = "a test may end with a panic")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::dns::Resolve as _;

use super::super::{OutboundError, Settings};
use super::{Addresses, Guard, Resolve};

/// Says one thing after the other.
struct Changing(AtomicUsize, &'static [&'static str]);

impl Resolve for Changing {
    fn resolve(&self, _: &str) -> Addresses {
        let said = self.1[self.0.fetch_add(1, Ordering::SeqCst)];
        let addresses: Vec<IpAddr> = said
            .split_whitespace()
            .map(|it| it.parse().unwrap())
            .collect();
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

fn guard(allow_insecure: bool, said: &'static [&'static str]) -> Guard {
    Guard {
        settings: Settings { allow_insecure },
        resolver: Arc::new(Changing(AtomicUsize::new(0), said)),
    }
}

/// What the connector gets to see.
async fn seen(guard: &Guard) -> Result<Vec<String>, OutboundError> {
    match guard.resolve("peer.example".parse().unwrap()).await {
        Ok(addresses) => Ok(addresses
            .map(|it: SocketAddr| it.ip().to_string())
            .collect()),
        Err(error) => Err(*error.downcast::<OutboundError>().unwrap()),
    }
}

#[tokio::test]
async fn a_name_that_is_global_first_and_loopback_later_is_refused_later() {
    let guard = guard(false, &["1.1.1.1", "127.0.0.1", "1.1.1.1"]);
    assert_eq!(seen(&guard).await.unwrap(), ["1.1.1.1"]);
    assert_eq!(seen(&guard).await.unwrap_err().code(), "address_refused");
    assert_eq!(seen(&guard).await.unwrap(), ["1.1.1.1"]);
}

#[tokio::test]
async fn of_several_addresses_the_connector_sees_only_the_global_ones() {
    let guard = guard(
        false,
        &[
            "10.0.0.1 1.1.1.1 ::1 2606:4700:4700::1111 169.254.169.254",
            "10.0.0.1 fd00::1",
        ],
    );
    assert_eq!(
        seen(&guard).await.unwrap(),
        ["1.1.1.1", "2606:4700:4700::1111"]
    );
    let refused = seen(&guard).await.unwrap_err();
    assert_eq!(refused.code(), "address_refused");
    assert!(refused.log().contains("fd00::1") && !refused.public().contains("fd00"));
}

#[tokio::test]
async fn the_development_switch_lets_private_addresses_through_and_no_others() {
    let guard = guard(
        true,
        &["10.0.0.1 169.254.169.254 ::1 1.1.1.1", "169.254.169.254"],
    );
    assert_eq!(seen(&guard).await.unwrap(), ["10.0.0.1", "::1", "1.1.1.1"]);
    assert_eq!(seen(&guard).await.unwrap_err().code(), "address_refused");
}

#[tokio::test]
async fn a_name_without_addresses_cannot_be_connected_to() {
    assert_eq!(
        seen(&guard(false, &[""])).await.unwrap_err().code(),
        "connect"
    );
}
