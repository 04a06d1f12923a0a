//! What must hold of entries, decisions and outward forms, seen from outside the crate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where something is not as it must be"
)]

extern crate lotse_domain as domain;

mod authorisation;
mod decisions;
mod examples;
mod json;
mod outward;
mod parents;
mod patch;
mod quality;
mod quota;
mod store;
mod wrong_input;
