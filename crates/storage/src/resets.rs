//! How an account gets a new password: by giving the old one, or with a one-time link. Secrets of links come here as
//! SHA-256 in hex, passwords as PHC strings.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::Actor;
use uuid::Uuid;

use crate::access::name;
use crate::accounts::{Account, Accounts, load, write_password};
use crate::connection::AnyConnection;
use crate::rows::PasswordResetRow;
use crate::schema::password_reset;
use crate::sessions::revoke_all;
use crate::sql_types::{counts, to_micros, to_uuid};
use crate::{Conflict, Result, StorageError};

impl Accounts {
    /// Makes a one-time link for setting a new password. `token` is the SHA-256 of the link's secret, in hex.
    /// Earlier links of the account stop working.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn create_reset(
        &self,
        actor: &Actor,
        id: Uuid,
        token: &str,
        expires: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let actor = name(actor);
        let row = PasswordResetRow {
            token: token.to_owned(),
            account: id.to_string(),
            created: to_micros(now),
            expires: to_micros(expires),
            used: None,
        };
        self.0
            .write(move |t| {
                load(t.connection(), id)?;
                t.erase(password_reset::table.filter(password_reset::account.eq(&row.account)))?;
                t.arrive(row.created, &actor, "password_reset.create", &row.account)?;
                diesel::insert_into(password_reset::table)
                    .values(&row)
                    .execute(t.connection())?;
                Ok(())
            })
            .await
    }

    /// Sets the hash of a password that the account's owner chose, given the hash `was` that the old password was held
    /// against. Ends the account's other sessions, except the one with the token hash `keep`, and its one-time links.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] for an unknown or disabled account, [`Conflict::PasswordChanged`] where the password
    /// is another one by now: whoever knew the old one may no longer be the one to decide.
    pub async fn change_password(
        &self,
        id: Uuid,
        was: &str,
        password: &str,
        keep: &str,
        now: DateTime<Utc>,
    ) -> Result<Account> {
        let (was, password, keep) = (was.to_owned(), password.to_owned(), keep.to_owned());
        self.0
            .write(move |t| {
                let account = load(t.connection(), id)?;
                if account.disabled {
                    return Err(StorageError::NotFound);
                }
                if account.password.as_deref() != Some(was.as_str()) {
                    return Err(Conflict::PasswordChanged.into());
                }
                t.erase(password_reset::table.filter(password_reset::account.eq(id.to_string())))?;
                let actor = format!("account:{id}");
                revoke_all(t, &actor, id, Some(&keep), now)?;
                write_password(t, &actor, id, &password, now)
            })
            .await
    }

    /// Whether a one-time link can be used.
    ///
    /// # Errors
    /// As [`Accounts::redeem_reset`].
    pub async fn check_reset(&self, token: &str, now: DateTime<Utc>) -> Result<()> {
        let token = token.to_owned();
        self.0.read(move |c| usable(c, &token, now).map(drop)).await
    }

    /// Uses a one-time link: sets the password's hash and ends all sessions. Works exactly once.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] for an unknown link or a disabled account, [`Conflict::AlreadyUsed`],
    /// [`Conflict::Expired`].
    pub async fn redeem_reset(
        &self,
        token: &str,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<Account> {
        let (token, password) = (token.to_owned(), password.to_owned());
        self.0
            .write(move |t| {
                let id = usable(t.connection(), &token, now)?;
                diesel::update(password_reset::table.find(&token))
                    .set(password_reset::used.eq(to_micros(now)))
                    .execute(t.connection())?;
                let actor = format!("account:{id}");
                revoke_all(t, &actor, id, None, now)?;
                write_password(t, &actor, id, &password, now)
            })
            .await
    }
}

/// The account of a one-time link that can be used.
fn usable(connection: &mut AnyConnection, token: &str, now: DateTime<Utc>) -> Result<Uuid> {
    let row: PasswordResetRow = password_reset::table.find(token).first(connection)?;
    if row.used.is_some() {
        return Err(Conflict::AlreadyUsed.into());
    }
    if !counts(row.created, row.expires, now)? {
        return Err(Conflict::Expired.into());
    }
    let id = to_uuid("a password reset", &row.account)?;
    if load(connection, id)?.disabled {
        return Err(StorageError::NotFound);
    }
    Ok(id)
}
