//! What changed, in the order of arrival numbers: what every follower lives on.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{EntryId, EntryKey, Kind, Origin};
use tokio::sync::watch;

use crate::accounts::{self, Account};
use crate::clients::Client;
use crate::directory::Directory;
use crate::directory::read::head;
use crate::directory::stored::{Origins, Stored};
use crate::limits;
use crate::rows::{AccountRow, ClientRow, DenialRow, EntryRow, SessionRow};
use crate::schema::{account, client, denial, entry, session};
use crate::sessions::Session;
use crate::sql_types::{to_entry_id, to_micros};
use crate::{Result, StorageError};

/// Something that changed, in its latest state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A live entry, of this node or of another.
    Entry(Stored),
    /// An entry that was deleted or purged.
    Removed {
        /// The number of its removal.
        arrival: i64,
        /// Which entry.
        key: EntryKey,
        /// Its kind.
        kind: Kind,
        /// Who owned it.
        owner: EntryId,
    },
    /// A node was denied: everything that came from it is gone.
    Denied {
        /// The number of the denial.
        arrival: i64,
        /// Which node.
        origin: Origin,
    },
    /// An account, with its roles.
    Account(Account),
    /// A client.
    Client(Client),
    /// A session.
    Session(Session),
}

impl Changed {
    /// The number of the change.
    #[must_use]
    pub fn arrival(&self) -> i64 {
        match self {
            Self::Entry(stored) => stored.arrival,
            Self::Removed { arrival, .. } | Self::Denied { arrival, .. } => *arrival,
            Self::Account(account) => account.arrival,
            Self::Client(client) => client.arrival,
            Self::Session(session) => session.arrival,
        }
    }
}

/// A piece of the order of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Everything up to this number is contained: the next cursor.
    pub through: i64,
    /// Whether there was more when this was read.
    pub more: bool,
    /// What changed, in the order of its numbers. A number is missing where the thing changed again later (it then
    /// stands at its latest number), and where what changed concerns no follower.
    pub items: Vec<Changed>,
}

/// Everything about access at one moment: what a process starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The latest number that is contained.
    pub through: i64,
    /// All accounts.
    pub accounts: Vec<Account>,
    /// All clients, revoked ones included.
    pub clients: Vec<Client>,
    /// Sessions that are neither revoked nor expired.
    pub sessions: Vec<Session>,
}

impl Directory {
    /// What changed after `cursor`, at most `limit` things (and never more than [`limits::CHANGES`]).
    ///
    /// Nothing is left out: numbers commit in order, so everything up to the head that is read first is there to be
    /// seen, and what changes again while this reads moves to a number beyond that head.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn changes_since(&self, cursor: i64, limit: usize) -> Result<Changes> {
        let limit = limit.clamp(1, limits::CHANGES);
        let database = self.database.clone();
        self.database
            .read(move |c| {
                let seen = database.seen();
                let head = head(c)?;
                database.see(head, seen)?;
                if head <= cursor {
                    return Ok(Changes {
                        through: cursor,
                        more: false,
                        items: Vec::new(),
                    });
                }
                let mut items = Vec::new();
                // One more than asked for, to know whether there is more.
                let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
                entries(c, cursor, head, most, &mut items)?;
                others(c, cursor, head, most, &mut items)?;
                items.sort_by_key(Changed::arrival);
                let more = items.len() > limit;
                items.truncate(limit);
                let last = items.last().map(Changed::arrival);
                let through = if more { last.unwrap_or(cursor) } else { head };
                Ok(Changes {
                    through,
                    more,
                    items,
                })
            })
            .await
    }

    /// Entries of all origins whose removal took a number above `after` and up to `through`, with these numbers in order, at
    /// most [`limits::CHANGES`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn removed(&self, after: i64, through: i64) -> Result<Vec<(i64, EntryKey)>> {
        self.database
            .read(move |c| {
                let rows: Vec<(i64, i64, String)> = entry::table
                    .filter(entry::arrival.gt(after))
                    .filter(entry::arrival.le(through))
                    .filter(entry::deleted)
                    .order(entry::arrival)
                    .limit(i64::try_from(limits::CHANGES).unwrap_or(i64::MAX))
                    .select((entry::arrival, entry::origin, entry::id))
                    .load(c)?;
                let origins = Origins::load(c)?;
                rows.into_iter()
                    .map(|(arrival, origin, id)| {
                        let key = EntryKey {
                            origin: origins.get(origin)?,
                            id: to_entry_id("an entry", &id)?,
                        };
                        Ok((arrival, key))
                    })
                    .collect()
            })
            .await
    }

    /// Everything about access at one moment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn access(&self, now: DateTime<Utc>) -> Result<Access> {
        self.database
            .snapshot(move |c| {
                let through = head(c)?;
                let accounts = account::table.order(account::id).load(c)?;
                let clients: Vec<ClientRow> = client::table.order(client::id).load(c)?;
                let sessions: Vec<SessionRow> = session::table
                    .filter(session::revoked.is_null())
                    .filter(session::expires.gt(to_micros(now)))
                    .load(c)?;
                Ok(Access {
                    through,
                    accounts: accounts::complete(c, accounts)?,
                    clients: clients
                        .into_iter()
                        .map(Client::from_row)
                        .collect::<Result<_>>()?,
                    sessions: sessions
                        .into_iter()
                        .map(Session::from_row)
                        .collect::<Result<_>>()?,
                })
            })
            .await
    }

    /// Tells the highest number that this process has committed, to wake its own followers. Those of other processes
    /// are heard of by asking.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.database.committed()
    }
}

type Connection = crate::connection::AnyConnection;

fn entries(
    c: &mut Connection,
    after: i64,
    head: i64,
    most: i64,
    items: &mut Vec<Changed>,
) -> Result<()> {
    let rows: Vec<EntryRow> = entry::table
        .filter(entry::arrival.gt(after))
        .filter(entry::arrival.le(head))
        .order(entry::arrival)
        .limit(most)
        .load(c)?;
    if rows.is_empty() {
        return Ok(());
    }
    let origins = Origins::load(c)?;
    for row in rows {
        let stored = Stored::from_row(row, &origins)?;
        items.push(if stored.deleted {
            let Stored {
                arrival,
                key,
                kind,
                owner,
                ..
            } = stored;
            Changed::Removed {
                arrival,
                key,
                kind,
                owner,
            }
        } else {
            Changed::Entry(stored)
        });
    }
    Ok(())
}

fn others(
    c: &mut Connection,
    after: i64,
    head: i64,
    most: i64,
    items: &mut Vec<Changed>,
) -> Result<()> {
    let accounts: Vec<AccountRow> = account::table
        .filter(account::arrival.gt(after))
        .filter(account::arrival.le(head))
        .order(account::arrival)
        .limit(most)
        .load(c)?;
    items.extend(
        accounts::complete(c, accounts)?
            .into_iter()
            .map(Changed::Account),
    );
    let clients: Vec<ClientRow> = client::table
        .filter(client::arrival.gt(after))
        .filter(client::arrival.le(head))
        .order(client::arrival)
        .limit(most)
        .load(c)?;
    for row in clients {
        items.push(Changed::Client(Client::from_row(row)?));
    }
    let sessions: Vec<SessionRow> = session::table
        .filter(session::arrival.gt(after))
        .filter(session::arrival.le(head))
        .order(session::arrival)
        .limit(most)
        .load(c)?;
    for row in sessions {
        items.push(Changed::Session(Session::from_row(row)?));
    }
    let denials: Vec<DenialRow> = denial::table
        .filter(denial::arrival.gt(after))
        .filter(denial::arrival.le(head))
        .order(denial::arrival)
        .limit(most)
        .load(c)?;
    for row in denials {
        items.push(Changed::Denied {
            arrival: row.arrival,
            origin: row
                .base_url
                .parse()
                .map_err(|why| StorageError::corrupt("a denial", why))?,
        });
    }
    Ok(())
}
