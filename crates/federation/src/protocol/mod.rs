//! The pure part of federation: what is written and checked, without any input or output.

pub mod canonical;
pub mod did;
pub mod document;
pub mod http_signature;
pub mod key;
pub mod proof;
