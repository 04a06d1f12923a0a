//! What every HTTP surface of a node shares: problem documents, strict reading, sign-in, limits, conditional requests and
//! the middleware around all of it.
//!
//! It decides nothing about entries: handlers of other crates do, through `domain` and `storage`.

pub mod answers;
pub mod attempts;
pub mod body;
pub mod client;
mod clock;
pub mod conditional;
pub mod connection;
pub mod consts;
pub mod drain;
mod gcra;
pub mod json;
pub mod load;
pub mod metrics;
mod places;
pub mod problem;
pub mod query;
pub mod rate;
mod request_id;
pub mod server;
pub mod sign_in;
pub mod surface;
pub mod tally;

pub use body::JsonLines;
pub use clock::Clock;
pub use conditional::{Caching, IfMatch};
pub use json::{Json, JsonBytes, TableBytes, ValidJson, one_line};
pub use problem::{Code, Problem};
pub use query::{Path, Query};
pub use request_id::RequestId;
pub use sign_in::{Access, Reader, SignIn, SignedIn, Visitor};
pub use surface::method_sent;
