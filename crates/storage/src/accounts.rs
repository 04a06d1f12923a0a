//! Accounts of people, by function; their memberships and passwords.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Actor, EntryId};
use uuid::Uuid;

use crate::access::{Membership, found, name, scope};
use crate::connection::AnyConnection;
use crate::database::{Database, Transaction};
use crate::limits;
use crate::rows::{AccountRow, MembershipRow};
use crate::schema::{account, membership, password_reset};
use crate::sessions::revoke_all;
use crate::sql_types::{from_micros, to_micros, to_uuid};
use crate::{Conflict, Result, StorageError};

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: Uuid,
    /// The address with which it signs in, as it was written; empty once it was erased.
    pub email: String,
    /// A function such as "advice desk", never a person's name.
    pub display: String,
    /// The password's hash as a PHC string; `None` until the first password is set.
    pub password: Option<String>,
    /// Whether it may no longer sign in.
    pub disabled: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it last changed.
    pub modified: DateTime<Utc>,
    /// The number of its latest change.
    pub arrival: i64,
    /// Its roles.
    pub memberships: Vec<Membership>,
}

/// Without the password's hash.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("disabled", &self.disabled)
            .field("arrival", &self.arrival)
            .field("memberships", &self.memberships)
            .finish_non_exhaustive()
    }
}

/// What an account is made from.
#[derive(Clone)]
pub struct NewAccount {
    /// Its id, a fresh UUIDv7.
    pub id: Uuid,
    /// The address with which it signs in.
    pub email: String,
    /// A function, never a person's name.
    pub display: String,
    /// The password's hash as a PHC string, if it is set already.
    pub password: Option<String>,
    /// Its roles.
    pub memberships: Vec<Membership>,
}

/// The form in which addresses are compared. RFC 5321 lets the part before the `@` depend on case; no provider does.
#[must_use]
pub fn fold_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Accounts and what belongs to them. Secrets are hashed before they come here.
#[derive(Debug, Clone)]
pub struct Accounts(pub(crate) Database);

impl Accounts {
    /// Makes an account.
    ///
    /// # Errors
    /// [`Conflict::EmailTaken`], [`Conflict::IdTaken`].
    pub async fn create(
        &self,
        actor: &Actor,
        new: NewAccount,
        now: DateTime<Utc>,
    ) -> Result<Account> {
        let actor = name(actor);
        self.0.write(move |t| insert(t, &actor, &new, now)).await
    }

    /// An account by its id.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn get(&self, id: Uuid) -> Result<Account> {
        self.0.read(move |c| load(c, id)).await
    }

    /// An account by its address, in any case.
    ///
    /// # Errors
    /// Those of the database; an unknown address is `None`.
    pub async fn by_email(&self, email: &str) -> Result<Option<Account>> {
        let folded = fold_email(email);
        self.0
            .read(move |c| {
                let row: Option<AccountRow> = account::table
                    .filter(account::email_folded.eq(&folded))
                    .first(c)
                    .optional()?;
                row.map(|row| complete(c, vec![row])?.pop().ok_or(StorageError::NotFound))
                    .transpose()
            })
            .await
    }

    /// Accounts with a role in `organisation` (`None`: with a role for the whole node), by id, after `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn members(
        &self,
        organisation: Option<EntryId>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Account>> {
        let scope = scope(organisation);
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.0
            .read(move |c| {
                let ids = membership::table
                    .filter(membership::scope.eq(&scope))
                    .select(membership::account);
                let rows = account::table
                    .filter(account::id.eq_any(ids))
                    .filter(account::id.gt(&after))
                    .order(account::id)
                    .limit(limit.clamp(0, limits::LIST))
                    .load(c)?;
                complete(c, rows)
            })
            .await
    }

    /// All accounts, by id, after `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, after: Option<Uuid>, limit: i64) -> Result<Vec<Account>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.0
            .read(move |c| {
                let rows = account::table
                    .filter(account::id.gt(&after))
                    .order(account::id)
                    .limit(limit.clamp(0, limits::LIST))
                    .load(c)?;
                complete(c, rows)
            })
            .await
    }

    /// Lets an account sign in no more, ending its sessions, or lets it in again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn set_disabled(
        &self,
        actor: &Actor,
        id: Uuid,
        disabled: bool,
        now: DateTime<Utc>,
    ) -> Result<Account> {
        let actor = name(actor);
        let action = if disabled {
            "account.disable"
        } else {
            "account.enable"
        };
        self.0
            .write(move |t| {
                if disabled {
                    revoke_all(t, &actor, id, None, now)?;
                }
                touch(t, &actor, action, id, now)?;
                diesel::update(account::table.find(id.to_string()))
                    .set(account::disabled.eq(disabled))
                    .execute(t.connection())?;
                load(t.connection(), id)
            })
            .await
    }

    /// Sets the hash of a new password (a PHC string) and ends the account's sessions, except the one with the token
    /// hash `keep`.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn set_password(
        &self,
        actor: &Actor,
        id: Uuid,
        password: &str,
        keep: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Account> {
        let (actor, password, keep) = (name(actor), password.to_owned(), keep.map(str::to_owned));
        self.0
            .write(move |t| {
                revoke_all(t, &actor, id, keep.as_deref(), now)?;
                write_password(t, &actor, id, &password, now)
            })
            .await
    }

    /// Takes an account's password, sessions and one-time links away: it signs in again once it has a new password.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn forget_password(
        &self,
        actor: &Actor,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Account> {
        let actor = name(actor);
        self.0
            .write(move |t| {
                revoke_all(t, &actor, id, None, now)?;
                touch(t, &actor, "account.password", id, now)?;
                let links = password_reset::account.eq(id.to_string());
                t.erase(password_reset::table.filter(links))?;
                diesel::update(account::table.find(id.to_string()))
                    .set(account::password.eq(None::<String>))
                    .execute(t.connection())?;
                load(t.connection(), id)
            })
            .await
    }

    /// Gives an account a role. Giving it twice changes nothing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn grant(
        &self,
        actor: &Actor,
        id: Uuid,
        membership: Membership,
        now: DateTime<Utc>,
    ) -> Result<Account> {
        let actor = name(actor);
        self.0
            .write(move |t| {
                if !load(t.connection(), id)?.memberships.contains(&membership) {
                    touch(t, &actor, "account.grant", id, now)?;
                    insert_membership(t, id, membership)?;
                }
                load(t.connection(), id)
            })
            .await
    }

    /// Erases what an account that is disabled says of anybody: address, function, password and roles. Its id stays, which
    /// the audit names. Erasing it twice changes nothing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], also where it is not disabled.
    pub async fn erase(&self, actor: &Actor, id: Uuid, now: DateTime<Utc>) -> Result<()> {
        let actor = name(actor);
        self.0
            .write(move |t| {
                if !load(t.connection(), id)?.disabled {
                    return Err(StorageError::NotFound);
                }
                erase_texts(t, &actor, id, now)
            })
            .await
    }

    /// Takes a role from an account.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where it has no such role.
    pub async fn withdraw(
        &self,
        actor: &Actor,
        id: Uuid,
        membership: Membership,
        now: DateTime<Utc>,
    ) -> Result<Account> {
        let actor = name(actor);
        self.0
            .write(move |t| {
                let key = (
                    id.to_string(),
                    membership.scope(),
                    membership.role.as_str().to_owned(),
                );
                found(t.erase(membership::table.find(key))?)?;
                touch(t, &actor, "account.withdraw", id, now)?;
                load(t.connection(), id)
            })
            .await
    }
}

/// Makes an account inside a transaction that does more.
pub(crate) fn insert(
    t: &mut Transaction<'_>,
    actor: &str,
    new: &NewAccount,
    now: DateTime<Utc>,
) -> Result<Account> {
    let id = new.id.to_string();
    let email_folded = fold_email(&new.email);
    let taken: Vec<String> = account::table
        .filter(
            account::id
                .eq(&id)
                .or(account::email_folded.eq(&email_folded)),
        )
        .select(account::id)
        .load(t.connection())?;
    if taken.contains(&id) {
        return Err(Conflict::IdTaken.into());
    }
    if !taken.is_empty() {
        return Err(Conflict::EmailTaken.into());
    }
    let now = to_micros(now);
    let arrival = t.arrive(now, actor, "account.create", &id)?;
    let row = AccountRow {
        id,
        email: new.email.trim().to_owned(),
        email_folded,
        display: new.display.clone(),
        password: new.password.clone(),
        disabled: false,
        created: now,
        modified: now,
        arrival,
    };
    diesel::insert_into(account::table)
        .values(&row)
        .execute(t.connection())?;
    let mut memberships = new.memberships.clone();
    memberships.sort();
    memberships.dedup();
    for membership in memberships {
        insert_membership(t, new.id, membership)?;
    }
    load(t.connection(), new.id)
}

/// Gives a role. [`Conflict::TooManyMembers`] where an organisation has [`limits::MEMBERS`] others.
fn insert_membership(t: &mut Transaction<'_>, id: Uuid, membership: Membership) -> Result<()> {
    if membership.organisation.is_some() {
        let others: i64 = membership::table
            .filter(membership::scope.eq(membership.scope()))
            .filter(membership::account.ne(id.to_string()))
            .count()
            .get_result(t.connection())?;
        if others >= limits::MEMBERS {
            return Err(Conflict::TooManyMembers.into());
        }
    }
    let row = MembershipRow {
        account: id.to_string(),
        scope: membership.scope(),
        role: membership.role.as_str().to_owned(),
    };
    diesel::insert_into(membership::table)
        .values(&row)
        .execute(t.connection())?;
    Ok(())
}

pub(crate) fn write_password(
    t: &mut Transaction<'_>,
    actor: &str,
    id: Uuid,
    password: &str,
    now: DateTime<Utc>,
) -> Result<Account> {
    touch(t, actor, "account.password", id, now)?;
    diesel::update(account::table.find(id.to_string()))
        .set(account::password.eq(password))
        .execute(t.connection())?;
    load(t.connection(), id)
}

/// Accounts that nobody can use, because they are disabled or have no role, that still hold texts and did not change after
/// `before`: at most `limit` ids.
pub(crate) fn unused(t: &mut Transaction<'_>, before: i64, limit: i64) -> Result<Vec<Uuid>> {
    let with_role = membership::table.select(membership::account);
    let ids: Vec<String> = account::table
        .filter(account::email.ne(""))
        .filter(account::modified.le(before))
        .filter(account::disabled.or(account::id.ne_all(with_role)))
        .select(account::id)
        .limit(limit)
        .load(t.connection())?;
    ids.iter().map(|id| to_uuid("an account", id)).collect()
}

/// Erases all but the id, which other processes hear of as of any change. The address is free again: the place-holder has no
/// `@`, so that no address is taken for it.
pub(crate) fn erase_texts(
    t: &mut Transaction<'_>,
    actor: &str,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    revoke_all(t, actor, id, None, now)?;
    touch(t, actor, "account.erase", id, now)?;
    let id = id.to_string();
    t.erase(membership::table.filter(membership::account.eq(&id)))?;
    t.erase(password_reset::table.filter(password_reset::account.eq(&id)))?;
    diesel::update(account::table.find(&id))
        .set((
            account::email.eq(""),
            account::email_folded.eq(format!("erased {id}")),
            account::display.eq(""),
            account::password.eq(None::<String>),
            account::disabled.eq(true),
        ))
        .execute(t.connection())?;
    t.note_erased();
    Ok(())
}

/// Gives a changed account its number.
/// Takes every role in `organisation` from whoever has one. An account that has none left can no longer sign in.
pub(crate) fn withdraw_all(
    t: &mut Transaction<'_>,
    actor: &str,
    organisation: EntryId,
    now: DateTime<Utc>,
) -> Result<()> {
    let scope = scope(Some(organisation));
    let members: Vec<String> = membership::table
        .filter(membership::scope.eq(&scope))
        .select(membership::account)
        .distinct()
        .load(t.connection())?;
    if members.is_empty() {
        return Ok(());
    }
    t.erase(membership::table.filter(membership::scope.eq(&scope)))?;
    for member in members {
        let id = to_uuid("an account", &member)?;
        touch(t, actor, "account.withdraw", id, now)?;
        if load(t.connection(), id)?.memberships.is_empty() {
            revoke_all(t, actor, id, None, now)?;
            touch(t, actor, "account.disable", id, now)?;
            diesel::update(account::table.find(member))
                .set(account::disabled.eq(true))
                .execute(t.connection())?;
        }
    }
    Ok(())
}

fn touch(
    t: &mut Transaction<'_>,
    actor: &str,
    action: &str,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    let (id, now) = (id.to_string(), to_micros(now));
    let arrival = t.arrive(now, actor, action, &id)?;
    let rows = diesel::update(account::table.find(&id))
        .set((account::arrival.eq(arrival), account::modified.eq(now)))
        .execute(t.connection())?;
    found(rows)
}

pub(crate) fn load(connection: &mut AnyConnection, id: Uuid) -> Result<Account> {
    let row: AccountRow = account::table.find(id.to_string()).first(connection)?;
    complete(connection, vec![row])?
        .pop()
        .ok_or(StorageError::NotFound)
}

/// Accounts of rows, with their memberships.
pub(crate) fn complete(
    connection: &mut AnyConnection,
    rows: Vec<AccountRow>,
) -> Result<Vec<Account>> {
    let mut memberships: HashMap<String, Vec<Membership>> = HashMap::new();
    for ids in rows.chunks(limits::KEYS_PER_STATEMENT) {
        let found: Vec<MembershipRow> = membership::table
            .filter(membership::account.eq_any(ids.iter().map(|row| &row.id)))
            .order((membership::account, membership::scope, membership::role))
            .load(connection)?;
        for row in found {
            let membership = Membership::from_columns(&row.scope, &row.role)?;
            memberships.entry(row.account).or_default().push(membership);
        }
    }
    rows.into_iter()
        .map(|row| {
            Ok(Account {
                id: to_uuid("an account", &row.id)?,
                memberships: memberships.remove(&row.id).unwrap_or_default(),
                email: row.email,
                display: row.display,
                password: row.password,
                disabled: row.disabled,
                created: from_micros(row.created)?,
                modified: from_micros(row.modified)?,
                arrival: row.arrival,
            })
        })
        .collect()
}
