//! Who may come in, held in memory: accounts, clients and sessions as of an arrival number. Every request asks here, so
//! that a revocation counts from the moment at which this process hears of it.
//!
//! The binary feeds it from storage in arrival order. A sign-in changes one session among many, so this is one table
//! behind a lock that is held for a lookup, and not a snapshot that would be copied for each change.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use domain::{EntryId, Role};
use parking_lot::RwLock;
use storage::{Account, Changed, Client, Membership, Session};
use tokio::sync::watch;
use uuid::Uuid;

use crate::consts;
use crate::problem::{Code, Problem};

/// Accounts, clients and sessions of a node, as this process knows them.
#[derive(Debug, Clone)]
pub struct Access(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tables: RwLock<Tables>,
    arrival: watch::Sender<i64>,
}

#[derive(Debug, Default)]
struct Tables {
    accounts: HashMap<Uuid, Known>,
    clients: HashMap<Uuid, KnownClient>,
    /// By the hash of the token.
    sessions: HashMap<String, KnownSession>,
}

#[derive(Debug)]
struct Known {
    disabled: bool,
    memberships: Vec<Membership>,
}

/// What is known of a client that may sign in.
#[derive(Debug, Clone)]
pub struct KnownClient {
    /// The organisation for which it acts.
    pub organisation: EntryId,
    /// What it may do.
    pub role: Role,
    /// The hash of its secret.
    pub secret: String,
}

#[derive(Debug)]
struct KnownSession {
    account: Uuid,
    created: DateTime<Utc>,
    expires: DateTime<Utc>,
    last_used: DateTime<Utc>,
}

impl KnownSession {
    /// Whether it counts now. One that begins or was used later than now was made by a clock that was ahead and has been
    /// put back: it would be good for longer than any session is.
    fn lives(&self, now: DateTime<Utc>) -> bool {
        let latest = now + Duration::seconds(consts::TOKEN_LEEWAY);
        self.expires > now
            && self.created <= latest
            && self.last_used <= latest
            && now - self.last_used <= Duration::hours(consts::SESSION_IDLE_HOURS)
    }
}

/// An account that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub account: Uuid,
    /// Its roles.
    pub memberships: Vec<Membership>,
    /// Until when, if it keeps being used.
    pub expires: DateTime<Utc>,
}

impl Default for Access {
    fn default() -> Self {
        Self(Arc::new(Shared {
            tables: RwLock::default(),
            arrival: watch::Sender::new(0),
        }))
    }
}

impl Access {
    /// Takes in everything, as it was read at one moment: how a process starts.
    pub fn load(&self, all: &storage::Access, now: DateTime<Utc>) {
        all.accounts
            .iter()
            .for_each(|account| self.put_account(account));
        all.clients
            .iter()
            .for_each(|client| self.put_client(client));
        all.sessions
            .iter()
            .for_each(|session| self.put_session(session, now));
        self.advance(all.through);
    }

    /// Takes in what changed since: how a process follows. What is not about access is left alone.
    pub fn follow(&self, changes: &storage::Changes, now: DateTime<Utc>) {
        for changed in &changes.items {
            match changed {
                Changed::Account(account) => self.put_account(account),
                Changed::Client(client) => self.put_client(client),
                Changed::Session(session) => self.put_session(session, now),
                Changed::Entry(_) | Changed::Removed { .. } | Changed::Denied { .. } => {}
            }
        }
        self.advance(changes.through);
    }

    /// Takes in the latest state of an account. A disabled one ends its sessions.
    pub fn put_account(&self, account: &Account) {
        let known = Known {
            disabled: account.disabled,
            memberships: account.memberships.clone(),
        };
        self.0.tables.write().accounts.insert(account.id, known);
    }

    /// Takes in the latest state of a client. A revoked one is forgotten.
    pub fn put_client(&self, client: &Client) {
        let mut tables = self.0.tables.write();
        if client.revoked.is_some() {
            tables.clients.remove(&client.id);
        } else {
            let known = KnownClient {
                organisation: client.organisation,
                role: client.role,
                secret: client.secret.clone(),
            };
            tables.clients.insert(client.id, known);
        }
    }

    /// Takes in the latest state of a session. One that has ended is forgotten.
    ///
    /// When a session was last used is known to this process only: a restart, or another process, counts anew.
    pub fn put_session(&self, session: &Session, now: DateTime<Utc>) {
        let mut tables = self.0.tables.write();
        if session.revoked.is_some() || session.expires <= now {
            tables.sessions.remove(&session.token);
        } else {
            let known = KnownSession {
                account: session.account,
                created: session.created,
                expires: session.expires,
                last_used: now,
            };
            tables.sessions.insert(session.token.clone(), known);
        }
    }

    /// Says that everything up to this arrival number was taken in.
    pub fn advance(&self, arrival: i64) {
        self.0.arrival.send_if_modified(|reached| {
            let newer = arrival > *reached;
            *reached = arrival.max(*reached);
            newer
        });
    }

    /// The arrival number up to which everything was taken in.
    #[must_use]
    pub fn arrival(&self) -> i64 {
        *self.0.arrival.borrow()
    }

    /// Waits until this process has heard of `arrival`: then the caller's next request finds what this one wrote.
    ///
    /// # Errors
    /// 503 `behind` after [`consts::ARRIVAL_WAIT`]. What was written stays written.
    pub async fn reached(&self, arrival: i64) -> Result<(), Problem> {
        let mut reached = self.0.arrival.subscribe();
        let wait = reached.wait_for(|reached| *reached >= arrival);
        match tokio::time::timeout(consts::ARRIVAL_WAIT, wait).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Problem::new(
                Code::Behind,
                "it is saved, but this process has not taken it in yet; read again in a moment",
            )
            .with_retry_after(2)),
        }
    }

    /// A client that may sign in.
    #[must_use]
    pub fn client(&self, id: Uuid) -> Option<KnownClient> {
        self.0.tables.read().clients.get(&id).cloned()
    }

    /// Who a session belongs to, by the hash of its token, and notes that it was used. `None` when it has ended, was not
    /// used for [`consts::SESSION_IDLE_HOURS`], or its account may no longer sign in.
    #[must_use]
    pub fn session(&self, token: &str, now: DateTime<Utc>) -> Option<Identity> {
        let mut touch = false;
        let identity = {
            let tables = self.0.tables.read();
            let session = tables.sessions.get(token)?;
            if !session.lives(now) {
                return None;
            }
            touch |= now - session.last_used > Duration::minutes(consts::SESSION_TOUCH_MINUTES);
            let account = tables
                .accounts
                .get(&session.account)
                .filter(|account| !account.disabled)?;
            Identity {
                account: session.account,
                memberships: account.memberships.clone(),
                expires: session.expires,
            }
        };
        if touch && let Some(session) = self.0.tables.write().sessions.get_mut(token) {
            session.last_used = now;
        }
        Some(identity)
    }

    /// Forgets sessions that have run out. To be called every hour or so.
    pub fn shrink(&self, now: DateTime<Utc>) {
        // One that begins ahead of now may be another process's, whose clock is: it is refused, and kept until it expires.
        let ended = |session: &KnownSession| session.created <= now && !session.lives(now);
        self.0
            .tables
            .write()
            .sessions
            .retain(|_, session| !ended(session));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(hours)
    }

    fn account(id: u128, disabled: bool) -> Account {
        Account {
            id: Uuid::from_u128(id),
            email: "office@example.org".to_owned(),
            display: "office".to_owned(),
            password: None,
            disabled,
            created: moment(0),
            modified: moment(0),
            arrival: 1,
            memberships: vec![Membership {
                organisation: None,
                role: Role::Coordinator,
            }],
        }
    }

    fn session(account: u128, expires: i64, revoked: Option<i64>) -> Session {
        Session {
            token: "t".to_owned(),
            account: Uuid::from_u128(account),
            created: moment(0),
            expires: moment(expires),
            revoked: revoked.map(moment),
            arrival: 2,
        }
    }

    #[test]
    fn a_session_ends_when_idle_expired_revoked_or_disabled() {
        let access = Access::default();
        access.put_account(&account(1, false));
        access.put_session(&session(1, 168, None), moment(0));
        assert!(access.session("other", moment(1)).is_none());
        for hour in [1, 11, 22, 33] {
            let identity = access.session("t", moment(hour)).expect("signed in");
            assert_eq!(identity.account, Uuid::from_u128(1));
        }
        assert!(
            access.session("t", moment(46)).is_none(),
            "idle for 13 hours"
        );

        access.put_session(&session(1, 5, None), moment(0));
        assert!(
            access.session("t", moment(4)).is_some() && access.session("t", moment(5)).is_none()
        );

        access.put_session(&session(1, 168, None), moment(0));
        access.put_account(&account(1, true));
        assert!(access.session("t", moment(1)).is_none(), "disabled");

        access.put_account(&account(1, false));
        assert!(access.session("t", moment(1)).is_some());
        access.put_session(&session(1, 168, Some(1)), moment(1));
        assert!(access.session("t", moment(1)).is_none(), "revoked");

        let a_day_ahead = Session {
            created: moment(24),
            ..session(1, 192, None)
        };
        access.put_session(&a_day_ahead, moment(0));
        assert!(access.session("t", moment(0)).is_none(), "not made yet");
    }

    #[test]
    fn a_session_that_begins_ahead_of_now_does_not_count() {
        let access = Access::default();
        access.put_account(&account(1, false));
        let mut ahead = session(1, 24 + 168, None);
        ahead.created = moment(24);
        access.put_session(&ahead, moment(24));
        assert!(access.session("t", moment(25)).is_some());
        assert!(
            access.session("t", moment(1)).is_none(),
            "the clock was a day ahead and was put back"
        );
        access.put_session(&ahead, moment(1));
        assert!(access.session("t", moment(1)).is_none(), "after a restart");
        access.shrink(moment(1));
        assert!(access.session("t", moment(25)).is_none(), "not used since");
    }

    #[actix_web::test]
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    async fn waiting_ends_when_the_number_is_reached() {
        let access = Access::default();
        access.advance(3);
        assert!(access.reached(3).await.is_ok());
        let waiting = tokio::spawn({
            let access = access.clone();
            async move { access.reached(5).await.is_ok() }
        });
        access.advance(2);
        assert_eq!(access.arrival(), 3, "never backwards");
        access.advance(7);
        assert!(waiting.await.expect("finished"));
    }
}
