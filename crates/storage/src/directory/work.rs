//! Commands of one actor in one transaction: what the domain decides, taken over into the working set.

use chrono::{DateTime, Utc};
use domain::{
    Action, Actor, Change, Command, Entry, EntryId, EntryKey, Facts, Kind, Known, Prepared,
    Refusal, Target, Written, content_hash, limits, prepare,
};

use crate::database::Transaction;
use crate::directory::Node;
use crate::directory::apply::{Applied, Outcome};
use crate::directory::contents::{Contents, load_contents};
use crate::directory::facts::load_states;
use crate::directory::reviews::review_column;
use crate::directory::save::save;
use crate::directory::stored::to_kind;
use crate::directory::usage;
use crate::directory::working_set::{ExternalKey, Loaded, State, WorkingSet};
use crate::rows::{EntryRow, RevisionRow};
use crate::sql_types::{
    from_column, from_micros, to_column, to_entry_id, to_micros, to_signed, to_unsigned,
    visibility_code,
};
use crate::{Result, StorageError, accounts, clients};

/// Commands of one actor in one transaction.
pub(crate) struct Work<'t, 'c> {
    pub(crate) t: &'t mut Transaction<'c>,
    pub(crate) node: &'t Node,
    pub(crate) set: WorkingSet,
    pub(crate) actor: &'t Actor,
    /// Nothing is to be written: what is decided is only looked at.
    pub(crate) dry: bool,
    actor_name: String,
    now: DateTime<Utc>,
}

impl<'t, 'c> Work<'t, 'c> {
    pub(crate) fn new(
        t: &'t mut Transaction<'c>,
        node: &'t Node,
        actor: &'t Actor,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        Ok(Self {
            t,
            node,
            set: WorkingSet::default(),
            actor,
            dry: false,
            actor_name: actor.subject.display(),
            // What is decided is what is stored: no finer than a column.
            now: from_micros(to_micros(now))?,
        })
    }

    /// The id that a loaded target stands for, if there is such an entry.
    pub(crate) fn id_of(&self, target: &Target) -> Option<EntryId> {
        match target {
            Target::Id(id) => Some(*id),
            Target::External {
                owner,
                kind,
                external_id,
                ..
            } => self
                .set
                .external
                .get(&(*owner, *kind, external_id.clone()))
                .copied()
                .flatten(),
        }
    }

    /// The domain's first step. The target must have been loaded.
    pub(crate) fn prepare(
        &self,
        target: &Target,
        command: Command,
    ) -> Result<Result<Prepared, Refusal>> {
        let loaded = match (self.id_of(target), target) {
            (Some(id), _) => self.set.loaded(id)?,
            // No entry with this key: then what stands under the id that a new one would have.
            (None, Target::External { new_id, .. }) => self.set.loaded(*new_id)?,
            (None, Target::Id(_)) => Loaded::Missing,
        };
        Ok(prepare(loaded.current(), self.actor, command))
    }

    /// The domain's second step, and taking over what it decides. What it needs must have been loaded.
    pub(crate) fn decide(&mut self, prepared: Prepared) -> Result<Result<Applied, Refusal>> {
        let ancestors = match prepared.needs().ancestors_from {
            Some(id) => self.ancestors(id)?,
            None => Vec::new(),
        };
        let needs = prepared.needs();
        let Contents {
            contents,
            umbrellas,
            reviews,
        } = load_contents(self.t.connection(), self.node, &mut self.set, needs)?;
        let known = |id: &EntryId| Some((*id, self.set.known.get(id).copied().flatten()?));
        let facts = Facts {
            origin: &self.node.origin,
            rules: &self.node.rules,
            entries: needs.entries.iter().filter_map(known).collect(),
            external: needs
                .external
                .as_ref()
                .and_then(|key| self.set.external.get(key).copied().flatten()),
            referrers: needs
                .referrers_of
                .map(|id| self.set.referrers_of(id))
                .unwrap_or_default(),
            ancestors,
            contents,
            umbrellas,
            reviews,
        };
        match prepared.decide(&facts, self.now) {
            Ok(change) => self.take(change),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// An organisation and those above it, nearest first, as far as a decision wants to know. Looked up one by one, and
    /// only now: each may have another parent since the commands before this one. Hardly any command asks for it.
    fn ancestors(&mut self, from: EntryId) -> Result<Vec<EntryId>> {
        let (mut ancestors, mut next) = (Vec::new(), Some(from));
        while let Some(id) = next
            && ancestors.len() <= limits::PARENTS
        {
            ancestors.push(id);
            load_states(self.t.connection(), self.node, &mut self.set, vec![id])?;
            next = match self.set.loaded(id)? {
                Loaded::Live(entry, _) => entry.parent(),
                _ => None,
            };
        }
        Ok(ancestors)
    }

    fn take(&mut self, change: Change) -> Result<Result<Applied, Refusal>> {
        match change {
            Change::Put {
                entry,
                action,
                references,
            } => {
                let json = entry.to_json();
                match self.admit(&entry, &json)? {
                    Ok(()) => self.put(&entry, json, action, references).map(Ok),
                    Err(refusal) => Ok(Err(refusal)),
                }
            }
            Change::Unchanged { id } => self.unchanged(id).map(Ok),
            Change::Delete { id, version } => self.remove(id, version, Action::Deleted).map(Ok),
            Change::Purge { id, version } => self.remove(id, version, Action::Purged).map(Ok),
        }
    }

    /// Whether an entry's owner has room for what is about to be written. Coordinators and the node need none.
    fn admit(&mut self, entry: &Entry, json: &str) -> Result<Result<(), Refusal>> {
        if self.actor.is_coordinator() {
            return Ok(Ok(()));
        }
        let owner = entry.owner;
        if !self.set.usage.contains_key(&owner) {
            let usage = usage::load(self.t.connection(), owner)?;
            self.set.usage.insert(owner, usage);
        }
        let written = Written {
            before: self.set.bytes_of(entry.id, &owner.to_string()),
            after: u64::try_from(json.len()).unwrap_or(u64::MAX),
        };
        let quota = &self.node.rules.quota;
        let pending = self.set.spent.get(&owner).copied().unwrap_or(0);
        let spent = self.node.budget.spent(quota, owner).saturating_add(pending);
        let admitted = quota.admit(self.actor, written, self.set.usage_of(owner), spent);
        if admitted.is_ok() {
            let spent = self.set.spent.entry(owner).or_default();
            *spent = spent.saturating_add(written.cost());
        }
        Ok(admitted)
    }

    fn put(
        &mut self,
        entry: &Entry,
        json: String,
        action: Action,
        references: Vec<EntryId>,
    ) -> Result<Applied> {
        let after = entry
            .external_id
            .clone()
            .map(|key| (entry.owner, entry.kind, key));
        if !self.dry
            && after
                .as_ref()
                .is_some_and(|key| self.set.must_write_before(key))
        {
            save(self.t, self.node, &mut self.set)?;
        }
        let before = self.external_key(entry.id)?;
        let row = EntryRow {
            origin: self.node.origin_row,
            id: entry.id.to_string(),
            kind: entry.kind.as_str().to_owned(),
            owner: entry.owner.to_string(),
            version: to_column(entry.version)?,
            arrival: 0,
            visibility: visibility_code(entry.visibility).to_owned(),
            deleted: false,
            external_id: entry.external_id.clone(),
            hash: to_signed(content_hash(&json)),
            created: to_micros(entry.created),
            modified: to_micros(entry.modified),
            body: Some(json),
            review: review_column(entry.review()),
        };
        let row = self.arrive(row, action)?;
        let applied = self.applied(entry.id, &row, action.into())?;
        let known = Known {
            kind: entry.kind,
            visibility: entry.visibility,
            owner: entry.owner,
        };
        self.set
            .put(entry.id, row, before, after, Some(known), references)?;
        Ok(applied)
    }

    fn remove(&mut self, id: EntryId, version: u64, action: Action) -> Result<Applied> {
        let before = self.external_key(id)?;
        let mut row = self.row(id)?;
        row.version = to_column(version)?;
        row.deleted = true;
        row.review = None;
        row.modified = to_micros(self.now);
        if action == Action::Purged {
            row.body = None;
            row.external_id = None;
            row.hash = 0;
            self.set.purged.push(id);
        }
        let is_organisation = row.kind == Kind::Organisation.as_str();
        let row = self.arrive(row, action)?;
        let applied = self.applied(id, &row, action.into())?;
        self.set.put(id, row, before, None, None, Vec::new())?;
        if is_organisation && !self.dry {
            // Nobody reads on in the name of an organisation that is not there.
            let (actor, now) = (self.actor_name.as_str(), self.now);
            accounts::withdraw_all(self.t, actor, id, now)?;
            clients::revoke_all_of(self.t, actor, id, now)?;
        }
        Ok(applied)
    }

    /// Gives a new state its number and its place in the history.
    fn arrive(&mut self, mut row: EntryRow, action: Action) -> Result<EntryRow> {
        let at = to_micros(self.now);
        row.arrival = self
            .t
            .arrive(at, &self.actor_name, action.as_str(), &row.id)?;
        if action != Action::Purged {
            self.set.revisions.push(RevisionRow {
                arrival: row.arrival,
                entry: row.id.clone(),
                version: row.version,
                at,
                actor: self.actor_name.clone(),
                action: action.as_str().to_owned(),
                body: if row.deleted { None } else { row.body.clone() },
            });
        }
        Ok(row)
    }

    fn unchanged(&mut self, id: EntryId) -> Result<Applied> {
        let row = self.row(id)?;
        self.applied(id, &row, Outcome::Unchanged)
    }

    fn applied(&self, id: EntryId, row: &EntryRow, outcome: Outcome) -> Result<Applied> {
        Ok(Applied {
            key: EntryKey {
                origin: self.node.origin.clone(),
                id,
            },
            version: from_column("a version", row.version)?,
            hash: to_unsigned(row.hash),
            arrival: row.arrival,
            outcome,
            json: None,
            replayed: false,
        })
    }

    fn row(&self, id: EntryId) -> Result<EntryRow> {
        match self.set.states.get(&id) {
            Some(Some(state)) => Ok(state.row.clone()),
            _ => Err(StorageError::Internal {
                log: format!("a decision about {id}, which was not loaded"),
            }),
        }
    }

    /// The key under which the live entry `id` stands until now.
    fn external_key(&self, id: EntryId) -> Result<Option<ExternalKey>> {
        let Some(Some(State { row, .. })) = self.set.states.get(&id) else {
            return Ok(None);
        };
        let Some(external_id) = row.external_id.clone().filter(|_| !row.deleted) else {
            return Ok(None);
        };
        let owner = to_entry_id("an owner", &row.owner)?;
        Ok(Some((owner, to_kind(&row.kind)?, external_id)))
    }
}
