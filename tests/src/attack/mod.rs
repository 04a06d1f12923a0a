//! Attacks on a running node, over loopback and bounded in number and time: `cargo xtask attack` makes them on a release
//! build and measures what honest readers feel of it; the tests make them in short and hold bytes and refusals.

pub mod bodies;
mod connections;
mod federation;
pub mod field;
mod floods;
pub mod ground;
pub mod honest;
mod malformed;
mod queries;
pub mod report;
pub mod run;
mod secrets;
pub mod wire;

pub use field::{Bounds, Counts, Field, Target};

/// One way to attack a node.
pub struct Attack {
    /// What it is called in tables and on the command line.
    pub name: &'static str,
    /// What it does, in a few words.
    pub does: &'static str,
    /// How many threads make it.
    pub threads: usize,
    /// Makes it, until its field is over.
    pub make: fn(&Field<'_>),
    /// Statuses that would mean that it came through. 500 always does.
    pub never: &'static [u16],
}

/// All of them.
pub const ALL: &[Attack] = &[
    bodies::BOMBS,
    bodies::LENGTHS,
    bodies::ENDLESS,
    bodies::DRIPS,
    connections::HEADS,
    connections::SILENT,
    connections::NEVER_READ,
    connections::CHURN,
    malformed::MALFORMED,
    queries::EXPENSIVE,
    federation::WRONG_SIGNATURES,
    federation::NONCES,
    federation::QUEUE,
    secrets::PASSWORDS,
    secrets::CLIENT_SECRETS,
    floods::REFUSALS,
    floods::IDEMPOTENCY_KEYS,
    floods::FORMS,
];
