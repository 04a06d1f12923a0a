//! Load from wrk, pinned to a core of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The core that everything runs on which is not the server under measurement.
pub(crate) const CLIENT_CORE: &str = "1";
/// The core of the server.
pub(crate) const SERVER_CORE: &str = "0";

/// What one run of wrk came to.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) requests: u32,
    micros: u64,
    /// Latency in microseconds that 99 of 100 requests stayed below.
    pub(crate) p99: u64,
    failed: u64,
    broken: u64,
}

impl Outcome {
    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.requests) * 1e6 / self.micros.max(1) as f64
    }
}

/// A list of requests to send in turn.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    file: PathBuf,
    headers: Vec<String>,
}

impl Requests {
    /// Writes the paths into `folder`.
    pub(crate) fn new(folder: &Path, name: &str, paths: &[String]) -> Result<Self> {
        let file = folder.join(format!("{name}.requests"));
        fs::write(&file, paths.join("\n") + "\n").context("cannot write the requests")?;
        Ok(Self {
            file,
            headers: Vec::new(),
        })
    }

    /// The same requests with one header more.
    pub(crate) fn with(&self, header: &str) -> Self {
        let mut requests = self.clone();
        requests.headers.push(header.to_owned());
        requests
    }
}

/// Drives `url` with so many connections for so long.
///
/// # Errors
/// When wrk cannot run, or any answer was not a success: a fast refusal is no measurement.
pub(crate) fn drive(
    url: &str,
    requests: &Requests,
    connections: u32,
    seconds: u32,
) -> Result<Outcome> {
    let output = Command::new("taskset")
        .args(["-c", CLIENT_CORE, "wrk", "-t1", "--timeout", "30s"])
        .args([format!("-c{connections}"), format!("-d{seconds}s")])
        .arg("-s")
        .arg(script()?.path())
        .arg(url)
        .arg("--")
        .arg(&requests.file)
        .args(&requests.headers)
        .output()
        .context("cannot start wrk through taskset (packages wrk and util-linux)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    let Some(line) = line else {
        bail!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr));
    };
    let outcome: Outcome = serde_json::from_str(line).with_context(|| format!("wrk: {line}"))?;
    if outcome.failed + outcome.broken > 0 || outcome.requests == 0 {
        bail!(
            "{} of {} requests were refused and {} broke ({})",
            outcome.failed,
            outcome.requests,
            outcome.broken,
            requests.file.display()
        );
    }
    Ok(outcome)
}

fn script() -> Result<tempfile::NamedTempFile> {
    let file = tempfile::Builder::new().suffix(".lua").tempfile()?;
    fs::write(file.path(), include_str!("../lua/requests.lua"))?;
    Ok(file)
}

/// The middle one of some figures; of an even number, the mean of the two in the middle.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(
            median(&[3.0, 1.0, 2.0]).total_cmp(&2.0),
            std::cmp::Ordering::Equal
        );
        assert_eq!(
            median(&[4.0, 1.0, 2.0, 3.0]).total_cmp(&2.5),
            std::cmp::Ordering::Equal
        );
        assert!(median(&[]).is_nan());
    }
}
