//! Every limit of the HTTP surface, in one place. Limits on what an entry may hold stand in `domain::limits`.

use std::time::Duration;

/// Bytes of an ordinary request body. Routes that take more say so where they are declared.
pub const BODY_BYTES: usize = domain::limits::ENTRY_BYTES;
/// How long a body may take to arrive. Shorter than a request may take unless it is configured otherwise, so that
/// whoever sends slowly hears that it was them.
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
pub const TOKEN_LEEWAY: u64 = 5;
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
/// Requests that may wait for their turn to hash a password.
pub const PASSWORD_WAITING: usize = 64;

/// Clients that are counted one by one, per kind of limit. Above, they share counters.
pub const RATE_KEYS: usize = 100_000;
/// Shared counters when there are more clients than [`RATE_KEYS`].
pub const RATE_SLOTS: u16 = 4_096;
/// How many checks pass between two looks at the number of clients.
pub const RATE_LOOK: u32 = 1_024;

/// How long a write waits until this process has heard of it.
pub const ARRIVAL_WAIT: Duration = Duration::from_secs(10);
/// A read that is slower than this is logged like a write.
pub const SLOW_READ: Duration = Duration::from_millis(500);
