//! The state tree: one digest of all live rows of a feed, by which two nodes prove that they hold the same, and find
//! what differs.
//!
//! SHA-256 of the origin's base URL, a line feed and the entry's id chooses one of 256 buckets by its first byte, and one
//! of the bucket's 256 leaves by its second. A leaf digests its rows, sorted by entry: the 16 bytes of the id, the number
//! as 8 bytes (big endian), the 32 bytes of the statement's hash. An empty leaf is 32 zero bytes. A bucket digests its
//! leaves, the root its buckets.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::feed::{Digest, FeedKey, FeedState, LeafRow};
use domain::{EntryId, Origin};
use sha2::{Digest as _, Sha256};

use super::sha256;
use super::store::{Bucket, Store};

/// Bytes of the leaves of one bucket.
pub const BUCKET_BYTES: usize = 256 * 32;
/// Leaves of one bucket from which on all of its rows are read at once.
const MANY: usize = 64;

static EMPTY_BUCKET: LazyLock<Digest> = LazyLock::new(|| bucket_digest(&[0; BUCKET_BYTES]));

/// Where an entry stands: `256 * bucket + leaf`.
#[must_use]
pub fn leaf_of(origin: &Origin, id: EntryId) -> u16 {
    let mut hash = Sha256::new();
    hash.update(origin.as_str());
    hash.update(b"\n");
    hash.update(id.to_string());
    let digest: [u8; 32] = hash.finalize().into();
    let [bucket, leaf, ..] = digest;
    u16::from_be_bytes([bucket, leaf])
}

/// The bucket of a leaf.
#[must_use]
pub fn bucket_of(leaf: u16) -> u8 {
    leaf.to_be_bytes()[0]
}

/// The digest of a leaf's rows, which stand in the order of their entries.
#[must_use]
pub fn leaf_digest<'a>(rows: impl IntoIterator<Item = &'a LeafRow>) -> Digest {
    let mut hash = Sha256::new();
    let mut any = false;
    for row in rows {
        any = true;
        hash.update(row.entry.0.as_bytes());
        hash.update(row.seq.to_be_bytes());
        hash.update(row.hash.0);
    }
    if any {
        Digest(hash.finalize().into())
    } else {
        Digest::EMPTY
    }
}

/// The digest of a bucket's leaves.
#[must_use]
pub fn bucket_digest(leaves: &[u8]) -> Digest {
    sha256(leaves)
}

/// The digest of all buckets; those that are not named are empty.
#[must_use]
pub fn root(buckets: &[(u8, Digest)]) -> Digest {
    let known: BTreeMap<u8, Digest> = buckets.iter().copied().collect();
    let mut hash = Sha256::new();
    for number in 0..=u8::MAX {
        hash.update(known.get(&number).unwrap_or(&EMPTY_BUCKET).0);
    }
    Digest(hash.finalize().into())
}

/// The root of a feed without entries.
#[must_use]
pub fn empty_root() -> Digest {
    root(&[])
}

/// Brings the stored tree up to the feed's number. `also` are leaves that lost rows without a statement saying so.
///
/// # Errors
/// Those of the store.
pub fn refresh<S: Store>(
    store: &mut S,
    key: &FeedKey,
    state: &mut FeedState,
    also: &[u16],
) -> Result<(), S::Error> {
    let mut leaves = store.leaves_after(key, state.tree_seq)?;
    leaves.extend_from_slice(also);
    leaves.sort_unstable();
    leaves.dedup();
    let mut touched: BTreeMap<u8, Vec<u16>> = BTreeMap::new();
    for leaf in leaves {
        touched.entry(bucket_of(leaf)).or_default().push(leaf);
    }
    for (number, leaves) in &touched {
        let bucket = store.bucket(key, *number)?;
        let mut digests = bucket.map_or_else(|| vec![0; BUCKET_BYTES], |bucket| bucket.leaves);
        let rows = if leaves.len() >= MANY {
            store.rows_of_bucket(key, *number)?
        } else {
            store.rows_of_leaves(key, leaves)?
        };
        let mut rows = rows.as_slice();
        for leaf in leaves {
            let skipped = rows.iter().take_while(|row| row.leaf < *leaf).count();
            rows = rows.get(skipped..).unwrap_or_default();
            let count = rows.iter().take_while(|row| row.leaf == *leaf).count();
            let (own, rest) = rows.split_at(count);
            rows = rest;
            let at = usize::from(leaf.to_be_bytes()[1]) * 32;
            if let Some(place) = digests.get_mut(at..at + 32) {
                place.copy_from_slice(&leaf_digest(own).0);
            }
        }
        store.put_bucket(
            key,
            Bucket {
                number: *number,
                digest: bucket_digest(&digests),
                leaves: digests,
            },
        )?;
    }
    if !touched.is_empty() || state.tree_seq == 0 {
        state.root = root(&store.bucket_digests(key)?);
    }
    state.tree_seq = state.seq;
    Ok(())
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::*;

    fn id(number: u128) -> EntryId {
        EntryId(format!("{number:032x}").parse::<uuid::Uuid>().unwrap())
    }

    #[test]
    fn places_are_spread_and_belong_to_an_origin() {
        let (a, b): (Origin, Origin) = (
            "https://a.example".parse().unwrap(),
            "https://b.example".parse().unwrap(),
        );
        let leaves: std::collections::BTreeSet<u16> =
            (0..1000).map(|n| leaf_of(&a, id(n))).collect();
        assert!(leaves.len() > 950);
        assert_ne!(leaf_of(&a, id(1)), leaf_of(&b, id(1)));
    }

    #[test]
    fn a_leaf_says_which_rows_at_which_numbers_it_holds() {
        let row = |entry, seq, byte| LeafRow {
            leaf: 0,
            entry: id(entry),
            seq,
            hash: Digest([byte; 32]),
        };
        let of = |rows: &[LeafRow]| leaf_digest(rows);
        assert_eq!(of(&[]), Digest::EMPTY);
        let digests = [
            of(&[row(1, 1, 1)]),
            of(&[row(2, 1, 1)]),
            of(&[row(1, 2, 1)]),
            of(&[row(1, 1, 2)]),
            of(&[row(1, 1, 1), row(2, 1, 1)]),
        ];
        let distinct: std::collections::BTreeSet<Digest> = digests.into_iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn buckets_that_are_not_there_are_empty_ones() {
        let empty = bucket_digest(&[0; BUCKET_BYTES]);
        assert_eq!(root(&[(3, empty)]), empty_root());
        assert_ne!(root(&[(3, Digest([1; 32]))]), empty_root());
        assert_ne!(root(&[(3, Digest([1; 32]))]), root(&[(4, Digest([1; 32]))]));
    }
}
