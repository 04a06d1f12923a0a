//! The restore journal: what a node has said, kept outside of its database, so that a database that was put back to an
//! older state is noticed before it says something else under the same numbers.
//!
//! Before statements are committed, one line is written down: the feed, its epoch, the number before and after, and what
//! they delete; afterwards a second, that they are committed. A database that stands where the last line began was cut
//! off before the commit: it goes on, beyond the numbers of that line. One that stands further back was restored. It may
//! not publish until a new epoch is signed with the recovery key, and what had been deleted is deleted again first.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::EntryId;
use domain::feed::{FeedName, FeedState};
use serde::{Deserialize, Serialize};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The feed.
    pub feed: FeedName,
    /// Its epoch.
    pub epoch: u64,
    /// The last number before.
    pub base: u64,
    /// The last number that these statements take.
    pub seq: u64,
    /// The arrival number up to which this node's changes are told with them.
    #[serde(default)]
    pub arrival: i64,
    /// Whether this says that all of it is committed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub committed: bool,
    /// Entries that were deleted, those that never stood in this feed with them: a backup holds them, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<EntryId>,
    /// Entries that are still there, but no longer in this feed: fewer people may see them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<EntryId>,
    /// Entries that came back into this feed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<EntryId>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Mark {
    /// Of a feed in which nothing has been said in its epoch yet.
    fn nothing(epoch: u64, at: DateTime<Utc>) -> Self {
        Self {
            feed: FeedName::Public,
            epoch,
            base: 0,
            seq: 0,
            arrival: 0,
            committed: false,
            deleted: Vec::new(),
            withdrawn: Vec::new(),
            returned: Vec::new(),
            at,
        }
    }
}

/// What a journal comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The last line of each feed, without its entries: they stand below.
    last: Vec<Mark>,
    /// What was deleted in all of it.
    deleted: BTreeSet<EntryId>,
    /// What was withdrawn from a feed and has not come back.
    withdrawn: BTreeSet<(FeedName, EntryId)>,
}

/// Whether a database may go on publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may; the next number is the one after this.
    Fine {
        /// The last number that may have been used.
        seq: u64,
    },
    /// It was put back to an older state.
    Behind {
        /// The epoch that was reached.
        epoch: u64,
        /// The number that was reached.
        seq: u64,
    },
    /// The journal says less than the database has published: it was emptied or cut, and is as good as none.
    Lost,
}

impl Remembered {
    /// Takes in the next line.
    pub fn take(&mut self, mut mark: Mark) {
        let feed = mark.feed;
        self.deleted.extend(std::mem::take(&mut mark.deleted));
        let withdrawn = std::mem::take(&mut mark.withdrawn);
        self.withdrawn
            .extend(withdrawn.into_iter().map(|id| (feed, id)));
        for id in std::mem::take(&mut mark.returned) {
            self.withdrawn.remove(&(feed, id));
        }
        // A process that was frozen in the middle of a step may write its line down long after others went on.
        let reached = self.last(feed).map(|last| (last.epoch, last.seq));
        if reached.is_some_and(|reached| reached > (mark.epoch, mark.seq)) {
            return;
        }
        self.last.retain(|last| last.feed != mark.feed);
        self.last.push(mark);
    }

    /// The last line of a feed.
    #[must_use]
    pub fn last(&self, feed: FeedName) -> Option<&Mark> {
        self.last.iter().find(|mark| mark.feed == feed)
    }

    /// Whether nothing was ever written down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// The highest epoch of all feeds.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.last.iter().map(|mark| mark.epoch).max().unwrap_or(0)
    }

    /// The fewest lines that come to the same.
    #[must_use]
    pub fn shortened(&self) -> Vec<Mark> {
        let mut marks = self.last.clone();
        for mark in &mut marks {
            let feed = mark.feed;
            let withdrawn = self.withdrawn.iter().filter(|(of, _)| *of == feed);
            mark.withdrawn = withdrawn.map(|(_, id)| *id).collect();
        }
        if let Some(mark) = marks.first_mut() {
            mark.deleted = self.deleted.iter().copied().collect();
        }
        marks
    }

    /// The lines with which a journal begins in the place of one that was lost, of which this is what can still be read: how
    /// far each feed is, and all that was deleted and withdrawn, as the database and this know it.
    ///
    /// `epoch` is that of the identity document: a feed of an older one begins with nothing, wherever it stands.
    ///
    /// # Errors
    /// The epoch and number that a feed had reached, where the database stands before that.
    pub fn anew(
        &self,
        epoch: u64,
        states: &[(FeedName, FeedState)],
        deleted: Vec<EntryId>,
        withdrawn: Vec<(FeedName, EntryId)>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Mark>, (u64, u64)> {
        let mut whole = self.clone();
        whole.deleted.extend(deleted);
        whole.withdrawn.extend(withdrawn);
        whole.last.retain(|mark| mark.epoch < epoch);
        for (feed, state) in states.iter().filter(|(_, state)| state.epoch >= epoch) {
            if let Standing::Behind { epoch, seq } = self.judge(*feed, state.epoch, state.seq) {
                return Err((epoch, seq));
            }
            // Numbers of a step that was cut off are not given out again.
            let seq = self
                .last(*feed)
                .filter(|mark| mark.epoch == state.epoch)
                .map_or(state.seq, |mark| mark.seq.max(state.seq));
            whole.last.retain(|mark| mark.feed != *feed);
            whole.last.push(Mark {
                feed: *feed,
                epoch: state.epoch,
                base: state.seq,
                seq,
                arrival: state.arrival,
                committed: seq == state.seq,
                deleted: Vec::new(),
                withdrawn: Vec::new(),
                returned: Vec::new(),
                at: now,
            });
        }
        let is_known = |mark: &&Mark| {
            let is_it = |(feed, state): &(FeedName, FeedState)| {
                *feed == mark.feed && state.epoch >= mark.epoch
            };
            mark.epoch < epoch || mark.seq == 0 || states.iter().any(is_it)
        };
        if let Some(lost) = self.last.iter().find(|mark| !is_known(mark)) {
            return Err((lost.epoch, lost.seq));
        }
        if whole.last.is_empty() && !whole.deleted.is_empty() {
            whole.last.push(Mark::nothing(epoch, now));
        }
        Ok(whole.shortened())
    }

    /// Everything that was deleted.
    #[must_use]
    pub fn deleted(&self) -> &BTreeSet<EntryId> {
        &self.deleted
    }

    /// What was withdrawn from feeds and has not come back.
    #[must_use]
    pub fn withdrawn(&self) -> &BTreeSet<(FeedName, EntryId)> {
        &self.withdrawn
    }

    /// Whether a database whose feed stands at `epoch` and `seq` may go on publishing.
    #[must_use]
    pub fn judge(&self, feed: FeedName, epoch: u64, seq: u64) -> Standing {
        // Nothing is committed before it stands here.
        match self.last(feed) {
            None if seq > 0 => Standing::Lost,
            None => Standing::Fine { seq },
            Some(mark) if epoch > mark.epoch && seq > 0 => Standing::Lost,
            Some(mark) if epoch > mark.epoch => Standing::Fine { seq },
            Some(mark) if epoch == mark.epoch && seq > mark.seq => Standing::Lost,
            Some(mark) if epoch == mark.epoch && seq >= mark.base => Standing::Fine {
                seq: seq.max(mark.seq),
            },
            Some(mark) => Standing::Behind {
                epoch: mark.epoch,
                seq: mark.seq,
            },
        }
    }
}

/// How far a database is, as a journal is compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The epoch of its identity document.
    pub epoch: u64,
    /// Its last arrival number.
    pub arrival: i64,
    /// Its feeds, each with its epoch and number.
    pub feeds: Vec<(FeedName, u64, u64)>,
}

impl Remembered {
    /// As [`Remembered::judge`], of a node whose identity document is of `epoch`: what an older epoch had reached no longer
    /// counts once a newer one has begun.
    #[must_use]
    pub fn judge_in(&self, feed: FeedName, reached: (u64, u64), epoch: u64) -> Standing {
        match self.last(feed) {
            // A new epoch has been announced, or begins with nothing.
            Some(mark) if mark.epoch < epoch && reached.0 < epoch => Standing::Fine { seq: 0 },
            None if reached.0 < epoch => Standing::Fine { seq: 0 },
            // Cut off in the first step of its epoch.
            Some(mark)
                if mark.epoch == epoch
                    && reached.0 < epoch
                    && mark.base == 0
                    && !mark.committed =>
            {
                Standing::Fine { seq: mark.seq }
            }
            _ => self.judge(feed, reached.0, reached.1),
        }
    }

    /// The epoch and number that this says were reached, if the database was put back to before that: one of its feeds
    /// stands before them, or changes are missing that were told, or about to be.
    #[must_use]
    pub fn is_ahead_of(&self, reached: &Reached) -> Option<(u64, u64)> {
        for mark in &self.last {
            let feed = reached.feeds.iter().find(|(feed, ..)| *feed == mark.feed);
            let at = feed.map_or((0, 0), |(_, epoch, seq)| (*epoch, *seq));
            if let Standing::Behind { epoch, seq } = self.judge_in(mark.feed, at, reached.epoch) {
                return Some((epoch, seq));
            }
            if mark.epoch >= reached.epoch && reached.arrival < mark.arrival {
                return Some((mark.epoch, mark.seq));
            }
        }
        None
    }
}

/// Where marks are written down before anything is committed.
pub trait Journal {
    /// Why it could not be written.
    type Error;

    /// What was written down so far. `None`: there is no journal, though there should be one.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn remembered(&mut self) -> Result<Option<Arc<Remembered>>, Self::Error>;

    /// Writes a mark down, so that it is there after a power cut.
    ///
    /// # Errors
    /// Why it cannot be written; nothing may be committed then.
    fn write(&mut self, mark: &Mark) -> Result<(), Self::Error>;
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::*;

    fn mark(epoch: u64, base: u64, seq: u64) -> Mark {
        Mark {
            feed: FeedName::Public,
            epoch,
            base,
            seq,
            arrival: 0,
            committed: false,
            deleted: Vec::new(),
            withdrawn: Vec::new(),
            returned: Vec::new(),
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_database_that_was_cut_off_goes_on_beyond_and_one_that_was_restored_does_not() {
        let mut remembered = Remembered::default();
        assert_eq!(
            remembered.judge(FeedName::Public, 1, 0),
            Standing::Fine { seq: 0 }
        );
        assert_eq!(remembered.judge(FeedName::Public, 1, 7), Standing::Lost);
        remembered.take(mark(1, 0, 10));
        remembered.take(mark(1, 10, 15));
        let known = remembered.clone();
        let judge = |epoch, seq| known.judge(FeedName::Public, epoch, seq);
        assert_eq!(judge(1, 15), Standing::Fine { seq: 15 });
        assert_eq!(judge(1, 10), Standing::Fine { seq: 15 }, "cut off");
        let behind = Standing::Behind { epoch: 1, seq: 15 };
        assert_eq!(judge(1, 9), behind);
        assert_eq!(judge(0, 90), behind);
        assert_eq!(judge(2, 0), Standing::Fine { seq: 0 }, "a new epoch");
        assert_eq!(judge(1, 16), Standing::Lost, "cut");
        assert_eq!(judge(2, 1), Standing::Lost, "cut before the epoch");
        assert_eq!(
            remembered.judge(FeedName::Network, 1, 0),
            Standing::Fine { seq: 0 }
        );
        // From a process that slept.
        remembered.take(mark(1, 10, 12));
        assert_eq!(judge_last(&remembered), (10, 15));
    }

    #[test]
    fn a_database_that_lacks_what_was_told_was_put_back_and_one_that_was_cut_off_was_not() {
        let mut remembered = Remembered::default();
        remembered.take(Mark {
            arrival: 40,
            ..mark(1, 10, 15)
        });
        let at = |epoch, arrival, seq| {
            let feeds = vec![(FeedName::Public, 1, seq)];
            remembered.is_ahead_of(&Reached {
                epoch,
                arrival,
                feeds,
            })
        };
        assert_eq!(at(1, 40, 15), None);
        assert_eq!(at(1, 90, 10), None, "cut off");
        assert_eq!(at(1, 39, 15), Some((1, 15)), "a change is missing");
        assert_eq!(at(1, 90, 9), Some((1, 15)), "statements are missing");
        assert_eq!(at(2, 30, 9), None, "a new epoch");
    }

    fn judge_last(remembered: &Remembered) -> (u64, u64) {
        let last = remembered.last(FeedName::Public).unwrap();
        (last.base, last.seq)
    }
}
