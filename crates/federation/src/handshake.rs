//! What nodes say to each other about who follows whom.

use domain::feed::FeedName;
use serde_json::{Value, json};
use storage::feeds::{Following, Peer};

use crate::error::FederationError;
use crate::federation::Federation;
use crate::limits;

/// Where messages about following go.
pub(crate) const FOLLOWS: &str = "/fed/v1/follows";
/// Identity documents that are sent along.
const DOCUMENTS: usize = crate::protocol::message::MAX_DOCUMENTS;

/// The newest documents, as many as have so many bytes together; the newest in any case.
fn newest_within(documents: &[(u64, String)], most: usize) -> &[(u64, String)] {
    let mut bytes = 0;
    let mut first = documents.len();
    for (at, (_, json)) in documents.iter().enumerate().rev() {
        bytes += json.len() + 1;
        if bytes > most && first < documents.len() {
            break;
        }
        first = at;
    }
    documents.get(first..).unwrap_or_default()
}

impl Federation {
    /// Asks a peer whether this node may follow it, and goes on where it may. The public feed needs nobody's leave.
    pub(crate) async fn ask_to_follow(&self, peer: &Peer) -> Result<(), FederationError> {
        let state = if peer.feed == FeedName::Public {
            "approved".to_owned()
        } else {
            self.message(peer, "Follow").await?
        };
        let following = match state.as_str() {
            "approved" if peer.pinned => Following::Active,
            "rejected" => Following::Rejected,
            _ => return Ok(()),
        };
        self.peers()
            .change(&peer.base_url, None, self.now(), move |peer| {
                Ok(peer.map(|mut peer| {
                    if peer.following == Following::Waiting {
                        peer.following = following;
                    }
                    peer
                }))
            })
            .await?;
        self.hinted(peer.id);
        Ok(())
    }

    /// Tells all peers of a new identity document.
    pub(crate) async fn announce(&self) {
        let Ok(peers) = self.peers().list().await else {
            return;
        };
        for peer in peers {
            if peer.pinned {
                self.tell(&peer, "Announce").await;
            }
        }
    }

    /// Tells a peer that it may no longer follow this node, and that this node no longer follows it.
    pub(crate) async fn part_from(&self, peer: &Peer) {
        self.tell(peer, "Reject").await;
        if peer.following != Following::No {
            self.tell(peer, "Undo").await;
        }
    }

    /// Sends a message whose loss does no harm.
    pub(crate) async fn tell(&self, peer: &Peer, verb: &str) {
        if let Err(error) = self.message(peer, verb).await {
            tracing::info!(peer = %peer.base_url, verb, code = error.code(), cause = error.log(), "a message was lost");
        }
    }

    /// Sends a message about following; returns how the other side says that things stand.
    pub(crate) async fn message(&self, peer: &Peer, verb: &str) -> Result<String, FederationError> {
        let identity = self.identity()?;
        let sequence = identity.document.sequence();
        let after = sequence.saturating_sub(DOCUMENTS as u64);
        let limit = i64::try_from(DOCUMENTS).unwrap_or(1);
        let read = self
            .feeds()
            .read(self.now(), move |work| work.documents(after, limit));
        let known = read.await?;
        // Whoever may not know this node yet reads no more than it needs.
        let most = if verb == "Follow" {
            limits::SENT_BYTES
        } else {
            limits::PEER_BYTES - limits::STRANGER_BYTES
        };
        let documents: Vec<Value> = newest_within(&known, most)
            .iter()
            .filter_map(|(_, json)| serde_json::from_str(json).ok())
            .collect();
        let message = json!({
            "@context": crate::protocol::statement::context(),
            "type": verb,
            "actor": identity.document.did().as_str(),
            "object": peer.did,
            "origin": self.origin().as_str(),
            "feed": peer.feed.as_str(),
            "documents": documents,
        });
        let answer = self.send(&peer.base_url, FOLLOWS, &message).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let state = answer.get("state").and_then(Value::as_str).unwrap_or("");
        Ok(state.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::newest_within;

    #[test]
    fn the_newest_documents_go_along_as_far_as_they_fit() {
        let documents: Vec<(u64, String)> = (1..=4).map(|number| (number, "x".repeat(9))).collect();
        let numbers = |most| -> Vec<u64> {
            let some = newest_within(&documents, most);
            some.iter().map(|(number, _)| *number).collect()
        };
        assert_eq!(numbers(100), [1, 2, 3, 4]);
        assert_eq!(numbers(30), [2, 3, 4]);
        assert_eq!(numbers(29), [3, 4]);
        assert_eq!(numbers(1), [4], "one in any case");
        assert!(newest_within(&[], 1).is_empty());
    }
}
