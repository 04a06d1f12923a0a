//! Pages: rows of a feed in order, one to a line, then one trailer that binds them together.
//!
//! The trailer says which page this is, digests the rows' bytes, and carries the head that they were read with, so that
//! both are of one moment. It is signed; every row's own proof is verified as well.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::feed::{Digest, FeedKey, FeedName};
use serde_json::{Value, json};

use super::canonical;
use super::document::NodeDocument;
use super::head::{self, Head};
use super::key::{Signer, Verifier};
use super::proof::{self, ProofError};
use super::refusal::Refused;
use super::sha256;
use super::statement::{self, Statement, context, number, text};
use super::tree::leaf_of;

/// Most rows of a page.
pub const MAX_ROWS: usize = 1_000;
/// Bytes of rows after which a page ends, so that large entries make short pages.
pub const FULL_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a page: the last row may be of the largest size.
pub const MAX_BYTES: usize = FULL_BYTES + statement::MAX_BYTES + 64 * 1024;

/// Which rows of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Those with numbers above `since`, in order.
    Changes {
        /// The number up to which the reader has them.
        since: u64,
    },
    /// The live ones of one leaf of the state tree, by entry.
    Leaf(u16),
}

/// Writes the trailer of a page, and the page around it.
///
/// # Errors
/// [`ProofError`].
#[expect(
    clippy::too_many_arguments,
    reason = "a page is put together from what the snapshot, the node and the request each know"
)]
pub fn write<'a>(
    key: &FeedKey,
    part: &Part,
    rows: impl IntoIterator<Item = &'a str>,
    through: u64,
    more: bool,
    head: &str,
    actor: &str,
    (method, signer, now): (&str, &dyn Signer, DateTime<Utc>),
) -> Result<String, ProofError> {
    let mut page = String::new();
    let mut count = 0_u64;
    for row in rows {
        page.push_str(row);
        page.push('\n');
        count += 1;
    }
    let digest = sha256(&page);
    let head: Value = serde_json::from_str(head)
        .map_err(|why| canonical::CanonicalError::NotJson(why.to_string()))?;
    let Value::Object(mut trailer) = json!({
        "@context": context(),
        "type": "lotse:Page",
        "actor": actor,
        "feed": key.name.as_str(),
        "part": name_of(part),
        "through": through,
        "more": more,
        "rows": count,
        "digest": digest.to_string(),
        "head": head,
    }) else {
        return Err(ProofError::Missing);
    };
    proof::sign(&mut trailer, method, now, signer)?;
    page.push_str(&canonical::write_text(&trailer)?);
    page.push('\n');
    Ok(page)
}

fn name_of(part: &Part) -> String {
    match part {
        Part::Changes { since } => format!("since {since}"),
        Part::Leaf(leaf) => format!("leaf {leaf}"),
    }
}

/// A page whose signatures all hold.
#[derive(Debug)]
pub struct Page {
    /// Its rows.
    pub statements: Vec<Statement>,
    /// The number up to which it is complete.
    pub through: u64,
    /// Whether more follow.
    pub more: bool,
    /// The head that it was read with.
    pub head: Head,
}

/// What a reader asked for, and by what it judges the answer.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The feed.
    pub key: &'a FeedKey,
    /// The node's pinned document.
    pub document: &'a NodeDocument,
    /// Which rows were asked for.
    pub part: &'a Part,
    /// How many at most.
    pub limit: usize,
    /// Checks signatures.
    pub verifier: &'a dyn Verifier,
    /// The reader's clock.
    pub now: DateTime<Utc>,
}

/// Reads a page: everything about it is checked but what it means for the reader's store.
///
/// # Errors
/// [`Refused`] with the first thing that is not as it must be.
pub fn read(body: &[u8], expected: &Expected<'_>) -> Result<Page, Refused> {
    if body.len() > MAX_BYTES {
        return Err(Refused::TooLarge);
    }
    let body = std::str::from_utf8(body).map_err(|_| Refused::Shape("page"))?;
    let whole = body.strip_suffix('\n').ok_or(Refused::Truncated)?;
    let (rows, trailer) = match whole.rsplit_once('\n') {
        Some((rows, trailer)) => (body.get(..=rows.len()).unwrap_or_default(), trailer),
        None => ("", whole),
    };
    let (trailer, digest, count) = read_trailer(trailer, expected)?;
    if digest != sha256(rows) {
        return Err(Refused::PageDigest);
    }
    let actor = expected.document.did().as_str();
    let epoch = expected.document.epoch();
    let mut statements = Vec::new();
    for line in rows.split_terminator('\n') {
        if statements.len() >= expected.limit.min(MAX_ROWS) {
            return Err(Refused::TooLarge);
        }
        statements.push(statement::read(line, expected.key, actor, epoch)?);
    }
    if statements.len() as u64 != count {
        return Err(Refused::PageDigest);
    }
    let page = Page {
        statements,
        ..trailer
    };
    check_order(&page, expected)?;
    check_proofs(&page.statements, expected)?;
    Ok(page)
}

fn read_trailer(line: &str, expected: &Expected<'_>) -> Result<(Page, Digest, u64), Refused> {
    // What is no trailer proves nothing against the node: half a line, or what a proxy says in its place.
    let Ok(Value::Object(members)) = canonical::read(line.as_bytes()) else {
        return Err(Refused::Truncated);
    };
    if canonical::write_object(&members)? != line.as_bytes() {
        return Err(Refused::NotCanonical);
    }
    // A row in the place of the trailer: the rest is missing.
    if members.get("type").and_then(Value::as_str) != Some("lotse:Page") {
        return Err(Refused::Truncated);
    }
    let document = expected.document;
    let signed = proof::open(members)?;
    let public = document
        .current_key(signed.method())
        .ok_or_else(|| Refused::WrongKey(signed.method().to_owned()))?;
    signed.verify(public, expected.verifier)?;
    let mut members = signed.into_document();
    if text(&members, "actor")? != document.did().as_str() {
        return Err(Refused::OtherOrigin);
    }
    if text(&members, "feed")?.parse::<FeedName>() != Ok(expected.key.name) {
        return Err(Refused::OtherFeed);
    }
    if text(&members, "part")? != name_of(expected.part) {
        return Err(Refused::OtherPage);
    }
    let digest = text(&members, "digest")?
        .parse()
        .map_err(|_| Refused::Shape("digest"))?;
    let count = number(&members, "rows")?;
    let head = members.remove("head").ok_or(Refused::Shape("head"))?;
    let page = Page {
        statements: Vec::new(),
        through: number(&members, "through")?,
        more: members
            .get("more")
            .and_then(Value::as_bool)
            .ok_or(Refused::Shape("more"))?,
        head: head::read(
            head,
            expected.key,
            document,
            expected.verifier,
            expected.now,
        )?,
    };
    Ok((page, digest, count))
}

/// Numbers rise and lie within what the page says of itself; no entry stands twice.
fn check_order(page: &Page, expected: &Expected<'_>) -> Result<(), Refused> {
    let mut entries = HashSet::with_capacity(page.statements.len());
    if !page.statements.iter().all(|row| entries.insert(row.entry)) {
        return Err(Refused::Twice);
    }
    match expected.part {
        Part::Changes { since } => {
            let mut last = *since;
            for row in &page.statements {
                if row.seq <= last || row.seq > page.through {
                    return Err(Refused::Order);
                }
                last = row.seq;
            }
            let ends = if page.more {
                // It ends with its last row, or a reader would go on from somewhere else.
                page.through == last && last > *since
            } else {
                page.through == page.head.seq
            };
            if !ends || page.through > page.head.seq {
                return Err(Refused::Order);
            }
        }
        Part::Leaf(leaf) => {
            // Half a leaf would look as if the other half was gone.
            if page.more || page.through != page.head.seq {
                return Err(Refused::Truncated);
            }
            let inside = |row: &Statement| {
                row.object.is_some()
                    && row.seq <= page.head.seq
                    && row.seq > 0
                    && leaf_of(&expected.key.origin, row.entry) == *leaf
            };
            if !page.statements.iter().all(inside) {
                return Err(Refused::Order);
            }
        }
    }
    Ok(())
}

fn check_proofs(statements: &[Statement], expected: &Expected<'_>) -> Result<(), Refused> {
    let mut signed = Vec::with_capacity(statements.len());
    for row in statements {
        let wrong = || Refused::WrongKey(row.proof.method().to_owned());
        let (method, key) = expected
            .document
            .statement_key(expected.key.name, row.seq)
            .ok_or_else(wrong)?;
        if method != row.proof.method() {
            return Err(wrong());
        }
        signed.push((key, row.proof.message(), row.proof.signature()));
    }
    if expected.verifier.verify_all(&signed) {
        return Ok(());
    }
    // Which one it is.
    for (row, (key, ..)) in statements.iter().zip(&signed) {
        row.proof.verify(key, expected.verifier)?;
    }
    Err(Refused::Proof(ProofError::Signature))
}
