//! The ten kinds, listed once.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kinds::{
    AssessmentReview, ContactPoint, Event, Need, Offer, Organisation, Pathway, Publication,
    QualityStandard, SelfAssessment,
};
use crate::{Audience, Checker, EntryRef, Facets, limits};

/// A reference of an entry, found while checking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it stands, as a JSON Pointer into the content.
    pub pointer: String,
    /// What it refers to.
    pub target: EntryRef,
    /// The kinds that may stand there.
    pub kinds: &'static [Kind],
}

/// What a kind of entry knows about itself. Adding a kind is one file that implements this, one line in the list
/// below, and one example.
pub trait KindContent:
    Serialize + DeserializeOwned + ToSchema + Clone + PartialEq + fmt::Debug
{
    /// Which kind it is.
    const KIND: Kind;

    /// Refuses what is wrong beyond types, and notes references.
    fn check(&self, c: &mut Checker<'_>);

    /// What search, filters and coverage see of it.
    fn facets<'a>(&'a self, facets: &mut Facets<'a>);

    /// The name that it is listed under.
    fn title(&self) -> crate::Text;

    /// All its translatable texts.
    fn texts(&mut self) -> Vec<&mut crate::Text>;

    /// Whether `audience` may know of it at all on the day `today`, where its visibility allows it. Said by the kinds whose
    /// content has a state of its own.
    fn is_shown(&self, audience: Audience, today: chrono::NaiveDate) -> bool {
        let _ = (audience, today);
        true
    }

    /// Takes out what `audience` may not see, on the day `today`, and says whether that was anything. Called for every
    /// outward form.
    fn restrict(&mut self, audience: Audience, today: chrono::NaiveDate) -> bool {
        let _ = (audience, today);
        false
    }
}

macro_rules! kinds {
    ($($variant:ident, $code:literal, $collection:literal;)+) => {
        /// The kinds of entries.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind {
            $(
                #[doc = concat!("`", $code, "`, listed under `/", $collection, "`.")]
                $variant,
            )+
        }

        impl Kind {
            /// A draft of this kind, to try and to start from. It refers to entries of the demo directory.
            #[must_use]
            pub fn example(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../examples/", $code, ".json"))),+ }
            }

            /// All kinds, in the order in which they are listed.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code in JSON: `contact-point`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The collection's name in paths: `contact-points`.
            #[must_use]
            pub fn collection(self) -> &'static str {
                match self { $(Self::$variant => $collection),+ }
            }
        }

        /// Something to be done for the content type of each kind.
        pub trait EachKind {
            /// Does it for `C`.
            fn kind<C: KindContent>(&mut self);
        }

        /// Does something for the content type of each kind, in the order of [`Kind::ALL`].
        pub fn for_each_kind(each: &mut impl EachKind) {
            $(each.kind::<$variant>();)+
        }

        /// The content of an entry of any kind. Its JSON is the content alone; the kind stands in the envelope.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Content {
            $(
                #[doc = concat!("Content of the kind `", $code, "`.")]
                $variant(Box<$variant>),
            )+
        }

        impl Content {
            /// The kind of this content.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant),+ }
            }

            /// Reads the content of a known kind.
            ///
            /// # Errors
            /// What serde says of JSON that does not fit.
            pub fn from_json(kind: Kind, json: &str) -> Result<Self, serde_json::Error> {
                Ok(match kind { $(Kind::$variant => Self::$variant(Box::new(serde_json::from_str(json)?))),+ })
            }

            /// The same, but an error names the field in which it lies.
            ///
            /// # Errors
            /// As [`Content::from_json`], with the path.
            pub(crate) fn from_json_with_path(
                kind: Kind,
                json: &str,
            ) -> Result<Self, serde_path_to_error::Error<serde_json::Error>> {
                let mut de = serde_json::Deserializer::from_str(json);
                Ok(match kind {
                    $(Kind::$variant => Self::$variant(Box::new(serde_path_to_error::deserialize(&mut de)?)),)+
                })
            }

            /// Refuses what is wrong beyond types, and notes references.
            pub fn check(&self, c: &mut Checker<'_>) {
                match self { $(Self::$variant(content) => content.check(c)),+ }
            }

            /// What search, filters and coverage see of it.
            pub fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
                match self { $(Self::$variant(content) => content.facets(facets)),+ }
            }

            /// The name that it is listed under.
            #[must_use]
            pub fn title(&self) -> crate::Text {
                match self { $(Self::$variant(content) => content.title()),+ }
            }

            /// All its translatable texts.
            pub(crate) fn texts(&mut self) -> Vec<&mut crate::Text> {
                match self { $(Self::$variant(content) => content.texts()),+ }
            }

            /// Whether an audience may know of it at all.
            pub(crate) fn is_shown(&self, audience: Audience, today: chrono::NaiveDate) -> bool {
                match self { $(Self::$variant(content) => content.is_shown(audience, today)),+ }
            }

            /// Takes out what an audience may not see.
            pub(crate) fn restrict(&mut self, audience: Audience, today: chrono::NaiveDate) -> bool {
                match self { $(Self::$variant(content) => content.restrict(audience, today)),+ }
            }
        }

        impl Serialize for Content {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$variant(content) => content.serialize(serializer)),+ }
            }
        }

        $(
            impl From<$variant> for Content {
                fn from(content: $variant) -> Self {
                    Self::$variant(Box::new(content))
                }
            }
        )+
    };
}

kinds! {
    Organisation, "organisation", "organisations";
    Offer, "offer", "offers";
    ContactPoint, "contact-point", "contact-points";
    Pathway, "pathway", "pathways";
    QualityStandard, "quality-standard", "quality-standards";
    SelfAssessment, "self-assessment", "self-assessments";
    AssessmentReview, "assessment-review", "assessment-reviews";
    Event, "event", "events";
    Publication, "publication", "publications";
    Need, "need", "needs";
}

impl Content {
    /// What an entry stands below here: the organisation above an organisation, the version that a standard takes the
    /// place of.
    pub(crate) fn parent(&self) -> Option<crate::EntryId> {
        match self {
            Self::Organisation(organisation) => organisation.parent.as_ref()?.local(),
            Self::QualityStandard(standard) => standard.supersedes.as_ref()?.local(),
            _ => None,
        }
    }
}

impl Kind {
    /// Whether entries of this kind stay with their owner unless they are published: assessments and their reviews.
    #[must_use]
    pub fn is_internal(self) -> bool {
        matches!(self, Self::SelfAssessment | Self::AssessmentReview)
    }

    /// Bytes that a body of this kind may have.
    #[must_use]
    pub fn max_bytes(self) -> usize {
        if self == Self::QualityStandard {
            limits::STANDARD_BYTES
        } else {
            limits::ENTRY_BYTES
        }
    }

    /// The kind of a collection's name.
    #[must_use]
    pub fn from_collection(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.collection() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == s)
            .ok_or("not a kind of entry")
    }
}
