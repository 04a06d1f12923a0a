//! What a document claims, read without believing or canonicalising anything: enough to know by which key a signature over
//! bytes would have to hold.

use std::borrow::Cow;

use serde::Deserialize;

use super::{DocumentError, MAX_BYTES, MAX_METHODS};
use crate::protocol::key::PublicKey;

#[derive(Deserialize)]
struct Claim<'a> {
    #[serde(rename = "verificationMethod", borrow)]
    methods: Vec<Method<'a>>,
}

#[derive(Deserialize)]
struct Method<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "publicKeyMultibase", borrow, default)]
    key: Option<Cow<'a, str>>,
}

/// The key that a document has under a name, if it has one.
pub(crate) fn claimed_key(document: &str, method: &str) -> Option<PublicKey> {
    if document.len() > MAX_BYTES {
        return None;
    }
    let claim: Claim<'_> = serde_json::from_str(document).ok()?;
    let mut methods = claim.methods.iter().take(MAX_METHODS);
    let named = methods.find(|named| named.id == method)?;
    PublicKey::from_multikey(named.key.as_deref()?).ok()
}

/// The number that a document claims to have.
///
/// # Errors
/// [`DocumentError::TooLarge`], [`DocumentError::Member`].
pub(crate) fn claimed_sequence(document: &str) -> Result<u64, DocumentError> {
    #[derive(Deserialize)]
    struct Claim {
        lotse: Lotse,
    }
    #[derive(Deserialize)]
    struct Lotse {
        sequence: u64,
    }
    if document.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    let claim: Result<Claim, _> = serde_json::from_str(document);
    claim
        .map(|claim| claim.lotse.sequence)
        .map_err(|_| DocumentError::Member("lotse.sequence"))
}
