//! Whether one identity document may follow another.

use std::cmp::Ordering;

use super::content::{Content, Numbered};
use super::{DocumentError, NodeDocument};
use crate::protocol::key::Verifier;

/// How a document stands to the one that is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It is the same.
    Unchanged,
    /// It is the next, with the same statement key; name or request key may be others.
    Updated,
    /// It is the next, with a new statement key that the old one vouches for.
    Rotated,
    /// It is the next, by the word of the recovery key: epoch, recovery key or statement key may be others.
    Recovered,
}

/// Holds a document that was fetched against the one that is pinned. What it returns `Ok` for may be pinned instead.
///
/// Nothing is believed that is not signed: of what the document says about itself, only numbers and names of keys are
/// used before.
///
/// # Errors
/// - [`DocumentError::OtherNode`] for another identifier or base URL;
/// - what [`NodeDocument::verify_self`] refuses;
/// - [`DocumentError::Rollback`] for a lower number, [`DocumentError::Gap`] for one further on than the next (fetch those
///   between, and take them one by one);
/// - [`DocumentError::Fork`] for the same number with something else, signed by a key that is pinned;
/// - [`DocumentError::Unauthorised`] where no pinned key signed it;
/// - [`DocumentError::NeedsRecovery`], [`DocumentError::Epoch`], [`DocumentError::History`] for what may not change so.
pub fn accept(
    pinned: &NodeDocument,
    next: &NodeDocument,
    verifier: &dyn Verifier,
) -> Result<Acceptance, DocumentError> {
    if pinned.did() != next.did() || pinned.origin() != next.origin() {
        return Err(DocumentError::OtherNode);
    }
    if pinned.json == next.json {
        return Ok(Acceptance::Unchanged);
    }
    next.verify_self(verifier)?;
    let by_statements = signed_by(next, pinned.content.current()?, verifier);
    let by_recovery = signed_by(next, pinned.content.recovery()?, verifier);
    match next.sequence().cmp(&pinned.sequence()) {
        Ordering::Less => return Err(DocumentError::Rollback),
        Ordering::Equal if by_statements || by_recovery => return Err(DocumentError::Fork),
        Ordering::Equal => return Err(DocumentError::Unauthorised),
        Ordering::Greater if next.sequence() - 1 > pinned.sequence() => {
            return Err(DocumentError::Gap);
        }
        Ordering::Greater => {}
    }
    if !by_statements && !by_recovery {
        return Err(DocumentError::Unauthorised);
    }
    check_numbers(&pinned.content, &next.content)?;
    match ordinary(&pinned.content, &next.content) {
        Ok(acceptance) if by_statements => Ok(acceptance),
        Err(error) if !by_recovery => Err(error),
        _ => recovered(&pinned.content, &next.content),
    }
}

/// Whether one of the proofs was made with this key, under its name.
fn signed_by(document: &NodeDocument, named: &Numbered, verifier: &dyn Verifier) -> bool {
    let mut proofs = document.proofs().iter();
    proofs.any(|proof| proof.method() == named.method && proof.verify(&named.key, verifier).is_ok())
}

/// A number that was given to a key stands for no other, and new keys get new numbers.
fn check_numbers(pinned: &Content, next: &Content) -> Result<(), DocumentError> {
    for (task, named) in next.keys() {
        let before = pinned.keys().filter(|(other, _)| *other == task);
        let before: Vec<_> = before.map(|(_, named)| named).collect();
        let known = before.contains(&named);
        let new = before.iter().all(|other| other.number < named.number);
        if !known && !new {
            return Err(DocumentError::History);
        }
    }
    Ok(())
}

/// Whether one list is the other with at most one more at its end.
fn follows<T: PartialEq>(before: &[T], after: &[T]) -> bool {
    after.starts_with(before) && after.len() <= before.len() + 1
}

/// What the statement key may sign for.
fn ordinary(pinned: &Content, next: &Content) -> Result<Acceptance, DocumentError> {
    if next.epoch < pinned.epoch {
        return Err(DocumentError::Epoch);
    }
    if next.epoch != pinned.epoch || next.recovery != pinned.recovery {
        return Err(DocumentError::NeedsRecovery);
    }
    if !follows(&pinned.statements, &next.statements) {
        return Err(DocumentError::History);
    }
    if next.statements.len() == pinned.statements.len() {
        Ok(Acceptance::Updated)
    } else {
        Ok(Acceptance::Rotated)
    }
}

/// What the recovery key may sign for.
fn recovered(pinned: &Content, next: &Content) -> Result<Acceptance, DocumentError> {
    if next.epoch < pinned.epoch {
        return Err(DocumentError::Epoch);
    }
    let statements = if next.epoch == pinned.epoch {
        follows(&pinned.statements, &next.statements)
    } else {
        // A new epoch begins with one key: the present one, or a new one. A former one may be why it was begun.
        let current = pinned.current()?;
        let first = next.current()?;
        next.statements.len() == 1 && first.number >= current.number
    };
    if statements && follows(&pinned.recovery, &next.recovery) {
        Ok(Acceptance::Recovered)
    } else {
        Err(DocumentError::History)
    }
}
