//! Two real nodes on this machine: one pulls everything that the other has, then keeps up with it.

use std::{
    fs,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use domain::Origin;
use federation::protocol::document::NodeDocument;
use federation::protocol::http_signature::{Request, Stamp, content_digest, sign};
use federation::protocol::key::SecretKey;
use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Options,
    entries::Maker,
    load::median,
    product::{Product, Writer},
    report::Line,
    server::Server,
    writes::{dropped, fresh},
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// Signed requests of one round of the yardstick, and how many are under way at once.
const REQUESTS: usize = 4_000;
const AT_ONCE: usize = 4;
/// Entries that change while the follower is away.
const CHANGES: u32 = 100;
/// How long the follower has for them.
const QUIET: Duration = Duration::from_secs(3);
/// Writes whose way to the other node is timed.
const WRITES: usize = 40;

/// A node that is running.
struct Running<'a> {
    product: &'a Product,
    server: Server,
    admin: Writer,
}

impl<'a> Running<'a> {
    fn start(product: &'a Product) -> Result<Self> {
        let server = product.serve()?;
        let admin = product.writer(server.url())?;
        Ok(Self {
            product,
            server,
            admin,
        })
    }

    fn total(&self) -> Result<u64> {
        let found = self
            .admin
            .ask(Method::GET, "/entries?limit=1", &json!({}))?;
        found["total"].as_u64().context("a list without a total")
    }
}

fn wait_for<T>(what: &str, mut check: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = check()? {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("waited in vain: {what}")
}

/// Everything about federation.
pub(crate) fn measure(options: &Options, entries: u32) -> Result<Vec<Line>> {
    let folder = TempDir::with_prefix("lotse-bench-")?;
    let origin = Product::federating(&options.server, &folder.path().join("a"), None)?;
    origin.prepare()?;
    origin.import(entries)?;
    let a = Running::start(&origin)?;
    let rows = published(&a)?;
    let mut lines = Vec::new();
    for (name, postgres) in [("SQLite", false), ("PostgreSQL", true)] {
        let pulls = pulls(options, &a, postgres, rows)?;
        lines.extend(pulls.lines(name, postgres));
    }
    let follower = Product::federating(&options.server, &folder.path().join("b"), None)?;
    follower.prepare()?;
    let b = Running::start(&follower)?;
    ask(&a, &b)?;
    begin(&a, &b)?;
    wait_until_same(&a, &b)?;
    lines.push(catching_up(&a, &b)?);
    lines.push(proving(&a, &b)?);
    lines.push(hinted(&a, &b)?);
    b.server.stop()?;
    a.server.stop()?;
    Ok(lines)
}

/// Waits until a node has published both of its feeds and is quiet: how many rows there are.
fn published(a: &Running<'_>) -> Result<u64> {
    let client = Client::builder().no_proxy().build()?;
    let url = format!("{}/fed/v1/feeds/public/head", a.server.url());
    let (mut before, mut quiet) = (0.0, 0);
    wait_for("a node that has published all", || {
        let used = a.server.processor_seconds()?;
        quiet = if used - before < 0.03 { quiet + 1 } else { 0 };
        before = used;
        let head = client.get(&url).send()?.status().is_success();
        thread::sleep(Duration::from_secs(1));
        Ok((head && quiet >= 4).then_some(()))
    })?;
    a.total()
}

/// B asks A, whose admin agrees. When B's admin does, too, it begins to pull.
fn ask(a: &Running<'_>, b: &Running<'_>) -> Result<()> {
    let node = json!({"base_url": a.product.base_url()});
    b.admin.ask(Method::POST, "/peers", &node)?;
    let approval = format!("/peers/{}/approve", b.product.host());
    a.admin.ask(Method::POST, &approval, &json!({}))?;
    Ok(())
}

fn begin(a: &Running<'_>, b: &Running<'_>) -> Result<()> {
    let approval = format!("/peers/{}/approve", a.product.host());
    b.admin.ask(Method::POST, &approval, &json!({})).map(drop)
}

fn shown(b: &Running<'_>, a: &Running<'_>) -> Result<Value> {
    let path = format!("/peers/{}", a.product.host());
    b.admin.ask(Method::GET, &path, &json!({}))
}

fn head_seq(a: &Running<'_>, b: &Running<'_>) -> Result<u64> {
    // What the origin says to its follower: by the follower's own comparison.
    let path = format!("/peers/{}/verify", a.product.host());
    let found = b.admin.ask(Method::POST, &path, &json!({}))?;
    found["seq"]
        .as_u64()
        .context("a comparison without a number")
}

fn wait_until_same(a: &Running<'_>, b: &Running<'_>) -> Result<()> {
    wait_for("both hold the same", || {
        let peer = shown(b, a)?;
        Ok((!peer["agreed"].is_null()).then_some(()))
    })
}

/// What first full pulls came to.
#[derive(Debug, Default)]
struct Pulls {
    seconds: Vec<f64>,
    rows: u64,
    of_requests: Vec<f64>,
    of_dump: Vec<f64>,
    above: Vec<f64>,
}

impl Pulls {
    fn lines(&self, name: &str, postgres: bool) -> Vec<Line> {
        let seconds = median(&self.seconds);
        let rate = self.rows as f64 / seconds;
        let mut lines = vec![Line::new(
            &format!("first full pull, {name}, of one signed request per entry"),
            format!("{seconds:.1} s, {rate:.0} entries/s"),
            format!("{:.1} times", median(&self.of_requests)),
            "6 times",
        )];
        if postgres {
            lines.push(Line::new(
                "the same, of `pg_dump` into `psql` for the same rows",
                String::new(),
                format!("{:.2}", median(&self.of_dump)),
                "0.35",
            ));
        }
        lines.push(Line::new(
            &format!(
                "memory while pulling, above that of a settled node with the same entries, {name}"
            ),
            format!("{:.0} MB", median(&self.above)),
            String::new(),
            "100 MB",
        ));
        lines
    }
}

fn pulls(options: &Options, a: &Running<'_>, postgres: bool, rows: u64) -> Result<Pulls> {
    let mut pulls = Pulls {
        rows,
        ..Pulls::default()
    };
    for round in 0..options.rounds() {
        eprintln!("pulling {rows} entries, round {}", round + 1);
        let folder = TempDir::with_prefix("lotse-bench-")?;
        let database = fresh(postgres)?;
        let product = Product::federating(&options.server, folder.path(), database.clone())?;
        product.prepare()?;
        let b = Running::start(&product)?;
        let before = b.total()?;
        let (seconds, peak) = pull(a, &b, before + rows)?;
        let per_request = signed_requests(a, &b)?;
        let url = b.server.url().to_owned();
        b.server.stop()?;
        drop(url);
        let settled = product.serve()?;
        thread::sleep(Duration::from_secs(10));
        pulls.above.push(peak - settled.memory()?.anonymous);
        settled.stop()?;
        pulls.seconds.push(seconds);
        pulls.of_requests.push(per_request * rows as f64 / seconds);
        if let Some(url) = database {
            pulls.of_dump.push(dump_and_load(&url)? / seconds);
            dropped(&url)?;
        }
        // Rounds are long: what was measured is seen even where a later one fails.
        eprintln!("{pulls:.2?}");
        // It goes, so that hints to it do not disturb what comes next.
        let path = format!("/peers/{}/reject", product.host());
        a.admin.ask(Method::POST, &path, &json!({}))?;
    }
    Ok(pulls)
}

/// The first full pull: seconds until the last verified row can be read, and the most memory meanwhile.
fn pull(a: &Running<'_>, b: &Running<'_>, total: u64) -> Result<(f64, f64)> {
    let over = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut peak: f64 = 0.0;
            while !over.load(Ordering::SeqCst) {
                if let Ok(memory) = b.server.memory() {
                    peak = peak.max(memory.anonymous);
                }
                thread::sleep(Duration::from_millis(100));
            }
            peak
        });
        let asked = ask(a, b);
        let begun = Instant::now();
        let done = asked.and_then(|()| begin(a, b)).and_then(|()| {
            wait_for("all entries", || {
                Ok((b.total()? >= total).then_some(begun.elapsed()))
            })
        });
        over.store(true, Ordering::SeqCst);
        let peak = watching.join().unwrap_or(0.0);
        Ok((done?.as_secs_f64(), peak))
    })
}

/// Seconds for one signed request that carries one entry: what pushing each entry by itself would cost at least. The
/// other node verifies the signature and the digest of the body, and does nothing more.
fn signed_requests(a: &Running<'_>, b: &Running<'_>) -> Result<f64> {
    let client = Client::builder().no_proxy().build()?;
    let document = client
        .get(format!("{}/.well-known/did.json", b.server.url()))
        .send()?
        .bytes()?;
    let document = NodeDocument::parse(&document)?;
    let public = document
        .request_key(document.request_method())
        .context("a document without a key")?;
    let path = b
        .product
        .keys()
        .join(format!("{}.pem", public.to_multikey()));
    let key = SecretKey::from_pem(&fs::read_to_string(path)?)?;
    let base: Origin = a.product.base_url().parse().map_err(anyhow::Error::msg)?;
    let url = format!("{}/fed/v1/hints", a.server.url());
    let mut maker = Maker::new(3)?;
    let entry = maker.entry(1).to_string();
    let begun = Instant::now();
    let sent: Result<Vec<()>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|thread| {
                let (client, key, document, base) = (client.clone(), &key, &document, &base);
                let (url, entry) = (url.as_str(), entry.as_str());
                scope.spawn(move || {
                    for number in 0..REQUESTS / AT_ONCE {
                        let nonce = format!("{thread}-{number}");
                        send_signed(&client, url, base, key, document, &nonce, entry)?;
                    }
                    Ok(())
                })
            })
            .collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread failed")));
        joined.collect()
    });
    sent?;
    Ok(begun.elapsed().as_secs_f64() / REQUESTS as f64)
}

fn send_signed(
    client: &Client,
    url: &str,
    base: &Origin,
    key: &SecretKey,
    document: &NodeDocument,
    nonce: &str,
    body: &str,
) -> Result<()> {
    let digest = content_digest(body.as_bytes());
    let now = chrono::Utc::now().timestamp();
    let request = Request {
        method: "POST",
        authority: base.host(),
        path: "/fed/v1/hints",
        query: None,
        content_digest: Some(&digest),
    };
    let stamp = Stamp {
        created: now,
        expires: now + 100,
        key_id: document.request_method(),
        nonce,
    };
    let (input, signature) = sign(&request, &stamp, key)?;
    let answer = client
        .post(url)
        .header("Signature-Input", input)
        .header("Signature", signature)
        .header("Content-Digest", &digest)
        .header("Content-Type", "application/json")
        .body(body.to_owned())
        .send()?;
    if !answer.status().is_success() {
        bail!("a signed request was refused: {}", answer.text()?);
    }
    Ok(())
}

/// Seconds for copying a database with PostgreSQL's own tools.
fn dump_and_load(url: &str) -> Result<f64> {
    let target = fresh(true)?.context("PostgreSQL is missing")?;
    let tools = ["/usr/lib/postgresql/15/bin", "/usr/bin", "/usr/local/bin"]
        .into_iter()
        .find(|folder| fs::exists(format!("{folder}/pg_dump")).unwrap_or(false))
        .context("pg_dump is missing")?;
    let begun = Instant::now();
    let mut dump = Command::new(format!("{tools}/pg_dump"))
        .args(["--no-owner", url])
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let pipe = dump.stdout.take().context("no output of pg_dump")?;
    let load = Command::new(format!("{tools}/psql"))
        .args(["--quiet", "--set", "ON_ERROR_STOP=1", &target])
        .stdin(pipe)
        .stdout(std::process::Stdio::null())
        .status()?;
    let dumped = dump.wait()?;
    if !dumped.success() || !load.success() {
        bail!("pg_dump into psql: {dumped}, {load}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    dropped(&target)?;
    Ok(seconds)
}

/// Processor time of both sides for catching up on some changes that came while the follower was away.
fn catching_up(a: &Running<'_>, b: &Running<'_>) -> Result<Line> {
    let host = a.product.host();
    let ask = |what: &str| {
        b.admin
            .ask(Method::POST, &format!("/peers/{host}/{what}"), &json!({}))
    };
    let mut spent = Vec::new();
    for round in 0..5 {
        ask("pause")?;
        let mut maker = Maker::new(500 + round)?;
        let changed: Vec<Value> = (1..=CHANGES).map(|index| maker.entry(index)).collect();
        a.admin.send(a.admin.body(&changed))?;
        // Until the origin has published them and is quiet again.
        thread::sleep(Duration::from_secs(3));
        let used =
            || -> Result<f64> { Ok(a.server.processor_seconds()? + b.server.processor_seconds()?) };
        let seq = shown(b, a)?["seq"].as_u64().unwrap_or(0);
        let before = used()?;
        ask("resume")?;
        // Not asked for meanwhile: that would count as well.
        thread::sleep(QUIET);
        spent.push((used()? - before) * 1e3);
        let now = shown(b, a)?["seq"].as_u64().unwrap_or(0);
        if now < seq + u64::from(CHANGES) / 2 {
            bail!("the changes have not come within {QUIET:?}");
        }
    }
    Ok(Line::new(
        "catching up on 100 changes, processor time of both sides",
        format!("{:.0} ms", median(&spent)),
        String::new(),
        "as among 10,000, within 30 %",
    ))
}

/// Proving that both hold the same, of reading the digests.
fn proving(a: &Running<'_>, b: &Running<'_>) -> Result<Line> {
    let client = Client::builder().no_proxy().build()?;
    let (mut proofs, mut reads) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let begun = Instant::now();
        head_seq(a, b)?;
        proofs.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        for bucket in 0..=255 {
            let url = format!("{}/fed/v1/feeds/public/state/{bucket}", a.server.url());
            client.get(url).send()?.error_for_status()?.bytes()?;
        }
        reads.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Line::new(
        "proving that both hold the same, of reading all digests",
        format!("{:.1} ms", median(&proofs)),
        format!("{:.2}", median(&proofs) / median(&reads)),
        "1",
    ))
}

/// A write at A until it can be read at B, beyond the write itself.
fn hinted(a: &Running<'_>, b: &Running<'_>) -> Result<Line> {
    let client = Client::builder().no_proxy().build()?;
    let mut maker = Maker::new(900)?;
    let mut later = Vec::new();
    for number in 0..WRITES {
        let mut entry = maker.entry(1);
        entry["visibility"] = json!("public");
        entry["external_id"] = json!(format!("hinted-{number}"));
        let members = entry.as_object_mut().context("an entry is an object")?;
        members.remove("id");
        let id = a.admin.create(&entry)?;
        let written = Instant::now();
        let url = format!("{}/api/v1/offers/{id}@{}", b.server.url(), a.product.host());
        wait_for("the entry at the other node", || {
            let status = client.get(&url).send()?.status();
            Ok(status.is_success().then_some(()))
        })?;
        later.push(written.elapsed().as_secs_f64() * 1e3);
        thread::sleep(Duration::from_millis(100));
    }
    Ok(Line::new(
        "a write at one node until it can be read at the other, beyond the write itself, median",
        format!("{:.0} ms", median(&later)),
        String::new(),
        "250 ms",
    ))
}
