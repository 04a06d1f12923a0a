//! German compounds: the parts by which `Migrationsberatung` is found when somebody searches `Beratung`.
//!
//! A compound is cut where a plausible first part, with or without a linking element, meets a plausible rest. What is
//! plausible comes from three sources, none of which needs a large word list:
//!
//! 1. a list of common words of the field and of everyday life, written for this project (`german_words.txt`);
//! 2. endings that only stand between the parts of a compound: `-ungs-`, `-heits-`, `-ions-` and their like;
//! 3. the shape of syllables: a part ends as German words end and starts as they start.
//!
//! The third source alone is weak. It is only trusted for long parts, and what it yields is found by its stem but not by
//! prefix or with typos: a wrong cut then does no harm unless somebody searches the very syllables that it left.
//! Verbs' prefixes never are first parts: `Verhandlung` is no kind of `Handlung`.
//!
//! Linking elements after Fleischer and Barz (Wortbildung der deutschen Gegenwartssprache).

use std::collections::HashSet;
use std::sync::LazyLock;

/// A part of a compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Part<'a> {
    /// The part, folded; the last one with the ending of the whole word.
    pub(crate) text: &'a str,
    /// Whether it is known as a word, and not only shaped like one.
    pub(crate) sure: bool,
}

struct Lexicon {
    /// Words that stand at the front or at the end.
    words: HashSet<&'static str>,
    /// Words that stand at the front only.
    fronts: HashSet<&'static str>,
    /// Heads of three letters.
    short: HashSet<&'static str>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon {
        words: HashSet::new(),
        fronts: HashSet::new(),
        short: HashSet::new(),
    };
    for line in include_str!("german_words.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        match line.split_once(": ") {
            Some(("front", words)) => lexicon.fronts.extend(words.split_ascii_whitespace()),
            Some(("short", words)) => lexicon.short.extend(words.split_ascii_whitespace()),
            _ => lexicon.words.extend(line.split_ascii_whitespace()),
        }
    }
    lexicon
});

/// Letters of the shortest word that is cut.
const COMPOUND: usize = 6;
/// Letters of a rest that is not known, after a first part that is.
const REST_AFTER_KNOWN: usize = 4;
/// Letters of both parts where neither is known.
const UNKNOWN: usize = 5;
/// Letters of an unknown first part before a known rest.
const FRONT_BEFORE_KNOWN: usize = 4;
/// Parts of one word: longer chains are cut from the front.
const PARTS: usize = 12;

/// Elements between the parts of a compound, longest first; the empty one last.
const LINKS: &[&str] = &["ens", "es", "en", "er", "ns", "s", "n", "e", ""];

/// Endings of a first part that show a compound's seam, whatever stands before them.
const SEAMS: &[&str] = &[
    "ungs", "heits", "keits", "schafts", "ions", "tats", "lings", "tums", "ments", "turs", "ismus",
];

/// Beginnings of words that are no first part of a compound.
const PREFIXES: &[&str] = &[
    "ab", "an", "auf", "aus", "be", "bei", "da", "dar", "durch", "ein", "emp", "ent", "er", "fort",
    "ge", "her", "herab", "heran", "herauf", "heraus", "hervor", "hin", "hinaus", "hinter", "los",
    "miss", "mit", "nach", "um", "un", "unter", "uber", "ver", "voran", "voraus", "vorbei",
    "vorher", "weg", "wider", "wieder", "zer", "zu", "zuruck", "zusammen", "in", "im", "de", "des",
    "dis", "kon", "kom", "kol", "kor", "pra", "pro", "re", "trans", "inter", "sub", "per", "ex",
    "ad", "ob", "bean", "beauf", "veran", "verab", "unver", "unbe", "abge", "ange", "auser",
    "ausge", "einge", "bevor", "beein", "beglaub", "univer", "inner", "ausser", "ober", "halt",
];

/// Ends of words that are endings and no words.
const ENDINGS: &[&str] = &[
    "schaft",
    "schaften",
    "heit",
    "heiten",
    "keit",
    "keiten",
    "igkeit",
    "igkeiten",
    "ung",
    "ungen",
    "erung",
    "erungen",
    "ierung",
    "ierungen",
    "lich",
    "liche",
    "lichen",
    "licher",
    "liches",
    "lichkeit",
    "isch",
    "ische",
    "ischen",
    "ischer",
    "ismus",
    "itat",
    "itaten",
    "tion",
    "tionen",
    "ation",
    "ationen",
    "sation",
    "ition",
    "ling",
    "linge",
    "lingen",
    "nisse",
    "nissen",
    "haft",
    "hafte",
    "haften",
    "losen",
    "weise",
    "warts",
    "erin",
    "erinnen",
    "innen",
    "erinnern",
    "ender",
    "ende",
    "enden",
    "eren",
    "ieren",
    "ierte",
    "ierten",
    "ismen",
    "ionen",
    "ischem",
    "barkeit",
    "samkeit",
    "schaftlich",
    "ungsverfahren",
    "enschaft",
    "erschaft",
    "iker",
    "ikerin",
    "ik",
    "iken",
    "ant",
    "anten",
    "antin",
    "ent",
    "enten",
    "entin",
    "eur",
    "eure",
    "eurin",
    "ation",
    "stens",
    "mal",
    "male",
    "fach",
    "fache",
];

/// Beginnings of a German syllable, besides single consonants and vowels.
const ONSETS: &[&str] = &[
    "bl", "br", "ch", "chr", "dr", "fl", "fr", "gl", "gn", "gr", "kl", "kn", "kr", "pf", "pfl",
    "pfr", "pl", "pr", "ps", "qu", "sch", "schl", "schm", "schn", "schr", "schw", "sk", "sp",
    "spl", "spr", "st", "str", "th", "tr", "wr", "zw", "ph",
];

/// The parts of a folded word beside the word itself; nothing where it is none that can be cut.
///
/// Both ends are found, and what lies between: `Jugendmigrationsdienst` by `Dienst`, `Migrationsdienst` and
/// `Migration`.
pub(crate) fn parts(word: &str) -> Vec<Part<'_>> {
    let mut out: Vec<Part<'_>> = Vec::new();
    if word.is_ascii() && word.bytes().all(|b| b.is_ascii_alphabetic()) {
        cut(word, &mut out);
    }
    let mut seen = HashSet::new();
    out.retain(|part| part.text != word && seen.insert(part.text));
    out.truncate(PARTS);
    out
}

/// Cuts at all seams that more than the shape of syllables speaks for; only where there is none, by that shape.
fn cut<'a>(word: &'a str, out: &mut Vec<Part<'a>>) {
    if word.len() < COMPOUND || out.len() > PARTS {
        return;
    }
    let is_word = LEXICON.words.contains(word);
    let seams = (2..word.len().saturating_sub(2)).filter_map(|at| {
        let (front, rest) = (word.get(..at)?, word.get(at..)?);
        // A word of the list is a compound only if both its parts are in it too.
        seam(front, rest)
            .filter(|seam| !is_word || (seam.rest_known && seam.first.is_some()))
            .map(|seam| (rest, seam))
    });
    let (sure, shaped): (Vec<_>, Vec<_>) = seams.partition(|(_, seam)| seam.sure);
    let seams = if sure.is_empty() { shaped } else { sure };
    for (rest, seam) in seams {
        out.push(Part {
            text: rest,
            sure: seam.rest_known,
        });
        out.extend(seam.first.map(|first| Part {
            text: first,
            sure: true,
        }));
        if seam.sure {
            cut(rest, out);
        }
    }
}

/// Where two parts meet.
struct Seam<'a> {
    /// The first part without its linking element, if it is known.
    first: Option<&'a str>,
    rest_known: bool,
    /// Whether more than the shape of syllables speaks for it.
    sure: bool,
}

fn seam<'a>(front: &'a str, rest: &'a str) -> Option<Seam<'a>> {
    if !starts_like_a_word(rest) || ENDINGS.contains(&rest) || PREFIXES.contains(&front) {
        return None;
    }
    let known_rest = is_head(rest);
    let first = known_front(front);
    let has_seam = SEAMS
        .iter()
        .any(|seam| front.len() > seam.len() + 1 && front.ends_with(seam));
    if first.is_some() || has_seam {
        let long_enough = known_rest || (rest.len() >= REST_AFTER_KNOWN && has_vowel(rest));
        return long_enough.then_some(Seam {
            first,
            rest_known: known_rest,
            sure: true,
        });
    }
    if rest.len() == 3 || !ends_like_a_word(front) || starts_with_prefix(front) {
        return None;
    }
    if known_rest && front.len() >= FRONT_BEFORE_KNOWN {
        return Some(Seam {
            first: None,
            rest_known: true,
            sure: true,
        });
    }
    let shaped = front.len() >= UNKNOWN - 1 && rest.len() >= UNKNOWN && has_vowel(rest);
    shaped.then_some(Seam {
        first: None,
        rest_known: false,
        sure: false,
    })
}

/// Whether the rest is a known word, in one of its forms.
fn is_head(rest: &str) -> bool {
    if rest.len() <= 3 {
        return LEXICON.short.contains(rest);
    }
    let known = |word: &str| word.len() >= 4 && LEXICON.words.contains(word);
    known(rest)
        || ["nnen", "en", "er", "es", "n", "e", "s"]
            .iter()
            .any(|ending| {
                rest.strip_suffix(ending).is_some_and(|stem| {
                    known(stem) || (stem.len() == 3 && LEXICON.short.contains(stem))
                })
            })
}

/// The first part without its linking element, if it is a known word.
fn known_front(front: &str) -> Option<&str> {
    let known = |word: &str| {
        LEXICON.fronts.contains(word)
            || LEXICON.words.contains(word)
            || LEXICON.short.contains(word)
    };
    // Without its link where it has one: `migrations` gives `migration`.
    LINKS.iter().find_map(|link| {
        let word = front.strip_suffix(link)?;
        (word.len() >= 3 && known(word)).then_some(word)
    })
}

/// Whether an unknown first part begins with a verb's prefix and little more: `verant-wort`.
fn starts_with_prefix(front: &str) -> bool {
    PREFIXES.iter().any(|prefix| {
        prefix.len() >= 2 && front.len() <= prefix.len() + 3 && front.starts_with(prefix)
    })
}

fn is_vowel(b: u8) -> bool {
    matches!(b, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

fn has_vowel(text: &str) -> bool {
    text.bytes().any(is_vowel)
}

fn starts_like_a_word(text: &str) -> bool {
    let consonants = text.bytes().take_while(|b| !is_vowel(*b)).count();
    match consonants {
        0 => true,
        1 => text.starts_with(|c| !matches!(c, 'x')),
        _ => text
            .get(..consonants)
            .is_some_and(|onset| onset == "q" || ONSETS.contains(&onset)),
    }
}

/// Whether the text has a vowel, and does not end in what only starts syllables.
fn ends_like_a_word(text: &str) -> bool {
    has_vowel(text)
        && ![
            "bl", "br", "dr", "fl", "fr", "gl", "gr", "kl", "kn", "kr", "pl", "pr", "schw", "spr",
            "str", "tr", "zw", "q", "j", "v", "w",
        ]
        .iter()
        .any(|onset| text.ends_with(onset))
}

#[cfg(test)]
#[path = "german_tests.rs"]
mod tests;
