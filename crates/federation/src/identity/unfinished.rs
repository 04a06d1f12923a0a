//! A rotation, or the first making of keys, that was cut off between the journal and the database.
//!
//! The keys lie in their files, the journal has the identity document, and the database does not. Nobody has heard of the
//! document, for only what the database has is shown; and nothing was published since, for that is refused while the
//! journal knows a newer one. So it is put in force as it stands. To make another one under its number could not be told
//! from a fork.
//!
//! A database that was put back to before a rotation stands further behind the journal, but where nothing was written in that
//! since. Then putting the document in force is right, too: it is the one that peers may know.

use chrono::{DateTime, Utc};
use storage::feeds::{FeedWork, Feeds};

use super::KeyFolder;
use crate::error::FederationError;
use crate::journal::{FileJournal, JournalError};
use crate::protocol::document::{Acceptance, NodeDocument, accept};
use crate::protocol::key::Ed25519;

/// Lines at most of a journal that holds nothing but whose it is and the first document.
const FIRST_LINES: u64 = 2;

/// Puts a document in force that was written in the journal right before its process was killed: whether there was one.
pub(crate) async fn take_up(
    feeds: &Feeds,
    folder: &KeyFolder,
    journal: &FileJournal,
    now: DateTime<Utc>,
) -> Result<bool, FederationError> {
    // A journal that cannot be read is told of by whoever needs it.
    let Ok(Some(written)) = journal.newest_document() else {
        return Ok(false);
    };
    let newest = feeds.read(now, |work| work.newest_document()).await?;
    if newest.is_some_and(|newest| newest >= written) {
        return Ok(false);
    }
    let (folder, journal) = (folder.clone(), journal.clone());
    let taken_up = feeds.write(now, move |work| {
        let Some(document) = unfinished(work, &folder, &journal)? else {
            work.discard();
            return Ok(Ok(false));
        };
        let json = String::from_utf8_lossy(document.to_json()).into_owned();
        journal.within::<_, JournalError>(work, |work, _| {
            work.put_document(document.sequence(), &json)?;
            Ok(Ok(true))
        })
    });
    Ok(taken_up.await??)
}

/// Refuses to follow on from a document that the journal knows a newer one of.
pub(super) fn refuse_older(
    work: &mut FeedWork<'_, '_>,
    journal: &FileJournal,
) -> storage::Result<Result<(), FederationError>> {
    let newest = work.newest_document()?;
    Ok(match journal.newest_document() {
        Ok(written) if written > newest => Err(FederationError::OtherDatabase {
            journal: journal.path().to_owned(),
        }),
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    })
}

/// The document that was about to be put in force, if that is all that the journal has beyond the database.
fn unfinished(
    work: &mut FeedWork<'_, '_>,
    folder: &KeyFolder,
    journal: &FileJournal,
) -> storage::Result<Option<NodeDocument>> {
    if !matches!(journal.check(work)?, Ok(true)) {
        return Ok(None);
    }
    let most = match work.journal()? {
        Some(noted) if noted.restored => return Ok(None),
        Some(noted) => noted.position.lines.saturating_add(1),
        None => FIRST_LINES,
    };
    let before = work.document()?;
    let (Ok(lines), Ok(Some(written))) = (journal.lines_written(), journal.read()) else {
        return Ok(None);
    };
    if before.is_none() && !written.feeds.is_empty() {
        return Ok(None);
    }
    let next = written.documents.last();
    let next = next.and_then(|json| NodeDocument::parse(json.as_bytes()).ok());
    Ok(next.filter(|next| lines <= most && follows(before.as_deref(), next, folder)))
}

/// Whether a document follows on from the one in force by the word of its keys, and its own keys are here.
fn follows(before: Option<&str>, next: &NodeDocument, folder: &KeyFolder) -> bool {
    let is_next = match before.map(|json| NodeDocument::parse(json.as_bytes())) {
        None => next.sequence() == 1 && next.verify_self(&Ed25519).is_ok(),
        Some(Ok(before)) => matches!(
            accept(&before, next, &Ed25519),
            Ok(Acceptance::Rotated | Acceptance::Updated)
        ),
        Some(Err(_)) => false,
    };
    let statements = next.current_statement_key().map(|(_, key)| key);
    let requests = next.request_key(next.request_method());
    let is_here = |key: Option<&_>| key.is_some_and(|key| folder.read(key).is_ok());
    is_next && is_here(statements) && is_here(requests)
}
