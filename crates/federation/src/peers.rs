//! What admins do about peers, and what passes between nodes about that. The command line and the API both come here.

use std::collections::BTreeSet;

use domain::feed::{FeedKey, FeedName};
use domain::{Actor, EntryId, Origin};
use storage::feeds::{Follower, Following, Peer};

use crate::error::FederationError;
use crate::federation::{Federation, Repeated};
use crate::follower;
use crate::journal::FileJournal;
use crate::peer_view::{PeerDetail, Verification};
use crate::protocol::document::NodeDocument;
use crate::protocol::follow::{self, Outcome};
use crate::protocol::policy::Policy;
use crate::pull::{self, key_of};

impl Federation {
    /// A peer by DID, base URL or host, in whatever spelling. Where several nodes of a host are known, one that an admin
    /// approved comes first.
    pub(crate) async fn find(&self, name: &str) -> Result<Peer, FederationError> {
        let origin = |text: &str| text.parse::<Origin>().ok();
        let by_url = origin(name);
        let by_host = origin(&format!("https://{name}"));
        let rank = |peer: &Peer| {
            if peer.did == name {
                Some(0)
            } else if by_url.as_ref() == Some(&peer.base_url) {
                Some(1)
            } else if by_url
                .as_ref()
                .is_some_and(|url| url.is_same_node(&peer.base_url))
            {
                Some(2)
            } else if by_host
                .as_ref()
                .is_some_and(|url| url.is_same_node(&peer.base_url))
            {
                Some(3)
            } else {
                let host = by_host.as_ref().map(Origin::host);
                (host == Some(peer.base_url.host())).then_some(4)
            }
        };
        let peers = self.peers().list().await?.into_iter();
        let found = peers
            .filter_map(|peer| Some((rank(&peer)?, !peer.pinned, peer)))
            .min_by_key(|(rank, unpinned, peer)| (*rank, *unpinned, peer.id));
        found
            .map(|(_, _, peer)| peer)
            .ok_or(FederationError::UnknownPeer)
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
        if base_url.is_same_node(self.origin()) {
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
            let others = match spellings_in(&journal, &node) {
                Ok(others) => others,
                Err(error) => {
                    work.discard();
                    return Ok(Err(error));
                }
            };
            journal.within(work, |work, open| {
                // Taken back, each denial of the same node is, however it was spelled.
                for other in others.iter().filter(|_| !denied) {
                    if let Err(error) = open.denied(other, false) {
                        return Ok(Err(error));
                    }
                }
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
            Outcome::OverQuota(quota) => quota.as_str().to_owned(),
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
    pub(crate) async fn leave_feed(
        &self,
        base_url: &Origin,
        kept: FeedName,
    ) -> Result<(), FederationError> {
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

    pub(crate) async fn refuse_denied(&self, base_url: &Origin) -> Result<(), FederationError> {
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
            let deleted = work.erase_again(&deleted)?;
            let mut hidden = work.hide(&withdrawn)?;
            // What was hidden when it was noticed, and nobody has looked at since.
            let ids: Vec<EntryId> = withdrawn.iter().map(|(_, id)| *id).collect();
            hidden.extend(work.withheld_among(&ids)?);
            hidden.sort_unstable();
            hidden.dedup();
            Ok(Ok(Repeated { deleted, hidden }))
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
}

/// How the journal spells the denials of a node, other than by this base URL.
fn spellings_in(
    journal: &FileJournal,
    node: &Origin,
) -> Result<Vec<String>, crate::journal::JournalError> {
    let denied = journal.read()?.unwrap_or_default().denied;
    let is_it = |other: &String| {
        let named: Option<Origin> = other.parse().ok();
        named.is_some_and(|named| named.is_same_node(node)) && other != node.as_str()
    };
    Ok(denied.into_iter().filter(is_it).collect())
}

fn is_over_quota(peer: &Peer) -> bool {
    peer.error_code.as_deref() == Some(follower::OVER_QUOTA)
}

pub(crate) fn default_policy() -> String {
    serde_json::to_string(&Policy::default()).unwrap_or_default()
}

pub(crate) fn text_of(document: &NodeDocument) -> String {
    String::from_utf8_lossy(document.to_json()).into_owned()
}
