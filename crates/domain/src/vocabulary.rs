//! The code lists with their labels, from `data/imsa-vocabularies.json`.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All code lists, of one version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Vocabularies {
    /// Name of the collection of lists.
    pub id: String,
    /// Version of the lists.
    pub version: String,
    /// Date of that version.
    pub date: String,
    /// Licence of the lists.
    pub license: String,
    /// How the lists are to be read.
    pub note: String,
    /// The lists, by name.
    pub schemes: BTreeMap<String, CodeList>,
}

/// One code list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CodeList {
    /// What the list is called, per language.
    pub label: BTreeMap<String, String>,
    /// How the list is to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its codes, in the order in which they are shown.
    pub concepts: Vec<Concept>,
}

/// One code with what it means.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Concept {
    /// Lower-case, stable, never reused.
    pub code: String,
    /// What people read, per language.
    pub label: BTreeMap<String, String>,
    /// The same thing in other code lists, by name of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maps: Option<BTreeMap<String, String>>,
    /// The law that the code rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<String>,
    /// The HXL attribute that it corresponds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hxl: Option<String>,
    /// The HSDS value that it corresponds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsds: Option<String>,
}

struct Loaded {
    vocabularies: Vocabularies,
    codes: BTreeMap<String, HashSet<String>>,
}

static LOADED: LazyLock<Loaded> = LazyLock::new(|| {
    // The file is part of the program; a test reads it, so that a broken one cannot be shipped.
    let vocabularies: Vocabularies =
        serde_json::from_str(include_str!("../data/imsa-vocabularies.json")).unwrap_or_else(|_| {
            Vocabularies {
                id: String::new(),
                version: String::new(),
                date: String::new(),
                license: String::new(),
                note: String::new(),
                schemes: BTreeMap::new(),
            }
        });
    let codes = vocabularies
        .schemes
        .iter()
        .map(|(name, list)| {
            (
                name.clone(),
                list.concepts.iter().map(|c| c.code.clone()).collect(),
            )
        })
        .collect();
    Loaded {
        vocabularies,
        codes,
    }
});

/// All lists with their labels.
#[must_use]
pub fn all() -> &'static Vocabularies {
    &LOADED.vocabularies
}

/// Whether the list `scheme` has `code`.
#[must_use]
pub fn has(scheme: &str, code: &str) -> bool {
    LOADED
        .codes
        .get(scheme)
        .is_some_and(|codes| codes.contains(code))
}

/// The codes of a list, in the order in which they are shown.
#[must_use]
pub fn codes(scheme: &str) -> Vec<&'static str> {
    all().schemes.get(scheme).map_or_else(Vec::new, |list| {
        list.concepts.iter().map(|c| c.code.as_str()).collect()
    })
}

/// The label of a code in the language `lang`, else in English, else in German.
#[must_use]
pub fn label(scheme: &str, code: &str, lang: &str) -> Option<&'static str> {
    let concept = all()
        .schemes
        .get(scheme)?
        .concepts
        .iter()
        .find(|c| c.code == code)?;
    [lang, "en", "de"]
        .iter()
        .find_map(|lang| concept.label.get(*lang))
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_a_type_and_every_type_a_list() {
        let mut typed = crate::schemes::ALL.to_vec();
        typed.sort_unstable();
        let listed: Vec<&str> = all().schemes.keys().map(String::as_str).collect();
        assert_eq!(typed, listed);
        assert_eq!(listed.len(), 23);
    }

    #[test]
    fn every_code_is_unique_and_labelled_in_german_and_english() {
        for (name, list) in &all().schemes {
            let codes: HashSet<_> = list.concepts.iter().map(|c| &c.code).collect();
            assert_eq!(codes.len(), list.concepts.len(), "{name}");
            for concept in &list.concepts {
                assert!(
                    concept.label.contains_key("de") && concept.label.contains_key("en"),
                    "{name} {}",
                    concept.code
                );
            }
        }
    }
}
