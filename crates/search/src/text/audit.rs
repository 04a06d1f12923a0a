//! Comparing a text index with the directory, by content: which terms it finds each entry by.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::time::Duration;

use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet as _, SegmentReader, TERMINATED, postings::Postings as _};

use super::analyse::Analyser;
use super::store::{Fields, FolderLock, Store, Unusable, folder_of};
use super::terms::terms;
use crate::document::{Document, KeyHash, Level};

/// How often an index that cannot be read is looked at, and how long it waits in between.
const ATTEMPTS: u32 = 3;
/// See [`ATTEMPTS`].
const PAUSE: Duration = Duration::from_millis(300);

/// Why an index cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is none: the node has not served yet, or it was removed.
    #[error("there is no text index")]
    Missing,
    /// It was made by another version, or for another state of the database: the next start builds it anew.
    #[error("it belongs to another state of the database")]
    Other,
    /// It cannot be read as it was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// What differs between an entry and the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The index does not know the entry.
    Missing,
    /// It finds it by other words than those that it has.
    Terms,
}

/// What a text index holds: one number for the terms of each entry, of which it keeps nothing else in memory.
#[derive(Debug)]
pub struct Audit {
    through: i64,
    /// By the hash of its key, the digest of the terms that an entry is found by.
    held: HashMap<u64, u64>,
    /// Documents beyond the first of their keys.
    doubles: u64,
    analyser: Analyser,
}

impl Audit {
    /// Reads the text index in `folder`, and changes nothing in it. A running node may go on writing: what is read is of
    /// one commit.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn open(folder: &Path, generation: &str) -> Result<Self, AuditError> {
        if !folder_of(folder).exists() {
            return Err(AuditError::Missing);
        }
        let lock = FolderLock::take(folder);
        let is_running = matches!(lock, Err(crate::IndexError::InUse));
        let mut attempt = 1;
        loop {
            match Self::open_once(folder, generation) {
                // A running node may have replaced what was about to be read.
                Err(AuditError::Damaged(_)) if is_running && attempt < ATTEMPTS => {
                    attempt += 1;
                    std::thread::sleep(PAUSE);
                }
                outcome => return outcome,
            }
        }
    }

    fn open_once(folder: &Path, generation: &str) -> Result<Self, AuditError> {
        let store = Store::existing(&folder_of(folder), generation).map_err(|why| match why {
            Unusable::Missing => AuditError::Missing,
            Unusable::Other => AuditError::Other,
            Unusable::Damaged(cause) => AuditError::Damaged(cause),
        })?;
        if store.is_empty() {
            // It is being built, or was when the process ended: it is built from the beginning then.
            return Err(AuditError::Missing);
        }
        let mut audit = Self {
            through: store.progress.through,
            held: HashMap::new(),
            doubles: 0,
            analyser: Analyser::default(),
        };
        let searcher = store.reader.searcher();
        for reader in searcher.segment_readers() {
            health::caught(|| audit.read(reader, store.fields))
                .map_err(|panicked| AuditError::Damaged(panicked.to_string()))?
                .map_err(|error| AuditError::Damaged(error.to_string()))?;
        }
        Ok(audit)
    }

    /// Changes up to this number are in it.
    #[must_use]
    pub fn through(&self) -> i64 {
        self.through
    }

    /// What differs for an entry of the directory. Each is asked about once. What is shown of an entry may depend on the
    /// day: `then` gives it as it was on the day that it was written.
    pub fn compare(
        &mut self,
        document: Document,
        then: impl FnOnce() -> Option<Document>,
    ) -> Option<Difference> {
        let Some(held) = self.held.remove(&KeyHash::of(&document.key).0) else {
            return Some(Difference::Missing);
        };
        let is_as_held = self.digest_of(document) == held
            || then().is_some_and(|document| self.digest_of(document) == held);
        (!is_as_held).then_some(Difference::Terms)
    }

    fn digest_of(&mut self, mut document: Document) -> u64 {
        let texts = document.take_texts();
        let mut sum = 0_u64;
        for (level, all) in terms(&mut self.analyser, &texts) {
            for term in all.split(' ').filter(|term| !term.is_empty()) {
                sum = sum.wrapping_add(digest(level, term.as_bytes()));
            }
        }
        sum
    }

    /// Passes over an entry that has changed, or gone, since the index was last written.
    pub fn pass_over(&mut self, key: &domain::EntryKey) {
        let _ = self.held.remove(&KeyHash::of(key).0);
    }

    /// How many documents it holds that are of no entry asked about, or of one that has another.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.held.len() as u64 + self.doubles
    }

    /// Takes in a segment, term by term.
    fn read(&mut self, reader: &SegmentReader, fields: Fields) -> tantivy::Result<()> {
        let alive = reader.alive_bitset();
        let is_alive = |doc: u32| alive.is_none_or(|alive| alive.is_alive(doc));
        let mut digests = vec![0_u64; reader.max_doc() as usize];
        for level in [Level::Public, Level::Network, Level::Owner] {
            let index = reader.inverted_index(fields.level(level))?;
            let mut stream = index.terms().stream()?;
            while let Some((term, info)) = stream.next() {
                let one = digest(level, term);
                let mut postings =
                    index.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
                let mut doc = postings.doc();
                while doc != TERMINATED {
                    if let Some(sum) = digests.get_mut(doc as usize) {
                        let times = u64::from(postings.term_freq());
                        *sum = sum.wrapping_add(one.wrapping_mul(times));
                    }
                    doc = postings.advance();
                }
            }
        }
        let keys = reader.fast_fields().u64("key")?;
        for (doc, digest) in (0_u32..).zip(digests).filter(|(doc, _)| is_alive(*doc)) {
            // One without a key is of no entry.
            let is_first = keys
                .first(doc)
                .is_some_and(|key| self.held.insert(key, digest).is_none());
            self.doubles += u64::from(!is_first);
        }
        Ok(())
    }
}

/// A number for a term of a level. Their sum, each as often as it occurs, stands for all terms of an entry in any order.
fn digest(level: Level, term: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (level.index(), term).hash(&mut hasher);
    hasher.finish()
}
