//! The machine's clock, read in this one place. Everything that decides gets the time passed in.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Days, Utc};

/// How many days this process is ahead of the machine (setting `days_ahead`).
static AHEAD: AtomicU32 = AtomicU32::new(0);

/// Sets the clock ahead, to rehearse on a copy of a directory what falls due by then.
pub(crate) fn set_ahead(days: u32) {
    AHEAD.store(days, Ordering::Relaxed);
}

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the program that asks the machine"
)]
pub(crate) fn now() -> DateTime<Utc> {
    let now = Utc::now();
    let ahead = Days::new(AHEAD.load(Ordering::Relaxed).into());
    now.checked_add_days(ahead).unwrap_or(now)
}
