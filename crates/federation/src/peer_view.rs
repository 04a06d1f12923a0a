//! How things stand with peers, as admins see it.

use chrono::{DateTime, Utc};
use domain::EntryId;
use domain::feed::{FeedName, Kept};
use serde::Serialize;
use storage::feeds::Peer;
use utoipa::ToSchema;

use crate::error::FederationError;
use crate::federation::Federation;
use crate::protocol::document::NodeDocument;
use crate::protocol::policy::Policy;
use crate::pull::key_of;

/// Statements in quarantine that are shown.
const QUARANTINE: i64 = 100;

/// How things stand with another node.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeerView {
    /// Host and port: what the peer is called in commands and paths.
    #[schema(example = "lotse.example.org")]
    pub host: String,
    /// Its base URL.
    #[schema(example = "https://lotse.example.org")]
    pub base_url: String,
    /// Its name.
    #[schema(example = "did:web:lotse.example.org")]
    pub did: String,
    /// How it calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The fingerprint of its key: compare it with what its admin sees (`lotse peer id`) by another way, such as the
    /// telephone, before approving.
    #[schema(example = "1f3a 77c0 9b52 ee01 4d3c 8a6f 20b9 c7d4 51e8 6a0f")]
    pub fingerprint: String,
    /// SHA-256 of the identity document that is shown here. An approval that names it approves nothing else.
    #[schema(example = "3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea")]
    pub document: String,
    /// Whether an admin here has approved that fingerprint.
    pub approved: bool,
    /// How often somebody with other keys has spoken in its name while it waited. More than 0 means that one of them is not
    /// who it says: compare the fingerprint with great care.
    pub contests: u64,
    /// When that was last.
    pub contested: Option<DateTime<Utc>>,
    /// Whether this node follows it: `no`, `waiting`, `active`, `paused`, `frozen`, `rejected`.
    pub following: &'static str,
    /// Which of its feeds.
    pub feed: FeedName,
    /// Whether it may follow this node: `no`, `pending`, `approved`, `rejected`.
    pub follower: &'static str,
    /// What is taken from it.
    pub policy: Policy,
    /// When it came up first.
    pub asked: DateTime<Utc>,
    /// When it was last asked for news.
    pub tried: Option<DateTime<Utc>>,
    /// When that last worked.
    pub succeeded: Option<DateTime<Utc>>,
    /// When it was last proved by digest that both sides hold the same.
    pub agreed: Option<DateTime<Utc>>,
    /// The number up to which its feed is here.
    pub seq: u64,
    /// The epoch of its feed.
    pub epoch: u64,
    /// Statements that its feed is known to have and that are not here yet.
    pub lag: u64,
    /// Entries that are here.
    pub entries: u64,
    /// Entries that its policy leaves out.
    pub skipped: u64,
    /// Entries that wait in quarantine.
    pub quarantined: u64,
    /// Bytes that its statements take here.
    pub bytes: u64,
    /// Entries that are no longer in its feed and wait for an admin to be removed.
    pub sweep_waits: Option<u64>,
    /// Why it did not work last.
    pub error: Option<PeerError>,
}

/// Why it did not work.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeerError {
    /// Stable for programs.
    #[schema(example = "fork")]
    pub code: String,
    /// In words.
    pub message: String,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// A statement that waits in quarantine.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Quarantined {
    /// The entry at its origin.
    pub entry: EntryId,
    /// Its number in the feed.
    pub seq: u64,
    /// Why it waits.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A peer with what waits in quarantine.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeerDetail {
    /// How things stand.
    #[serde(flatten)]
    pub peer: PeerView,
    /// The first statements in quarantine.
    pub quarantine: Vec<Quarantined>,
}

/// What a comparison came to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Verification {
    /// Whether both sides hold the same.
    pub agreed: bool,
    /// The number at which they were compared.
    pub seq: u64,
    /// Live entries in the feed, those left out and in quarantine with them.
    pub rows: u64,
    /// The digest of all of them here.
    pub state_root: String,
    /// What was done, or what stands against it.
    pub outcome: String,
}

/// How this node shows itself to admins.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OwnIdentity {
    /// Its name.
    pub did: String,
    /// Its base URL.
    pub base_url: String,
    /// The fingerprint of the key that signs its entries: tell it to the admin of a peer.
    pub fingerprint: String,
    /// The epoch of its feeds.
    pub epoch: u64,
    /// The number of its identity document.
    pub document: u64,
}

impl Federation {
    /// How this node shows itself.
    ///
    /// # Errors
    /// [`FederationError::NoIdentity`].
    pub fn own_identity(&self) -> Result<OwnIdentity, FederationError> {
        let identity = self.identity()?;
        let document = &identity.document;
        Ok(OwnIdentity {
            did: document.did().as_str().to_owned(),
            base_url: document.origin().as_str().to_owned(),
            fingerprint: document.fingerprint(),
            epoch: document.epoch(),
            document: document.sequence(),
        })
    }

    /// All peers. Strangers among them count as seen from now on: the next one that finds no room does not take their place.
    ///
    /// # Errors
    /// [`FederationError`], here and below.
    pub async fn list_peers(&self) -> Result<Vec<PeerView>, FederationError> {
        let mut views = Vec::new();
        let peers = self.peers().list().await?;
        let new = peers
            .iter()
            .filter(|peer| peer.is_stranger() && peer.seen.is_none());
        let new: Vec<i64> = new.map(|peer| peer.id).collect();
        if !new.is_empty() {
            self.peers().mark_seen(new, self.now()).await?;
        }
        for peer in peers {
            views.push(self.view(peer).await?);
        }
        Ok(views)
    }

    /// One peer, by host or base URL.
    ///
    /// # Errors
    /// [`FederationError::UnknownPeer`].
    pub async fn show_peer(&self, name: &str) -> Result<PeerDetail, FederationError> {
        let peer = self.find(name).await?;
        let key = key_of(&peer);
        let read = self.feeds().read(self.now(), move |work| {
            if work.state(&key)?.is_none() {
                return Ok(Vec::new());
            }
            work.quarantine(&key, None, QUARANTINE)
        });
        let quarantine = read.await?.into_iter().map(|row| Quarantined {
            entry: row.entry,
            seq: row.seq,
            reason: match row.kept {
                Kept::Quarantined(reason) => reason,
                _ => String::new(),
            },
            since: row.at,
        });
        let quarantine = quarantine.collect();
        Ok(PeerDetail {
            peer: self.view(peer).await?,
            quarantine,
        })
    }

    pub(crate) async fn view(&self, peer: Peer) -> Result<PeerView, FederationError> {
        let key = key_of(&peer);
        let read = self.feeds().read(self.now(), move |work| {
            let Some(state) = work.state(&key)? else {
                return Ok(None);
            };
            Ok(Some((state, work.counts(&key)?)))
        });
        let (state, counts) = read.await?.unzip();
        let [entries, skipped, quarantined] = counts.unwrap_or_default();
        let document = peer
            .document
            .as_ref()
            .and_then(|json| NodeDocument::parse(json.as_bytes()).ok());
        let seq = state.as_ref().map_or(0, |state| state.seq);
        let remote = peer.remote_seq.and_then(|seq| u64::try_from(seq).ok());
        Ok(PeerView {
            host: peer.base_url.host().to_owned(),
            base_url: peer.base_url.as_str().to_owned(),
            did: peer.did,
            name: document
                .as_ref()
                .and_then(|document| document.name().map(str::to_owned)),
            fingerprint: document
                .as_ref()
                .map_or_else(String::new, NodeDocument::fingerprint),
            document: document.map_or_else(String::new, |document| document.digest().to_string()),
            approved: peer.pinned,
            contests: peer.contests,
            contested: peer.contested,
            following: peer.following.as_str(),
            feed: peer.feed,
            follower: peer.follower.as_str(),
            policy: serde_json::from_str(&peer.policy).unwrap_or_default(),
            asked: peer.asked,
            tried: peer.tried,
            succeeded: peer.succeeded,
            agreed: peer.agreed,
            seq,
            epoch: state.as_ref().map_or(0, |state| state.epoch),
            bytes: state.map_or(0, |state| state.bytes),
            lag: remote.unwrap_or(0).saturating_sub(seq),
            entries,
            skipped,
            quarantined,
            sweep_waits: peer.sweep.and_then(|rows| u64::try_from(rows).ok()),
            error: peer.error_code.map(|code| PeerError {
                code,
                message: peer.error.unwrap_or_default(),
                at: peer.error_at,
            }),
        })
    }
}
