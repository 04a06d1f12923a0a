//! Ed25519 keys: how they are written, compared, and used.
//!
//! A public key is written as a Multikey (W3C Controlled Identifiers 1.0 section 2.2.2, FEP-521a): the multicodec prefix
//! of Ed25519, then its 32 bytes, in base58btc with the multibase letter `z`.
//!
//! Signing and verifying go through [`Signer`] and [`Verifier`], so that a key may live elsewhere, and a simulation of
//! many nodes need not spend its time on elliptic curves.

use std::fmt::{self, Write as _};
use std::ops::Deref;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// The multicodec of an Ed25519 public key, `0xed`, as the varint that it is written as.
const MULTICODEC: [u8; 2] = [0xed, 0x01];
/// Characters of a Multikey: what 34 bytes that begin with [`MULTICODEC`] come to, with the letter before them.
const MULTIKEY_CHARS: usize = 48;
/// Bytes of the SHA-256 that a fingerprint shows.
const FINGERPRINT_BYTES: usize = 20;

/// Why something is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the letter `z` and base58btc, of the right length.
    #[error("a public key is written as a Multikey: z6Mk and 44 more letters and digits")]
    Encoding,
    /// A key of another kind than Ed25519.
    #[error("the key is not an Ed25519 key")]
    Kind,
    /// Not a point of the curve in its one spelling, or one of small order, for which anybody can make signatures.
    #[error("the key is not a sound Ed25519 key")]
    Weak,
    /// Not a private key in PEM.
    #[error("the private key is not Ed25519 in PKCS#8 and PEM")]
    Pem,
}

/// An Ed25519 public key that was found sound.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key with these 32 bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Weak`] for what is no point, has another spelling than its own, or has small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Weak)?;
        // RFC 8032 section 5.1.3 wants a coordinate below the prime; the library reads others as well.
        let one_spelling = key.to_edwards().compress().to_bytes() == *bytes;
        if key.is_weak() || !one_spelling {
            return Err(KeyError::Weak);
        }
        Ok(Self(key))
    }

    /// Reads a Multikey: `z6Mk` and 44 more characters.
    ///
    /// # Errors
    /// [`KeyError`], for another encoding, another kind of key, and keys that [`PublicKey::from_bytes`] refuses.
    pub fn from_multikey(text: &str) -> Result<Self, KeyError> {
        let digits = text.strip_prefix('z').ok_or(KeyError::Encoding)?;
        // Decoding takes time that grows with the square of the length.
        if text.len() > 2 * MULTIKEY_CHARS {
            return Err(KeyError::Encoding);
        }
        let bytes = bs58::decode(digits)
            .into_vec()
            .map_err(|_| KeyError::Encoding)?;
        let key = bytes.strip_prefix(&MULTICODEC).ok_or(KeyError::Kind)?;
        Self::from_bytes(key.try_into().map_err(|_| KeyError::Encoding)?)
    }

    /// The key as a Multikey.
    #[must_use]
    pub fn to_multikey(&self) -> String {
        let mut bytes = MULTICODEC.to_vec();
        bytes.extend_from_slice(self.as_bytes());
        format!("z{}", bs58::encode(bytes).into_string())
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// What two people compare on the telephone: the first 20 bytes of the SHA-256 of the key's 32 bytes, in hexadecimal
    /// with small letters, as ten groups of four with a space between.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.as_bytes());
        let mut text = String::with_capacity(FINGERPRINT_BYTES * 5 / 2);
        for (at, byte) in digest.iter().take(FINGERPRINT_BYTES).enumerate() {
            if at > 0 && at % 2 == 0 {
                text.push(' ');
            }
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_multikey())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_multikey())
    }
}

/// Who can sign with a key.
pub trait Signer {
    /// The key by which its signatures are verified.
    fn public(&self) -> PublicKey;
    /// The Ed25519 signature of a message (RFC 8032 section 5.1.6), which is the same each time.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// Who can tell whether a signature is right.
pub trait Verifier: Send + Sync {
    /// Whether the signature of this message was made by the owner of the key.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool;

    /// Whether all of these signatures hold; maybe for less than checking one by one. A `false` does not say which.
    fn verify_all(&self, signed: &[(&PublicKey, &[u8; 64], &[u8; 64])]) -> bool {
        signed
            .iter()
            .all(|(key, message, signature)| self.verify(key, *message, signature))
    }
}

/// The real [`Verifier`]: RFC 8032 section 5.1.7, refusing also points of small order, so that a signature fits one
/// message and one key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ed25519;

impl Verifier for Ed25519 {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        key.0.verify_strict(message, &signature).is_ok()
    }

    /// By one equation for all, with random factors (Bernstein et al., "High-speed high-security signatures", section 5):
    /// half of the work. Keys of small order were refused when they were read.
    fn verify_all(&self, signed: &[(&PublicKey, &[u8; 64], &[u8; 64])]) -> bool {
        let messages: Vec<&[u8]> = signed
            .iter()
            .map(|(_, message, _)| message.as_slice())
            .collect();
        let signatures: Vec<Signature> = signed
            .iter()
            .map(|(_, _, signature)| Signature::from_bytes(signature))
            .collect();
        let keys: Vec<VerifyingKey> = signed.iter().map(|(key, ..)| key.0).collect();
        ed25519_dalek::verify_batch(&messages, &signatures, &keys).is_ok()
    }
}

/// An Ed25519 private key in memory, which is wiped when it is dropped.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key made from 32 random bytes (RFC 8032 section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// Reads PKCS#8 (RFC 5958, RFC 8410) in PEM, with or without the public key.
    ///
    /// # Errors
    /// [`KeyError::Pem`] for anything else.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = SigningKey::from_pkcs8_pem(pem).map_err(|_| KeyError::Pem)?;
        Ok(Self(key))
    }

    /// The key as PKCS#8 version 2 (RFC 5958: with its public key) in PEM, in memory that is wiped when it is dropped.
    ///
    /// # Errors
    /// [`KeyError::Pem`], which does not happen for a key that exists.
    pub fn to_pem(&self) -> Result<impl Deref<Target = String> + use<>, KeyError> {
        self.0
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|_| KeyError::Pem)
    }
}

impl Signer for SecretKey {
    fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// FEP-521a, "Representing Ed25519 public key".
    const FEP_521A: (&str, &str) = (
        "2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6",
        "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    );

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn a_public_key_is_written_as_fep_521a_has_it() {
        let bytes: [u8; 32] = hex(FEP_521A.0).try_into().unwrap();
        let key = PublicKey::from_bytes(&bytes).unwrap();
        assert_eq!(key.to_multikey(), FEP_521A.1);
        assert_eq!(key.to_multikey().len(), MULTIKEY_CHARS);
        assert_eq!(PublicKey::from_multikey(FEP_521A.1), Ok(key));
        assert_eq!(key.as_bytes(), &bytes);
    }

    #[test]
    fn the_key_and_signature_of_rfc_8032_section_7_1_test_1_come_out() {
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let secret = SecretKey::from_seed(seed.try_into().unwrap());
        assert_eq!(
            secret.public().as_bytes().to_vec(),
            hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        );
        let signature = secret.sign(b"");
        assert_eq!(
            signature.to_vec(),
            hex(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            )
        );
        assert!(Ed25519.verify(&secret.public(), b"", &signature));
        assert!(!Ed25519.verify(&secret.public(), b"x", &signature));
    }

    #[test]
    fn keys_for_which_anybody_can_sign_or_with_two_spellings_are_refused() {
        for bad in [
            // The neutral element, a point of order 8, and no point at all.
            "0100000000000000000000000000000000000000000000000000000000000000",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "0200000000000000000000000000000000000000000000000000000000000000",
            // The coordinate 3, written with the prime added to it.
            "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let bytes: [u8; 32] = hex(bad).try_into().unwrap();
            assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Weak), "{bad}");
        }
        let three = "0300000000000000000000000000000000000000000000000000000000000000";
        assert!(PublicKey::from_bytes(&hex(three).try_into().unwrap()).is_ok());
    }

    #[test]
    fn a_multikey_has_one_spelling_and_one_kind() {
        for (text, error) in [
            ("", KeyError::Encoding),
            ("z", KeyError::Kind),
            (&FEP_521A.1[1..], KeyError::Encoding),
            (
                "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2do0",
                KeyError::Encoding,
            ),
            (
                "z16MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
                KeyError::Kind,
            ),
            // P-256, from the Multikey section of W3C Controlled Identifiers.
            (
                "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv",
                KeyError::Kind,
            ),
        ] {
            assert_eq!(PublicKey::from_multikey(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_fingerprint_is_ten_groups_of_four_hexadecimal_digits() {
        let key = PublicKey::from_multikey(FEP_521A.1).unwrap();
        let digest = Sha256::digest(key.as_bytes());
        let shown = key.fingerprint();
        let groups: Vec<_> = shown.split(' ').collect();
        assert!(groups.len() == 10 && groups.iter().all(|group| group.len() == 4));
        assert_eq!(hex(&groups.concat()), digest[..20]);
    }

    #[test]
    fn a_private_key_goes_to_pem_and_back_and_is_never_shown() {
        let secret = SecretKey::from_seed([7; 32]);
        let pem = secret.to_pem().unwrap().clone();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{pem}");
        let again = SecretKey::from_pem(&pem).unwrap();
        assert_eq!(again.public(), secret.public());
        // RFC 9421 appendix B.1.4, which is version 1: without the public key.
        let rfc = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----";
        let rfc = SecretKey::from_pem(rfc).unwrap();
        assert_eq!(rfc.public().as_bytes()[..2], [0x26, 0xb4]);
        assert_eq!(SecretKey::from_pem("x").unwrap_err(), KeyError::Pem);
        let shown = format!("{:?}", SecretKey::from_seed([0x5a; 32]));
        assert!(
            !shown.contains("5a5a") && !shown.contains("90, 90"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn any_text_and_bytes_are_read_or_refused(text in ".{0,64}", bytes: [u8; 32]) {
            let _ = PublicKey::from_multikey(&text);
            if let Ok(key) = PublicKey::from_bytes(&bytes) {
                prop_assert_eq!(PublicKey::from_multikey(&key.to_multikey()), Ok(key));
            }
        }

        #[test]
        fn a_signature_fits_one_message_and_one_key(seed: [u8; 32], at in 0..64_usize, bit in 0..8_u32) {
            let secret = SecretKey::from_seed(seed);
            let mut signature = secret.sign(b"message");
            prop_assert!(Ed25519.verify(&secret.public(), b"message", &signature));
            signature[at] ^= 1 << bit;
            prop_assert!(!Ed25519.verify(&secret.public(), b"message", &signature));
        }
    }
}
