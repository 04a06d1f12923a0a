//! Signed requests may not come twice within the time for which their signature is valid.
//!
//! Each approved peer has room of its own, and strangers have another that they share: nobody can fill the room of somebody
//! else.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::limits::{NONCES_OF_STRANGERS, NONCES_PER_PEER};

/// Signatures that were seen, until they run out. Kept by each process for itself: what comes twice at two processes is
/// a hint, a read or a request that says the same again, which changes nothing.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    peers: HashMap<i64, OfPeer>,
    strangers: OfStrangers,
}

/// A digest of key and nonce: as long as its sender likes, both would be.
type Name = [u8; 16];

/// What one peer has signed.
#[derive(Debug, Default)]
struct OfPeer {
    known: HashSet<Name>,
    by_end: BTreeMap<i64, Vec<Name>>,
}

/// What strangers have signed, the oldest first.
#[derive(Debug, Default)]
struct OfStrangers {
    known: HashSet<Name>,
    order: VecDeque<Name>,
}

/// Whether a signature may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is new.
    First,
    /// It came before.
    Again,
    /// This peer has signed so much within the last minutes that nothing more of it can be remembered.
    TooMany,
}

fn name(key: &str, nonce: &str) -> Name {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(key)
        .chain_update([0])
        .chain_update(nonce)
        .finalize()
        .into();
    let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *first
}

impl Nonces {
    /// Whether a signature of an approved peer is new. `end` and `now` are in Unix seconds.
    pub(crate) fn of_peer(&self, peer: i64, (key, nonce): (&str, &str), end: i64, now: i64) -> Use {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.peers.entry(peer).or_default();
        let alive = seen.by_end.split_off(&now);
        for (_, over) in std::mem::replace(&mut seen.by_end, alive) {
            for gone in over {
                seen.known.remove(&gone);
            }
        }
        let name = name(key, nonce);
        if seen.known.contains(&name) {
            return Use::Again;
        }
        if seen.known.len() >= NONCES_PER_PEER {
            return Use::TooMany;
        }
        seen.known.insert(name);
        seen.by_end.entry(end).or_default().push(name);
        Use::First
    }

    /// Whether a signature of a stranger is new, as far as that is remembered.
    pub(crate) fn of_stranger(&self, key: &str, nonce: &str) -> Use {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut seen.strangers;
        let name = name(key, nonce);
        if !seen.known.insert(name) {
            return Use::Again;
        }
        seen.order.push_back(name);
        if seen.order.len() > NONCES_OF_STRANGERS
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.known.remove(&oldest);
        }
        Use::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_is_noticed_until_it_has_run_out() {
        let nonces = Nonces::default();
        assert_eq!(nonces.of_peer(1, ("k", "a"), 100, 10), Use::First);
        assert_eq!(nonces.of_peer(1, ("k", "a"), 100, 99), Use::Again);
        assert_eq!(nonces.of_peer(1, ("other", "a"), 100, 99), Use::First);
        assert_eq!(nonces.of_peer(2, ("k", "a"), 100, 99), Use::First);
        assert_eq!(nonces.of_peer(1, ("k", "a"), 300, 101), Use::First);
        assert_eq!(nonces.of_stranger("k", "a"), Use::First);
        assert_eq!(nonces.of_stranger("k", "a"), Use::Again);
    }

    #[test]
    fn nobody_fills_the_room_of_somebody_else() {
        let nonces = Nonces::default();
        for number in 0..NONCES_OF_STRANGERS * 3 {
            assert_eq!(nonces.of_stranger("k", &number.to_string()), Use::First);
        }
        let seen = nonces.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(seen.strangers.known.len(), NONCES_OF_STRANGERS);
        assert_eq!(seen.strangers.order.len(), NONCES_OF_STRANGERS);
        drop(seen);
        for number in 0..NONCES_PER_PEER {
            let nonce = number.to_string();
            assert_eq!(nonces.of_peer(1, ("k", &nonce), 100, 10), Use::First);
        }
        assert_eq!(nonces.of_peer(1, ("k", "more"), 100, 10), Use::TooMany);
        assert_eq!(nonces.of_peer(2, ("k", "more"), 100, 10), Use::First);
        assert_eq!(nonces.of_peer(1, ("k", "more"), 400, 101), Use::First);
    }
}
