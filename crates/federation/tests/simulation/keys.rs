//! Keys of the nodes, with signatures that are real or only look so.

use std::sync::LazyLock;

use lotse_federation::protocol::key::{Ed25519, PublicKey, SecretKey, Signer, Verifier};
use sha2::{Digest, Sha256};

/// Whether signatures are real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signatures {
    Stubbed,
    Real,
}

static SECRETS: LazyLock<Vec<(SecretKey, PublicKey)>> = LazyLock::new(|| {
    (1..=64_u8)
        .map(|n| {
            let secret = SecretKey::from_seed([n; 32]);
            let public = secret.public();
            (secret, public)
        })
        .collect()
});

/// The key with this number, of 64.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    number: usize,
    signatures: Signatures,
}

impl Key {
    pub(crate) fn new(number: usize, signatures: Signatures) -> Self {
        Self {
            number: number % SECRETS.len(),
            signatures,
        }
    }
}

fn stub(public: &PublicKey, message: &[u8]) -> [u8; 64] {
    let mut hash = Sha256::new();
    hash.update(public.as_bytes());
    hash.update(message);
    let half: [u8; 32] = hash.finalize().into();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&half);
    signature[32..].copy_from_slice(&half);
    signature
}

impl Signer for Key {
    fn public(&self) -> PublicKey {
        SECRETS[self.number].1
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        match self.signatures {
            Signatures::Real => SECRETS[self.number].0.sign(message),
            Signatures::Stubbed => stub(&self.public(), message),
        }
    }
}

impl Verifier for Signatures {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
        match self {
            Self::Real => Ed25519.verify(key, message, signature),
            Self::Stubbed => stub(key, message) == *signature,
        }
    }
}
