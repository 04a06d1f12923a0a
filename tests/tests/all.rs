//! All tests of the whole product, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test, what should not happen ends the test"
)]

mod bad_input;
mod blocks;
mod docker;
mod kill;
mod outage;
mod processes;
mod proxy;
mod readme;
mod roles;
mod tokens;
