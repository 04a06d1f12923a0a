//! Which process does some background work, so that the others need not.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::moment;
use uuid::Uuid;

use crate::Result;
use crate::connection::on_each;
use crate::database::Database;
use crate::rows::LeaseRow;
use crate::schema::lease;
use crate::sql_types::{from_micros, to_micros};

/// Whether `holder` has the work from now on. Looks first, so that those who wait do not stand in the way of writers.
pub(super) async fn take(
    database: &Database,
    name: &'static str,
    holder: Uuid,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let wanted = LeaseRow {
        name: name.to_owned(),
        holder: holder.to_string(),
        until: to_micros(until),
    };
    let whole = until - now;
    let asked = wanted.clone();
    let held: Option<LeaseRow> = database
        .read(move |c| Ok(lease::table.find(name).first(c).optional()?))
        .await?;
    match &held {
        Some(held) if !is_free(held, &asked, whole, now)? => return Ok(false),
        // Renewed when half of the time is over.
        Some(held) if held.holder == asked.holder => {
            let left = from_micros(held.until)? - now;
            if left > whole / 2 && left <= whole {
                return Ok(true);
            }
        }
        _ => {}
    }
    database
        .write(move |t| {
            let held: Option<LeaseRow> =
                lease::table.find(name).first(t.connection()).optional()?;
            if let Some(held) = held
                && !is_free(&held, &wanted, whole, now)?
            {
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

/// Whether `wanted` may have the work. Nobody is given it for longer than for the time that is asked for here, and as much
/// again for clocks that differ: what was to last longer was written down by a clock that was ahead.
fn is_free(
    held: &LeaseRow,
    wanted: &LeaseRow,
    whole: TimeDelta,
    now: DateTime<Utc>,
) -> Result<bool> {
    let stands = moment::stands(from_micros(held.until)?, now, whole * 2);
    Ok(held.holder == wanted.holder || !stands)
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
