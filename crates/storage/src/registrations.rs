//! Organisations that ask to take part: submitted by anybody, decided by a coordinator, claimed exactly once.

use chrono::{DateTime, Days, Utc};
use diesel::prelude::*;
use domain::{Actor, Command, EntryId, Role};
use uuid::Uuid;

use crate::access::{ANONYMOUS, Membership, name};
use crate::accounts::{self, Account, NewAccount};
use crate::clients::{self, Client, NewClient};
use crate::connection::AnyConnection;
use crate::database::Transaction;
use crate::decided::{self, Decided};
use crate::directory::{Applied, Directory, apply_here};
use crate::idempotency::{self, Idempotency};
use crate::limits;
use crate::rows::RegistrationRow;
use crate::schema::registration;
use crate::sql_types::{counts, from_micros, from_micros_option, to_entry_id, to_micros, to_uuid};
use crate::{Conflict, Result, StorageError};

/// Where a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationState {
    /// Waits for a coordinator.
    Pending,
    /// The organisation is in the directory; its account and client wait to be claimed.
    Approved,
    /// Refused, with a reason.
    Refused,
    /// The first account and client were taken.
    Claimed,
}

impl RegistrationState {
    /// The code in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Claimed => "claimed",
        }
    }

    /// The state of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Refused, Self::Claimed]
            .into_iter()
            .find(|state| state.as_str() == code)
    }
}

/// An organisation that asks to take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub state: RegistrationState,
    /// The organisation as it was submitted: the JSON of a draft.
    pub draft: String,
    /// A role mailbox for questions.
    pub contact: String,
    /// When the licence of the data was accepted.
    pub license_accepted: DateTime<Utc>,
    /// When it was submitted.
    pub submitted: DateTime<Utc>,
    /// Until when the claim token works.
    pub expires: DateTime<Utc>,
    /// When it was decided.
    pub decided: Option<DateTime<Utc>>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// The organisation that it became.
    pub organisation: Option<EntryId>,
    /// When it was claimed.
    pub claimed: Option<DateTime<Utc>>,
}

/// What a registration is made from.
#[derive(Debug, Clone)]
pub struct NewRegistration {
    /// Its id, a fresh UUIDv7.
    pub id: Uuid,
    /// SHA-256 of the claim token, in hex.
    pub claim: String,
    /// The organisation: the JSON of a draft that the domain has accepted.
    pub draft: String,
    /// A role mailbox for questions.
    pub contact: String,
    /// When the licence of the data was accepted.
    pub license_accepted: DateTime<Utc>,
}

/// Registrations. Tokens and passwords are hashed before they come here.
#[derive(Debug, Clone)]
pub struct Registrations(pub(crate) Directory);

impl Registrations {
    /// Keeps a registration, claimable for [`limits::REGISTRATION_DAYS`]. Returns its id: the earlier one where the
    /// same request came before.
    ///
    /// # Errors
    /// [`Conflict::IdempotencyKeyReused`], and [`Conflict::TooManyWaiting`] where [`limits::PENDING_REGISTRATIONS`] wait.
    pub async fn submit(
        &self,
        new: NewRegistration,
        key: Option<Idempotency>,
        now: DateTime<Utc>,
    ) -> Result<Uuid> {
        self.0
            .database
            .write(move |t| {
                if let Some(key) = &key
                    && let Some(id) = idempotency::replay(t, key, now)?
                {
                    return Ok(id);
                }
                if waiting(t.connection())? >= limits::PENDING_REGISTRATIONS {
                    return Err(Conflict::TooManyWaiting.into());
                }
                let row = RegistrationRow {
                    id: new.id.to_string(),
                    state: RegistrationState::Pending.as_str().to_owned(),
                    claim: new.claim.clone(),
                    draft: new.draft.clone(),
                    contact: new.contact.clone(),
                    license_accepted: to_micros(new.license_accepted),
                    submitted: to_micros(now),
                    expires: to_micros(claimable_until(now)),
                    decided: None,
                    decided_by: None,
                    reason: None,
                    organisation: None,
                    claimed: None,
                };
                t.arrive(row.submitted, ANONYMOUS, "registration.submit", &row.id)?;
                diesel::insert_into(registration::table)
                    .values(&row)
                    .execute(t.connection())?;
                if let Some(key) = &key {
                    idempotency::record(t, key, &new.id, now)?;
                }
                Ok(new.id)
            })
            .await
    }

    /// How many wait for a decision, of [`limits::PENDING_REGISTRATIONS`] at most.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn waiting(&self) -> Result<i64> {
        self.0.database.read(waiting).await
    }

    /// A registration by its id.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn get(&self, id: Uuid) -> Result<Registration> {
        self.0
            .database
            .read(move |c| {
                let row: RegistrationRow = registration::table.find(id.to_string()).first(c)?;
                Registration::from_row(row)
            })
            .await
    }

    /// A registration by the hash of its claim token, as long as that works.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], [`Conflict::Expired`].
    pub async fn by_claim(&self, claim: &str, now: DateTime<Utc>) -> Result<Registration> {
        let claim = claim.to_owned();
        self.0
            .database
            .read(move |c| {
                let row: RegistrationRow = registration::table
                    .filter(registration::claim.eq(&claim))
                    .first(c)?;
                if !is_claimable(&row, now)? {
                    return Err(Conflict::Expired.into());
                }
                Registration::from_row(row)
            })
            .await
    }

    /// Registrations in a state, oldest first, after `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &self,
        state: RegistrationState,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Registration>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.0
            .database
            .read(move |c| {
                let rows: Vec<RegistrationRow> = registration::table
                    .filter(registration::state.eq(state.as_str()))
                    .filter(registration::id.gt(&after))
                    .order(registration::id)
                    .limit(limit.clamp(0, limits::LIST))
                    .load(c)?;
                rows.into_iter().map(Registration::from_row).collect()
            })
            .await
    }

    /// Approves a pending registration: applies `command`, which creates the organisation, and starts the claim
    /// token's days anew, in one transaction.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], [`Conflict::AlreadyDecided`], [`StorageError::Refused`] with what the domain says
    /// of the command.
    pub async fn approve(
        &self,
        actor: &Actor,
        id: Uuid,
        command: Command,
        now: DateTime<Utc>,
    ) -> Result<Applied> {
        let (node, actor) = (self.0.node.clone(), actor.clone());
        self.0
            .database
            .write(move |t| {
                pending(t, id)?;
                let applied = apply_here(t, &node, &actor, command.clone(), now)?;
                let key = id.to_string();
                t.arrive(to_micros(now), &name(&actor), "registration.approve", &key)?;
                diesel::update(registration::table.find(&key))
                    .set((
                        registration::state.eq(RegistrationState::Approved.as_str()),
                        registration::decided.eq(to_micros(now)),
                        registration::decided_by.eq(name(&actor)),
                        registration::organisation.eq(applied.key.id.to_string()),
                        registration::expires.eq(to_micros(claimable_until(now))),
                    ))
                    .execute(t.connection())?;
                Ok(applied)
            })
            .await
    }

    /// Refuses a pending registration, with a reason that the organisation reads with its claim token.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], [`Conflict::AlreadyDecided`].
    pub async fn refuse(
        &self,
        actor: &Actor,
        id: Uuid,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (actor, reason) = (name(actor), reason.to_owned());
        self.0
            .database
            .write(move |t| refuse(t, &actor, id, &reason, now))
            .await
    }

    /// Refuses many, all with the same reason: each for itself, in one transaction. Says for each id what came of it.
    ///
    /// # Errors
    /// Those of the database; then none was refused.
    pub async fn refuse_many(
        &self,
        actor: &Actor,
        ids: Vec<Uuid>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Uuid, Decided)>> {
        let (actor, reason) = (name(actor), reason.to_owned());
        self.0
            .database
            .write(move |t| decided::each(&ids, |id| refuse(t, &actor, id, &reason, now)))
            .await
    }

    /// Takes the first account (as the organisation's administrator) and client of an approved organisation, in one
    /// transaction and exactly once. Whatever memberships `account` names are replaced.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] for an unknown token, [`Conflict::NotApproved`], [`Conflict::AlreadyClaimed`],
    /// [`Conflict::Expired`], [`Conflict::EmailTaken`].
    pub async fn claim(
        &self,
        claim: &str,
        mut account: NewAccount,
        client: NewClient,
        now: DateTime<Utc>,
    ) -> Result<(Account, Client)> {
        let claim = claim.to_owned();
        self.0
            .database
            .write(move |t| {
                let (key, organisation) = claimable(t, &claim, now)?;
                account.memberships = vec![Membership {
                    organisation: Some(organisation),
                    role: Role::OrgAdmin,
                }];
                let actor = format!("account:{}", account.id);
                t.arrive(to_micros(now), &actor, "registration.claim", &key)?;
                let account = accounts::insert(t, &actor, &account, now)?;
                let client = clients::insert(t, &actor, organisation, &client, now)?;
                diesel::update(registration::table.find(&key))
                    .set((
                        registration::state.eq(RegistrationState::Claimed.as_str()),
                        registration::claimed.eq(to_micros(now)),
                    ))
                    .execute(t.connection())?;
                Ok((account, client))
            })
            .await
    }
}

fn claimable_until(now: DateTime<Utc>) -> DateTime<Utc> {
    now.checked_add_days(Days::new(limits::REGISTRATION_DAYS))
        .unwrap_or(now)
}

/// How many wait for a decision.
fn waiting(connection: &mut AnyConnection) -> Result<i64> {
    Ok(registration::table
        .filter(registration::state.eq(RegistrationState::Pending.as_str()))
        .count()
        .get_result(connection)?)
}

fn refuse(
    t: &mut Transaction<'_>,
    actor: &str,
    id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    pending(t, id)?;
    let key = id.to_string();
    t.arrive(to_micros(now), actor, "registration.refuse", &key)?;
    diesel::update(registration::table.find(&key))
        .set((
            registration::state.eq(RegistrationState::Refused.as_str()),
            registration::decided.eq(to_micros(now)),
            registration::decided_by.eq(actor),
            registration::reason.eq(reason),
            registration::expires.eq(to_micros(claimable_until(now))),
        ))
        .execute(t.connection())?;
    Ok(())
}

fn pending(t: &mut Transaction<'_>, id: Uuid) -> Result<()> {
    let state: String = registration::table
        .find(id.to_string())
        .select(registration::state)
        .first(t.connection())?;
    if state == RegistrationState::Pending.as_str() {
        Ok(())
    } else {
        Err(Conflict::AlreadyDecided.into())
    }
}

/// Whether the claim token works: its days begin with the request, and anew with the decision.
fn is_claimable(row: &RegistrationRow, now: DateTime<Utc>) -> Result<bool> {
    counts(row.decided.unwrap_or(row.submitted), row.expires, now)
}

/// The id and the organisation of a registration that may be claimed now.
fn claimable(
    t: &mut Transaction<'_>,
    claim: &str,
    now: DateTime<Utc>,
) -> Result<(String, EntryId)> {
    let row: RegistrationRow = registration::table
        .filter(registration::claim.eq(claim))
        .first(t.connection())?;
    match RegistrationState::parse(&row.state) {
        Some(RegistrationState::Claimed) => return Err(Conflict::AlreadyClaimed.into()),
        Some(RegistrationState::Approved) => {}
        _ => return Err(Conflict::NotApproved.into()),
    }
    if !is_claimable(&row, now)? {
        return Err(Conflict::Expired.into());
    }
    let organisation = row.organisation.as_deref().unwrap_or_default();
    Ok((row.id.clone(), to_entry_id("a registration", organisation)?))
}

impl Registration {
    fn from_row(row: RegistrationRow) -> Result<Self> {
        Ok(Self {
            id: to_uuid("a registration", &row.id)?,
            state: RegistrationState::parse(&row.state)
                .ok_or_else(|| StorageError::corrupt("a registration", &row.state))?,
            draft: row.draft,
            contact: row.contact,
            license_accepted: from_micros(row.license_accepted)?,
            submitted: from_micros(row.submitted)?,
            expires: from_micros(row.expires)?,
            decided: from_micros_option(row.decided)?,
            reason: row.reason,
            organisation: row
                .organisation
                .map(|id| to_entry_id("a registration", &id))
                .transpose()?,
            claimed: from_micros_option(row.claimed)?,
        })
    }
}
