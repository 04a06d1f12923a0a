//! Text of others on one line, as it can be shown where characters command: at a terminal, in a log, in a reason.

/// `text` with every character that is not seen but does something written out, as `\u{1b}`: control characters, line ends
/// among them, and those that change the direction of what follows (Unicode Standard Annex #9). Marks, which Arabic and
/// Hebrew text needs, stay.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if commands(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a character does something to what stands around it, and is not seen itself: control characters, line and
/// paragraph separators, and bidirectional embeddings, overrides and isolates.
#[must_use]
pub fn commands(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_is_not_seen_is_written_out_and_all_else_stays() {
        assert_eq!(
            visible("\u{1b}]0;x\u{7}a\nb\u{9b}31m\u{202e}c\u{2028}"),
            r"\u{1b}]0;x\u{7}a\u{a}b\u{9b}31m\u{202e}c\u{2028}"
        );
        let plain = "Beratung für Rückkehrer · نص\u{200f} עברית\u{200e} 😀";
        assert_eq!(visible(plain), plain);
    }
}
