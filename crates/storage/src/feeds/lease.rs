//! Which process does some background work, so that the others need not.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::Result;
use crate::connection::on_each;
use crate::database::Database;
use crate::rows::LeaseRow;
use crate::schema::lease;
use crate::sql_types::to_micros;

/// Whether `holder` has the work from now on. Looks first, so that those who wait do not stand in the way of writers.
pub(super) async fn take(
    database: &Database,
    name: &'static str,
    holder: Uuid,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (holder, until, now) = (holder.to_string(), to_micros(until), to_micros(now));
    let wanted = LeaseRow {
        name: name.to_owned(),
        holder,
        until,
    };
    let asked = wanted.clone();
    let held: Option<LeaseRow> = database
        .read(move |c| Ok(lease::table.find(name).first(c).optional()?))
        .await?;
    match &held {
        Some(held) if !is_free(held, &asked, now) => return Ok(false),
        // Renewed when half of the time is over.
        Some(held) if held.holder == asked.holder && held.until - now > (until - now) / 2 => {
            return Ok(true);
        }
        _ => {}
    }
    database
        .write(move |t| {
            let held: Option<LeaseRow> =
                lease::table.find(name).first(t.connection()).optional()?;
            if held.is_some_and(|held| !is_free(&held, &wanted, now)) {
                return Ok(false);
            }
            on_each!(t.connection(), inner => {
                diesel::insert_into(lease::table)
                    .values(&wanted)
                    .on_conflict(lease::name)
                    .do_update()
                    .set((lease::holder.eq(&wanted.holder), lease::until.eq(wanted.until)))
                    .execute(inner)
            })?;
            Ok(true)
        })
        .await
}

fn is_free(held: &LeaseRow, wanted: &LeaseRow, now: i64) -> bool {
    held.holder == wanted.holder || held.until < now
}

/// Leaves the work to others, so that they need not wait until `holder`'s time is over.
pub(super) async fn release(database: &Database, name: &'static str, holder: Uuid) -> Result<()> {
    let holder = holder.to_string();
    database
        .write(move |t| {
            let held = lease::table.find(name).filter(lease::holder.eq(&holder));
            t.remove(held)?;
            Ok(())
        })
        .await
}
