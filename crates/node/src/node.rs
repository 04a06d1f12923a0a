//! A node's parts, opened in order.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use domain::Origin;
use federation::Federation;
use health::{Health, Part};
use http::Clock;
use http::rate::RateLimits;
use http::sign_in::{Access, Passwords, SignIn};
use search::{Change, Index, IndexError};
use storage::Storage;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, make_data_folder};
use crate::failure::Failure;
use crate::follow::{change, follow};
use crate::sources::without_password;
use crate::{belonging, console, keys, refill};

/// Rows that are read at once at the start.
pub(crate) const SCAN: i64 = 2_000;
/// How long a write waits until it can be read here.
const READ_YOUR_WRITES: Duration = Duration::from_secs(10);

/// Opens the database of a node that is about to be set up; makes it where there is none yet.
pub(crate) async fn make_storage(config: &Config) -> Result<Storage, Failure> {
    make_data_folder(&config.data)?;
    let url = config.database_url();
    // To fill an empty database is no upgrade, so nobody has to ask for it.
    if Storage::is_new(&url).await? {
        if let Some(left) = belonging::left_behind(config) {
            return Err(missing(&url, &left));
        }
        Storage::migrate(&url).await?;
    }
    open(config).await
}

/// The database of a node is missing, of which something else is there.
fn missing(url: &str, left: &Path) -> Failure {
    Failure::new(format!(
        "{}: the database is missing, and {} belongs to it: mount its volume, or fill a new one from a backup with `lotse \
         restore`; for another node move that away first",
        without_password(url),
        left.display()
    ))
}

/// Why nothing can be opened.
pub(crate) fn no_database(config: &Config, url: &str) -> Failure {
    match belonging::left_behind(config) {
        Some(left) => missing(url, &left),
        None => Failure::new(format!(
            "{}: there is no node's database; `lotse init` makes one",
            without_password(url)
        )),
    }
}

/// Opens the database of a node that is set up. A mistyped folder is no reason to make another node there.
pub(crate) async fn open_existing(config: &Config) -> Result<Storage, Failure> {
    let url = config.database_url();
    if Storage::is_new(&url).await? {
        return Err(no_database(config, &url));
    }
    open(config).await
}

/// The database is there, and the folder of keys is not.
fn no_data_folder(config: &Config) -> Failure {
    Failure::new(format!(
        "{}: the data folder is not there, with the keys of this node: mount its volume, or put it back from a backup",
        config.data.display()
    ))
}

async fn open(config: &Config) -> Result<Storage, Failure> {
    let settings = storage::Settings {
        url: config.database_url(),
        origin: config.origin()?,
        rules: config.rules(),
        readers: config.database_readers,
        waits: config.database_waits(),
    };
    let origin = settings.origin.clone();
    let storage = Storage::open(settings, crate::clock::now()).await?;
    belonging::check(&config.key_folder(), &origin, storage.made())?;
    withhold(config, &storage).await?;
    Ok(storage)
}

/// Whatever reads a database that was put back finds nothing in it that was deleted, withdrawn or denied since.
async fn withhold(config: &Config, storage: &Storage) -> Result<(), Failure> {
    let now = crate::clock::now();
    let withheld = federation::withhold(storage, &config.federation(), now).await?;
    if !withheld.is_empty() {
        console::note(format_args!(
            "This database was put back to an older state. Shown to nobody from now on: {} entries that had been deleted, {} \
             that fewer people could see, all of {} nodes that had been denied. `lotse new-epoch --recovery-key FILE` makes \
             that final.",
            withheld.deleted.len(),
            withheld.hidden.len(),
            withheld.denied
        ));
    }
    Ok(())
}

/// Everything that serving needs.
pub(crate) struct Node {
    /// How each part stands.
    pub(crate) health: Health,
    pub(crate) origin: Origin,
    pub(crate) storage: Storage,
    pub(crate) index: Index,
    pub(crate) sign_in: SignIn,
    pub(crate) clock: Clock,
    /// How it deals with other nodes.
    pub(crate) federation: Federation,
    /// How organisations stand by each standard.
    pub(crate) distributions: api::Distributions,
    /// The change up to which the read model was filled.
    pub(crate) cursor: i64,
}

impl Node {
    /// Opens all parts and fills the read model.
    pub(crate) async fn open(config: &Config, storage: Storage) -> Result<Self, Failure> {
        let origin = config.origin()?;
        let clock = Clock::new(crate::clock::now);
        let health = Health::new(crate::clock::now);
        health.starting(Part::Index, "the directory is read");
        if !config.data.exists() {
            return Err(no_data_folder(config));
        }
        let keys = keys::load(&config.key_folder(), &origin)?;
        belonging::note(&config.key_folder(), &origin, storage.made())?;
        let index = open_index(config, &storage, &health).await?;
        let begun = std::time::Instant::now();
        let cursor = fill(&storage, &index).await?;
        health.ok(Part::Index);
        let entries = index.snapshot().len();
        tracing::info!(
            entries,
            millis = begun.elapsed().as_millis() as u64,
            "index ready"
        );
        let access = Access::default();
        let known = storage.directory.access(clock.now()).await?;
        known
            .accounts
            .iter()
            .for_each(|account| access.put_account(account));
        known
            .clients
            .iter()
            .for_each(|client| access.put_client(client));
        known
            .sessions
            .iter()
            .for_each(|session| access.put_session(session, clock.now()));
        // Told of again from the index's number on: to hear twice does no harm, to miss something would.
        access.advance(cursor.min(known.through));
        let sign_in = SignIn {
            access,
            keys,
            passwords: Passwords::default(),
            limits: Arc::new(RateLimits::new(&config.rates())),
            proxies: config.proxies(),
            clock: clock.clone(),
            https: origin.as_str().starts_with("https://"),
            origin: origin.clone(),
        };
        let federation = Federation::new(
            storage.clone(),
            clock.clone(),
            config.federation(),
            health.clone(),
        )?;
        Ok(Self {
            health,
            origin,
            federation,
            storage,
            index,
            sign_in,
            clock,
            distributions: api::Distributions::default(),
            cursor,
        })
    }

    /// Starts to fill the text index wherever that is wanted.
    pub(crate) fn refill(&self, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
        let (storage, index, health) = (
            self.storage.clone(),
            self.index.clone(),
            self.health.clone(),
        );
        let halt = stop.clone();
        self.health.spawn("refill", stop, move || {
            refill::run(storage.clone(), index.clone(), health.clone(), halt.clone())
        })
    }

    /// Starts following the order of changes.
    pub(crate) fn follow(&self, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
        let (directory, index) = (self.storage.directory.clone(), self.index.clone());
        let (access, clock) = (self.sign_in.access.clone(), self.clock.clone());
        let (cursor, health) = (Arc::new(AtomicI64::new(self.cursor)), self.health.clone());
        let halt = stop.clone();
        self.health.spawn("changes", stop, move || {
            follow(
                directory.clone(),
                index.clone(),
                access.clone(),
                clock.clone(),
                Arc::clone(&cursor),
                health.clone(),
                halt.clone(),
            )
        })
    }

    /// What the API's handlers share.
    pub(crate) fn api_state(&self, config: &Config) -> api::State {
        api::State {
            store: self.storage.clone(),
            index: self.index.clone(),
            access: self.sign_in.access.clone(),
            clock: self.clock.clone(),
            origin: self.origin.clone(),
            distributions: self.distributions.clone(),
            settings: Arc::new(api::Settings {
                data_license: config.data_license.clone(),
                read_your_writes: READ_YOUR_WRITES,
            }),
        }
    }
}

/// Opens the index. One that may still hold words of a node that was denied while this process was away is made anew.
async fn open_index(config: &Config, storage: &Storage, health: &Health) -> Result<Index, Failure> {
    let folder = config.index_folder();
    let generation = storage.generation().to_string();
    let open = || {
        Index::open_watched(Some(&folder), &generation, health)
            .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))
    };
    let index = open()?;
    let denied = storage
        .feeds
        .read(crate::clock::now(), |work| work.last_denial())
        .await?;
    if denied.is_none_or(|denied| denied <= index.text_resumes_after()) {
        return Ok(index);
    }
    drop(index);
    std::fs::remove_dir_all(&folder).map_err(|error| crate::failure::file(&folder, &error))?;
    open()
}

/// What was removed since the text index was written last: its words may not stay there.
async fn removed(storage: &Storage, after: i64, through: i64) -> Result<Vec<Change>, Failure> {
    let (mut changes, mut after) = (Vec::new(), after);
    // A new text index has nothing to forget.
    while after > i64::MIN {
        let some = storage.directory.removed(after, through).await?;
        let Some((last, _)) = some.last() else { break };
        after = *last;
        let some = some
            .into_iter()
            .map(|(arrival, key)| Change::Remove { key, arrival });
        changes.extend(some);
    }
    Ok(changes)
}

/// Streams all entries into the index; returns the number up to which it then holds everything.
pub(crate) async fn fill(storage: &Storage, index: &Index) -> Result<i64, Failure> {
    let today = crate::clock::now().date_naive();
    let loader = Arc::new(std::sync::Mutex::new((
        Some(index.load_text_later()?),
        None::<IndexError>,
    )));
    let filling = Arc::clone(&loader);
    let through = storage
        .directory
        .scan(SCAN, move |rows| {
            let Ok(mut guard) = filling.lock() else {
                return ControlFlow::Break(());
            };
            let (loader, failed) = &mut *guard;
            let Some(loader) = loader else {
                return ControlFlow::Break(());
            };
            for stored in &rows {
                let text = loader.wants_text(stored.arrival);
                let Some(change) = change(stored, today, text) else {
                    continue;
                };
                if let Err(error) = loader.push(change) {
                    *failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })
        .await?;
    let (loader, failed) = match loader.lock() {
        Ok(mut guard) => (guard.0.take(), guard.1.take()),
        Err(_) => (None, None),
    };
    if let Some(error) = failed {
        return Err(error.into());
    }
    let mut loader = loader.ok_or_else(|| Failure::new("the index could not be filled"))?;
    for removed in removed(storage, index.text_resumes_after(), through).await? {
        loader.push(removed)?;
    }
    loader.finish(through)?;
    Ok(through)
}
