//! Writes what was decided: entries, references, revisions.

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::Result;
use crate::connection::{AnyConnection, insert_rows, on_each};
use crate::directory::Node;
use crate::directory::facts::texts;
use crate::directory::working_set::WorkingSet;
use crate::limits;
use crate::rows::EntryRow;
use crate::schema::{correction, entry, entry_reference, invitation, revision};

/// Writes everything that is not yet written.
pub(crate) fn save(
    connection: &mut AnyConnection,
    node: &Node,
    set: &mut WorkingSet,
) -> Result<()> {
    let (new, changed) = set.take_rows();
    // What existed may have had references; what is new has none.
    for rows in changed.chunks(limits::KEYS_PER_STATEMENT) {
        let sources = rows.iter().map(|row| &row.id);
        diesel::delete(entry_reference::table.filter(entry_reference::source.eq_any(sources)))
            .execute(connection)?;
    }
    // Changed ones first: they may let go of keys that new ones take.
    replace_entries(connection, &changed)?;
    insert_rows!(connection, entry::table, &new);
    let references = set.reference_rows();
    insert_rows!(connection, entry_reference::table, &references);
    insert_rows!(connection, revision::table, &set.revisions);
    for ids in set.purged.chunks(limits::KEYS_PER_STATEMENT) {
        let ids = texts(ids);
        diesel::delete(revision::table.filter(revision::entry.eq_any(&ids))).execute(connection)?;
        diesel::delete(invitation::table.filter(invitation::assessment.eq_any(&ids)))
            .execute(connection)?;
        // What people wrote about it may quote it.
        let about = correction::origin
            .eq(node.origin_row)
            .and(correction::entry.eq_any(&ids));
        diesel::delete(correction::table.filter(about)).execute(connection)?;
    }
    set.written();
    Ok(())
}

/// Writes entries in the place of those with the same keys, if there are any.
pub(crate) fn replace_entries(connection: &mut AnyConnection, rows: &[EntryRow]) -> Result<()> {
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
