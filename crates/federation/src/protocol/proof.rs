//! Proofs inside of documents: Data Integrity with the cryptosuite `eddsa-jcs-2022`.
//!
//! <https://www.w3.org/TR/vc-di-eddsa/#eddsa-jcs-2022> section 3.3, as FEP-8b32 uses it for ActivityPub objects. What is
//! signed is 64 bytes: the SHA-256 of the canonical proof options, then that of the canonical document without proofs.
//!
//! Two rules are narrower than the specification, so that a signature means the same to every reader. Proof options that
//! are not known here (`expires`, `domain`, `previousProof`, ...) are refused: each would change what the proof says. And
//! the `@context` of a proof is that of its document, where the specification lets the document have more of them.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::canonical::{self, CanonicalError};
use super::key::{PublicKey, Signer, Verifier};

/// Proofs that one document may carry.
pub const MAX_PROOFS: usize = 4;
/// Bytes of the name of a verification method: an identifier of a node, and a fragment.
pub const METHOD_BYTES: usize = super::did::MAX_BYTES + 64;
/// Bytes of the moment of a proof: RFC 3339 with nanoseconds and offset.
const CREATED_BYTES: usize = 35;
/// Most characters that 64 bytes take in base58btc, with the letter before them.
const VALUE_BYTES: usize = 89;
/// Characters of an unknown option's name that an error repeats.
const SHOWN_CHARS: usize = 64;

const TYPE: &str = "DataIntegrityProof";
const SUITE: &str = "eddsa-jcs-2022";
const PURPOSE: &str = "assertionMethod";

/// Why a document carries no proof that holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no member `proof`, or an empty set.
    #[error("the document carries no proof")]
    Missing,
    /// It already carries a proof, where the first was to be made.
    #[error("the document carries a proof already")]
    Present,
    /// Several proofs where one is expected, or more than [`MAX_PROOFS`].
    #[error("the document carries too many proofs")]
    TooMany,
    /// A proof is no object, or this option is missing, too long or not a text.
    #[error("the option {0} of the proof is missing or not as expected")]
    Option(&'static str),
    /// An option that this reader does not know, with the beginning of its name.
    #[error("the proof has an option that is not known here: {0}")]
    UnknownOption(String),
    /// Another type, cryptosuite or purpose than the only one that there is; the name of the option.
    #[error("the proof has another {0} than the one supported")]
    Unsupported(&'static str),
    /// The `proofValue` is not 64 bytes in base58btc with the letter `z`.
    #[error("the value of the proof is not a signature in base58btc")]
    Value,
    /// The `created` of a proof is no moment as RFC 3339 has it.
    #[error("the proof has no valid moment of its making")]
    Created,
    /// The proof has another `@context` than its document.
    #[error("the proof has another @context than the document")]
    Context,
    /// Document or proof have no canonical form.
    #[error("no canonical form: {0}")]
    Canonical(#[from] CanonicalError),
    /// The signature was not made with this key over this document.
    #[error("the signature does not fit the document")]
    Signature,
}

impl ProofError {
    /// A name for programs, which stays the same.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "proof_missing",
            Self::Present => "proof_present",
            Self::TooMany => "proof_too_many",
            Self::Option(_) => "proof_option",
            Self::UnknownOption(_) => "proof_unknown_option",
            Self::Unsupported(_) => "proof_unsupported",
            Self::Value => "proof_value",
            Self::Created => "proof_created",
            Self::Context => "proof_context",
            Self::Canonical(_) => "proof_canonical",
            Self::Signature => "proof_signature",
        }
    }
}

/// Signs a document: adds the member `proof`.
///
/// `method` names the key for readers, as in `did:web:example.org#statements-1`; `created` is written to the second.
///
/// # Errors
/// [`ProofError::Present`] where there is one already, [`ProofError::Canonical`], and [`ProofError::Option`] for a method
/// of more than [`METHOD_BYTES`].
pub fn sign(
    document: &mut Map<String, Value>,
    method: &str,
    created: DateTime<Utc>,
    signer: &dyn Signer,
) -> Result<(), ProofError> {
    if document.contains_key("proof") {
        return Err(ProofError::Present);
    }
    let proof = make(document, method, created, signer)?;
    document.insert("proof".to_owned(), proof);
    Ok(())
}

/// Adds a proof to those that a document carries; the first is an object, several are an array. Each is over the document
/// without any proof (Verifiable Credential Data Integrity 1.0 section 2.1.1), so that their order says nothing.
///
/// # Errors
/// As [`sign`], and [`ProofError::TooMany`]; the document is then as it was.
pub fn add_proof(
    document: &mut Map<String, Value>,
    method: &str,
    created: DateTime<Utc>,
    signer: &dyn Signer,
) -> Result<(), ProofError> {
    let before = document.remove("proof");
    let made = make(document, method, created, signer);
    let (after, outcome) = match (before, made) {
        (before, Err(error)) => (before, Err(error)),
        (None, Ok(proof)) => (Some(proof), Ok(())),
        (Some(Value::Array(all)), Ok(_)) if all.len() >= MAX_PROOFS => {
            (Some(Value::Array(all)), Err(ProofError::TooMany))
        }
        (Some(Value::Array(mut all)), Ok(proof)) => {
            all.push(proof);
            (Some(Value::Array(all)), Ok(()))
        }
        (Some(one), Ok(proof)) => (Some(Value::Array(vec![one, proof])), Ok(())),
    };
    if let Some(after) = after {
        document.insert("proof".to_owned(), after);
    }
    outcome
}

/// The proof over a document that has none.
fn make(
    document: &Map<String, Value>,
    method: &str,
    created: DateTime<Utc>,
    signer: &dyn Signer,
) -> Result<Value, ProofError> {
    if method.is_empty() || method.len() > METHOD_BYTES {
        return Err(ProofError::Option("verificationMethod"));
    }
    let created = created.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut options = Map::new();
    for (name, value) in [
        ("type", TYPE),
        ("cryptosuite", SUITE),
        ("verificationMethod", method),
        ("proofPurpose", PURPOSE),
        ("created", created.as_str()),
    ] {
        options.insert(name.to_owned(), Value::from(value));
    }
    if let Some(context) = document.get("@context") {
        options.insert("@context".to_owned(), context.clone());
    }
    let message = message(&options, &digest(document)?)?;
    let value = bs58::encode(signer.sign(&message)).into_string();
    options.insert("proofValue".to_owned(), Value::from(format!("z{value}")));
    Ok(Value::Object(options))
}

fn digest(object: &Map<String, Value>) -> Result<[u8; 32], CanonicalError> {
    Ok(Sha256::digest(canonical::write_object(object)?).into())
}

/// What is signed: the hash of the options, then that of the document (section 3.3.4).
fn message(options: &Map<String, Value>, document: &[u8; 32]) -> Result<[u8; 64], CanonicalError> {
    let mut message = [0; 64];
    let (first, second) = message.split_at_mut(32);
    first.copy_from_slice(&digest(options)?);
    second.copy_from_slice(document);
    Ok(message)
}

/// One proof that was read, and not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    method: String,
    created: DateTime<Utc>,
    message: [u8; 64],
    signature: [u8; 64],
}

impl Proof {
    /// The name of the key, as the signer gives it: nothing says yet that the key is the signer's.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// When it was made, by the signer's clock.
    #[must_use]
    pub fn created(&self) -> DateTime<Utc> {
        self.created
    }

    /// The 64 bytes that are signed.
    #[must_use]
    pub fn message(&self) -> &[u8; 64] {
        &self.message
    }

    /// The Ed25519 signature.
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// Whether it was made with this key. That the key belongs to [`Proof::method`] is the caller's to know.
    ///
    /// # Errors
    /// [`ProofError::Signature`].
    pub fn verify(&self, key: &PublicKey, verifier: &dyn Verifier) -> Result<(), ProofError> {
        if verifier.verify(key, &self.message, &self.signature) {
            Ok(())
        } else {
            Err(ProofError::Signature)
        }
    }

    /// Reads a proof of a document whose canonical form, without the proof, has the SHA-256 `document`, and whose
    /// `@context` is this.
    ///
    /// # Errors
    /// As [`open`].
    pub fn read(
        proof: Value,
        document: &[u8; 32],
        context: Option<&Value>,
    ) -> Result<Self, ProofError> {
        let Value::Object(mut options) = proof else {
            return Err(ProofError::Option("proof"));
        };
        let value = options.remove("proofValue").ok_or(ProofError::Value)?;
        let signature = read_value(value.as_str().ok_or(ProofError::Value)?)?;
        check_options(&options, context)?;
        let method = text(&options, "verificationMethod")?;
        if method.is_empty() || method.len() > METHOD_BYTES {
            return Err(ProofError::Option("verificationMethod"));
        }
        Ok(Self {
            created: read_created(text(&options, "created")?)?,
            message: message(&options, document)?,
            method: method.to_owned(),
            signature,
        })
    }

    /// Reads a proof where it stands in a document in canonical form, whose `@context` is the canonical text `context`:
    /// what is signed of it are its own bytes without its value. `None` where something is not in order; what that is,
    /// [`Proof::read`] says.
    pub(super) fn read_canonical(proof: &str, document: &[u8; 32], context: &str) -> Option<Self> {
        let options: Options<'_> = serde_json::from_str(proof).ok()?;
        let fits = options.context.is_none_or(|found| found.get() == context)
            && (&*options.r#type, &*options.suite, &*options.purpose) == (TYPE, SUITE, PURPOSE)
            && (1..=METHOD_BYTES).contains(&options.method.len());
        if !fits {
            return None;
        }
        let value = options.value.get();
        let signature = read_value(value.strip_prefix('"')?.strip_suffix('"')?).ok()?;
        let (before, after) = around(proof, value)?;
        let mut message = [0; 64];
        let (first, second) = message.split_at_mut(32);
        let signed = Sha256::new()
            .chain_update(before.strip_suffix(",\"proofValue\":")?)
            .chain_update(after);
        first.copy_from_slice(&signed.finalize());
        second.copy_from_slice(document);
        Some(Self {
            created: read_created(&options.created).ok()?,
            message,
            method: options.method.into_owned(),
            signature,
        })
    }
}

/// What stands before and after a part of a text.
pub(super) fn around<'a>(whole: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    Some((
        whole.get(..start)?,
        whole.get(start.checked_add(part.len())?..)?,
    ))
}

/// A member that is there, whatever it says: a `null` is signed, and is not the same as none.
pub(super) fn present<'de, D, T>(member: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(member).map(Some)
}

/// The options of a proof as its bytes have them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options<'a> {
    #[serde(borrow, default, rename = "@context", deserialize_with = "present")]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    created: Cow<'a, str>,
    #[serde(borrow, rename = "cryptosuite")]
    suite: Cow<'a, str>,
    #[serde(borrow, rename = "proofPurpose")]
    purpose: Cow<'a, str>,
    #[serde(borrow, rename = "proofValue")]
    value: &'a RawValue,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow, rename = "verificationMethod")]
    method: Cow<'a, str>,
}

/// Refuses options of other proofs than these, and unknown ones.
fn check_options(options: &Map<String, Value>, context: Option<&Value>) -> Result<(), ProofError> {
    for name in options.keys() {
        match name.as_str() {
            "type" | "cryptosuite" | "verificationMethod" | "proofPurpose" | "created" => {}
            // Proofs without one are from before the specification asked for it; the document's is signed all the same.
            "@context" if options.get("@context") == context => {}
            "@context" => return Err(ProofError::Context),
            other => {
                let shown = other.chars().take(SHOWN_CHARS).collect();
                return Err(ProofError::UnknownOption(shown));
            }
        }
    }
    for (name, only) in [
        ("type", TYPE),
        ("cryptosuite", SUITE),
        ("proofPurpose", PURPOSE),
    ] {
        if text(options, name)? != only {
            return Err(ProofError::Unsupported(name));
        }
    }
    Ok(())
}

fn text<'a>(options: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, ProofError> {
    options
        .get(name)
        .and_then(Value::as_str)
        .ok_or(ProofError::Option(name))
}

/// Reads 64 bytes in base58btc. Every number has one spelling there, and leading zeros are written one by one.
fn read_value(value: &str) -> Result<[u8; 64], ProofError> {
    let digits = value.strip_prefix('z').ok_or(ProofError::Value)?;
    if value.len() > VALUE_BYTES {
        return Err(ProofError::Value);
    }
    let mut signature = [0; 64];
    match bs58::decode(digits).onto(&mut signature) {
        Ok(64) => Ok(signature),
        _ => Err(ProofError::Value),
    }
}

/// Reads a moment with a time zone (XML Schema `dateTimeStamp`).
fn read_created(text: &str) -> Result<DateTime<Utc>, ProofError> {
    // The library also reads small letters and a space, which XML Schema does not have.
    let upper = text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
    if text.len() > CREATED_BYTES || !upper {
        return Err(ProofError::Created);
    }
    let moment = DateTime::parse_from_rfc3339(text).map_err(|_| ProofError::Created)?;
    Ok(moment.to_utc())
}

/// A document with one proof, taken apart. The proof is not verified yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Signed {
    document: Map<String, Value>,
    proof: Proof,
}

/// Takes the one proof off a document and reads it.
///
/// # Errors
/// [`ProofError`], except [`ProofError::Signature`]: see [`Signed::verify`].
pub fn open(mut document: Map<String, Value>) -> Result<Signed, ProofError> {
    let proof = match document.remove("proof") {
        None => return Err(ProofError::Missing),
        Some(Value::Array(_)) => return Err(ProofError::TooMany),
        Some(proof) => proof,
    };
    let proof = Proof::read(proof, &digest(&document)?, document.get("@context"))?;
    Ok(Signed { document, proof })
}

impl Signed {
    /// The document without its proof.
    #[must_use]
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The document without its proof.
    #[must_use]
    pub fn into_document(self) -> Map<String, Value> {
        self.document
    }

    /// The document without its proof, and that.
    #[must_use]
    pub fn into_parts(self) -> (Map<String, Value>, Proof) {
        (self.document, self.proof)
    }

    /// The proof.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// [`Proof::method`].
    #[must_use]
    pub fn method(&self) -> &str {
        self.proof.method()
    }

    /// [`Proof::created`].
    #[must_use]
    pub fn created(&self) -> DateTime<Utc> {
        self.proof.created()
    }

    /// [`Proof::message`].
    #[must_use]
    pub fn message(&self) -> &[u8; 64] {
        self.proof.message()
    }

    /// [`Proof::signature`].
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        self.proof.signature()
    }

    /// [`Proof::verify`].
    ///
    /// # Errors
    /// [`ProofError::Signature`].
    pub fn verify(&self, key: &PublicKey, verifier: &dyn Verifier) -> Result<(), ProofError> {
        self.proof.verify(key, verifier)
    }
}

/// A document with several proofs, taken apart. None is verified yet.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedSet {
    document: Map<String, Value>,
    proofs: Vec<Proof>,
}

/// Takes all proofs off a document, one to [`MAX_PROOFS`], and reads them.
///
/// # Errors
/// [`ProofError`], except [`ProofError::Signature`]: one bad proof spoils the set.
pub fn open_set(mut document: Map<String, Value>) -> Result<SignedSet, ProofError> {
    let proofs = match document.remove("proof") {
        None => return Err(ProofError::Missing),
        Some(Value::Array(proofs)) if proofs.is_empty() => return Err(ProofError::Missing),
        Some(Value::Array(proofs)) if proofs.len() > MAX_PROOFS => return Err(ProofError::TooMany),
        Some(Value::Array(proofs)) => proofs,
        Some(proof) => vec![proof],
    };
    let hash = digest(&document)?;
    let proofs = proofs
        .into_iter()
        .map(|proof| Proof::read(proof, &hash, document.get("@context")))
        .collect::<Result<_, _>>()?;
    Ok(SignedSet { document, proofs })
}

impl SignedSet {
    /// The document without its proofs.
    #[must_use]
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The proofs, in the order in which they stand; at least one.
    #[must_use]
    pub fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    /// The document without its proofs, and these.
    #[must_use]
    pub fn into_parts(self) -> (Map<String, Value>, Vec<Proof>) {
        (self.document, self.proofs)
    }
}

#[cfg(test)]
mod tests;
