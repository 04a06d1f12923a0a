//! All tests of the whole product, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, what should not happen ends the test"
)]

mod attack;
mod bad_input;
mod blocks;
mod caching;
mod clock;
mod commands;
mod console;
mod damage;
mod database_identity;
mod docker;
mod erasure;
mod exports;
mod federation;
mod frozen;
mod full_disk;
mod hostile;
mod kill;
mod limits;
mod operator;
mod outage;
mod processes;
mod proxy;
mod quality;
mod readme;
mod ready;
mod retention;
mod roles;
mod rooms;
mod signals;
mod tokens;
