//! Following: what a page means for what is here.
//!
//! A page is applied as a whole, with the cursor, in one step of the store. At the head the digests of both sides are
//! compared. Statements that a policy leaves out, or that wait in quarantine, are kept as entry, number and hash, so that
//! a follower can still prove that it agrees with the origin.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SubsecRound as _, Utc};
use domain::feed::{Digest, FeedKey, FeedState, Kept, StatementRow};
use domain::{Entry, EntryId, NotAccepted, Provenance, accept};

use super::document::NodeDocument;
use super::page::Page;
use super::policy::Policy;
use super::refusal::Refused;
use super::statement::{self, Statement};
use super::store::Store;
use super::tree;
use evidence::{check_head, compare};

mod evidence;

/// Rows that one step of a sweep removes.
const SWEEP_STEP: usize = 5_000;
/// A sweep that would remove more than one row in so many waits for an admin, unless they are few.
const SWEEP_SHARE: u64 = 10;
/// Characters of a reason for quarantine.
const REASON: usize = 500;
/// Rows that a sweep may always remove.
const SWEEP_FREE: u64 = 5;

/// What following a feed goes by.
#[derive(Clone, Copy)]
pub struct Follow<'a> {
    /// The feed.
    pub key: &'a FeedKey,
    /// The node's pinned document.
    pub document: &'a NodeDocument,
    /// What is taken from it.
    pub policy: &'a Policy,
    /// Whether an admin has agreed to a large sweep.
    pub sweep_allowed: bool,
}

/// What a page came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Entries that are new or changed here.
    pub taken: usize,
    /// Entries that are gone from here.
    pub removed: usize,
    /// Rows left out by policy.
    pub skipped: usize,
    /// Rows that wait in quarantine.
    pub quarantined: usize,
    /// The number up to which everything is here.
    pub seq: u64,
    /// Whether more follow.
    pub more: bool,
    /// What the comparison at the head came to.
    pub outcome: Outcome,
}

/// What the comparison at the head came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// The head has not been reached.
    #[default]
    NotYet,
    /// The page was of another place than this follower now stands at: somebody else was faster.
    Outdated,
    /// Both sides hold the same.
    Agreed,
    /// They do not: the leaves that differ have to be looked at.
    Differs,
    /// So many rows would be removed that an admin has to agree.
    SweepWaits {
        /// How many.
        rows: u64,
    },
    /// Rows were swept, and more remain: go on.
    Sweeping,
    /// It has more than is wanted from it. Nothing may be kept of this page: else each attempt would bring one more.
    OverQuota(Quota),
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// More live rows than [`Policy::max_rows`].
    Rows,
    /// More bytes than [`Policy::max_bytes`].
    Bytes,
}

impl Quota {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "it has more entries than its policy lets in",
            Self::Bytes => "it has more bytes than its policy lets in",
        }
    }

    fn exceeded(policy: &Policy, state: &FeedState) -> Option<Self> {
        if state.live > policy.max_rows {
            return Some(Self::Rows);
        }
        (state.bytes > policy.max_bytes).then_some(Self::Bytes)
    }
}

/// Where to go on: the number since which changes are wanted. Begins anew where the node has begun a new epoch; a
/// document that is older than what was already taken in changes nothing.
///
/// # Errors
/// Those of the store.
pub fn position<S: Store>(store: &mut S, follow: &Follow<'_>) -> Result<FeedState, S::Error> {
    let epoch = follow.document.epoch();
    let state = match store.state(follow.key)? {
        Some(state) if state.epoch >= epoch => return Ok(state),
        Some(mut state) => {
            // Deletions that the tree has not heard of could not be found by their numbers any more.
            tree::refresh(store, follow.key, &mut state, &[])?;
            store.reset_numbers(follow.key)?;
            state.epoch = epoch;
            state.head = None;
            begin_pull(&mut state);
            state
        }
        None => FeedState {
            pulling: true,
            pull: 1,
            ..FeedState::new(epoch, tree::empty_root())
        },
    };
    store.put_state(follow.key, &state)?;
    Ok(state)
}

/// Starts a full pull: everything is asked for again, and what does not come is swept at the end.
///
/// # Errors
/// Those of the store.
pub fn pull_all<S: Store>(store: &mut S, key: &FeedKey) -> Result<(), S::Error> {
    if let Some(mut state) = store.state(key)? {
        begin_pull(&mut state);
        store.put_state(key, &state)?;
    }
    Ok(())
}

/// Forgets a feed with all that came by it. Followed again, it begins anew.
///
/// # Errors
/// Those of the store.
pub fn leave<S: Store>(store: &mut S, key: &FeedKey) -> Result<(), S::Error> {
    let Some(mut state) = store.state(key)? else {
        return Ok(());
    };
    begin_pull(&mut state);
    loop {
        let rows = store.unseen(key, state.pull, SWEEP_STEP)?;
        if rows.is_empty() {
            break;
        }
        let gone: Vec<EntryId> = rows.iter().map(|row| row.entry).collect();
        store.let_go(&key.origin, &gone)?;
        store.forget(key, &gone)?;
    }
    store.clear(key)?;
    (state.live, state.bytes) = (0, 0);
    state.root = tree::empty_root();
    store.put_state(key, &state)
}

fn begin_pull(state: &mut FeedState) {
    state.seq = 0;
    state.pull += 1;
    state.pulling = true;
    // Rows come again under numbers that the tree took in long ago, in a new epoch with other contents.
    state.tree_seq = 0;
}

/// Applies a page that was read for the place `since`.
///
/// # Errors
/// Those of the store outside, what speaks against the page inside. Nothing may be kept then.
pub fn apply<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    since: u64,
    page: Page,
) -> Result<Result<Applied, Refused>, S::Error> {
    let mut state = position(store, follow)?;
    if state.epoch != page.head.epoch || state.seq != since {
        return Ok(Ok(Applied {
            seq: state.seq,
            outcome: Outcome::Outdated,
            ..Applied::default()
        }));
    }
    if let Err(refused) = check_head(&state, &page) {
        return Ok(Err(refused));
    }
    let known = match compare(store, follow, &page, state.pulling && state.pull > 1)? {
        Ok(known) => known,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut applied = match take_in(store, follow, &mut state, page.statements, &known)? {
        Ok(applied) => applied,
        Err(refused) => return Ok(Err(refused)),
    };
    state.seq = page.through;
    state.horizon = page.head.horizon;
    applied.seq = page.through;
    applied.more = page.more;
    state.head = Some(page.head.json.clone());
    if state.live > follow.policy.max_rows {
        state.live = store.count_live(follow.key)?;
    }
    if let Some(quota) = Quota::exceeded(follow.policy, &state) {
        applied.outcome = Outcome::OverQuota(quota);
    } else if !page.more {
        let (root, count) = (page.head.root, page.head.count);
        applied.outcome = match settle(store, follow, &mut state, root, count)? {
            Ok(outcome) => outcome,
            Err(refused) => return Ok(Err(refused)),
        };
    }
    store.put_state(follow.key, &state)?;
    Ok(Ok(applied))
}

/// Decides about statements and writes what was decided. Nothing may be kept of it where one is refused.
fn take_in<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    state: &mut FeedState,
    statements: Vec<Statement>,
    known: &HashMap<EntryId, StatementRow>,
) -> Result<Result<Applied, Refused>, S::Error> {
    let decided = match decide(follow, state, statements, known, store.now()) {
        Ok(decided) => decided,
        Err(refused) => return Ok(Err(refused)),
    };
    let applied = decided.counts;
    state.live = state
        .live
        .saturating_add(decided.more)
        .saturating_sub(decided.fewer);
    let entries: Vec<EntryId> = decided.rows.iter().map(|row| row.entry).collect();
    let before = store.kept_bytes(follow.key, &entries)?;
    let after = decided.rows.iter().map(kept_bytes).sum();
    state.bytes = state.bytes.saturating_sub(before).saturating_add(after);
    write(store, follow, decided)?;
    Ok(Ok(applied))
}

/// Bytes of a statement that are kept.
fn kept_bytes(row: &StatementRow) -> u64 {
    row.body.as_ref().map_or(0, |body| body.len() as u64)
}

#[derive(Default)]
struct Decided {
    rows: Vec<StatementRow>,
    /// Entries, and whether an earlier version is here.
    take: Vec<(Box<Entry>, bool)>,
    let_go: Vec<EntryId>,
    counts: Applied,
    more: u64,
    fewer: u64,
}

fn decide(
    follow: &Follow<'_>,
    state: &FeedState,
    statements: Vec<Statement>,
    known: &HashMap<EntryId, StatementRow>,
    now: DateTime<Utc>,
) -> Result<Decided, Refused> {
    let mut decided = Decided {
        rows: Vec::with_capacity(statements.len()),
        take: Vec::with_capacity(statements.len()),
        ..Decided::default()
    };
    for row in statements {
        let before = known.get(&row.entry);
        let was_live = before.is_some_and(|before| before.live);
        let was_taken = before.is_some_and(|before| before.live && before.kept == Kept::Taken);
        let unchanged = before.is_some_and(|before| before.hash == row.hash);
        let live = row.object.is_some();
        let (kept, entry, may_keep) = judge(follow, &row, now)?;
        match (was_live, live) {
            (false, true) => decided.more += 1,
            (true, false) => decided.fewer += 1,
            _ => {}
        }
        match (&kept, entry) {
            (Kept::Taken, Some(entry)) if !(unchanged && was_taken) => {
                decided.counts.taken += 1;
                decided.take.push((entry, was_taken));
            }
            (Kept::Taken, Some(_)) => {}
            (kept, _) => {
                match kept {
                    Kept::Skipped => decided.counts.skipped += 1,
                    Kept::Quarantined(_) => decided.counts.quarantined += 1,
                    Kept::Taken => {}
                }
                if was_taken {
                    decided.counts.removed += 1;
                    decided.let_go.push(row.entry);
                }
            }
        }
        // What is too large, left out or withheld is known by its hash.
        let has_body = kept != Kept::Skipped && may_keep;
        decided.rows.push(StatementRow {
            entry: row.entry,
            leaf: tree::leaf_of(&follow.key.origin, row.entry),
            seq: row.seq,
            live,
            hash: row.hash,
            body: has_body.then_some(row.line),
            kept,
            pull: state.pull,
            at: now,
        });
    }
    Ok(decided)
}

fn is_too_large(follow: &Follow<'_>, row: &Statement) -> bool {
    let object = row.object.as_ref();
    object.is_some_and(|json| json.len() > follow.policy.max_row_bytes)
}

/// What becomes of one statement: how it is kept, its entry where that is taken, and whether its bytes may be kept.
fn judge(
    follow: &Follow<'_>,
    row: &Statement,
    now: DateTime<Utc>,
) -> Result<(Kept, Option<Box<Entry>>, bool), Refused> {
    let Some(json) = &row.object else {
        return Ok((Kept::Taken, None, true));
    };
    if is_too_large(follow, row) {
        let why = format!("it has {} bytes, more than are wanted", json.len());
        return Ok((Kept::Quarantined(why), None, false));
    }
    let origin = &follow.key.origin;
    let mut entry = match accept(json, origin, row.entry, now) {
        Ok(entry) => entry,
        Err(NotAccepted::Quarantine(why)) => {
            return Ok((Kept::Quarantined(shown(&why)), None, true));
        }
        Err(NotAccepted::Withheld(why)) => {
            return Ok((Kept::Quarantined(shown(&why)), None, false));
        }
        Err(NotAccepted::OtherEntry) => return Err(Refused::OutsideOrigin),
    };
    if !follow.key.name.holds(entry.visibility) {
        return Err(Refused::WrongFeedForEntry);
    }
    if !follow.policy.takes(&entry) {
        return Ok((Kept::Skipped, None, true));
    }
    let now = now.trunc_subsecs(0);
    entry.provenance = Some(Provenance {
        verified_by: row.proof.method().to_owned(),
        since: now,
        received: now,
        url: origin.uri(row.entry),
    });
    Ok((Kept::Taken, Some(Box::new(entry)), true))
}

/// A reason as it is kept: what the other node wrote stands in it, of any length and with any characters.
fn shown(why: &str) -> String {
    domain::visible(why).chars().take(REASON).collect()
}

fn write<S: Store>(store: &mut S, follow: &Follow<'_>, decided: Decided) -> Result<(), S::Error> {
    let origin = &follow.key.origin;
    store.put_statements(follow.key, decided.rows)?;
    let here: Vec<EntryId> = decided
        .take
        .iter()
        .filter(|(_, was_taken)| *was_taken)
        .map(|(entry, _)| entry.id)
        .collect();
    let since: HashMap<EntryId, DateTime<Utc>> = if here.is_empty() {
        HashMap::new()
    } else {
        store.since(origin, &here)?.into_iter().collect()
    };
    let mut entries = Vec::with_capacity(decided.take.len());
    for (mut entry, _) in decided.take {
        if let (Some(provenance), Some(since)) = (&mut entry.provenance, since.get(&entry.id)) {
            provenance.since = *since;
        }
        entries.push(entry);
    }
    if !entries.is_empty() {
        store.take(origin, entries)?;
    }
    if !decided.let_go.is_empty() {
        store.let_go(origin, &decided.let_go)?;
    }
    Ok(())
}

/// At the head: sweeps what a full pull did not bring, and compares.
fn settle<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    state: &mut FeedState,
    root: Digest,
    count: u64,
) -> Result<Result<Outcome, Refused>, S::Error> {
    let mut swept = Vec::new();
    if state.pulling {
        let unseen = store.count_unseen(follow.key, state.pull)?;
        let many = unseen > SWEEP_FREE && unseen > state.live / SWEEP_SHARE;
        if many && !follow.sweep_allowed {
            return Ok(Ok(Outcome::SweepWaits { rows: unseen }));
        }
        swept = sweep(store, follow, state)?;
        if unseen > swept.len() as u64 {
            tree::refresh(store, follow.key, state, &swept)?;
            return Ok(Ok(Outcome::Sweeping));
        }
        state.pulling = false;
    }
    tree::refresh(store, follow.key, state, &swept)?;
    compare_roots(store, follow, state, root, count)
}

/// The digests say whether both hold the same rows. Then there are as many of them here as there, and a head that says
/// another number is wrong: it is not believed, because quotas and reports go by it.
fn compare_roots<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    state: &mut FeedState,
    root: Digest,
    count: u64,
) -> Result<Result<Outcome, Refused>, S::Error> {
    if state.root != root {
        return Ok(Ok(Outcome::Differs));
    }
    if state.live != count {
        // What was added up on the way is not taken for proof.
        state.live = store.count_live(follow.key)?;
    }
    if state.live != count {
        return Ok(Err(Refused::CountDiffers {
            said: count,
            counted: state.live,
        }));
    }
    Ok(Ok(Outcome::Agreed))
}

/// Removes rows that a full pull did not bring, some at a time; returns their leaves.
fn sweep<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    state: &mut FeedState,
) -> Result<Vec<u16>, S::Error> {
    let rows = store.unseen(follow.key, state.pull, SWEEP_STEP)?;
    remove(store, follow, state, &rows)
}

/// Removes live rows; returns their leaves.
fn remove<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    state: &mut FeedState,
    rows: &[StatementRow],
) -> Result<Vec<u16>, S::Error> {
    let gone: Vec<EntryId> = rows.iter().map(|row| row.entry).collect();
    if !gone.is_empty() {
        store.let_go(&follow.key.origin, &gone)?;
        let bytes = store.kept_bytes(follow.key, &gone)?;
        store.forget(follow.key, &gone)?;
        state.live = state.live.saturating_sub(gone.len() as u64);
        state.bytes = state.bytes.saturating_sub(bytes);
    }
    Ok(rows.iter().map(|row| row.leaf).collect())
}

/// Makes one leaf what the origin says it is: `page` holds all live rows of it, read with the same head that this
/// follower has reached.
///
/// # Errors
/// As [`apply`]. Another statement under a number that is already here is no damage to be repaired: it is a fork. So is
/// a row that is here and not there, because its deletion would have been told.
pub fn repair_leaf<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    leaf: u16,
    page: Page,
) -> Result<Result<Applied, Refused>, S::Error> {
    let mut state = position(store, follow)?;
    if state.pulling || state.epoch != page.head.epoch || state.seq != page.head.seq {
        return Ok(Ok(Applied {
            seq: state.seq,
            outcome: Outcome::Outdated,
            ..Applied::default()
        }));
    }
    if let Err(refused) = check_head(&state, &page) {
        return Ok(Err(refused));
    }
    let known = match compare(store, follow, &page, true)? {
        Ok(known) => known,
        Err(refused) => return Ok(Err(refused)),
    };
    let here = store.rows_of_leaves(follow.key, &[leaf])?;
    let there: HashSet<EntryId> = page.statements.iter().map(|row| row.entry).collect();
    if let Some(extra) = here.iter().find(|row| !there.contains(&row.entry)) {
        return Ok(Err(Refused::Fork(extra.seq)));
    }
    let mut applied = match take_in(store, follow, &mut state, page.statements, &known)? {
        Ok(applied) => applied,
        Err(refused) => return Ok(Err(refused)),
    };
    tree::refresh(store, follow.key, &mut state, &[leaf])?;
    applied.seq = state.seq;
    let (root, count) = (page.head.root, page.head.count);
    applied.outcome = match compare_roots(store, follow, &mut state, root, count)? {
        Ok(outcome) => outcome,
        Err(refused) => return Ok(Err(refused)),
    };
    store.put_state(follow.key, &state)?;
    Ok(Ok(applied))
}

/// Looks at statements in quarantine again, whose signatures were verified when they came. Returns how many came out.
///
/// # Errors
/// Those of the store.
pub fn retry<S: Store>(
    store: &mut S,
    follow: &Follow<'_>,
    rows: Vec<StatementRow>,
) -> Result<usize, S::Error> {
    let (actor, epoch) = (follow.document.did().as_str(), follow.document.epoch());
    let mut decided = Decided::default();
    let mut fewer = 0;
    for row in rows {
        let Some(line) = row.body.as_deref() else {
            continue;
        };
        let Ok(read) = statement::read(line, follow.key, actor, epoch) else {
            continue;
        };
        let now = store.now();
        let (kept, entry) = match judge(follow, &read, now) {
            Ok((Kept::Quarantined(_), ..)) | Err(_) => continue,
            Ok((kept, entry, _)) => (kept, entry),
        };
        decided.take.extend(entry.map(|entry| (entry, false)));
        if kept == Kept::Skipped {
            fewer += kept_bytes(&row);
        }
        decided.rows.push(StatementRow {
            body: row.body.filter(|_| kept != Kept::Skipped),
            kept,
            ..row
        });
    }
    let out = decided.rows.len();
    if out > 0 {
        write(store, follow, decided)?;
    }
    if fewer > 0
        && let Some(mut state) = store.state(follow.key)?
    {
        state.bytes = state.bytes.saturating_sub(fewer);
        store.put_state(follow.key, &state)?;
    }
    Ok(out)
}
