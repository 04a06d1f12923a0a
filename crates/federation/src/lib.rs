//! How nodes share what they know: names, canonical bytes, and later statements, feeds and peers.
//!
//! Federation is pull, signed and gap-free: an origin publishes feeds of signed statements, and followers fetch, verify
//! and apply them in order. [`protocol`] is its pure part, which neither reads clocks nor opens sockets, so that all of
//! it can be tested and fuzzed as it stands. [`outbound`] is the only door through which a node speaks to others. What
//! there is today is the ground on which the rest will stand: the decentralised identifier of a node, the canonical form
//! over which signatures are made, and that door. Statements, heads, feeds, peers and their routes are not here yet.

mod approval;
mod contests;
mod error;
mod federation;
mod follower;
mod handshake;
mod identity;
mod journal;
mod limits;
mod nonces;
pub mod outbound;
mod peer_view;
mod peers;
mod places;
pub mod protocol;
mod publisher;
mod pull;
mod requests;
pub mod routes;
mod standing;
mod store;
mod strangers;
mod tasks;

pub use approval::Approval;
pub use error::FederationError;
pub use federation::{Federation, Repeated, Settings};
pub use identity::Identity;
pub use journal::{Accepted, FileJournal, JournalError, Trouble, Written};
pub use peer_view::{OwnIdentity, PeerDetail, PeerError, PeerView, Quarantined, Verification};
pub use standing::{Withheld, withhold};
