//! How fast it answers, what it holds in memory, and how soon it is ready.

use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Options,
    load::{Outcome, Requests, SERVER_CORE, drive, median},
    product::Product,
    queries::{Scenario, scenarios},
    report::{Goals, Line},
    server::{Server, free_port},
};

/// Bytes of the fixed answer.
pub(crate) const FIXED: usize = 2048;
/// Connections of the measurement, and of the latency beside it.
pub(crate) const MANY: u32 = 64;
const FEW: u32 = 4;
/// How long a server is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(15);

/// Everything about reading, with so many entries.
pub(crate) fn measure(options: &Options, entries: u32) -> Result<Vec<Line>> {
    let folder = TempDir::with_prefix("lotse-bench-")?;
    let product = Product::new(&options.server, &folder.path().join("node"), None)?;
    eprintln!("{entries} entries: importing");
    let begun = Instant::now();
    product.prepare()?;
    product.import(entries)?;
    let import = begun.elapsed();

    let node = product.serve()?;
    let bench = Bench::new(options, entries, folder.path(), &node)?;
    let mut lines = bench.reads(&node)?;
    lines.push(bench.under_writes(&product)?);
    lines.push(bench.until_found(&product)?);
    eprintln!("{entries} entries: waiting for memory to settle");
    thread::sleep(SETTLE);
    let memory = node.memory()?;
    lines.push(Line::new(
        "memory, settled",
        format!("{:.0} MB", memory.resident),
        format!("{:.0} MB without mapped files", memory.anonymous),
        bench.goals.of("memory, settled"),
    ));
    node.stop()?;
    lines.push(bench.start(&product)?);
    lines.push(Line::new(
        "`lotse import`",
        format!("{:.1} s", import.as_secs_f64()),
        format!("{:.0} entries/s", f64::from(entries) / import.as_secs_f64()),
        "",
    ));
    Ok(lines)
}

struct Bench<'a> {
    options: &'a Options,
    entries: u32,
    folder: &'a Path,
    url: String,
    goals: Goals,
    scenarios: Vec<Scenario>,
    yardstick: Server,
    fixed: Requests,
    same_size: Requests,
}

impl<'a> Bench<'a> {
    fn new(options: &'a Options, entries: u32, folder: &'a Path, node: &Server) -> Result<Self> {
        let scenarios = scenarios(&offer_ids(node.url())?)?;
        let page = mean_size(node.url(), &scenarios)?;
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("yardstick")
            .args(["--port", &port.to_string()])
            .args(["--sizes", &format!("{FIXED},{page}")]);
        let yardstick = Server::start(
            &command,
            SERVER_CORE,
            port,
            &format!("/bytes/{FIXED}"),
            &folder.join("yardstick.log"),
        )?;
        let fixed = Requests::new(folder, "fixed", &[format!("/bytes/{FIXED}")])?;
        let same_size = Requests::new(folder, "same-size", &[format!("/bytes/{page}")])?;
        Ok(Self {
            options,
            entries,
            folder,
            url: node.url().to_owned(),
            goals: Goals::for_entries(entries),
            scenarios,
            yardstick,
            fixed,
            same_size,
        })
    }

    fn reads(&self, node: &Server) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for scenario in &self.scenarios {
            eprintln!("{} entries: {}", self.entries, scenario.name);
            let requests = Requests::new(self.folder, scenario.file, &scenario.paths)?;
            lines.push(self.line(node, scenario.name, &requests, &self.fixed)?);
            if scenario.file == "list" {
                lines.push(self.line(
                    node,
                    "filtered list, of a fixed answer of the same size",
                    &requests,
                    &self.same_size,
                )?);
            }
            if ["entry", "list", "text"].contains(&scenario.file) {
                let paths: Vec<_> = scenario.paths.iter().map(|path| in_german(path)).collect();
                let german =
                    Requests::new(self.folder, "german", &paths)?.with("Accept-Encoding: gzip");
                lines.push(self.line(
                    node,
                    &format!("{}, German and gzip", scenario.name),
                    &german,
                    &self.fixed,
                )?);
            }
        }
        Ok(lines)
    }

    /// The median over the rounds of the ratio to the yardstick, measured right before in each round.
    fn line(
        &self,
        node: &Server,
        name: &str,
        requests: &Requests,
        yardstick: &Requests,
    ) -> Result<Line> {
        let seconds = self.options.seconds();
        let (mut ratios, mut rates, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
        drive(&self.url, requests, MANY, 1)?;
        for _ in 0..self.options.rounds() {
            let (_, fixed) = drive_busy(&self.yardstick, yardstick, seconds)?;
            let (rate, own) = drive_busy(node, requests, seconds)?;
            ratios.push(own / fixed);
            rates.push(rate);
            latencies.push(self.latency(requests)?);
        }
        let mut line = Line::new(
            name,
            format!("{:.0}/s", median(&rates)),
            format!("{:.3}", median(&ratios)),
            self.goals.of(name),
        );
        line.p99 = format!("{:.2} ms", median(&latencies));
        Ok(line)
    }

    fn latency(&self, requests: &Requests) -> Result<f64> {
        let outcome: Outcome = drive(&self.url, requests, FEW, self.options.seconds().div_ceil(2))?;
        Ok(outcome.p99 as f64 / 1000.0)
    }

    /// Filtered lists while 1,000 entries a second are written, of idle.
    fn under_writes(&self, product: &Product) -> Result<Line> {
        eprintln!("{} entries: reads under writes", self.entries);
        let list = self
            .scenarios
            .iter()
            .find(|scenario| scenario.file == "list")
            .context("no list")?;
        let requests = Requests::new(self.folder, "list", &list.paths)?;
        let (mut ratios, mut written) = (Vec::new(), Vec::new());
        for round in 0..self.options.rounds() {
            let idle = drive(&self.url, &requests, MANY, self.options.seconds())?;
            let is_over = AtomicBool::new(false);
            let (busy, rate) = thread::scope(|scope| {
                let writer = scope.spawn(|| product.write_steadily(&self.url, round, &is_over));
                let busy = drive(&self.url, &requests, MANY, self.options.seconds());
                is_over.store(true, Ordering::SeqCst);
                let rate = writer
                    .join()
                    .unwrap_or_else(|_| bail!("the writer has panicked"));
                (busy, rate)
            });
            ratios.push(busy?.rate() / idle.rate());
            written.push(rate?);
        }
        Ok(Line::new(
            "reads while 1,000 entries/s are written, of idle",
            format!("{:.0} entries/s written", median(&written)),
            format!("{:.2}", median(&ratios)),
            "0.75",
        ))
    }

    /// From sending a new offer until a search for a word of it finds it.
    fn until_found(&self, product: &Product) -> Result<Line> {
        eprintln!("{} entries: written until found", self.entries);
        let times = product.until_found(&self.url, if self.options.quick { 10 } else { 100 })?;
        let milliseconds: Vec<_> = times
            .iter()
            .map(|time| time.as_secs_f64() * 1000.0)
            .collect();
        let longest = milliseconds.iter().copied().fold(0.0, f64::max);
        Ok(Line::new(
            "written until found by search, median",
            format!("{:.0} ms", median(&milliseconds)),
            format!("longest {longest:.0} ms"),
            "50 ms",
        ))
    }

    /// Start to ready, of a plain scan and parse of all rows.
    fn start(&self, product: &Product) -> Result<Line> {
        eprintln!("{} entries: start to ready", self.entries);
        let (mut starts, mut scans) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rounds() {
            let node = product.serve()?;
            starts.push(node.ready_after().as_secs_f64());
            node.stop()?;
            let (scan, rows) = scan(&product.database())?;
            if rows < self.entries as usize {
                bail!("{rows} rows in the database, expected {}", self.entries);
            }
            scans.push(scan);
        }
        let (start, scan) = (median(&starts), median(&scans));
        Ok(Line::new(
            "start to ready, of a plain scan and parse",
            format!("{start:.2} s of {scan:.2} s"),
            format!("{:.1} times", start / scan),
            "2 times",
        ))
    }
}

/// Requests per second, and per second of the server's processor time: what a machine that others use as well takes away
/// in between counts for neither side of a ratio.
pub(crate) fn drive_busy(server: &Server, requests: &Requests, seconds: u32) -> Result<(f64, f64)> {
    let before = server.processor_seconds()?;
    let outcome = drive(server.url(), requests, MANY, seconds)?;
    let used = server.processor_seconds()? - before;
    Ok((outcome.rate(), f64::from(outcome.requests) / used.max(0.01)))
}

/// Seconds of a plain scan and parse on the server's core, and the rows.
fn scan(database: &str) -> Result<(f64, usize)> {
    let mut command = Command::new("taskset");
    command
        .args(["-c", SERVER_CORE])
        .arg(std::env::current_exe()?)
        .args(["scan", database]);
    let said = String::from_utf8(command.output()?.stdout)?;
    let (seconds, rows) = said
        .trim()
        .split_once(' ')
        .context("the scan said nothing")?;
    Ok((seconds.parse()?, rows.parse()?))
}

fn in_german(path: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}lang=de")
}

/// Ids of offers from all over the directory.
fn offer_ids(url: &str) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for country in ["DE", "XK", "TR", "GH"] {
        let page: Value =
            reqwest::blocking::get(format!("{url}/api/v1/offers?country={country}&limit=100"))?
                .error_for_status()?
                .json()?;
        let items = page["items"].as_array().context("a list without items")?;
        ids.extend(
            items
                .iter()
                .filter_map(|item| item["id"].as_str())
                .map(str::to_owned),
        );
    }
    Ok(ids)
}

/// Mean bytes of the body of a filtered list.
fn mean_size(url: &str, scenarios: &[Scenario]) -> Result<usize> {
    let list = scenarios
        .iter()
        .find(|scenario| scenario.file == "list")
        .context("no list")?;
    let sample = 50;
    let mut bytes = 0;
    for path in list.paths.iter().take(sample) {
        bytes += reqwest::blocking::get(format!("{url}{path}"))?
            .error_for_status()?
            .bytes()?
            .len();
    }
    Ok(bytes / sample)
}
