//! Moments that one clock wrote down and another reads. Clocks go wrong: by a day after a battery was changed, by years
//! before the network has set them. What was to last for a while must then neither last for as much longer nor stand in
//! anybody's way for as long, so every stored end has an upper bound, and this is the one place that knows how.

use chrono::{DateTime, TimeDelta, Utc};

/// How far the clocks of the machines of one node may be apart.
pub const SKEW: TimeDelta = TimeDelta::minutes(5);
/// By how much the clocks of two nodes may differ: what another node dates further ahead than this has not happened yet.
pub const SKEW_OF_NODES: TimeDelta = TimeDelta::minutes(10);

/// Whether something that ends at `end` still stands, where nothing of its kind is ever given more than `most`: what ends
/// later than that from now was written down by a clock that was ahead, and is void.
#[must_use]
pub fn stands(end: DateTime<Utc>, now: DateTime<Utc>, most: TimeDelta) -> bool {
    now < end && end - now <= most
}

/// Whether something that was made at `made` to end at `end` counts: not beyond its end, nor before it was made.
#[must_use]
pub fn counts(made: DateTime<Utc>, end: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    stands(end, now, end - made + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clock_that_was_ahead_wrote_down_is_void() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let hour = TimeDelta::hours(1);
        assert!(stands(now + hour, now, hour));
        assert!(!stands(now, now, hour));
        assert!(!stands(now + hour * 2, now, hour));
        assert!(counts(now, now + hour, now));
        assert!(counts(now + SKEW, now + hour, now));
        assert!(!counts(now - hour, now, now));
        let ahead = now + TimeDelta::days(1);
        assert!(!counts(ahead, ahead + hour, now));
        assert!(counts(ahead, ahead + hour, ahead));
    }
}
