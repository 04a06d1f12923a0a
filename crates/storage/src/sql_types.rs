//! How values look in columns. Only text, 64-bit integers and truth values are used: they mean the same on SQLite and
//! PostgreSQL, and neither rewrites them.

use chrono::{DateTime, Utc};
use domain::{EntryId, Role, Visibility};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Result, StorageError};

/// A moment as microseconds since 1970-01-01T00:00:00Z. Anything finer is cut off.
pub(crate) fn to_micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// The moment of a column.
pub(crate) fn from_micros(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| StorageError::corrupt("a moment", micros))
}

/// The moment of a column that may be empty.
pub(crate) fn from_micros_option(micros: Option<i64>) -> Result<Option<DateTime<Utc>>> {
    micros.map(from_micros).transpose()
}

/// Whether what was made at `made` to end at `end` counts now ([`domain::moment::counts`]).
pub(crate) fn counts(made: i64, end: i64, now: DateTime<Utc>) -> Result<bool> {
    Ok(domain::moment::counts(
        from_micros(made)?,
        from_micros(end)?,
        now,
    ))
}

/// A value as JSON text.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|why| StorageError::Internal {
        log: why.to_string(),
    })
}

/// The value of JSON text; `what` says in an error where it stood.
pub(crate) fn from_json<T: DeserializeOwned>(what: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|why| StorageError::corrupt(what, why))
}

pub(crate) fn to_uuid(what: &str, text: &str) -> Result<Uuid> {
    text.parse().map_err(|why| StorageError::corrupt(what, why))
}

pub(crate) fn to_entry_id(what: &str, text: &str) -> Result<EntryId> {
    to_uuid(what, text).map(EntryId)
}

pub(crate) fn to_role(text: &str) -> Result<Role> {
    Role::parse(text).ok_or_else(|| StorageError::corrupt("a role", text))
}

pub(crate) fn visibility_code(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Network => "network",
        Visibility::Internal => "internal",
    }
}

pub(crate) fn to_visibility(text: &str) -> Result<Visibility> {
    match text {
        "public" => Ok(Visibility::Public),
        "network" => Ok(Visibility::Network),
        "internal" => Ok(Visibility::Internal),
        _ => Err(StorageError::corrupt("a visibility", text)),
    }
}

/// A content hash as a column holds it: the same 64 bits, read as a signed number.
pub(crate) fn to_signed(hash: u64) -> i64 {
    i64::from_ne_bytes(hash.to_ne_bytes())
}

/// And back.
pub(crate) fn to_unsigned(hash: i64) -> u64 {
    u64::from_ne_bytes(hash.to_ne_bytes())
}

/// A version as a column holds it.
pub(crate) fn to_column(version: u64) -> Result<i64> {
    i64::try_from(version).map_err(|why| StorageError::Internal {
        log: why.to_string(),
    })
}

/// A number of a column that cannot be negative.
pub(crate) fn from_column(what: &str, number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| StorageError::corrupt(what, number))
}
