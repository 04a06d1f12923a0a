//! Stemming: the forms of a word that mean the same, per language.

use frostem::{Algorithm, Stemmer};

use super::fold::{fold, lower};
use super::stop;

/// A language with rules of its own. All others are folded, but not stemmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Language(usize);

/// Primary language subtags with their Snowball stemmers (<https://snowballstem.org>).
const STEMMED: &[(&str, Algorithm)] = &[
    ("de", Algorithm::German),
    ("en", Algorithm::English),
    ("fr", Algorithm::French),
    ("es", Algorithm::Spanish),
    ("ar", Algorithm::Arabic),
    ("tr", Algorithm::Turkish),
    ("ru", Algorithm::Russian),
    ("it", Algorithm::Italian),
    ("pt", Algorithm::Portuguese),
    ("ro", Algorithm::Romanian),
    ("nl", Algorithm::Dutch),
    ("pl", Algorithm::Polish),
    ("sr", Algorithm::Serbian),
    ("el", Algorithm::Greek),
    ("hu", Algorithm::Hungarian),
    ("fa", Algorithm::Persian),
];

impl Language {
    pub(crate) const GERMAN: Self = Self(0);

    /// The language of a BCP 47 tag, if it has rules of its own.
    pub(crate) fn of(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        STEMMED
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(primary))
            .map(Self)
    }

    /// All languages with rules of their own.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..STEMMED.len()).map(Self)
    }

    fn is_turkic(self) -> bool {
        STEMMED.get(self.0).is_some_and(|(tag, _)| *tag == "tr")
    }

    /// Whether a folded word only holds sentences of this language together.
    pub(crate) fn is_stop_word(self, folded: &str) -> bool {
        STEMMED
            .get(self.0)
            .is_some_and(|(tag, _)| stop::contains(tag, folded))
    }

    /// The word in lower case, as this language has it.
    pub(crate) fn lower(self, word: &str) -> String {
        lower(word, self.is_turkic())
    }

    /// The folded stem of a lower-case word.
    pub(crate) fn stem(self, lower: &str) -> String {
        match STEMMED.get(self.0) {
            None => fold(lower),
            Some((_, algorithm @ Algorithm::Arabic)) => {
                fold(&Stemmer::new(*algorithm).stem(without_plural(without_article(&fold(lower)))))
            }
            Some((_, algorithm)) => fold(&Stemmer::new(*algorithm).stem(lower)),
        }
    }
}

/// A folded Arabic word without its article and the one-letter particle (and, so, with, like, for) that is written
/// together with it. The stemmer takes off some of these itself, but then leaves the feminine ending, which folding has
/// made one with another letter.
fn without_article(word: &str) -> &str {
    let rest = word.strip_prefix(['و', 'ف', 'ب', 'ك']).unwrap_or(word);
    let rest = rest.strip_prefix("ال").or_else(|| word.strip_prefix("لل"));
    rest.filter(|rest| rest.chars().count() >= 3)
        .unwrap_or(word)
}

/// A folded Arabic word without the ending of the regular feminine plural, so that it meets its singular: the stemmer
/// leaves it where the singular's ending was folded away.
fn without_plural(word: &str) -> &str {
    let rest = word.strip_suffix("ات");
    rest.filter(|rest| rest.chars().count() >= 3)
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (tag, forms) in [
            ("de", &["Beratung", "Beratungen", "beratungen"][..]),
            ("de", &["Ärzte", "Arzt", "Aerzte"]),
            ("en", &["counselling", "counsellings"]),
            ("en", &["services", "service"]),
            ("ar", &["خدمة", "خدمات", "الخدمات"]),
            ("fr", &["migrations", "migration"]),
            ("fr", &["accueillir", "accueillis"]),
            ("es", &["trabajadores", "trabajador"]),
            (
                "ar",
                &["الهجرة", "هجرة", "والهجرة", "للهجرة", "بالهجرة", "هجره"],
            ),
            ("tr", &["danışmanlık", "danışmanlığı"]),
            ("ru", &["консультация", "консультации", "консультаций"]),
        ] {
            let language = Language::of(tag).expect("has rules");
            let stems: Vec<String> = forms
                .iter()
                .map(|form| language.stem(&language.lower(form)))
                .collect();
            assert!(
                stems.iter().all(|stem| *stem == stems[0]),
                "{tag} {forms:?}: {stems:?}"
            );
        }
        assert_eq!(Language::of("pt-BR"), Language::of("pt"));
        assert_eq!(Language::of("ti"), None);
    }
}
