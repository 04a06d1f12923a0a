//! A spreadsheet takes a cell that begins like a formula for one (CWE-1236). In CSV such text gets an apostrophe, which
//! reading takes away again. Whatever writes CSV goes through here.
//!
//! Text is protected after each separator and line end too: a program that expects other separators than ours, as a German
//! Excel does, would begin a new cell there. What programs pass over before a formula (white space, quotes, what cannot be
//! seen) does not hide it.

/// What a formula, or a command in disguise of one, begins with: also in full width and in the small forms, which some
/// programs take for the same.
fn begins_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+'
            | '-'
            | '@'
            | '\t'
            | '\r'
            | '\n'
            | '＝'
            | '＋'
            | '－'
            | '＠'
            | '﹦'
            | '﹢'
            | '﹣'
            | '﹫'
            | '−'
    )
}

/// After what some program may begin a new cell: separators, and all that is a line end to somebody (Unicode Standard
/// section 5.8).
fn ends_cell(c: char) -> bool {
    matches!(
        c,
        ',' | ';'
            | '|'
            | '\t'
            | '\r'
            | '\n'
            | '\u{b}'
            | '\u{c}'
            | '\u{85}'
            | '\u{2028}'
            | '\u{2029}'
    )
}

/// What some program passes over at the beginning of a cell.
fn is_passed_over(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    let quote = matches!(c, '\'' | '"' | '`' | '´' | '‘'..='‟' | '«' | '»');
    !ends_cell(c) && (hidden || quote || c.is_whitespace() || c.is_control())
}

/// Whether a cell that holds this would be taken for a formula by somebody.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches(is_passed_over)
        .starts_with(begins_formula)
}

/// Text for a cell. [`unprotected`] gives the same text back, whatever it is.
#[must_use]
pub fn protected(text: &str) -> String {
    rewritten(text, |out, cell| {
        if is_formula(cell) {
            out.push('\'');
        }
        cell
    })
}

/// The text before [`protected`]; text that was never protected stays as it is, unless it looks as if it had been.
#[must_use]
pub fn unprotected(text: &str) -> String {
    rewritten(text, |_, cell| {
        let inner = cell.strip_prefix('\'').filter(|inner| is_formula(inner));
        inner.unwrap_or(cell)
    })
}

/// Several values for one cell, separated by semicolons. Each is protected by itself, and holds no separator.
pub fn joined<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut out = String::new();
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(';');
        }
        // Nothing but the one separator may look like one; a list is for reading and sorting, not for reading back.
        let one: String = item.as_ref().replace(';', ",");
        let one = one.replace(|c| ends_cell(c) && c != ',' && c != '|', " ");
        out.push_str(&protected(&one));
    }
    out
}

/// Changes the beginning of whatever some program may take for a cell. An apostrophe is passed over itself, so that both
/// directions find the same places.
fn rewritten(text: &str, begin: impl for<'t> Fn(&mut String, &'t str) -> &'t str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut rest = text;
    let mut may_begin = true;
    while !rest.is_empty() {
        if may_begin {
            rest = begin(&mut out, rest);
            let after = rest.trim_start_matches(is_passed_over);
            let (passed, after) = rest.split_at(rest.len() - after.len());
            out.push_str(passed);
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

    /// Everything that ends a cell in some program, and nothing else.
    const ENDS: [char; 11] = [
        ',', ';', '|', '\t', '\r', '\n', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}',
    ];

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
            (" =1", "' =1"),
            ("\"=1", "'\"=1"),
            ("\u{200b}\u{a0}＝1", "'\u{200b}\u{a0}＝1"),
            (
                "a|+1\u{2028}-1\u{b}@1\u{85}－1",
                "a|'+1\u{2028}'-1\u{b}'@1\u{85}'－1",
            ),
            ("„Zitat“ – gut", "„Zitat“ – gut"),
        ] {
            assert_eq!(protected(text), expected);
            assert_eq!(unprotected(expected), text);
        }
    }

    #[test]
    fn each_item_of_a_list_is_protected_by_itself() {
        for (items, expected) in [
            (&["a", "b"][..], "a;b"),
            (&["=1", "+2", "c"], "'=1;'+2;c"),
            (&["a;=1", "b"], "a,'=1;b"),
            (&["a\n=1\u{2028}@2"], "a =1 @2"),
            (&["\n=1"], "' =1"),
            (&[], ""),
        ] {
            assert_eq!(joined(items.iter().copied()), expected);
        }
    }

    proptest! {
        #[test]
        fn protection_is_undone_exactly(
            text in "[-=+@'\",;|\\t\\r\\n\\x0b\\x0c\\u0085\\u2028＝－ \u{a0}\u{200b}a]{0,12}",
        ) {
            let safe = protected(&text);
            prop_assert!(!safe.starts_with(begins_formula), "{safe:?}");
            for piece in safe.split(ENDS) {
                let bare = piece.trim_start_matches([' ', '"', '\u{a0}', '\u{200b}']);
                prop_assert!(!bare.starts_with(['=', '+', '-', '@', '＝', '－']), "{safe:?}");
            }
            prop_assert_eq!(unprotected(&safe), text);
        }

        #[test]
        fn no_item_of_a_list_begins_a_formula_or_a_line(
            items in prop::collection::vec("[-=+@'\";,\\t\\r\\n\\u2028＝ a]{1,8}", 0..5),
        ) {
            let cell = joined(&items);
            prop_assert_eq!(cell.matches(';').count(), items.len().saturating_sub(1));
            let ends = cell.contains(['\r', '\n', '\t', '\u{2028}']);
            prop_assert!(!ends, "{cell:?}");
            for piece in cell.split(ENDS) {
                let bare = piece.trim_start_matches([' ', '"']);
                prop_assert!(!bare.starts_with(['=', '+', '-', '@', '＝']), "{cell:?}");
            }
        }
    }
}
