//! The settings of a node: file, then `LOTSE_...` variables, then flags. All of them stand here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use domain::{Origin, Quota, Rules};
use http::client::{ForwardedHeader, TrustedProxies};
use http::rate::{Rate, Rates};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use web::Site;

use crate::failure::Failure;

/// The settings of a node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Public base URL: part of every entry's name.
    pub(crate) base_url: Option<Origin>,
    /// Folder for the database, keys and search index.
    pub(crate) data: PathBuf,
    /// `sqlite://path` or `postgres://...`; an SQLite file in the data folder unless given.
    pub(crate) database: Option<String>,
    /// Folder for the search index; one per process.
    pub(crate) index: Option<PathBuf>,
    /// Worker threads that answer requests; one per core unless given.
    pub(crate) workers: Option<usize>,
    /// Connections that are served at once by one worker.
    pub(crate) connections: usize,
    /// Connections of one client at once, and requests in flight of one client behind a proxy.
    pub(crate) connections_per_client: usize,
    /// Database queries that run at once.
    pub(crate) database_readers: u32,
    /// What is logged: `info`, `debug`, or filters such as `info,lotse_storage=debug`.
    pub(crate) log: String,
    /// `text` or `json`.
    pub(crate) log_format: LogFormat,
    /// Seconds between two summaries of what is counted and not logged: refusals, and lines beyond what one place may log.
    pub(crate) log_summary_seconds: u64,
    /// Networks of proxies whose word about client addresses is taken.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The header that they set.
    pub(crate) forwarded_header: ForwardedHeader,
    /// Seconds until an answer must have begun.
    pub(crate) request_seconds: u64,
    /// Seconds for requests that stream.
    pub(crate) long_request_seconds: u64,
    /// Seconds for the head of a request to arrive.
    pub(crate) head_seconds: u64,
    /// Seconds for an answer to get on, where its reader takes it slowly.
    pub(crate) write_seconds: u64,
    /// Seconds for a body to arrive, and for a batch to pause.
    pub(crate) body_seconds: u64,
    /// Seconds for requests to end when the node is asked to stop.
    pub(crate) shutdown_seconds: u64,
    /// Address for `/metrics` alone.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Token with which `/metrics` may be read at the main address.
    pub(crate) metrics_token: Option<String>,
    /// Licence under which partners give their data.
    pub(crate) data_license: String,
    /// Days after a verification until the next is due.
    pub(crate) review_after_days: u32,
    /// Days before the end of an offer on which a review is due.
    pub(crate) review_before_end_days: u32,
    /// Seconds that a write waits for writers of other processes until it is refused as busy.
    pub(crate) write_wait_seconds: u64,
    /// Seconds after which PostgreSQL ends the transaction of a process that stands still in the middle of it.
    pub(crate) write_idle_seconds: u64,
    /// Bytes from which on the restore journal is written anew, without what no longer counts.
    pub(crate) journal_bytes: u64,
    /// Folder of the restore journal: outside of the database and its backups, shared by processes that share a database.
    pub(crate) journal: Option<PathBuf>,
    /// Seconds between looks at a peer that sends no hints.
    pub(crate) peer_poll_seconds: u64,
    /// Rows that are asked of a peer at once.
    pub(crate) peer_page_rows: usize,
    /// Lets plain http and addresses of this machine and its network through to peers: for trying out only.
    pub(crate) peer_insecure: bool,
    /// Days by which this process is ahead of the machine's clock: to rehearse, on a copy, what falls due by then.
    pub(crate) days_ahead: u32,
    /// How many requests one client may send.
    pub(crate) rates: RateSettings,
    /// What one organisation may have and write.
    pub(crate) quota: QuotaSettings,
    /// What the operator says on pages.
    pub(crate) site: Site,
    /// The file that these were read from, where there is one.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Requests of one client address per minute, and how many may come at once.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateSetting {
    burst: u32,
    per_minute: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateSettings {
    read: RateSetting,
    write: RateSetting,
    sign_in: RateSetting,
    registration: RateSetting,
    correction: RateSetting,
    peer_message: RateSetting,
}

/// What one organisation may have and write; 0 switches a limit off. See [`domain::Quota`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaSettings {
    entries: u64,
    bytes: u64,
    written_at_once: u64,
    written_per_minute: u64,
}

/// What is set where nothing says otherwise.
#[derive(Serialize)]
pub(crate) struct Defaults {
    listen: &'static str,
    data: &'static str,
    connections: usize,
    connections_per_client: usize,
    database_readers: u32,
    log: &'static str,
    log_format: LogFormat,
    log_summary_seconds: u64,
    trusted_proxies: Vec<IpNet>,
    forwarded_header: &'static str,
    request_seconds: u64,
    long_request_seconds: u64,
    head_seconds: u64,
    write_seconds: u64,
    body_seconds: u64,
    shutdown_seconds: u64,
    data_license: String,
    review_after_days: u32,
    review_before_end_days: u32,
    write_wait_seconds: u64,
    write_idle_seconds: u64,
    journal_bytes: u64,
    peer_poll_seconds: u64,
    peer_page_rows: usize,
    peer_insecure: bool,
    days_ahead: u32,
    rates: RateSettings,
    quota: QuotaSettings,
    site: std::collections::BTreeMap<String, String>,
}

impl Default for Defaults {
    fn default() -> Self {
        let rules = Rules::default();
        let rates = Rates::default();
        let quota = rules.quota;
        let rate = |rate: Rate| RateSetting {
            burst: rate.burst,
            per_minute: rate.per_minute,
        };
        Self {
            listen: "127.0.0.1:8080",
            data: "lotse-data",
            connections: 2_000,
            connections_per_client: http::consts::CONNECTIONS_EACH,
            database_readers: 8,
            log: "info",
            log_format: LogFormat::Text,
            log_summary_seconds: http::consts::TALLY_SECONDS,
            trusted_proxies: Vec::new(),
            forwarded_header: "x_forwarded_for",
            request_seconds: 30,
            long_request_seconds: 600,
            head_seconds: http::consts::HEAD_TIME.as_secs(),
            write_seconds: http::consts::WRITE_TIME.as_secs(),
            body_seconds: http::consts::BODY_TIME.as_secs(),
            shutdown_seconds: 20,
            data_license: rules.default_license,
            review_after_days: rules.review_after_days,
            review_before_end_days: rules.review_before_end_days,
            write_wait_seconds: storage::limits::LOCK.as_secs(),
            write_idle_seconds: storage::limits::IDLE_IN_TRANSACTION.as_secs(),
            journal_bytes: 4 * 1024 * 1024,
            peer_poll_seconds: 60,
            peer_page_rows: 500,
            peer_insecure: false,
            days_ahead: 0,
            rates: RateSettings {
                read: rate(rates.read),
                write: rate(rates.write),
                sign_in: rate(rates.sign_in),
                registration: rate(rates.registration),
                correction: rate(rates.correction),
                peer_message: rate(rates.peer_message),
            },
            quota: QuotaSettings {
                entries: quota.entries,
                bytes: quota.bytes,
                written_at_once: quota.written_at_once,
                written_per_minute: quota.written_per_minute,
            },
            site: std::collections::BTreeMap::new(),
        }
    }
}

/// The longest time that can be set, in seconds: a year. Beyond it sums of moments end.
const LONGEST: u64 = 366 * 24 * 3_600;

impl Config {
    /// Refuses settings with which a node would serve nobody.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let seconds = [
            ("log_summary_seconds", self.log_summary_seconds, 0),
            ("request_seconds", self.request_seconds, 1),
            ("long_request_seconds", self.long_request_seconds, 1),
            ("head_seconds", self.head_seconds, 1),
            ("write_seconds", self.write_seconds, 1),
            ("body_seconds", self.body_seconds, 1),
            ("shutdown_seconds", self.shutdown_seconds, 0),
            ("write_wait_seconds", self.write_wait_seconds, 0),
            ("write_idle_seconds", self.write_idle_seconds, 0),
            ("peer_poll_seconds", self.peer_poll_seconds, 0),
        ];
        for (name, value, least) in seconds {
            if !(least..=LONGEST).contains(&value) {
                return Err(Failure::new(format!(
                    "{name}: {value} is not between {least} and {LONGEST}"
                )));
            }
        }
        for (name, value) in [
            ("connections", self.connections),
            ("connections_per_client", self.connections_per_client),
        ] {
            if value == 0 {
                return Err(Failure::new(format!("{name}: 0 would serve nobody")));
            }
        }
        Ok(())
    }

    /// The base URL; without one, the address that the node listens on.
    pub(crate) fn origin(&self) -> Result<Origin, Failure> {
        match &self.base_url {
            Some(origin) => Ok(origin.clone()),
            None => format!("http://{}", self.listen)
                .parse()
                .map_err(|why: &str| Failure::new(why)),
        }
    }

    /// The database's URL.
    pub(crate) fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data.join("lotse.sqlite").display()))
    }

    /// Whether there is something among these that nobody else may read.
    pub(crate) fn holds_secrets(&self) -> bool {
        let database = self.database.as_deref();
        self.metrics_token.is_some()
            || database.is_some_and(|url| crate::sources::without_password(url) != url)
    }

    /// For how long transactions wait for one another. None of it may be zero, which would mean for ever.
    pub(crate) fn database_waits(&self) -> storage::Waits {
        let seconds = |seconds: u64| std::time::Duration::from_secs(seconds.clamp(1, 3_600));
        storage::Waits {
            lock: seconds(self.write_wait_seconds),
            idle: seconds(self.write_idle_seconds),
        }
    }

    /// The folder of the search index. Processes that share a data folder have one each.
    pub(crate) fn index_folder(&self) -> PathBuf {
        self.index
            .clone()
            .unwrap_or_else(|| self.data.join(format!("index-{}", self.listen.port())))
    }

    /// Worker threads.
    pub(crate) fn workers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or(cores).clamp(1, 256)
    }

    /// Settings that decisions depend on.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            review_after_days: self.review_after_days,
            review_before_end_days: self.review_before_end_days,
            default_license: self.data_license.clone(),
            quota: Quota {
                entries: self.quota.entries,
                bytes: self.quota.bytes,
                written_at_once: self.quota.written_at_once,
                written_per_minute: self.quota.written_per_minute,
            },
        }
    }

    /// How many requests one client may send.
    pub(crate) fn rates(&self) -> Rates {
        let rate = |setting: RateSetting| Rate {
            burst: setting.burst,
            per_minute: setting.per_minute,
        };
        Rates {
            read: rate(self.rates.read),
            write: rate(self.rates.write),
            sign_in: rate(self.rates.sign_in),
            registration: rate(self.rates.registration),
            correction: rate(self.rates.correction),
            peer_message: rate(self.rates.peer_message),
        }
    }

    /// The proxies in front.
    pub(crate) fn proxies(&self) -> TrustedProxies {
        TrustedProxies {
            networks: self.trusted_proxies.clone(),
            header: self.forwarded_header,
        }
    }

    /// The folder of the restore journal. Beside the data folder unless given, so that putting that back does not put the
    /// journal back.
    pub(crate) fn journal_folder(&self) -> PathBuf {
        self.journal.clone().unwrap_or_else(|| {
            let mut beside = self.data.clone().into_os_string();
            beside.push("-journal");
            PathBuf::from(beside)
        })
    }

    /// Settings of federation.
    pub(crate) fn federation(&self) -> federation::Settings {
        let name = self.site.name.as_ref();
        federation::Settings {
            keys: self.key_folder(),
            journal: self.journal_folder(),
            name: name
                .and_then(|name| name.best("en"))
                .map(|(_, name)| name.value.clone()),
            poll_seconds: self.peer_poll_seconds,
            allow_insecure: self.peer_insecure,
            page_rows: self.peer_page_rows,
            journal_bytes: self.journal_bytes,
        }
    }

    /// The folder of the keys.
    pub(crate) fn key_folder(&self) -> PathBuf {
        self.data.join("keys")
    }
}

/// Makes the data folder, with all that is above it: for `lotse init`, `demo` and `restore`, which set a node up. A node that
/// is set up makes nothing where its folder was.
pub(crate) fn make_data_folder(path: &Path) -> Result<(), Failure> {
    if path.exists() && !path.is_dir() {
        return Err(Failure::new(format!(
            "{}: this is no folder",
            path.display()
        )));
    }
    files::make_all(path).map_err(|error| crate::failure::file(path, &error))
}
