//! The background work that pulls what peers have published, and tells them that there is news here.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::FeedName;
use futures_util::StreamExt as _;
use health::Part;
use storage::feeds::{Follower, Following, Peer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::protocol::follow::{self, Applied, Outcome};
use crate::protocol::refusal::Consequence;
use crate::pull::{Source, pull};
use crate::tasks;

/// Peers that are pulled from at once.
const AT_ONCE: usize = 16;
/// How often this process looks whose turn it is.
const LOOK: Duration = Duration::from_millis(500);
/// How often quarantine is looked at, from the start on: what was dated ahead of the clock here has happened at some time.
const QUARANTINE_LOOK: Duration = Duration::from_secs(3_600);
/// Seconds until the first attempt after a failure, halved; they double with each.
const RETRY: i64 = 4;
/// The longest pause after failures.
const MOST_PAUSE: i64 = 3_600;
/// Peers that are told of news at once.
const HINTS_AT_ONCE: usize = 8;

/// The code under which a peer is paused that has more than is wanted from it.
pub(crate) const OVER_QUOTA: &str = "over_quota";

/// Follows until it is told to stop.
pub(crate) async fn run(federation: Federation, stop: CancellationToken) {
    let mut turns = Turns::default();
    let mut looks = tokio::time::interval(QUARANTINE_LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut pulls = JoinSet::new();
    while !stop.is_cancelled() {
        tokio::select! {
            () = federation.wait_for_hint() => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = looks.tick() => {
                if let Err(error) = retry_quarantine(&federation).await {
                    tracing::warn!(
                        code = error.code(),
                        cause = error.log(),
                        "quarantine was not looked at"
                    );
                }
            }
            Some(done) = pulls.join_next() => match done {
                Ok((peer, failures)) => {
                    turns.done(&peer, failures, poll_seconds(&federation), federation.now());
                }
                // Nobody knows whose it was; to pull twice does no harm.
                Err(error) => {
                    federation.health().background_failed("pull", error);
                    turns.busy.clear();
                }
            },
            () = stop.cancelled() => break,
        }
        match round(&federation, &mut turns, &mut pulls, &stop).await {
            Ok(()) => federation.health().ok(Part::Following),
            Err(error) => federation.health().failing(
                Part::Following,
                "peers cannot be looked after",
                format_args!("{}: {}", error.code(), error.log()),
            ),
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
        let pause = match failures {
            ..=0 => poll,
            _ => (RETRY << failures.min(10)).min(MOST_PAUSE),
        };
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
    if !feeds
        .lease("follow", holder, now + tasks::LEASE, now)
        .await?
        && turns.hinted.is_empty()
    {
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
            // What a peer sends may end this attempt in any way, but no other one.
            let outcome = tokio::select! {
                outcome = health::caught_async(look_after(&federation, &peer)) => outcome,
                () = stop.cancelled() => Ok(Ok(())),
            };
            let is_done = match outcome {
                Ok(outcome) => outcome.is_ok(),
                Err(why) => {
                    federation.health().background_failed("pull", why);
                    false
                }
            };
            let failures = if is_done { 0 } else { peer.failures + 1 };
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
        Outcome::OverQuota(quota) => {
            peer.following = Following::Paused;
            peer.error_code = Some(OVER_QUOTA.to_owned());
            peer.error = Some(quota.as_str().to_owned());
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

/// Looks at statements in quarantine again: this version may understand what an older one did not, and time goes on.
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
