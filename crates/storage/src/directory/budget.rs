//! How many bytes each owner has lately written: buckets that leak, in the memory of this process.

use std::collections::HashMap;
use std::time::Instant;

use domain::{EntryId, Quota};
use parking_lot::Mutex;

use crate::limits;

/// What one owner has written and what has not leaked away since.
#[derive(Debug, Clone, Copy)]
struct Spent {
    bytes: u64,
    at: Instant,
}

/// What owners have lately written.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    owners: Mutex<HashMap<EntryId, Spent>>,
}

impl Spent {
    fn left(self, quota: &Quota, now: Instant) -> u64 {
        let millis = now.saturating_duration_since(self.at).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        let leaked = millis.saturating_mul(quota.written_per_minute) / 60_000;
        self.bytes.saturating_sub(leaked)
    }
}

impl Budget {
    /// The bytes that an owner has written and that still count.
    pub(crate) fn spent(&self, quota: &Quota, owner: EntryId) -> u64 {
        let owners = self.owners.lock();
        owners
            .get(&owner)
            .map_or(0, |spent| spent.left(quota, Instant::now()))
    }

    /// Counts bytes that an owner writes.
    pub(crate) fn spend(&self, quota: &Quota, owner: EntryId, bytes: u64) {
        let now = Instant::now();
        let mut owners = self.owners.lock();
        // Whoever has written nothing for a while need not be known. There are no more owners than organisations here.
        if owners.len() >= limits::BUDGETS {
            owners.retain(|_, spent| spent.left(quota, now) > 0);
        }
        let spent = owners.entry(owner).or_insert(Spent { bytes: 0, at: now });
        *spent = Spent {
            bytes: spent.left(quota, now).saturating_add(bytes),
            at: now,
        };
    }
}
