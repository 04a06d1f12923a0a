//! The surface as a client meets it: a real server on a free port, spoken to over HTTP.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod bodies;
mod node;
mod sign_in;
mod surface;
