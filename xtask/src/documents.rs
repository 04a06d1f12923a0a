//! Checks of what the documentation claims about the source.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::process;

/// How the names of metrics begin, which are as long as the names of tests.
const METRICS: &str = "lotse_";
/// Underscores that only the name of a test has: it is a sentence. Settings and functions have fewer.
const SENTENCE: usize = 4;

/// Every test that a document names exists: whoever renames one finds the claims that rest on it.
///
/// # Errors
/// The document and the name that no function in the repository bears.
pub(crate) fn named_tests() -> Result<()> {
    let mut functions = BTreeSet::new();
    for file in files(process::root(), "rs")? {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        functions.extend(declared(&text).map(str::to_owned));
    }
    let mut named = 0;
    for file in files(process::root(), "md")? {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        for name in named_in(&text) {
            if !functions.contains(name) {
                bail!("{}: there is no test `{name}`", file.display());
            }
            named += 1;
        }
    }
    println!("{named} tests named in documents, all there");
    Ok(())
}

/// The files with this ending, those of builds and hidden folders left out.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
    Ok(found)
}

/// The functions of a source file, and the modules that `on_both!` makes of them.
fn declared(text: &str) -> impl Iterator<Item = &str> {
    text.split("fn ").skip(1).map(|rest| {
        let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    })
}

/// What a document names as a test: in backticks, lower case, long enough to be a sentence.
fn named_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|name| {
        name.chars().all(is_part)
            && name.matches('_').count() >= SENTENCE
            && !name.starts_with(METRICS)
    })
}

fn is_part(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::{declared, named_in};

    #[test]
    fn a_test_is_told_from_settings_metrics_and_code() {
        let text = "`peer_poll_seconds`, `lotse_background_failures_of_a_part`, `cargo run` and \
                    `what_is_written_here_is_read_there`";
        let named: Vec<_> = named_in(text).collect();
        assert_eq!(named, ["what_is_written_here_is_read_there"]);
        let source = "#[test]\nfn what_is_written_here_is_read_there() {}\npub fn other<T>() {}";
        let declared: Vec<_> = declared(source).collect();
        assert_eq!(declared, ["what_is_written_here_is_read_there", "other"]);
    }
}
