//! What commands say to the person at the console: the one place that writes to the standard streams.
//!
//! Much of it was written by others: partners, and nodes that nobody has compared a fingerprint with yet. So nothing said
//! here reaches the terminal but as characters to be read ([`domain::visible`]).

use std::fmt::Display;
use std::io::Write as _;

use crate::failure::Failure;

/// Says something that was asked for. A reader that has gone away is no error.
pub(crate) fn say(words: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{}", lines(&words));
}

/// Says one row of a list. What others wrote stands in it: it stays one line, whatever that is.
pub(crate) fn say_row(row: impl Display) {
    let row = domain::visible(&row.to_string());
    let _ = writeln!(std::io::stdout().lock(), "{row}");
}

/// Text of several lines, as it can be shown.
fn lines(words: &impl Display) -> String {
    let words = words.to_string();
    let lines: Vec<String> = words.split('\n').map(domain::visible).collect();
    lines.join("\n")
}

/// Says something that is never said again.
///
/// # Errors
/// Where nobody can have read it. What was made is made all the same: the words say what to do.
pub(crate) fn say_once(words: impl Display, remedy: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", lines(&words))
        .and_then(|()| out.flush())
        .map_err(|error| {
            Failure::new(format!(
                "standard output: {error}; what was shown once is lost: {remedy}"
            ))
        })
}

/// Writes something that was asked for as it is. A reader that has seen enough is no error.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something beside what was asked for.
pub(crate) fn note(words: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{}", lines(&words));
}

/// Says why a command ended.
pub(crate) fn error(words: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "lotse: {}", lines(&words));
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn nothing_said_commands_the_terminal() {
        assert_eq!(
            lines(&"a\u{1b}[2J\u{7}\nb\u{202e}\r\u{9b}31m"),
            "a\\u{1b}[2J\\u{7}\nb\\u{202e}\\u{d}\\u{9b}31m"
        );
    }
}
