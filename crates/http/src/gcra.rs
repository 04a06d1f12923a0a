//! Counters that leak: the generic cell rate algorithm (ITU-T I.371), one cell per key, in bounded space.
//!
//! What the libraries at hand do not offer and signing in needs: to ask how full a cell is, and to take a count back when
//! it turns out that a password was right.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::consts;

/// Parts of the table that are locked apart from each other.
const SHARDS: usize = 64;

/// Whom a cell belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The one who is counted: the bits of an address, or a digest.
    pub(crate) exact: Client,
    /// The large network that it is counted with while there are too many to count each: so a flood from one network
    /// takes the room of that network only.
    pub(crate) network: u64,
}

/// Who is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// An IPv4 address.
    V4(u32),
    /// The first 64 bits of an IPv6 address: what one household or server gets (RFC 6177).
    V6(u64),
    /// The first 48 bits of one: what one site gets.
    Site(u64),
    /// A digest of a name, or of a name and an address.
    Name(u64),
    /// A large network: an IPv4 /16, an IPv6 /32.
    Network(u64),
    /// Shared by all networks that fall into this slot.
    Shared(u64),
}

/// One kind of limit.
pub(crate) struct Gcra {
    shards: Box<[Mutex<HashMap<Client, u64>>]>,
    hasher: RandomState,
    begun: Instant,
    /// Nanoseconds after which one count is forgotten.
    step: u64,
    /// Nanoseconds that a full cell holds.
    room: u64,
    held: AtomicUsize,
    charges: AtomicU32,
}

impl Gcra {
    /// Cells that hold `burst` counts and forget one every `step`.
    pub(crate) fn new(burst: u32, step: Duration) -> Self {
        let step = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            begun: Instant::now(),
            step,
            room: step.saturating_mul(u64::from(burst)),
            held: AtomicUsize::new(0),
            charges: AtomicU32::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn shard(&self, exact: Client) -> Option<&Mutex<HashMap<Client, u64>>> {
        let hash = usize::try_from(self.hasher.hash_one(exact)).unwrap_or_default();
        self.shards.get(hash % SHARDS)
    }

    /// The cell of a key: its own, or, where it has none and there is no room for more, the one that it shares. Whoever was
    /// counted alone before a flood goes on to be.
    fn cell(&self, key: Key) -> Client {
        if self.held.load(Ordering::Relaxed) < consts::RATE_KEYS {
            return key.exact;
        }
        let own = self
            .shard(key.exact)
            .is_some_and(|shard| shard.lock().contains_key(&key.exact));
        if own {
            return key.exact;
        }
        // The hash is seeded: nobody can aim at the slot of somebody else.
        Client::Shared(self.hasher.hash_one(key.network) % u64::from(consts::RATE_SLOTS))
    }

    /// Counts one.
    ///
    /// # Errors
    /// How long until there is room for it; then nothing was counted.
    pub(crate) fn charge(&self, key: Key) -> Result<(), Duration> {
        self.charge_by(key, 1)
    }

    /// Counts so many at once.
    ///
    /// # Errors
    /// How long until there is room for all of them; then nothing was counted.
    pub(crate) fn charge_by(&self, key: Key, count: u32) -> Result<(), Duration> {
        let charges = self.charges.fetch_add(1, Ordering::Relaxed);
        if charges.is_multiple_of(consts::RATE_LOOK)
            && self.held.load(Ordering::Relaxed) >= consts::RATE_KEYS
        {
            self.forget();
        }
        let cell = self.cell(key);
        let Some(shard) = self.shard(cell) else {
            return Ok(());
        };
        let now = self.now();
        let mut cells = shard.lock();
        let until = cells.get(&cell).copied().unwrap_or(now).max(now);
        let next = until.saturating_add(self.step.saturating_mul(u64::from(count)));
        let taken = next - now;
        if taken > self.room {
            return Err(Duration::from_nanos(taken - self.room));
        }
        if cells.insert(cell, next).is_none() {
            self.held.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes one count back.
    pub(crate) fn refund(&self, key: Key) {
        self.refund_by(key, 1);
    }

    /// Takes so many counts back.
    pub(crate) fn refund_by(&self, key: Key, count: u32) {
        let cell = self.cell(key);
        if let Some(shard) = self.shard(cell)
            && let Some(until) = shard.lock().get_mut(&cell)
        {
            *until = until.saturating_sub(self.step.saturating_mul(u64::from(count)));
        }
    }

    /// How many counts its cell holds now.
    pub(crate) fn level(&self, key: Key) -> u32 {
        let (cell, now) = (self.cell(key), self.now());
        let until = self
            .shard(cell)
            .and_then(|shard| shard.lock().get(&cell).copied());
        let taken = until.unwrap_or(now).saturating_sub(now);
        u32::try_from(taken.div_ceil(self.step)).unwrap_or(u32::MAX)
    }

    /// Whether its cell has no room for another.
    pub(crate) fn is_full(&self, key: Key) -> bool {
        u64::from(self.level(key)) * self.step >= self.room
    }

    /// Forgets the cells that hold nothing any more.
    pub(crate) fn forget(&self) {
        let now = self.now();
        for shard in &self.shards {
            let mut cells = shard.lock();
            let before = cells.len();
            cells.retain(|_, until| *until > now);
            self.held.fetch_sub(before - cells.len(), Ordering::Relaxed);
            if cells.capacity() > 4 * cells.len() {
                cells.shrink_to_fit();
            }
        }
    }

    /// Cells that are held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Gcra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gcra")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Key {
        Key {
            exact: Client::V4(number),
            network: u64::from(number >> 16),
        }
    }

    #[test]
    fn a_cell_holds_what_it_may_and_gives_back_what_was_taken_back() {
        let cells = Gcra::new(3, Duration::from_secs(60));
        assert!((0..3).all(|_| cells.charge(key(1)).is_ok()));
        assert_eq!(cells.level(key(1)), 3);
        assert!(cells.is_full(key(1)) && !cells.is_full(key(2)));
        let wait = cells.charge(key(1)).expect_err("full");
        assert!(wait > Duration::from_secs(58) && wait <= Duration::from_secs(60));
        cells.refund(key(1));
        assert!(cells.charge(key(1)).is_ok() && cells.charge(key(1)).is_err());
        assert!(cells.charge(key(2)).is_ok());
        cells.refund(key(3));
        assert_eq!(cells.level(key(3)), 0, "what was never counted");
    }

    #[test]
    fn what_has_leaked_away_is_forgotten() {
        let cells = Gcra::new(2, Duration::from_millis(1));
        assert!(cells.charge(key(1)).is_ok());
        std::thread::sleep(Duration::from_millis(5));
        cells.forget();
        assert_eq!((cells.len(), cells.level(key(1))), (0, 0));
    }

    #[test]
    fn a_flood_from_one_network_leaves_the_others_their_room() {
        let cells = Gcra::new(2, Duration::from_secs(3_600));
        let known = key(0xc000_0201);
        assert!(cells.charge(known).is_ok());
        let flood =
            |from: u32, to: u32| (from..to).filter(|n| cells.charge(key(*n)).is_ok()).count();
        let most = consts::RATE_KEYS + usize::from(consts::RATE_SLOTS);
        assert!(flood(0, 150_000) <= consts::RATE_KEYS + 2 * 3);
        assert!(cells.len() <= most, "{}", cells.len());
        assert!(
            cells.charge(known).is_ok(),
            "who was counted before the flood"
        );
        let elsewhere = (0..100).filter(|net| cells.charge(key(0xcb00_0000 + (net << 16))).is_ok());
        assert!(elsewhere.count() >= 90, "who comes from elsewhere");
    }
}
