//! Facts that lie in the content of other entries: the standard of an assessment, what stands above an organisation, the
//! reviews that it gave. Looked up when they are needed, because commands before may have changed them.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::dsl::not;
use diesel::prelude::*;
use domain::{Content, Entry, EntryId, EntryKey, EntryRef, Kind, Needs, limits};

use crate::Result;
use crate::connection::AnyConnection;
use crate::directory::Node;
use crate::directory::facts::load_states;
use crate::directory::stored::parse;
use crate::directory::working_set::WorkingSet;
use crate::schema::{entry, origin};
use crate::sql_types::to_entry_id;

/// Such facts, as [`domain::Facts`] hands them on.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) contents: HashMap<EntryRef, Arc<Entry>>,
    pub(crate) umbrellas: HashMap<EntryRef, Vec<String>>,
    pub(crate) reviews: Vec<Arc<Entry>>,
}

/// Looks up what a decision needs.
pub(crate) fn load_contents(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    needs: &Needs,
) -> Result<Contents> {
    let mut found = Contents::default();
    for reference in &needs.contents {
        if let Some(entry) = live(connection, node, set, reference)? {
            found.contents.insert(reference.clone(), entry);
        }
    }
    for reference in &needs.umbrellas {
        let above = umbrella(connection, node, set, reference)?;
        found.umbrellas.insert(reference.clone(), above);
    }
    if let Some(owner) = needs.reviews_by {
        found.reviews = reviews(connection, node, set, owner)?;
    }
    Ok(found)
}

/// A live entry, of this node or another.
fn live(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    reference: &EntryRef,
) -> Result<Option<Arc<Entry>>> {
    let uri = match reference {
        EntryRef::Local(id) => {
            load_states(connection, node, set, vec![*id])?;
            return set.live(*id);
        }
        EntryRef::Uri(uri) => uri,
    };
    if let Some(known) = set.foreign.get(reference) {
        return Ok(known.clone());
    }
    let entry = match EntryKey::of_uri(uri) {
        Some(key) if key.origin != node.origin => foreign(connection, &key)?,
        _ => None,
    };
    set.foreign.insert(reference.clone(), entry.clone());
    Ok(entry)
}

fn foreign(connection: &mut AnyConnection, key: &EntryKey) -> Result<Option<Arc<Entry>>> {
    let body: Option<Option<String>> = entry::table
        .inner_join(origin::table)
        .filter(origin::base_url.eq(key.origin.as_str()))
        .filter(entry::id.eq(key.id.to_string()))
        .filter(not(entry::deleted))
        .select(entry::body)
        .first(connection)
        .optional()?;
    body.flatten()
        .map(|body| parse(&body).map(Arc::new))
        .transpose()
}

/// The URIs of the organisations above one, nearest first, as far as they are known here.
fn umbrella(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    reference: &EntryRef,
) -> Result<Vec<String>> {
    let (mut above, mut next) = (Vec::new(), Some(reference.clone()));
    while let Some(at) = next
        && above.len() <= limits::PARENTS
    {
        next = live(connection, node, set, &at)?.and_then(|entry| {
            let Content::Organisation(organisation) = &entry.content else {
                return None;
            };
            let parent = organisation.parent.as_ref()?.uri(&entry.origin);
            above.push(parent.clone());
            Some(as_seen_here(node, parent))
        });
    }
    Ok(above)
}

/// A URI as an entry of this node refers to it.
fn as_seen_here(node: &Node, uri: String) -> EntryRef {
    match EntryKey::of_uri(&uri) {
        Some(key) if key.origin == node.origin => EntryRef::Local(key.id),
        _ => EntryRef::Uri(uri),
    }
}

fn reviews(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
    owner: EntryId,
) -> Result<Vec<Arc<Entry>>> {
    let found: Vec<String> = entry::table
        .filter(entry::origin.eq(node.origin_row))
        .filter(entry::owner.eq(owner.to_string()))
        .filter(entry::kind.eq(Kind::AssessmentReview.as_str()))
        .filter(not(entry::deleted))
        .select(entry::id)
        .load(connection)?;
    let ids: Vec<EntryId> = found
        .iter()
        .map(|id| to_entry_id("a review", id))
        .collect::<Result<_>>()?;
    load_states(connection, node, set, ids.clone())?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(set.live(id)?);
    }
    Ok(found)
}
