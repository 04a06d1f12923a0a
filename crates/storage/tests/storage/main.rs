//! Storage on real databases: SQLite always, PostgreSQL on the server that `LOTSE_TEST_POSTGRES` names.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; tests look into the databases behind storage's back"
)]

mod access;
mod archive;
mod batch;
mod directory;
mod doubles;
mod erasure;
mod failure;
mod feeds;
mod integrity;
mod order;
mod quality;
mod quota;
mod registration;
mod reviews;
mod rooms;
mod schema;
mod support;
