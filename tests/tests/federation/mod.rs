//! Nodes that follow each other.

mod agree;
mod deny;
mod handshake;
mod horizon;
mod hostile;
mod identity;
mod journal;
mod keys;
mod kill;
mod places;
mod processes;
mod quarantine;
mod quota;
mod repair;
mod restore;
mod rotation;
mod strangers;
mod sweep;
