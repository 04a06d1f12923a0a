//! How the binary is used: all that this driver knows of its commands and settings.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use crate::{
    entries::Maker,
    load::SERVER_CORE,
    server::{Server, free_port},
};

/// One node: its binary, its folder, its database.
pub(crate) struct Product {
    binary: PathBuf,
    folder: PathBuf,
    database: Option<String>,
    /// Always the same: a node keeps its text index by the address that it listens on.
    port: u16,
    /// Part of every entry's name.
    base_url: String,
    /// Whether it deals with other nodes here, and so uses all cores.
    federates: bool,
}

impl Product {
    /// A node with nothing in it yet. Without a database URL: on SQLite.
    pub(crate) fn new(binary: &Path, folder: &Path, database: Option<String>) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            database,
            port: free_port()?,
            base_url: BASE_URL.to_owned(),
            federates: false,
        })
    }

    /// The same, to deal with other nodes on this machine.
    pub(crate) fn federating(
        binary: &Path,
        folder: &Path,
        database: Option<String>,
    ) -> Result<Self> {
        let mut product = Self::new(binary, folder, database)?;
        product.base_url = format!("http://localhost:{}", product.port);
        product.federates = true;
        Ok(product)
    }

    /// What other nodes call it: host and port.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Its base URL.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The folder of its private keys.
    pub(crate) fn keys(&self) -> PathBuf {
        self.folder.join("data/keys")
    }

    /// The URL or path of its database, for Diesel.
    pub(crate) fn database(&self) -> String {
        let sqlite = || {
            self.folder
                .join("data/lotse.sqlite")
                .to_string_lossy()
                .into_owned()
        };
        self.database.clone().unwrap_or_else(sqlite)
    }

    /// Makes entries `0..count` and imports them.
    pub(crate) fn import(&self, count: u32) -> Result<()> {
        let path = self.folder.join("entries.jsonl");
        let mut file = BufWriter::new(File::create(&path)?);
        let mut maker = Maker::new(1)?;
        for index in 0..count {
            file.write_all(line(&maker.entry(index)).as_bytes())?;
        }
        file.into_inner()?.sync_all()?;
        self.run(&["import", &path.to_string_lossy()])?;
        fs::remove_file(path)?;
        Ok(())
    }

    /// Runs one command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command(0);
        let output = command
            .args(arguments)
            .output()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        if !output.status.success() {
            bail!(
                "lotse {}: {}{}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts it with one worker on the server's core.
    pub(crate) fn serve(&self) -> Result<Server> {
        let mut command = self.command(self.port);
        command.arg("serve");
        let log = self.folder.join("server.log");
        let cores = if self.federates {
            ALL_CORES
        } else {
            SERVER_CORE
        };
        Server::start(&command, cores, self.port, "/health/ready?for=text", &log)
    }

    fn command(&self, port: u16) -> Command {
        let mut command = Command::new(&self.binary);
        command
            // Variables with this prefix that are no settings are errors.
            .env_remove("LOTSE_TEST_POSTGRES")
            .env_remove("LOTSE_TEST_POSTGRES_CERTIFICATE")
            .env("LOTSE_DATA", self.folder.join("data"))
            .env("LOTSE_LISTEN", format!("127.0.0.1:{port}"))
            .env("LOTSE_WORKERS", "1")
            .env("LOTSE_BASE_URL", &self.base_url)
            // On, as in use, and out of the way.
            .env("LOTSE_RATES__READ__BURST", RATE)
            .env("LOTSE_RATES__READ__PER_MINUTE", RATE)
            .env("LOTSE_RATES__WRITE__BURST", RATE)
            .env("LOTSE_RATES__WRITE__PER_MINUTE", RATE)
            .env("LOTSE_RATES__SIGN_IN__BURST", RATE)
            .env("LOTSE_RATES__SIGN_IN__PER_MINUTE", RATE)
            // One client owns all that is measured.
            .env("LOTSE_QUOTA__ENTRIES", "0")
            .env("LOTSE_QUOTA__BYTES", "0")
            .env("LOTSE_QUOTA__WRITTEN_AT_ONCE", "0");
        if self.federates {
            command
                .env("LOTSE_PEER_INSECURE", "true")
                // Only hints: what is measured shall not wait for a look.
                .env("LOTSE_PEER_POLL_SECONDS", "3600");
        }
        if let Some(url) = &self.database {
            command.env("LOTSE_DATABASE", url);
        }
        command
    }
}

impl Product {
    /// Makes the database and what a partner needs to write.
    pub(crate) fn prepare(&self) -> Result<()> {
        let said = self.run(&["init", "--email", ADMIN])?;
        let password = said.lines().find_map(|line| line.strip_prefix("password "));
        let password = password
            .and_then(|rest| rest.split_whitespace().next())
            .context("no password")?;
        fs::write(self.folder.join("password"), password)?;
        Ok(())
    }

    /// The coordinator, signed in: it may write for all organisations.
    pub(crate) fn writer(&self, url: &str) -> Result<Writer> {
        let client = Client::builder().no_proxy().timeout(None).build()?;
        let password = fs::read_to_string(self.folder.join("password"))?;
        let credentials = json!({"email": ADMIN, "password": password});
        let answer = succeeded(
            client
                .post(format!("{url}/api/v1/sessions"))
                .json(&credentials)
                .send()?,
        )?;
        let cookie = answer
            .headers()
            .get("set-cookie")
            .context("no session")?
            .to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Writer {
            client,
            url: url.to_owned(),
            origin: self.base_url.clone(),
            cookie,
        })
    }

    /// Writes 1,000 changes a second in batches of 100 until told to stop. Returns the rate that was reached.
    pub(crate) fn write_steadily(
        &self,
        url: &str,
        round: usize,
        is_over: &AtomicBool,
    ) -> Result<f64> {
        let writer = self.writer(url)?;
        let mut maker = Maker::new(100 + round as u64)?;
        let begun = Instant::now();
        let mut sent = 0;
        while !is_over.load(Ordering::SeqCst) {
            let entries: Vec<_> = (1..=STEADY_BATCH)
                .map(|index| maker.entry(sent % 5_000 + index))
                .collect();
            writer.send(writer.body(&entries))?;
            sent += STEADY_BATCH;
            let due = Duration::from_secs_f64(f64::from(sent) / STEADY_RATE);
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        Ok(f64::from(sent) / begun.elapsed().as_secs_f64())
    }

    /// Writes so many offers, each with a word of its own, and searches for the word until it is found.
    pub(crate) fn until_found(&self, url: &str, times: usize) -> Result<Vec<Duration>> {
        let writer = self.writer(url)?;
        let mut maker = Maker::new(200)?;
        let mut measured = Vec::with_capacity(times);
        for number in 0..times {
            let word = format!("zq{}x", letters(number));
            let mut entry = maker.entry(1);
            entry["visibility"] = json!("public");
            entry["external_id"] = json!(format!("found-{number}"));
            entry["content"]["title"]["en"] = json!(format!("Advice {word}"));
            let begun = Instant::now();
            writer.create(&entry)?;
            while writer.search(&word)? == 0 {
                if begun.elapsed() > Duration::from_secs(10) {
                    bail!("{word} was not found within 10 s");
                }
            }
            measured.push(begun.elapsed());
        }
        Ok(measured)
    }
}

/// Part of every entry's name, whatever port the server listens on.
const BASE_URL: &str = "http://127.0.0.1:8080";
/// For nodes that deal with each other: whatever is there.
const ALL_CORES: &str = "0-1023";
const ADMIN: &str = "admin@example.org";
/// Requests a minute.
const RATE: &str = "1000000000";
/// Entries of one steady batch, and how many a second.
const STEADY_BATCH: u32 = 100;
const STEADY_RATE: f64 = 1_000.0;

/// A word for a number, so that no two words of a measurement are one typo apart.
fn letters(number: usize) -> String {
    let mut text = String::new();
    let mut rest = number;
    for _ in 0..3 {
        let letter = char::from(b'a' + u8::try_from(rest % 26).unwrap_or_default());
        text.extend([letter, letter, letter]);
        rest /= 26;
    }
    text
}

/// A partner's program.
pub(crate) struct Partner {
    client: Client,
    url: String,
    token: String,
}

impl Partner {
    /// Makes a step of its own.
    pub(crate) fn step(&self, path: &str) -> Result<()> {
        let request = self.client.post(format!("{}/api/v1{path}", self.url));
        succeeded(request.bearer_auth(&self.token).json(&json!({})).send()?).map(drop)
    }
}

/// A client with its session.
pub(crate) struct Writer {
    client: Client,
    url: String,
    origin: String,
    cookie: String,
}

impl Writer {
    /// The body of a batch of upserts.
    pub(crate) fn body(&self, entries: &[Value]) -> String {
        entries.iter().map(line).collect()
    }

    /// Sends a batch and checks every line of the answer.
    pub(crate) fn send(&self, body: String) -> Result<()> {
        let request = self
            .client
            .post(format!("{}/api/v1/batch", self.url))
            .header("Cookie", &self.cookie)
            .header("Origin", &self.origin);
        let answer = succeeded(
            request
                .header("Content-Type", "application/x-ndjson")
                .body(body)
                .send()?,
        )?
        .text()?;
        let refused = answer.lines().find(|line| !line.contains("\"status\":20"));
        match refused {
            Some(line) => bail!("a line of the batch was refused: {line}"),
            None => Ok(()),
        }
    }

    /// Asks for something that only the admin may.
    pub(crate) fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let request = self
            .client
            .request(method, format!("{}/api/v1{path}", self.url))
            .header("Cookie", &self.cookie)
            .header("Origin", &self.origin);
        Ok(succeeded(request.json(body).send()?)?.json()?)
    }

    /// The session, as a request names it.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// A partner with the client that was made for it.
    pub(crate) fn partner(&self, url: &str, key: &Value) -> Result<Partner> {
        let text = |name: &str| key[name].as_str().context("a client without credentials");
        let request = self.client.post(format!("{url}/api/v1/token"));
        let form = [("grant_type", "client_credentials")];
        let request = request.basic_auth(text("id")?, Some(text("secret")?));
        let granted: Value = succeeded(request.form(&form).send()?)?.json()?;
        let token = granted["access_token"].as_str().context("no token")?;
        Ok(Partner {
            client: self.client.clone(),
            url: url.to_owned(),
            token: token.to_owned(),
        })
    }

    /// Creates one offer; returns its id.
    pub(crate) fn create(&self, entry: &Value) -> Result<String> {
        let request = self
            .client
            .post(format!("{}/api/v1/offers", self.url))
            .header("Cookie", &self.cookie)
            .header("Origin", &self.origin);
        let created: Value = succeeded(request.json(entry).send()?)?.json()?;
        let id = created["id"].as_str().context("an entry without an id")?;
        Ok(id.to_owned())
    }

    /// How many offers a search finds.
    pub(crate) fn search(&self, word: &str) -> Result<u64> {
        let answer: Value = succeeded(
            self.client
                .get(format!("{}/api/v1/offers?q={word}&limit=1", self.url))
                .send()?,
        )?
        .json()?;
        answer["total"].as_u64().context("a list without a total")
    }
}

/// An entry as a line of a batch.
fn line(entry: &Value) -> String {
    json!({"kind": entry["kind"], "id": entry["id"], "entry": entry}).to_string() + "\n"
}

fn succeeded(answer: Response) -> Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    bail!(
        "{} answered {status}: {}",
        answer.url().clone(),
        answer.text().unwrap_or_default()
    )
}
