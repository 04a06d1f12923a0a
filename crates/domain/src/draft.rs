//! What a client may write of an entry.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::entry::Source;
use crate::{
    Content, Entry, EntryId, Kind, Reason, Refusal, Violation, Visibility, codes, json, limits,
};

/// What a client writes: the envelope's writable fields around the content `C`.
///
/// Fields that the node decides (`id`, `origin`, `version`, times ...) are accepted and ignored, so that what was read
/// can be changed and sent back; `kind` must fit where it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft<C> {
    /// Must be the kind of the collection, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The organisation that will own it. Without it: the writer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<EntryId>,
    /// Who may see it. Without it: everybody (assessments: their owner and coordinators).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Whether it exists yet, still, for now. Without it: `active`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<codes::Status>,
    /// First day on which it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_from: Option<NaiveDate>,
    /// Last day on which it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_until: Option<NaiveDate>,
    /// When somebody last checked that it is true. Needs `verification_method`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<NaiveDate>,
    /// The function (never the name) of who checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by_function: Option<String>,
    /// How it was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_method: Option<codes::VerificationMethod>,
    /// The owner's own key for it, unique per owner and kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Licence of the record. Without it: the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where what it says comes from.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// URIs of the same thing elsewhere.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<String>,
    /// What only its kind has.
    pub content: C,

    /// Read only, ignored.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    id: Ignored,
    /// Read only, ignored.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    uri: Ignored,
    /// Read only, ignored.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    origin: Ignored,
    /// Read only, ignored.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    version: Ignored,
    /// Read only, ignored.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    created: Ignored,
    /// Read only, ignored.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    modified: Ignored,
    /// Read only, ignored.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    review_due: Ignored,
    /// Read only, ignored.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    provenance: Ignored,
}

/// A field that is accepted and not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A draft of any kind.
pub type AnyDraft = Draft<Content>;

impl<C> Draft<C> {
    /// A draft with nothing but its content.
    pub fn new(content: C) -> Self {
        Self {
            kind: None,
            owner: None,
            visibility: None,
            status: None,
            available_from: None,
            available_until: None,
            last_verified: None,
            verified_by_function: None,
            verification_method: None,
            external_id: None,
            license: None,
            sources: Vec::new(),
            same_as: Vec::new(),
            content,
            id: Ignored,
            uri: Ignored,
            origin: Ignored,
            version: Ignored,
            created: Ignored,
            modified: Ignored,
            review_due: Ignored,
            provenance: Ignored,
        }
    }

    /// The same envelope around another content.
    pub fn map<D>(self, change: impl FnOnce(C) -> D) -> Draft<D> {
        Draft {
            kind: self.kind,
            owner: self.owner,
            visibility: self.visibility,
            status: self.status,
            available_from: self.available_from,
            available_until: self.available_until,
            last_verified: self.last_verified,
            verified_by_function: self.verified_by_function,
            verification_method: self.verification_method,
            external_id: self.external_id,
            license: self.license,
            sources: self.sources,
            same_as: self.same_as,
            ..Draft::new(change(self.content))
        }
    }
}

impl AnyDraft {
    /// Reads a draft of a known kind, strictly: see [`json::check`] for what is refused before its shape is looked at.
    ///
    /// # Errors
    /// [`Reason::Malformed`] with the place of the first thing that does not fit.
    pub fn parse(kind: Kind, body: &[u8]) -> Result<Self, Refusal> {
        if body.len() > kind.max_bytes() {
            return Err(too_long(kind));
        }
        let text = json::check(body, limits::JSON_DEPTH).map_err(malformed)?;
        Self::parse_checked(kind, text)
    }

    /// Reads a draft from JSON that [`json::check`] has let through.
    ///
    /// # Errors
    /// As [`AnyDraft::parse`].
    pub fn parse_checked(kind: Kind, text: &str) -> Result<Self, Refusal> {
        must_be_object("", text)?;
        // The fast way first; the way that knows where it is only when something is wrong.
        let draft = match serde_json::from_str::<Draft<&RawValue>>(text) {
            Ok(draft) => draft,
            Err(error) => {
                let mut de = serde_json::Deserializer::from_str(text);
                let found = serde_path_to_error::deserialize::<_, Draft<&RawValue>>(&mut de);
                let pointer = found
                    .err()
                    .map_or_else(String::new, |error| pointer_of(error.path()));
                return Err(malformed(shape(pointer, &error)));
            }
        };
        if draft.kind.is_some_and(|found| found != kind) {
            return Err(malformed(Violation {
                pointer: "/kind".to_owned(),
                code: Cow::Borrowed("wrong_kind"),
                message: format!("expected {kind}"),
            }));
        }
        let raw = draft.content.get();
        must_be_object("/content", raw)?;
        let content = match Content::from_json(kind, raw) {
            Ok(content) => content,
            Err(error) => {
                let found = Content::from_json_with_path(kind, raw);
                let pointer = found
                    .err()
                    .map_or_else(String::new, |error| pointer_of(error.path()));
                return Err(malformed(shape(format!("/content{pointer}"), &error)));
            }
        };
        Ok(draft.map(|_| content))
    }

    /// The draft that would write `entry` again as it is: what a merge patch is applied to.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Self {
            kind: Some(entry.kind),
            owner: Some(entry.owner),
            visibility: Some(entry.visibility),
            status: Some(entry.status.clone()),
            available_from: entry.available_from,
            available_until: entry.available_until,
            last_verified: entry.last_verified,
            verified_by_function: entry.verified_by_function.clone(),
            verification_method: entry.verification_method.clone(),
            external_id: entry.external_id.clone(),
            license: Some(entry.license.clone()),
            sources: entry.sources.clone(),
            same_as: entry.same_as.clone(),
            ..Self::new(entry.content.clone())
        }
    }

    /// Applies a JSON Merge Patch (RFC 7396) to `entry`.
    ///
    /// # Errors
    /// [`Reason::Malformed`] where the result is not an entry of this kind.
    pub fn patched(entry: &Entry, patch: &serde_json::Value) -> Result<Self, Refusal> {
        let mut document = serde_json::to_value(Self::of(entry))
            .map_err(|_| Refusal::new(Reason::Malformed, "this entry cannot be patched"))?;
        json_patch::merge(&mut document, patch);
        let text = document.to_string();
        if text.len() > entry.kind.max_bytes() {
            return Err(too_long(entry.kind));
        }
        Self::parse_checked(entry.kind, &text)
    }
}

fn too_long(kind: Kind) -> Refusal {
    malformed(Violation {
        pointer: String::new(),
        code: Cow::Borrowed("too_long"),
        message: format!(
            "an entry of this kind has at most {} bytes",
            kind.max_bytes()
        ),
    })
}

/// Refuses what is no object: serde would take a list for one, field by field.
fn must_be_object(pointer: &str, json: &str) -> Result<(), Refusal> {
    if json.trim_start().starts_with('{') {
        return Ok(());
    }
    Err(malformed(Violation {
        pointer: pointer.to_owned(),
        code: Cow::Borrowed("wrong_type"),
        message: "expected an object".to_owned(),
    }))
}

/// A refusal for JSON that is not well formed or not of the right shape.
fn malformed(violation: Violation) -> Refusal {
    Refusal {
        reason: Reason::Malformed,
        detail: "the body is not what this operation takes".to_owned(),
        violations: vec![violation],
    }
}

/// A shape that does not fit, in serde's words without its position: positions within a raw part would mislead.
pub(crate) fn shape(pointer: String, error: &serde_json::Error) -> Violation {
    let message = error.to_string();
    let message = message
        .split_once(" at line ")
        .map_or(message.as_str(), |(words, _)| words)
        .to_owned();
    let code = [
        ("unknown field", "unknown_field"),
        ("missing field", "required"),
        ("duplicate field", "duplicate_name"),
        ("invalid type", "wrong_type"),
    ]
    .into_iter()
    .find_map(|(words, code)| message.starts_with(words).then_some(code))
    .unwrap_or("wrong_value");
    Violation {
        pointer,
        code: Cow::Borrowed(code),
        message,
    }
}

/// A path of serde as a JSON Pointer (RFC 6901).
pub(crate) fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}
