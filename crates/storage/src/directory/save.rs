//! Writes what was decided: entries, references, revisions.

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::Result;
use crate::connection::{insert_rows, on_each};
use crate::database::Transaction;
use crate::directory::Node;
use crate::directory::facts::texts;
use crate::directory::usage;
use crate::directory::working_set::WorkingSet;
use crate::erasure::erase_all_about;
use crate::limits;
use crate::rows::EntryRow;
use crate::schema::{entry, entry_reference, revision};

/// Writes everything that is not yet written.
pub(crate) fn save(t: &mut Transaction<'_>, node: &Node, set: &mut WorkingSet) -> Result<()> {
    let (new, changed) = set.take_rows();
    // What existed may have had references; what is new has none.
    for rows in changed.chunks(limits::KEYS_PER_STATEMENT) {
        let sources = rows.iter().map(|row| &row.id);
        t.remove(entry_reference::table.filter(entry_reference::source.eq_any(sources)))?;
        // Who is not its owner's refers to nothing from now on.
        let gone = rows.iter().filter(|row| row.deleted).map(|row| &row.id);
        t.remove(entry_reference::table.filter(entry_reference::target.eq_any(gone)))?;
    }
    // Changed ones first: they may let go of keys that new ones take.
    replace_entries(t, &changed)?;
    let connection = t.connection();
    insert_rows!(connection, entry::table, &new);
    let references = set.reference_rows();
    insert_rows!(connection, entry_reference::table, &references);
    insert_rows!(connection, revision::table, &set.revisions);
    usage::add(t.connection(), set.growth.iter())?;
    for (owner, bytes) in &set.spent {
        node.budget.spend(&node.rules.quota, *owner, *bytes);
    }
    if !set.purged.is_empty() {
        erase_all_about(t, node, &texts(&set.purged))?;
    }
    set.written();
    Ok(())
}

/// Writes entries in the place of those with the same keys, if there are any.
pub(crate) fn replace_entries(t: &mut Transaction<'_>, rows: &[EntryRow]) -> Result<()> {
    if rows.iter().any(|row| row.deleted) {
        t.note_erased();
    }
    let connection = t.connection();
    for rows in rows.chunks(limits::ROWS_PER_STATEMENT) {
        on_each!(connection, inner => {
            diesel::insert_into(entry::table)
                .values(rows)
                .on_conflict((entry::origin, entry::id))
                .do_update()
                .set((
                    entry::kind.eq(excluded(entry::kind)),
                    entry::owner.eq(excluded(entry::owner)),
                    entry::version.eq(excluded(entry::version)),
                    entry::arrival.eq(excluded(entry::arrival)),
                    entry::visibility.eq(excluded(entry::visibility)),
                    entry::deleted.eq(excluded(entry::deleted)),
                    entry::external_id.eq(excluded(entry::external_id)),
                    entry::hash.eq(excluded(entry::hash)),
                    entry::created.eq(excluded(entry::created)),
                    entry::modified.eq(excluded(entry::modified)),
                    entry::body.eq(excluded(entry::body)),
                    entry::review.eq(excluded(entry::review)),
                ))
                .execute(inner)
        })?;
    }
    Ok(())
}
