//! What must hold of forms, seen from outside the crate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where something is not as it must be"
)]

extern crate lotse_forms as forms;

mod common;
mod harmful;
mod pages;
mod places;
mod round_trip;
mod shipped;
mod wrong_rows;
