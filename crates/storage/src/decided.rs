//! Deciding on many at once: each for itself, in one transaction.

use uuid::Uuid;

use crate::{Conflict, Result, StorageError};

/// What came of one of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It is decided now.
    Now,
    /// It was decided before, and stays as it was.
    Before,
    /// There is none with this id, or none that the actor may decide on.
    NotFound,
}

/// Decides on each, in the order of the ids and each once.
pub(crate) fn each(
    ids: &[Uuid],
    mut decide: impl FnMut(Uuid) -> Result<()>,
) -> Result<Vec<(Uuid, Decided)>> {
    ids.iter()
        .map(|id| {
            let decided = match decide(*id) {
                Ok(()) => Decided::Now,
                Err(StorageError::NotFound) => Decided::NotFound,
                Err(StorageError::Conflict(Conflict::AlreadyDecided | Conflict::AlreadyClosed)) => {
                    Decided::Before
                }
                Err(other) => return Err(other),
            };
            Ok((*id, decided))
        })
        .collect()
}
