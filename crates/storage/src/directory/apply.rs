//! One command: from what is stored, through the domain's decision, to what is saved.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Action, Actor, Command, EntryId, EntryKey, entity_tag};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::database::Transaction;
use crate::directory::facts::{load_needs, load_targets};
use crate::directory::save::save;
use crate::directory::work::Work;
use crate::directory::working_set::State;
use crate::directory::{Directory, Node};
use crate::idempotency::{self, Idempotency};
use crate::schema::revision;
use crate::sql_types::to_column;

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A new entry.
    Created,
    /// Changed.
    Updated,
    /// Given to another owner.
    HandedOver,
    /// Taken out of the directory.
    Deleted,
    /// Erased with its history.
    Purged,
    /// What was asked for was so already.
    Unchanged,
}

impl Outcome {
    /// The code in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::HandedOver => "handed_over",
            Self::Deleted => "deleted",
            Self::Purged => "purged",
            Self::Unchanged => "unchanged",
        }
    }
}

impl From<Action> for Outcome {
    fn from(action: Action) -> Self {
        match action {
            Action::Created => Self::Created,
            Action::Updated => Self::Updated,
            Action::HandedOver => Self::HandedOver,
            Action::Deleted => Self::Deleted,
            Action::Purged => Self::Purged,
        }
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The entry.
    pub key: EntryKey,
    /// Its version from now on.
    pub version: u64,
    /// `domain::content_hash` of its JSON.
    pub hash: u64,
    /// The number of the change; for [`Outcome::Unchanged`] that of the latest change before. In a dry run the
    /// number that it would have had.
    pub arrival: i64,
    /// What was done.
    pub outcome: Outcome,
    /// The entry from now on, as `domain::Entry::to_json` writes it; `None` once it is gone, and in batches.
    pub json: Option<String>,
    /// Whether an earlier request with the same idempotency key did it.
    pub replayed: bool,
}

impl Applied {
    /// The opaque part of the entry's strong entity tag.
    #[must_use]
    pub fn tag(&self) -> String {
        entity_tag(self.version, self.hash)
    }
}

/// What an idempotency row keeps of it. The entry itself stands in its revision.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: EntryId,
    version: u64,
    hash: u64,
    arrival: i64,
    outcome: Outcome,
}

impl Directory {
    /// Applies one command. `now` is the caller's clock.
    ///
    /// # Errors
    /// [`StorageError::Refused`](crate::StorageError::Refused) with what the domain says,
    /// [`Conflict::IdempotencyKeyReused`](crate::Conflict::IdempotencyKeyReused), and those of the database.
    pub async fn apply(
        &self,
        actor: &Actor,
        command: Command,
        key: Option<Idempotency>,
        now: DateTime<Utc>,
    ) -> Result<Applied> {
        let (node, actor) = (self.node.clone(), actor.clone());
        self.database
            .write(move |t| {
                if let Some(key) = &key
                    && let Some(kept) = idempotency::replay(t, key, now)?
                {
                    return replayed(t, &node, kept);
                }
                // What is kept of a key takes room even where nothing else is written.
                let owner = actor.organisation.filter(|_| !actor.is_coordinator());
                let quota = &node.rules.quota;
                if let (Some(_), Some(owner)) = (&key, owner) {
                    quota.admit_spent(node.budget.spent(quota, owner))?;
                }
                let applied = apply_here(t, &node, &actor, command.clone(), now)?;
                if let Some(key) = &key {
                    let kept = Kept {
                        id: applied.key.id,
                        version: applied.version,
                        hash: applied.hash,
                        arrival: applied.arrival,
                        outcome: applied.outcome,
                    };
                    idempotency::record(t, key, &kept, now)?;
                    if let Some(owner) = owner {
                        node.budget.spend(quota, owner, domain::VERSION_BYTES);
                    }
                }
                Ok(applied)
            })
            .await
    }
}

/// Answers a repeated request with what the first one did.
fn replayed(t: &mut Transaction<'_>, node: &Node, kept: Kept) -> Result<Applied> {
    // Gone where the entry was purged since.
    let body: Option<Option<String>> = revision::table
        .filter(revision::entry.eq(kept.id.to_string()))
        .filter(revision::version.eq(to_column(kept.version)?))
        .select(revision::body)
        .first(t.connection())
        .optional()?;
    Ok(Applied {
        key: EntryKey {
            origin: node.origin.clone(),
            id: kept.id,
        },
        version: kept.version,
        hash: kept.hash,
        arrival: kept.arrival,
        outcome: kept.outcome,
        json: body.flatten(),
        replayed: true,
    })
}

/// Applies one command inside a transaction that does more.
pub(crate) fn apply_here(
    t: &mut Transaction<'_>,
    node: &Node,
    actor: &Actor,
    command: Command,
    now: DateTime<Utc>,
) -> Result<Applied> {
    let mut work = Work::new(t, node, actor, now)?;
    let target = command.target(actor)?;
    load_targets(
        work.t.connection(),
        node,
        &mut work.set,
        std::iter::once(&target),
    )?;
    let prepared = work.prepare(&target, command)??;
    load_needs(
        work.t.connection(),
        node,
        &mut work.set,
        std::iter::once(prepared.needs()),
    )?;
    let mut applied = work.decide(prepared)??;
    if let Some(Some(State { row, .. })) = work.set.states.get(&applied.key.id) {
        applied.json = if row.deleted { None } else { row.body.clone() };
    }
    save(work.t, node, &mut work.set)?;
    Ok(applied)
}
