//! The background work that signs what has changed here.

use std::time::Duration;

use chrono::TimeDelta;
use domain::feed::FeedName;
use health::Part;
use storage::StorageError;
use tokio_util::sync::CancellationToken;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::journal::{JournalError, Trouble};
use crate::protocol::publish::{self, Author, CannotPublish, Published};
use crate::tasks;

/// How often this process looks for what others wrote.
const LOOK: Duration = Duration::from_millis(250);
/// How often heads are looked after, and who publishes.
const UPKEEP: TimeDelta = TimeDelta::seconds(60);
/// How long after a failure.
const PAUSE: Duration = Duration::from_secs(5);
/// Days for which deletions are told.
const DELETION_DAYS: i64 = 400;

/// Publishes until it is told to stop.
pub(crate) async fn run(federation: Federation, stop: CancellationToken) {
    let mut committed = federation.storage().directory.committed();
    let mut looked = Looked::default();
    while !stop.is_cancelled() {
        let mut awake = false;
        let pause = match round(&federation, &mut looked).await {
            Ok(here) => {
                looked.failed = false;
                federation.health().ok(Part::Journal);
                federation.health().ok(Part::Publishing);
                federation.set_looked_through(looked.through);
                awake = here;
                LOOK
            }
            Err(error) => {
                looked.failed = true;
                let cause = format!("{}: {}", error.code(), error.log());
                if let FederationError::Journal(error) = &error {
                    let words = error.public();
                    federation.health().failing(Part::Journal, words, &cause);
                }
                // Said once: what is behind stays behind until somebody does something.
                federation
                    .health()
                    .failing(Part::Publishing, "nothing can be published", cause);
                PAUSE
            }
        };
        let seen = looked.through;
        tokio::select! {
            // Where another process publishes there is nothing to do at once.
            _ = committed.wait_for(|head| *head > seen), if awake => {}
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// What this process has looked through already.
#[derive(Default)]
struct Looked {
    /// Up to this arrival number there is nothing to publish.
    through: i64,
    /// Whether the last round failed: then there is something to do, whatever has changed.
    failed: bool,
    /// When heads were last looked after.
    kept: Option<chrono::DateTime<chrono::Utc>>,
}

/// Whether this process publishes.
async fn round(federation: &Federation, looked: &mut Looked) -> Result<bool, FederationError> {
    let now = federation.now();
    let head = federation.storage().directory.head().await?;
    let due = looked
        .kept
        .is_none_or(|kept| now - kept > UPKEEP || now < kept)
        // Somebody else has written in the journal, or has laid hands on it.
        || federation.journal().has_moved()
        || looked.failed;
    if head <= looked.through && !due {
        return Ok(true);
    }
    // New keys count in every process: its requests are signed with them.
    let rekeyed = federation.follow_document().await?;
    let (feeds, holder) = (federation.feeds(), federation.holder());
    if !feeds
        .lease("publish", holder, now + tasks::LEASE, now)
        .await?
    {
        return Ok(false);
    }
    if !due && !rekeyed && !something_changed(federation, looked.through).await? {
        looked.through = head;
        return Ok(true);
    }
    refuse_older(federation)?;
    let mut news = false;
    for name in FeedName::ALL {
        if due {
            purge(federation, name).await?;
        }
        news |= publish(federation, name).await?;
    }
    looked.through = head;
    looked.kept = Some(now);
    if news {
        federation.wake_hinter();
    }
    Ok(true)
}

/// Refuses to say anything with an identity document that was followed by another: the database was put back.
fn refuse_older(federation: &Federation) -> Result<(), FederationError> {
    let known = federation.identity()?.document.sequence();
    let newest = federation.journal().newest_document()?;
    if newest.is_some_and(|newest| newest > known) {
        return Err(FederationError::OtherDatabase {
            journal: federation.journal().path().to_owned(),
        });
    }
    Ok(())
}

/// Whether entries of this node have changed: much else takes arrival numbers too.
async fn something_changed(federation: &Federation, after: i64) -> Result<bool, FederationError> {
    let read = federation
        .feeds()
        .read(federation.now(), move |work| work.local_changes(after, 1));
    Ok(!read.await?.0.is_empty())
}

/// Publishes all that has changed in one feed: whether there is news.
pub(crate) async fn publish(
    federation: &Federation,
    name: FeedName,
) -> Result<bool, FederationError> {
    let mut news = false;
    loop {
        let published = step(federation, name).await?;
        news |= published.head;
        if published.statements > 0 {
            confirm(federation, name).await?;
        }
        if !published.more {
            return Ok(news);
        }
    }
}

/// Forgets deletions that have been told for long enough.
async fn purge(federation: &Federation, name: FeedName) -> Result<(), FederationError> {
    let (key, now) = (federation.own(name), federation.now());
    let before = now - TimeDelta::days(DELETION_DAYS);
    let purged = federation
        .feeds()
        .write(now, move |work| publish::purge(work, &key, before));
    let purged = purged.await?;
    if purged > 0 {
        tracing::info!(feed = %name, purged, "old deletions are no longer told");
    }
    Ok(())
}

/// Notes in the journal what is committed: under the lock of all writers, as everything that is written there.
async fn confirm(federation: &Federation, name: FeedName) -> Result<(), FederationError> {
    let (key, journal) = (federation.own(name), federation.journal().clone());
    let confirmed = federation.feeds().write(federation.now(), move |work| {
        journal.within(work, |work, open| {
            match publish::confirm(work, open, &key) {
                Err(CannotPublish::Store(error)) => Err(error),
                other => Ok(other),
            }
        })
    });
    confirmed
        .await?
        .map_err(|error| cannot(federation, error))?;
    shorten(federation).await
}

/// Writes the journal anew where it has become long: under the lock of all writers, as everything that is written there.
pub(crate) async fn shorten(federation: &Federation) -> Result<(), FederationError> {
    if !federation.journal().is_long() {
        return Ok(());
    }
    let journal = federation.journal().clone();
    let shortened = federation.feeds().write(federation.now(), move |work| {
        journal.within(work, |_, open| Ok(open.shorten()))
    });
    Ok(shortened.await??)
}

fn cannot(
    federation: &Federation,
    error: CannotPublish<StorageError, JournalError>,
) -> FederationError {
    let journal = |trouble| {
        FederationError::from(JournalError {
            path: federation.journal().path().to_owned(),
            trouble,
        })
    };
    match error {
        CannotPublish::Store(error) => error.into(),
        CannotPublish::Journal(error) => error.into(),
        CannotPublish::NoJournal => journal(Trouble::Missing),
        CannotPublish::LostJournal => journal(Trouble::Lost),
        CannotPublish::Behind { epoch, seq } => FederationError::Behind { epoch, seq },
        CannotPublish::Sign(error) => error.into(),
    }
}

async fn step(federation: &Federation, name: FeedName) -> Result<Published, FederationError> {
    type Outcome = Result<Published, CannotPublish<StorageError, JournalError>>;
    let identity = federation.identity()?;
    let (key, journal) = (federation.own(name), federation.journal().clone());
    let sequence = identity.document.sequence();
    let this = identity.clone();
    let done: Option<Outcome> = federation
        .feeds()
        .write(federation.now(), move |work| {
            // Another process may have changed the keys.
            if Federation::sequence_in(work)? != sequence {
                work.discard();
                return Ok(None);
            }
            let Some((method, _)) = this.document.current_statement_key() else {
                work.discard();
                return Ok(None);
            };
            let author = Author {
                actor: this.document.did().as_str(),
                method,
                epoch: this.document.epoch(),
                signer: &this.statements,
            };
            let done = journal.within(work, |work, open| {
                let done =
                    publish::step(work, open, &key, &author, publish::STEP, &mut rand::random);
                match done {
                    Err(CannotPublish::Store(error)) => Err(error),
                    done => {
                        open.settle();
                        Ok(done)
                    }
                }
            });
            done.map(Some)
        })
        .await?;
    match done {
        None => {
            federation.reload().await?;
            Ok(Published {
                statements: 0,
                more: true,
                head: false,
                epoch: 0,
                seq: 0,
            })
        }
        Some(Ok(published)) => Ok(published),
        Some(Err(error)) => Err(cannot(federation, error)),
    }
}
