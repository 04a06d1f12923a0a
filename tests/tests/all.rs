//! All tests of the whole product, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test, what should not happen ends the test"
)]

mod bad_input;
mod blocks;
mod docker;
mod proxy;
mod roles;
mod tokens;
