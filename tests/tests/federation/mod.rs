//! Nodes that follow each other.

mod agree;
mod deny;
mod handshake;
mod keys;
mod kill;
mod processes;
mod restore;
mod sweep;
