//! Every limit of the HTTP surface, in one place. Limits on what an entry may hold stand in `domain::limits`.

use std::time::Duration;

/// Bytes of an ordinary request body. Routes that take more say so where they are declared.
pub const BODY_BYTES: usize = domain::limits::ENTRY_BYTES;
/// Bytes of all bodies that are read or worked on at once. A node has room for this beside its directory; a few hundred
/// connections that each send their largest body have to wait their turn.
pub const ARRIVING_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of the bodies of one client at once: more than any one body has that is read as a whole.
pub const ARRIVING_BYTES_EACH: usize = 8 * 1024 * 1024;
/// Bytes of a batch that is applied as a whole, because all of it is held in memory until it is, several times over: as
/// text, as what it says, and as what is written.
pub const WHOLE_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// How long a body may be on its way before it yields its room to others where there is none left.
pub const ARRIVING_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that are kept of all bodies that stream: one such batch beside the third that is kept for those who need little.
/// Only partners send such.
pub const STREAM_BYTES: usize = WHOLE_BATCH_BYTES / 2 * 3;
/// Bytes that are set aside for a body before any of it has arrived, however long it says that it is.
pub const BODY_CAPACITY: usize = 64 * 1024;
/// Bytes of all answers that are on their way, before they are compressed. Whoever takes an answer holds none of it: what a
/// connection's buffers take is the system's.
pub const LEAVING_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of the answers of one client that are on their way: more than the largest answer has that is made as a whole.
pub const LEAVING_BYTES_EACH: usize = 12 * 1024 * 1024;
/// How long an answer may stand still before it yields its room to others where there is none left. Most wait for nobody:
/// the system takes [`SEND_BUFFER_BYTES`] of each at once.
pub const LEAVING_PATIENCE: Duration = Duration::from_millis(200);
/// Connections whose answers stand still, at once: each holds what the framework has ready for it. Beyond that the one that
/// has stood still the longest is given up.
pub const STALLED: usize = 512;
/// Answers up to so many bytes are not counted: the buffers of their connection hold as much.
pub const ANSWER_BYTES_FREE: u64 = 16 * 1024;
/// Bytes that compressing an answer takes meanwhile.
pub const ENCODER_BYTES: usize = 384 * 1024;
/// Bytes of an answer that are handed over at once. The framework keeps 32 KB ready and one piece more.
pub const PIECE_BYTES: usize = 16 * 1024;
/// Answers that are made while they are sent, at once. Each keeps the directory as it was when it began.
pub const EXPORTS: usize = 16;
/// Such answers of one client.
pub const EXPORTS_EACH: usize = 4;
/// How long one may stand still before it yields to another where there are too many.
pub const EXPORTS_PATIENCE: Duration = Duration::from_secs(2);
/// Connections of one client: an office behind one address keeps some for each of its browsers.
pub const CONNECTIONS_EACH: usize = 256;
/// Requests in flight of one client behind a proxy, whose connections cannot be counted.
pub const REQUESTS_EACH: usize = 64;
/// How long a connection is kept on which nothing is asked.
pub const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// How long the head of a request may take to arrive.
pub const HEAD_TIME: Duration = Duration::from_secs(10);
/// What our own look at a head waits longer than the framework's, which can still say 408.
pub const HEAD_SLACK: Duration = Duration::from_secs(1);
/// How long an answer may stand still.
pub const WRITE_TIME: Duration = Duration::from_secs(30);
/// Bytes of an answer that go out within [`WRITE_TIME`] at least: a tenth of what the slowest mobile networks carry.
pub const WRITE_BYTES: usize = 16 * 1024;
/// Bytes that the system holds for a connection that does not take them. It doubles the number for its own needs.
pub const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// Bytes that are read from a connection whose request, without a body, is worked on: what is asked next.
pub const READ_AHEAD_BYTES: usize = 16 * 1024;
/// Bytes of all heads that are larger than most, while they arrive and until their requests are answered. The framework keeps
/// up to 128 KB of each, and of one client's connections that is more than all of this.
pub const HEADS_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of the large heads of one client.
pub const HEADS_BYTES_EACH: usize = 2 * 1024 * 1024;
/// How long a large head may be on its way before it yields its room to others where there is none left.
pub const HEADS_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a head that are not counted: what browsers send, cookies and all.
pub const HEAD_BYTES_FREE: usize = 8 * 1024;
/// Bytes of a head that the framework keeps at most.
pub const HEAD_BYTES: usize = 128 * 1024;
/// Bytes that may arrive between requests without being one: the rest of a body that nobody reads.
pub const DRAIN_BYTES: usize = 4 * 1024 * 1024;
/// How long a connection waits, after an answer that ends it, for what is still on its way.
pub const LINGER: Duration = Duration::from_secs(1);
/// Seconds after which it makes sense to try again where there was no room.
pub const BUSY_SECONDS: u64 = 2;
/// How long a body may take to arrive, and a stream may pause. Shorter than a request may take unless it is configured
/// otherwise, so that whoever sends slowly hears that it was them.
pub const BODY_TIME: Duration = Duration::from_secs(20);
/// Bytes of a form body at the token endpoint.
pub const FORM_BYTES: usize = 4 * 1024;
/// Bytes of a query string.
pub const QUERY_BYTES: usize = 8 * 1024;
/// Characters of a request id that a trusted proxy may set.
pub const REQUEST_ID: usize = 36;
/// Entity tags in one `If-Match` or `If-None-Match`.
pub const ENTITY_TAGS: usize = 20;
/// Bytes of a bearer token or session cookie that are looked at.
pub const TOKEN_BYTES: usize = 4 * 1024;
/// Hops that are followed in `Forwarded` or `X-Forwarded-For`.
pub const FORWARDED_HOPS: usize = 32;

/// How long an access token lives.
pub const TOKEN_SECONDS: i64 = 600;
/// Clock difference between processes that share a key, in seconds.
pub const TOKEN_LEEWAY: i64 = 5;
/// How long a session lives without being used.
pub const SESSION_IDLE_HOURS: i64 = 12;
/// How long a session lives at most.
pub const SESSION_DAYS: i64 = 7;
/// A session's last use is written down at most this often.
pub const SESSION_TOUCH_MINUTES: i64 = 15;
/// How long a password reset link works.
pub const RESET_HOURS: i64 = 24;

/// Characters of the shortest password (NIST SP 800-63B asks for at least 8, and advises 15 where it stands alone).
pub const PASSWORD_SHORTEST: usize = 12;
/// Characters of the longest password: hashing time must not depend on the caller.
pub const PASSWORD_LONGEST: usize = 128;
/// Passwords that are hashed at the same time; each takes 19 MiB and a thread.
pub const PASSWORD_HASHES: usize = 2;
/// Of these, for devices that were never signed in: what strangers guess leaves a place for those who are known.
pub const PASSWORD_HASHES_UNKNOWN: usize = 1;
/// Requests that may wait for their turn to hash a password. Each holds little more than the password.
pub const PASSWORD_WAITING: usize = 256;
/// Of these, from one address (IPv4) or site (IPv6, /48).
pub const PASSWORD_WAITING_EACH: usize = 16;

/// How long a browser keeps that it was signed in before. Each time it signs in it begins anew.
pub const DEVICE_DAYS: i64 = 180;
/// Device cookies of one request that are looked at: people who share a device have one each.
pub const DEVICES: usize = 8;
/// Failures at one account, from devices that were never signed in, at which it is guessed at from many addresses: so many
/// times what one address may fail at once. Then [`BRAKE_PAUSE`] lies between two attempts of one address.
pub const BRAKE_BURSTS: u32 = 5;
/// How long one address waits between two attempts at an account that many guess at.
pub const BRAKE_PAUSE: Duration = Duration::from_secs(300);
/// Failed attempts of one address that are remembered to tell it from others when many wait.
pub const FAILURES_REMEMBERED: u32 = 1_000;
/// How long each of these is remembered.
pub const FAILURE_FORGOTTEN: Duration = Duration::from_secs(60);

/// Clients that are counted one by one, per kind of limit. Above, they share counters.
pub const RATE_KEYS: usize = 100_000;
/// Shared counters when there are more clients than [`RATE_KEYS`].
pub const RATE_SLOTS: u16 = 4_096;
/// How many checks pass between two looks at the number of clients.
pub const RATE_LOOK: u32 = 1_024;
/// So many times what one network (/64) may ask is what a whole site (/48) may: else whoever has one would count for
/// 65,536.
pub const RATE_SITE_SHARE: u32 = 8;
/// Registrations that are kept from one address (IPv4) or site (IPv6) in a day, in bursts of its limit, while few wait. The
/// more wait, the fewer they are: see [`crate::places`].
pub const REGISTRATIONS_A_DAY: u32 = 2;
/// Corrections that are kept from one address or site in a day, in bursts of its limit.
pub const CORRECTIONS_A_DAY: u32 = 20;
/// So many times what one address or site may take of these is what its large network (IPv4 /16, IPv6 /32) may: a provider
/// has many customers, and whoever attacks has more addresses than networks.
pub const PLACES_NETWORK_SHARE: u32 = 2;
/// Accounts, one-time links and clients that are made for one organisation by its own people in a day, and sessions that one
/// account begins, in bursts of the limit on writes: more than it has members and clients.
pub const MADE_A_DAY: u32 = 5;

/// How long a write waits until this process has heard of it.
pub const ARRIVAL_WAIT: Duration = Duration::from_secs(10);
/// A read that is slower than this is logged like a write.
pub const SLOW_READ: Duration = Duration::from_millis(500);
/// Kinds of refusals that are counted apart between two summaries.
pub const TALLY_KINDS: usize = 200;
/// Seconds between two summaries in the log.
pub const TALLY_SECONDS: u64 = 60;
