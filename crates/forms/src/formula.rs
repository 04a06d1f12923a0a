//! A spreadsheet takes a cell that begins like a formula for one (CWE-1236). In CSV such text gets an apostrophe, which
//! reading takes away again.
//!
//! Text is protected after each separator and line end too: a program that expects other separators than ours, as a German
//! Excel does, would begin a new cell there.

/// What a formula, or a command in disguise of one, begins with.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n')
}

/// After what some program may begin a new cell.
fn ends_cell(c: char) -> bool {
    matches!(c, ',' | ';' | '\t' | '\r' | '\n')
}

/// Protected text. [`unprotected`] gives the same text back, whatever it is.
pub(crate) fn protected(text: &str) -> String {
    rewritten(text, |apostrophes| apostrophes + 1)
}

/// The text before [`protected`]; text that was never protected stays as it is, unless it looks as if it had been.
pub(crate) fn unprotected(text: &str) -> String {
    rewritten(text, |apostrophes| apostrophes.saturating_sub(1))
}

/// Changes the number of apostrophes wherever a cell may begin and they are followed by what begins a formula. As nothing
/// else is changed, both directions find the same places.
fn rewritten(text: &str, number: impl Fn(usize) -> usize) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut rest = text;
    let mut may_begin = true;
    while !rest.is_empty() {
        if may_begin {
            let after = rest.trim_start_matches('\'');
            let apostrophes = rest.len() - after.len();
            let kept = if after.starts_with(begins_formula) {
                number(apostrophes)
            } else {
                apostrophes
            };
            out.extend(std::iter::repeat_n('\'', kept));
            rest = after;
        }
        let mut chars = rest.chars();
        let Some(c) = chars.next() else { break };
        out.push(c);
        may_begin = ends_cell(c);
        rest = chars.as_str();
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_begins_like_a_formula_gets_an_apostrophe_wherever_a_cell_may_begin() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("-3", "'-3"),
            ("'=1", "''=1"),
            ("'quoted'", "'quoted'"),
            ("a;=1,@b", "a;'=1,'@b"),
            ("list:\n- one\n- two", "list:\n'- one\n'- two"),
            ("a-b = c", "a-b = c"),
            ("", ""),
        ] {
            assert_eq!(protected(text), expected);
            assert_eq!(unprotected(expected), text);
        }
    }

    proptest! {
        #[test]
        fn protection_is_undone_exactly(text in "[-=+@',;\\t\\r\\n a]{0,12}") {
            let safe = protected(&text);
            prop_assert!(!safe.starts_with(begins_formula), "{safe:?}");
            for piece in safe.split([',', ';', '\r', '\n']) {
                prop_assert!(!piece.starts_with(['=', '+', '-', '@']), "{safe:?}");
            }
            prop_assert_eq!(unprotected(&safe), text);
        }
    }
}
