//! The client towards peers, against peers that misbehave. All of them are on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may end with a panic, and starts what it needs"
)]

mod bodies;
mod guard;
mod heads;
mod server;
