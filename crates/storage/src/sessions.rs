//! Signed-in accounts. Tokens come here as SHA-256 in hex.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::access::found;
use crate::database::{Database, Transaction};
use crate::rows::SessionRow;
use crate::schema::{account, session};
use crate::sql_types::{from_micros, from_micros_option, to_micros, to_uuid};
use crate::{Result, StorageError, limits};

/// A signed-in account.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token, in hex.
    pub token: String,
    /// Who is signed in.
    pub account: Uuid,
    /// Since when.
    pub created: DateTime<Utc>,
    /// Until when, unless it is revoked before.
    pub expires: DateTime<Utc>,
    /// Since when it no longer counts.
    pub revoked: Option<DateTime<Utc>>,
    /// The number of its latest change.
    pub arrival: i64,
}

/// Without the token's hash.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("account", &self.account)
            .field("expires", &self.expires)
            .field("revoked", &self.revoked)
            .field("arrival", &self.arrival)
            .finish_non_exhaustive()
    }
}

/// Sessions.
#[derive(Debug, Clone)]
pub struct Sessions(pub(crate) Database);

impl Sessions {
    /// Signs an account in.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] for an unknown or disabled account.
    pub async fn create(
        &self,
        token: &str,
        account: Uuid,
        expires: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Session> {
        let token = token.to_owned();
        self.0
            .write(move |t| {
                let id = account.to_string();
                let disabled: bool = account::table
                    .find(&id)
                    .select(account::disabled)
                    .first(t.connection())?;
                if disabled {
                    return Err(StorageError::NotFound);
                }
                end_oldest(t, &id, now)?;
                let created = to_micros(now);
                let row = SessionRow {
                    arrival: t.arrive(created, &format!("account:{id}"), "session.create", &id)?,
                    token: token.clone(),
                    account: id,
                    created,
                    expires: to_micros(expires),
                    revoked: None,
                };
                diesel::insert_into(session::table)
                    .values(&row)
                    .execute(t.connection())?;
                Session::from_row(row)
            })
            .await
    }

    /// A session by the hash of its token, also a revoked or expired one.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn get(&self, token: &str) -> Result<Session> {
        let token = token.to_owned();
        self.0
            .read(move |c| {
                let row: SessionRow = session::table.find(&token).first(c)?;
                Session::from_row(row)
            })
            .await
    }

    /// Ends a session. Ending it twice changes nothing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn revoke(&self, token: &str, now: DateTime<Utc>) -> Result<()> {
        let token = token.to_owned();
        self.0
            .write(move |t| {
                let row: SessionRow = session::table.find(&token).first(t.connection())?;
                if row.revoked.is_some() {
                    return Ok(());
                }
                end(
                    t,
                    &format!("account:{}", row.account),
                    &row.account,
                    &token,
                    now,
                )
            })
            .await
    }
}

/// Makes room for one more session of an account, where it has as many as it may have: whoever signs in again and again ends
/// its own.
fn end_oldest(t: &mut Transaction<'_>, account: &str, now: DateTime<Utc>) -> Result<()> {
    let tokens: Vec<String> = session::table
        .filter(session::account.eq(account))
        .filter(session::revoked.is_null())
        .filter(session::expires.gt(to_micros(now)))
        .order((session::created.desc(), session::arrival.desc()))
        .offset(i64::try_from(limits::SESSIONS - 1).unwrap_or(i64::MAX))
        .limit(limits::LIST)
        .select(session::token)
        .load(t.connection())?;
    for token in tokens {
        end(t, &format!("account:{account}"), account, &token, now)?;
    }
    Ok(())
}

/// Ends all sessions of an account, except the one with the token hash `keep`.
pub(crate) fn revoke_all(
    t: &mut Transaction<'_>,
    actor: &str,
    account: Uuid,
    keep: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = account.to_string();
    let tokens: Vec<String> = session::table
        .filter(session::account.eq(&id))
        .filter(session::revoked.is_null())
        .filter(session::expires.gt(to_micros(now)))
        .filter(session::token.ne(keep.unwrap_or_default()))
        .select(session::token)
        .load(t.connection())?;
    for token in tokens {
        end(t, actor, &id, &token, now)?;
    }
    Ok(())
}

fn end(
    t: &mut Transaction<'_>,
    actor: &str,
    account: &str,
    token: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let now = to_micros(now);
    let arrival = t.arrive(now, actor, "session.revoke", account)?;
    let rows = diesel::update(session::table.find(token))
        .set((session::arrival.eq(arrival), session::revoked.eq(now)))
        .execute(t.connection())?;
    found(rows)
}

impl Session {
    pub(crate) fn from_row(row: SessionRow) -> Result<Self> {
        Ok(Self {
            token: row.token,
            account: to_uuid("a session", &row.account)?,
            created: from_micros(row.created)?,
            expires: from_micros(row.expires)?,
            revoked: from_micros_option(row.revoked)?,
            arrival: row.arrival,
        })
    }
}
