//! What commands say to the person at the console: the one place that writes to the standard streams.

use std::fmt::Display;
use std::io::Write as _;

use crate::failure::Failure;

/// Says something that was asked for. A reader that has gone away is no error.
pub(crate) fn say(words: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{words}");
}

/// Says something that is never said again.
///
/// # Errors
/// Where nobody can have read it. What was made is made all the same: the words say what to do.
pub(crate) fn say_once(words: impl Display, remedy: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{words}")
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
    let _ = writeln!(std::io::stderr().lock(), "{words}");
}

/// Says why a command ended.
pub(crate) fn error(words: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "lotse: {words}");
}
