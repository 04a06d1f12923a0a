//! Nodes that follow each other.

mod agree;
