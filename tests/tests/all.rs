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
mod damaged_database;
mod data_folder;
mod database_identity;
mod docker;
mod erasure;
mod exports;
mod federation;
mod frozen;
mod full_disk;
mod hostile;
mod interrupted;
mod kill;
mod limits;
mod no_file;
mod operator;
mod other_signals;
mod outage;
mod output;
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
