//! Words out of text, and one spelling for words that people spell in several ways.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::limits;

/// Calls `f` with each word of a text, as it stands there.
///
/// A word is a run of letters, digits and marks. An apostrophe ends it, so that `l'accueil` and `Ankara'da` have the
/// words that people look for. Runs of scripts that write no spaces are cut into pairs of letters.
pub(crate) fn each_word(text: &str, mut f: impl FnMut(&str)) {
    for run in text.split(|c: char| !(c.is_alphanumeric() || is_combining_mark(c) || is_joiner(c)))
    {
        if run.is_empty() {
            continue;
        }
        if run.chars().any(is_spaceless) {
            each_pair(run, &mut f)
        } else {
            f(run)
        }
    }
}

/// Marks that stand within words: tatweel, zero-width joiners.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{640}' | '\u{200c}' | '\u{200d}' | '\u{ad}')
}

/// Han, kana, Thai, Lao, Myanmar, Khmer.
fn is_spaceless(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0x20000..=0x3FFFF)
}

fn each_pair(run: &str, f: &mut impl FnMut(&str)) {
    let starts: Vec<usize> = run
        .char_indices()
        .map(|(at, _)| at)
        .chain([run.len()])
        .collect();
    let last = starts.len().saturating_sub(1);
    if last <= 2 {
        f(run);
        return;
    }
    for pair in starts.windows(3) {
        if let [from, _, to] = pair
            && let Some(letters) = run.get(*from..*to)
        {
            f(letters);
        }
    }
}

/// Lower case. In Turkish and Azerbaijani `I` is the capital of `ı`, and `İ` of `i`.
pub(crate) fn lower(word: &str, turkic: bool) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.nfc().take(limits::WORD_CHARS) {
        match c {
            'I' if turkic => out.push('ı'),
            'İ' => out.push('i'),
            'ẞ' => out.push('ß'),
            _ => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// The one spelling of a lower-case word: no accents and marks, `ss` for `ß`, one form of each Arabic letter that is
/// often exchanged, European digits.
pub(crate) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len());
    for c in word.nfkd() {
        match c {
            _ if is_combining_mark(c) || is_joiner(c) => {}
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'ð' | 'đ' => out.push('d'),
            'þ' => out.push_str("th"),
            'ł' => out.push('l'),
            'ı' => out.push('i'),
            'ς' => out.push('σ'),
            // Alef with madda, hamza or wasla; hamza on its carriers; hamza alone.
            'آ' | 'أ' | 'إ' | 'ٱ' => out.push('ا'),
            'ؤ' => out.push('و'),
            'ئ' | 'ى' | 'ی' | 'ې' => out.push('ي'),
            'ء' => {}
            'ة' => out.push('ه'),
            'ک' => out.push('ك'),
            'ھ' | 'ہ' => out.push('ه'),
            '٠'..='٩' => out.push(shifted(c, '٠')),
            '۰'..='۹' => out.push(shifted(c, '۰')),
            _ => out.push(c),
        }
    }
    out
}

fn shifted(digit: char, zero: char) -> char {
    u32::from(digit)
        .checked_sub(u32::from(zero))
        .and_then(|value| char::from_digit(value, 10))
        .unwrap_or(digit)
}

/// `ae`, `oe` and `ue` as the umlauts that they stand for where no umlaut can be typed, and these folded: `Aerzte` and
/// `Ärzte` both give `arzte`. Not after a vowel or `q`, where they are none: `neue`, `Quelle`, `Steuer`.
pub(crate) fn without_umlauts(folded: &str) -> String {
    let mut out = String::with_capacity(folded.len());
    let mut before = None;
    let mut letters = folded.chars().peekable();
    while let Some(c) = letters.next() {
        out.push(c);
        let can = matches!(c, 'a' | 'o' | 'u')
            && !matches!(before, Some('a' | 'e' | 'i' | 'o' | 'u' | 'q'));
        if can && letters.peek() == Some(&'e') {
            letters.next();
            before = Some('e');
        } else {
            before = Some(c);
        }
    }
    out
}

/// A name as it is sorted: folded, words parted by one blank, cut to [`limits::SORT_NAME_BYTES`].
pub(crate) fn sort_name(name: &str) -> Vec<u8> {
    let mut out = String::new();
    for word in name.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&fold(&word.to_lowercase()));
        if out.len() > limits::SORT_NAME_BYTES {
            break;
        }
    }
    let mut end = out.len().min(limits::SORT_NAME_BYTES);
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        each_word(text, |word| out.push(fold(&lower(word, false))));
        out
    }

    #[test]
    fn spellings_of_one_word_fold_to_one() {
        for spellings in [
            &["Straße", "STRASSE", "strasse"][..],
            &["Écoute", "ECOUTE", "e\u{301}coute"],
            &["هِجْرَة", "هجرة", "هجره", "هـجـرة"],
            &["أسرة", "اسرة", "اسره"],
            &["على", "علي"],
            &["Ёлка", "елка"],
            &["İstanbul", "istanbul", "ISTANBUL"],
            &["١٢", "12", "۱۲"],
            &["Łódź", "lodz"],
        ] {
            let folded: Vec<String> = spellings.iter().map(|s| fold(&lower(s, false))).collect();
            assert!(
                folded.iter().all(|f| *f == folded[0]),
                "{spellings:?}: {folded:?}"
            );
        }
        assert_eq!(fold(&lower("IĞDIR", true)), "igdir");
        for (written, meant) in [
            ("aerzte", "arzte"),
            ("buero", "buro"),
            ("neue", "neue"),
            ("quelle", "quelle"),
            ("steuer", "steuer"),
            ("fuer", "fur"),
        ] {
            assert_eq!(without_umlauts(written), meant);
        }
    }

    #[test]
    fn words_end_at_apostrophes_and_spaceless_scripts_give_pairs() {
        assert_eq!(
            words("L'accueil, c’est: Ankara'da!"),
            ["l", "accueil", "c", "est", "ankara", "da"]
        );
        assert_eq!(words("E-Mail (24/7)"), ["e", "mail", "24", "7"]);
        assert_eq!(words("移民咨询"), ["移民", "民咨", "咨询"]);
        assert_eq!(words(" ... "), Vec::<String>::new());
    }

    #[test]
    fn names_sort_without_regard_to_case_and_accents() {
        assert!(sort_name("Ärzte") < sort_name("Bahnhof"));
        assert_eq!(sort_name("  Écoute   Ici "), b"ecoute ici");
        assert!(sort_name(&"ü".repeat(500)).len() <= limits::SORT_NAME_BYTES);
        assert!(std::str::from_utf8(&sort_name(&"ж".repeat(500))).is_ok());
    }
}
