//! Servers under measurement: started on one core, watched, and ended.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to get ready: a million rows are read at the start.
const PATIENCE: Duration = Duration::from_secs(600);

/// A running server. Dropping it ends the process.
pub(crate) struct Server {
    process: Child,
    url: String,
    ready_after: Duration,
}

/// Memory of a process in megabytes (10^6 bytes).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// All that is resident, mapped files included.
    pub(crate) resident: f64,
    /// What is resident and no file: what the process really needs.
    pub(crate) anonymous: f64,
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Server {
    /// Starts a program that listens on this port, pinned to some cores, and waits until `GET {probe}` succeeds.
    pub(crate) fn start(
        inner: &Command,
        cores: &str,
        port: u16,
        probe: &str,
        log: &Path,
    ) -> Result<Self> {
        let log_file = fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut pinned = Command::new("taskset");
        pinned
            .args(["-c", cores])
            .arg(inner.get_program())
            .args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => pinned.env(name, value),
                None => pinned.env_remove(name),
            };
        }
        let begun = Instant::now();
        let process = pinned
            .stdin(Stdio::null())
            .stdout(log_file.try_clone()?)
            .stderr(log_file)
            .spawn()
            .context("cannot start the server through taskset (package util-linux)")?;
        let mut server = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            ready_after: Duration::ZERO,
        };
        let client = reqwest::blocking::Client::builder().no_proxy().build()?;
        while begun.elapsed() < PATIENCE {
            if let Some(status) = server.process.try_wait()? {
                bail!(
                    "the server has ended ({status}):\n{}",
                    fs::read_to_string(log).unwrap_or_default()
                );
            }
            let answer = client.get(format!("{}{probe}", server.url)).send();
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                server.ready_after = begun.elapsed();
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("the server did not get ready in {} s", PATIENCE.as_secs())
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The time from its start until it was ready.
    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Seconds of processor time that it has used so far, of its own and in the kernel.
    pub(crate) fn processor_seconds(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name in brackets may hold anything; utime and stime are the 12th and 13th field after it (proc(5)).
        let (_, fields) = text.rsplit_once(')').context("stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.map(|field| field.parse().unwrap_or(0.0)).sum();
        Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
    }

    /// What it holds in memory now.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.process.id()))?;
        let megabytes = |name: &str| -> Result<f64> {
            let line = text.lines().find(|line| line.starts_with(name));
            let kibibytes = line
                .and_then(|line| line.split_whitespace().nth(1))
                .context("smaps_rollup")?;
            Ok(kibibytes.parse::<f64>()? * 1024.0 / 1e6)
        };
        Ok(Memory {
            resident: megabytes("Rss:")?,
            anonymous: megabytes("Anonymous:")?,
        })
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
