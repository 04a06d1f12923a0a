//! Programs of partner organisations: an id and a secret, of which only the hash comes here.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Actor, EntryId, Role};
use uuid::Uuid;

use crate::access::{found, name};
use crate::connection::AnyConnection;
use crate::database::{Database, Transaction};
use crate::limits;
use crate::rows::ClientRow;
use crate::schema::client;
use crate::sql_types::{from_micros, from_micros_option, to_entry_id, to_micros, to_role, to_uuid};
use crate::{Conflict, Result};

/// A program of a partner organisation.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id, the `client_id` of OAuth 2.
    pub id: Uuid,
    /// The organisation for which it acts.
    pub organisation: EntryId,
    /// What its owner calls it.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// The hash of its secret.
    pub secret: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Since when it may no longer sign in.
    pub revoked: Option<DateTime<Utc>>,
    /// The number of its latest change.
    pub arrival: i64,
}

/// Without the secret's hash.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("organisation", &self.organisation)
            .field("revoked", &self.revoked)
            .field("arrival", &self.arrival)
            .finish_non_exhaustive()
    }
}

/// What a client is made from.
#[derive(Clone)]
pub struct NewClient {
    /// Its id, a fresh UUIDv7.
    pub id: Uuid,
    /// What its owner calls it.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// The hash of its secret.
    pub secret: String,
}

/// Clients. Secrets are hashed before they come here.
#[derive(Debug, Clone)]
pub struct Clients(pub(crate) Database);

impl Clients {
    /// Makes a client of `organisation`.
    ///
    /// # Errors
    /// [`Conflict::IdTaken`], [`Conflict::TooManyMembers`] where it has [`limits::MEMBERS`] in use or [`limits::CLIENTS`] in
    /// all.
    pub async fn create(
        &self,
        actor: &Actor,
        organisation: EntryId,
        new: NewClient,
        now: DateTime<Utc>,
    ) -> Result<Client> {
        let actor = name(actor);
        self.0
            .write(move |t| insert(t, &actor, organisation, &new, now))
            .await
    }

    /// A client by its id, also a revoked one.
    ///
    /// # Errors
    /// [`StorageError::NotFound`](crate::StorageError::NotFound).
    pub async fn get(&self, id: Uuid) -> Result<Client> {
        self.0.read(move |c| load(c, id)).await
    }

    /// Clients of `organisation` (`None`: of all), by id, after `after`; without those that hold nothing any more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &self,
        organisation: Option<EntryId>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Client>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.0
            .read(move |c| {
                let mut query = client::table
                    .filter(client::id.gt(after.clone()))
                    .filter(client::secret.ne(""))
                    .order(client::id)
                    .limit(limit.clamp(0, limits::LIST))
                    .into_boxed();
                if let Some(organisation) = organisation {
                    query = query.filter(client::organisation.eq(organisation.to_string()));
                }
                let rows: Vec<ClientRow> = query.load(c)?;
                rows.into_iter().map(Client::from_row).collect()
            })
            .await
    }

    /// Lets a client sign in no more. Revoking it twice changes nothing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`](crate::StorageError::NotFound).
    pub async fn revoke(&self, actor: &Actor, id: Uuid, now: DateTime<Utc>) -> Result<Client> {
        let actor = name(actor);
        self.0
            .write(move |t| {
                let before = load(t.connection(), id)?;
                if before.revoked.is_some() {
                    return Ok(before);
                }
                end(t, &actor, id, now)?;
                load(t.connection(), id)
            })
            .await
    }

    /// Replaces the hash of a client's secret.
    ///
    /// # Errors
    /// [`StorageError::NotFound`](crate::StorageError::NotFound).
    pub async fn replace_secret(
        &self,
        actor: &Actor,
        id: Uuid,
        secret: &str,
        now: DateTime<Utc>,
    ) -> Result<Client> {
        let (actor, secret) = (name(actor), secret.to_owned());
        self.0
            .write(move |t| {
                touch(t, &actor, "client.secret", id, now)?;
                diesel::update(client::table.find(id.to_string()))
                    .set(client::secret.eq(&secret))
                    .execute(t.connection())?;
                load(t.connection(), id)
            })
            .await
    }
}

/// Clients that were revoked before `before` and still hold texts: at most `limit` ids.
pub(crate) fn long_revoked(t: &mut Transaction<'_>, before: i64, limit: i64) -> Result<Vec<Uuid>> {
    let ids: Vec<String> = client::table
        .filter(client::revoked.le(before))
        .filter(client::secret.ne(""))
        .select(client::id)
        .limit(limit)
        .load(t.connection())?;
    ids.iter().map(|id| to_uuid("a client", id)).collect()
}

/// Erases what a revoked client is called, and the hash of its secret. Its id stays, which the audit names.
pub(crate) fn erase_texts(
    t: &mut Transaction<'_>,
    actor: &str,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    touch(t, actor, "client.erase", id, now)?;
    diesel::update(client::table.find(id.to_string()))
        .set((client::label.eq(""), client::secret.eq("")))
        .execute(t.connection())?;
    t.note_erased();
    Ok(())
}

/// Makes a client inside a transaction that does more.
pub(crate) fn insert(
    t: &mut Transaction<'_>,
    actor: &str,
    organisation: EntryId,
    new: &NewClient,
    now: DateTime<Utc>,
) -> Result<Client> {
    let id = new.id.to_string();
    let taken: i64 = client::table
        .filter(client::id.eq(&id))
        .count()
        .get_result(t.connection())?;
    if taken > 0 {
        return Err(Conflict::IdTaken.into());
    }
    let of_organisation = || {
        client::table
            .filter(client::organisation.eq(organisation.to_string()))
            .filter(client::secret.ne(""))
            .count()
    };
    let all: i64 = of_organisation().get_result(t.connection())?;
    let used: i64 = of_organisation()
        .filter(client::revoked.is_null())
        .get_result(t.connection())?;
    if used >= limits::MEMBERS || all >= limits::CLIENTS {
        return Err(Conflict::TooManyMembers.into());
    }
    let now = to_micros(now);
    let row = ClientRow {
        arrival: t.arrive(now, actor, "client.create", &id)?,
        id,
        organisation: organisation.to_string(),
        label: new.label.clone(),
        role: new.role.as_str().to_owned(),
        secret: new.secret.clone(),
        created: now,
        revoked: None,
    };
    diesel::insert_into(client::table)
        .values(&row)
        .execute(t.connection())?;
    Client::from_row(row)
}

/// Lets no client of `organisation` sign in any more.
pub(crate) fn revoke_all_of(
    t: &mut Transaction<'_>,
    actor: &str,
    organisation: EntryId,
    now: DateTime<Utc>,
) -> Result<()> {
    let ids: Vec<String> = client::table
        .filter(client::organisation.eq(organisation.to_string()))
        .filter(client::revoked.is_null())
        .select(client::id)
        .load(t.connection())?;
    for id in ids {
        end(t, actor, to_uuid("a client", &id)?, now)?;
    }
    Ok(())
}

fn end(t: &mut Transaction<'_>, actor: &str, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    touch(t, actor, "client.revoke", id, now)?;
    diesel::update(client::table.find(id.to_string()))
        .set(client::revoked.eq(to_micros(now)))
        .execute(t.connection())?;
    Ok(())
}

fn touch(
    t: &mut Transaction<'_>,
    actor: &str,
    action: &str,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = id.to_string();
    let arrival = t.arrive(to_micros(now), actor, action, &id)?;
    found(
        diesel::update(client::table.find(&id))
            .set(client::arrival.eq(arrival))
            .execute(t.connection())?,
    )
}

fn load(connection: &mut AnyConnection, id: Uuid) -> Result<Client> {
    let row: ClientRow = client::table.find(id.to_string()).first(connection)?;
    Client::from_row(row)
}

impl Client {
    pub(crate) fn from_row(row: ClientRow) -> Result<Self> {
        Ok(Self {
            id: to_uuid("a client", &row.id)?,
            organisation: to_entry_id("a client", &row.organisation)?,
            label: row.label,
            role: to_role(&row.role)?,
            secret: row.secret,
            created: from_micros(row.created)?,
            revoked: from_micros_option(row.revoked)?,
            arrival: row.arrival,
        })
    }
}
