//! Whether this node may tell anybody anything. What its feeds answer and what readiness says come from here, in every
//! process on the same database.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::feed::{FeedKey, FeedName, JournalPosition};
use domain::{EntryId, Origin};
use health::Part;
use storage::Storage;
use storage::feeds::FeedWork;

use crate::error::FederationError;
use crate::federation::{Federation, Settings};
use crate::journal::{FileJournal, JournalError, Trouble, Written};
use crate::protocol::document::NodeDocument;
use crate::protocol::journal::{Reached, Remembered, Standing};

/// What anybody may know of why nothing is told.
pub(crate) const PUT_BACK: &str = "the database was put back to an older state";
/// The same of a node that is new.
pub(crate) const NOTHING_YET: &str = "nothing was published yet";
/// The same of everything else.
pub(crate) const SILENT: &str = "nothing can be published";

/// Whether the database as `work` sees it may be told of. `told` is what the journal said before `work` began: what was
/// written down after that may not be committed yet.
///
/// # Errors
/// Those of the database; inside, why nothing may be told.
pub(crate) fn look(
    work: &mut FeedWork<'_, '_>,
    journal: &FileJournal,
    told: &Remembered,
) -> storage::Result<Result<(), FederationError>> {
    let noted = work.journal()?;
    if let Err(error) = journal.fits(noted.map(|noted| noted.position)) {
        return Ok(Err(error.into()));
    }
    let reached = reached(work)?;
    if let Some((epoch, seq)) = told.is_ahead_of(&reached) {
        return Ok(Err(FederationError::Behind { epoch, seq }));
    }
    // What is committed stands in the journal: that is read again.
    let now_told = match journal.feeds() {
        Ok(now_told) => now_told,
        Err(error) => return Ok(Err(error.into())),
    };
    if let Some(trouble) = lost(now_told.as_deref(), &reached) {
        let path = journal.path().to_owned();
        return Ok(Err(JournalError { path, trouble }.into()));
    }
    // Noted, and no new epoch has begun since.
    let marked = noted.and_then(|noted| noted.put_back);
    if marked.is_some_and(|epoch| epoch >= reached.epoch) {
        let (epoch, seq) = (reached.epoch, last(told));
        return Ok(Err(FederationError::Behind { epoch, seq }));
    }
    Ok(Ok(()))
}

/// Whether the journal says less than the feeds: then nobody knows whether the database was put back.
fn lost(told: Option<&Remembered>, reached: &Reached) -> Option<Trouble> {
    let has_published = reached.feeds.iter().any(|(_, _, seq)| *seq > 0);
    let Some(told) = told else {
        return has_published.then_some(Trouble::Missing);
    };
    let is_lost = |(feed, epoch, seq): &(FeedName, u64, u64)| {
        told.judge_in(*feed, (*epoch, *seq), reached.epoch) == Standing::Lost
    };
    reached.feeds.iter().any(is_lost).then_some(Trouble::Lost)
}

fn last(told: &Remembered) -> u64 {
    let marks = FeedName::ALL.iter().filter_map(|feed| told.last(*feed));
    marks.map(|mark| mark.seq).max().unwrap_or(0)
}

/// How far the database is.
fn reached(work: &mut FeedWork<'_, '_>) -> storage::Result<Reached> {
    let mut feeds = Vec::new();
    for name in FeedName::ALL {
        let origin = work.origin().clone();
        if let Some(state) = work.state(&FeedKey { origin, name })? {
            feeds.push((name, state.epoch, state.seq));
        }
    }
    Ok(Reached {
        epoch: epoch_of(work.document()?.as_deref()),
        arrival: work.arrived()?,
        feeds,
    })
}

/// Whether each feed has a head of the epoch in force.
fn has_heads(work: &mut FeedWork<'_, '_>) -> storage::Result<bool> {
    let epoch = epoch_of(work.document()?.as_deref());
    let mut has_heads = true;
    for name in FeedName::ALL {
        let origin = work.origin().clone();
        let state = work.state(&FeedKey { origin, name })?;
        has_heads &= state.is_some_and(|state| state.epoch == epoch && state.head.is_some());
    }
    Ok(has_heads)
}

/// The epoch of an identity document; 1 where there is none yet.
pub(crate) fn epoch_of(document: Option<&str>) -> u64 {
    let document = document.and_then(|json| NodeDocument::parse(json.as_bytes()).ok());
    document.map_or(1, |document| document.epoch())
}

/// What a database that was put back shows nobody any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withheld {
    /// Entries that had been deleted.
    pub deleted: Vec<EntryId>,
    /// Entries that fewer people could see.
    pub hidden: Vec<EntryId>,
    /// How many nodes had been denied, whose entries are erased again.
    pub denied: usize,
}

impl Withheld {
    /// Whether that is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Sees whether the database was put back to before what the journal knows. If so, this is noted, and what was deleted,
/// withdrawn or denied since is shown to nobody: at every door, as the database itself says so. To be called before anything
/// is read for others. A new epoch makes it final.
///
/// # Errors
/// Those of the database.
pub async fn withhold(
    storage: &Storage,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<Withheld, FederationError> {
    let journal = settings.journal_of(storage);
    let told = tokio::task::spawn_blocking(move || Told::of(&journal)).await;
    let told = Arc::new(told.map_err(FederationError::internal)?);
    if told.written.is_empty() {
        return Ok(Withheld::default());
    }
    let looked = Arc::clone(&told);
    let is_needed = storage.feeds.read(now, move |work| looked.is_needed(work));
    if !is_needed.await? {
        return Ok(Withheld::default());
    }
    let withheld = storage.feeds.write(now, move |work| told.withhold(work));
    let withheld = withheld.await?;
    if !withheld.is_empty() {
        tracing::error!(
            deleted = withheld.deleted.len(),
            hidden = withheld.hidden.len(),
            denied = withheld.denied,
            "{PUT_BACK}: what was deleted, withdrawn or denied since is shown to nobody; `lotse new-epoch` makes that final"
        );
    }
    Ok(withheld)
}

/// What a journal says, and how far it is.
struct Told {
    written: Written,
    /// None for one that is damaged, of which something can still be read.
    position: Option<JournalPosition>,
}

impl Told {
    fn of(journal: &FileJournal) -> Self {
        Self {
            position: journal.position().ok().flatten(),
            written: journal.rescued(),
        }
    }

    fn is_needed(&self, work: &mut FeedWork<'_, '_>) -> storage::Result<bool> {
        Ok(!self.forgotten(work)?.is_empty() || self.is_news(work)?)
    }

    /// Whether it shows that the database was put back, and that has not been noted yet.
    fn is_news(&self, work: &mut FeedWork<'_, '_>) -> storage::Result<bool> {
        let noted = work.journal()?.filter(|noted| noted.put_back.is_some());
        // As long as nothing is published, it says no more than it did then.
        if noted.is_some_and(|noted| Some(noted.position) == self.position) {
            return Ok(false);
        }
        if self.written.feeds.is_ahead_of(&reached(work)?).is_some() {
            return Ok(true);
        }
        let deleted: Vec<EntryId> = self.written.feeds.deleted().iter().copied().collect();
        Ok(!work.live_among(&deleted)?.is_empty())
    }

    /// Denials that the database has forgotten.
    fn forgotten(&self, work: &mut FeedWork<'_, '_>) -> storage::Result<Vec<Origin>> {
        let mut forgotten = Vec::new();
        let denied = self.written.denied.iter();
        for node in denied.filter_map(|node| node.parse().ok()) {
            if !work.is_denied(&node)? {
                forgotten.push(node);
            }
        }
        Ok(forgotten)
    }

    fn withhold(&self, work: &mut FeedWork<'_, '_>) -> storage::Result<Withheld> {
        let mut withheld = Withheld::default();
        let is_news = self.is_news(work)?;
        for node in self.forgotten(work)? {
            withheld.denied += usize::from(work.deny(&node)?);
        }
        if is_news {
            let feeds = &self.written.feeds;
            let epoch = epoch_of(work.document()?.as_deref());
            work.put_back(epoch.max(feeds.epoch()), self.position)?;
            let deleted: Vec<EntryId> = feeds.deleted().iter().copied().collect();
            let withdrawn: Vec<_> = feeds.withdrawn().iter().copied().collect();
            withheld.deleted = work.withhold(&deleted)?;
            withheld.hidden = work.hide(&withdrawn)?;
        }
        Ok(withheld)
    }
}

impl Settings {
    /// The journal of the node whose database this is.
    pub(crate) fn journal_of(&self, storage: &Storage) -> FileJournal {
        FileJournal::in_folder(
            &self.journal,
            storage.origin().clone(),
            storage.made(),
            self.journal_bytes,
        )
    }
}

impl Federation {
    /// Looks whether this node may tell anybody anything, and tells readiness where it may not.
    /// Returns whether each feed has a head yet.
    pub(crate) async fn look(&self) -> Result<bool, FederationError> {
        let looked = match self.standing().await {
            Ok(has_heads) => self.knows_its_identity().await.map(|()| has_heads),
            // Of what the database answers, its own part tells.
            Err(error @ FederationError::Storage(_)) => return Err(error),
            Err(error) => Err(error),
        };
        if let Err(error) = &looked {
            self.note_silence(error);
        }
        looked
    }

    async fn standing(&self) -> Result<bool, FederationError> {
        let journal = self.journal().clone();
        let told = tokio::task::spawn_blocking(move || journal.feeds()).await;
        let told = told
            .map_err(FederationError::internal)??
            .unwrap_or_default();
        let journal = self.journal().clone();
        let looked = self.feeds().read(self.now(), move |work| {
            Ok(match look(work, &journal, &told)? {
                Ok(()) => Ok(has_heads(work)?),
                Err(silent) => Err(silent),
            })
        });
        looked.await?
    }

    /// Whether the journal speaks of no newer identity document than the database knows: else the database was put back, or
    /// a rotation was cut off.
    async fn knows_its_identity(&self) -> Result<(), FederationError> {
        let is_newer = |work: &mut FeedWork<'_, '_>, journal: &FileJournal| {
            let known = work.newest_document()?;
            Ok(journal.newest_document().map(|newest| newest > known))
        };
        let journal = self.journal().clone();
        let newer = self
            .feeds()
            .read(self.now(), move |work| is_newer(work, &journal));
        if !newer.await?? {
            return Ok(());
        }
        // Or one is about to be committed: nobody else writes while this looks again.
        let journal = self.journal().clone();
        let newer = self.feeds().write(self.now(), move |work| {
            work.discard();
            is_newer(work, &journal)
        });
        if !newer.await?? || self.take_up_rotation().await? {
            return Ok(());
        }
        let journal = self.journal().path().to_owned();
        Err(FederationError::OtherDatabase { journal })
    }

    /// Tells readiness why nothing is told. What is behind stays behind until somebody does something: it is logged once.
    pub(crate) fn note_silence(&self, error: &FederationError) {
        let cause = format!("{}: {}", error.code(), error.log());
        let words = match error {
            FederationError::Behind { .. } => PUT_BACK,
            FederationError::Journal(error) => {
                let words = error.public();
                self.health().failing(Part::Journal, words, &cause);
                SILENT
            }
            _ => SILENT,
        };
        self.health().failing(Part::Publishing, words, cause);
    }
}
