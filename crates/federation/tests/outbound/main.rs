//! The client towards peers, against peers that misbehave. All of them are on loopback.

#![expect(clippy::unwrap_used, reason = "a test may end with a panic")]

mod bodies;
mod guard;
mod heads;
mod server;
