//! What somebody sends who means harm: more than they say, more slowly than anybody, without end, without listening.

mod bodies;
mod costs;
mod log;
mod readers;
mod sign_in;
mod tags;
