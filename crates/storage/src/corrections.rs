//! Errors in entries that anybody may report, without saying who they are.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Actor, EntryId, EntryKey, Origin};
use uuid::Uuid;

use crate::access::{ANONYMOUS, found, name};
use crate::connection::AnyConnection;
use crate::database::{Database, Transaction};
use crate::decided::{self, Decided};
use crate::idempotency::{self, Idempotency};
use crate::limits;
use crate::rows::{CorrectionRow, OriginRow};
use crate::schema::{correction, entry, origin};
use crate::sql_types::{from_micros, from_micros_option, to_entry_id, to_micros, to_uuid};
use crate::{Conflict, Result, StorageError};

/// What became of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrectionState {
    /// Nobody has looked at it yet.
    Open,
    /// The entry was changed.
    Done,
    /// The entry was right.
    Rejected,
}

impl CorrectionState {
    /// The code in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Rejected => "rejected",
        }
    }

    /// The state of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Open, Self::Done, Self::Rejected]
            .into_iter()
            .find(|state| state.as_str() == code)
    }
}

/// A reported error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Its id.
    pub id: Uuid,
    /// The entry in which the error is.
    pub entry: EntryKey,
    /// What is wrong, in the reporter's words.
    pub message: String,
    /// Where to ask back, if the reporter wants that.
    pub contact: Option<String>,
    /// When it was reported.
    pub created: DateTime<Utc>,
    /// What became of it.
    pub state: CorrectionState,
    /// When that was decided.
    pub closed: Option<DateTime<Utc>>,
}

/// What a correction is made from.
#[derive(Debug, Clone)]
pub struct NewCorrection {
    /// Its id, a fresh UUIDv7.
    pub id: Uuid,
    /// The entry in which the error is.
    pub entry: EntryKey,
    /// What is wrong.
    pub message: String,
    /// Where to ask back.
    pub contact: Option<String>,
}

/// Corrections.
#[derive(Debug, Clone)]
pub struct Corrections(pub(crate) Database);

impl Corrections {
    /// Keeps a correction. Returns its id: the earlier one where the same request came before.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such live entry, [`Conflict::IdempotencyKeyReused`], and as
    /// [`Corrections::room`].
    pub async fn submit(
        &self,
        new: NewCorrection,
        key: Option<Idempotency>,
        now: DateTime<Utc>,
    ) -> Result<Uuid> {
        self.0
            .write(move |t| {
                if let Some(key) = &key
                    && let Some(id) = idempotency::replay(t, key, now)?
                {
                    return Ok(id);
                }
                let (origin, _) = room(t.connection(), &new.entry)?;
                let row = CorrectionRow {
                    id: new.id.to_string(),
                    origin,
                    entry: new.entry.id.to_string(),
                    message: new.message.clone(),
                    contact: new.contact.clone(),
                    created: to_micros(now),
                    state: CorrectionState::Open.as_str().to_owned(),
                    closed: None,
                    closed_by: None,
                };
                t.arrive(row.created, ANONYMOUS, "correction.submit", &row.id)?;
                diesel::insert_into(correction::table)
                    .values(&row)
                    .execute(t.connection())?;
                if let Some(key) = &key {
                    idempotency::record(t, key, &new.id, now)?;
                }
                Ok(new.id)
            })
            .await
    }

    /// How many are open, of [`limits::OPEN_CORRECTIONS`] at most, where there is room for one more about this entry. To be
    /// asked before writing: so who floods keeps no writer waiting.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such live entry; [`Conflict::TooManyWaiting`],
    /// [`Conflict::TooManyOfEntry`] and [`Conflict::TooManyOfOwner`] where as many are open as may be in all, about the entry,
    /// or about the entries of its owner.
    pub async fn room(&self, entry: EntryKey) -> Result<i64> {
        let found = self.0.read(move |c| room(c, &entry)).await;
        found.map(|(_, open)| open)
    }

    /// A correction, with the owner of its entry.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn get(&self, id: Uuid) -> Result<(Correction, EntryId)> {
        self.0
            .read(move |c| {
                let row: CorrectionRow = correction::table.find(id.to_string()).first(c)?;
                let owner: String = entry::table
                    .find((row.origin, &row.entry))
                    .select(entry::owner)
                    .first(c)?;
                let owner = to_entry_id("an owner", &owner)?;
                Ok((one(complete(c, vec![row])?)?, owner))
            })
            .await
    }

    /// Corrections in a state, of entries of `owner` (`None`: of all), oldest first, after `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &self,
        owner: Option<EntryId>,
        state: CorrectionState,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Correction>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.0
            .read(move |c| {
                let mut query = correction::table
                    .inner_join(
                        entry::table.on(entry::origin
                            .eq(correction::origin)
                            .and(entry::id.eq(correction::entry))),
                    )
                    .filter(correction::state.eq(state.as_str()))
                    .filter(correction::id.gt(after.clone()))
                    .order(correction::id)
                    .limit(limit.clamp(0, limits::LIST))
                    .select(correction::all_columns)
                    .into_boxed();
                if let Some(owner) = owner {
                    query = query.filter(entry::owner.eq(owner.to_string()));
                }
                let rows = query.load(c)?;
                complete(c, rows)
            })
            .await
    }

    /// Says what became of an open correction.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], [`Conflict::AlreadyClosed`].
    pub async fn close(
        &self,
        actor: &Actor,
        id: Uuid,
        state: CorrectionState,
        now: DateTime<Utc>,
    ) -> Result<Correction> {
        let actor = name(actor);
        self.0
            .write(move |t| {
                close(t, &actor, id, state, now)?;
                let row = correction::table.find(id.to_string());
                let row: CorrectionRow = row.first(t.connection())?;
                one(complete(t.connection(), vec![row])?)
            })
            .await
    }

    /// Says what became of many, each for itself, in one transaction: of entries of `owner` (`None`: of all). Says for each id
    /// what came of it.
    ///
    /// # Errors
    /// Those of the database; then none was closed.
    pub async fn close_many(
        &self,
        actor: &Actor,
        owner: Option<EntryId>,
        ids: Vec<Uuid>,
        state: CorrectionState,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Uuid, Decided)>> {
        let actor = name(actor);
        self.0
            .write(move |t| {
                decided::each(&ids, |id| {
                    if let Some(owner) = owner {
                        belongs(t.connection(), id, owner)?;
                    }
                    close(t, &actor, id, state, now)
                })
            })
            .await
    }
}

/// The row of an entry's origin and how many corrections are open, where there is room for one more.
fn room(connection: &mut AnyConnection, key: &EntryKey) -> Result<(i64, i64)> {
    let (origin, owner): (i64, String) = entry::table
        .inner_join(origin::table)
        .filter(origin::base_url.eq(key.origin.as_str()))
        .filter(entry::id.eq(key.id.to_string()))
        .filter(diesel::dsl::not(entry::deleted))
        .select((entry::origin, entry::owner))
        .first(connection)?;
    let is_open = correction::state.eq(CorrectionState::Open.as_str());
    let open: i64 = correction::table
        .filter(is_open)
        .count()
        .get_result(connection)?;
    if open >= limits::OPEN_CORRECTIONS {
        return Err(Conflict::TooManyWaiting.into());
    }
    let of_entry: i64 = correction::table
        .filter(is_open)
        .filter(correction::origin.eq(origin))
        .filter(correction::entry.eq(key.id.to_string()))
        .count()
        .get_result(connection)?;
    if of_entry >= limits::OPEN_CORRECTIONS_OF_ENTRY {
        return Err(Conflict::TooManyOfEntry.into());
    }
    // Few are open as a rule, and then none of this is read.
    if open >= limits::OPEN_CORRECTIONS_OF_OWNER {
        let of_owner: i64 = correction::table
            .inner_join(
                entry::table.on(entry::origin
                    .eq(correction::origin)
                    .and(entry::id.eq(correction::entry))),
            )
            .filter(is_open)
            .filter(entry::owner.eq(&owner))
            .count()
            .get_result(connection)?;
        if of_owner >= limits::OPEN_CORRECTIONS_OF_OWNER {
            return Err(Conflict::TooManyOfOwner.into());
        }
    }
    Ok((origin, open))
}

/// Refuses unless a correction is about an entry of this owner.
fn belongs(connection: &mut AnyConnection, id: Uuid, owner: EntryId) -> Result<()> {
    let found: String = correction::table
        .inner_join(
            entry::table.on(entry::origin
                .eq(correction::origin)
                .and(entry::id.eq(correction::entry))),
        )
        .filter(correction::id.eq(id.to_string()))
        .select(entry::owner)
        .first(connection)?;
    if found == owner.to_string() {
        return Ok(());
    }
    Err(StorageError::NotFound)
}

fn close(
    t: &mut Transaction<'_>,
    actor: &str,
    id: Uuid,
    state: CorrectionState,
    now: DateTime<Utc>,
) -> Result<()> {
    let key = id.to_string();
    let before: String = correction::table
        .find(&key)
        .select(correction::state)
        .first(t.connection())?;
    if before != CorrectionState::Open.as_str() {
        return Err(Conflict::AlreadyClosed.into());
    }
    t.arrive(to_micros(now), actor, "correction.close", &key)?;
    let rows = diesel::update(correction::table.find(&key))
        .set((
            correction::state.eq(state.as_str()),
            correction::closed.eq(to_micros(now)),
            correction::closed_by.eq(actor),
        ))
        .execute(t.connection())?;
    found(rows)
}

fn one(mut corrections: Vec<Correction>) -> Result<Correction> {
    corrections.pop().ok_or(StorageError::NotFound)
}

fn complete(connection: &mut AnyConnection, rows: Vec<CorrectionRow>) -> Result<Vec<Correction>> {
    let origins: Vec<OriginRow> = origin::table.load(connection)?;
    rows.into_iter()
        .map(|row| {
            let base_url = origins
                .iter()
                .find(|origin| origin.id == row.origin)
                .map(|o| o.base_url.as_str());
            let origin: Origin = base_url
                .unwrap_or_default()
                .parse()
                .map_err(|why| StorageError::corrupt("an origin", why))?;
            Ok(Correction {
                id: to_uuid("a correction", &row.id)?,
                entry: EntryKey {
                    origin,
                    id: to_entry_id("a correction", &row.entry)?,
                },
                message: row.message,
                contact: row.contact,
                created: from_micros(row.created)?,
                state: CorrectionState::parse(&row.state)
                    .ok_or_else(|| StorageError::corrupt("a correction", &row.state))?,
                closed: from_micros_option(row.closed)?,
            })
        })
        .collect()
}
