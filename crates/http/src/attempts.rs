//! How attempts to sign in are counted, so that nobody is locked out by what others try.
//!
//! **Secrets that nobody can guess** (client secrets, claim and reset tokens, invitations: 256 bits) are looked at first. A
//! right one works whatever others have tried; only wrong ones are counted, per client and address.
//!
//! **Passwords** are counted before they are hashed, and the count is taken back when the password was right:
//!
//! - of a device that was signed in before, per device: what anybody else does plays no part;
//! - of others per account *and* address, and per address. An account at which many addresses fail is slowed down: each
//!   address then waits for minutes between two attempts at it. Whoever knows the password still comes in with the first.
//!
//! Counts are held in memory, per process, and name nobody: digests and networks.

use std::net::IpAddr;
use std::time::Duration;

use crate::consts;
use crate::gcra::{Gcra, Key};
use crate::problem::Problem;
use crate::rate::{Limiter, Rate, RateLimits, named, site, too_many};

/// The counters of attempts. `None`: the limit is switched off.
#[derive(Debug)]
pub(crate) struct Attempts {
    counted: Option<Counted>,
    /// How much each address failed lately: refuses nobody, but says who is served first.
    failures: Gcra,
}

#[derive(Debug)]
struct Counted {
    /// Wrong passwords of an address.
    addresses: Limiter,
    /// Of an address at an account.
    pairs: Gcra,
    /// Of a device, or a session, that is known.
    known: Gcra,
    /// At an account, whoever fails. Refuses nobody by itself.
    accounts: Gcra,
    /// Attempts of an address at an account that many guess at.
    braked: Gcra,
    /// Wrong secrets of an address. Apart from passwords: a program with an old secret keeps no people out.
    secrets: Limiter,
    /// Of an address for a client.
    clients: Gcra,
}

impl Attempts {
    pub(crate) fn new(rate: Rate, limiter: impl Fn(Rate) -> Option<Limiter>) -> Self {
        let counted = || {
            let step = rate.step()?;
            Some(Counted {
                addresses: limiter(rate)?,
                // In the long run an address may fail at one account half as often as in all.
                pairs: Gcra::new(rate.burst, step * 2),
                known: Gcra::new(rate.burst, step),
                accounts: Gcra::new(rate.burst.saturating_mul(consts::BRAKE_BURSTS), step),
                braked: Gcra::new(1, consts::BRAKE_PAUSE),
                secrets: limiter(rate)?,
                clients: Gcra::new(rate.burst, step * 2),
            })
        };
        Self {
            counted: counted(),
            failures: Gcra::new(consts::FAILURES_REMEMBERED, consts::FAILURE_FORGOTTEN),
        }
    }

    pub(crate) fn forget(&self) {
        self.failures.forget();
        if let Some(counted) = &self.counted {
            for cells in [
                &counted.pairs,
                &counted.known,
                &counted.accounts,
                &counted.braked,
                &counted.clients,
            ] {
                cells.forget();
            }
            counted.addresses.forget();
            counted.secrets.forget();
        }
    }
}

/// Who waits for a password to be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Somebody who has shown already who they are: by a device cookie, a session or a token.
    Known,
    /// Anybody.
    Unknown {
        /// The address or site that it comes from, as a number that is the same for the same one.
        site: u64,
        /// How much was tried from there lately and failed.
        failures: u32,
    },
}

/// An attempt that was let through and counted. Dropped without a result it stays counted: who hangs up learns nothing and
/// gains nothing.
#[derive(Debug)]
#[must_use = "say what came of it"]
pub struct Attempt<'l> {
    limits: &'l RateLimits,
    address: IpAddr,
    /// Where an account fails, for its brake.
    account: Option<Key>,
    pair: Key,
    known: bool,
    /// Whether it was the one attempt that a slowed account leaves its address.
    braked: bool,
}

impl Attempt<'_> {
    /// How it stands among those who wait.
    #[must_use]
    pub fn standing(&self) -> Standing {
        if self.known {
            return Standing::Known;
        }
        let site = site(self.address);
        Standing::Unknown {
            site: number(site),
            failures: self.limits.attempts.failures.level(site),
        }
    }

    /// The password was right, or nobody looked at it: it does not count.
    pub fn takes_back(self) {
        let Some(counted) = &self.limits.attempts.counted else {
            return;
        };
        if self.known {
            counted.known.refund(self.pair);
        } else {
            counted.addresses.refund(self.address);
            counted.pairs.refund(self.pair);
            if self.braked {
                counted.braked.refund(self.pair);
            }
        }
    }

    /// The password was wrong.
    pub fn failed(self) {
        let attempts = &self.limits.attempts;
        // Where a cell is full already, it stays full.
        let _ = attempts.failures.charge(site(self.address));
        let Some(counted) = &attempts.counted else {
            return;
        };
        if self.known {
            // Decided by its own count, it counts for its address as well.
            let _ = counted.addresses.charge(self.address);
        }
        if let Some(account) = self.account {
            let _ = counted.accounts.charge(account);
        }
    }
}

/// The bits by which an address or site is told from others.
fn number(key: Key) -> u64 {
    use crate::gcra::Client;
    match key.exact {
        Client::V4(bits) => u64::from(bits),
        Client::V6(bits) | Client::Site(bits) => bits | 1 << 63,
        Client::Name(bits) | Client::Network(bits) | Client::Shared(bits) => bits,
    }
}

impl RateLimits {
    /// Counts an attempt at the account `name`, whether or not there is one, of a device that was never signed in.
    ///
    /// # Errors
    /// 429 `rate_limited` with `Retry-After`.
    pub fn attempt(&self, name: &str, address: IpAddr) -> Result<Attempt<'_>, Problem> {
        let (account, pair) = (named(name, None), named(name, Some(site(address))));
        let mut braked = false;
        if let Some(counted) = &self.attempts.counted {
            counted.addresses.charge(address).map_err(too_many)?;
            let refuse = |wait: Duration| {
                counted.addresses.refund(address);
                too_many(wait)
            };
            counted.pairs.charge(pair).map_err(refuse)?;
            if counted.accounts.is_full(account) {
                counted.braked.charge(pair).map_err(|wait| {
                    counted.pairs.refund(pair);
                    refuse(wait)
                })?;
                braked = true;
            }
        }
        Ok(Attempt {
            limits: self,
            address,
            account: Some(account),
            pair,
            known: false,
            braked,
        })
    }

    /// Counts an attempt of a device or session that has shown that it was signed in before; `id` tells it from others.
    ///
    /// # Errors
    /// 429 `rate_limited` with `Retry-After`, when this very device has failed too often.
    pub fn known_attempt(&self, id: &str, address: IpAddr) -> Result<Attempt<'_>, Problem> {
        let own = named(id, None);
        if let Some(counted) = &self.attempts.counted {
            counted.known.charge(own).map_err(too_many)?;
        }
        Ok(Attempt {
            limits: self,
            address,
            account: None,
            pair: own,
            known: true,
            braked: false,
        })
    }

    /// Counts a secret that was wrong. `of` names what it was said to be a secret of, if that was said.
    ///
    /// # Errors
    /// 429 `rate_limited` with `Retry-After`: then the caller is told this, and not that the secret was wrong.
    pub fn wrong_secret(&self, of: Option<&str>, address: IpAddr) -> Result<(), Problem> {
        let Some(counted) = &self.attempts.counted else {
            return Ok(());
        };
        counted.secrets.charge(address).map_err(too_many)?;
        match of {
            Some(of) => counted
                .clients
                .charge(named(of, Some(site(address))))
                .map_err(too_many),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rates;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// Fails until refused, at most a thousand times; says how often.
    fn guesses(limits: &RateLimits, name: &str, from: IpAddr) -> usize {
        (0..1_000)
            .map_while(|_| limits.attempt(name, from).ok())
            .map(Attempt::failed)
            .count()
    }

    #[test]
    fn guesses_from_one_address_stop_that_address_and_nobody_else() {
        let limits = RateLimits::new(&Rates::default());
        assert_eq!(guesses(&limits, "a@example.org", address(1)), 10);
        assert!(limits.attempt("b@example.org", address(1)).is_err());
        assert!(limits.attempt("a@example.org", address(2)).is_ok());
    }

    #[test]
    fn a_right_password_counts_for_nothing() {
        let limits = RateLimits::new(&Rates::default());
        for _ in 0..1_000 {
            let attempt = limits.attempt("a@example.org", address(1));
            attempt.expect("let through").takes_back();
        }
        assert_eq!(guesses(&limits, "a@example.org", address(1)), 10);
    }

    #[test]
    fn an_account_that_many_guess_at_is_slowed_down_and_never_closed() {
        let limits = RateLimits::new(&Rates::default());
        let first: usize = (0..100)
            .map(|n| guesses(&limits, "a@example.org", address(n)))
            .sum();
        // Full after 50, from then on one attempt of each address.
        assert!((50..=50 + 100).contains(&first), "{first}");
        let again: usize = (0..100)
            .map(|n| guesses(&limits, "a@example.org", address(n)))
            .sum();
        assert_eq!(again, 0);
        let new = limits.attempt("a@example.org", address(200));
        new.expect("the first attempt of whoever comes")
            .takes_back();
        let known = limits.known_attempt("device", address(1));
        known.expect("a known device").takes_back();
        assert!(limits.attempt("b@example.org", address(201)).is_ok());
    }

    #[test]
    fn a_known_device_is_stopped_by_its_own_failures_only() {
        let limits = RateLimits::new(&Rates::default());
        let failed = (0..100)
            .map_while(|_| limits.known_attempt("one", address(1)).ok())
            .map(Attempt::failed)
            .count();
        assert_eq!(failed, 10);
        assert!(limits.known_attempt("two", address(1)).is_ok());
        assert!(
            limits.attempt("a@example.org", address(1)).is_err(),
            "its failures count for its address"
        );
    }

    #[test]
    fn who_failed_before_stands_behind_who_did_not() {
        let limits = RateLimits::new(&Rates::default());
        let failures = |from| match limits
            .attempt("b@example.org", from)
            .expect("ok")
            .standing()
        {
            Standing::Unknown { failures, .. } => failures,
            Standing::Known => 0,
        };
        for _ in 0..3 {
            let attempt = limits.attempt("a@example.org", address(1));
            attempt.expect("let through").failed();
        }
        assert_eq!((failures(address(1)), failures(address(2))), (3, 0));
    }

    #[test]
    fn wrong_secrets_are_counted_apart_from_passwords() {
        let limits = RateLimits::new(&Rates::default());
        let wrong = (0..100)
            .take_while(|_| limits.wrong_secret(Some("client"), address(1)).is_ok())
            .count();
        assert_eq!(wrong, 10);
        assert!(limits.wrong_secret(Some("client"), address(2)).is_ok());
        assert!(limits.attempt("a@example.org", address(1)).is_ok());
    }
}
