//! How often one client may ask. Counted in memory, per process, in bounded space.

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::attempts::Attempts;
use crate::consts;
pub(crate) use crate::gcra::Client;
use crate::gcra::{Gcra, Key};
use crate::places::Places;
pub use crate::places::Room;
use crate::problem::{Code, Problem};

/// What is limited apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// GET and HEAD.
    Read,
    /// Everything else.
    Write,
    /// Requests to be registered, and questions about them.
    Registration,
    /// Corrections that anybody may send in.
    Correction,
    /// Messages of nodes that no admin here has approved.
    PeerMessage,
}

/// How many requests at once, and how many per minute in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests that may come at once after a pause. 0 switches the limit off.
    pub burst: u32,
    /// Requests per minute in the long run. 0 switches the limit off.
    pub per_minute: u32,
}

impl Rate {
    /// After what time there is room for one more. `None` where the limit is switched off.
    pub(crate) fn step(self) -> Option<Duration> {
        let limited = self.burst > 0 && self.per_minute > 0;
        limited.then(|| Duration::from_secs(60) / self.per_minute)
    }
}

/// The limits of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// See [`Bucket::Read`].
    pub read: Rate,
    /// See [`Bucket::Write`].
    pub write: Rate,
    /// Attempts to sign in that fail, of one address and of one address at one account: see [`crate::attempts`].
    pub sign_in: Rate,
    /// See [`Bucket::Registration`].
    pub registration: Rate,
    /// See [`Bucket::Correction`].
    pub correction: Rate,
    /// See [`Bucket::PeerMessage`].
    pub peer_message: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            read: Rate {
                burst: 200,
                per_minute: 1_200,
            },
            write: Rate {
                burst: 60,
                per_minute: 300,
            },
            sign_in: Rate {
                burst: 10,
                per_minute: 10,
            },
            registration: Rate {
                burst: 10,
                per_minute: 5,
            },
            correction: Rate {
                burst: 5,
                per_minute: 2,
            },
            // A node asks once a minute whether it may follow.
            peer_message: Rate {
                burst: 20,
                per_minute: 30,
            },
        }
    }
}

/// The cell of an address, and the cell of the site that an IPv6 address lies in.
fn keys(address: IpAddr) -> (Key, Option<Key>) {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            let network = u64::from(bits >> 16);
            (key(Client::V4(bits), network), None)
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let part = |shift: u32| u64::try_from(bits >> shift).unwrap_or_default();
            // The upper half tells the networks of IPv6 from those of IPv4.
            let network = part(96) | 1 << 63;
            let site = key(Client::Site(part(80)), network);
            (key(Client::V6(part(64)), network), Some(site))
        }
    }
}

impl Client {
    /// Whom an address is counted as.
    pub(crate) fn of(address: IpAddr) -> Self {
        keys(address).0.exact
    }
}

fn key(exact: Client, network: u64) -> Key {
    Key { exact, network }
}

/// What an address is counted under where sites are counted: the whole site of an IPv6 address.
pub(crate) fn site(address: IpAddr) -> Key {
    let (own, site) = keys(address);
    site.unwrap_or(own)
}

/// The large network that an address lies in: an IPv4 /16, an IPv6 /32.
pub(crate) fn network(address: IpAddr) -> Key {
    let network = keys(address).0.network;
    key(Client::Network(network), network)
}

/// The cell of a name, of whomever it is, or of a name together with an address.
pub(crate) fn named(name: &str, beside: Option<Key>) -> Key {
    let mut digest = Sha256::new();
    digest.update(name.as_bytes());
    if let Some(beside) = beside {
        digest.update(format!("{:?}", beside.exact).as_bytes());
    }
    let digest: [u8; 32] = digest.finalize().into();
    let (first, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let number = u64::from_be_bytes(*first);
    let network = beside.map_or(number, |beside| beside.network);
    key(Client::Name(number), network)
}

/// The refusal of who has to wait.
pub(crate) fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Problem::new(Code::RateLimited, "try again when Retry-After says").with_retry_after(seconds)
}

/// One kind of limit: a count for each address, and one for each site of IPv6.
#[derive(Debug)]
pub(crate) struct Limiter {
    addresses: Gcra,
    sites: Gcra,
}

impl Limiter {
    fn new(rate: Rate) -> Option<Self> {
        let step = rate.step()?;
        let share = consts::RATE_SITE_SHARE;
        Some(Self {
            addresses: Gcra::new(rate.burst, step),
            sites: Gcra::new(rate.burst.saturating_mul(share), step / share),
        })
    }

    /// Counts one.
    pub(crate) fn charge(&self, address: IpAddr) -> Result<(), Duration> {
        let (own, site) = keys(address);
        if let Some(site) = site {
            self.sites.charge(site)?;
        }
        self.addresses.charge(own).inspect_err(|_| {
            // What one network of a site has too many does not count against the others.
            if let Some(site) = site {
                self.sites.refund(site);
            }
        })
    }

    /// Takes one count back.
    pub(crate) fn refund(&self, address: IpAddr) {
        let (own, site) = keys(address);
        self.addresses.refund(own);
        if let Some(site) = site {
            self.sites.refund(site);
        }
    }

    pub(crate) fn forget(&self) {
        self.addresses.forget();
        self.sites.forget();
    }
}

/// The counters of this process.
#[derive(Debug)]
pub struct RateLimits {
    read: Option<Limiter>,
    write: Option<Limiter>,
    registration: Option<Limiter>,
    correction: Option<Limiter>,
    peer_message: Option<Limiter>,
    /// Registrations of a day.
    registrations: Option<Places>,
    /// Corrections of a day.
    corrections: Option<Places>,
    /// Accounts, links and clients that are made for an organisation, and sessions of an account.
    made: Option<Gcra>,
    pub(crate) attempts: Attempts,
}

impl RateLimits {
    /// Counters for these limits.
    #[must_use]
    pub fn new(rates: &Rates) -> Self {
        Self {
            read: Limiter::new(rates.read),
            write: Limiter::new(rates.write),
            registration: Limiter::new(rates.registration),
            correction: Limiter::new(rates.correction),
            peer_message: Limiter::new(rates.peer_message),
            registrations: Places::new(rates.registration, consts::REGISTRATIONS_A_DAY),
            corrections: Places::new(rates.correction, consts::CORRECTIONS_A_DAY),
            made: made(rates.write),
            attempts: Attempts::new(rates.sign_in, Limiter::new),
        }
    }

    fn limiter(&self, bucket: Bucket) -> Option<&Limiter> {
        match bucket {
            Bucket::Read => self.read.as_ref(),
            Bucket::Write => self.write.as_ref(),
            Bucket::Registration => self.registration.as_ref(),
            Bucket::Correction => self.correction.as_ref(),
            Bucket::PeerMessage => self.peer_message.as_ref(),
        }
    }

    /// Counts one request from an address.
    ///
    /// # Errors
    /// 429 `rate_limited` with `Retry-After`.
    pub fn check(&self, bucket: Bucket, address: IpAddr) -> Result<(), Problem> {
        self.limiter(bucket)
            .map_or(Ok(()), |limiter| limiter.charge(address))
            .map_err(too_many)
    }

    fn places(&self, bucket: Bucket) -> Option<&Places> {
        match bucket {
            Bucket::Registration => self.registrations.as_ref(),
            Bucket::Correction => self.corrections.as_ref(),
            Bucket::Read | Bucket::Write | Bucket::PeerMessage => None,
        }
    }

    /// Counts one thing that takes a place until somebody has dealt with it: a registration or a correction that is about
    /// to be kept. So that nobody fills by night what waits for coordinators, there is a bound for a day as well, and the
    /// lower the fuller the room is. See [`crate::places`].
    ///
    /// # Errors
    /// 429 `rate_limited` with `Retry-After`.
    pub fn take_place(&self, bucket: Bucket, address: IpAddr, room: Room) -> Result<(), Problem> {
        self.places(bucket)
            .map_or(Ok(()), |places| places.take(address, room))
    }

    /// Takes that count back where nothing was kept, given the room as it was then.
    pub fn give_place_back(&self, bucket: Bucket, address: IpAddr, room: Room) {
        if let Some(places) = self.places(bucket) {
            places.give_back(address, room);
        }
    }

    /// Counts what leaves rows that stay for long, and some for good: an account, one-time link or client that is made for an
    /// organisation by one of its own, a session of an account. `of` names whom it is counted for.
    ///
    /// # Errors
    /// 429 `rate_limited` with `Retry-After`.
    pub fn check_made(&self, of: &str) -> Result<(), Problem> {
        self.made
            .as_ref()
            .map_or(Ok(()), |made| made.charge(named(of, None)))
            .map_err(too_many)
    }

    /// Forgets who has been quiet. To be called every minute or so.
    pub fn shrink(&self) {
        for limiter in [
            &self.read,
            &self.write,
            &self.registration,
            &self.correction,
            &self.peer_message,
        ]
        .into_iter()
        .flatten()
        {
            limiter.forget();
        }
        for places in [&self.registrations, &self.corrections]
            .into_iter()
            .flatten()
        {
            places.forget();
        }
        if let Some(made) = &self.made {
            made.forget();
        }
        self.attempts.forget();
    }
}

/// So many bursts of writes are what may be made of these in a day for one organisation, or one account.
fn made(rate: Rate) -> Option<Gcra> {
    rate.step()?;
    let day = rate.burst.saturating_mul(consts::MADE_A_DAY).max(1);
    Some(Gcra::new(day, Duration::from_secs(24 * 3_600) / day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(burst: u32) -> RateLimits {
        RateLimits::new(&Rates {
            read: Rate {
                burst,
                per_minute: 1,
            },
            ..Rates::default()
        })
    }

    fn passes(limits: &RateLimits, address: &str) -> bool {
        limits
            .check(Bucket::Read, address.parse().expect("an address"))
            .is_ok()
    }

    #[test]
    fn each_client_has_its_own_count_and_a_v6_network_is_one_client() {
        let limits = limits(1);
        assert!(passes(&limits, "192.0.2.1") && !passes(&limits, "192.0.2.1"));
        assert!(
            !passes(&limits, "::ffff:192.0.2.1"),
            "the same address, written otherwise"
        );
        assert!(passes(&limits, "192.0.2.2"));
        assert!(passes(&limits, "2001:db8:1:1::1") && !passes(&limits, "2001:db8:1:1:ffff::2"));
        assert!(passes(&limits, "2001:db8:1:2::1"));
    }

    #[test]
    fn zero_switches_a_limit_off() {
        let limits = limits(0);
        assert!((0..1_000).all(|_| passes(&limits, "192.0.2.1")));
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_space_and_is_still_limited() {
        let limits = limits(1);
        let flood = |from: u32, to: u32| {
            (from..to)
                .filter(|n| {
                    limits
                        .check(Bucket::Read, IpAddr::from(n.to_be_bytes()))
                        .is_ok()
                })
                .count()
        };
        assert_eq!(flood(0, 50_000), 50_000);
        let more = flood(50_000, 400_000);
        let most = consts::RATE_KEYS + consts::RATE_LOOK as usize + usize::from(consts::RATE_SLOTS);
        let cells = limits
            .read
            .as_ref()
            .map_or(0, |limiter| limiter.addresses.len());
        assert!(cells <= most, "{cells}");
        assert!(more <= most, "{more}");
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds() {
        let limits = limits(1);
        assert!(passes(&limits, "192.0.2.1"));
        let problem = limits
            .check(Bucket::Read, IpAddr::from([192, 0, 2, 1]))
            .expect_err("too many");
        let response = actix_web::ResponseError::error_response(&problem);
        let wait: u64 = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .expect("a number of seconds");
        assert!((55..=60).contains(&wait), "{wait}");
    }

    #[test]
    fn a_site_has_no_more_than_its_share_however_many_networks_it_has() {
        let limits = limits(2);
        let share = 2 * consts::RATE_SITE_SHARE as usize;
        let one = (0..1_000)
            .filter(|net| passes(&limits, &format!("2001:db8:1:{net:x}::1")))
            .count();
        assert_eq!(one, share);
        assert!(passes(&limits, "2001:db8:2::1"), "another site");
        // One network that asks too much is refused alone.
        let busy = (0..1_000)
            .filter(|_| passes(&limits, "2001:db8:3:1::1"))
            .count();
        assert_eq!(busy, 2);
        assert!(passes(&limits, "2001:db8:3:2::1"));
    }

    #[test]
    fn a_flood_of_networks_locks_nobody_else_out() {
        let limits = limits(1);
        let flood = (0..20_000_u32)
            .flat_map(|site| (0..8).map(move |net| format!("2001:db8:{site:x}:{net:x}::1")))
            .filter(|address| passes(&limits, address))
            .count();
        assert!(flood <= consts::RATE_KEYS + 2, "{flood}");
        let honest = (0..100)
            .filter(|n| passes(&limits, &format!("192.{n}.2.1")))
            .filter(|n| passes(&limits, &format!("2a02:{n:x}::1")))
            .count();
        assert!(honest >= 80, "{honest}");
    }

    #[test]
    fn places_are_bounded_for_a_day() {
        let limits = RateLimits::new(&Rates::default());
        let address = IpAddr::from([192, 0, 2, 1]);
        let room = Room {
            taken: 0,
            places: 500,
        };
        let take = |address| limits.take_place(Bucket::Registration, address, room);
        let taken = (0..1_000).filter(|_| take(address).is_ok()).count();
        let most = Rates::default().registration.burst * consts::REGISTRATIONS_A_DAY;
        assert_eq!(taken, most as usize);
        assert!(take(IpAddr::from([192, 0, 2, 2])).is_ok());
    }

    #[test]
    fn what_is_made_for_an_organisation_is_bounded_for_a_day() {
        let limits = RateLimits::new(&Rates::default());
        let made = (0..10_000).filter(|_| limits.check_made("one").is_ok());
        let most = Rates::default().write.burst * consts::MADE_A_DAY;
        assert_eq!(made.count(), most as usize);
        assert!(limits.check_made("two").is_ok());
    }
}
