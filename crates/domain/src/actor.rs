//! Who acts, and what the role allows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Entry, EntryId, Visibility};

/// Who or what acts. Kept in histories, so that it says who without saying a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Subject {
    /// A person's account.
    Account(Uuid),
    /// A program of a partner organisation.
    Client(Uuid),
    /// The node itself: what falls due by time, and commands at its console.
    System,
}

impl Subject {
    /// As histories store it: `account:...`, `client:...`, `system`.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Account(id) => format!("account:{id}"),
            Self::Client(id) => format!("client:{id}"),
            Self::System => "system".to_owned(),
        }
    }
}

/// What somebody may do. Each role includes the ones before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its own organisation's entries.
    Editor,
    /// Also the organisation's members and clients, and purging its entries.
    OrgAdmin,
    /// All local entries, approvals, standards.
    Coordinator,
    /// Also peers, keys and settings.
    NodeAdmin,
}

impl Role {
    /// The code in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Editor => "editor",
            Self::OrgAdmin => "org_admin",
            Self::Coordinator => "coordinator",
            Self::NodeAdmin => "node_admin",
        }
    }

    /// The role of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [
            Self::Editor,
            Self::OrgAdmin,
            Self::Coordinator,
            Self::NodeAdmin,
        ]
        .into_iter()
        .find(|role| role.as_str() == code)
    }
}

/// Somebody who is signed in, or the node itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who it is.
    pub subject: Subject,
    /// The organisation that it acts for.
    pub organisation: Option<EntryId>,
    /// What it may do.
    pub role: Role,
}

impl Actor {
    /// The node itself, which may do everything.
    #[must_use]
    pub fn system() -> Self {
        Self {
            subject: Subject::System,
            organisation: None,
            role: Role::NodeAdmin,
        }
    }

    /// Whether it is the node itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.subject == Subject::System
    }

    /// Whether it looks after the whole node.
    #[must_use]
    pub fn is_coordinator(&self) -> bool {
        self.role >= Role::Coordinator
    }

    /// Whether it may change entries that `owner` owns.
    #[must_use]
    pub fn may_edit(&self, owner: EntryId) -> bool {
        self.is_coordinator() || self.organisation == Some(owner)
    }

    /// Whether it may look after the members, clients and the purging of `organisation`.
    #[must_use]
    pub fn may_administer(&self, organisation: EntryId) -> bool {
        self.is_coordinator()
            || (self.role >= Role::OrgAdmin && self.organisation == Some(organisation))
    }

    /// Whether it may see that `entry` exists. What it may not see is "not found".
    #[must_use]
    pub fn may_see(&self, entry: &Entry) -> bool {
        entry.visibility < Visibility::Internal || self.may_edit(entry.owner)
    }
}
