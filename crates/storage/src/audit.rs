//! Who did what when, without content.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::Result;
use crate::database::Database;
use crate::limits;
use crate::rows::AuditRow;
use crate::schema::audit;
use crate::sql_types::from_micros;

/// One line of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// The number that the change took. Each number stands in the audit once.
    pub arrival: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `account:...`, `client:...`, `system` or `anonymous`.
    pub actor: String,
    /// What: `create`, `client.revoke` ...
    pub action: String,
    /// The id of what it was done to.
    pub subject: String,
}

/// The audit.
#[derive(Debug, Clone)]
pub struct Audit(pub(crate) Database);

impl Audit {
    /// Lines before the number `before` (from the newest where there is none), newest first; of one subject where
    /// `subject` is given.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &self,
        before: Option<i64>,
        subject: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Audited>> {
        let subject = subject.map(str::to_owned);
        self.0
            .read(move |c| {
                let mut query = audit::table
                    .filter(audit::arrival.lt(before.unwrap_or(i64::MAX)))
                    .order(audit::arrival.desc())
                    .limit(limit.clamp(0, limits::LIST))
                    .into_boxed();
                if let Some(subject) = subject.clone() {
                    query = query.filter(audit::subject.eq(subject));
                }
                let rows: Vec<AuditRow> = query.load(c)?;
                rows.into_iter().map(Audited::from_row).collect()
            })
            .await
    }
}

impl Audited {
    fn from_row(row: AuditRow) -> Result<Self> {
        Ok(Self {
            arrival: row.arrival,
            at: from_micros(row.at)?,
            actor: row.actor,
            action: row.action,
            subject: row.subject,
        })
    }
}
