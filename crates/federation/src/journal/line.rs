//! The lines of the file, and what they come to.
//!
//! Each line names the digest of all before it, so that one that is removed, changed, moved or put in shows:
//! `{"after": "64 hex digits", "line": {...}}`. The digest is SHA-256 of the digest before and the line's bytes, without
//! their end. Files of older versions begin with lines that name none; the first that does covers them, too.

use std::sync::Arc;

use domain::Origin;
use domain::feed::{Digest, JournalPosition};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::Trouble;
use crate::protocol::document::NodeDocument;
use crate::protocol::journal::{Mark, Remembered};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// Whose journal this is.
    Begun(Begun),
    /// Statements that are about to be published.
    Feed(Mark),
    /// An identity document of this node.
    Document(String),
    /// A node of which nothing is wanted.
    Denied(String),
    /// A node of which something is wanted again.
    Allowed(String),
}

/// Whose journal a file is. The first line; in files of older versions the first that is chained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begun {
    /// The node's base URL.
    pub(super) node: String,
    /// When its database was made, in microseconds.
    pub(super) database: i64,
    /// How many lines were written before this one, in all files before this one, too.
    pub(super) lines: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chained<L> {
    after: Digest64,
    line: L,
}

/// A digest as a string.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Digest64(Digest);

impl TryFrom<String> for Digest64 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<Digest64> for String {
    fn from(digest: Digest64) -> Self {
        digest.0.to_string()
    }
}

/// What a file says.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// What was published.
    pub feeds: Arc<Remembered>,
    /// The identity documents, oldest first.
    pub documents: Vec<String>,
    /// Nodes of which nothing is wanted.
    pub denied: Vec<String>,
}

impl Written {
    fn take(&mut self, line: Line) {
        match line {
            Line::Begun(_) => {}
            Line::Feed(mark) => Arc::make_mut(&mut self.feeds).take(mark),
            Line::Document(document) => {
                if !self.documents.contains(&document) {
                    self.documents.push(document);
                }
            }
            Line::Denied(node) => {
                self.denied.retain(|denied| *denied != node);
                self.denied.push(node);
            }
            Line::Allowed(node) => self.denied.retain(|denied| *denied != node),
        }
    }

    /// Whether nothing was ever written down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.feeds.is_empty() && self.documents.is_empty() && self.denied.is_empty()
    }

    /// The fewest lines that come to the same.
    pub(super) fn shortened(&self) -> Vec<Line> {
        let documents = self.documents.iter().cloned().map(Line::Document);
        let denied = self.denied.iter().cloned().map(Line::Denied);
        let feeds = self.feeds.shortened().into_iter().map(Line::Feed);
        documents.chain(denied).chain(feeds).collect()
    }
}

/// Lines that follow on from one another, as far as they were read.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// What they come to.
    pub(super) written: Written,
    /// Whether one of them says whose journal this is.
    pub(super) is_named: bool,
    /// Lines in files before this one.
    base: u64,
    /// The digest before the first line here, and after each.
    digests: Vec<Digest>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            written: Written::default(),
            is_named: false,
            base: 0,
            digests: vec![Digest::EMPTY],
        }
    }
}

impl Chain {
    /// A chain that goes on from a position.
    pub(super) fn from(position: JournalPosition) -> Self {
        Self {
            base: position.lines,
            digests: vec![position.digest],
            ..Self::default()
        }
    }

    /// How far it is.
    pub(super) fn position(&self) -> JournalPosition {
        JournalPosition {
            lines: self.base.saturating_add(self.here()),
            digest: self.digests.last().copied().unwrap_or(Digest::EMPTY),
        }
    }

    /// Lines of this file.
    fn here(&self) -> u64 {
        (self.digests.len() as u64).saturating_sub(1)
    }

    /// Takes the next line in, as it stands in the file.
    pub(super) fn read(&mut self, text: &str, node: &Origin, database: i64) -> Result<(), Trouble> {
        let number = self.here() + 1;
        let line = match serde_json::from_str::<Chained<Line>>(text) {
            Ok(chained) => {
                let Chained { after, line } = chained;
                if let (Line::Begun(begun), 1) = (&line, number) {
                    *self = Self::from(JournalPosition {
                        lines: begun.lines,
                        digest: after.0,
                    });
                }
                if after.0 != self.position().digest {
                    return Err(Trouble::Broken { line: number });
                }
                line
            }
            // Of an older version, which knew no chain. Once there is one, nothing may stand outside of it.
            Err(why) if !self.is_named => {
                serde_json::from_str::<Line>(text).map_err(|_| Trouble::Unreadable {
                    line: number,
                    why: why.to_string(),
                })?
            }
            Err(why) => {
                return Err(Trouble::Unreadable {
                    line: number,
                    why: why.to_string(),
                });
            }
        };
        self.belongs(&line, number, node, database)?;
        self.digests
            .push(digest_after(self.position().digest, text));
        self.written.take(line);
        Ok(())
    }

    fn belongs(
        &mut self,
        line: &Line,
        number: u64,
        node: &Origin,
        database: i64,
    ) -> Result<(), Trouble> {
        match line {
            Line::Begun(begun) => {
                if begun.node != node.as_str() {
                    return Err(Trouble::OtherNode {
                        node: begun.node.clone(),
                    });
                }
                if begun.database != database {
                    return Err(Trouble::OtherDatabase);
                }
                if begun.lines != self.position().lines {
                    return Err(Trouble::Broken { line: number });
                }
                self.is_named = true;
            }
            Line::Document(json) => {
                let document = NodeDocument::parse(json.as_bytes());
                if let Ok(document) = document
                    && document.origin() != node
                {
                    return Err(Trouble::OtherNode {
                        node: document.origin().to_string(),
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds a line and returns its text, with its end.
    pub(super) fn write(&mut self, line: Line) -> Result<String, serde_json::Error> {
        let after = Digest64(self.position().digest);
        let mut text = serde_json::to_string(&Chained { after, line: &line })?;
        self.digests.push(digest_after(after.0, &text));
        self.is_named |= matches!(line, Line::Begun(_));
        self.written.take(line);
        text.push('\n');
        Ok(text)
    }

    /// Whether a database that remembers `position` belongs to these lines.
    pub(super) fn fits(&self, position: JournalPosition) -> Result<(), Trouble> {
        let end = self.position().lines;
        if position.lines > end {
            return Err(Trouble::Behind {
                lines: end,
                written: position.lines,
            });
        }
        // Of what came before this file nothing is known any more.
        let Some(at) = position.lines.checked_sub(self.base) else {
            return Ok(());
        };
        let known = usize::try_from(at).ok().and_then(|at| self.digests.get(at));
        if known == Some(&position.digest) {
            Ok(())
        } else {
            Err(Trouble::Differs {
                line: position.lines,
            })
        }
    }
}

/// What can still be read of a file whose lines do not follow on from one another: for an admin who accepts that.
pub(super) fn rescue(text: &str) -> Written {
    let mut written = Written::default();
    for text in text.lines() {
        let chained = serde_json::from_str::<Chained<Line>>(text).map(|chained| chained.line);
        if let Ok(line) = chained.or_else(|_| serde_json::from_str(text)) {
            written.take(line);
        }
    }
    written
}

fn digest_after(before: Digest, text: &str) -> Digest {
    let mut digest = Sha256::new();
    digest.update(before.0);
    digest.update(text.as_bytes());
    Digest(digest.finalize().into())
}
