//! How many organisations stand where by a standard, as it was published last.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::EntryId;
use domain::quality::Snapshot;

use crate::database::Database;
use crate::rows::DistributionRow;
use crate::schema::distribution;
use crate::sql_types::{to_entry_id, to_json, to_micros};
use crate::{Result, StorageError};

/// Distributions, one for each standard.
#[derive(Debug, Clone)]
pub struct Distributions(pub(crate) Database);

impl Distributions {
    /// All of them, by their standards.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn all(&self) -> Result<Vec<(EntryId, Snapshot)>> {
        self.0
            .read(|c| {
                let rows: Vec<DistributionRow> = distribution::table.load(c)?;
                rows.iter()
                    .map(|row| {
                        let standard = to_entry_id("a distribution", &row.standard)?;
                        Ok((standard, snapshot(&row.body)?))
                    })
                    .collect()
            })
            .await
    }

    /// Asks `renew` what follows from the distribution that is published, and keeps it. One after the other, so that two
    /// processes cannot publish two that differ by fewer organisations than may be.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn renew(
        &self,
        standard: EntryId,
        now: DateTime<Utc>,
        renew: impl Fn(Option<&Snapshot>) -> Option<Snapshot> + Send + Sync + Clone + 'static,
    ) -> Result<Option<Snapshot>> {
        let key = standard.to_string();
        self.0
            .write(move |t| {
                let row: Option<DistributionRow> = distribution::table
                    .find(&key)
                    .first(t.connection())
                    .optional()?;
                let current = row.map(|row| snapshot(&row.body)).transpose()?;
                let Some(next) = renew(current.as_ref()) else {
                    return Ok(current);
                };
                let at = to_micros(now);
                t.arrive(at, "system", "distribution.renew", &key)?;
                t.make_way(distribution::table.find(&key))?;
                diesel::insert_into(distribution::table)
                    .values(&DistributionRow {
                        standard: key.clone(),
                        made: at,
                        body: to_json(&next)?,
                    })
                    .execute(t.connection())?;
                Ok(Some(next))
            })
            .await
    }
}

fn snapshot(body: &str) -> Result<Snapshot> {
    serde_json::from_str(body).map_err(|why| StorageError::corrupt("a distribution", why))
}
