//! What an identity document says, apart from its proofs, and how the next one follows from it.

use domain::Origin;

use super::{Changes, DocumentError, Recovery, Start};
use crate::protocol::canonical::MAX_INTEGER;
use crate::protocol::did::DidWeb;
use crate::protocol::key::PublicKey;

/// A key and the number in its name, from 1. Numbers go up, with gaps where a key was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) number: u64,
    /// The name of the key: identifier of the node, `#`, task, `-` and number.
    pub(super) method: String,
    pub(super) key: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatementKey {
    pub(super) named: Numbered,
    pub(super) from: Start,
}

/// What a document says, apart from its proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) did: DidWeb,
    pub(super) origin: Origin,
    pub(super) name: Option<String>,
    pub(super) sequence: u64,
    pub(super) epoch: u64,
    /// Never empty; the last one counts.
    pub(super) statements: Vec<StatementKey>,
    pub(super) requests: Numbered,
    /// Never empty; the last one counts.
    pub(super) recovery: Vec<Numbered>,
}

/// The task of a key, as it stands in its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Statements,
    Requests,
    Recovery,
}

impl Task {
    pub(super) const ALL: [Self; 3] = [Self::Statements, Self::Requests, Self::Recovery];

    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Statements => "statements-",
            Self::Requests => "requests-",
            Self::Recovery => "recovery-",
        }
    }

    pub(super) fn named(self, did: &DidWeb, number: u64, key: PublicKey) -> Numbered {
        let method = format!("{did}#{}{number}", self.prefix());
        Numbered {
            number,
            method,
            key,
        }
    }
}

impl Content {
    /// The statement key that counts. There is always one.
    pub(super) fn current(&self) -> Result<&Numbered, DocumentError> {
        let last = self.statements.last().map(|key| &key.named);
        last.ok_or(DocumentError::Member("lotse.statements"))
    }

    /// The recovery key that counts. There is always one.
    pub(super) fn recovery(&self) -> Result<&Numbered, DocumentError> {
        let last = self.recovery.last();
        last.ok_or(DocumentError::Member("verificationMethod"))
    }

    /// The key with this name, of those that sign documents.
    pub(super) fn signing_key(&self, method: &str) -> Option<&PublicKey> {
        self.statements
            .iter()
            .map(|key| &key.named)
            .chain(&self.recovery)
            .find(|named| named.method == method)
            .map(|named| &named.key)
    }

    /// Every key, by task.
    pub(super) fn keys(&self) -> impl Iterator<Item = (Task, &Numbered)> {
        let statements = self.statements.iter().map(|key| &key.named);
        let statements = statements.map(|named| (Task::Statements, named));
        let recovery = self.recovery.iter().map(|named| (Task::Recovery, named));
        statements
            .chain([(Task::Requests, &self.requests)])
            .chain(recovery)
    }

    /// What follows, with these changes and the next number.
    pub(super) fn next(&self, changes: &Changes) -> Result<Self, DocumentError> {
        let mut next = self.clone();
        next.sequence = following(self.sequence)?;
        if let Some(name) = &changes.name {
            next.name.clone_from(name);
        }
        if let Some(key) = changes.requests.filter(|key| *key != self.requests.key) {
            let number = following(self.requests.number)?;
            next.requests = Task::Requests.named(&self.did, number, key);
        }
        Ok(next)
    }

    pub(super) fn append(&mut self, key: PublicKey, from: Start) -> Result<(), DocumentError> {
        let number = following(self.current()?.number)?;
        let named = Task::Statements.named(&self.did, number, key);
        self.statements.push(StatementKey { named, from });
        Ok(())
    }

    pub(super) fn recover(
        &mut self,
        change: &Recovery,
        key: PublicKey,
    ) -> Result<(), DocumentError> {
        if change.epoch < self.epoch {
            return Err(DocumentError::Epoch);
        }
        let same_key = self.current()?.key == key;
        if !same_key {
            self.append(key, change.from)?;
        }
        if change.epoch > self.epoch {
            self.epoch = change.epoch;
            // What former keys signed belongs to the former epoch.
            self.statements
                .drain(..self.statements.len().saturating_sub(1));
            if let Some(only) = self.statements.first_mut() {
                only.from = change.from;
            }
        }
        let recovery = self.recovery()?;
        if let Some(key) = change.recovery.filter(|key| *key != recovery.key) {
            let number = following(recovery.number)?;
            self.recovery
                .push(Task::Recovery.named(&self.did, number, key));
        }
        Ok(())
    }
}

/// The next number, where there is one that every reader keeps.
fn following(number: u64) -> Result<u64, DocumentError> {
    number
        .checked_add(1)
        .filter(|next| *next <= MAX_INTEGER)
        .ok_or(DocumentError::Member("a number"))
}
