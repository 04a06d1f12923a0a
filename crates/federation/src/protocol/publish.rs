//! Publishing: committed changes of this node's entries become statements, in the order of their arrival.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::feed::{FeedKey, FeedName, FeedState, Kept, StatementRow};
use domain::{Entry, EntryId, outward};

use super::head;
use super::journal::{Journal, Mark, Remembered, Standing};
use super::key::Signer;
use super::proof::ProofError;
use super::statement::{self, Draft, Place};
use super::store::{LocalChange, Store};
use super::tree;

/// Changes that become statements in one step.
pub const STEP: usize = 500;

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
    let mut state = begin(store, key, author).map_err(S_)?;
    let before = state.clone();
    let remembered = journal.remembered().map_err(J_)?;
    let settled = remembered
        .as_ref()
        .and_then(|it| it.settled(key, &state, now));
    let base = standing(remembered, key.name, &state, author.epoch)?;
    if let Some(mark) = settled {
        journal.write(&mark).map_err(J_)?;
    }
    let (changes, through) = store.local_changes(state.arrival, limit).map_err(S_)?;
    let more = changes.len() >= limit;
    let committed = state.seq;
    state.seq = base;
    let written = statements(store, key, author, &mut state, changes, salt, now)?;
    let signed = written.rows.len();
    if signed == 0 {
        // Numbers that a cut-off step may have used stay unused once something is said again.
        state.seq = committed;
    } else {
        let mark = Mark {
            feed: key.name,
            epoch: state.epoch,
            base: committed,
            seq: state.seq,
            deleted: written.deleted,
            withdrawn: written.withdrawn,
            returned: written.returned,
            at: now,
        };
        journal.write(&mark).map_err(J_)?;
        store.put_statements(key, written.rows).map_err(S_)?;
    }
    state.arrival = through;
    let head = !more && sign_head(store, key, author, &mut state, now)?;
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

/// The feed as it stands; one of an older epoch starts again with nothing.
fn begin<S: Store>(
    store: &mut S,
    key: &FeedKey,
    author: &Author<'_>,
) -> Result<FeedState, S::Error> {
    let known = store.state(key)?;
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
    remembered: Option<Remembered>,
    feed: FeedName,
    state: &FeedState,
    epoch: u64,
) -> Result<u64, CannotPublish<S, J>> {
    let Some(remembered) = remembered else {
        return if state.seq == 0 && epoch <= 1 {
            Ok(0)
        } else {
            Err(CannotPublish::NoJournal)
        };
    };
    match remembered.judge(feed, state.epoch, state.seq) {
        Standing::Fine { seq } => Ok(seq),
        Standing::Behind { epoch, seq } => Err(CannotPublish::Behind { epoch, seq }),
    }
}

#[derive(Default)]
struct Written {
    rows: Vec<StatementRow>,
    deleted: Vec<EntryId>,
    withdrawn: Vec<EntryId>,
    returned: Vec<EntryId>,
}

fn statements<S: Store, J>(
    store: &mut S,
    key: &FeedKey,
    author: &Author<'_>,
    state: &mut FeedState,
    changes: Vec<LocalChange>,
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
        match (before, object.is_some()) {
            (None, true) => state.live += 1,
            (Some(false), true) => {
                state.live += 1;
                written.returned.push(change.id);
            }
            (Some(true), false) => {
                state.live = state.live.saturating_sub(1);
                if change.entry.is_none() {
                    written.deleted.push(change.id);
                } else {
                    written.withdrawn.push(change.id);
                }
            }
            _ => {}
        }
        written.rows.push(StatementRow {
            entry: change.id,
            leaf: tree::leaf_of(&key.origin, change.id),
            seq: state.seq,
            live: object.is_some(),
            hash: statement::hash_of(&line),
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
                || !head::is_signed_by(head, author.method)
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
