//! What came of attacks, as a table and as a verdict.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::Counts;
use super::honest::Honest;
use super::run::Memory;

/// What attacks came to.
pub struct Row {
    /// What they are called together.
    pub name: String,
    /// Each one's name.
    pub names: Vec<&'static str>,
    /// Each one's statuses that nobody may be answered.
    pub never: Vec<&'static [u16]>,
    /// How long it took.
    pub took: Duration,
    /// What each was answered.
    pub counts: Vec<Counts>,
    /// What honest ones were answered meanwhile.
    pub honest: Honest,
    /// The node's memory before.
    pub before: Memory,
    /// And after.
    pub after: Memory,
    /// By how many bytes its log has grown.
    pub log: u64,
}

/// What must hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most that the node may hold at once, in bytes.
    pub peak: u64,
    /// How long half of the honest reader's questions may take at most; none where the machine says nothing about that.
    pub median: Option<Duration>,
    /// The most that the log may grow by, in bytes.
    pub log: u64,
}

impl Row {
    /// What does not hold; empty where all does.
    #[must_use]
    pub fn failures(&self, bounds: &Bounds) -> Vec<String> {
        let mut found = Vec::new();
        if self.after.peak > bounds.peak {
            found.push(format!(
                "held {} MB at once, more than {} MB",
                megabytes(self.after.peak),
                megabytes(bounds.peak)
            ));
        }
        let median = self.honest.reader.percentile(50);
        if bounds.median.is_some_and(|most| median > most) {
            found.push(format!("the median of honest readers is {median:?}"));
        }
        if self.log > bounds.log {
            found.push(format!("the log grew by {} bytes", self.log));
        }
        for (who, served) in [
            ("reader", &self.honest.reader),
            ("partner", &self.honest.partner),
            ("peer", &self.honest.peer),
        ] {
            let asked = served.failed.len() + served.took.len();
            if let Some(first) = served.failed.first() {
                let failed = served.failed.len();
                found.push(format!("{failed} of {asked} of the honest {who}: {first}"));
            }
        }
        for ((name, never), counts) in self.names.iter().zip(&self.never).zip(&self.counts) {
            let through = never.iter().chain(&[500]);
            for status in through.filter(|status| counts.answers.contains_key(status)) {
                let times = counts.answers.get(status).copied().unwrap_or_default();
                found.push(format!("{name} was answered {status} {times} times"));
            }
        }
        found
    }

    /// Answers of all by status.
    fn answers(&self) -> String {
        let mut all: BTreeMap<u16, u64> = BTreeMap::new();
        for (status, times) in self.counts.iter().flat_map(|counts| &counts.answers) {
            *all.entry(*status).or_default() += times;
        }
        let mut text = String::new();
        for (status, times) in all {
            let _ = write!(text, "{status}×{times} ");
        }
        let sum = |of: fn(&Counts) -> u64| self.counts.iter().map(of).sum::<u64>();
        let _ = write!(
            text,
            "cut×{} refused×{}",
            sum(|one| one.cut),
            sum(|one| one.refused)
        );
        text
    }
}

/// The rows as a table.
#[must_use]
pub fn table(rows: &[Row], bounds: &Bounds) -> String {
    let mut text = String::from(
        "| attack | requests | seconds | reader: median, p99 (ms) | honest: reader, partner, peer | memory before, peak (MB) | answers (MB) | log (KB) | answers | verdict |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let honest = [&row.honest.reader, &row.honest.partner, &row.honest.peer]
            .map(|served| {
                format!(
                    "{}/{}",
                    served.took.len(),
                    served.took.len() + served.failed.len()
                )
            })
            .join(", ");
        let failures = row.failures(bounds);
        let verdict = if failures.is_empty() {
            "holds"
        } else {
            "FAILS"
        };
        let millis = |percentile| row.honest.reader.percentile(percentile).as_secs_f64() * 1e3;
        let sum = |of: fn(&Counts) -> u64| row.counts.iter().map(of).sum::<u64>();
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.1}, {:.0} | {honest} | {}, {} | {:.1} | {} | {} | {verdict} |",
            row.name,
            sum(|one| one.sent),
            row.took.as_secs_f64(),
            millis(50),
            millis(99),
            megabytes(row.before.now),
            megabytes(row.after.peak),
            sum(|one| one.bytes) as f64 / 1e6,
            row.log / 1_000,
            row.answers(),
        );
    }
    for row in rows {
        for failure in row.failures(bounds) {
            let _ = writeln!(text, "\n{}: {failure}", row.name);
        }
    }
    text
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}
