//! What commands say to the person at the console: the one place that writes to the standard streams.
//!
//! Much of it was written by others: partners, and nodes that nobody has compared a fingerprint with yet. So nothing said
//! here reaches the terminal but as characters to be read ([`domain::visible`]).
//!
//! What was asked for and could not be said is a failure of the command, whatever else it has done: nobody reads a check, a
//! list or an export that is cut off, and takes it for whole. Only a pipe whose reader has seen enough ends it without a
//! word, with the status that the signal would have given (`lotse check | head`).
#![expect(
    clippy::disallowed_methods,
    reason = "the one place that writes to the standard streams"
)]

mod lines;

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use crate::failure::Failure;
use crate::signals;

pub(crate) use lines::Lines;

/// Why something that was asked for could not be said, the first time.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Says something that was asked for. Where that fails, [`end`] makes a failure of it.
pub(crate) fn say(words: impl Display) {
    say_line(&readable(&words));
}

/// Says one row of a list. What others wrote stands in it: it stays one line, whatever that is.
pub(crate) fn say_row(row: impl Display) {
    say_line(&domain::visible(&row.to_string()));
}

/// Text of several lines, as it can be shown.
fn readable(words: &impl Display) -> String {
    let words = words.to_string();
    let lines: Vec<String> = words.split('\n').map(domain::visible).collect();
    lines.join("\n")
}

fn say_line(words: &str) {
    if is_lost() {
        return;
    }
    if let Err(error) = writeln!(io::stdout().lock(), "{words}") {
        lose(error);
    }
}

fn is_lost() -> bool {
    LOST.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .is_some()
}

/// Notes that something that was asked for could not be said.
pub(crate) fn lose(error: io::Error) {
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    lost.get_or_insert(error);
}

/// Where what was asked for is written as it is. Whoever writes there [loses](lose) what fails.
pub(crate) fn output() -> impl Write + Send {
    io::stdout()
}

/// Ends a command: with its own status, or with that of what it could not say.
pub(crate) fn end(done: Result<ExitCode, Failure>) -> ExitCode {
    flush();
    let lost = LOST.lock().unwrap_or_else(PoisonError::into_inner).take();
    let code = match (done, lost) {
        (Err(failure), _) => {
            error(&failure);
            ExitCode::FAILURE
        }
        (Ok(code), Some(why)) if why.kind() == ErrorKind::BrokenPipe => {
            if code == ExitCode::SUCCESS {
                ExitCode::from(signals::CLOSED_PIPE)
            } else {
                code
            }
        }
        (Ok(_), Some(why)) => {
            error(crate::failure::file(Path::new("standard output"), &why));
            ExitCode::FAILURE
        }
        (Ok(code), None) => code,
    };
    lines::finish();
    code
}

/// Says what the command line asks to know about it (`--help`, `--version`), or what is wrong with it.
pub(crate) fn explain(asked: &clap::Error) -> ExitCode {
    if let Err(error) = asked.print()
        && !asked.use_stderr()
    {
        lose(error);
    }
    u8::try_from(asked.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Says something that is never said again.
///
/// # Errors
/// Where nobody can have read it. What was made is made all the same: the words say what to do.
pub(crate) fn say_once(words: impl Display, remedy: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", readable(&words))
        .and_then(|()| out.flush())
        .map_err(|error| {
            Failure::new(format!(
                "standard output: {error}; what was shown once is lost: {remedy}"
            ))
        })
}

/// Writes something that was asked for as it is.
pub(crate) fn write(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
        lose(error);
    }
}

/// Writes out what was said so far.
fn flush() {
    if let Err(error) = io::stdout().lock().flush() {
        lose(error);
    }
}

/// The same before the process ends in the middle of something.
pub(crate) fn finish() {
    flush();
    lines::finish();
}

/// Says something beside what was asked for.
pub(crate) fn note(words: impl Display) {
    let _ = Lines.write_all(format!("{}\n", readable(&words)).as_bytes());
}

/// Says why a command ended.
pub(crate) fn error(words: impl Display) {
    let _ = Lines.write_all(format!("lotse: {}\n", readable(&words)).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn nothing_said_commands_the_terminal() {
        assert_eq!(
            readable(&"a\u{1b}[2J\u{7}\nb\u{202e}\r\u{9b}31m"),
            "a\\u{1b}[2J\\u{7}\nb\\u{202e}\\u{d}\\u{9b}31m"
        );
    }
}
