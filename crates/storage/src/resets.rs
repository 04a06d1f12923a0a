//! One-time links with which an account sets a new password. Secrets come here as SHA-256 in hex.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::Actor;
use uuid::Uuid;

use crate::access::name;
use crate::accounts::{Account, Accounts, load, write_password};
use crate::rows::PasswordResetRow;
use crate::schema::password_reset;
use crate::sessions::revoke_all;
use crate::sql_types::{to_micros, to_uuid};
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
                diesel::delete(
                    password_reset::table.filter(password_reset::account.eq(&row.account)),
                )
                .execute(t.connection())?;
                t.arrive(row.created, &actor, "password_reset.create", &row.account)?;
                diesel::insert_into(password_reset::table)
                    .values(&row)
                    .execute(t.connection())?;
                Ok(())
            })
            .await
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
                let row: PasswordResetRow =
                    password_reset::table.find(&token).first(t.connection())?;
                if row.used.is_some() {
                    return Err(Conflict::AlreadyUsed.into());
                }
                if row.expires <= to_micros(now) {
                    return Err(Conflict::Expired.into());
                }
                let id = to_uuid("a password reset", &row.account)?;
                if load(t.connection(), id)?.disabled {
                    return Err(StorageError::NotFound);
                }
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
