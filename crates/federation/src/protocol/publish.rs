//! Publishing: committed changes of this node's entries become statements, in the order of their arrival.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::{FeedKey, FeedName, FeedState, Kept, StatementRow};
use domain::{Entry, EntryId, outward};

use super::head;
use super::journal::{Journal, Mark, Remembered, Standing};
use super::key::Signer;
use super::proof::ProofError;
use super::sha256;
use super::statement::{self, Draft, Place};
use super::store::{LocalChange, Store};
use super::tree;

/// Changes that become statements in one step.
pub const STEP: usize = 500;
/// Deletions that are forgotten in one step.
pub const PURGE_STEP: usize = 5_000;
/// How long deletions are told at least.
pub const KEPT: TimeDelta = TimeDelta::days(365);

/// Who signs.
#[derive(Clone, Copy)]
pub struct Author<'a> {
    /// The node, as `did:web`.
    pub actor: &'a str,
    /// The key, as a DID URL.
    pub method: &'a str,
    /// The epoch of its document.
    pub epoch: u64,
    /// Signs.
    pub signer: &'a dyn Signer,
}

/// What a step of publishing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Statements that were signed.
    pub statements: usize,
    /// Whether more changes wait.
    pub more: bool,
    /// Whether a new head was signed.
    pub head: bool,
    /// The feed's epoch.
    pub epoch: u64,
    /// Its number from now on.
    pub seq: u64,
}

/// Why nothing can be published.
#[derive(Debug, thiserror::Error)]
pub enum CannotPublish<S, J> {
    /// The store failed.
    #[error("the store failed")]
    Store(S),
    /// The journal failed.
    #[error("the journal failed")]
    Journal(J),
    /// The journal is gone, so that nobody can say whether the database was restored.
    #[error("there is no journal, though statements have been published")]
    NoJournal,
    /// The journal says less than what was published: as good as none.
    #[error("the journal says less than what was published")]
    LostJournal,
    /// The database was put back to an older state.
    #[error("the database stands before what was published (epoch {epoch}, number {seq})")]
    Behind {
        /// The epoch that was reached.
        epoch: u64,
        /// The number that was reached.
        seq: u64,
    },
    /// An entry could not be signed.
    #[error("an entry cannot be signed: {0}")]
    Sign(#[from] ProofError),
}

/// Whether the last head speaks of all that the feed holds. Only then may pages be served: else rows stand under numbers
/// beyond the head, and followers would find that the two do not fit. Each [`step`] leaves it so; new keys, and deletions
/// that are forgotten, wait for the next.
#[must_use]
pub fn is_current(state: &FeedState, method: &str) -> bool {
    let head = state.head.as_deref();
    head.is_some_and(|head| head::speaks_of(head, state, method))
}

/// Forgets deletions that were signed before `before`, at least a year ago, at most [`PURGE_STEP`] at a time; returns how
/// many. The feed's next head says up to which number deletions may be missing; until it is signed ([`step`]), the feed
/// is not [current](is_current).
///
/// # Errors
/// Those of the store.
pub fn purge<S: Store>(
    store: &mut S,
    key: &FeedKey,
    before: DateTime<Utc>,
) -> Result<usize, S::Error> {
    let Some(mut state) = store.state(key)? else {
        return Ok(0);
    };
    let before = before.min(store.now() - KEPT);
    let mut old = store.old_deletions(key, before, PURGE_STEP)?;
    // The tree has not heard of later ones yet.
    old.retain(|row| row.seq <= state.tree_seq);
    let Some(highest) = old.iter().map(|row| row.seq).max() else {
        return Ok(0);
    };
    let gone: Vec<EntryId> = old.iter().map(|row| row.entry).collect();
    store.forget(key, &gone)?;
    state.horizon = state.horizon.max(highest);
    store.put_state(key, &state)?;
    Ok(gone.len())
}

/// Takes one step of publishing the feed `key`. `salt` gives random bytes.
///
/// # Errors
/// [`CannotPublish`]. Nothing of the step may be kept then.
pub fn step<S: Store, J: Journal>(
    store: &mut S,
    journal: &mut J,
    key: &FeedKey,
    author: &Author<'_>,
    limit: usize,
    salt: &mut dyn FnMut() -> [u8; 16],
) -> Result<Published, CannotPublish<S::Error, J::Error>> {
    use CannotPublish::{Journal as J_, Store as S_};
    let now = store.now();
    confirm(store, journal, key)?;
    let remembered = journal.remembered().map_err(J_)?;
    let known = store.state(key).map_err(S_)?;
    let base = standing(
        remembered.as_deref(),
        key.name,
        known.as_ref(),
        author.epoch,
    )?;
    let mut state = begin(store, key, author, known).map_err(S_)?;
    let before = state.clone();
    let remembered = remembered.unwrap_or_default();
    let (changes, through) = store.local_changes(state.arrival, limit).map_err(S_)?;
    let more = changes.len() >= limit;
    if let Some(mark) = restored(store, &remembered, key.name, &state, &changes).map_err(S_)? {
        return Err(CannotPublish::Behind {
            epoch: mark.epoch,
            seq: mark.seq,
        });
    }
    let committed = state.seq;
    state.seq = base;
    let written = statements(
        store,
        key,
        author,
        &mut state,
        changes,
        &remembered,
        salt,
        now,
    )?;
    let signed = written.rows.len();
    if !written.is_empty() {
        let mark = Mark {
            feed: key.name,
            epoch: state.epoch,
            base: committed,
            seq: state.seq,
            arrival: through,
            committed: false,
            deleted: written.deleted,
            withdrawn: written.withdrawn,
            returned: written.returned,
            at: now,
        };
        journal.write(&mark).map_err(J_)?;
    }
    if signed == 0 {
        // Numbers that a cut-off step may have used stay unused once something is said again.
        state.seq = committed;
    } else {
        store.put_statements(key, written.rows).map_err(S_)?;
    }
    state.arrival = through;
    // With each step, however many follow: else nobody could read what is told while much is being told.
    let head = sign_head(store, key, author, &mut state, now)?;
    if state != before {
        store.put_state(key, &state).map_err(S_)?;
    }
    Ok(Published {
        statements: signed,
        more,
        head,
        epoch: state.epoch,
        seq: state.seq,
    })
}

/// Notes in the journal that what was announced there is committed: a database that is put back to where a step began is
/// then no longer taken for one in which it was cut off. To be called soon after the commit; [`step`] begins with it.
///
/// # Errors
/// Those of the store and of the journal.
pub fn confirm<S: Store, J: Journal>(
    store: &mut S,
    journal: &mut J,
    key: &FeedKey,
) -> Result<(), CannotPublish<S::Error, J::Error>> {
    let remembered = journal.remembered().map_err(CannotPublish::Journal)?;
    let state = store.state(key).map_err(CannotPublish::Store)?;
    let (Some(remembered), Some(state)) = (remembered, state) else {
        return Ok(());
    };
    let new = match remembered.last(key.name) {
        // Of one that was emptied nothing may be made a whole one again.
        None => state.seq == 0,
        Some(mark) if mark.epoch == state.epoch => {
            !mark.committed && mark.seq == state.seq && mark.arrival <= state.arrival
        }
        Some(mark) => mark.epoch < state.epoch && state.seq == 0,
    };
    if !new {
        return Ok(());
    }
    let mark = Mark {
        feed: key.name,
        epoch: state.epoch,
        base: state.seq,
        seq: state.seq,
        arrival: state.arrival,
        committed: true,
        deleted: Vec::new(),
        withdrawn: Vec::new(),
        returned: Vec::new(),
        at: store.now(),
    };
    journal.write(&mark).map_err(CannotPublish::Journal)
}

/// The feed as it stands; one of an older epoch starts again with nothing.
fn begin<S: Store>(
    store: &mut S,
    key: &FeedKey,
    author: &Author<'_>,
    known: Option<FeedState>,
) -> Result<FeedState, S::Error> {
    if let Some(state) = known {
        if state.epoch >= author.epoch {
            return Ok(state);
        }
        store.clear(key)?;
    }
    let state = FeedState::new(author.epoch, tree::empty_root());
    store.put_state(key, &state)?;
    Ok(state)
}

/// The number after which the next statement is numbered, or why there may be none.
fn standing<S, J>(
    remembered: Option<&Remembered>,
    feed: FeedName,
    known: Option<&FeedState>,
    epoch: u64,
) -> Result<u64, CannotPublish<S, J>> {
    let reached = known.map_or((0, 0), |state| (state.epoch, state.seq));
    let Some(remembered) = remembered else {
        return if reached.1 == 0 && epoch <= 1 {
            Ok(0)
        } else {
            Err(CannotPublish::NoJournal)
        };
    };
    match remembered.judge_in(feed, reached, epoch) {
        Standing::Fine { seq } => Ok(seq),
        Standing::Behind { epoch, seq } => Err(CannotPublish::Behind { epoch, seq }),
        Standing::Lost => Err(CannotPublish::LostJournal),
    }
}

/// The line by which a database is seen to be an older one, though its number is one at which a step may have been cut
/// off: changes are missing that were about to be told, or an entry is there that was deleted.
fn restored<'a, S: Store>(
    store: &mut S,
    remembered: &'a Remembered,
    feed: FeedName,
    state: &FeedState,
    changes: &[LocalChange],
) -> Result<Option<&'a Mark>, S::Error> {
    let Some(mark) = remembered.last(feed) else {
        return Ok(None);
    };
    let deleted = remembered.deleted();
    let same_epoch = mark.epoch == state.epoch;
    let mut lost = false;
    if same_epoch && state.arrival < mark.arrival {
        let (_, reached) = store.local_changes(mark.arrival - 1, 1)?;
        lost = reached < mark.arrival;
    }
    let revived = |change: &LocalChange| change.entry.is_some() && deleted.contains(&change.id);
    if lost || changes.iter().any(revived) {
        return Ok(Some(mark));
    }
    // Where a step was cut off or an epoch begins, everything may have been put back.
    if !same_epoch || mark.seq > state.seq {
        let deleted: Vec<EntryId> = deleted.iter().copied().collect();
        if !store.live_among(&deleted)?.is_empty() {
            return Ok(Some(mark));
        }
    }
    Ok(None)
}

#[derive(Default)]
struct Written {
    rows: Vec<StatementRow>,
    deleted: Vec<EntryId>,
    withdrawn: Vec<EntryId>,
    returned: Vec<EntryId>,
}

impl Written {
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.deleted.is_empty()
            && self.withdrawn.is_empty()
            && self.returned.is_empty()
    }

    /// Notes what a restored database would have to be told. The journal may be ahead of the database, or remember an
    /// epoch that is over: it decides what is new to it.
    fn note(
        &mut self,
        change: &LocalChange,
        feed: FeedName,
        held: bool,
        shown: bool,
        journal: &Remembered,
    ) {
        let id = change.id;
        let withdrawn = journal.withdrawn().contains(&(feed, id));
        if change.entry.is_none() {
            if !journal.deleted().contains(&id) {
                self.deleted.push(id);
            }
        } else if shown && withdrawn {
            self.returned.push(id);
        } else if !shown && held && !withdrawn {
            self.withdrawn.push(id);
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "statements are made of what the store, the journal, the node and the moment each know"
)]
fn statements<S: Store, J>(
    store: &mut S,
    key: &FeedKey,
    author: &Author<'_>,
    state: &mut FeedState,
    changes: Vec<LocalChange>,
    journal: &Remembered,
    salt: &mut dyn FnMut() -> [u8; 16],
    now: DateTime<Utc>,
) -> Result<Written, CannotPublish<S::Error, J>> {
    let ids: Vec<EntryId> = changes.iter().map(|change| change.id).collect();
    let mut known: HashMap<EntryId, bool> = HashMap::new();
    if !ids.is_empty() {
        let rows = store.known(key, &ids).map_err(CannotPublish::Store)?;
        known.extend(rows.into_iter().map(|row| (row.entry, row.live)));
    }
    let mut written = Written::default();
    for change in changes {
        let before = known.get(&change.id).copied();
        let was = before.unwrap_or(false);
        // The form for a feed depends on no day: what is only shown for a time never leaves the node.
        let object: Option<Entry> = change
            .entry
            .as_deref()
            .and_then(|entry| outward(entry, key.name.audience(), now.date_naive()));
        written.note(
            &change,
            key.name,
            before.is_some(),
            object.is_some(),
            journal,
        );
        if object.is_none() && !was {
            continue;
        }
        state.seq += 1;
        let place = Place {
            key,
            epoch: state.epoch,
            seq: state.seq,
        };
        let draft = Draft {
            entry: change.id,
            object: object.as_ref(),
            known: was,
            salt: salt(),
        };
        let line = statement::write(
            &place,
            &draft,
            author.actor,
            author.method,
            now,
            author.signer,
        )?;
        match (was, object.is_some()) {
            (false, true) => state.live += 1,
            (true, false) => state.live = state.live.saturating_sub(1),
            _ => {}
        }
        written.rows.push(StatementRow {
            entry: change.id,
            leaf: tree::leaf_of(&key.origin, change.id),
            seq: state.seq,
            live: object.is_some(),
            hash: sha256(&line),
            kept: Kept::Taken,
            pull: 0,
            at: now,
            body: Some(line),
        });
    }
    Ok(written)
}

/// Signs a head where something has changed since the last, or that one has lived half of its life.
fn sign_head<S: Store, J>(
    store: &mut S,
    key: &FeedKey,
    author: &Author<'_>,
    state: &mut FeedState,
    now: DateTime<Utc>,
) -> Result<bool, CannotPublish<S::Error, J>> {
    let due = match &state.head {
        None => true,
        Some(head) => {
            state.tree_seq != state.seq
                || head::is_due(head, now)
                || !head::speaks_of(head, state, author.method)
        }
    };
    if !due {
        return Ok(false);
    }
    tree::refresh(store, key, state, &[]).map_err(CannotPublish::Store)?;
    state.head = Some(head::write(
        key,
        state,
        author.actor,
        author.method,
        now,
        author.signer,
    )?);
    Ok(true)
}
