//! The background work that pulls what peers have published, and tells them that there is news here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::{FeedKey, FeedName};
use futures_util::StreamExt as _;
use storage::feeds::{FeedWork, Follower, Following, Peer};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::protocol::document::{Acceptance, DocumentError, NodeDocument, accept};
use crate::protocol::follow::{self, Applied, Follow, Outcome};
use crate::protocol::key::Ed25519;
use crate::protocol::page::{self, Expected, Page, Part};
use crate::protocol::policy::Policy;
use crate::protocol::refusal::{Consequence, Refused};
use crate::protocol::tree;

/// Peers that are pulled from at once.
const AT_ONCE: usize = 16;
/// How often this process looks whose turn it is.
const LOOK: Duration = Duration::from_millis(500);
/// For how long a process takes the work over.
const LEASE: TimeDelta = TimeDelta::seconds(10);
/// The longest pause after failures.
const MOST_PAUSE: i64 = 3_600;
/// How often in a row a pull starts anew because the identity document or the head changed.
const ATTEMPTS: usize = 4;
/// For how long a pull makes way for another process that pulls from the same peer, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(20);
const ASIDE: Duration = Duration::from_millis(250);
/// Leaves that are repaired one by one; where more differ, everything is pulled again.
const REPAIRS: usize = 512;
/// Peers that are told of news at once.
const HINTS_AT_ONCE: usize = 8;

/// Follows until it is told to stop.
pub(crate) async fn run(federation: Federation, stop: CancellationToken) {
    let mut turns = Turns::default();
    if let Err(error) = retry_quarantine(&federation).await {
        tracing::warn!(
            code = error.code(),
            cause = error.log(),
            "quarantine was not looked at"
        );
    }
    let mut pulls = JoinSet::new();
    while !stop.is_cancelled() {
        tokio::select! {
            () = federation.wait_for_hint() => {}
            () = tokio::time::sleep(LOOK) => {}
            Some(done) = pulls.join_next() => match done {
                Ok((peer, failures)) => {
                    turns.done(&peer, failures, poll_seconds(&federation), federation.now());
                }
                // Nobody knows whose it was; to pull twice does no harm.
                Err(_) => turns.busy.clear(),
            },
            () = stop.cancelled() => break,
        }
        if let Err(error) = round(&federation, &mut turns, &mut pulls, &stop).await {
            tracing::warn!(
                code = error.code(),
                cause = error.log(),
                "peers cannot be looked after"
            );
        }
    }
    // Each ends at once, between two pages: what is not written is asked for again.
    while pulls.join_next().await.is_some() {}
}

fn poll_seconds(federation: &Federation) -> i64 {
    i64::try_from(federation.settings().poll_seconds)
        .unwrap_or(MOST_PAUSE)
        .max(1)
}

/// When which peer is due.
#[derive(Default)]
struct Turns {
    next: HashMap<i64, (DateTime<Utc>, Decided)>,
    /// Peers that are being pulled from: a slow one keeps nobody else waiting.
    busy: BTreeSet<i64>,
    /// Peers that said that they have news.
    hinted: BTreeSet<i64>,
}

/// What an admin last decided about a peer, here or at the console.
type Decided = (Following, FeedName, DateTime<Utc>, Option<DateTime<Utc>>);

fn decided(peer: &Peer) -> Decided {
    (peer.following, peer.feed, peer.asked, peer.decided)
}

impl Turns {
    fn is_due(&self, peer: &Peer, now: DateTime<Utc>, poll: i64) -> bool {
        let Some((next, before)) = self.next.get(&peer.id) else {
            return true;
        };
        // A clock that went back makes nobody wait for longer than the longest pause.
        let latest = now + TimeDelta::seconds(poll.max(MOST_PAUSE) * 2);
        // What an admin has just decided is done at once.
        *next <= now || *next > latest || *before != decided(peer)
    }

    fn done(&mut self, peer: &Peer, failures: i64, poll: i64, now: DateTime<Utc>) {
        self.busy.remove(&peer.id);
        self.plan(peer, failures, poll, now);
    }

    /// With jitter, so that peers do not all come at once; longer after each failure.
    fn plan(&mut self, peer: &Peer, failures: i64, poll: i64, now: DateTime<Utc>) {
        let pause = poll
            .saturating_mul(1 << failures.clamp(0, 10))
            .min(poll.max(MOST_PAUSE));
        let jitter = 0.8 + 0.4 * rand::random::<f64>();
        let millis = (pause as f64 * 1_000.0 * jitter) as i64;
        let next = now + TimeDelta::milliseconds(millis);
        self.next.insert(peer.id, (next, decided(peer)));
    }
}

async fn round(
    federation: &Federation,
    turns: &mut Turns,
    pulls: &mut JoinSet<(Peer, i64)>,
    stop: &CancellationToken,
) -> Result<(), FederationError> {
    turns.hinted.extend(federation.take_hinted());
    let (now, poll) = (federation.now(), poll_seconds(federation));
    let (feeds, holder) = (federation.feeds(), federation.holder());
    // A hint is followed by the process that got it; to pull twice does no harm.
    if !feeds.lease("follow", holder, now + LEASE, now).await? && turns.hinted.is_empty() {
        return Ok(());
    }
    let peers = federation.peers().list().await?;
    let mut due: Vec<Peer> = peers
        .into_iter()
        .filter(|peer| matches!(peer.following, Following::Active | Following::Waiting))
        .filter(|peer| !turns.busy.contains(&peer.id))
        .filter(|peer| turns.hinted.contains(&peer.id) || turns.is_due(peer, now, poll))
        .collect();
    let later = due.split_off(due.len().min(AT_ONCE.saturating_sub(turns.busy.len())));
    // Who is busy, or finds no room, is looked after when there is.
    let later: BTreeSet<i64> = later.iter().map(|peer| peer.id).collect();
    turns
        .hinted
        .retain(|id| turns.busy.contains(id) || later.contains(id));
    for peer in due {
        turns.busy.insert(peer.id);
        let (federation, stop) = (federation.clone(), stop.clone());
        pulls.spawn(async move {
            let outcome = tokio::select! {
                outcome = look_after(&federation, &peer) => outcome,
                () = stop.cancelled() => Ok(()),
            };
            let failures = if outcome.is_ok() {
                0
            } else {
                peer.failures + 1
            };
            (peer, failures)
        });
    }
    Ok(())
}

/// Pulls from a peer, or asks again whether this node may follow it; notes how it went.
pub(crate) async fn look_after(
    federation: &Federation,
    peer: &Peer,
) -> Result<(), FederationError> {
    let outcome = if peer.following == Following::Waiting {
        federation.ask_to_follow(peer).await.map(|()| None)
    } else {
        pull(federation, peer).await.map(Some)
    };
    note(federation, peer, &outcome).await?;
    outcome.map(drop)
}

/// Pulls all that is new and proves that both sides hold the same.
///
/// # Errors
/// [`FederationError`]. Everything up to the last whole page stays.
pub(crate) async fn pull(federation: &Federation, peer: &Peer) -> Result<Applied, FederationError> {
    let mut peer = peer.clone();
    let mut total = Applied::default();
    let (mut introduced, mut attempts, begun) = (false, 0, Instant::now());
    while attempts < ATTEMPTS {
        attempts += 1;
        match pull_with(federation, &peer, &mut total).await {
            // Each time some rows fewer remain.
            Ok(Outcome::Sweeping) => attempts -= 1,
            Err(FederationError::Refused(refused)) => match refused.consequence() {
                Consequence::LookAgain => {
                    if !refresh_document(federation, &peer).await? {
                        return Err(refused.into());
                    }
                    let again = federation.peers().get(&peer.base_url).await?;
                    peer = again.ok_or(FederationError::UnknownPeer)?;
                }
                Consequence::PullAll => {
                    let key = key_of(&peer);
                    let all = federation
                        .feeds()
                        .write(federation.now(), move |work| follow::pull_all(work, &key));
                    all.await?;
                }
                _ => return Err(refused.into()),
            },
            Ok(Outcome::Outdated) => {
                // Another process is at it, or an admin has decided something: that is no failure.
                if begun.elapsed() > PATIENCE {
                    total.outcome = Outcome::Outdated;
                    return Ok(total);
                }
                attempts -= 1;
                tokio::time::sleep(ASIDE).await;
                let again = federation.peers().get(&peer.base_url).await?;
                peer = again.ok_or(FederationError::UnknownPeer)?;
            }
            Ok(Outcome::Differs) => {}
            Ok(outcome) => {
                total.outcome = outcome;
                return Ok(total);
            }
            Err(FederationError::Answer {
                status: 401 | 403, ..
            }) if !introduced => {
                introduce(federation, &peer).await?;
                introduced = true;
                let again = federation.peers().get(&peer.base_url).await?;
                peer = again.ok_or(FederationError::UnknownPeer)?;
            }
            Err(error) => return Err(error),
        }
    }
    Err(Refused::Differs.into())
}

/// A peer does not know this node's signature any more. Either it missed new keys of this node, and is told of them
/// again. Or another node stands in its place, which its document shows.
async fn introduce(federation: &Federation, peer: &Peer) -> Result<(), FederationError> {
    let shown = federation.get_document(&peer.base_url).await?;
    match accept(&pinned(peer)?, &shown, &Ed25519) {
        Err(DocumentError::Gap) | Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    federation.message(peer, "Announce").await.map(drop)
}

/// The feed that is followed of a peer.
pub(crate) fn key_of(peer: &Peer) -> FeedKey {
    FeedKey {
        origin: peer.base_url.clone(),
        name: peer.feed,
    }
}

/// The document that is pinned of a peer.
pub(crate) fn pinned(peer: &Peer) -> Result<NodeDocument, FederationError> {
    let json = peer.document.as_deref().filter(|_| peer.pinned);
    let json = json.ok_or(FederationError::Unfitting(
        "its fingerprint has not been compared yet: approve it first",
    ))?;
    Ok(NodeDocument::parse(json.as_bytes())?)
}

/// What pulling from a peer goes by, shared with the threads that check and write.
pub(crate) struct Source {
    key: FeedKey,
    document: NodeDocument,
    policy: Policy,
    sweep_allowed: bool,
    /// Document and policy as they stand in the database.
    written: (Option<String>, String),
}

impl Source {
    pub(crate) fn of(peer: &Peer) -> Result<Self, FederationError> {
        Ok(Self {
            key: key_of(peer),
            document: pinned(peer)?,
            policy: serde_json::from_str(&peer.policy).map_err(FederationError::internal)?,
            sweep_allowed: peer.sweep_allowed,
            written: (peer.document.clone(), peer.policy.clone()),
        })
    }

    /// Whether an admin still wants it so: the peer may have been denied, or its policy changed, since this pull began.
    fn holds(&self, work: &mut FeedWork<'_, '_>) -> storage::Result<bool> {
        let peer = work.peer(&self.key.origin)?;
        Ok(peer.is_some_and(|peer| {
            peer.pinned
                && peer.feed == self.key.name
                && peer.document == self.written.0
                && peer.policy == self.written.1
        }))
    }

    fn follow(&self) -> Follow<'_> {
        Follow {
            key: &self.key,
            document: &self.document,
            policy: &self.policy,
            sweep_allowed: self.sweep_allowed,
        }
    }
}

async fn pull_with(
    federation: &Federation,
    peer: &Peer,
    total: &mut Applied,
) -> Result<Outcome, FederationError> {
    let source = Arc::new(Source::of(peer)?);
    let limit = federation.settings().page_rows.clamp(1, page::MAX_ROWS);
    let of = Arc::clone(&source);
    let state = federation
        .feeds()
        .write(federation.now(), move |work| {
            if !of.holds(work)? {
                return Ok(None);
            }
            follow::position(work, &of.follow()).map(Some)
        })
        .await?;
    let Some(state) = state else {
        return Ok(Outcome::Outdated);
    };
    // Pages are fetched, checked and written at the same time, each a page ahead of the next.
    let (fetched, to_check) = mpsc::channel(1);
    let (checked, to_write) = mpsc::channel(1);
    let ahead = async {
        tokio::join!(
            fetch_pages(federation, &source, state.seq, limit, fetched),
            check_pages(federation, &source, limit, to_check, checked),
        );
        std::future::pending().await
    };
    tokio::select! {
        outcome = write_pages(federation, &source, to_write, total) => outcome,
        never = ahead => never,
    }
}

type Fetched = Result<(u64, bytes::Bytes), FederationError>;
type Checked = Result<(u64, Page), FederationError>;

/// Fetches page after page. What a page says about itself is believed only so far as to ask for what follows it.
async fn fetch_pages(
    federation: &Federation,
    source: &Source,
    mut since: u64,
    limit: usize,
    fetched: mpsc::Sender<Fetched>,
) {
    loop {
        let part = Part::Changes { since };
        let body = federation.get_page(&source.key, &part, limit).await;
        let next = body.as_ref().ok().and_then(|body| next_of(body));
        let sent = fetched.send(body.map(|body| (since, body))).await;
        match next {
            // A page that leads backwards leads nowhere: it will be refused.
            Some(next) if sent.is_ok() && next > since => since = next,
            _ => return,
        }
    }
}

async fn check_pages(
    federation: &Federation,
    source: &Arc<Source>,
    limit: usize,
    mut to_check: mpsc::Receiver<Fetched>,
    checked: mpsc::Sender<Checked>,
) {
    while let Some(fetched) = to_check.recv().await {
        let page = match fetched {
            Ok((since, body)) => {
                let part = Part::Changes { since };
                let page = check(federation, source, part, body, limit).await;
                page.map(|page| (since, page))
            }
            Err(error) => Err(error),
        };
        if checked.send(page).await.is_err() {
            return;
        }
    }
}

async fn write_pages(
    federation: &Federation,
    source: &Arc<Source>,
    mut to_write: mpsc::Receiver<Checked>,
    total: &mut Applied,
) -> Result<Outcome, FederationError> {
    while let Some(checked) = to_write.recv().await {
        let (since, page) = checked?;
        let applied = apply(federation, source, since, page).await?;
        add(total, &applied);
        match applied.outcome {
            Outcome::NotYet => {}
            Outcome::Differs => return repair(federation, source, total).await,
            outcome => return Ok(outcome),
        }
    }
    // The last page promised more than came.
    Err(Refused::Truncated.into())
}

fn add(total: &mut Applied, applied: &Applied) {
    total.taken += applied.taken;
    total.removed += applied.removed;
    total.skipped += applied.skipped;
    total.quarantined += applied.quarantined;
    total.seq = applied.seq;
}

/// Where a page says that it ends, if more follow.
fn next_of(body: &[u8]) -> Option<u64> {
    let whole = body.strip_suffix(b"\n")?;
    let start = whole
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let trailer: serde_json::Value = serde_json::from_slice(whole.get(start..)?).ok()?;
    if trailer.get("more")?.as_bool()? {
        trailer.get("through")?.as_u64()
    } else {
        None
    }
}

async fn apply(
    federation: &Federation,
    source: &Arc<Source>,
    since: u64,
    page: Page,
) -> Result<Applied, FederationError> {
    let source = Arc::clone(source);
    let mut page = Some(page);
    let applied = federation.feeds().write(federation.now(), move |work| {
        let page = match page.take() {
            Some(page) if source.holds(work)? => page,
            // An admin has decided otherwise meanwhile. Or the transaction is tried again; what it needs went with the
            // first time, and is asked for anew.
            _ => return Ok(Ok(outdated(work, &source)?)),
        };
        let applied = follow::apply(work, &source.follow(), since, page)?;
        if applied.is_err() {
            work.discard();
        }
        Ok(applied)
    });
    Ok(applied.await??)
}

fn outdated(work: &mut FeedWork<'_, '_>, source: &Source) -> storage::Result<Applied> {
    if !source.holds(work)? {
        return Ok(Applied {
            outcome: Outcome::Outdated,
            ..Applied::default()
        });
    }
    let state = follow::position(work, &source.follow())?;
    Ok(Applied {
        seq: state.seq,
        outcome: Outcome::Outdated,
        ..Applied::default()
    })
}

/// Checks a page on a thread that may take its time.
async fn check(
    federation: &Federation,
    source: &Arc<Source>,
    part: Part,
    body: bytes::Bytes,
    limit: usize,
) -> Result<Page, FederationError> {
    let (source, now) = (Arc::clone(source), federation.now());
    let checked = tokio::task::spawn_blocking(move || {
        let expected = Expected {
            key: &source.key,
            document: &source.document,
            part: &part,
            limit,
            verifier: &Ed25519,
            now,
        };
        page::read(&body, &expected)
    });
    Ok(checked.await.map_err(FederationError::internal)??)
}

/// Finds the leaves that differ and makes them what the origin says.
async fn repair(
    federation: &Federation,
    source: &Arc<Source>,
    total: &mut Applied,
) -> Result<Outcome, FederationError> {
    let leaves = differing(federation, source).await?;
    tracing::warn!(
        peer = %source.key.origin,
        leaves = leaves.len(),
        "what is here differs from what its origin holds; repairing"
    );
    if leaves.len() > REPAIRS {
        return Err(Refused::BelowHorizon.into());
    }
    // Where no leaf differs any more, or still does after this, all is compared once more.
    let mut outcome = Outcome::Differs;
    for leaf in leaves {
        let part = Part::Leaf(leaf);
        let body = federation
            .get_page(&source.key, &part, page::MAX_ROWS)
            .await?;
        let page = check(federation, source, part, body, page::MAX_ROWS).await?;
        let (of, mut page) = (Arc::clone(source), Some(page));
        let repaired = federation.feeds().write(federation.now(), move |work| {
            let page = match page.take() {
                Some(page) if of.holds(work)? => page,
                _ => return Ok(Ok(outdated(work, &of)?)),
            };
            let repaired = follow::repair_leaf(work, &of.follow(), leaf, page)?;
            if repaired.is_err() {
                work.discard();
            }
            Ok(repaired)
        });
        let repaired = repaired.await??;
        add(total, &repaired);
        outcome = repaired.outcome;
        if outcome == Outcome::Outdated {
            break;
        }
    }
    Ok(outcome)
}

/// The leaves in which both sides differ.
async fn differing(
    federation: &Federation,
    source: &Arc<Source>,
) -> Result<Vec<u16>, FederationError> {
    let theirs = federation.get_digests(&source.key, None).await?;
    let key = source.key.clone();
    let read = federation
        .feeds()
        .read(federation.now(), move |work| work.bucket_digests(&key));
    let ours: HashMap<u8, _> = read.await?.into_iter().collect();
    let empty = tree::bucket_digest(&[0; tree::BUCKET_BYTES]);
    let mut leaves = Vec::new();
    for (number, digest) in (0..=u8::MAX).zip(theirs) {
        if *ours.get(&number).unwrap_or(&empty) == digest {
            continue;
        }
        let theirs = federation.get_digests(&source.key, Some(number)).await?;
        let key = source.key.clone();
        let read = federation
            .feeds()
            .read(federation.now(), move |work| work.bucket(&key, number));
        let ours = read
            .await?
            .map_or_else(|| vec![0; tree::BUCKET_BYTES], |bucket| bucket.leaves);
        for ((leaf, theirs), ours) in (0..=u8::MAX).zip(theirs).zip(ours.chunks_exact(32)) {
            if theirs.0 != ours {
                leaves.push(u16::from_be_bytes([number, leaf]));
            }
        }
    }
    Ok(leaves)
}

/// Looks whether a peer has a new identity document that the pinned one vouches for: whether there is one.
pub(crate) async fn refresh_document(
    federation: &Federation,
    peer: &Peer,
) -> Result<bool, FederationError> {
    let before = pinned(peer)?;
    let mut after = before.clone();
    // One by one: each is vouched for by the one before.
    let between = federation
        .get_documents(&peer.base_url, before.sequence())
        .await?;
    for next in between {
        match accept(&after, &next, &Ed25519)? {
            Acceptance::Unchanged => {}
            _ => after = next,
        }
    }
    if after == before {
        return Ok(false);
    }
    pin(federation, peer, &after).await?;
    Ok(true)
}

/// Pins a document that the pinned one vouches for.
pub(crate) async fn pin(
    federation: &Federation,
    peer: &Peer,
    document: &NodeDocument,
) -> Result<(), FederationError> {
    let json = String::from_utf8_lossy(document.to_json()).into_owned();
    let was = peer.document.clone();
    tracing::info!(peer = %peer.base_url, sequence = document.sequence(), "a peer has a new identity document");
    federation
        .peers()
        .change(&peer.base_url, None, federation.now(), move |peer| {
            Ok(peer.map(|mut peer| {
                if peer.document == was {
                    peer.document = Some(json.clone());
                }
                peer
            }))
        })
        .await?;
    Ok(())
}

/// Notes how it went with a peer.
async fn note(
    federation: &Federation,
    peer: &Peer,
    outcome: &Result<Option<Applied>, FederationError>,
) -> Result<(), FederationError> {
    let now = federation.now();
    let failed = outcome
        .as_ref()
        .err()
        .map(|error| (error.code().to_owned(), error.to_string(), freezes(error)));
    if let Err(error) = outcome {
        tracing::warn!(peer = %peer.base_url, code = error.code(), cause = error.log(), "pulling failed");
    }
    let applied = outcome.as_ref().ok().copied().flatten();
    federation
        .peers()
        .change(&peer.base_url, None, now, move |found| {
            Ok(found.map(|mut peer| {
                peer.tried = Some(now);
                match &failed {
                    Some((code, words, freezes)) => {
                        peer.failures += 1;
                        peer.error_code = Some(code.clone());
                        peer.error = Some(words.clone());
                        peer.error_at = Some(now);
                        if *freezes && peer.following == Following::Active {
                            peer.following = Following::Frozen;
                        }
                    }
                    None => succeeded(&mut peer, applied, now),
                }
                peer
            }))
        })
        .await?;
    Ok(())
}

fn succeeded(peer: &mut Peer, applied: Option<Applied>, now: DateTime<Utc>) {
    peer.failures = 0;
    peer.succeeded = Some(now);
    peer.error_code = None;
    peer.error = None;
    peer.error_at = None;
    let Some(applied) = applied.filter(|applied| applied.outcome != Outcome::Outdated) else {
        return;
    };
    let seq = i64::try_from(applied.seq).unwrap_or(i64::MAX);
    peer.remote_seq = Some(seq);
    match applied.outcome {
        Outcome::Agreed => {
            peer.agreed = Some(now);
            peer.agreed_seq = Some(seq);
            peer.sweep = None;
            peer.sweep_allowed = false;
        }
        Outcome::SweepWaits { rows } => {
            peer.sweep = Some(i64::try_from(rows).unwrap_or(i64::MAX));
            peer.error_code = Some("sweep_waits".to_owned());
            peer.error = Some(format!(
                "{rows} entries are no longer in its feed, more than a tenth: `lotse peer sync --allow-sweep` removes them"
            ));
            peer.error_at = Some(now);
        }
        Outcome::OverQuota => {
            peer.following = Following::Paused;
            peer.error_code = Some("over_quota".to_owned());
            peer.error = Some("it has more entries than its policy lets in".to_owned());
            peer.error_at = Some(now);
        }
        _ => {}
    }
}

/// Whether an error means that only an admin can say how to go on.
fn freezes(error: &FederationError) -> bool {
    match error {
        FederationError::Refused(refused) => refused.consequence() == Consequence::Freeze,
        FederationError::Document(_) => true,
        _ => false,
    }
}

/// Looks at statements in quarantine again: this version may understand what an older one did not.
async fn retry_quarantine(federation: &Federation) -> Result<(), FederationError> {
    for peer in federation.peers().list().await? {
        if !peer.pinned || peer.following == Following::No {
            continue;
        }
        let source = Source::of(&peer)?;
        let retried = federation.feeds().write(federation.now(), move |work| {
            let Some(_) = work.state(&source.key)? else {
                return Ok(0);
            };
            let mut taken = 0;
            let mut after = None;
            loop {
                let rows = work.quarantine(&source.key, after, 500)?;
                let Some(last) = rows.last() else {
                    return Ok(taken);
                };
                after = Some(last.entry);
                taken += follow::retry(work, &source.follow(), rows)?;
            }
        });
        let retried = retried.await?;
        if retried > 0 {
            tracing::info!(peer = %peer.base_url, retried, "entries came out of quarantine");
        }
    }
    Ok(())
}

/// Tells followers that there is news, until it is told to stop. Who does not hear it asks by itself after a while.
pub(crate) async fn hint(federation: Federation, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = federation.wait_for_news() => {}
            () = stop.cancelled() => return,
        }
        let peers = match federation.peers().list().await {
            Ok(peers) => peers,
            Err(error) => {
                tracing::debug!(code = error.code(), "nobody could be told of news");
                continue;
            }
        };
        let followers = peers
            .into_iter()
            .filter(|peer| peer.follower == Follower::Approved);
        let told = futures_util::stream::iter(followers)
            .map(|peer| {
                let federation = federation.clone();
                async move {
                    let message = serde_json::json!({"type": "lotse:Hint"});
                    if let Err(error) = federation
                        .send(&peer.base_url, "/fed/v1/hints", &message)
                        .await
                    {
                        tracing::debug!(peer = %peer.base_url, code = error.code(), "a hint was lost");
                    }
                }
            })
            .buffer_unordered(HINTS_AT_ONCE)
            .collect::<Vec<()>>();
        tokio::select! {
            _ = told => {}
            () = stop.cancelled() => return,
        }
    }
}
