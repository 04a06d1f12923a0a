//! The background work that signs what has changed here.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::feed::FeedName;
use health::Part;
use storage::StorageError;
use tokio_util::sync::CancellationToken;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::journal::{JournalError, Trouble};
use crate::protocol::publish::{self, Author, CannotPublish, Published};
use crate::standing::{self, NOTHING_YET};
use crate::tasks;

/// How often this process looks for what others wrote.
const LOOK: Duration = Duration::from_millis(250);
/// How often heads are looked after, and who publishes.
const UPKEEP: TimeDelta = TimeDelta::seconds(60);
/// How long after a failure.
const PAUSE: Duration = Duration::from_secs(5);
/// Time between two looks whether this node may tell anybody anything: as long readiness may say something else than the
/// feeds do, where nobody asks for them.
const STANDING: Duration = Duration::from_secs(1);
/// Time between two hints while much is told.
const NEWS: Duration = Duration::from_secs(2);
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
                if here || looked.has_heads {
                    federation.health().ok(Part::Publishing);
                } else {
                    federation.health().starting(Part::Publishing, NOTHING_YET);
                }
                federation.set_looked_through(looked.through);
                awake = here;
                LOOK
            }
            Err(error) => {
                looked.failed = true;
                federation.note_silence(&error);
                if matches!(error, FederationError::Behind { .. }) {
                    withhold(&federation).await;
                }
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

/// Shows nobody what the journal says was deleted, where it is seen only now that the database was put back.
async fn withhold(federation: &Federation) {
    let (storage, settings) = (federation.storage(), federation.settings());
    if let Err(error) = standing::withhold(storage, settings, federation.now()).await {
        tracing::error!(
            code = error.code(),
            cause = error.log(),
            "nothing could be withheld"
        );
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
    /// When this process last looked whether this node may tell anybody anything.
    stood: Option<Instant>,
    /// Whether each feed had a head then.
    has_heads: bool,
}

/// Whether this process publishes.
async fn round(federation: &Federation, looked: &mut Looked) -> Result<bool, FederationError> {
    let now = federation.now();
    // In every process, whoever publishes: each answers for the feeds.
    let moved = federation.journal().has_moved();
    let rested = looked.stood.is_none_or(|stood| stood.elapsed() > STANDING);
    if rested || moved || looked.failed {
        looked.has_heads = federation.look().await?;
        looked.stood = Some(Instant::now());
    }
    let head = federation.storage().directory.head().await?;
    let due = looked
        .kept
        .is_none_or(|kept| now - kept > UPKEEP || now < kept)
        // Somebody else has written in the journal, or has laid hands on it.
        || moved
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
    if due {
        for name in FeedName::ALL {
            purge(federation, name).await?;
        }
    }
    publish(federation).await?;
    looked.through = head;
    looked.kept = Some(now);
    Ok(true)
}

/// Whether entries of this node have changed: much else takes arrival numbers too.
async fn something_changed(federation: &Federation, after: i64) -> Result<bool, FederationError> {
    let read = federation
        .feeds()
        .read(federation.now(), move |work| work.local_changes(after, 1));
    Ok(!read.await?.0.is_empty())
}

/// Publishes all that has changed, one step of each feed after the other: nobody waits until all of the other is told.
async fn publish(federation: &Federation) -> Result<(), FederationError> {
    let mut told: Option<Instant> = None;
    let mut news = false;
    loop {
        let mut more = false;
        for name in FeedName::ALL {
            let published = step(federation, name).await?;
            if published.statements > 0 {
                confirm(federation, name).await?;
            }
            news |= published.head;
            more |= published.more;
        }
        if news && (!more || told.is_none_or(|told| told.elapsed() > NEWS)) {
            federation.wake_hinter();
            (told, news) = (Some(Instant::now()), false);
        }
        if !more {
            return Ok(());
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
    let identity = federation.identity()?;
    let (key, journal) = (federation.own(name), federation.journal().clone());
    let (sequence, shared) = (identity.document.sequence(), federation.clone());
    let done = federation.feeds().write(federation.now(), move |work| {
        // Another process may have changed the keys.
        let current = identity.document.current_statement_key();
        let is_newest = Federation::sequence_in(work)? == sequence;
        let Some((method, _)) = current.filter(|_| is_newest) else {
            work.discard();
            return Ok(Ok(None));
        };
        let author = Author {
            actor: identity.document.did().as_str(),
            method,
            epoch: identity.document.epoch(),
            signer: &identity.statements,
        };
        let looked = match journal.feeds() {
            Ok(told) => standing::look(work, &journal, &told.unwrap_or_default())?,
            Err(error) => Err(error.into()),
        };
        if let Err(silent) = looked {
            work.discard();
            return Ok(Err(silent));
        }
        let done = journal.within(work, |work, open| {
            let done = publish::step(work, open, &key, &author, publish::STEP, &mut rand::random);
            match done {
                Err(CannotPublish::Store(error)) => Err(error),
                done => {
                    open.settle();
                    Ok(done)
                }
            }
        });
        Ok(done?.map(Some).map_err(|error| cannot(&shared, error)))
    });
    if let Some(published) = done.await?? {
        return Ok(published);
    }
    federation.reload().await?;
    Ok(Published {
        statements: 0,
        more: true,
        head: false,
        epoch: 0,
        seq: 0,
    })
}
