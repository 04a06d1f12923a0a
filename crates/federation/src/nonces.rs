//! Signed requests that change something may not come twice within the time for which their signature is valid.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Requests that are remembered at once; beyond that signed requests are refused until some have run out.
const MOST: usize = 100_000;

/// Signatures that were seen, until they run out. Kept by each process for itself: what comes twice at two processes is
/// a hint or a request that says the same again, which does no harm.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    known: HashSet<(String, String)>,
    by_end: BTreeMap<i64, Vec<(String, String)>>,
}

impl Nonces {
    /// Whether a signature with this nonce is new. `end` and `now` are in Unix seconds.
    pub(crate) fn is_new(&self, key: &str, nonce: &str, end: i64, now: i64) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = seen.by_end.split_off(&now);
        for (_, over) in std::mem::replace(&mut seen.by_end, alive) {
            for gone in over {
                seen.known.remove(&gone);
            }
        }
        let name = (key.to_owned(), nonce.to_owned());
        if seen.known.len() >= MOST || !seen.known.insert(name.clone()) {
            return false;
        }
        seen.by_end.entry(end).or_default().push(name);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Nonces;

    #[test]
    fn what_comes_twice_is_noticed_until_it_has_run_out() {
        let nonces = Nonces::default();
        assert!(nonces.is_new("k", "a", 100, 10));
        assert!(!nonces.is_new("k", "a", 100, 99));
        assert!(nonces.is_new("other", "a", 100, 99));
        assert!(nonces.is_new("k", "a", 300, 101));
    }
}
