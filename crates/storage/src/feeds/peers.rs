//! What is kept of each peer: what it asked, what was decided, how it goes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::feed::FeedName;
use domain::{Actor, Origin};

use super::work::FeedWork;
use crate::access::name;
use crate::connection::{AnyConnection, on_each};
use crate::directory::Directory;
use crate::rows::PeerRow;
use crate::schema::peer;
use crate::sql_types::{from_micros, from_micros_option, to_micros};
use crate::{Result, StorageError, limits};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$inner])* $variant,)+
        }

        impl $name {
            /// The code in columns and JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            fn parse(text: &str) -> Result<Self> {
                match text {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(StorageError::corrupt("a peer", text)),
                }
            }
        }
    };
}

codes! {
    /// Whether this node follows a peer.
    Following {
        /// Not at all.
        No = "no",
        /// It was asked; its admin or ours has not agreed yet.
        Waiting = "waiting",
        /// It is pulled from.
        Active = "active",
        /// An admin stopped it for now.
        Paused = "paused",
        /// Something is wrong that only an admin can judge: see the error.
        Frozen = "frozen",
        /// It refused.
        Rejected = "rejected",
    }
}

codes! {
    /// Whether a peer may follow this node.
    Follower {
        /// It never asked, or has ended it.
        No = "no",
        /// It asked and waits for an admin.
        Pending = "pending",
        /// It may.
        Approved = "approved",
        /// It may not.
        Rejected = "rejected",
    }
}

/// Another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its number here.
    pub id: i64,
    /// Its base URL.
    pub base_url: Origin,
    /// Its name.
    pub did: String,
    /// Its identity document: pinned, or offered.
    pub document: Option<String>,
    /// Whether an admin has compared its fingerprint.
    pub pinned: bool,
    /// Whether this node follows it.
    pub following: Following,
    /// Which of its feeds.
    pub feed: FeedName,
    /// Whether it may follow this node.
    pub follower: Follower,
    /// What is taken from it, as JSON.
    pub policy: String,
    /// When it came up first.
    pub asked: DateTime<Utc>,
    /// When an admin last decided.
    pub decided: Option<DateTime<Utc>>,
    /// When it was last asked for news.
    pub tried: Option<DateTime<Utc>>,
    /// When that last worked.
    pub succeeded: Option<DateTime<Utc>>,
    /// When it was last proved that both sides hold the same.
    pub agreed: Option<DateTime<Utc>>,
    /// At which number.
    pub agreed_seq: Option<i64>,
    /// How far its feed is, as far as known.
    pub remote_seq: Option<i64>,
    /// How often in a row it did not work.
    pub failures: i64,
    /// Why it did not work last, stable for programs.
    pub error_code: Option<String>,
    /// The same in words.
    pub error: Option<String>,
    /// When.
    pub error_at: Option<DateTime<Utc>>,
    /// Rows that a full pull would remove, waiting for an admin.
    pub sweep: Option<i64>,
    /// Whether an admin has agreed to the next sweep.
    pub sweep_allowed: bool,
    /// When an admin saw it in a list first, where it came by itself.
    pub seen: Option<DateTime<Utc>>,
    /// When somebody with other keys last spoke in its name while it waited.
    pub contested: Option<DateTime<Utc>>,
    /// How often that was.
    pub contests: u64,
}

impl Peer {
    /// A node that nobody here has dealt with yet.
    #[must_use]
    pub fn new(
        base_url: Origin,
        did: String,
        feed: FeedName,
        policy: String,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: 0,
            base_url,
            did,
            document: None,
            pinned: false,
            following: Following::No,
            feed,
            follower: Follower::No,
            policy,
            asked: now,
            decided: None,
            tried: None,
            succeeded: None,
            agreed: None,
            agreed_seq: None,
            remote_seq: None,
            failures: 0,
            error_code: None,
            error: None,
            error_at: None,
            sweep: None,
            sweep_allowed: false,
            seen: None,
            contested: None,
            contests: 0,
        }
    }

    /// Whether it came by itself and waits for an admin, who has neither asked for it nor decided about it.
    #[must_use]
    pub fn is_stranger(&self) -> bool {
        !self.pinned && self.following == Following::No && self.follower == Follower::Pending
    }

    fn from_row(row: PeerRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            base_url: row
                .base_url
                .parse()
                .map_err(|why| StorageError::corrupt("a peer", why))?,
            did: row.did,
            document: row.document,
            pinned: row.pinned,
            following: Following::parse(&row.following)?,
            feed: row
                .feed
                .parse()
                .map_err(|why| StorageError::corrupt("a peer", why))?,
            follower: Follower::parse(&row.follower)?,
            policy: row.policy,
            asked: from_micros(row.asked)?,
            decided: from_micros_option(row.decided)?,
            tried: from_micros_option(row.tried)?,
            succeeded: from_micros_option(row.succeeded)?,
            agreed: from_micros_option(row.agreed)?,
            agreed_seq: row.agreed_seq,
            remote_seq: row.remote_seq,
            failures: row.failures,
            error_code: row.error_code,
            error: row.error,
            error_at: from_micros_option(row.error_at)?,
            sweep: row.sweep,
            sweep_allowed: row.sweep_allowed,
            seen: from_micros_option(row.seen)?,
            contested: from_micros_option(row.contested)?,
            contests: row.contests.unsigned_abs(),
        })
    }

    fn to_row(&self) -> PeerRow {
        PeerRow {
            id: self.id,
            base_url: self.base_url.as_str().to_owned(),
            did: self.did.clone(),
            document: self.document.clone(),
            pinned: self.pinned,
            following: self.following.as_str().to_owned(),
            feed: self.feed.as_str().to_owned(),
            follower: self.follower.as_str().to_owned(),
            policy: self.policy.clone(),
            asked: to_micros(self.asked),
            decided: self.decided.map(to_micros),
            tried: self.tried.map(to_micros),
            succeeded: self.succeeded.map(to_micros),
            agreed: self.agreed.map(to_micros),
            agreed_seq: self.agreed_seq,
            remote_seq: self.remote_seq,
            failures: self.failures,
            error_code: self.error_code.clone(),
            error: self.error.clone(),
            error_at: self.error_at.map(to_micros),
            sweep: self.sweep,
            sweep_allowed: self.sweep_allowed,
            seen: self.seen.map(to_micros),
            contested: self.contested.map(to_micros),
            contests: i64::try_from(self.contests).unwrap_or(i64::MAX),
        }
    }
}

/// What is kept of each peer.
#[derive(Debug, Clone)]
pub struct Peers(pub(super) Directory);

impl Peers {
    /// All peers, by base URL.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self) -> Result<Vec<Peer>> {
        self.0
            .database
            .read(|c| {
                let rows: Vec<PeerRow> = peer::table
                    .order(peer::base_url)
                    .limit(limits::LIST)
                    .load(c)?;
                rows.into_iter().map(Peer::from_row).collect()
            })
            .await
    }

    /// The peer at a base URL, by whichever scheme it is known.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn get(&self, base_url: &Origin) -> Result<Option<Peer>> {
        let base_url = base_url.clone();
        self.0.database.read(move |c| find(c, &base_url)).await
    }

    /// The peer with this name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn by_did(&self, did: &str) -> Result<Option<Peer>> {
        let did = did.to_owned();
        self.0
            .database
            .read(move |c| {
                let row: Option<PeerRow> =
                    peer::table.filter(peer::did.eq(&did)).first(c).optional()?;
                row.map(Peer::from_row).transpose()
            })
            .await
    }

    /// Changes a peer inside one transaction, and notes who did what where `action` says so. `change` gets what is there,
    /// by whichever scheme the node is known, and gives back what shall be there.
    ///
    /// # Errors
    /// What `change` says, and those of the database.
    pub async fn change(
        &self,
        base_url: &Origin,
        note: Option<(&Actor, &'static str)>,
        now: DateTime<Utc>,
        mut change: impl FnMut(Option<Peer>) -> Result<Option<Peer>> + Send + 'static,
    ) -> Result<Option<Peer>> {
        let base_url = base_url.clone();
        let note = note.map(|(actor, action)| (name(actor), action));
        let node = self.0.node.clone();
        self.0
            .database
            .write(move |t| {
                let mut work = FeedWork::writing(t, &node, now);
                let before = work.peer(&base_url)?;
                let Some(after) = change(before.clone())? else {
                    if let Some(before) = before {
                        work.forget_peer(before.id)?;
                    }
                    return Ok(None);
                };
                if let Some((actor, action)) = &note {
                    work.arrive_as(actor, action, base_url.as_str())?;
                }
                work.put_peer(after).map(Some)
            })
            .await
    }

    /// Notes that an admin has seen the strangers that wait.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn mark_seen(&self, strangers: Vec<i64>, now: DateTime<Utc>) -> Result<()> {
        self.0
            .database
            .write(move |t| {
                diesel::update(peer::table.filter(peer::id.eq_any(&strangers)))
                    .filter(peer::seen.is_null())
                    .set(peer::seen.eq(to_micros(now)))
                    .execute(t.connection())?;
                Ok(())
            })
            .await
    }

    /// Notes that somebody with other keys has spoken in the name of a peer, so many times.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn mark_contested(&self, peer: i64, times: u64, now: DateTime<Utc>) -> Result<()> {
        let times = i64::try_from(times).unwrap_or(i64::MAX);
        self.0
            .database
            .write(move |t| {
                diesel::update(peer::table.find(peer))
                    .set((
                        peer::contested.eq(to_micros(now)),
                        peer::contests.eq(peer::contests + times),
                    ))
                    .execute(t.connection())?;
                Ok(())
            })
            .await
    }
}

/// The peer at a base URL. With the other scheme the same node may stand there, set aside by an upgrade.
fn find(connection: &mut AnyConnection, base_url: &Origin) -> Result<Option<Peer>> {
    let mut rows: Vec<PeerRow> = peer::table
        .filter(peer::base_url.eq_any(base_url.of_same_node()))
        .order(peer::id)
        .load(connection)?;
    rows.sort_by_key(|row| row.base_url != base_url.as_str());
    rows.into_iter().next().map(Peer::from_row).transpose()
}

impl FeedWork<'_, '_> {
    /// A peer.
    ///
    /// # Errors
    /// Those of the database.
    pub fn peer(&mut self, base_url: &Origin) -> Result<Option<Peer>> {
        find(self.connection(), base_url)
    }

    /// The peer with this name.
    ///
    /// # Errors
    /// Those of the database.
    pub fn peer_named(&mut self, did: &str) -> Result<Option<Peer>> {
        let row: Option<PeerRow> = peer::table
            .filter(peer::did.eq(did))
            .first(self.connection())
            .optional()?;
        row.map(Peer::from_row).transpose()
    }

    /// Nodes that came by themselves and wait for an admin.
    ///
    /// # Errors
    /// Those of the database.
    pub fn strangers(&mut self) -> Result<Vec<Peer>> {
        let rows: Vec<PeerRow> = peer::table
            .filter(peer::follower.eq(Follower::Pending.as_str()))
            .filter(peer::following.eq(Following::No.as_str()))
            .filter(diesel::dsl::not(peer::pinned))
            .order(peer::id)
            .load(self.connection())?;
        rows.into_iter().map(Peer::from_row).collect()
    }

    /// Forgets a peer, with nothing of what came from it.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_peer(&mut self, id: i64) -> Result<()> {
        self.transaction()?.erase(peer::table.find(id))?;
        Ok(())
    }

    /// Writes a peer; a new one gets its number.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_peer(&mut self, mut new: Peer) -> Result<Peer> {
        if new.id == 0 {
            let last: Option<i64> = peer::table
                .select(diesel::dsl::max(peer::id))
                .first(self.connection())?;
            new.id = last.unwrap_or(0) + 1;
        }
        let row = new.to_row();
        self.transaction()?.make_way(peer::table.find(row.id))?;
        on_each!(self.connection(), inner => {
            diesel::insert_into(peer::table).values(&row).execute(inner)
        })?;
        Ok(new)
    }
}
