//! Who this node is: its identity document in the database, its private keys in files that only its user may read.
//!
//! Each key lies in a file that is named after its public half, so that no restore and no rotation can mix two of them
//! up. The recovery key belongs off the machine: whoever holds it can speak as this node anew.

mod unfinished;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::Origin;
use domain::feed::{FeedKey, FeedName};
use storage::feeds::{FeedWork, Feeds};

use crate::error::FederationError;
use crate::journal::FileJournal;
use crate::protocol::document::{Changes, DocumentError, First, NodeDocument, Recovery, Start};
use crate::protocol::key::{Ed25519, PublicKey, SecretKey, Signer as _};

/// This node, as it speaks to others.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its document.
    pub document: NodeDocument,
    /// Signs statements, heads and pages.
    pub statements: SecretKey,
    /// Signs requests.
    pub requests: SecretKey,
}

/// The folder of the private keys.
#[derive(Debug, Clone)]
pub(crate) struct KeyFolder(pub(crate) PathBuf);

impl KeyFolder {
    /// Makes a key and writes it down.
    fn make(&self, prefix: &str) -> Result<SecretKey, FederationError> {
        use rand::TryRng as _;
        let mut seed = [0; 32];
        rand::rngs::SysRng
            .try_fill_bytes(&mut seed)
            .map_err(|why| FederationError::keys(&self.0, why))?;
        let key = SecretKey::from_seed(seed);
        let pem = key
            .to_pem()
            .map_err(|why| FederationError::keys(&self.0, why))?;
        self.write(&self.path(prefix, &key.public()), &pem)?;
        Ok(key)
    }

    fn path(&self, prefix: &str, public: &PublicKey) -> PathBuf {
        self.0.join(format!("{prefix}{}.pem", public.to_multikey()))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), FederationError> {
        // A key that a killed process was in the middle of never has its name; each process has a part of its own.
        let part = path.with_extension(format!("{}.part", std::process::id()));
        files::make(&self.0)
            .and_then(|()| files::replace(path, &part, text.as_bytes()))
            .map_err(|why| FederationError::keys(path, why))
    }

    /// Removes keys that were never in force.
    fn remove(&self, keys: &[PublicKey]) {
        for key in keys {
            let path = self.path("", key);
            if let Err(why) = fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %why, "a key that was never in force is still there");
            }
        }
    }

    /// The private half of a key.
    fn read(&self, public: &PublicKey) -> Result<SecretKey, FederationError> {
        read_key(&self.path("", public), Some(public))
    }

    /// Where the recovery key lies until somebody has taken it off this machine.
    #[must_use]
    pub(crate) fn recovery(&self, public: &PublicKey) -> PathBuf {
        self.path(RECOVERY, public)
    }
}

/// How the file of the recovery key begins.
const RECOVERY: &str = "recovery-";

/// Reads a private key, and refuses one that is not the half of `public`.
fn read_key(path: &Path, public: Option<&PublicKey>) -> Result<SecretKey, FederationError> {
    let pem = files::read_to_string(path).map_err(|why| FederationError::keys(path, why))?;
    let key = SecretKey::from_pem(&pem).map_err(|why| FederationError::keys(path, why))?;
    if public.is_some_and(|public| key.public() != *public) {
        return Err(FederationError::keys(path, "this is another key"));
    }
    Ok(key)
}

/// Reads the identity in force; makes one where the node has none yet.
pub(crate) async fn ensure(
    feeds: &Feeds,
    folder: &KeyFolder,
    journal: &FileJournal,
    origin: &Origin,
    name: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Identity, FederationError> {
    let taken_up = take_up(feeds, folder, journal, now).await?;
    if let Some(identity) = load(feeds, folder, now).await? {
        if taken_up {
            tracing::info!("new keys are in force: a rotation that was cut off is finished");
        }
        return Ok(identity);
    }
    if journal.read()?.is_some_and(|written| !written.is_empty()) {
        // The database is new and the node is not: whoever set it up anew has the old keys, or the recovery key.
        return Err(FederationError::OtherDatabase {
            journal: journal.path().to_owned(),
        });
    }
    let (statements, requests) = (folder.make("")?, folder.make("")?);
    let recovery = folder.make(RECOVERY)?;
    let first = First {
        origin,
        name,
        epoch: 1,
        requests: requests.public(),
        recovery: recovery.public(),
    };
    let document = NodeDocument::first(&first, now, &statements)?;
    put_all(feeds, journal, vec![document], now).await?;
    // Another process may have been first: what the database says counts.
    load(feeds, folder, now)
        .await?
        .ok_or_else(|| FederationError::internal("the identity was written and is not there"))
}

/// Reads the identity in force, if there is one.
pub(crate) async fn load(
    feeds: &Feeds,
    folder: &KeyFolder,
    now: DateTime<Utc>,
) -> Result<Option<Identity>, FederationError> {
    let Some(json) = feeds.read(now, |work| work.document()).await? else {
        return Ok(None);
    };
    let document = NodeDocument::parse(json.as_bytes())?;
    document.verify_self(&Ed25519)?;
    let (_, statements) = document
        .current_statement_key()
        .ok_or_else(|| FederationError::internal("a document without a key"))?;
    let statements = folder.read(statements)?;
    let requests = document
        .request_key(document.request_method())
        .ok_or_else(|| FederationError::internal("a document without a key"))?;
    let requests = folder.read(requests)?;
    Ok(Some(Identity {
        document,
        statements,
        requests,
    }))
}

pub(crate) use unfinished::take_up;

type Written = Result<(), crate::journal::JournalError>;

fn put_here(
    work: &mut FeedWork<'_, '_>,
    journal: &FileJournal,
    document: &NodeDocument,
) -> storage::Result<Written> {
    let known = work.documents(document.sequence() - 1, 1)?;
    if !known.is_empty() {
        work.discard();
        return Ok(Ok(()));
    }
    let json = String::from_utf8_lossy(document.to_json()).into_owned();
    journal.within(work, |work, open| {
        if let Err(error) = open.document(&json) {
            return Ok(Err(error));
        }
        work.put_document(document.sequence(), &json)?;
        Ok(Ok(()))
    })
}

/// Gives the node new keys. Statements up to now stay signed by the old one; the new one signs from the next on.
///
/// # Errors
/// [`FederationError::OtherRotation`] where another document has come into force since `identity` was read: then the new
/// keys are gone again, and nobody has heard of them.
pub(crate) async fn rotate(
    feeds: &Feeds,
    folder: &KeyFolder,
    journal: &FileJournal,
    identity: &Identity,
    now: DateTime<Utc>,
) -> Result<NodeDocument, FederationError> {
    let (statements, requests) = (folder.make("")?, folder.make("")?);
    let made = [statements.public(), requests.public()];
    let (identity, journal) = (Arc::new(identity.clone()), journal.clone());
    let rotated = feeds
        .write(now, move |work| {
            let in_force = work.newest_document()?;
            if in_force != Some(identity.document.sequence()) {
                work.discard();
                let newest = work.document()?.unwrap_or_default();
                return Ok(Err(other_rotation(&newest)));
            }
            // The journal knows a newer document: the database was put back, or this is not the first attempt.
            if let Err(error) = unfinished::refuse_older(work, &journal)? {
                work.discard();
                return Ok(Err(error));
            }
            // Nothing can be published while this runs, so that these are the last numbers of the old key.
            let from = next_numbers(work, &identity.document)?;
            let changes = Changes {
                name: None,
                requests: Some(requests.public()),
            };
            let old = &identity.statements;
            let next = match identity
                .document
                .rotated(from, &changes, now, old, &statements)
            {
                Ok(next) => next,
                Err(error) => {
                    work.discard();
                    return Ok(Err(FederationError::from(error)));
                }
            };
            Ok(put_here(work, &journal, &next)?
                .map(|()| next)
                .map_err(FederationError::from))
        })
        .await?;
    if let Err(FederationError::OtherRotation { .. }) = &rotated {
        folder.remove(&made);
    }
    rotated
}

fn other_rotation(newest: &str) -> FederationError {
    match NodeDocument::parse(newest.as_bytes()) {
        Ok(document) => FederationError::OtherRotation {
            fingerprint: document.fingerprint(),
        },
        Err(error) => error.into(),
    }
}

/// The numbers that the next statements of both feeds will have, at the earliest.
fn next_numbers(work: &mut FeedWork<'_, '_>, document: &NodeDocument) -> storage::Result<Start> {
    let mut next = [1, 1];
    for (number, name) in next.iter_mut().zip(FeedName::ALL) {
        let key = FeedKey {
            origin: document.origin().clone(),
            name,
        };
        if let Some(state) = work
            .state(&key)?
            .filter(|state| state.epoch == document.epoch())
        {
            *number = state.seq + 1;
        }
    }
    let [public, network] = next;
    Ok(Start { public, network })
}

/// The documents with which a new epoch begins by the word of the recovery key, after a restore or where keys were lost:
/// those that the database has forgotten, and the new one. Nothing is in force yet.
pub(crate) async fn recovered(
    feeds: &Feeds,
    folder: &KeyFolder,
    journal: &FileJournal,
    recovery: &Path,
    now: DateTime<Utc>,
) -> Result<Vec<NodeDocument>, FederationError> {
    let recovery = read_key(recovery, None)?;
    let known = feeds.read(now, |work| work.documents(0, 1_000)).await?;
    let written = journal.rescued();
    // The journal may know documents that the database has forgotten.
    let mut documents: Vec<NodeDocument> = Vec::new();
    for json in known.iter().map(|(_, json)| json).chain(&written.documents) {
        let document = NodeDocument::parse(json.as_bytes())?;
        if documents
            .iter()
            .all(|known| known.sequence() != document.sequence())
        {
            documents.push(document);
        }
    }
    documents.sort_by_key(NodeDocument::sequence);
    let last = documents.last().ok_or(FederationError::NoIdentity)?;
    // Before keys are made: of a wrong attempt nothing shall be left.
    if last.recovery_key() != Some(&recovery.public()) {
        return Err(DocumentError::WrongKey.into());
    }
    let (statements, requests) = (folder.make("")?, folder.make("")?);
    let change = Recovery {
        epoch: last.epoch().max(written.feeds.epoch()) + 1,
        from: Start::ONE,
        recovery: None,
        changes: Changes {
            name: None,
            requests: Some(requests.public()),
        },
    };
    let next = last.recovered(&change, now, &recovery, &statements)?;
    documents.push(next);
    // What the database has already would make nothing of the whole step.
    let newest = known.last().map_or(0, |(sequence, _)| *sequence);
    documents.retain(|document| document.sequence() > newest);
    Ok(documents)
}

/// Puts documents in force, all of them or none: none where somebody was faster.
pub(crate) async fn put_all(
    feeds: &Feeds,
    journal: &FileJournal,
    documents: Vec<NodeDocument>,
    now: DateTime<Utc>,
) -> Result<(), FederationError> {
    let journal = journal.clone();
    let written = feeds
        .write(now, move |work| {
            for document in &documents {
                if let Err(error) = put_here(work, &journal, document)? {
                    work.discard();
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })
        .await?;
    written.map_err(FederationError::from)
}
