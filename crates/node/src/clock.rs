//! The machine's clock, read in this one place. Everything that decides gets the time passed in.

use chrono::{DateTime, Utc};

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the program that asks the machine"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
