//! From text to the terms that are indexed, and from a query to the terms that are looked up.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::fold::{each_word, fold, lower, without_umlauts};
use super::german;
use super::stem::Language;
use super::stop;
use crate::document::Passage;
use crate::{QueryError, limits};

/// What a stem starts with among the terms, so that it is no spelling: a prefix or a typo never meets it.
pub(crate) const STEM: char = '\u{1}';

/// Turns passages into terms. Keeps what it has found out about frequent words.
#[derive(Debug, Default)]
pub(crate) struct Analyser {
    /// Per language (none: without rules) a word as it stands in the text to its terms, parted by blanks.
    known: HashMap<Option<Language>, HashMap<Box<str>, Arc<str>>>,
}

impl Analyser {
    /// The terms of passages, parted by blanks, each as often as its weight says.
    pub(crate) fn terms(&mut self, passages: &[Passage]) -> String {
        let mut out = String::new();
        for passage in passages {
            let language = Language::of(&passage.lang);
            let known = self.known.entry(language).or_default();
            each_word(&passage.text, |word| {
                let terms = match known.get(word) {
                    Some(terms) => Arc::clone(terms),
                    None => {
                        let terms: Arc<str> = terms_of(word, language).into();
                        if known.len() >= limits::ANALYSED_WORDS {
                            known.clear();
                        }
                        known.insert(word.into(), Arc::clone(&terms));
                        terms
                    }
                };
                for _ in 0..passage.weight {
                    out.push_str(&terms);
                }
            });
        }
        out
    }
}

/// The terms of one word of a text, each followed by a blank: its folded spelling, its stem, the parts of a compound.
fn terms_of(word: &str, language: Option<Language>) -> String {
    let mut out = String::new();
    let Some(language) = language else {
        push(&mut out, &fold(&lower(word, false)));
        return out;
    };
    let lower = language.lower(word);
    let folded = spelling(&lower, Some(language));
    if language.is_stop_word(&folded) {
        return out;
    }
    push(&mut out, &folded);
    push_stem(&mut out, &language.stem(&lower));
    if language == Language::GERMAN {
        let mut seen = BTreeSet::new();
        for part in german::parts(&folded) {
            let stem = language.stem(part.text);
            if seen.insert(stem.clone()) {
                push_stem(&mut out, &stem);
                if part.sure {
                    push(&mut out, part.text);
                }
            }
        }
    }
    out
}

fn push(out: &mut String, term: &str) {
    if !term.is_empty() {
        out.push_str(term);
        out.push(' ');
    }
}

fn push_stem(out: &mut String, stem: &str) {
    if !stem.is_empty() {
        out.push(STEM);
        out.push_str(stem);
        out.push(' ');
    }
}

fn spelling(lower: &str, language: Option<Language>) -> String {
    let folded = fold(lower);
    if language == Some(Language::GERMAN) {
        without_umlauts(&folded)
    } else {
        folded
    }
}

/// One word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Terms that are the word itself: its spellings, and its stem in every language.
    pub(crate) exact: Vec<String>,
    /// Folded spellings, for prefixes and typos.
    pub(crate) spellings: Vec<String>,
    /// Whether longer words that begin with it match.
    pub(crate) prefix: bool,
    /// Whether words with one wrong letter may match.
    pub(crate) typo: bool,
}

/// The words of a query. Nobody says in which language it is, so each word is analysed in all of them.
///
/// # Errors
/// [`QueryError::TooManyWords`].
pub(crate) fn query_words(q: &str) -> Result<Vec<Word>, QueryError> {
    let mut raw: Vec<String> = Vec::new();
    each_word(q, |word| raw.push(word.to_owned()));
    if raw.len() > limits::QUERY_WORDS {
        return Err(QueryError::TooManyWords);
    }
    let folded = |word: &String| fold(&lower(word, false));
    // The last word may be the beginning of any other, unless a blank shows that it is whole.
    let open = q.chars().next_back().is_some_and(|c| !c.is_whitespace());
    let count = raw.len();
    let mut words: Vec<(bool, Word)> = raw
        .iter()
        .enumerate()
        .map(|(i, word)| {
            (
                stop::contains_any(&folded(word)),
                query_word(word, open && i + 1 == count),
            )
        })
        .collect();
    if words.iter().any(|(is_stop, _)| !is_stop) {
        // The last word may only begin like a stop word: "die" on the way to "Dienst". Stop words elsewhere say nothing.
        words.retain(|(is_stop, _)| !is_stop);
    }
    let mut out: Vec<Word> = Vec::new();
    for (_, word) in words {
        if !out.contains(&word) {
            out.push(word);
        }
    }
    Ok(out)
}

fn query_word(word: &str, last: bool) -> Word {
    let mut spellings = vec![fold(&lower(word, false))];
    let mut exact = BTreeSet::new();
    let german = without_umlauts(&spelling(&lower(word, false), None));
    if !spellings.contains(&german) {
        spellings.push(german);
    }
    for language in Language::all() {
        exact.insert(format!("{STEM}{}", language.stem(&language.lower(word))));
    }
    exact.extend(spellings.iter().cloned());
    let letters = spellings
        .iter()
        .map(|s| s.chars().count())
        .min()
        .unwrap_or(0);
    Word {
        exact: exact.into_iter().collect(),
        prefix: last || letters >= limits::PREFIX_LETTERS,
        typo: letters >= limits::TYPO_LETTERS,
        spellings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(lang: &str, text: &str) -> String {
        let passage = Passage {
            lang: lang.into(),
            text: text.into(),
            weight: 1,
        };
        Analyser::default()
            .terms(&[passage])
            .replace(STEM, "*")
            .trim_end()
            .to_owned()
    }

    #[test]
    fn a_text_becomes_spellings_and_stems_without_stop_words() {
        assert_eq!(
            terms("en", "The services of the town"),
            "services *servic town *town"
        );
        assert_eq!(terms("de-AT", "Für Ärzte"), "arzte *arzt");
        assert_eq!(terms("und", "Kassel"), "kassel");
        assert_eq!(terms("ti", "ምኽሪ"), "ምኽሪ");
    }

    #[test]
    fn weight_counts_words_more_often() {
        let passage = Passage {
            lang: "und".into(),
            text: "Haus".into(),
            weight: 3,
        };
        assert_eq!(Analyser::default().terms(&[passage]), "haus haus haus ");
    }

    #[test]
    fn a_query_word_is_looked_up_in_all_languages() {
        let words = query_words("Beratung für Families").expect("short enough");
        assert_eq!(words.len(), 2);
        assert!(
            words[0].exact.contains(&format!("{STEM}berat")),
            "{words:?}"
        );
        assert!(
            words[1].exact.contains(&format!("{STEM}famili")),
            "{words:?}"
        );
        assert_eq!(
            query_words("der").expect("short").len(),
            1,
            "a lone stop word is still looked for"
        );
        assert_eq!(
            query_words(&"wort ".repeat(limits::QUERY_WORDS + 1)),
            Err(QueryError::TooManyWords)
        );
        assert!(query_words("!?").expect("short").is_empty());
    }

    #[test]
    fn the_last_word_is_open_until_a_blank_follows() {
        let prefix = |q: &str| {
            query_words(q)
                .expect("short")
                .last()
                .map(|word| word.prefix)
        };
        assert_eq!(prefix("ab"), Some(true));
        assert_eq!(prefix("ab "), Some(false));
        assert_eq!(prefix("abc "), Some(true));
    }
}
