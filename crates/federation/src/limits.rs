//! Every limit on what other nodes may ask of this one, in one place. What they may answer is limited in
//! [`crate::outbound::limits`], what a page or a document may hold by `protocol`.

/// Days for which a stranger's request waits.
pub(crate) const STRANGER_DAYS: i64 = 14;
/// Strangers that may wait at once. Beyond, the oldest that no admin has seen makes room: anybody can ask in any name, so
/// that a full list may lock nobody out.
pub(crate) const STRANGERS: usize = 100;
/// Strangers of one site (see [`crate::strangers::site`]) that may wait at once.
pub(crate) const STRANGERS_PER_SITE: usize = 3;
/// Seconds within which a stranger that asks again changes nothing: it asks every minute or so.
pub(crate) const STRANGER_ASKS_SECONDS: i64 = 30;
/// Seconds between two notes in the database that somebody else speaks in the name of a stranger.
pub(crate) const CONTEST_SECONDS: u64 = 60;

/// Bytes of a hint, which says nothing but that there is news.
pub(crate) const HINT_BYTES: usize = 1024;
/// Bytes of a message of a node that nobody here has dealt with: the largest identity document, with what surrounds it.
pub(crate) const STRANGER_BYTES: usize = crate::protocol::document::MAX_BYTES + 4 * 1024;
/// Bytes of a message of a node that an admin has approved or asked for: it may bring the documents that were missed here.
pub(crate) const PEER_BYTES: usize = 1024 * 1024;
/// Bytes of identity documents that go along with a request to follow: whoever does not know this node reads no more than
/// [`STRANGER_BYTES`].
pub(crate) const SENT_BYTES: usize = 48 * 1024;

/// Signed requests of one peer that are remembered at once, in some 100 bytes each. An honest one that pulls all of a large
/// feed reads some 30 pages a second at most, and each is remembered for as long as its signature is valid, which is
/// [`crate::protocol::http_signature::MAX_AGE`] seconds at most.
pub(crate) const NONCES_PER_PEER: usize = 16_384;
/// Signed requests of all strangers that are remembered at once: a new one takes the place of the oldest.
pub(crate) const NONCES_OF_STRANGERS: usize = 4_096;

/// Messages of strangers that are looked at at once, in all and from one address.
pub(crate) const STRANGERS_AT_ONCE: (usize, usize) = (4, 2);
/// Messages of approved peers that are looked at at once, in all and from one address.
pub(crate) const PEERS_AT_ONCE: (usize, usize) = (8, 4);
/// Pages and digests of the public feed that are made at once for anybody, in all and for one address. Each page takes up
/// to twice [`crate::protocol::page::MAX_BYTES`] while it is made.
pub(crate) const PUBLIC_READS_AT_ONCE: (usize, usize) = (6, 3);
/// The same of the network feed for approved peers, in all and for one peer, from whatever addresses it asks: an honest one
/// reads a page at a time, from each of its processes.
pub(crate) const NETWORK_READS_AT_ONCE: (usize, usize) = (8, 3);
/// How often a place is looked for, and after which pauses: most are free again within milliseconds.
pub(crate) const PLACE_LOOKS: usize = 40;
/// See [`PLACE_LOOKS`].
pub(crate) const PLACE_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
/// Seconds after which whoever found no room may try again.
pub(crate) const BUSY_SECONDS: u64 = 2;
