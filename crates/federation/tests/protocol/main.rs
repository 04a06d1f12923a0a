//! What is refused of statements, heads and pages, and by which name.
#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

mod heads;
mod pages;
mod statements;
mod table;
