//! Ids that are the same on every machine, so that the examples of the documentation work when pasted.

use domain::EntryId;
use sha2::{Digest, Sha256};
use uuid::Builder;

/// 22 November 2026, 00:00 UTC, in milliseconds: the date of the demo files stands in the time bits of every id.
const MILLIS: u64 = 1_795_305_600_000;

/// The id of what the demo files call `name`: shaped like any UUIDv7 (RFC 9562 section 5.7), with bits of
/// SHA-256 of the name where others have random ones.
pub(crate) fn entry_id(name: &str) -> EntryId {
    let digest = Sha256::digest(name.as_bytes());
    let mut bits = [0; 10];
    for (bit, byte) in bits.iter_mut().zip(digest.iter()) {
        *bit = *byte;
    }
    EntryId(Builder::from_unix_timestamp_millis(MILLIS, &bits).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_never_changes_because_the_documentation_names_it() {
        let id = entry_id("org-demo").0;
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.to_string(), "01a2008d-7400-70cc-a2a5-37d326bfbe03");
        let day = chrono::DateTime::from_timestamp_millis(MILLIS.try_into().expect("fits"));
        assert_eq!(
            day.expect("is a time").to_rfc3339(),
            "2026-11-22T00:00:00+00:00"
        );
    }
}
