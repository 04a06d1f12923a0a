//! What a transaction knows of entries: what it has read, and on top of that what it has decided and not yet written.
//! Later commands of a batch see through it what earlier ones did.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::{Current, Entry, EntryId, EntryRef, Kind, Known, Referrer, Usage, entity_tag};

use crate::Result;
use crate::directory::stored::parse;
use crate::rows::{EntryReferenceRow, EntryRow, RevisionRow};
use crate::sql_types::{from_column, to_column, to_entry_id, to_unsigned};

/// Owner, kind and the owner's own key.
pub(crate) type ExternalKey = (EntryId, Kind, String);

/// An entry in memory.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) row: EntryRow,
    /// Whether the database has a row under this id.
    pub(crate) exists: bool,
}

/// An entry as [`domain::prepare`] wants to see it.
pub(crate) enum Loaded {
    Missing,
    Live(Box<Entry>, String),
    Deleted(Box<Entry>),
    Purged,
}

impl Loaded {
    pub(crate) fn current(&self) -> Current<'_> {
        match self {
            Self::Missing => Current::Missing,
            Self::Live(entry, tag) => Current::Live(entry, tag),
            Self::Deleted(entry) => Current::Deleted(entry),
            Self::Purged => Current::Purged,
        }
    }
}

/// By how much the live entries of an owner grew; negative where they shrank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Growth {
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
}

/// The bytes of a row's body, if it is a live entry.
fn live_bytes(row: &EntryRow) -> Option<u64> {
    let body = row.body.as_ref().filter(|_| !row.deleted)?;
    u64::try_from(body.len()).ok()
}

/// What a transaction knows of entries.
#[derive(Debug, Default)]
pub(crate) struct WorkingSet {
    /// Entries, `None` where there is none.
    pub(crate) states: HashMap<EntryId, Option<State>>,
    /// Which live entry has a key.
    pub(crate) external: HashMap<ExternalKey, Option<EntryId>>,
    /// What is known of live entries that others refer to.
    pub(crate) known: HashMap<EntryId, Option<Known>>,
    /// Live entries that refer to an entry, as the database has it.
    pub(crate) referrers: HashMap<EntryId, Vec<Referrer>>,

    /// Entries of other nodes whose content decides, `None` where there is none.
    pub(crate) foreign: HashMap<EntryRef, Option<Arc<Entry>>>,
    /// Local entries whose content decides, with the version that was read.
    parsed: HashMap<EntryId, (i64, Arc<Entry>)>,

    /// Entries that are not yet written as they are here, in the order of their first change.
    pub(crate) dirty: Vec<EntryId>,
    dirty_set: HashSet<EntryId>,
    /// What the entries in `dirty` refer to from now on.
    pub(crate) references: HashMap<EntryId, Vec<EntryId>>,
    /// Which entries in `dirty` refer to one from now on.
    new_referrers: HashMap<EntryId, HashMap<EntryId, Referrer>>,
    /// Keys that the database still has under entries that let go of them.
    released: HashSet<ExternalKey>,
    pub(crate) revisions: Vec<RevisionRow>,
    pub(crate) purged: Vec<EntryId>,
    /// What the entries of owners take, as the database has it.
    pub(crate) usage: HashMap<EntryId, Usage>,
    /// By how much the entries of owners have grown since.
    pub(crate) growth: HashMap<EntryId, Growth>,
    /// Bytes that count against what owners may write.
    pub(crate) spent: HashMap<EntryId, u64>,
}

impl WorkingSet {
    /// The entry with this id, which must have been loaded.
    pub(crate) fn loaded(&self, id: EntryId) -> Result<Loaded> {
        let Some(Some(State { row, .. })) = self.states.get(&id) else {
            return Ok(Loaded::Missing);
        };
        let Some(body) = &row.body else {
            return Ok(Loaded::Purged);
        };
        let entry = Box::new(parse(body)?);
        if row.deleted {
            return Ok(Loaded::Deleted(entry));
        }
        let tag = entity_tag(
            from_column("a version", row.version)?,
            to_unsigned(row.hash),
        );
        Ok(Loaded::Live(entry, tag))
    }

    /// The live entry with this id, shared: many commands of a batch may depend on it. It must have been loaded.
    pub(crate) fn live(&mut self, id: EntryId) -> Result<Option<Arc<Entry>>> {
        let Some(Some(State { row, .. })) = self.states.get(&id) else {
            return Ok(None);
        };
        if let Some((version, entry)) = self.parsed.get(&id)
            && *version == row.version
        {
            return Ok(Some(Arc::clone(entry)));
        }
        let version = row.version;
        let Loaded::Live(entry, _) = self.loaded(id)? else {
            return Ok(None);
        };
        let entry: Arc<Entry> = Arc::from(entry);
        self.parsed.insert(id, (version, Arc::clone(&entry)));
        Ok(Some(entry))
    }

    /// What an owner's entries take, which must have been loaded, with what this transaction has decided.
    pub(crate) fn usage_of(&self, owner: EntryId) -> Usage {
        let stored = self.usage.get(&owner).copied().unwrap_or_default();
        let growth = self.growth.get(&owner).copied().unwrap_or_default();
        Usage {
            entries: stored.entries.saturating_add_signed(growth.entries),
            bytes: stored.bytes.saturating_add_signed(growth.bytes),
        }
    }

    /// The bytes of the live entry with this id, where it belongs to this owner already.
    pub(crate) fn bytes_of(&self, id: EntryId, owner: &str) -> Option<u64> {
        let state = self.states.get(&id)?.as_ref()?;
        live_bytes(&state.row).filter(|_| state.row.owner == owner)
    }

    /// Counts what an entry takes of its owner's room, before (-1) or after (1) a change.
    fn count(&mut self, row: &EntryRow, sign: i64) -> Result<()> {
        let Some(bytes) = live_bytes(row) else {
            return Ok(());
        };
        let owner = to_entry_id("an owner", &row.owner)?;
        let growth = self.growth.entry(owner).or_default();
        growth.entries += sign;
        growth.bytes += sign * to_column(bytes)?;
        Ok(())
    }

    /// The live entries that refer to `id`, which must have been loaded.
    pub(crate) fn referrers_of(&self, id: EntryId) -> Vec<Referrer> {
        let mut found: Vec<_> = self
            .referrers
            .get(&id)
            .into_iter()
            .flatten()
            .filter(|referrer| !self.dirty_set.contains(&referrer.id))
            .copied()
            .collect();
        found.extend(
            self.new_referrers
                .get(&id)
                .into_iter()
                .flat_map(HashMap::values)
                .copied(),
        );
        found
    }

    /// Whether `key` can only be written after what is here was written.
    pub(crate) fn must_write_before(&self, key: &ExternalKey) -> bool {
        self.released.contains(key)
    }

    /// Takes over the new state of an entry and what it refers to (nothing, once it is deleted).
    pub(crate) fn put(
        &mut self,
        id: EntryId,
        row: EntryRow,
        before: Option<ExternalKey>,
        after: Option<ExternalKey>,
        known: Option<Known>,
        references: Vec<EntryId>,
    ) -> Result<()> {
        if let Some(Some(State { row: earlier, .. })) = self.states.get(&id) {
            let earlier = earlier.clone();
            self.count(&earlier, -1)?;
        }
        self.count(&row, 1)?;
        if before != after {
            if let Some(key) = before {
                self.external.insert(key.clone(), None);
                self.released.insert(key);
            }
            if let Some(key) = after {
                self.external.insert(key, Some(id));
            }
        }
        for target in self.references.remove(&id).unwrap_or_default() {
            if let Some(sources) = self.new_referrers.get_mut(&target) {
                sources.remove(&id);
            }
        }
        if let Some(known) = known {
            let referrer = Referrer {
                id,
                owner: known.owner,
                visibility: known.visibility,
            };
            for target in &references {
                let referrers = self.new_referrers.entry(*target).or_default();
                referrers.insert(id, referrer);
            }
        }
        self.references.insert(id, references);
        self.known.insert(id, known);
        let exists = matches!(self.states.get(&id), Some(Some(State { exists: true, .. })));
        self.states.insert(id, Some(State { row, exists }));
        if self.dirty_set.insert(id) {
            self.dirty.push(id);
        }
        Ok(())
    }

    /// The rows to write: those that the database does not have, and those that it has.
    pub(crate) fn take_rows(&mut self) -> (Vec<EntryRow>, Vec<EntryRow>) {
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for id in &self.dirty {
            if let Some(Some(state)) = self.states.get_mut(id) {
                if state.exists { &mut changed } else { &mut new }.push(state.row.clone());
                state.exists = true;
            }
        }
        (new, changed)
    }

    /// The references to write, without those to what is gone: another organisation may refer to it.
    pub(crate) fn reference_rows(&self) -> Vec<EntryReferenceRow> {
        let is_there = |target: &&EntryId| self.known.get(target) != Some(&None);
        self.dirty
            .iter()
            .filter_map(|id| self.references.get(id).map(|targets| (id, targets)))
            .flat_map(|(source, targets)| {
                let targets = targets.iter().filter(is_there);
                targets.map(|target| EntryReferenceRow {
                    source: source.to_string(),
                    target: target.to_string(),
                })
            })
            .collect()
    }

    /// Everything is written: what the database has is what is here.
    pub(crate) fn written(&mut self) {
        let merged = self
            .referrers
            .keys()
            .map(|id| (*id, self.referrers_of(*id)))
            .collect();
        self.referrers = merged;
        self.dirty.clear();
        self.dirty_set.clear();
        self.references.clear();
        self.new_referrers.clear();
        self.released.clear();
        self.revisions.clear();
        self.purged.clear();
        let owners: Vec<EntryId> = self.usage.keys().copied().collect();
        for owner in owners {
            let usage = self.usage_of(owner);
            self.usage.insert(owner, usage);
        }
        self.growth.clear();
        self.spent.clear();
    }
}
