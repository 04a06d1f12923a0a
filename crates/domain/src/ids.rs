//! Names of entries: the id at its origin, and the pair that is unique everywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::origin::Origin;

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

/// What names one entry everywhere: ids are unique per origin only, so that nobody can squat on somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// The node at which it was written.
    pub origin: Origin,
    /// Its id there.
    pub id: EntryId,
}

impl EntryKey {
    /// The key behind the URI of an entry, in whatever spelling; `None` for any other address.
    #[must_use]
    pub fn of_uri(uri: &str) -> Option<Self> {
        let (base, id) = uri.rsplit_once("/entries/")?;
        let (origin, id) = (base.parse().ok()?, id.parse().ok()?);
        Some(Self { origin, id })
    }

    /// The URI of the entry, in its one spelling.
    #[must_use]
    pub fn uri(&self) -> String {
        self.origin.uri(self.id)
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
    /// An entry of another node, by its URI in its one spelling. What is not here yet shows as a link.
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
        if let Some(key) = EntryKey::of_uri(&text) {
            return Ok(Self::Uri(key.uri()));
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
            "ftp://a.example/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
            "/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
        ] {
            assert_eq!(EntryKey::of_uri(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_spelling_of_a_uri_refers_to_the_same_entry() {
        let normal = "https://a.example/sub/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10";
        for spelling in [
            normal,
            "https://A.example.:443//sub/entries/019AB3C2-5C00-7A11-8F3E-6B0F2D9C4E10",
            "https://a%2Eexample/s%75b/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10",
        ] {
            let key = EntryKey::of_uri(spelling).expect("a key");
            assert_eq!(key.uri(), normal, "{spelling}");
            let read: EntryRef = serde_json::from_value(serde_json::json!(spelling)).expect("one");
            assert_eq!(read, EntryRef::Uri(normal.to_owned()), "{spelling}");
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
