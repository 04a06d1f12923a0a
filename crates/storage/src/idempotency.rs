//! What a request with an idempotency key was answered, kept in the same transaction as what it did.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::database::Transaction;
use crate::rows::IdempotencyRow;
use crate::schema::idempotency;
use crate::sql_types::{from_json, to_json, to_micros};
use crate::{Conflict, Result};

/// The idempotency key of a request (`Idempotency-Key`, draft-ietf-httpapi-idempotency-key-header).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Who sent it: keys of different callers never meet. The display form of a subject, or another name of a caller.
    pub subject: String,
    /// The key.
    pub key: String,
    /// A hash of method, path and body: the same key with another request is refused.
    pub fingerprint: String,
    /// Until when the outcome is kept.
    pub expires: DateTime<Utc>,
}

/// The outcome of an earlier request with this key, if there is one.
pub(crate) fn replay<T: DeserializeOwned>(
    t: &mut Transaction<'_>,
    key: &Idempotency,
    now: DateTime<Utc>,
) -> Result<Option<T>> {
    let row: Option<IdempotencyRow> = idempotency::table
        .find((&key.subject, &key.key))
        .first(t.connection())
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    if row.expires <= to_micros(now) {
        t.erase(idempotency::table.find((&key.subject, &key.key)))?;
        return Ok(None);
    }
    if row.fingerprint != key.fingerprint {
        return Err(Conflict::IdempotencyKeyReused.into());
    }
    from_json("an idempotency outcome", &row.outcome).map(Some)
}

/// Keeps the outcome of a request.
pub(crate) fn record<T: Serialize>(
    t: &mut Transaction<'_>,
    key: &Idempotency,
    outcome: &T,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = IdempotencyRow {
        subject: key.subject.clone(),
        key: key.key.clone(),
        fingerprint: key.fingerprint.clone(),
        created: to_micros(now),
        expires: to_micros(key.expires),
        outcome: to_json(outcome)?,
    };
    diesel::insert_into(idempotency::table)
        .values(&row)
        .execute(t.connection())?;
    Ok(())
}
