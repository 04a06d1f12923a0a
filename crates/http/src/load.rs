//! How much of this process is in use at once, and by whom: bytes of bodies that arrive, bytes of answers that leave,
//! connections, requests in flight, answers that are made while they are sent.
//!
//! A rate limit says how often somebody may ask; this says how much of what they asked for may be held for them at the
//! same time. Nobody's share of the whole is so large that others find nothing left.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::consts;
use crate::problem::{Code, Problem};
use crate::rate::Client;

/// An amount that all share, of which each client may hold a part. A third of it is kept for clients that hold little, an
/// eighth of their part at most: a few that take all they can leave room for everybody else.
#[derive(Debug)]
pub struct Shares {
    most: usize,
    each: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    clients: HashMap<Client, usize>,
}

impl Shares {
    /// At most `most` of something at once, and at most `each` of it for one client: one IPv4 address or one IPv6 network.
    #[must_use]
    pub fn new(most: usize, each: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            each,
            held: Mutex::default(),
        })
    }

    /// A share of a client that holds nothing yet.
    #[must_use]
    pub fn none_for(self: &Arc<Self>, client: IpAddr) -> Share {
        Share {
            of: Arc::clone(self),
            client: Client::of(client),
            held: 0,
        }
    }

    /// So much for a client, or nothing where that is more than is left for it.
    #[must_use]
    pub fn take(self: &Arc<Self>, client: IpAddr, amount: usize) -> Option<Share> {
        let mut share = self.none_for(client);
        share.grow(amount).then_some(share)
    }

    /// What is in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.held.lock().all
    }

    fn add(&self, client: Client, amount: usize) -> bool {
        let mut held = self.held.lock();
        let of_client = held.clients.get(&client).copied().unwrap_or(0);
        let (Some(sum), Some(all)) = (of_client.checked_add(amount), held.all.checked_add(amount))
        else {
            return false;
        };
        let most = if sum <= self.each / 8 {
            self.most
        } else {
            self.most - self.most / 3
        };
        let fits = sum <= self.each && all <= most;
        if fits {
            held.all = all;
            held.clients.insert(client, sum);
        }
        fits
    }

    fn remove(&self, client: Client, amount: usize) {
        let mut held = self.held.lock();
        held.all = held.all.saturating_sub(amount);
        if let Some(of_client) = held.clients.get_mut(&client) {
            *of_client = of_client.saturating_sub(amount);
            if *of_client == 0 {
                held.clients.remove(&client);
            }
        }
    }
}

/// What one client holds of [`Shares`] for one purpose. Given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    of: Arc<Shares>,
    client: Client,
    held: usize,
}

impl Share {
    /// Holds so much more; false, and nothing more is held, where that is more than is left.
    pub fn grow(&mut self, amount: usize) -> bool {
        let fits = amount == 0 || self.of.add(self.client, amount);
        if fits {
            self.held += amount;
        }
        fits
    }

    /// Holds nothing any more.
    pub fn give_back(&mut self) {
        if self.held > 0 {
            self.of.remove(self.client, std::mem::take(&mut self.held));
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// What is refused while there is no room: 503 `busy`.
pub(crate) fn busy() -> Problem {
    Problem::new(
        Code::Busy,
        "there is no room for this at the moment: try again when Retry-After says",
    )
    .with_retry_after(consts::BUSY_SECONDS)
}

/// All that is shared by the requests of a process.
#[derive(Debug, Clone)]
pub struct Load {
    /// Bytes of bodies that are being read or worked on.
    pub arriving: Arc<Shares>,
    /// Bytes that are kept of bodies that stream.
    pub streaming_in: Arc<Shares>,
    /// Bytes of answers that are on their way.
    pub leaving: Arc<Shares>,
    /// Answers that are made while they are sent.
    pub exports: Arc<Shares>,
    /// Requests in flight that came through proxies.
    pub in_flight: Arc<Shares>,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            arriving: Shares::new(consts::ARRIVING_BYTES, consts::ARRIVING_BYTES_EACH),
            streaming_in: Shares::new(consts::STREAM_BYTES, consts::STREAM_BYTES),
            leaving: Shares::new(consts::LEAVING_BYTES, consts::LEAVING_BYTES_EACH),
            exports: Shares::new(consts::EXPORTS, consts::EXPORTS_EACH),
            in_flight: Shares::new(usize::MAX, consts::REQUESTS_EACH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn nobody_holds_more_than_its_part_and_all_together_no_more_than_the_whole() {
        let shares = Shares::new(150, 80);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let mut first = shares.take(one, 50).expect("room");
        assert!(!first.grow(31), "more than its part");
        assert!(first.grow(30) && shares.take(one, 1).is_none());
        assert!(shares.take(other, 21).is_none(), "more than is left");
        let second = shares.take(other, 20).expect("room");
        assert_eq!(shares.used(), 100);
        let little: Vec<Share> = (3..=7)
            .map(|n| shares.take(IpAddr::from([192, 0, 2, n]), 10))
            .collect::<Option<_>>()
            .expect("room is kept for those who hold little");
        assert!(shares.take(address("192.0.2.8"), 1).is_none());
        drop((first, second, little));
        assert_eq!(shares.used(), 0);
        assert!(
            shares.held.lock().clients.is_empty(),
            "nobody is remembered who holds nothing"
        );
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let shares = Shares::new(10, 1);
        let _held = shares.take(address("2001:db8:1:1::1"), 1).expect("room");
        assert!(shares.take(address("2001:db8:1:1:ffff::2"), 1).is_none());
        assert!(shares.take(address("2001:db8:1:2::1"), 1).is_some());
    }
}
