//! What a reader sees: the whole index at one moment.

use std::sync::Arc;

use bytes::Bytes;
use domain::{EntryId, EntryKey, Kind, Origin, Visibility};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::answers::Answers;
use crate::document::{KeyHash, Level};
use crate::segment::PlainKey;
use crate::select::View;
use crate::text::TextView;
use crate::{Facet, Viewer};

/// The index at one moment. It never changes; a later moment is another snapshot.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) views: Vec<View>,
    pub(crate) text: Arc<TextView>,
    pub(crate) arrival: i64,
    pub(crate) text_arrival: i64,
    /// Answers that were made from it.
    pub(crate) answers: Answers,
}

/// An entry that was found by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its JSON as the viewer sees it.
    pub json: Bytes,
    /// Its id at its origin.
    pub id: EntryId,
    /// Its kind.
    pub kind: Kind,
    /// Base URL of its origin.
    pub origin: Arc<str>,
    /// URI of the organisation that may edit it.
    pub owner: Arc<str>,
    /// Its version at its origin.
    pub version: u64,
    /// Hash of the whole entry's JSON ([`domain::content_hash`]): with the version the strong entity tag.
    pub content_hash: u64,
    /// Who may see it at all.
    pub visibility: Visibility,
    /// Which form of it this is. With version and content hash it tells representations apart.
    pub level: Level,
    /// Number of the change that brought it.
    pub arrival: i64,
    /// When it was last changed, in microseconds since 1970 (UTC).
    pub modified: i64,
}

/// One entry of a page or an export.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its JSON as the viewer sees it.
    pub json: Bytes,
    /// How far it is from the centre of the query's circle, in kilometres.
    pub distance_km: Option<f64>,
    /// Which form of the entry this is.
    pub level: Level,
    /// Its kind.
    pub kind: Kind,
    pub(crate) at: At,
}

/// Where an entry stands in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) view: u32,
    pub(crate) entry: u32,
}

impl Snapshot {
    /// The number of the last change that it holds.
    #[must_use]
    pub fn arrival(&self) -> i64 {
        self.arrival
    }

    /// The number of the last change that full-text search sees.
    #[must_use]
    pub fn text_arrival(&self) -> i64 {
        self.text_arrival
    }

    /// How many entries it holds, of all visibilities.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.views.iter().map(View::living).sum()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries full-text search knows: as many as [`Snapshot::len`] once it has come as far as the columns.
    #[must_use]
    pub fn text_len(&self) -> u64 {
        self.text.len()
    }

    /// The keys of all entries that were written at one node.
    #[must_use]
    pub fn keys_of(&self, origin: &Origin) -> Vec<EntryKey> {
        let mut keys = Vec::new();
        for view in &self.views {
            for entry in (0..view.segment.len).filter(|entry| view.is_alive(*entry)) {
                let key = view.segment.key(entry);
                if key.origin == origin.as_str() {
                    keys.push(EntryKey {
                        origin: origin.clone(),
                        id: EntryId(key.id),
                    });
                }
            }
        }
        keys
    }

    /// Over how many segments its entries are spread: what it costs beside their number.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.views.len()
    }

    /// Bytes of JSON that it holds for its living entries and those that are not yet cleared away.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        self.views
            .iter()
            .flat_map(|view| &view.segment.blocks.0)
            .map(Bytes::len)
            .sum()
    }

    /// The entry of a key, if the viewer may see it.
    #[must_use]
    pub fn get(&self, key: &EntryKey, viewer: &Viewer) -> Option<Found> {
        self.get_by(key.origin.as_str(), key.id, viewer)
    }

    /// The entry of an origin and an id, if the viewer may see it.
    #[must_use]
    pub fn get_by(&self, origin: &str, id: EntryId, viewer: &Viewer) -> Option<Found> {
        let at = self.find(KeyHash::new(origin, id.0), PlainKey { origin, id: id.0 })?;
        let view = self.views.get(at.view as usize)?;
        let level = view.seen(at.entry, viewer)?;
        self.found(at, level)
    }

    /// What there is to know of an entry of a page, beside its JSON.
    #[must_use]
    pub fn describe(&self, hit: &Hit, viewer: &Viewer) -> Option<Found> {
        let level = self
            .views
            .get(hit.at.view as usize)?
            .seen(hit.at.entry, viewer)?;
        self.found(hit.at, level)
    }

    fn found(&self, At { view, entry }: At, level: Level) -> Option<Found> {
        let segment = &self.views.get(view as usize)?.segment;
        let i = entry as usize;
        Some(Found {
            json: segment.json(entry, level),
            id: EntryId(segment.id(entry)),
            kind: segment.kind(entry)?,
            origin: Arc::clone(segment.origin(entry)),
            owner: segment
                .value(Facet::Owner, entry)
                .map_or_else(|| Arc::from(""), Arc::clone),
            version: *segment.versions.get(i)?,
            content_hash: *segment.content_hashes.get(i)?,
            visibility: segment.visibility(entry),
            level,
            arrival: *segment.arrivals.get(i)?,
            modified: segment.modified(entry),
        })
    }

    /// The number of the change that brought a key's living entry.
    pub(crate) fn arrival_of(&self, hash: KeyHash, key: &EntryKey) -> Option<i64> {
        let At { view, entry } = self.find(hash, key.into())?;
        let arrivals = &self.views.get(view as usize)?.segment.arrivals;
        arrivals.get(entry as usize).copied()
    }

    /// Where a key's living entry stands.
    pub(crate) fn find(&self, hash: KeyHash, key: PlainKey<'_>) -> Option<At> {
        self.views.iter().enumerate().rev().find_map(|(i, view)| {
            let entry = view.segment.find(hash, key)?;
            view.is_alive(entry).then_some(At {
                view: i as u32,
                entry,
            })
        })
    }

    /// Where a key hash's living entry stands.
    pub(crate) fn find_hash(&self, hash: KeyHash) -> Option<At> {
        self.views.iter().enumerate().rev().find_map(|(i, view)| {
            let entry = view.segment.find_hash(hash)?;
            view.is_alive(entry).then_some(At {
                view: i as u32,
                entry,
            })
        })
    }

    pub(crate) fn hit(&self, at: At, viewer: &Viewer, distance_km: Option<f64>) -> Option<Hit> {
        let view = self.views.get(at.view as usize)?;
        // A public viewer gets the widest form whoever the owner is; nobody else's list saves that look-up.
        let level = match viewer {
            Viewer::Public => Level::Public,
            _ => view.seen(at.entry, viewer)?,
        };
        Some(Hit {
            json: view.segment.json(at.entry, level),
            distance_km,
            level,
            kind: view.segment.kind(at.entry)?,
            at,
        })
    }
}

impl KeyHash {
    pub(crate) fn new(origin: &str, id: Uuid) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(origin.as_bytes());
        hasher.update([0]);
        hasher.update(id.as_bytes());
        let digest = hasher.finalize();
        Self(
            digest
                .iter()
                .take(8)
                .fold(0, |hash, byte| hash << 8 | u64::from(*byte)),
        )
    }

    pub(crate) fn of(key: &EntryKey) -> Self {
        Self::new(key.origin.as_str(), key.id.0)
    }
}
