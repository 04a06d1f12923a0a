//! What all of federation shares in a process.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use domain::Origin;
use domain::feed::{FeedKey, FeedName};
use health::Health;
use http::Clock;
use storage::Storage;
use storage::feeds::{FeedWork, Feeds, Peers};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::error::FederationError;
use crate::identity::{self, Identity, KeyFolder};
use crate::journal::{Accepted, FileJournal, JournalError, Trouble};
use crate::outbound::{self, Outbound};
use crate::protocol::document::NodeDocument;

/// Settings of federation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the private keys.
    pub keys: std::path::PathBuf,
    /// The folder of the restore journal, outside of the database and its backups.
    pub journal: std::path::PathBuf,
    /// How this node calls itself in its identity document.
    pub name: Option<String>,
    /// Seconds between looks at a peer that sends no hints.
    pub poll_seconds: u64,
    /// Whether plain http and addresses on this machine are let through: for trying out only.
    pub allow_insecure: bool,
    /// Rows that are asked for at once.
    pub page_rows: usize,
    /// Bytes from which on the journal is written anew, without what no longer counts.
    pub journal_bytes: u64,
}

/// What all of federation shares in a process. Cloning shares it.
#[derive(Clone)]
pub struct Federation(Arc<Inner>);

struct Inner {
    storage: Storage,
    clock: Clock,
    settings: Settings,
    keys: KeyFolder,
    journal: FileJournal,
    outbound: Outbound,
    identity: ArcSwapOption<Identity>,
    /// This process, as it takes over background work.
    holder: Uuid,
    /// Wakes what pulls.
    pull: Notify,
    /// Wakes what hints.
    hint: Notify,
    /// Peers that said that they have news.
    hinted: std::sync::Mutex<std::collections::BTreeSet<i64>>,
    /// Signatures of requests that may not come twice.
    nonces: crate::nonces::Nonces,
    health: Health,
    /// Up to this arrival number this process knows that nothing is left to publish.
    looked_through: AtomicI64,
    /// How much is worked on at once.
    places: crate::places::Places,
    /// Who speaks in the name of others.
    contests: crate::contests::Contests,
}

impl std::fmt::Debug for Federation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Federation")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

impl Federation {
    /// Opens federation on a node's storage. Nothing is made or sent yet. How publishing and following go is told to
    /// `health`.
    ///
    /// # Errors
    /// [`FederationError::Outbound`] where no HTTP client can be set up.
    pub fn new(
        storage: Storage,
        clock: Clock,
        settings: Settings,
        health: Health,
    ) -> Result<Self, FederationError> {
        let outbound = Outbound::new(outbound::Settings {
            allow_insecure: settings.allow_insecure,
        })?;
        Ok(Self(Arc::new(Inner {
            keys: KeyFolder(settings.keys.clone()),
            journal: settings.journal_of(&storage),
            storage,
            clock,
            settings,
            outbound,
            identity: ArcSwapOption::empty(),
            holder: Uuid::now_v7(),
            pull: Notify::new(),
            hint: Notify::new(),
            hinted: std::sync::Mutex::default(),
            nonces: crate::nonces::Nonces::default(),
            health,
            looked_through: AtomicI64::new(0),
            places: crate::places::Places::default(),
            contests: crate::contests::Contests::default(),
        })))
    }

    /// The database.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.0.storage
    }

    pub(crate) fn feeds(&self) -> &Feeds {
        &self.0.storage.feeds
    }

    pub(crate) fn peers(&self) -> Peers {
        self.0.storage.feeds.peers()
    }

    /// The base URL of this node.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        self.0.storage.origin()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn outbound(&self) -> &Outbound {
        &self.0.outbound
    }

    /// How the parts of this process stand.
    pub(crate) fn health(&self) -> &Health {
        &self.0.health
    }

    /// Up to which arrival number this process knows that nothing is left to publish; 0 before its first look.
    #[must_use]
    pub fn looked_through(&self) -> i64 {
        self.0.looked_through.load(Ordering::Relaxed)
    }

    pub(crate) fn set_looked_through(&self, through: i64) {
        self.0.looked_through.store(through, Ordering::Relaxed);
    }

    pub(crate) fn nonces(&self) -> &crate::nonces::Nonces {
        &self.0.nonces
    }

    pub(crate) fn places(&self) -> &crate::places::Places {
        &self.0.places
    }

    pub(crate) fn contests(&self) -> &crate::contests::Contests {
        &self.0.contests
    }

    /// The restore journal.
    #[must_use]
    pub fn journal(&self) -> &FileJournal {
        &self.0.journal
    }

    pub(crate) fn holder(&self) -> Uuid {
        self.0.holder
    }

    /// A feed of this node.
    #[must_use]
    pub fn own(&self, name: FeedName) -> FeedKey {
        FeedKey {
            origin: self.origin().clone(),
            name,
        }
    }

    /// Who this node is; made the first time.
    ///
    /// # Errors
    /// [`FederationError`].
    pub async fn ensure_identity(&self) -> Result<Arc<Identity>, FederationError> {
        let inner = &self.0;
        let identity = identity::ensure(
            self.feeds(),
            &inner.keys,
            &inner.journal,
            self.origin(),
            inner.settings.name.as_deref(),
            self.now(),
        )
        .await?;
        let identity = Arc::new(identity);
        inner.identity.store(Some(Arc::clone(&identity)));
        Ok(identity)
    }

    /// Who this node is, as this process last saw it.
    ///
    /// # Errors
    /// [`FederationError::NoIdentity`].
    pub fn identity(&self) -> Result<Arc<Identity>, FederationError> {
        self.0
            .identity
            .load_full()
            .ok_or(FederationError::NoIdentity)
    }

    /// The identity with this number, read again where the database has a newer one than this process.
    ///
    /// # Errors
    /// [`FederationError`].
    pub(crate) async fn identity_of(
        &self,
        sequence: u64,
    ) -> Result<Arc<Identity>, FederationError> {
        match self.identity() {
            Ok(known) if known.document.sequence() >= sequence => Ok(known),
            _ => self.reload().await,
        }
    }

    /// Reads the identity again.
    ///
    /// # Errors
    /// [`FederationError`].
    pub async fn reload(&self) -> Result<Arc<Identity>, FederationError> {
        let identity = identity::load(self.feeds(), &self.0.keys, self.now()).await?;
        let identity = Arc::new(identity.ok_or(FederationError::NoIdentity)?);
        self.0.identity.store(Some(Arc::clone(&identity)));
        Ok(identity)
    }

    /// Reads the identity again where another process has changed it: whether one has.
    pub(crate) async fn follow_document(&self) -> Result<bool, FederationError> {
        let known = self.identity()?.document.sequence();
        let newest = self.feeds().read(self.now(), |work| work.newest_document());
        if newest.await?.is_none_or(|newest| newest <= known) {
            return Ok(false);
        }
        self.reload().await?;
        Ok(true)
    }

    /// Finishes a rotation that was cut off: whether there was one, or another process has just finished it.
    pub(crate) async fn take_up_rotation(&self) -> Result<bool, FederationError> {
        let inner = &self.0;
        let done = identity::take_up(self.feeds(), &inner.keys, &inner.journal, self.now()).await?;
        if done {
            self.reload().await?;
            tracing::info!("new keys are in force: a rotation that was cut off is finished");
            self.announce().await;
            return Ok(true);
        }
        self.follow_document().await
    }

    /// Gives the node new keys, signed for by the old ones, and tells its peers.
    ///
    /// # Errors
    /// [`FederationError::OtherRotation`] where another process has just done so; else [`FederationError`].
    pub async fn rotate_keys(&self) -> Result<NodeDocument, FederationError> {
        let identity = self.reload().await?;
        let inner = &self.0;
        let document = identity::rotate(
            self.feeds(),
            &inner.keys,
            &inner.journal,
            &identity,
            self.now(),
        )
        .await?;
        self.reload().await?;
        self.announce().await;
        Ok(document)
    }

    /// Begins a new epoch by the word of the recovery key: after a restore, or where keys were lost. What was deleted
    /// since the backup is deleted again first; what fewer people may see since then is shown to nobody until somebody
    /// has looked at it. Returns the document, and which entries were deleted and hidden.
    ///
    /// What was deleted stands in the journal. Where that is lost, nobody can know: then this is refused, unless it is said
    /// to go on `without_journal`, which hides everything.
    ///
    /// # Errors
    /// [`FederationError`].
    pub async fn new_epoch(
        &self,
        recovery: &std::path::Path,
        without_journal: bool,
    ) -> Result<(NodeDocument, Repeated), FederationError> {
        let (feeds, journal, now) = (self.feeds(), &self.0.journal, self.now());
        let lost = self.lost_journal().await?;
        if let Some(error) = lost.filter(|_| !without_journal) {
            return Err(error);
        }
        // The key first: with a wrong one nothing may be deleted or hidden.
        let documents = identity::recovered(feeds, &self.0.keys, journal, recovery, now).await?;
        let repeated = self.repeat_deletions(without_journal).await?;
        identity::put_all(feeds, journal, documents, now).await?;
        let identity = self.reload().await?;
        self.announce().await;
        Ok((identity.document.clone(), repeated))
    }

    /// Why the journal cannot say what was deleted, if it cannot.
    async fn lost_journal(&self) -> Result<Option<FederationError>, FederationError> {
        let (journal, keys) = (
            self.0.journal.clone(),
            FeedName::ALL.map(|name| self.own(name)),
        );
        let checked = self.feeds().read(self.now(), move |work| {
            let mut has_published = false;
            for key in &keys {
                has_published |= work.state(key)?.is_some_and(|state| state.seq > 0);
            }
            Ok((journal.check(work)?, has_published))
        });
        Ok(match checked.await? {
            (Ok(false), true) => Some(FederationError::from(JournalError {
                path: self.0.journal.path().to_owned(),
                trouble: Trouble::Missing,
            })),
            (Ok(_), _) => None,
            (Err(error), _) => Some(error.into()),
        })
    }

    /// Begins a new journal in the place of one that is lost, cut or another's, because an admin says that the database was
    /// never put back to an older state.
    ///
    /// # Errors
    /// [`FederationError`], also where the database is seen to have been put back.
    pub async fn accept_journal(&self) -> Result<Accepted, FederationError> {
        let journal = self.0.journal.clone();
        let accepted = self
            .feeds()
            .write(self.now(), move |work| journal.accept(work, false));
        match accepted.await?? {
            Accepted::PutBack { epoch, seq } => Err(FederationError::Behind { epoch, seq }),
            Accepted::Restored => Err(FederationError::RestoredWithoutJournal),
            accepted => Ok(accepted),
        }
    }

    /// Where the recovery key lies, as long as nobody has taken it off this machine.
    #[must_use]
    pub fn recovery_key_here(&self) -> Option<std::path::PathBuf> {
        let identity = self.identity().ok()?;
        let path = self.0.keys.recovery(identity.document.recovery_key()?);
        path.exists().then_some(path)
    }

    /// The number of the identity document in force, from within a step.
    pub(crate) fn sequence_in(work: &mut FeedWork<'_, '_>) -> storage::Result<u64> {
        Ok(work.newest_document()?.unwrap_or(0))
    }

    /// Notes that a peer has news, and wakes what pulls.
    pub(crate) fn hinted(&self, peer: i64) {
        self.hints().insert(peer);
        self.0.pull.notify_one();
    }

    /// Takes the peers that said that they have news.
    pub(crate) fn take_hinted(&self) -> std::collections::BTreeSet<i64> {
        std::mem::take(&mut *self.hints())
    }

    fn hints(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeSet<i64>> {
        self.0
            .hinted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) async fn wait_for_hint(&self) {
        self.0.pull.notified().await;
    }

    pub(crate) fn wake_hinter(&self) {
        self.0.hint.notify_one();
    }

    pub(crate) async fn wait_for_news(&self) {
        self.0.hint.notified().await;
    }
}

/// What a new epoch did again before anything was published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repeated {
    /// Entries that had been deleted since the backup.
    pub deleted: Vec<domain::EntryId>,
    /// Entries that had been taken from a feed since the backup, and are internal now.
    pub hidden: Vec<domain::EntryId>,
}
