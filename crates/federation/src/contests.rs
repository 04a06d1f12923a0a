//! How often somebody with other keys speaks in the name of a node that waits. Told to admins with the node, and written
//! down so seldom that the writing is no way to keep the database busy.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::federation::Federation;
use crate::limits::CONTEST_SECONDS;

/// What has not been written down yet, by peer.
#[derive(Debug, Default)]
pub(crate) struct Contests(Mutex<BTreeMap<i64, Contest>>);

#[derive(Debug, Default)]
struct Contest {
    times: u64,
    written: Option<Instant>,
}

impl Contests {
    /// Counts one; gives how many are to be written down now, if any are.
    fn add(&self, peer: i64, now: Instant) -> Option<u64> {
        let mut contests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = Duration::from_secs(CONTEST_SECONDS);
        // Whoever was quiet for so long is not among those that wait any more, or begins anew.
        contests.retain(|_, contest| {
            contest
                .written
                .is_none_or(|written| now.saturating_duration_since(written) < 60 * pause)
        });
        let contest = contests.entry(peer).or_default();
        contest.times += 1;
        let due = contest
            .written
            .is_none_or(|written| now.saturating_duration_since(written) >= pause);
        due.then(|| {
            contest.written = Some(now);
            std::mem::take(&mut contest.times)
        })
    }
}

impl Federation {
    /// Notes that somebody with other keys has spoken in the name of a peer.
    pub(crate) fn contested(&self, peer: i64) {
        let Some(times) = self.contests().add(peer, Instant::now()) else {
            return;
        };
        let federation = self.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "one short write, whose failure is told"
        )]
        tokio::spawn(async move {
            let now = federation.now();
            let noted = federation.peers().mark_contested(peer, times, now).await;
            if let Err(error) = noted {
                tracing::debug!(code = error.code(), "a contest was not noted");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_counted_and_few_are_written() {
        let (contests, begun) = (Contests::default(), Instant::now());
        let after = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(contests.add(1, begun), Some(1));
        for _ in 0..1_000 {
            assert_eq!(contests.add(1, after(CONTEST_SECONDS - 1)), None);
        }
        assert_eq!(contests.add(2, after(1)), Some(1));
        assert_eq!(contests.add(1, after(CONTEST_SECONDS)), Some(1_001));
    }
}
