//! A large directory that is the same on every run, for measurements and for tests.

pub mod entries;
pub mod words;
