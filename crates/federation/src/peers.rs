//! What admins do about peers, and what passes between nodes about that. The command line and the API both come here.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::{FeedKey, FeedName};
use domain::{Actor, EntryId, Origin};
use storage::feeds::{Follower, Following, Peer};

use crate::error::FederationError;
use crate::federation::{Federation, Repeated};
use crate::follower;
use crate::peer_view::{PeerDetail, Verification};
use crate::protocol::document::NodeDocument;
use crate::protocol::follow::{self, Outcome};
use crate::protocol::key::Ed25519;
use crate::protocol::policy::Policy;
use crate::pull::{self, key_of};

/// Days for which a stranger's request waits.
pub(crate) const PENDING_DAYS: i64 = 14;
/// Strangers that may wait at once.
pub(crate) const PENDING: i64 = 100;

impl Federation {
    /// A peer by host, base URL or DID.
    pub(crate) async fn find(&self, name: &str) -> Result<Peer, FederationError> {
        let wanted = name.trim_end_matches('/');
        self.peers()
            .list()
            .await?
            .into_iter()
            .find(|peer| {
                peer.base_url.host() == wanted
                    || peer.base_url.as_str() == wanted
                    || peer.did == wanted
            })
            .ok_or(FederationError::UnknownPeer)
    }

    /// Asks another node whether this one may follow it: fetches its identity document, which an admin then approves by
    /// its fingerprint; with `fingerprint` that is done at once.
    ///
    /// # Errors
    /// [`FederationError::Denied`], [`FederationError::Myself`], [`FederationError::Fingerprint`], and what stands
    /// against reaching it.
    pub async fn add_peer(
        &self,
        actor: &Actor,
        base_url: &Origin,
        feed: FeedName,
        fingerprint: Option<&str>,
    ) -> Result<PeerDetail, FederationError> {
        if base_url == self.origin() {
            return Err(FederationError::Myself);
        }
        self.refuse_denied(base_url).await?;
        let document = self.get_document(base_url).await?;
        document.verify_self(&Ed25519)?;
        let found = document.fingerprint();
        if fingerprint.is_some_and(|wanted| !same_fingerprint(wanted, &found)) {
            return Err(FederationError::Fingerprint { found });
        }
        let (approve, now) = (fingerprint.is_some(), self.now());
        let did = document.did().as_str().to_owned();
        let json = text_of(&document);
        let (base, policy) = (base_url.clone(), default_policy());
        let made = self
            .peers()
            .change(base_url, Some((actor, "peer.added")), now, move |known| {
                let mut peer = known.unwrap_or_else(|| {
                    Peer::new(base.clone(), did.clone(), feed, policy.clone(), now)
                });
                if !peer.pinned {
                    peer.document = Some(json.clone());
                }
                peer.feed = feed;
                if matches!(peer.following, Following::No | Following::Rejected) {
                    peer.following = Following::Waiting;
                }
                if approve {
                    approve_in(&mut peer, now);
                }
                Ok(Some(peer))
            })
            .await?;
        if let Some(peer) = made {
            self.leave_feed(base_url, feed).await?;
            // It may be away, or refuse: then it is asked again and again.
            if let Err(error) = self.ask_to_follow(&peer).await {
                tracing::info!(peer = %peer.base_url, code = error.code(), cause = error.log(), "it was not asked yet");
            }
        }
        self.show_peer(base_url.as_str()).await
    }

    /// Approves the fingerprint that a peer shows: it may follow this node if it asked to, and this node goes on to follow
    /// it if that waits, or if `follow` says so.
    ///
    /// # Errors
    /// [`FederationError::UnknownPeer`], [`FederationError::Fingerprint`], [`FederationError::Unfitting`].
    pub async fn approve_peer(
        &self,
        actor: &Actor,
        name: &str,
        fingerprint: Option<&str>,
        follow: bool,
    ) -> Result<PeerDetail, FederationError> {
        let peer = self.find(name).await?;
        let document = peer.document.as_deref().ok_or(FederationError::Unfitting(
            "its identity document is not known yet",
        ))?;
        let found = NodeDocument::parse(document.as_bytes())?.fingerprint();
        if fingerprint.is_some_and(|wanted| !same_fingerprint(wanted, &found)) {
            return Err(FederationError::Fingerprint { found });
        }
        let (now, seen) = (self.now(), peer.document.clone());
        let approved = self
            .peers()
            .change(
                &peer.base_url,
                Some((actor, "peer.approved")),
                now,
                move |peer| {
                    Ok(peer.map(|mut peer| {
                        // Somebody may have sent another document since the admin looked.
                        if peer.document == seen {
                            approve_in(&mut peer, now);
                            if follow
                                && matches!(peer.following, Following::No | Following::Rejected)
                            {
                                peer.following = Following::Waiting;
                            }
                        }
                        peer
                    }))
                },
            )
            .await?
            .filter(|peer| peer.pinned)
            .ok_or(FederationError::Unfitting(
                "it has just shown another identity document: look at its fingerprint again",
            ))?;
        if approved.follower == Follower::Approved {
            self.tell(&approved, "Accept").await;
        }
        if approved.following == Following::Waiting
            && let Err(error) = self.ask_to_follow(&approved).await
        {
            tracing::info!(peer = %approved.base_url, code = error.code(), cause = error.log(), "it was not asked yet");
        }
        self.hinted(approved.id);
        self.show_peer(approved.base_url.as_str()).await
    }

    /// Refuses a peer, or ends what there is: it may no longer follow, and is no longer followed. What is here of it
    /// stays; [`Federation::deny_peer`] erases that too.
    ///
    /// # Errors
    /// [`FederationError::UnknownPeer`].
    pub async fn reject_peer(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<PeerDetail, FederationError> {
        let peer = self.find(name).await?;
        let now = self.now();
        self.peers()
            .change(
                &peer.base_url,
                Some((actor, "peer.rejected")),
                now,
                move |peer| {
                    Ok(peer.map(|mut peer| {
                        peer.follower = Follower::Rejected;
                        peer.following = Following::No;
                        peer.decided = Some(now);
                        peer
                    }))
                },
            )
            .await?;
        self.part_from(&peer).await;
        self.show_peer(peer.base_url.as_str()).await
    }

    /// Stops pulling from a peer for now.
    ///
    /// # Errors
    /// [`FederationError::UnknownPeer`].
    pub async fn pause_peer(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<PeerDetail, FederationError> {
        self.set_following(actor, name, "peer.paused", Following::Paused)
            .await
    }

    /// Goes on pulling from a peer that was paused or frozen.
    ///
    /// # Errors
    /// [`FederationError::UnknownPeer`], [`FederationError::Unfitting`] for one that was never approved.
    pub async fn resume_peer(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<PeerDetail, FederationError> {
        let peer = self.find(name).await?;
        pull::pinned(&peer)?;
        let shown = self
            .set_following(actor, name, "peer.resumed", Following::Active)
            .await?;
        self.hinted(peer.id);
        Ok(shown)
    }

    async fn set_following(
        &self,
        actor: &Actor,
        name: &str,
        action: &'static str,
        following: Following,
    ) -> Result<PeerDetail, FederationError> {
        let peer = self.find(name).await?;
        if peer.following == Following::No {
            return Err(FederationError::Unfitting("this node does not follow it"));
        }
        self.peers()
            .change(
                &peer.base_url,
                Some((actor, action)),
                self.now(),
                move |peer| {
                    Ok(peer.map(|mut peer| {
                        peer.following = following;
                        if is_over_quota(&peer) {
                            // From here on it is an admin's decision, which a larger quota does not take back.
                            peer.error_code = None;
                            (peer.error, peer.error_at) = (None, None);
                        }
                        peer.failures = 0;
                        peer
                    }))
                },
            )
            .await?;
        self.show_peer(peer.base_url.as_str()).await
    }

    /// Changes what is taken from a peer; everything is looked at again with the next pull. One that was paused because it
    /// had too much is tried again.
    ///
    /// # Errors
    /// [`FederationError::UnknownPeer`].
    pub async fn set_policy(
        &self,
        actor: &Actor,
        name: &str,
        policy: &Policy,
    ) -> Result<PeerDetail, FederationError> {
        let peer = self.find(name).await?;
        let json = serde_json::to_string(policy).map_err(FederationError::internal)?;
        let (base, key, actor) = (peer.base_url.clone(), key_of(&peer), actor.clone());
        // Together: rows that were judged by the old policy would stay as they are.
        self.feeds()
            .write(self.now(), move |work| {
                let Some(mut peer) = work.peer(&base)? else {
                    return Ok(());
                };
                peer.policy.clone_from(&json);
                if peer.following == Following::Paused && is_over_quota(&peer) {
                    peer.following = Following::Active;
                }
                work.put_peer(peer)?;
                work.note(&actor, "peer.policy", base.as_str())?;
                follow::pull_all(work, &key)
            })
            .await?;
        self.hinted(peer.id);
        self.show_peer(peer.base_url.as_str()).await
    }

    /// Wants nothing of a node any more, and erases everything that came from it.
    ///
    /// # Errors
    /// [`FederationError::Myself`], and those of database and journal.
    pub async fn deny_peer(&self, base_url: &Origin) -> Result<bool, FederationError> {
        if base_url == self.origin() {
            return Err(FederationError::Myself);
        }
        if let Some(peer) = self.peers().get(base_url).await? {
            self.part_from(&peer).await;
        }
        self.decide_denial(base_url, true).await
    }

    /// Takes a denial back.
    ///
    /// # Errors
    /// Those of database and journal.
    pub async fn allow_peer(&self, base_url: &Origin) -> Result<bool, FederationError> {
        self.decide_denial(base_url, false).await
    }

    /// First outside of the database, so that a backup cannot bring anything back; under the lock of all writers, as
    /// everything that is written in the journal.
    async fn decide_denial(&self, node: &Origin, denied: bool) -> Result<bool, FederationError> {
        let (node, journal) = (node.clone(), self.journal().clone());
        let decided = self.feeds().write(self.now(), move |work| {
            journal.within(work, |work, open| {
                if let Err(error) = open.denied(node.as_str(), denied) {
                    return Ok(Err(error));
                }
                let changed = if denied {
                    work.deny(&node)?
                } else {
                    work.undeny(&node)?
                };
                Ok(Ok(changed))
            })
        });
        let changed = decided.await??;
        if denied && changed {
            self.leave_no_remains().await;
        }
        Ok(changed)
    }

    /// What was erased is gone in any case; this is about the files that it stood in.
    async fn leave_no_remains(&self) {
        let left = self.feeds().leave_no_remains().await;
        if !left.unwrap_or(false) {
            tracing::info!("what was erased leaves the files of the database within a minute");
        }
    }

    /// The nodes of which nothing is wanted.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn denials(&self) -> Result<Vec<String>, FederationError> {
        Ok(self.feeds().read(self.now(), |work| work.denials()).await?)
    }

    /// Pulls from a peer now. `allow_sweep` agrees to remove what is no longer in its feed, also where that is much;
    /// `all` pulls everything again.
    ///
    /// # Errors
    /// [`FederationError`]: why it did not work.
    pub async fn sync_peer(
        &self,
        name: &str,
        allow_sweep: bool,
        all: bool,
    ) -> Result<PeerDetail, FederationError> {
        let peer = self.find(name).await?;
        if allow_sweep {
            self.peers()
                .change(&peer.base_url, None, self.now(), |peer| {
                    Ok(peer.map(|mut peer| {
                        peer.sweep_allowed = true;
                        peer
                    }))
                })
                .await?;
        }
        if all {
            let key = key_of(&peer);
            self.feeds()
                .write(self.now(), move |work| follow::pull_all(work, &key))
                .await?;
        }
        let peer = self.find(name).await?;
        follower::look_after(self, &peer).await?;
        self.show_peer(name).await
    }

    /// Proves by digest whether both sides hold the same, after pulling what is new. The digests are kept, not worked out
    /// anew; `thorough` looks at every row that is here once more, so that damage to the database shows as well.
    ///
    /// # Errors
    /// [`FederationError`]: why that cannot be said.
    pub async fn verify_peer(
        &self,
        name: &str,
        thorough: bool,
    ) -> Result<Verification, FederationError> {
        let peer = self.find(name).await?;
        if thorough {
            pull::doubt(self, &peer).await?;
        }
        let applied = pull::pull(self, &peer).await?;
        let key = key_of(&peer);
        let state = self
            .feeds()
            .read(self.now(), move |work| work.state(&key))
            .await?
            .ok_or(FederationError::UnknownPeer)?;
        let outcome = match applied.outcome {
            Outcome::Agreed => "both sides hold the same".to_owned(),
            Outcome::SweepWaits { rows } => {
                format!(
                    "{rows} entries are no longer in its feed and wait for `lotse peer sync --allow-sweep`"
                )
            }
            Outcome::Outdated => "another process pulls from it at this moment".to_owned(),
            Outcome::OverQuota => "it has more entries than its policy lets in".to_owned(),
            _ => "both sides differ".to_owned(),
        };
        Ok(Verification {
            agreed: applied.outcome == Outcome::Agreed,
            seq: state.seq,
            rows: state.live,
            state_root: state.root.to_string(),
            outcome,
        })
    }

    /// Lets go of what came with the other feed of a node, where that was followed before: nothing would be told of it
    /// any more.
    async fn leave_feed(&self, base_url: &Origin, kept: FeedName) -> Result<(), FederationError> {
        for name in FeedName::ALL.into_iter().filter(|name| *name != kept) {
            let key = FeedKey {
                origin: base_url.clone(),
                name,
            };
            self.feeds()
                .write(self.now(), move |work| follow::leave(work, &key))
                .await?;
        }
        Ok(())
    }

    async fn refuse_denied(&self, base_url: &Origin) -> Result<(), FederationError> {
        let base_url = base_url.clone();
        let denied = self
            .feeds()
            .read(self.now(), move |work| work.is_denied(&base_url))
            .await?;
        if denied {
            return Err(FederationError::Denied);
        }
        Ok(())
    }

    /// Deletes again what the journal says had been deleted, and hides what had been taken out of feeds: everything where
    /// the journal is lost, for then anything may have been.
    pub(crate) async fn repeat_deletions(
        &self,
        without_journal: bool,
    ) -> Result<Repeated, FederationError> {
        let journal = self.journal().clone();
        let done = self.feeds().write(self.now(), move |work| {
            let written = journal.rescued();
            let mut deleted: BTreeSet<EntryId> = written.feeds.deleted().clone();
            deleted.extend(work.erased()?);
            let mut withdrawn: BTreeSet<(FeedName, EntryId)> = written.feeds.withdrawn().clone();
            if without_journal {
                if let Err(error) = journal.accept(work, true)? {
                    work.discard();
                    return Ok(Err(error));
                }
                let shown = work.shown()?;
                withdrawn.extend(shown.into_iter().map(|id| (FeedName::Network, id)));
            }
            let deleted: Vec<EntryId> = deleted.into_iter().collect();
            let withdrawn: Vec<(FeedName, EntryId)> = withdrawn.into_iter().collect();
            Ok(Ok(Repeated {
                deleted: work.erase_again(&deleted)?,
                hidden: work.hide(&withdrawn)?,
            }))
        });
        let done = done.await??;
        self.repeat_denials().await?;
        Ok(done)
    }

    /// Denies again what the journal says was denied: a restored database may have forgotten it.
    pub(crate) async fn repeat_denials(&self) -> Result<(), FederationError> {
        let written = self.journal().read()?.unwrap_or_default();
        let mut erased = false;
        for node in written.denied {
            if let Ok(node) = node.parse::<Origin>() {
                let denied = self.feeds().write(self.now(), move |work| work.deny(&node));
                erased |= denied.await?;
            }
        }
        if erased {
            self.leave_no_remains().await;
        }
        Ok(())
    }

    /// When a stranger must have asked to still wait.
    pub(crate) fn strangers_since(&self) -> DateTime<Utc> {
        self.now() - TimeDelta::days(PENDING_DAYS)
    }
}

fn approve_in(peer: &mut Peer, now: DateTime<Utc>) {
    peer.pinned = true;
    peer.decided = Some(now);
    if peer.follower == Follower::Pending {
        peer.follower = Follower::Approved;
    }
}

fn is_over_quota(peer: &Peer) -> bool {
    peer.error_code.as_deref() == Some(follower::OVER_QUOTA)
}

/// Blanks and capitals do not count: a fingerprint is read aloud.
fn same_fingerprint(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '-' && *c != ':')
            .flat_map(char::to_lowercase)
            .collect()
    };
    plain(one) == plain(other)
}

pub(crate) fn default_policy() -> String {
    serde_json::to_string(&Policy::default()).unwrap_or_default()
}

pub(crate) fn text_of(document: &NodeDocument) -> String {
    String::from_utf8_lossy(document.to_json()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::same_fingerprint;

    #[test]
    fn a_fingerprint_that_was_read_aloud_is_the_same() {
        assert!(same_fingerprint("1F3A-77c0", "1f3a 77c0"));
        assert!(!same_fingerprint("1f3a 77c1", "1f3a 77c0"));
    }
}
