//! How often one client may ask. Counted in memory, per process, in bounded space.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::consts;
use crate::problem::{Code, Problem};

/// What is limited apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// GET and HEAD.
    Read,
    /// Everything else.
    Write,
    /// Attempts to sign in or to get a token, per address and per account.
    SignIn,
    /// Requests to be registered, and questions about them.
    Registration,
    /// Corrections that anybody may send in.
    Correction,
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
    fn quota(self) -> Option<Quota> {
        let burst = NonZeroU32::new(self.burst)?;
        let per_minute = NonZeroU32::new(self.per_minute)?;
        Some(Quota::with_period(Duration::from_secs(60) / per_minute.get())?.allow_burst(burst))
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
    /// See [`Bucket::SignIn`].
    pub sign_in: Rate,
    /// See [`Bucket::Registration`].
    pub registration: Rate,
    /// See [`Bucket::Correction`].
    pub correction: Rate,
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
        }
    }
}

/// Who is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    V4(u32),
    /// The first 64 bits: what one household or server gets (RFC 6177).
    V6(u64),
    /// A digest of an account's name.
    Name(u64),
    /// Shared by all whose digest ends so, while there are too many to count each.
    Shared(u64),
}

impl Client {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }

    fn shared(self) -> Self {
        let (Self::V4(_) | Self::V6(_) | Self::Name(_) | Self::Shared(_)) = self;
        let number = match self {
            Self::V4(bits) => u64::from(bits),
            Self::V6(bits) | Self::Name(bits) | Self::Shared(bits) => bits,
        };
        // Fibonacci hashing spreads neighbouring networks over the slots.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        Self::Shared(spread % u64::from(consts::RATE_SLOTS))
    }
}

/// One bucket: a counter per key, and shared counters while there are too many keys.
struct Limiter {
    cells: DefaultKeyedRateLimiter<Client>,
    crowded: AtomicBool,
    checks: AtomicU32,
}

impl Limiter {
    fn new(rate: Rate) -> Option<Self> {
        let cells = RateLimiter::keyed(rate.quota()?);
        Some(Self {
            cells,
            crowded: AtomicBool::new(false),
            checks: AtomicU32::new(0),
        })
    }

    /// Seconds until the next request, if this one is too many.
    fn check(&self, key: Client) -> Result<(), u64> {
        if self
            .checks
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(consts::RATE_LOOK)
        {
            self.look();
        }
        let key = if self.crowded.load(Ordering::Relaxed) {
            key.shared()
        } else {
            key
        };
        self.cells.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
        })
    }

    /// Forgets who has been quiet; when too many are left, counts them together.
    fn look(&self) {
        if self.cells.len() > consts::RATE_KEYS {
            self.cells.retain_recent();
            self.cells.shrink_to_fit();
        }
        self.crowded
            .store(self.cells.len() > consts::RATE_KEYS, Ordering::Relaxed);
    }
}

/// The counters of this process.
pub struct RateLimits {
    read: Option<Limiter>,
    write: Option<Limiter>,
    sign_in: Option<Limiter>,
    registration: Option<Limiter>,
    correction: Option<Limiter>,
}

impl RateLimits {
    /// Counters for these limits.
    #[must_use]
    pub fn new(rates: &Rates) -> Self {
        Self {
            read: Limiter::new(rates.read),
            write: Limiter::new(rates.write),
            sign_in: Limiter::new(rates.sign_in),
            registration: Limiter::new(rates.registration),
            correction: Limiter::new(rates.correction),
        }
    }

    fn limiter(&self, bucket: Bucket) -> Option<&Limiter> {
        match bucket {
            Bucket::Read => self.read.as_ref(),
            Bucket::Write => self.write.as_ref(),
            Bucket::SignIn => self.sign_in.as_ref(),
            Bucket::Registration => self.registration.as_ref(),
            Bucket::Correction => self.correction.as_ref(),
        }
    }

    /// Counts one request from an address.
    ///
    /// # Errors
    /// 429 `rate_limited` with `Retry-After`.
    pub fn check(&self, bucket: Bucket, address: IpAddr) -> Result<(), Problem> {
        self.check_key(bucket, Client::of(address))
    }

    /// Counts one attempt at an account or client, whoever makes it and whether or not it exists.
    ///
    /// # Errors
    /// 429 `rate_limited` with `Retry-After`.
    pub fn check_name(&self, bucket: Bucket, name: &str) -> Result<(), Problem> {
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let (first, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        self.check_key(bucket, Client::Name(u64::from_be_bytes(*first)))
    }

    fn check_key(&self, bucket: Bucket, key: Client) -> Result<(), Problem> {
        let Some(limiter) = self.limiter(bucket) else {
            return Ok(());
        };
        limiter.check(key).map_err(|seconds| {
            Problem::new(Code::RateLimited, "try again when Retry-After says")
                .with_retry_after(seconds)
        })
    }

    /// Forgets who has been quiet. To be called every minute or so.
    pub fn shrink(&self) {
        for limiter in [
            &self.read,
            &self.write,
            &self.sign_in,
            &self.registration,
            &self.correction,
        ]
        .into_iter()
        .flatten()
        {
            limiter.cells.retain_recent();
            limiter.look();
        }
    }
}

impl std::fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RateLimits")
    }
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
            .map_or(0, |limiter| limiter.cells.len());
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
}
