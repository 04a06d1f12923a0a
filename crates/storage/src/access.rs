//! What the objects of access have in common: roles, and who did it.

use domain::{Actor, EntryId, Role};

use crate::sql_types::{to_entry_id, to_role};
use crate::{Result, StorageError};

/// In the audit, whoever is not signed in.
pub(crate) const ANONYMOUS: &str = "anonymous";
/// The scope of roles that hold for the whole node.
const NODE: &str = "node";

/// A role of an account: in an organisation, or for the whole node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Membership {
    /// The organisation; `None` for [`Role::Coordinator`] and [`Role::NodeAdmin`].
    pub organisation: Option<EntryId>,
    /// What the account may do there.
    pub role: Role,
}

impl Membership {
    pub(crate) fn scope(&self) -> String {
        scope(self.organisation)
    }

    pub(crate) fn from_columns(scope: &str, role: &str) -> Result<Self> {
        let organisation = if scope == NODE {
            None
        } else {
            Some(to_entry_id("a membership", scope)?)
        };
        Ok(Self {
            organisation,
            role: to_role(role)?,
        })
    }
}

/// The scope of a membership, as stored.
pub(crate) fn scope(organisation: Option<EntryId>) -> String {
    organisation.map_or_else(|| NODE.to_owned(), |id| id.to_string())
}

/// Who did it, as the audit has it.
pub(crate) fn name(actor: &Actor) -> String {
    actor.subject.display()
}

/// `NotFound` where nothing was changed.
pub(crate) fn found(rows: usize) -> Result<()> {
    if rows == 0 {
        Err(StorageError::NotFound)
    } else {
        Ok(())
    }
}
