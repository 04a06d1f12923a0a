//! Random secrets: client secrets, session tokens, claim tokens, reset links. Each holds 256 bits, so that a plain hash
//! protects it (there is nothing to guess); passwords are another matter and live in [`super::password`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// A new secret: shown once, stored as its hash only.
#[derive(Clone)]
pub struct Secret {
    /// What its owner gets: a prefix that says what it is (so that scanners for leaked secrets find it) and 43 letters.
    pub plain: String,
    /// What is stored.
    pub hash: String,
}

impl Secret {
    /// Makes a secret from the random source of the operating system.
    ///
    /// # Errors
    /// 500 when the operating system gives no randomness.
    pub fn mint(prefix: &'static str) -> Result<Self, Problem> {
        let plain = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random()?));
        Ok(Self {
            hash: hash(&plain),
            plain,
        })
    }
}

/// Only that there is one.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// 32 bytes from the operating system.
pub(crate) fn random() -> Result<[u8; 32], Problem> {
    use rand::TryRng as _;
    let mut bytes = [0; 32];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Problem::internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}

/// SHA-256 in hexadecimal: the form in which secrets are stored and looked up.
#[must_use]
pub fn hash(plain: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(plain.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Whether a secret has this hash, in time that does not depend on how much of it is right.
#[must_use]
pub fn matches(plain: &str, stored: &str) -> bool {
    hash(plain).as_bytes().ct_eq(stored.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_its_own_hash_only() {
        let (a, b) = (
            Secret::mint("lotse_x_").expect("random"),
            Secret::mint("lotse_x_").expect("random"),
        );
        assert!(a.plain.len() == 51 && a.plain.starts_with("lotse_x_") && a.plain != b.plain);
        assert!(matches(&a.plain, &a.hash) && !matches(&a.plain, &b.hash) && !matches("", &a.hash));
        assert_eq!(
            hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
