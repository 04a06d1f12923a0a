//! Working memory of matching: which documents all words so far have found.

use std::cell::RefCell;

use super::matching::EXACT;
use crate::snapshot::At;

/// A document that all words so far have found.
pub(super) struct Candidate {
    pub(super) doc: u32,
    pub(super) at: At,
    /// Sum over the words before the one at hand.
    pub(super) score: f32,
    /// What the word at hand adds, and by which step.
    best: f32,
    step: u8,
}

thread_local! {
    pub(super) static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Working memory of one thread, kept between queries so that none has to clear it.
#[derive(Default)]
pub(super) struct Scratch {
    /// Per document its number among the found ones, or one of the two constants.
    numbers: Vec<u32>,
    pub(super) found: Vec<Candidate>,
    refused: Vec<u32>,
}

pub(super) const UNSEEN: u32 = u32::MAX;
pub(super) const REFUSED: u32 = u32::MAX - 1;

impl Scratch {
    pub(super) fn begin(&mut self, len: u32) {
        if self.numbers.len() < len as usize {
            self.numbers.resize(len as usize, UNSEEN);
        }
    }

    pub(super) fn end(&mut self) {
        let touched = self
            .found
            .iter()
            .map(|found| found.doc)
            .chain(self.refused.iter().copied());
        for doc in touched {
            if let Some(number) = self.numbers.get_mut(doc as usize) {
                *number = UNSEEN;
            }
        }
        self.found.clear();
        self.refused.clear();
    }

    #[inline]
    pub(super) fn of(&self, doc: u32) -> u32 {
        self.numbers.get(doc as usize).copied().unwrap_or(REFUSED)
    }

    pub(super) fn set(&mut self, doc: u32, number: u32) {
        if let Some(slot) = self.numbers.get_mut(doc as usize) {
            *slot = number;
        }
    }

    pub(super) fn find(&mut self, doc: u32, at: At, step: u8, score: f32) {
        self.set(doc, self.found.len() as u32);
        self.found.push(Candidate {
            doc,
            at,
            score: 0.0,
            best: score,
            step,
        });
    }

    /// Notes that a list of the word at hand has met a found document, if that is better than what met it before.
    #[inline]
    pub(super) fn improve(
        &mut self,
        number: u32,
        step: u8,
        score: impl FnOnce() -> f32,
        allowed: impl Fn(At) -> bool,
    ) {
        let Some(found) = self.found.get_mut(number as usize) else {
            return;
        };
        if step < found.step || (step == found.step && step < EXACT) || !allowed(found.at) {
            return;
        }
        found.step = step;
        found.best = found.best.max(score());
    }

    pub(super) fn sort(&mut self) {
        if self.found.is_sorted_by_key(|found| found.doc) {
            return;
        }
        self.found.sort_unstable_by_key(|found| found.doc);
        for i in 0..self.found.len() {
            if let Some(doc) = self.found.get(i).map(|found| found.doc) {
                self.set(doc, i as u32);
            }
        }
    }

    /// Ends a word: what it has not met is no longer found.
    pub(super) fn keep(&mut self) {
        let mut kept = 0_u32;
        for i in 0..self.found.len() {
            let Some(found) = self.found.get_mut(i) else {
                break;
            };
            let doc = found.doc;
            if found.step == 0 {
                self.set(doc, REFUSED);
                self.refused.push(doc);
                continue;
            }
            found.score += found.best;
            (found.best, found.step) = (0.0, 0);
            self.found.swap(i, kept as usize);
            self.set(doc, kept);
            kept += 1;
        }
        self.found.truncate(kept as usize);
    }
}
