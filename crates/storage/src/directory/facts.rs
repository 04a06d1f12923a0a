//! Reads what decisions need into the working set, many entries with few statements.

use std::collections::HashMap;

use diesel::dsl::not;
use diesel::prelude::*;
use domain::{EntryId, Kind, Known, Needs, Referrer, Target};

use crate::Result;
use crate::connection::AnyConnection;
use crate::directory::Node;
use crate::directory::stored::to_kind;
use crate::directory::working_set::{ExternalKey, State, WorkingSet};
use crate::limits;
use crate::rows::EntryRow;
use crate::schema::{entry, entry_reference};
use crate::sql_types::{to_entry_id, to_visibility};

/// Loads the entries that commands are about, as far as they are not known.
pub(crate) fn load_targets<'a>(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    targets: impl Iterator<Item = &'a Target>,
) -> Result<()> {
    let (mut ids, mut keys) = (Vec::new(), Vec::new());
    for target in targets {
        match target {
            Target::Id(id) => ids.push(*id),
            Target::External {
                owner,
                kind,
                external_id,
                new_id,
            } => {
                keys.push((*owner, *kind, external_id.clone()));
                ids.push(*new_id);
            }
        }
    }
    load_external(connection, node, set, keys, true)?;
    load_states(connection, node, set, ids)
}

/// Loads the facts that prepared commands need, as far as they are not known.
pub(crate) fn load_needs<'a>(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    needs: impl Iterator<Item = &'a Needs>,
) -> Result<()> {
    let (mut ids, mut keys, mut referred) = (Vec::new(), Vec::new(), Vec::new());
    for needs in needs {
        ids.extend_from_slice(&needs.entries);
        keys.extend(needs.external.clone());
        referred.extend(needs.referrers_of);
    }
    load_known(connection, node, set, ids)?;
    load_external(connection, node, set, keys, false)?;
    load_referrers(connection, node, set, referred)
}

/// Loads entries, as far as they are not known.
pub(crate) fn load_states(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    mut ids: Vec<EntryId>,
) -> Result<()> {
    ids.retain(|id| !set.states.contains_key(id));
    for ids in ids.chunks(limits::KEYS_PER_STATEMENT) {
        let rows: Vec<EntryRow> = entry::table
            .filter(entry::origin.eq(node.origin_row))
            .filter(entry::id.eq_any(texts(ids)))
            .load(connection)?;
        set.states.extend(ids.iter().map(|id| (*id, None)));
        for row in rows {
            keep(set, row)?;
        }
    }
    Ok(())
}

/// Finds entries by their owners' own keys; `whole` loads all of each, for commands that are about it.
fn load_external(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    keys: Vec<ExternalKey>,
    whole: bool,
) -> Result<()> {
    let mut groups: HashMap<(EntryId, Kind), Vec<String>> = HashMap::new();
    for key in keys {
        let unknown = match set.external.get(&key) {
            None => true,
            Some(Some(id)) => whole && !set.states.contains_key(id),
            Some(None) => false,
        };
        if unknown {
            set.external.entry(key.clone()).or_default();
            groups.entry((key.0, key.1)).or_default().push(key.2);
        }
    }
    for ((owner, kind), keys) in groups {
        for keys in keys.chunks(limits::KEYS_PER_STATEMENT) {
            let query = entry::table
                .filter(entry::origin.eq(node.origin_row))
                .filter(entry::owner.eq(owner.to_string()))
                .filter(entry::kind.eq(kind.as_str()))
                .filter(entry::external_id.eq_any(keys))
                .filter(not(entry::deleted));
            if whole {
                let rows: Vec<EntryRow> = query.load(connection)?;
                for row in rows {
                    if let Some(key) = row.external_id.clone() {
                        let id = to_entry_id("an entry", &row.id)?;
                        set.external.insert((owner, kind, key), Some(id));
                    }
                    keep(set, row)?;
                }
            } else {
                let rows: Vec<(Option<String>, String)> = query
                    .select((entry::external_id, entry::id))
                    .load(connection)?;
                for (key, id) in rows {
                    if let Some(key) = key {
                        set.external
                            .insert((owner, kind, key), Some(to_entry_id("an entry", &id)?));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Keeps a row that was read, unless a later state of it is here.
fn keep(set: &mut WorkingSet, row: EntryRow) -> Result<()> {
    let id = to_entry_id("an entry", &row.id)?;
    let slot = set.states.entry(id).or_default();
    if slot.is_none() {
        *slot = Some(State { row, exists: true });
    }
    Ok(())
}

fn load_known(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    mut ids: Vec<EntryId>,
) -> Result<()> {
    ids.retain(|id| !set.known.contains_key(id));
    ids.sort_unstable();
    ids.dedup();
    for ids in ids.chunks(limits::KEYS_PER_STATEMENT) {
        let rows: Vec<(String, String, String, String)> = entry::table
            .filter(entry::origin.eq(node.origin_row))
            .filter(entry::id.eq_any(texts(ids)))
            .filter(not(entry::deleted))
            .select((entry::id, entry::kind, entry::visibility, entry::owner))
            .load(connection)?;
        set.known.extend(ids.iter().map(|id| (*id, None)));
        for (id, kind, visibility, owner) in rows {
            let known = Known {
                kind: to_kind(&kind)?,
                visibility: to_visibility(&visibility)?,
                owner: to_entry_id("an owner", &owner)?,
            };
            set.known.insert(to_entry_id("an entry", &id)?, Some(known));
        }
    }
    Ok(())
}

fn load_referrers(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    mut ids: Vec<EntryId>,
) -> Result<()> {
    ids.retain(|id| !set.referrers.contains_key(id));
    ids.sort_unstable();
    ids.dedup();
    for ids in ids.chunks(limits::KEYS_PER_STATEMENT) {
        // Only live entries have references.
        let rows: Vec<(String, String, String, String)> = entry_reference::table
            .inner_join(entry::table.on(entry::id.eq(entry_reference::source)))
            .filter(entry::origin.eq(node.origin_row))
            .filter(entry_reference::target.eq_any(texts(ids)))
            .select((
                entry_reference::target,
                entry_reference::source,
                entry::owner,
                entry::visibility,
            ))
            .load(connection)?;
        set.referrers.extend(ids.iter().map(|id| (*id, Vec::new())));
        for (target, source, owner, visibility) in rows {
            let referrer = Referrer {
                id: to_entry_id("a reference", &source)?,
                owner: to_entry_id("an owner", &owner)?,
                visibility: to_visibility(&visibility)?,
            };
            set.referrers
                .entry(to_entry_id("a reference", &target)?)
                .or_default()
                .push(referrer);
        }
    }
    Ok(())
}

pub(crate) fn texts(ids: &[EntryId]) -> Vec<String> {
    ids.iter().map(EntryId::to_string).collect()
}
