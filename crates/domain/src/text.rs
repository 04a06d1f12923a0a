//! Translatable text, and languages.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{Checker, limits};

/// A language tag of BCP 47 (RFC 5646), such as `de`, `pt-BR` or `sr-Latn`. `und` where a name has no language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
// Transparent, so that a path through a map by language names the language.
#[serde(transparent)]
#[schema(value_type = String, example = "de")]
pub struct Lang(pub String);

impl Lang {
    /// Whether the tag is valid against the IANA registry, and spelled in its canonical case (`de`, not `DE`), so
    /// that equal languages compare equal.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        is_common(&self.0)
            || (self.0.len() <= 35
                // The registry's range qaa..qtz is of three letters; compared as text it would let qq through.
                && (self.primary().len() != 2 || !self.0.starts_with('q') || self.primary() == "qu")
                && language_tags::LanguageTag::parse(&self.0)
                    .is_ok_and(|tag| tag.validate().is_ok() && tag.as_str() == self.0))
    }

    /// The primary language subtag: `pt` of `pt-BR`.
    #[must_use]
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

/// The tags that nearly every entry has, so that a batch does not search the registry a hundred thousand times.
fn is_common(tag: &str) -> bool {
    matches!(
        tag,
        "de" | "en"
            | "fr"
            | "es"
            | "ar"
            | "tr"
            | "ru"
            | "uk"
            | "sq"
            | "sr"
            | "pl"
            | "ro"
            | "fa"
            | "pt"
    )
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a translation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TranslationOrigin {
    /// Written or checked by a person. The default.
    #[default]
    Human,
    /// Made by a machine and not checked.
    Machine,
    /// Taken over from the source as it stands there.
    Source,
}

/// One language's version of a text.
///
/// In JSON a plain string, or an object where there is more to say than its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The words.
    pub value: String,
    /// Where they come from.
    pub origin: TranslationOrigin,
    /// [`text_hash`] of the text that this was translated from: where it no longer matches, the translation is older
    /// than its original and shows as such.
    pub translated_from: Option<String>,
}

/// The first 16 hex digits of SHA-256 of a text's UTF-8 bytes.
#[must_use]
pub fn text_hash(value: &str) -> String {
    let digest = Sha256::digest(value.as_bytes());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl From<&str> for Translation {
    fn from(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            origin: TranslationOrigin::Human,
            translated_from: None,
        }
    }
}

impl Serialize for Translation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.origin == TranslationOrigin::Human && self.translated_from.is_none() {
            return serializer.serialize_str(&self.value);
        }
        let length = 2 + usize::from(self.translated_from.is_some());
        let mut out = serializer.serialize_struct("Translation", length)?;
        out.serialize_field("value", &self.value)?;
        out.serialize_field("origin", &self.origin)?;
        match &self.translated_from {
            Some(hash) => out.serialize_field("translated_from", hash)?,
            None => out.skip_field("translated_from")?,
        }
        out.end()
    }
}

impl<'de> Deserialize<'de> for Translation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Translation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or an object with value, origin and translated_from")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Translation, E> {
                Ok(Translation::from(value))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Translation, A::Error> {
                let full = TranslationObject::deserialize(
                    serde::de::value::MapAccessDeserializer::new(map),
                )?;
                Ok(Translation {
                    value: full.value,
                    origin: full.origin,
                    translated_from: full.translated_from,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A translation with what there is to say about it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Translation)]
struct TranslationObject {
    /// The words.
    value: String,
    /// Where they come from.
    #[serde(default)]
    origin: TranslationOrigin,
    /// The first 16 hex digits of SHA-256 of the text that this was translated from.
    #[serde(default)]
    translated_from: Option<String>,
}

/// Translatable text: language tag to words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Text(pub BTreeMap<Lang, Translation>);

impl Text {
    /// A text in one language.
    #[must_use]
    pub fn new(lang: &str, value: &str) -> Self {
        Self(BTreeMap::from([(
            Lang(lang.to_owned()),
            Translation::from(value),
        )]))
    }

    /// Each language with its words.
    pub fn iter(&self) -> impl Iterator<Item = (&Lang, &str)> {
        self.0
            .iter()
            .map(|(lang, translation)| (lang, translation.value.as_str()))
    }

    /// The words to show to a reader of `wanted`, and the language that they are in.
    ///
    /// Order: the language itself, its primary language, any other tag of that primary language, then English, German,
    /// and whatever comes first (RFC 4647 section 3.4 lookup, with a fallback that always finds something).
    #[must_use]
    pub fn best(&self, wanted: &str) -> Option<(&Lang, &Translation)> {
        let primary = wanted.split('-').next().unwrap_or(wanted);
        [wanted, primary]
            .into_iter()
            .find_map(|tag| {
                self.0
                    .iter()
                    .find(|(lang, _)| lang.0.eq_ignore_ascii_case(tag))
            })
            .or_else(|| self.0.iter().find(|(lang, _)| lang.primary() == primary))
            .or_else(|| {
                ["en", "de"]
                    .into_iter()
                    .find_map(|tag| self.0.iter().find(|(lang, _)| lang.0 == tag))
            })
            .or_else(|| self.0.iter().next())
    }

    /// Leaves only what [`Text::best`] shows.
    pub fn keep_best(&mut self, wanted: &str) {
        let best = self.best(wanted).map(|(lang, _)| lang.clone());
        self.0.retain(|lang, _| best.as_ref() == Some(lang));
    }

    /// Checks a required text.
    pub fn check(&self, c: &mut Checker<'_>, name: &str, most: usize) {
        c.field(name, |c| {
            if self.0.is_empty() {
                c.refuse("empty", "at least one language is needed");
            }
            if self.0.len() > limits::TEXT_LANGUAGES {
                c.refuse(
                    "too_many",
                    format!("at most {} languages", limits::TEXT_LANGUAGES),
                );
                return;
            }
            for (lang, translation) in &self.0 {
                c.field(&lang.0, |c| {
                    c.language_here(lang);
                    c.string_here(&translation.value, most);
                    if let Some(hash) = &translation.translated_from
                        && (hash.len() != 16
                            || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
                    {
                        c.field("translated_from", |c| {
                            c.refuse("not_a_hash", "expected 16 hex digits")
                        });
                    }
                });
            }
        });
    }

    /// Checks an optional text.
    pub fn check_optional(text: Option<&Self>, c: &mut Checker<'_>, name: &str, most: usize) {
        if let Some(text) = text {
            text.check(c, name, most);
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    /// Like a map, but a language that stands there twice is an error: one of the two would be lost.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Languages;
        impl<'de> Visitor<'de> for Languages {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from language tags to texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                let mut text = BTreeMap::new();
                while let Some((lang, translation)) = map.next_entry::<Lang, Translation>()? {
                    if text.len() > limits::TEXT_LANGUAGES {
                        return Err(serde::de::Error::custom("too many languages"));
                    }
                    if text.insert(lang, translation).is_some() {
                        return Err(serde::de::Error::custom(
                            "the same language stands there twice",
                        ));
                    }
                }
                Ok(Text(text))
            }
        }
        deserializer.deserialize_map(Languages)
    }
}

impl PartialSchema for Text {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Type};
        let either = OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::String))
            .item(TranslationObject::schema())
            .build();
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Translatable text: language tag (BCP 47) to words, or to an object that says where they come from."))
            .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(Schema::OneOf(either)))))
            .examples([serde_json::json!({"de": "Beratung vor der Ausreise", "en": "Advice before departure"})])
            .into()
    }
}

impl ToSchema for Text {
    fn name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_translation_stays_a_string_and_a_full_one_an_object() {
        let json = r#"{"de":"Rat","en":{"value":"Advice","origin":"machine","translated_from":"0011223344556677"}}"#;
        let text: Text = serde_json::from_str(json).expect("valid");
        assert_eq!(serde_json::to_string(&text).expect("writes"), json);
    }

    #[test]
    fn a_language_twice_is_refused_not_overwritten() {
        assert!(serde_json::from_str::<Text>(r#"{"de":"a","de":"b"}"#).is_err());
    }

    #[test]
    fn the_language_shown_falls_back_and_is_named() {
        let text: Text = serde_json::from_str(r#"{"de":"d","en":"e","pt-BR":"p"}"#).expect("valid");
        let shown = |wanted| {
            text.best(wanted)
                .map(|(lang, t)| (lang.0.as_str(), t.value.as_str()))
        };
        assert_eq!(shown("de-AT"), Some(("de", "d")));
        assert_eq!(shown("pt"), Some(("pt-BR", "p")));
        assert_eq!(shown("fr"), Some(("en", "e")));
        assert_eq!(
            Text::new("ar", "نص")
                .best("fr")
                .map(|(lang, _)| lang.0.as_str()),
            Some("ar")
        );
    }

    #[test]
    fn language_tags_are_checked_against_the_registry_in_canonical_case() {
        for good in [
            "de",
            "pt-BR",
            "sr-Latn",
            "zh-Hant-TW",
            "und",
            "ku",
            "de-CH-1996",
        ] {
            assert!(Lang(good.into()).is_valid(), "{good}");
        }
        for bad in ["", "DE", "deutsch", "xx-YY", "de_DE", "qq", "d", "pt-br"] {
            assert!(!Lang(bad.into()).is_valid(), "{bad}");
        }
    }
}
