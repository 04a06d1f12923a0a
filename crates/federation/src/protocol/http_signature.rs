//! Signed requests between nodes: HTTP Message Signatures (RFC 9421) with Ed25519, and `Content-Digest` (RFC 9530).
//!
//! One form only. The components are `"@method" "@authority" "@path" "@query"`, in this order, and last
//! `"content-digest"` where the request has a body. The parameters, in any order, are `created`, `expires`, `nonce`,
//! `alg="ed25519"`, `keyid` and `tag="lotse-fed"`: all of them, but that a signature without `expires` is good for as long
//! as any may be, which is [`MAX_AGE`]. One that says to be good for longer is refused. A header may hold signatures with other tags, which are
//! for others.
//!
//! What a caller has to see to: a request with a body carries a `Content-Digest` and it fits the body
//! ([`verify_content_digest`]); nonces do not come twice within [`MAX_AGE`]; the authority is this node's own, from its
//! configuration and not from the request.

use std::fmt::Write as _;

use sfv::{
    BareItem, Dictionary, InnerList, Item, KeyRef, ListEntry, Parameters, Parser, StringRef,
};
use sha2::{Digest, Sha256};

use super::key::{PublicKey, Signer, Verifier};

/// Seconds for which a signature may be used after `created`.
pub const MAX_AGE: i64 = 300;
/// Seconds by which `created` may lie in the future: clocks differ.
pub const MAX_AHEAD: i64 = 60;
/// Bytes of each header that is read.
pub const MAX_HEADER_BYTES: usize = super::did::MAX_BYTES + 2_048;
/// Signatures that one request may carry, for whomever.
pub const MAX_SIGNATURES: usize = 8;
/// Bytes of a nonce.
pub const MAX_NONCE_BYTES: usize = 64;
/// What the signatures of this protocol are tagged with (RFC 9421 section 2.3).
pub const TAG: &str = "lotse-fed";

const LABEL: &str = "sig1";
const ALGORITHM: &str = "ed25519";
const COMPONENTS: [&str; 4] = ["@method", "@authority", "@path", "@query"];
const CONTENT_DIGEST: &str = "content-digest";
/// Bytes of a `Content-Digest` header with a few digests in it.
const DIGEST_HEADER_BYTES: usize = 1_024;

/// Why a request is not signed as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// More than [`MAX_HEADER_BYTES`], [`MAX_SIGNATURES`] or [`MAX_NONCE_BYTES`].
    #[error("the signature headers are too large")]
    TooLarge,
    /// A header is no dictionary of structured fields (RFC 9651) with the members that RFC 9421 wants.
    #[error("the signature headers cannot be read")]
    Malformed,
    /// No signature, or more than one, is tagged [`TAG`].
    #[error("the request needs exactly one signature with the tag lotse-fed")]
    Tag,
    /// Other components are covered than those of this protocol, or in another order.
    #[error("the signature covers other parts of the request than it must")]
    Components,
    /// This parameter is missing, not as expected, or unknown.
    #[error("the parameter {0} of the signature is missing or not as expected")]
    Parameter(&'static str),
    /// A part of the request cannot stand in a header line: a control character, a space, or not ASCII.
    #[error("a part of the request cannot be signed")]
    Request,
    /// Made more than [`MAX_AGE`] seconds ago, or past its own `expires`.
    #[error("the signature is too old")]
    Expired,
    /// Made more than [`MAX_AHEAD`] seconds from now.
    #[error("the signature lies in the future")]
    Future,
    /// Not made with this key over this request.
    #[error("the signature does not fit the request")]
    Signature,
    /// The `Content-Digest` has no SHA-256, or another than the body.
    #[error("the Content-Digest does not fit the body")]
    Digest,
}

impl SignatureError {
    /// A name for programs, which stays the same.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "signature_too_large",
            Self::Malformed => "signature_malformed",
            Self::Tag => "signature_tag",
            Self::Components => "signature_components",
            Self::Parameter(_) => "signature_parameter",
            Self::Request => "signature_request",
            Self::Expired => "signature_expired",
            Self::Future => "signature_future",
            Self::Signature => "signature_invalid",
            Self::Digest => "content_digest",
        }
    }
}

/// What of a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method in capitals, as `GET` (RFC 9421 section 2.2.1).
    pub method: &'a str,
    /// Host and, unless it is the default one, port (section 2.2.3). Capitals do not count.
    pub authority: &'a str,
    /// The path as it was sent, percent-encoded; an empty one stands for `/` (section 2.2.6).
    pub path: &'a str,
    /// The query as it was sent, without the question mark; none and an empty one are the same (section 2.2.7).
    pub query: Option<&'a str>,
    /// The header `Content-Digest`. There is one if and only if the request has a body.
    pub content_digest: Option<&'a str>,
}

/// What a signature says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// When it is made: Unix seconds.
    pub created: i64,
    /// Until when it may be used: Unix seconds, after `created` and at most [`MAX_AGE`] after it.
    pub expires: i64,
    /// The name of the key, as `did:web:example.org#requests-1`.
    pub key_id: &'a str,
    /// Something that does not come twice: 1 to [`MAX_NONCE_BYTES`] printable ASCII characters.
    pub nonce: &'a str,
}

/// Signs a request: the values of the headers `Signature-Input` and `Signature`.
///
/// # Errors
/// [`SignatureError::Request`] and [`SignatureError::Parameter`], for what cannot stand in a header.
pub fn sign(
    request: &Request<'_>,
    parameters: &Stamp<'_>,
    signer: &dyn Signer,
) -> Result<(String, String), SignatureError> {
    let covered = covered(request)?;
    let own = own_parameters(parameters)?;
    read_parameters(&own)?;
    let list = InnerList::with_params(covered, own);
    let inner = inner_list(&list)?;
    let signature = signer.sign(base(&list, &inner, request)?.as_bytes());
    let entry = ListEntry::Item(Item::new(signature.to_vec()));
    let signature = dictionary(LABEL, entry)?;
    Ok((format!("{LABEL}={inner}"), signature))
}

fn covered(request: &Request<'_>) -> Result<Vec<Item>, SignatureError> {
    let body = request.content_digest.map(|_| CONTENT_DIGEST);
    COMPONENTS
        .into_iter()
        .chain(body)
        .map(|name| Ok(Item::new(string(name, SignatureError::Components)?)))
        .collect()
}

fn own_parameters(from: &Stamp<'_>) -> Result<Parameters, SignatureError> {
    let integer = |value: i64, name| {
        let value = sfv::Integer::try_from(value).map_err(|_| SignatureError::Parameter(name));
        value.map(BareItem::Integer)
    };
    let text =
        |value: &str, name| string(value, SignatureError::Parameter(name)).map(BareItem::String);
    let mut parameters = Parameters::new();
    for (name, value) in [
        ("created", integer(from.created, "created")?),
        ("expires", integer(from.expires, "expires")?),
        ("nonce", text(from.nonce, "nonce")?),
        ("alg", text(ALGORITHM, "alg")?),
        ("keyid", text(from.key_id, "keyid")?),
        ("tag", text(TAG, "tag")?),
    ] {
        parameters.insert(key(name)?, value);
    }
    Ok(parameters)
}

fn string(text: &str, error: SignatureError) -> Result<sfv::String, SignatureError> {
    StringRef::from_str(text)
        .map(ToOwned::to_owned)
        .map_err(|_| error)
}

fn key(name: &str) -> Result<sfv::Key, SignatureError> {
    KeyRef::from_str(name)
        .map(ToOwned::to_owned)
        .map_err(|_| SignatureError::Malformed)
}

/// One member of a dictionary as text.
fn dictionary(label: &str, entry: ListEntry) -> Result<String, SignatureError> {
    let mut members = Dictionary::new();
    members.insert(key(label)?, entry);
    sfv::FieldType::serialize(&members).ok_or(SignatureError::Malformed)
}

/// An inner list with its parameters as text (RFC 9651 section 4.1.1.1).
fn inner_list(list: &InnerList) -> Result<String, SignatureError> {
    let list = vec![ListEntry::InnerList(list.clone())];
    sfv::FieldType::serialize(&list).ok_or(SignatureError::Malformed)
}

/// Where the values of the components come from. Real requests have one form; the vectors of RFC 9421 have others.
trait Message {
    /// The value of a component without parameters (RFC 9421 section 2), if there is one.
    fn component(&self, name: &str) -> Option<String>;
}

impl Message for Request<'_> {
    fn component(&self, name: &str) -> Option<String> {
        Some(match name {
            "@method" => self.method.to_owned(),
            "@authority" => self.authority.to_ascii_lowercase(),
            "@path" if self.path.is_empty() => "/".to_owned(),
            "@path" => self.path.to_owned(),
            "@query" => format!("?{}", self.query.unwrap_or_default()),
            CONTENT_DIGEST => self.content_digest?.trim_matches([' ', '\t']).to_owned(),
            _ => return None,
        })
    }
}

/// The bytes that are signed (RFC 9421 section 2.5). `list` names the components, `inner` is its text.
fn base(list: &InnerList, inner: &str, message: &dyn Message) -> Result<String, SignatureError> {
    let mut base = String::with_capacity(inner.len() + 512);
    for item in &list.items {
        let name = item
            .bare_item
            .as_string()
            .ok_or(SignatureError::Components)?;
        if !item.params.is_empty() {
            return Err(SignatureError::Components);
        }
        let value = message
            .component(name.as_str())
            .ok_or(SignatureError::Components)?;
        // A line end in a value would be a component that nobody signed. Derived components have no spaces either.
        let derived = name.as_str().starts_with('@');
        let allowed = |b: u8| b.is_ascii_graphic() || (b == b' ' && !derived);
        if !value.bytes().all(allowed) || value.is_empty() {
            return Err(SignatureError::Request);
        }
        // Writing to a string does not fail. Names hold no characters that a quoted text escapes.
        let _ = writeln!(base, "\"{}\": {value}", name.as_str());
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(inner);
    Ok(base)
}

/// The one signature for us that a request carries, read and not verified yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    list: InnerList,
    signature: [u8; 64],
    own: OwnParameters,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OwnParameters {
    created: i64,
    expires: i64,
    key_id: String,
    nonce: String,
}

impl Parsed {
    /// Reads the headers `Signature-Input` and `Signature`; several lines of one are to be joined with commas.
    ///
    /// # Errors
    /// [`SignatureError`], for all but exactly one signature of ours in the form that the module describes.
    pub fn read(signature_input: &str, signature: &str) -> Result<Self, SignatureError> {
        let inputs = parse(signature_input)?;
        let signatures = parse(signature)?;
        let mut ours = inputs
            .into_iter()
            .filter(|(_, entry)| tag(entry) == Some(TAG));
        let (Some((label, ListEntry::InnerList(list))), None) = (ours.next(), ours.next()) else {
            return Err(SignatureError::Tag);
        };
        let Some(ListEntry::Item(item)) = signatures.get(&label) else {
            return Err(SignatureError::Malformed);
        };
        let bytes = item.bare_item.as_byte_sequence();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        // Structured fields let base64 be written carelessly; a signature has one spelling here.
        let spelled = dictionary(label.as_str(), ListEntry::Item(item.clone()))?;
        if !signature.contains(&spelled) {
            return Err(SignatureError::Malformed);
        }
        check_components(&list)?;
        Ok(Self {
            own: read_parameters(&list.params)?,
            signature: bytes.ok_or(SignatureError::Malformed)?,
            list,
        })
    }

    /// The name of the key, as the sender gives it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.own.key_id
    }

    /// What must not come twice from the same key.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.own.nonce
    }

    /// When it was made, by the sender's clock: Unix seconds.
    #[must_use]
    pub fn created(&self) -> i64 {
        self.own.created
    }

    /// Until when it may be used: Unix seconds.
    #[must_use]
    pub fn expires(&self) -> i64 {
        self.own.expires
    }

    /// Whether it was signed not too long ago. `now` is in Unix seconds.
    ///
    /// # Errors
    /// [`SignatureError::Expired`], [`SignatureError::Future`].
    pub fn check_moment(&self, now: i64) -> Result<(), SignatureError> {
        let age = now.saturating_sub(self.own.created);
        if age > MAX_AGE || now > self.own.expires {
            return Err(SignatureError::Expired);
        }
        if age < -MAX_AHEAD {
            return Err(SignatureError::Future);
        }
        Ok(())
    }

    /// Whether this request was signed with this key, and not too long ago. `now` is in Unix seconds.
    ///
    /// # Errors
    /// [`SignatureError`], the moment first: it costs nothing.
    pub fn verify(
        &self,
        request: &Request<'_>,
        key: &PublicKey,
        verifier: &dyn Verifier,
        now: i64,
    ) -> Result<(), SignatureError> {
        self.check_moment(now)?;
        // A body that is not covered, or a digest that is not there, is not this request.
        if covered(request)? != self.list.items {
            return Err(SignatureError::Components);
        }
        let base = base(&self.list, &inner_list(&self.list)?, request)?;
        if verifier.verify(key, base.as_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(SignatureError::Signature)
        }
    }
}

fn parse(header: &str) -> Result<Dictionary, SignatureError> {
    if header.len() > MAX_HEADER_BYTES {
        return Err(SignatureError::TooLarge);
    }
    let members: Dictionary = Parser::new(header)
        .parse()
        .map_err(|_| SignatureError::Malformed)?;
    if members.len() > MAX_SIGNATURES {
        return Err(SignatureError::TooLarge);
    }
    Ok(members)
}

fn tag(entry: &ListEntry) -> Option<&str> {
    let ListEntry::InnerList(list) = entry else {
        return None;
    };
    Some(list.params.get("tag")?.as_string()?.as_str())
}

/// Refuses components other than ours, in another order, or with parameters (`req`, `sf`, ...).
fn check_components(list: &InnerList) -> Result<(), SignatureError> {
    let all = COMPONENTS.into_iter().chain([CONTENT_DIGEST]);
    let fits = list.items.iter().zip(all).all(|(item, name)| {
        let same = item
            .bare_item
            .as_string()
            .is_some_and(|s| s.as_str() == name);
        same && item.params.is_empty()
    });
    let length = list.items.len();
    if fits && (length == COMPONENTS.len() || length == COMPONENTS.len() + 1) {
        Ok(())
    } else {
        Err(SignatureError::Components)
    }
}

/// Reads the parameters, all of which are wanted, and no others.
fn read_parameters(parameters: &Parameters) -> Result<OwnParameters, SignatureError> {
    let known = ["created", "expires", "nonce", "alg", "keyid", "tag"];
    if parameters
        .keys()
        .any(|name| !known.contains(&name.as_str()))
    {
        return Err(SignatureError::Parameter("which is unknown"));
    }
    let integer = |name: &'static str| {
        let value = parameters.get(name).and_then(BareItem::as_integer);
        value.map(i64::from).ok_or(SignatureError::Parameter(name))
    };
    let text = |name: &'static str| {
        let value = parameters.get(name).and_then(BareItem::as_string);
        let value = value.map(StringRef::as_str).filter(|text| !text.is_empty());
        value.ok_or(SignatureError::Parameter(name))
    };
    for (name, only) in [("alg", ALGORITHM), ("tag", TAG)] {
        if text(name)? != only {
            return Err(SignatureError::Parameter(name));
        }
    }
    let created = integer("created")?;
    let latest = created.saturating_add(MAX_AGE);
    let own = OwnParameters {
        created,
        expires: match parameters.get("expires") {
            None => latest,
            Some(_) => integer("expires")?,
        },
        key_id: text("keyid")?.to_owned(),
        nonce: text("nonce")?.to_owned(),
    };
    if own.expires <= own.created || own.expires > latest {
        return Err(SignatureError::Parameter("expires"));
    }
    if own.nonce.len() > MAX_NONCE_BYTES || own.key_id.len() > super::proof::METHOD_BYTES {
        return Err(SignatureError::TooLarge);
    }
    Ok(own)
}

/// The value of the header `Content-Digest` for a body: its SHA-256 (RFC 9530 section 2).
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    use base64::Engine as _;
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(body));
    format!("sha-256=:{digest}:")
}

/// Whether a `Content-Digest` fits a body. It must have a SHA-256; digests of other kinds are not looked at.
///
/// # Errors
/// [`SignatureError::Digest`], [`SignatureError::TooLarge`] for a header of more than 1024 bytes, and
/// [`SignatureError::Malformed`].
pub fn verify_content_digest(header: &str, body: &[u8]) -> Result<(), SignatureError> {
    if header.len() > DIGEST_HEADER_BYTES {
        return Err(SignatureError::TooLarge);
    }
    match parse(header)?.get("sha-256") {
        Some(ListEntry::Item(item)) => {
            let claimed = item.bare_item.as_byte_sequence();
            let actual = Sha256::digest(body);
            if claimed == Some(actual.as_slice()) {
                Ok(())
            } else {
                Err(SignatureError::Digest)
            }
        }
        _ => Err(SignatureError::Digest),
    }
}

#[cfg(test)]
mod tests;
