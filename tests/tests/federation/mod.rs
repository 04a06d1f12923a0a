//! Nodes that follow each other.

mod agree;
mod deny;
mod handshake;
mod horizon;
mod hostile;
mod keys;
mod kill;
mod processes;
mod quota;
mod restore;
mod sweep;
