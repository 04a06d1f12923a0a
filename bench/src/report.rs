//! The table for the README.

use std::fmt::Write;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// What was measured.
    pub(crate) name: String,
    /// The figure itself, with its unit.
    pub(crate) figure: String,
    /// The figure as compared with its yardstick, or alone where it has none.
    pub(crate) measured: String,
    /// What is to be reached.
    pub(crate) goal: String,
    /// Milliseconds that 99 of 100 requests stay below at 4 connections.
    pub(crate) p99: String,
}

impl Line {
    /// A line without a latency.
    pub(crate) fn new(name: &str, figure: String, measured: String, goal: &str) -> Self {
        Self {
            name: name.to_owned(),
            figure,
            measured,
            goal: goal.to_owned(),
            p99: String::new(),
        }
    }
}

/// The goals for a number of entries, in the order of the README's table.
pub(crate) struct Goals {
    pub(crate) by_name: &'static [(&'static str, &'static str)],
}

const HUNDRED_THOUSAND: &[(&str, &str)] = &[
    ("one entry by id", "0.85"),
    ("filtered list, 20 full entries", "0.45"),
    ("filtered list, of a fixed answer of the same size", "0.85"),
    ("coverage country × topic, unfiltered", "0.80"),
    ("coverage, filtered by language", "0.05"),
    ("text with two filters, 20 entries", "0.07"),
    ("nearest 20 within a radius", "0.30"),
    ("memory, settled", "220 MB"),
];

const MILLION: &[(&str, &str)] = &[
    ("one entry by id", "0.80"),
    ("filtered list, 20 full entries", "0.15"),
    ("coverage country × topic, unfiltered", "0.80"),
    ("coverage, filtered by language", "0.01"),
    ("text with two filters, 20 entries", "0.01"),
    ("nearest 20 within a radius", "0.06"),
    ("memory, settled", "2.2 GB"),
];

impl Goals {
    pub(crate) fn for_entries(entries: u32) -> Self {
        let by_name = match entries {
            1_000_000.. => MILLION,
            100_000.. => HUNDRED_THOUSAND,
            _ => &[],
        };
        Self { by_name }
    }

    pub(crate) fn of(&self, name: &str) -> &'static str {
        self.by_name
            .iter()
            .find(|(of, _)| *of == name)
            .map_or("", |(_, goal)| goal)
    }
}

/// A Markdown table.
pub(crate) fn table(title: &str, lines: &[Line]) -> String {
    let mut text = format!(
        "### {title}\n\n| | measured | ratio | to reach | p99 at 4 connections |\n|---|---|---|---|---|\n"
    );
    for line in lines {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            line.name, line.figure, line.measured, line.goal, line.p99
        );
    }
    text
}

/// Date, processor, cores, memory: `2026-11-22, 2 cores (...), 24 GB`.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default();
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let processor = value(&read("/proc/cpuinfo"), "model name");
    let kibibytes: f64 = value(&read("/proc/meminfo"), "MemTotal")
        .trim_end_matches(" kB")
        .parse()
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let today = today();
    format!(
        "{today}, {cores} cores ({processor}), {:.0} GB of memory",
        kibibytes * 1024.0 / 1e9
    )
}

fn today() -> String {
    chrono::Utc::now().date_naive().to_string()
}
