//! Removing what has run out. Each step is its own short transaction and can be repeated.

use chrono::{DateTime, Days, Utc};
use diesel::prelude::*;
use domain::Actor;

use crate::access::name;
use crate::corrections::CorrectionState;
use crate::database::{Database, Transaction};
use crate::registrations::RegistrationState;
use crate::schema::{correction, idempotency, invitation, password_reset, registration, session};
use crate::sql_types::to_micros;
use crate::{Result, accounts, clients, limits};

/// How many rows were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// Outcomes kept for idempotency keys.
    pub idempotency: usize,
    /// Sessions that expired a day ago or longer.
    pub sessions: usize,
    /// One-time links.
    pub resets: usize,
    /// Registrations: refused ones [`limits::REGISTRATION_DAYS`] after their refusal, and approved or claimed ones
    /// whose token no longer works. Pending ones wait for their decision.
    pub registrations: usize,
    /// Invitations to review that ran out [`limits::INVITATION_DAYS_KEPT`] ago. What the reviewer saw stands with the
    /// assessment.
    pub invitations: usize,
    /// Corrections that were closed [`limits::CORRECTION_DAYS`] ago. Open ones wait for somebody to look at them.
    pub corrections: usize,
    /// Accounts that are disabled or have no role, and did not change for [`limits::UNUSED_DAYS`].
    pub accounts: usize,
    /// Clients that were revoked [`limits::UNUSED_DAYS`] ago.
    pub clients: usize,
}

/// Removes what has run out by `now`.
pub(crate) async fn clean(database: &Database, now: DateTime<Utc>) -> Result<Cleaned> {
    let at = to_micros(now);
    let before = |days| to_micros(now.checked_sub_days(Days::new(days)).unwrap_or(now));
    let day_ago = before(1);
    let long_ago = before(limits::INVITATION_DAYS_KEPT);
    let closed_before = before(limits::CORRECTION_DAYS);
    let unused_before = before(limits::UNUSED_DAYS);
    Ok(Cleaned {
        idempotency: repeat(database, move |t| expired_idempotency(t, at)).await?,
        sessions: repeat(database, move |t| {
            let tokens = session::table
                .filter(session::expires.le(day_ago))
                .select(session::token)
                .limit(limits::CLEANUP_ROWS)
                .load::<String>(t.connection())?;
            t.erase(session::table.filter(session::token.eq_any(tokens)))
        })
        .await?,
        resets: repeat(database, move |t| {
            let tokens = password_reset::table
                .filter(password_reset::expires.le(day_ago))
                .select(password_reset::token)
                .limit(limits::CLEANUP_ROWS)
                .load::<String>(t.connection())?;
            t.erase(password_reset::table.filter(password_reset::token.eq_any(tokens)))
        })
        .await?,
        invitations: repeat(database, move |t| {
            let tokens = invitation::table
                .filter(invitation::expires.le(long_ago))
                .select(invitation::token)
                .limit(limits::CLEANUP_ROWS)
                .load::<String>(t.connection())?;
            t.erase(invitation::table.filter(invitation::token.eq_any(tokens)))
        })
        .await?,
        registrations: repeat(database, move |t| {
            let ids = registration::table
                .filter(registration::state.ne(RegistrationState::Pending.as_str()))
                .filter(registration::expires.le(at))
                .select(registration::id)
                .limit(limits::CLEANUP_ROWS)
                .load::<String>(t.connection())?;
            t.erase(registration::table.filter(registration::id.eq_any(ids)))
        })
        .await?,
        corrections: repeat(database, move |t| {
            let ids = correction::table
                .filter(correction::state.ne(CorrectionState::Open.as_str()))
                .filter(correction::closed.le(closed_before))
                .select(correction::id)
                .limit(limits::CLEANUP_ROWS)
                .load::<String>(t.connection())?;
            t.erase(correction::table.filter(correction::id.eq_any(ids)))
        })
        .await?,
        accounts: repeat(database, move |t| {
            let unused = accounts::unused(t, unused_before, limits::CLEANUP_ROWS)?;
            for id in &unused {
                accounts::erase_texts(t, &name(&Actor::system()), *id, now)?;
            }
            Ok(unused.len())
        })
        .await?,
        clients: repeat(database, move |t| {
            let revoked = clients::long_revoked(t, unused_before, limits::CLEANUP_ROWS)?;
            for id in &revoked {
                clients::erase_texts(t, &name(&Actor::system()), *id, now)?;
            }
            Ok(revoked.len())
        })
        .await?,
    })
}

fn expired_idempotency(t: &mut Transaction<'_>, at: i64) -> Result<usize> {
    // The key has two columns, so the limit is a moment: the one up to which so many rows have expired.
    let moments = idempotency::table
        .filter(idempotency::expires.le(at))
        .order(idempotency::expires)
        .select(idempotency::expires)
        .limit(limits::CLEANUP_ROWS)
        .load::<i64>(t.connection())?;
    let Some(until) = moments.last() else {
        return Ok(0);
    };
    t.erase(idempotency::table.filter(idempotency::expires.le(until)))
}

async fn repeat(
    database: &Database,
    step: impl FnMut(&mut Transaction<'_>) -> Result<usize> + Clone + Send + 'static,
) -> Result<usize> {
    let mut all = 0;
    loop {
        let rows = database.write(step.clone()).await?;
        all += rows;
        if i64::try_from(rows).unwrap_or(0) < limits::CLEANUP_ROWS {
            return Ok(all);
        }
    }
}
