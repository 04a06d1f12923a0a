//! How a node becomes a peer: an admin asks for it, or it came by itself, and an admin approves exactly what was shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use domain::feed::FeedName;
use domain::{Actor, Origin};
use storage::feeds::{Follower, Following, Peer};

use crate::error::FederationError;
use crate::federation::Federation;
use crate::peer_view::PeerDetail;
use crate::peers::{default_policy, text_of};
use crate::protocol::document::{DocumentError, NodeDocument, accept};
use crate::protocol::key::Ed25519;
use crate::pull;

/// What an admin says of a peer that it approves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Approval<'a> {
    /// The fingerprint as the admin of the other node said it. What nobody has compared yet is not approved without.
    pub fingerprint: Option<&'a str>,
    /// The digest of the identity document that was shown ([`crate::PeerView::document`]): nothing else is approved then.
    pub document: Option<&'a str>,
    /// Whether this node shall follow it too.
    pub follow: bool,
}

impl Federation {
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
        if base_url.is_same_node(self.origin()) {
            return Err(FederationError::Myself);
        }
        self.refuse_denied(base_url).await?;
        let document = self.get_document(base_url).await?;
        document.verify_self(&Ed25519)?;
        let found = document.fingerprint();
        if fingerprint.is_some_and(|wanted| !same_fingerprint(wanted, &found)) {
            return Err(FederationError::Fingerprint { found });
        }
        let known = self.peers().get(base_url).await?;
        if known.as_ref().is_some_and(is_set_aside) {
            return Err(FederationError::Unfitting(
                "an upgrade has set it aside, because another peer is the same node",
            ));
        }
        if let Some(pinned) = known.and_then(|known| pull::pinned(&known).ok()) {
            // Another node in the place of an approved one is not approved by adding it once more.
            match accept(&pinned, &document, &Ed25519) {
                Ok(_) | Err(DocumentError::Gap) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (approve, now) = (fingerprint.is_some(), self.now());
        let did = document.did().as_str().to_owned();
        let json = text_of(&document);
        let (base, policy) = (base_url.clone(), default_policy());
        let (peers, key) = (self.peers(), document.current_statement_key());
        let key = key.map(|(_, key)| *key);
        let made = peers
            .change(base_url, Some((actor, "peer.added")), now, move |known| {
                let mut peer = known.unwrap_or_else(|| {
                    Peer::new(base.clone(), did.clone(), feed, policy.clone(), now)
                });
                if !peer.pinned {
                    // What an admin asks for by name stands before what came by itself, by the word of whoever: who asked
                    // to follow with other keys has not asked.
                    let held = peer.document.as_deref();
                    let held = held.and_then(|json| NodeDocument::parse(json.as_bytes()).ok());
                    let same = held.is_some_and(|held| {
                        held.current_statement_key().map(|(_, held)| held) == key.as_ref()
                    });
                    if !same && peer.follower == Follower::Pending {
                        peer.follower = Follower::No;
                    }
                    (peer.base_url, peer.did) = (base.clone(), did.clone());
                    peer.document = Some(json.clone());
                } else if peer.base_url != base {
                    return Ok(Some(peer));
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
            if peer.base_url != *base_url {
                return Err(FederationError::Unfitting(
                    "this node is a peer already, under the other scheme",
                ));
            }
            self.leave_feed(base_url, feed).await?;
            // It may be away, or refuse: then it is asked again and again.
            if let Err(error) = self.ask_to_follow(&peer).await {
                tracing::info!(peer = %peer.base_url, code = error.code(), cause = error.log(), "it was not asked yet");
            }
        }
        self.show_peer(base_url.as_str()).await
    }

    /// Approves a peer: it may follow this node if it asked to, and this node goes on to follow it if that waits, or if the
    /// approval says so. Exactly what was shown is approved: a document whose fingerprint nobody has compared yet needs
    /// the fingerprint, because anybody can ask in any name; and where the approval names a document, it must still be
    /// that one.
    ///
    /// # Errors
    /// [`FederationError::UnknownPeer`], [`FederationError::FingerprintNeeded`], [`FederationError::Fingerprint`],
    /// [`FederationError::OtherDocument`], [`FederationError::Unfitting`].
    pub async fn approve_peer(
        &self,
        actor: &Actor,
        name: &str,
        approval: Approval<'_>,
    ) -> Result<PeerDetail, FederationError> {
        let peer = self.find(name).await?;
        let json = peer.document.as_deref().ok_or(FederationError::Unfitting(
            "its identity document is not known yet",
        ))?;
        let document = NodeDocument::parse(json.as_bytes())?;
        if is_set_aside(&peer) {
            return Err(FederationError::Unfitting(
                "an upgrade has set it aside, because another peer is the same node",
            ));
        }
        let digest = document.digest().to_string();
        if approval.document.is_some_and(|wanted| wanted != digest) {
            return Err(FederationError::OtherDocument);
        }
        let found = document.fingerprint();
        match approval.fingerprint {
            Some(wanted) if !same_fingerprint(wanted, &found) => {
                return Err(FederationError::Fingerprint { found });
            }
            None if !peer.pinned => return Err(FederationError::FingerprintNeeded),
            _ => {}
        }
        let (now, follow) = (self.now(), approval.follow);
        let seen = (peer.id, peer.document.clone(), peer.pinned);
        let approved_here = Arc::new(AtomicBool::new(false));
        let outcome = Arc::clone(&approved_here);
        let approved = self
            .peers()
            .change(
                &peer.base_url,
                Some((actor, "peer.approved")),
                now,
                move |peer| {
                    let Some(mut peer) = peer else {
                        return Ok(None);
                    };
                    // It may have sent another document since the admin looked, or somebody else may have been let in.
                    let stands = (peer.id, peer.document.clone(), peer.pinned) == seen;
                    if stands {
                        approve_in(&mut peer, now);
                        if follow && matches!(peer.following, Following::No | Following::Rejected) {
                            peer.following = Following::Waiting;
                        }
                    }
                    outcome.store(stands, Ordering::SeqCst);
                    Ok(Some(peer))
                },
            )
            .await?
            .filter(|_| approved_here.load(Ordering::SeqCst))
            .ok_or(FederationError::OtherDocument)?;
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
}

/// Whether it stands here without the name of its node, which another peer has.
fn is_set_aside(peer: &Peer) -> bool {
    peer.did.contains('#')
}

fn approve_in(peer: &mut Peer, now: DateTime<Utc>) {
    peer.pinned = true;
    peer.decided = Some(now);
    if peer.follower == Follower::Pending {
        peer.follower = Follower::Approved;
    }
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

#[cfg(test)]
mod tests {
    use super::same_fingerprint;

    #[test]
    fn a_fingerprint_that_was_read_aloud_is_the_same() {
        assert!(same_fingerprint("1F3A-77c0", "1f3a 77c0"));
        assert!(!same_fingerprint("1f3a 77c1", "1f3a 77c0"));
    }
}
