//! What the live local entries of each owner take. Kept in a table of its own beside them, in the same transaction, so that
//! a quota costs one row and no counting.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use domain::{EntryId, Quota, Usage};

use crate::Result;
use crate::connection::{AnyConnection, insert_rows};
use crate::database::Transaction;
use crate::directory::Directory;
use crate::directory::working_set::Growth;
use crate::rows::OwnerUsageRow;
use crate::schema::owner_usage;
use crate::sql_types::from_column;

/// What follows from the entries, as the migration says it.
const COUNTED: &str = "SELECT owner, COUNT(*) AS entries, CAST(COALESCE(SUM(OCTET_LENGTH(body)), 0) AS BIGINT) AS bytes \
     FROM entry WHERE NOT deleted AND origin IN (SELECT id FROM origin WHERE is_self) GROUP BY owner ORDER BY owner";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = BigInt)]
    entries: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// What one owner's entries take.
pub(crate) fn load(connection: &mut AnyConnection, owner: EntryId) -> Result<Usage> {
    let row: Option<OwnerUsageRow> = owner_usage::table
        .find(owner.to_string())
        .first(connection)
        .optional()?;
    let Some(row) = row else {
        return Ok(Usage::default());
    };
    Ok(Usage {
        entries: from_column("a usage", row.entries)?,
        bytes: from_column("a usage", row.bytes)?,
    })
}

/// Adds what the entries of some owners grew by, or takes off what they shrank by.
pub(crate) fn add<'g>(
    connection: &mut AnyConnection,
    growth: impl Iterator<Item = (&'g EntryId, &'g Growth)>,
) -> Result<()> {
    for (owner, growth) in growth {
        if *growth == Growth::default() {
            continue;
        }
        let key = owner.to_string();
        // Changed where it is there: what shrinks may not be inserted, not even to find that it is there.
        let changed = diesel::update(owner_usage::table.find(&key))
            .set((
                owner_usage::entries.eq(owner_usage::entries + growth.entries),
                owner_usage::bytes.eq(owner_usage::bytes + growth.bytes),
            ))
            .execute(connection)?;
        if changed == 0 {
            diesel::insert_into(owner_usage::table)
                .values(&OwnerUsageRow {
                    owner: key,
                    entries: growth.entries,
                    bytes: growth.bytes,
                })
                .execute(connection)?;
        }
    }
    Ok(())
}

/// What the entries themselves say, in the order of their owners.
pub(crate) fn counted(connection: &mut AnyConnection) -> Result<Vec<OwnerUsageRow>> {
    let rows: Vec<Counted> = diesel::sql_query(COUNTED).load(connection)?;
    Ok(rows
        .into_iter()
        .map(|row| OwnerUsageRow {
            owner: row.owner,
            entries: row.entries,
            bytes: row.bytes,
        })
        .collect())
}

/// Counts anew, for those who write entries in another way than by commands: a restore, and what is done again after one.
pub(crate) fn count_anew(t: &mut Transaction<'_>) -> Result<()> {
    t.remove(owner_usage::table)?;
    let connection = t.connection();
    let rows = counted(connection)?;
    insert_rows!(connection, owner_usage::table, &rows);
    Ok(())
}

impl Directory {
    /// What the live entries of an organisation take.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn usage(&self, owner: EntryId) -> Result<Usage> {
        self.database.read(move |c| load(c, owner)).await
    }

    /// What one organisation may have and write.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.node.rules.quota
    }
}
