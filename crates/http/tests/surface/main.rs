//! The surface as a client meets it: a real server on a free port, spoken to over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "tokens expire by the real clock")]

mod bodies;
mod log;
mod node;
mod sign_in;
mod surface;
