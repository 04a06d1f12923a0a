//! The index from outside.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod basic;
mod common;
mod damage;
mod erasing;
mod naive;
