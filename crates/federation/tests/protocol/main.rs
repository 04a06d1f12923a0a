//! What is refused of statements, heads and pages, and by which name.
#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

mod following;
mod heads;
#[path = "../simulation/memory.rs"]
#[expect(dead_code, reason = "only following is tried here")]
mod memory;
mod pages;
mod statements;
mod table;
