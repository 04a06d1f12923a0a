//! Access tokens: JWTs (RFC 7519) signed with Ed25519 (RFC 8037), in the profile of RFC 9068.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::{EntryId, Origin, Role};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::secret;
use crate::consts;
use crate::problem::{Code, Problem};

/// The media type of access tokens in `typ` (RFC 9068 section 2.1), so that no other JWT can pass for one.
const TYPE: &str = "at+jwt";

/// A new private key as PKCS #8 in PEM, to be kept in a file that only the node can read (mode 0600).
///
/// # Errors
/// 500 when the operating system gives no randomness.
pub fn generate() -> Result<String, Problem> {
    let key = SigningKey::from_bytes(&secret::random()?);
    let pem = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(Problem::internal)?;
    Ok(pem.as_str().to_owned())
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The node that issued it.
    pub iss: String,
    /// The API that it is for.
    pub aud: String,
    /// The client, `client:{id}`.
    pub sub: String,
    /// The client's id (RFC 9068 section 2.2).
    pub client_id: Uuid,
    /// The token's own id.
    pub jti: String,
    /// Issued, in seconds since 1970.
    pub iat: i64,
    /// Expires, in seconds since 1970.
    pub exp: i64,
    /// The organisation for which the client acts.
    pub org: EntryId,
    /// What it may do.
    pub role: Role,
}

/// A token that says when it was issued and when it expires, both in seconds since 1970.
pub(crate) trait Dated {
    /// The longest that this node issues them for, in seconds. One that is good for longer was not made by its rules.
    const LONGEST: i64;

    /// Issued and expires.
    fn dates(&self) -> (i64, i64);
}

impl Dated for Claims {
    const LONGEST: i64 = consts::TOKEN_SECONDS;

    fn dates(&self) -> (i64, i64) {
        (self.iat, self.exp)
    }
}

/// Refuses what is not valid now: also what was issued later than now, by a clock that was ahead and has been put back.
/// Without that it would be valid for as long as the clock was wrong.
fn check_dates<C: Dated>(claims: &C, now: DateTime<Utc>) -> Result<(), Problem> {
    let (issued, expires) = claims.dates();
    let (now, leeway) = (now.timestamp(), consts::TOKEN_LEEWAY);
    if expires < now.saturating_sub(leeway) {
        return Err(invalid("the token has expired; get a new one"));
    }
    if issued > now.saturating_add(leeway) {
        return Err(invalid("the token was issued in the future; get a new one"));
    }
    if expires.saturating_sub(issued) > C::LONGEST {
        return Err(invalid(
            "the token is good for longer than tokens of this node are",
        ));
    }
    Ok(())
}

/// One key pair.
struct Key {
    kid: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: [u8; 32],
}

impl Key {
    fn from_pem(pem: &str) -> Result<Self, String> {
        let key = SigningKey::from_pkcs8_pem(pem)
            .map_err(|error| format!("not an Ed25519 key in PKCS #8: {error}"))?;
        let der = key.to_pkcs8_der().map_err(|error| error.to_string())?;
        let public = key.verifying_key().to_bytes();
        Ok(Self {
            kid: thumbprint(&public),
            signing: EncodingKey::from_ed_der(der.as_bytes()),
            verifying: DecodingKey::from_ed_der(&public),
            public,
        })
    }
}

/// The thumbprint of an Ed25519 key (RFC 7638, RFC 8037 appendix A.3).
fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(
        r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#
    )))
}

/// The keys of a node: the first signs, all verify, so that keys can be replaced without a gap.
pub struct Keys {
    keys: Vec<Key>,
    issuer: String,
    audience: String,
}

impl Keys {
    /// Reads private keys in PEM, the signing one first.
    ///
    /// # Errors
    /// Why a key cannot be used, in words for the operator.
    pub fn from_pem<'a>(
        origin: &Origin,
        pems: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let keys = pems
            .into_iter()
            .map(Key::from_pem)
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err("there is no signing key".to_owned());
        }
        let (issuer, audience) = (origin.as_str().to_owned(), format!("{origin}/api/v1"));
        Ok(Self {
            keys,
            issuer,
            audience,
        })
    }

    /// A token for a client, valid from `now` for [`consts::TOKEN_SECONDS`].
    ///
    /// # Errors
    /// 500 when it cannot be signed.
    pub fn issue(
        &self,
        client: Uuid,
        org: EntryId,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<String, Problem> {
        let iat = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: format!("client:{client}"),
            client_id: client,
            jti: URL_SAFE_NO_PAD.encode(secret::random()?),
            iat,
            exp: iat + consts::TOKEN_SECONDS,
            org,
            role,
        };
        self.sign(TYPE, &claims)
    }

    /// Signs claims as a token of the media type `typ`.
    pub(crate) fn sign<C: Serialize>(&self, typ: &str, claims: &C) -> Result<String, Problem> {
        let key = self
            .keys
            .first()
            .ok_or_else(|| Problem::internal("there is no signing key"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(typ.to_owned());
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.signing).map_err(Problem::internal)
    }

    /// What an access token says, if one of these keys signed it for this API and it is valid at `now`.
    ///
    /// # Errors
    /// 401 `invalid_token`.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Problem> {
        self.open(TYPE, &self.audience, token, now)
    }

    /// What a token of the media type `typ` says, if one of these keys signed it for `audience` and it is valid at `now`.
    pub(crate) fn open<C: DeserializeOwned + Dated>(
        &self,
        typ: &str,
        audience: &str,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<C, Problem> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| invalid("this is not a signed token"))?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(typ) {
            return Err(invalid(
                "access tokens of this node are signed with EdDSA and typed at+jwt",
            ));
        }
        let key = self
            .keys
            .iter()
            .find(|key| header.kid.as_deref() == Some(&key.kid))
            .ok_or_else(|| invalid("the key that signed this token is not one of this node's"))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Times are checked below, all of them by the clock of the node: the library reads that of the machine.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[audience]);
        let token =
            jsonwebtoken::decode::<C>(token, &key.verifying, &validation).map_err(|error| {
                use jsonwebtoken::errors::ErrorKind;
                match error.kind() {
                    ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => {
                        invalid("the token is for another node")
                    }
                    _ => invalid("the token is not one of this node's"),
                }
            })?;
        check_dates(&token.claims, now)?;
        Ok(token.claims)
    }

    /// The public keys (RFC 7517 section 5), for `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let keys: Vec<_> = self
            .keys
            .iter()
            .map(|key| {
                serde_json::json!({
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "use": "sig",
                    "alg": "EdDSA",
                    "kid": key.kid,
                    "x": URL_SAFE_NO_PAD.encode(key.public),
                })
            })
            .collect();
        serde_json::json!({ "keys": keys })
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|key| &key.kid))
            .finish()
    }
}

fn invalid(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidToken, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "the library checks expiry by the real clock"
    )]
    fn now() -> DateTime<Utc> {
        Utc::now()
    }

    fn keys(origin: &str) -> Keys {
        let pem = generate().expect("a key");
        Keys::from_pem(&origin.parse().expect("an origin"), [pem.as_str()]).expect("usable")
    }

    fn client() -> (Uuid, EntryId) {
        (Uuid::from_u128(7), EntryId(Uuid::from_u128(8)))
    }

    #[test]
    fn a_token_is_accepted_by_its_own_node_until_it_expires() {
        let (keys, (client, org)) = (keys("https://a.example"), client());
        let issue = |ago: i64| {
            let then = now() - chrono::Duration::seconds(ago);
            keys.issue(client, org, Role::Editor, then).expect("issued")
        };
        let claims = keys.verify(&issue(0), now()).expect("valid");
        assert_eq!(
            (claims.client_id, claims.org, claims.role),
            (client, org, Role::Editor)
        );
        assert_eq!(claims.exp - claims.iat, 600);
        assert!(
            keys.verify(&issue(consts::TOKEN_SECONDS + 60), now())
                .is_err(),
            "expired"
        );
        let other = Keys::from_pem(
            &"https://b.example".parse().expect("an origin"),
            [generate().expect("a key").as_str()],
        );
        assert!(
            other.expect("usable").verify(&issue(0), now()).is_err(),
            "another node"
        );
    }

    #[test]
    fn tokens_that_another_algorithm_key_or_purpose_made_are_refused() {
        let pem = generate().expect("a key");
        let origin: Origin = "https://a.example".parse().expect("an origin");
        let keys = Keys::from_pem(&origin, [pem.as_str()]).expect("usable");
        let (client, org) = client();
        let good = keys
            .issue(client, org, Role::Editor, now())
            .expect("issued");
        let claims = keys.verify(&good, now()).expect("valid");
        let kid = keys.keys.first().expect("one").kid.clone();
        let header = |alg, typ: &str| {
            let mut header = Header::new(alg);
            header.typ = Some(typ.to_owned());
            header.kid = Some(kid.clone());
            header
        };
        let own = &keys.keys.first().expect("one").signing;
        let foreign = Key::from_pem(&generate().expect("a key")).expect("usable");
        let public = EncodingKey::from_secret(&keys.keys.first().expect("one").public);
        let sign = |header: &Header, claims: &Claims, key: &EncodingKey| {
            jsonwebtoken::encode(header, claims, key).expect("signed")
        };
        let unsigned = {
            let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
            let head = serde_json::json!({"alg": "none", "typ": "at+jwt", "kid": kid});
            format!(
                "{}.{}.",
                part(&head),
                part(&serde_json::to_value(&claims).expect("json"))
            )
        };
        let with = |change: fn(&mut Claims)| {
            let mut claims = claims.clone();
            change(&mut claims);
            sign(&header(Algorithm::EdDSA, TYPE), &claims, own)
        };
        let mut tampered = good.clone().into_bytes();
        let middle = good.find('.').expect("a dot") + 10;
        tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
        for (name, token) in [
            ("alg none", unsigned),
            (
                "HS256 with the public key",
                sign(&header(Algorithm::HS256, TYPE), &claims, &public),
            ),
            (
                "another key",
                sign(&header(Algorithm::EdDSA, TYPE), &claims, &foreign.signing),
            ),
            (
                "another type",
                sign(&header(Algorithm::EdDSA, "JWT"), &claims, own),
            ),
            (
                "another audience",
                with(|c| c.aud = "https://a.example".to_owned()),
            ),
            (
                "another issuer",
                with(|c| c.iss = "https://b.example".to_owned()),
            ),
            ("expired", with(|c| c.exp = c.iat - 60)),
            ("issued ahead of now", with(|c| c.iat += 30)),
            (
                "of a clock that was a day ahead",
                with(|c| {
                    c.iat += 86_400;
                    c.exp += 86_400;
                }),
            ),
            ("good for longer than any", with(|c| c.exp += 30)),
            (
                "good from before there were tokens",
                with(|c| c.iat = i64::MIN),
            ),
            ("good for ever", with(|c| c.exp = i64::MAX)),
            ("tampered", String::from_utf8(tampered).expect("text")),
            (
                "cut off",
                good.get(..good.len() - 4).expect("longer").to_owned(),
            ),
            ("empty", String::new()),
        ] {
            let code = keys.verify(&token, now()).map_err(|problem| problem.code());
            assert_eq!(code, Err(Code::InvalidToken), "{name}");
        }
    }

    #[test]
    fn an_older_key_still_verifies_and_the_public_half_is_published() {
        let origin: Origin = "https://a.example".parse().expect("an origin");
        let (old, new) = (generate().expect("a key"), generate().expect("a key"));
        let (client, org) = client();
        let before = Keys::from_pem(&origin, [old.as_str()]).expect("usable");
        let token = before
            .issue(client, org, Role::Editor, now())
            .expect("issued");
        let both = Keys::from_pem(&origin, [new.as_str(), old.as_str()]).expect("usable");
        assert!(both.verify(&token, now()).is_ok());
        let jwks = both.jwks();
        assert_eq!(jwks["keys"].as_array().map(Vec::len), Some(2));
        assert!(jwks["keys"][0].get("d").is_none(), "never the private half");
        let found: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks).expect("a key set");
        let kid = jsonwebtoken::decode_header(&token)
            .expect("a header")
            .kid
            .expect("a kid");
        let key = DecodingKey::from_jwk(found.find(&kid).expect("published")).expect("usable");
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&["https://a.example/api/v1"]);
        assert!(jsonwebtoken::decode::<Claims>(&token, &key, &validation).is_ok());
    }
}
