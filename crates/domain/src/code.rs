//! Codes of the code lists, each typed by its list.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{Checker, vocabulary};

/// A code list, known by its name in the vocabularies file.
pub trait Scheme {
    /// The list's name in `imsa-vocabularies.json`, such as `target_group`.
    const NAME: &'static str;
    /// The list's name in the OpenAPI document, such as `TargetGroup`.
    const SCHEMA: &'static str;
}

/// One code of the list `S`.
///
/// The text is kept as it came: an unknown code from another node is shown as it is, while [`Code::check`] refuses it
/// in what is written here.
pub struct Code<S>(String, PhantomData<fn() -> S>);

impl<S: Scheme> Code<S> {
    /// A code as it came, not checked yet.
    pub fn new(code: impl Into<String>) -> Self {
        Self(code.into(), PhantomData)
    }

    /// Refuses a code that the list does not have, at the checker's current place.
    pub fn check(&self, c: &mut Checker<'_>) {
        if !vocabulary::has(S::NAME, &self.0) {
            c.refuse(
                "unknown_code",
                format!("not a code of the list {}", S::NAME),
            );
        }
    }
}

impl<S> Code<S> {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S> Clone for Code<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}
impl<S> fmt::Debug for Code<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<S> fmt::Display for Code<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl<S> PartialEq for Code<S> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<S> Eq for Code<S> {}
impl<S> PartialOrd for Code<S> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<S> Ord for Code<S> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<S> Hash for Code<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<S> Serialize for Code<S> {
    fn serialize<T: serde::Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de, S> Deserialize<'de> for Code<S> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?, PhantomData))
    }
}
impl<S: Scheme> PartialSchema for Code<S> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(format!(
                "A code of the list `{}`; GET /api/v1/vocabularies has the labels.",
                S::NAME
            )))
            .enum_values(Some(vocabulary::codes(S::NAME)))
            .into()
    }
}
impl<S: Scheme> ToSchema for Code<S> {
    fn name() -> Cow<'static, str> {
        S::SCHEMA.into()
    }
}

/// The code lists as types.
pub mod schemes {
    use super::Scheme;

    macro_rules! schemes {
        ($($type:ident = $name:literal),+ $(,)?) => {
            $(
                #[doc = concat!("The list `", $name, "`.")]
                #[derive(Debug)]
                pub enum $type {}
                impl Scheme for $type {
                    const NAME: &'static str = $name;
                    const SCHEMA: &'static str = stringify!($type);
                }
            )+
            /// Codes, typed by their list.
            pub mod aliases {
                $(
                    #[doc = concat!("A code of the list `", $name, "`.")]
                    pub type $type = crate::Code<super::$type>;
                )+
            }

            /// The names of all lists that have a type here.
            pub const ALL: &[&str] = &[$($name),+];
        };
    }

    schemes! {
        Phase = "phase",
        TargetGroup = "target_group",
        ResidencePurpose = "residence_purpose",
        Topic = "topic",
        OfferType = "offer_type",
        Mode = "mode",
        Cost = "cost",
        OrganisationType = "org_type",
        OrganisationRole = "org_role",
        ContactRole = "contact_role",
        Status = "status",
        VerificationMethod = "verification_method",
        PathwayKind = "pathway_kind",
        Handover = "handover",
        LanguageProvision = "language_quality",
        PublicationType = "publication_type",
        EventType = "event_type",
        Basis = "basis",
        PrecisionCode = "precision",
        CapacityState = "capacity_state",
        Channel = "channel",
        SizeBand = "size_band",
        VisibilityCode = "visibility",
    }
}
