//! How much room the entries of one organisation may take, and how fast they may be written. Coordinators and the node
//! itself may go beyond either; what they write counts all the same.

use crate::{Actor, Reason, Refusal};

/// What one organisation may have and write. 0 switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Live entries that it owns.
    pub entries: u64,
    /// Bytes of these entries as they are stored, without their history.
    pub bytes: u64,
    /// Bytes that may be written at once after a pause: every version of an entry stays in its history.
    pub written_at_once: u64,
    /// Bytes that may be written per minute in the long run.
    pub written_per_minute: u64,
}

/// Bytes that a version of an entry costs besides its text: its row in the history, in the audit and in their indexes. So
/// many small changes are bounded as well.
pub const VERSION_BYTES: u64 = 1_024;

impl Default for Quota {
    /// 20,000 entries and 32 MB: a fifth of what a node promises to serve within its memory. 64 MB of versions at once, so
    /// that a whole directory can be written anew in one night, and 1 MB per minute after that.
    fn default() -> Self {
        Self {
            entries: 20_000,
            bytes: 32 << 20,
            written_at_once: 64 << 20,
            written_per_minute: 1 << 20,
        }
    }
}

/// What the live entries of one organisation take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// How many there are.
    pub entries: u64,
    /// Bytes of them as they are stored, without their history.
    pub bytes: u64,
}

/// What is about to be written of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the live entry so far; `None` where it is new to its owner.
    pub before: Option<u64>,
    /// Bytes of the entry from now on.
    pub after: u64,
}

impl Written {
    /// What it takes of the bytes that may be written.
    #[must_use]
    pub fn cost(self) -> u64 {
        self.after.saturating_add(VERSION_BYTES)
    }
}

impl Quota {
    /// Whether an entry may be written so, given what its owner has (`used`) and has lately written (`spent`, in bytes). An
    /// entry that does not grow is always within the quota, so that whoever is beyond it can get back.
    ///
    /// # Errors
    /// [`Reason::QuotaReached`], and [`Reason::WrittenTooMuch`] with the time to wait.
    pub fn admit(
        &self,
        actor: &Actor,
        written: Written,
        used: Usage,
        spent: u64,
    ) -> Result<(), Refusal> {
        if actor.is_coordinator() {
            return Ok(());
        }
        if written.before.is_none() && is_full(used.entries, 1, self.entries) {
            return Err(full("entries", used.entries, self.entries));
        }
        let growth = written.after.saturating_sub(written.before.unwrap_or(0));
        if growth > 0 && is_full(used.bytes, growth, self.bytes) {
            return Err(full("bytes", used.bytes, self.bytes));
        }
        self.admit_spent(spent)
    }

    /// Whether something more may be written after `spent` bytes. The last that is let in may go beyond what is left: then
    /// the wait is the longer.
    ///
    /// # Errors
    /// [`Reason::WrittenTooMuch`] with the time to wait.
    pub fn admit_spent(&self, spent: u64) -> Result<(), Refusal> {
        if self.written_at_once == 0 || self.written_per_minute == 0 {
            return Ok(());
        }
        let Some(over) = spent.checked_sub(self.written_at_once) else {
            return Ok(());
        };
        let seconds = over.saturating_mul(60) / self.written_per_minute;
        Err(Refusal::new(
            Reason::WrittenTooMuch {
                seconds: seconds.saturating_add(1),
            },
            format!(
                "your organisation has written {} bytes lately, the most at once; {} per minute are possible in the long run",
                self.written_at_once, self.written_per_minute
            ),
        ))
    }
}

fn is_full(used: u64, more: u64, most: u64) -> bool {
    most > 0 && used.saturating_add(more) > most
}

fn full(what: &str, used: u64, most: u64) -> Refusal {
    Refusal::new(
        Reason::QuotaReached,
        format!(
            "your organisation's entries take {used} of {most} {what}, and this would be too many: delete some, or ask the \
             coordinators of this node"
        ),
    )
}
