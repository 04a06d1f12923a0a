//! The examples of the documentation, taken out of it and run.
//!
//! An example is a fenced block whose info string is `sh`, right below the comment `<!-- tested -->`:
//!
//! ````markdown
//! <!-- tested -->
//! ```sh
//! curl 'http://127.0.0.1:8080/api/v1/offers?q=Beratung'
//! ```
//! ````
//!
//! All blocks of a document run one after the other in one shell, as a reader would paste them.

use std::process::{Command, Output, Stdio};

/// The comment that stands above each block to run.
pub const MARK: &str = "<!-- tested -->";

/// One block: the line at which it begins, and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Line of the opening fence, from 1.
    pub line: usize,
    /// The commands.
    pub text: String,
}

/// The marked blocks of a Markdown document, in order.
///
/// # Errors
/// A mark without a block, or a block without an end, with its line.
pub fn marked(document: &str) -> Result<Vec<Block>, String> {
    let mut lines = document.lines().enumerate();
    let mut blocks = Vec::new();
    while let Some((number, line)) = lines.next() {
        if line.trim() != MARK {
            continue;
        }
        let (at, fence) = lines
            .find(|(_, line)| !line.trim().is_empty())
            .ok_or(format!("line {}: nothing below the mark", number + 1))?;
        if fence.trim() != "```sh" {
            return Err(format!("line {}: expected ```sh below the mark", at + 1));
        }
        let mut text = String::new();
        loop {
            let (_, line) = lines
                .next()
                .ok_or(format!("line {}: the block has no end", at + 1))?;
            if line.trim() == "```" {
                break;
            }
            text.push_str(line);
            text.push('\n');
        }
        blocks.push(Block { line: at + 1, text });
    }
    Ok(blocks)
}

/// What goes before the blocks: the first command that fails ends the run, and an answer with an error status counts
/// as a failure although the examples do not ask curl to say so.
const PRELUDE: &str = "set -euo pipefail\n\
    curl() { command curl --silent --show-error --fail-with-body --max-time 60 \"$@\"; }\n";

/// Runs blocks in one bash, in an empty folder, after replacing each `from` in them by `to`.
///
/// # Panics
/// When bash cannot be started.
#[must_use]
pub fn run(blocks: &[Block], replace: &[(&str, &str)], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut script = PRELUDE.to_owned();
    for block in blocks {
        script.push_str(&format!("echo '--- line {}'\n", block.line));
        let mut text = block.text.clone();
        for (from, to) in replace {
            text = text.replace(from, to);
        }
        script.push_str(&text);
    }
    Command::new("bash")
        .arg("-c")
        .arg(script)
        .current_dir(folder.path())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
