//! The pure part of federation: what is written and checked, without any input or output.

pub mod canonical;
pub mod did;
pub mod document;
pub mod follow;
pub mod head;
pub mod http_signature;
pub mod journal;
pub mod key;
pub mod message;
pub mod page;
pub mod policy;
pub mod proof;
pub mod publish;
pub mod refusal;
pub mod statement;
pub mod store;
pub mod tree;

/// SHA-256: of a statement's line, a page's rows, a head.
#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> domain::feed::Digest {
    use sha2::Digest as _;
    domain::feed::Digest(sha2::Sha256::digest(bytes).into())
}
