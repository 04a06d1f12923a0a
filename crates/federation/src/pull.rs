//! Pulling from one peer: fetching, checking and writing pages, and proving at the head that both sides hold the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::feed::{FeedKey, FeedState};
use storage::feeds::{FeedWork, Peer};
use tokio::sync::mpsc;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::protocol::document::{Acceptance, DocumentError, NodeDocument, accept};
use crate::protocol::follow::{self, Applied, Follow, Outcome};
use crate::protocol::key::Ed25519;
use crate::protocol::page::{self, Expected, Page, Part};
use crate::protocol::policy::Policy;
use crate::protocol::refusal::{Consequence, Refused};
use crate::protocol::tree;

/// How often in a row a pull starts anew because the identity document or the head changed.
const ATTEMPTS: usize = 4;
/// For how long a pull makes way for another process that pulls from the same peer, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(20);
const ASIDE: Duration = Duration::from_millis(250);
/// Leaves that are repaired one by one; where more differ, everything is pulled again.
const REPAIRS: usize = 512;

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

/// Forgets what was worked out from the rows of a peer's feed, so that the next comparison looks at each of them.
pub(crate) async fn doubt(federation: &Federation, peer: &Peer) -> Result<(), FederationError> {
    let key = key_of(peer);
    let forgotten = federation.feeds().write(federation.now(), move |work| {
        let Some(mut state) = work.state(&key)? else {
            return Ok(());
        };
        work.forget_without_entries(&key)?;
        work.forget_tree(&key)?;
        state.tree_seq = 0;
        work.put_state(&key, &state)
    });
    Ok(forgotten.await?)
}

/// What pulling from a peer goes by, shared with the threads that check and write.
pub(crate) struct Source {
    pub(crate) key: FeedKey,
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

    pub(crate) fn follow(&self) -> Follow<'_> {
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
            fetch_pages(federation, &source, &state, limit, fetched),
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
    from: &FeedState,
    limit: usize,
    fetched: mpsc::Sender<Fetched>,
) {
    let mut since = from.seq;
    loop {
        let part = Part::Changes { since };
        let body = federation
            .get_page(&source.key, &part, limit, from.pulling)
            .await;
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
        let over = |applied: &Applied| matches!(applied.outcome, Outcome::OverQuota(_));
        if applied.as_ref().map_or(true, over) {
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
            .get_page(&source.key, &part, page::MAX_ROWS, false)
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
