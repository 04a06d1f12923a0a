//! Real nodes: the binary as it is shipped, in a folder of its own, on a free port.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Method,
    blocking::{Client, RequestBuilder},
};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use crate::{Database, Party, Proxy, database, wait_for};

/// How long a node may take to answer its first request.
const START_SECONDS: u64 = 60;
/// How long a node may take to end when asked to.
const STOP_SECONDS: u64 = 30;
/// Requests a minute: tests ask faster than any client may. The limits have a test of their own.
const RATE: &str = "1000000";
/// The data folder, below the folder of a test.
const DATA: &str = "data";
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(60);

/// The binary under test, which `cargo build` has put beside the tests' own folder.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.ancestors().nth(2).unwrap().join("lotse");
    assert!(
        binary.is_file(),
        "{} is missing: run `cargo build -p lotse-node` first, or `cargo xtask test`, which does",
        binary.display()
    );
    binary
}

/// What a node is started with. [`TestNode::start`] takes the usual.
#[derive(Debug, Clone)]
pub struct Node {
    database_url: Option<String>,
    base_url: Option<String>,
    data: Option<Arc<TempDir>>,
    settings: Vec<(String, String)>,
    first: Vec<String>,
    demo: bool,
    federates: bool,
    binary: Option<PathBuf>,
    start_seconds: u64,
}

impl Node {
    /// A node on a fresh database.
    #[must_use]
    pub fn on(database: Database) -> Self {
        let database_url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(database::fresh_postgres()),
        };
        Self {
            database_url,
            base_url: None,
            data: None,
            settings: Vec::new(),
            first: ["init", "--email", "first@example.org"]
                .map(str::to_owned)
                .to_vec(),
            demo: false,
            federates: false,
            binary: None,
            start_seconds: START_SECONDS,
        }
    }

    /// So that other nodes on this machine can follow it. Its name holds `localhost`: an IP address names no node.
    #[must_use]
    pub fn federated(mut self) -> Self {
        self.federates = true;
        self.with("PEER_INSECURE", "true")
    }

    /// With another binary than the one that was built with the tests.
    #[must_use]
    pub fn with_binary(mut self, binary: &Path) -> Self {
        self.binary = Some(binary.to_owned());
        self
    }

    /// Which may take so many seconds to answer its first request.
    #[must_use]
    pub fn patient(mut self, seconds: u64) -> Self {
        self.start_seconds = seconds;
        self
    }

    /// Under the name of a proxy, which has to pass connections on to it.
    #[must_use]
    pub fn behind(mut self, proxy: &Proxy) -> Self {
        let (_, port) = proxy.address().rsplit_once(':').unwrap();
        self.base_url = Some(format!("http://localhost:{port}"));
        self
    }

    /// A node on the PostgreSQL database of this URL.
    #[must_use]
    pub fn on_url(url: &str) -> Self {
        Self {
            database_url: Some(url.to_owned()),
            ..Self::on(Database::Sqlite)
        }
    }

    /// With one setting changed: the variable `LOTSE_{name}`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings
            .push((format!("LOTSE_{name}"), value.to_owned()));
        self
    }

    /// Under the name of another node, restored from an archive of it.
    #[must_use]
    pub fn restored(mut self, base_url: &str, archive: &str) -> Self {
        self.base_url = Some(base_url.to_owned());
        self.first = ["restore", archive].map(str::to_owned).to_vec();
        self
    }

    /// Under this name: a base URL.
    #[must_use]
    pub fn named(mut self, base_url: &str) -> Self {
        self.base_url = Some(base_url.to_owned());
        self
    }

    /// With the demo directory and its accounts.
    #[must_use]
    pub fn demo(mut self) -> Self {
        self.demo = true;
        self.first.clear();
        self
    }

    /// A second process of another node: on its database, with its keys and under its name.
    #[must_use]
    pub fn beside(other: &TestNode) -> Self {
        Self {
            data: Some(Arc::clone(&other.data)),
            base_url: Some(other.base_url()),
            first: Vec::new(),
            ..other.settings.clone()
        }
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready; the message holds its log.
    #[must_use]
    pub fn start(self) -> TestNode {
        let data = self
            .data
            .clone()
            .unwrap_or_else(|| Arc::new(tempfile::tempdir().unwrap()));
        // A folder in the folder, so that what the node keeps beside its data goes away as well.
        fs::create_dir_all(data.path().join(DATA)).unwrap();
        let port = free_port();
        let log = tempfile::Builder::new()
            .prefix("lotse-log-")
            .tempfile()
            .unwrap();
        let mut node = TestNode {
            settings: self,
            data,
            port,
            process: None,
            log,
            http: Client::builder()
                .timeout(REQUEST)
                .no_proxy()
                .build()
                .unwrap(),
        };
        node.prepare();
        node.restart();
        node
    }
}

/// A running node. Dropping it ends the process and removes its folder.
pub struct TestNode {
    settings: Node,
    data: Arc<TempDir>,
    port: u16,
    process: Option<Child>,
    log: tempfile::NamedTempFile,
    http: Client,
}

impl TestNode {
    /// A node on a fresh database, with nothing in it but its first admin.
    #[must_use]
    pub fn start(database: Database) -> Self {
        Node::on(database).start()
    }

    /// Its base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL that is part of its entries' names.
    #[must_use]
    pub fn base_url(&self) -> String {
        match &self.settings.base_url {
            Some(url) => url.clone(),
            None if self.settings.federates => format!("http://localhost:{}", self.port),
            None => self.url(),
        }
    }

    /// `host:port` at which it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it is called by other nodes: host and port of its base URL.
    ///
    /// # Panics
    /// Never: each base URL has both.
    #[must_use]
    pub fn host(&self) -> String {
        self.base_url().rsplit_once('/').unwrap().1.to_owned()
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.data.path().join(DATA)
    }

    /// The folder of its search index.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.data().join(format!("index-{}", self.port))
    }

    /// The folder of its restore journal, outside of the data folder.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.data.path().join(format!("{DATA}-journal"))
    }

    /// A file or folder beside both of them, for backups.
    #[must_use]
    pub fn outside(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    /// Whether it is on PostgreSQL.
    #[must_use]
    pub fn is_on_postgres(&self) -> bool {
        self.settings.database_url.is_some()
    }

    /// The URL of its PostgreSQL database, if it is on one.
    #[must_use]
    pub fn database_url(&self) -> Option<&str> {
        self.settings.database_url.as_deref()
    }

    /// Empties its database and fills it from an archive, as an operator would after losing it. It must not run.
    ///
    /// # Panics
    /// When that fails.
    pub fn restore(&mut self, archive: &Path) {
        assert!(self.process.is_none(), "it still runs");
        if self.settings.database_url.is_some() {
            self.settings.database_url = Some(database::fresh_postgres());
        } else {
            for name in ["lotse.sqlite", "lotse.sqlite-wal", "lotse.sqlite-shm"] {
                let path = self.data().join(name);
                if path.exists() {
                    fs::remove_file(path).unwrap();
                }
            }
        }
        let _ = self.ask(&["restore", archive.to_str().unwrap()]);
    }

    /// Starts it again on the same data and the same port.
    ///
    /// # Panics
    /// When it does not get ready; the message holds its log.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        let mut command = self.command(&[if self.settings.demo { "demo" } else { "serve" }]);
        let log = fs::OpenOptions::new()
            .append(true)
            .open(self.log.path())
            .unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap());
        let patience = self.settings.start_seconds;
        wait_for(&format!("{} is ready", self.url()), patience, || {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the node has ended by itself:\n{}",
                self.log()
            );
            let ready = self.get("/health/ready?for=reading&for=writing&for=text");
            ready.send().ok()?.status().is_success().then_some(())
        });
    }

    /// Changes one setting, the variable `LOTSE_{name}`, from its next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        let name = format!("LOTSE_{name}");
        self.settings.settings.retain(|(known, _)| *known != name);
        self.settings.settings.push((name, value.to_owned()));
    }

    /// Runs another command of the binary on the same data.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Panics
    /// When it does not run, does not end or ends with an error.
    pub fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
        let status = wait_for("the node ends", STOP_SECONDS, || {
            process.try_wait().unwrap()
        });
        assert!(status.success(), "{status}:\n{}", self.log());
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.process().unwrap(), signal).unwrap();
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it does not run, or not end within `seconds`.
    pub fn ended(&mut self, seconds: u64) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        wait_for("the node ends", seconds, || process.try_wait().unwrap())
    }

    /// Starts another command of the binary on the same data, with pipes for its streams.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        self.command(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// All that it has written to its standard streams since the first start.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap_or_default()
    }

    /// How much that is, in bytes.
    ///
    /// # Panics
    /// When the file is gone.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.log.as_file().metadata().unwrap().len()
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn process(&self) -> Option<Pid> {
        self.process.as_ref().map(Pid::from_child)
    }

    /// From now on no file of the process may grow beyond so many bytes; `None` lifts that.
    ///
    /// # Panics
    /// When it does not run.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        let _ = prlimit(self.process(), Resource::Fsize, limit).unwrap();
    }

    /// Runs a program as this node would be run, with further variables, and returns what it says.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.command(arguments)
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// A GET request for a path of this node.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A request for a path of this node.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url()))
    }

    /// Makes an account with a role for the whole node, at the node's console, and signs it in.
    ///
    /// # Panics
    /// When that is refused.
    #[must_use]
    pub fn account(&self, email: &str, role: &str) -> Party {
        let said = self.ask(&["account", "add", email, "--role", role]);
        let password = said.lines().find_map(|line| line.strip_prefix("password "));
        let password = password
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap();
        Party::sign_in(self, email, password)
    }

    /// Runs another command of the binary and returns what it says.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "lotse {}: {output:?}",
            arguments.join(" ")
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes what a node has before it serves for the first time.
    fn prepare(&self) {
        let first: Vec<&str> = self.settings.first.iter().map(String::as_str).collect();
        if !first.is_empty() {
            let _ = self.ask(&first);
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let binary = self.settings.binary.clone().unwrap_or_else(binary);
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LOTSE_DATA", self.data())
            .env("LOTSE_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("LOTSE_BASE_URL", self.base_url())
            .current_dir(self.data())
            .stdin(Stdio::null());
        for bucket in [
            "READ",
            "WRITE",
            "SIGN_IN",
            "REGISTRATION",
            "CORRECTION",
            "PEER_MESSAGE",
        ] {
            for limit in ["BURST", "PER_MINUTE"] {
                command.env(format!("LOTSE_RATES__{bucket}__{limit}"), RATE);
            }
        }
        if let Some(url) = &self.settings.database_url {
            command.env("LOTSE_DATABASE", url);
        }
        command.envs(
            self.settings
                .settings
                .iter()
                .map(|(name, value)| (name, value)),
        );
        command
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let start = log.len().saturating_sub(4000);
            let start = log
                .char_indices()
                .map(|(at, _)| at)
                .find(|at| *at >= start)
                .unwrap_or(0);
            eprintln!("the end of the node's log:\n{}", &log[start..]);
        }
    }
}

/// A port that is free at this moment.
/// The first of so many ports in a row that nobody listens on now.
///
/// # Panics
/// Where there are none.
#[must_use]
pub fn free_ports(count: u16) -> u16 {
    let is_free =
        |port: &u16| (0..count).all(|next| TcpListener::bind(("127.0.0.1", port + next)).is_ok());
    (0..100)
        .map(|_| free_port().min(u16::MAX - count))
        .find(is_free)
        .unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
