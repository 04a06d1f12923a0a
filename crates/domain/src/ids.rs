//! Names of entries: the id at its origin, and the pair that is unique everywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::limits;

/// The id of an entry at its origin: a UUIDv7 (RFC 9562 section 5.7), minted by the shell and passed in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[schema(value_type = Uuid, example = "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10")]
pub struct EntryId(pub Uuid);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EntryId {
    type Err = uuid::Error;

    /// Takes the hyphenated form only, in either case: one id has one spelling in URLs and references.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(Self(s.parse::<uuid::fmt::Hyphenated>()?.into_uuid()))
    }
}

/// The public base URL of a node, without a trailing slash: `https://lotse.example.org`.
///
/// It is the name of the node in every URI of its entries, so it may not change lightly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(value_type = String, example = "https://lotse.example.org")]
pub struct Origin(String);

impl Origin {
    /// The base URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and, unless it is the default one, port: what stands behind the `@` of a foreign id.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.split_once("://").map_or(&self.0, |(_, rest)| {
            rest.split_once('/').map_or(rest, |(host, _)| host)
        })
    }

    /// The global URI of one of its entries.
    #[must_use]
    pub fn uri(&self, id: EntryId) -> String {
        format!("{}/entries/{id}", self.0)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(s).map_err(|_| "not an absolute URL")?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err("a base URL starts with https:// or http:// and names a host");
        }
        if url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err("a base URL has no query, fragment or credentials");
        }
        if s.len() > limits::URL {
            return Err("a base URL is too long");
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What names one entry everywhere: ids are unique per origin only, so that nobody can squat on somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// The node at which it was written.
    pub origin: Origin,
    /// Its id there.
    pub id: EntryId,
}

impl EntryKey {
    /// The key behind a URI as [`Origin::uri`] writes it; `None` for any other address.
    #[must_use]
    pub fn of_uri(uri: &str) -> Option<Self> {
        let (base, id) = uri.rsplit_once("/entries/")?;
        let (origin, id) = (base.parse::<Origin>().ok()?, id.parse().ok()?);
        // A name has one spelling: neither another one of the base URL nor an id in capitals.
        (origin.uri(id) == uri).then_some(Self { origin, id })
    }

    /// The id as this node's API shows it: bare for local entries, `{id}@{host}` for those of others.
    #[must_use]
    pub fn display(&self, local: &Origin) -> String {
        if self.origin == *local {
            self.id.to_string()
        } else {
            format!("{}@{}", self.id, self.origin.host())
        }
    }
}

/// A reference from one entry to another: a local id, or the URI of an entry of another node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryRef {
    /// An entry of the same origin.
    Local(EntryId),
    /// An entry of another node, by its URI. What is not here yet shows as a link.
    Uri(String),
}

impl EntryRef {
    /// The local id, if it is one.
    #[must_use]
    pub fn local(&self) -> Option<EntryId> {
        match self {
            Self::Local(id) => Some(*id),
            Self::Uri(_) => None,
        }
    }

    /// The global URI of what is referred to by an entry of `origin`.
    #[must_use]
    pub fn uri(&self, origin: &Origin) -> String {
        match self {
            Self::Local(id) => origin.uri(*id),
            Self::Uri(uri) => uri.clone(),
        }
    }
}

impl PartialSchema for EntryRef {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "The id of a local entry, or the URI of an entry of another node.",
            ))
            .examples([serde_json::json!("019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10")])
            .into()
    }
}

impl ToSchema for EntryRef {
    fn name() -> std::borrow::Cow<'static, str> {
        "EntryRef".into()
    }
}

impl fmt::Display for EntryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(id) => id.fmt(f),
            Self::Uri(uri) => f.write_str(uri),
        }
    }
}

impl Serialize for EntryRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        if let Ok(id) = text.parse::<EntryId>() {
            return Ok(Self::Local(id));
        }
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => {
                Ok(Self::Uri(text.into_owned()))
            }
            _ => Err(serde::de::Error::custom(
                "expected the id of a local entry or the URI of an entry of another node",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling_and_knows_its_host() {
        let origin: Origin = "https://Lotse.Example.org:443/".parse().expect("valid");
        assert_eq!(origin.as_str(), "https://lotse.example.org");
        assert_eq!(origin.host(), "lotse.example.org");
        let origin: Origin = "http://127.0.0.1:8080/sub".parse().expect("valid");
        assert_eq!(origin.host(), "127.0.0.1:8080");
        for bad in [
            "",
            "lotse.example.org",
            "ftp://a",
            "https://a?x",
            "https://u:p@a",
            "https://",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn a_uri_names_its_entry_and_no_other_address_names_one() {
        let origin: Origin = "https://a.example/sub".parse().expect("valid");
        let id = "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10"
            .parse()
            .expect("an id");
        let key = EntryKey::of_uri(&origin.uri(id)).expect("a key");
        assert_eq!((key.origin, key.id), (origin, id));
        for bad in [
            "",
            "https://a.example",
            "https://a.example/entries/x",
            "https://a.example:443/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
            "/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
        ] {
            assert_eq!(EntryKey::of_uri(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_reference_is_an_id_or_a_uri_and_nothing_else() {
        let read = |s: &str| serde_json::from_value::<EntryRef>(serde_json::json!(s));
        assert!(matches!(
            read("019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10"),
            Ok(EntryRef::Local(_))
        ));
        assert!(matches!(
            read("https://b.example/entries/1"),
            Ok(EntryRef::Uri(_))
        ));
        for bad in [
            "",
            "x",
            "019ab3c25c007a118f3e6b0f2d9c4e10",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ] {
            assert!(read(bad).is_err(), "{bad} must be refused");
        }
    }
}
