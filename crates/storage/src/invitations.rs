//! Invitations: another organisation is asked for its view of one submission of a self-assessment. Tokens come here as
//! SHA-256 in hex.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Actor, EntryId};

use crate::access::name;
use crate::database::Database;
use crate::rows::InvitationRow;
use crate::schema::invitation;
use crate::sql_types::{counts, from_micros, to_entry_id, to_micros};
use crate::{Conflict, Result, limits};

/// A request for a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// SHA-256 of its token, in hex.
    pub token: String,
    /// The local assessment.
    pub assessment: EntryId,
    /// The URI of the organisation that is asked.
    pub reviewer: String,
    /// Which submission (`domain::quality::submission_fingerprint`).
    pub submission: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Until when the token works.
    pub expires: DateTime<Utc>,
    /// What the reviewer left here, as JSON.
    pub views: Option<String>,
}

/// Invitations.
#[derive(Debug, Clone)]
pub struct Invitations(pub(crate) Database);

impl Invitations {
    /// Keeps an invitation. Earlier ones of the same assessment stop working.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn create(&self, actor: &Actor, new: Invitation, now: DateTime<Utc>) -> Result<()> {
        let actor = name(actor);
        let row = InvitationRow {
            token: new.token,
            assessment: new.assessment.to_string(),
            reviewer: new.reviewer,
            submission: new.submission,
            created: to_micros(new.created),
            expires: to_micros(new.expires),
            views: new.views,
            closed: None,
        };
        self.0
            .write(move |t| {
                let at = to_micros(now);
                t.arrive(at, &actor, "invitation.create", &row.assessment)?;
                let open = invitation::table
                    .filter(invitation::assessment.eq(&row.assessment))
                    .filter(invitation::closed.is_null());
                diesel::update(open)
                    .set(invitation::closed.eq(at))
                    .execute(t.connection())?;
                diesel::insert_into(invitation::table)
                    .values(&row)
                    .execute(t.connection())?;
                Ok(())
            })
            .await
    }

    /// The open invitation of a token.
    ///
    /// # Errors
    /// [`crate::StorageError::NotFound`] for an unknown token, [`Conflict::AlreadyClosed`] where the verdict has come or another
    /// invitation took its place, [`Conflict::Expired`].
    pub async fn open(&self, token: &str, now: DateTime<Utc>) -> Result<Invitation> {
        let token = token.to_owned();
        self.0
            .read(move |c| {
                let row: InvitationRow = invitation::table.find(&token).first(c)?;
                usable(row, now)
            })
            .await
    }

    /// Keeps what the reviewer sees, in the place of what it left before.
    ///
    /// # Errors
    /// As [`Invitations::open`].
    pub async fn keep_views(
        &self,
        token: &str,
        views: String,
        now: DateTime<Utc>,
    ) -> Result<Invitation> {
        let token = token.to_owned();
        self.0
            .write(move |t| {
                let row: InvitationRow = invitation::table.find(&token).first(t.connection())?;
                let mut open = usable(row, now)?;
                let subject = open.assessment.to_string();
                t.arrive(to_micros(now), &open.reviewer, "invitation.views", &subject)?;
                diesel::update(invitation::table.find(&token))
                    .set(invitation::views.eq(&views))
                    .execute(t.connection())?;
                open.views = Some(views.clone());
                Ok(open)
            })
            .await
    }

    /// All that still wait for a verdict, expired ones among them: a verdict that was given in time may arrive late.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn waiting(&self) -> Result<Vec<Invitation>> {
        self.0
            .read(|c| {
                let rows: Vec<InvitationRow> = invitation::table
                    .filter(invitation::closed.is_null())
                    .order(invitation::created)
                    .limit(limits::LIST)
                    .load(c)?;
                rows.into_iter().map(invitation).collect()
            })
            .await
    }

    /// Says that an invitation has had its answer.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn close(&self, token: &str, now: DateTime<Utc>) -> Result<()> {
        let token = token.to_owned();
        self.0
            .write(move |t| {
                let open = invitation::table
                    .find(&token)
                    .filter(invitation::closed.is_null());
                diesel::update(open)
                    .set(invitation::closed.eq(to_micros(now)))
                    .execute(t.connection())?;
                Ok(())
            })
            .await
    }
}

fn usable(row: InvitationRow, now: DateTime<Utc>) -> Result<Invitation> {
    if row.closed.is_some() {
        return Err(Conflict::AlreadyClosed.into());
    }
    if !counts(row.created, row.expires, now)? {
        return Err(Conflict::Expired.into());
    }
    invitation(row)
}

fn invitation(row: InvitationRow) -> Result<Invitation> {
    Ok(Invitation {
        assessment: to_entry_id("an invitation", &row.assessment)?,
        created: from_micros(row.created)?,
        expires: from_micros(row.expires)?,
        token: row.token,
        reviewer: row.reviewer,
        submission: row.submission,
        views: row.views,
    })
}
