//! Everything that a node keeps: all SQL of Lotse lives here.
//!
//! One query code serves SQLite and PostgreSQL. Queries run synchronously on a thread that may block, one hop away from
//! the caller; all methods are asynchronous.
//!
//! Invariants, each held by a test:
//!
//! - All writes go through one `write()`. Arrival numbers are dense and commit in order, whatever process writes.
//! - What [`Directory::changes_since`] has handed out up to a cursor is complete.
//! - A write happens as a whole or not at all, with its history, audit and idempotency outcome.
//! - A database that is newer than this software is not touched.
//!
//! Start reading at [`Storage`], then `database.rs` (the two doors) and `directory/` (what happens behind them).

mod access;
mod accounts;
mod archive;
mod audit;
mod cleanup;
mod clients;
mod connection;
mod corrections;
mod database;
mod decided;
mod directory;
mod distributions;
mod erasure;
mod error;
pub mod feeds;
mod idempotency;
mod integrity;
mod invitations;
pub mod limits;
mod migration;
mod opened;
mod registrations;
mod resets;
mod rows;
mod schema;
mod sessions;
mod sql_types;
mod storage;

pub use access::Membership;
pub use accounts::{Account, Accounts, NewAccount, fold_email};
pub use archive::{Archived, unfinished};
pub use audit::{Audit, Audited};
pub use cleanup::Cleaned;
pub use clients::{Client, Clients, NewClient};
pub use connection::Waits;
pub use corrections::{Correction, CorrectionState, Corrections, NewCorrection};
pub use decided::Decided;
pub use directory::{
    Access, Applied, BatchMode, BatchOutcome, Changed, Changes, Directory, Outcome, ReviewCursor,
    ReviewState, ReviewsWaiting, Revision, Stored,
};
pub use distributions::Distributions;
pub use error::{Conflict, Result, StorageError};
pub use idempotency::Idempotency;
pub use integrity::{Finding, Integrity};
pub use invitations::{Invitation, Invitations};
pub use registrations::{NewRegistration, Registration, RegistrationState, Registrations};
pub use sessions::{Session, Sessions};
pub use storage::{Settings, Storage};
