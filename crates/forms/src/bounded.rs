//! A spreadsheet is a ZIP archive. It is unfolded here once, to nowhere, before anything looks into it: what the archive
//! says about its own size is not believed.

use std::io::{Cursor, Read, copy, sink};

use zip::ZipArchive;

use crate::UNFOLDED_BYTES;
use crate::read::Unreadable;

/// Parts of an archive. A spreadsheet of ours has about fifteen.
const PARTS: usize = 1_000;

/// Refuses what unfolds to more than it may.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Unreadable> {
    let broken = |_| Unreadable::Broken;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > PARTS {
        return Err(Unreadable::TooLarge("it has too many parts"));
    }
    let mut left = UNFOLDED_BYTES;
    for part in 0..archive.len() {
        let file = archive.by_index(part).map_err(broken)?;
        let unfolded = copy(&mut file.take(left + 1), &mut sink());
        let unfolded = unfolded.map_err(|_| Unreadable::Broken)?;
        let Some(rest) = left.checked_sub(unfolded) else {
            return Err(Unreadable::TooLarge("it unfolds to more than 20 MiB"));
        };
        left = rest;
    }
    Ok(())
}
