//! A node: its database, what lies beside the database, and how it publishes, serves and follows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::{FeedKey, FeedName, FeedState};
use domain::{EntryId, Origin, Visibility};
use lotse_federation::protocol::document::{Changes, First, NodeDocument, Start};
use lotse_federation::protocol::journal::{Journal, Mark, Reached, Remembered};
use lotse_federation::protocol::key::Signer as _;
use lotse_federation::protocol::page::{self, Part};
use lotse_federation::protocol::policy::Policy;
use lotse_federation::protocol::publish::{self, Author, CannotPublish, Published};
use lotse_federation::protocol::refusal::Refused;
use lotse_federation::protocol::store::Store as _;

use crate::keys::{Key, Signatures};
use crate::memory::Memory;
use crate::random::Random;

/// Statement keys that one node may have, one after the other.
const ROTATIONS: usize = 8;

/// What a backup holds.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    pub(crate) memory: Memory,
    /// The documents of other nodes, as pinned.
    pub(crate) pinned: BTreeMap<usize, Arc<NodeDocument>>,
    /// Feeds that are no longer followed, and why.
    pub(crate) frozen: BTreeMap<FeedKey, Refused>,
    /// Feeds of which something got lost here.
    pub(crate) damaged: BTreeSet<FeedKey>,
    /// The epoch in which it was noted that this was put back, and what the journal said then.
    put_back: Option<(u64, Arc<Remembered>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Backup {
    pub(crate) db: Db,
    pub(crate) journal: Arc<Remembered>,
    pub(crate) documents: usize,
}

/// A feed that is followed.
#[derive(Debug, Clone)]
pub(crate) struct Follows {
    pub(crate) peer: usize,
    pub(crate) key: FeedKey,
    pub(crate) policy: Policy,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    actor: String,
    index: usize,
    signatures: Signatures,
    pub(crate) db: Db,
    pub(crate) journal: Arc<Remembered>,
    pub(crate) documents: Vec<Arc<NodeDocument>>,
    keys: usize,
    pub(crate) follows: Vec<Follows>,
    /// Feeds of which an admin has allowed a large sweep.
    pub(crate) allowed: BTreeSet<FeedKey>,
    pub(crate) backups: Vec<Backup>,
    pub(crate) offset: TimeDelta,
    pub(crate) online: bool,
    /// Restored, and not yet in a new epoch.
    pub(crate) behind: bool,
    /// Restored together with its journal, so that nobody here can know.
    pub(crate) silent: bool,
    pub(crate) deleted: BTreeSet<EntryId>,
    /// The highest epoch and number that each feed ever reached.
    pub(crate) best: BTreeMap<FeedName, (u64, u64)>,
}

/// Where a step is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    Never,
    BeforeJournal,
    AfterJournal,
    BeforeCommit,
    AfterCommit,
}

struct Book<'a> {
    remembered: &'a mut Arc<Remembered>,
    crash: Crash,
}

#[derive(Debug)]
pub(crate) struct Crashed;

impl Journal for Book<'_> {
    type Error = Crashed;

    fn remembered(&mut self) -> Result<Option<Arc<Remembered>>, Crashed> {
        Ok(Some(Arc::clone(self.remembered)))
    }

    fn write(&mut self, mark: &Mark) -> Result<(), Crashed> {
        if self.crash == Crash::BeforeJournal {
            return Err(Crashed);
        }
        Arc::make_mut(self.remembered).take(mark.clone());
        if self.crash == Crash::AfterJournal {
            return Err(Crashed);
        }
        Ok(())
    }
}

pub(crate) type Attempt = Result<Published, CannotPublish<std::convert::Infallible, Crashed>>;

impl Node {
    pub(crate) fn new(index: usize, signatures: Signatures, now: DateTime<Utc>) -> Self {
        let origin: Origin = format!("https://{index}.example").parse().unwrap();
        let key = |number| Key::new(index * 10 + number, signatures);
        let first = First {
            origin: &origin,
            name: None,
            epoch: 1,
            requests: key(8).public(),
            recovery: key(9).public(),
        };
        let document = NodeDocument::first(&first, now, &key(0)).unwrap();
        Self {
            actor: document.did().as_str().to_owned(),
            origin,
            index,
            signatures,
            db: Db {
                memory: Memory::new(now),
                pinned: BTreeMap::new(),
                frozen: BTreeMap::new(),
                damaged: BTreeSet::new(),
                put_back: None,
            },
            journal: Arc::default(),
            documents: vec![Arc::new(document)],
            keys: 0,
            follows: Vec::new(),
            allowed: BTreeSet::new(),
            backups: Vec::new(),
            offset: TimeDelta::zero(),
            online: true,
            behind: false,
            silent: false,
            deleted: BTreeSet::new(),
            best: FeedName::ALL.map(|name| (name, (0, 0))).into(),
        }
    }

    pub(crate) fn key(&self, name: FeedName) -> FeedKey {
        FeedKey {
            origin: self.origin.clone(),
            name,
        }
    }

    fn signer(&self, number: usize) -> Key {
        Key::new(self.index * 10 + number, self.signatures)
    }

    pub(crate) fn document(&self) -> &Arc<NodeDocument> {
        self.documents.last().unwrap()
    }

    fn method(&self) -> &str {
        self.document().current_statement_key().unwrap().0
    }

    pub(crate) fn state(&self, name: FeedName) -> Option<&FeedState> {
        self.db.memory.feed(&self.key(name))?.state.as_ref()
    }

    /// Epoch and number that are committed.
    pub(crate) fn reached(&self, name: FeedName) -> (u64, u64) {
        self.state(name)
            .map_or((0, 0), |state| (state.epoch, state.seq))
    }

    pub(crate) fn publish(
        &mut self,
        name: FeedName,
        limit: usize,
        crash: Crash,
        now: DateTime<Utc>,
        random: &mut Random,
    ) -> Attempt {
        let seen = self.is_behind_its_journal();
        assert!(
            self.behind || self.silent || seen.is_none(),
            "{} is taken for one that was put back: {seen:?}",
            self.origin
        );
        if self.is_marked() {
            let (epoch, seq) = self.best[&name];
            return Err(CannotPublish::Behind { epoch, seq });
        }
        self.attempt(name, limit, crash, now, random)
    }

    /// The same, of a database at which nobody has looked yet.
    pub(crate) fn attempt(
        &mut self,
        name: FeedName,
        limit: usize,
        crash: Crash,
        now: DateTime<Utc>,
        random: &mut Random,
    ) -> Attempt {
        let document = Arc::clone(self.document());
        let signer = self.signer(self.keys);
        let author = Author {
            actor: &self.actor,
            method: document.current_statement_key().unwrap().0,
            epoch: document.epoch(),
            signer: &signer,
        };
        let mut memory = self.db.memory.clone();
        memory.now = now;
        let key = FeedKey {
            origin: self.origin.clone(),
            name,
        };
        let mut book = Book {
            remembered: &mut self.journal,
            crash,
        };
        let mut salt = || random.salt();
        let published = publish::step(&mut memory, &mut book, &key, &author, limit, &mut salt)?;
        if crash != Crash::BeforeCommit {
            self.db.memory = memory;
            let reached = self.reached(name);
            let best = self.best.entry(name).or_default();
            *best = reached.max(*best);
            assert!(
                publish::is_current(self.state(name).unwrap(), self.method()),
                "after a step nobody can read {name} of {}",
                self.origin
            );
        }
        if crash == Crash::Never {
            self.confirm(name, now);
        }
        Ok(published)
    }

    /// What happens after each commit, unless that is where it crashes.
    pub(crate) fn confirm(&mut self, name: FeedName, now: DateTime<Utc>) {
        let key = self.key(name);
        self.db.memory.now = now;
        let mut book = Book {
            remembered: &mut self.journal,
            crash: Crash::Never,
        };
        publish::confirm(&mut self.db.memory, &mut book, &key).unwrap();
    }

    pub(crate) fn purge(&mut self, name: FeedName, now: DateTime<Utc>) -> usize {
        let key = self.key(name);
        self.db.memory.now = now;
        publish::purge(&mut self.db.memory, &key, now).unwrap()
    }

    /// An answer to a request; `None` where there is none at the moment.
    pub(crate) fn serve(
        &self,
        name: FeedName,
        part: &Part,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let feed = self.db.memory.feed(&self.key(name))?;
        let state = feed.state.as_ref()?;
        if !self.online || !publish::is_current(state, self.method()) {
            return None;
        }
        let mut rows: Vec<_> = match part {
            Part::Changes { since } => feed.rows.values().filter(|row| row.seq > *since).collect(),
            Part::Leaf(leaf) => feed
                .rows
                .values()
                .filter(|row| row.live && row.leaf == *leaf)
                .collect(),
        };
        let mut more = false;
        let mut through = state.seq;
        if matches!(part, Part::Changes { .. }) {
            rows.sort_unstable_by_key(|row| row.seq);
            more = rows.len() > limit;
            rows.truncate(limit);
            if let Some(last) = rows.last().filter(|_| more) {
                through = last.seq;
            }
        }
        let rows: Vec<&str> = rows
            .iter()
            .map(|row| row.body.as_deref().unwrap())
            .collect();
        for row in &rows {
            assert!(
                !row.contains(r#""visibility":"internal""#),
                "an internal entry leaves its node: {row}"
            );
            let wider = name == FeedName::Public && row.contains(r#""visibility":"network""#);
            assert!(
                !wider,
                "an entry for the network leaves by the public feed: {row}"
            );
        }
        let head = state.head.as_deref()?;
        let signer = self.signer(self.keys);
        let key = self.key(name);
        let page = page::write(
            &key,
            part,
            rows,
            through,
            more,
            head,
            &self.actor,
            (self.method(), &signer, now),
        );
        Some(page.unwrap())
    }

    /// A new statement key follows, if there is one left.
    pub(crate) fn rotate(&mut self, now: DateTime<Utc>) {
        let epoch = self.document().epoch();
        let from = |name| {
            let (reached, seq) = self.reached(name);
            if reached == epoch { seq + 1 } else { 1 }
        };
        let start = Start {
            public: from(FeedName::Public),
            network: from(FeedName::Network),
        };
        if self.keys + 1 >= ROTATIONS {
            return;
        }
        let (old, new) = (self.signer(self.keys), self.signer(self.keys + 1));
        let next = self
            .document()
            .rotated(start, &Changes::default(), now, &old, &new);
        self.documents.push(Arc::new(next.unwrap()));
        self.keys += 1;
    }

    pub(crate) fn back_up(&mut self) {
        let backup = Backup {
            db: self.db.clone(),
            journal: self.journal.clone(),
            documents: self.documents.len(),
        };
        self.backups.push(backup);
    }

    /// What an admin does about a journal that was cut: a new one begins with what the database and the rest of it know.
    pub(crate) fn accept_journal(&mut self, now: DateTime<Utc>) {
        let memory = &self.db.memory;
        let (mut states, mut withdrawn) = (Vec::new(), Vec::new());
        for name in FeedName::ALL {
            let Some(feed) = memory.feed(&self.key(name)) else {
                continue;
            };
            states.extend(feed.state.clone().map(|state| (name, state)));
            let gone = feed.rows.values().filter(|row| !row.live);
            let there = gone.filter(|row| memory.get(row.entry).is_some());
            withdrawn.extend(there.map(|row| (name, row.entry)));
        }
        let marks = self
            .journal
            .anew(
                self.document().epoch(),
                &states,
                memory.erased(),
                withdrawn,
                now,
            )
            .unwrap();
        self.journal = Arc::default();
        for mark in marks {
            Arc::make_mut(&mut self.journal).take(mark);
        }
    }

    /// By what the journal shows that the database was put back.
    fn is_behind_its_journal(&self) -> Option<(u64, u64)> {
        let of = |name| self.state(name).map(|state| (name, state.epoch, state.seq));
        self.journal.is_ahead_of(&Reached {
            epoch: self.document().epoch(),
            arrival: self.db.memory.arrived(),
            feeds: FeedName::ALL.into_iter().filter_map(of).collect(),
        })
    }

    /// Whether it was noted that the database was put back, and no new epoch has begun since.
    pub(crate) fn is_marked(&self) -> bool {
        let epoch = self.document().epoch();
        let marked = self.db.put_back.as_ref();
        marked.is_some_and(|(marked, _)| *marked >= epoch)
    }

    /// What a node does at its start: from a database that was put back nobody is shown what the journal knows was deleted,
    /// or taken from fewer people. Whether that was new.
    pub(crate) fn notice(&mut self) -> bool {
        let noted = self.db.put_back.as_ref();
        let is_noted = noted.is_some_and(|(_, journal)| *journal == self.journal);
        let is_there = |id: &EntryId| self.db.memory.get(*id).is_some();
        let revives = self.journal.deleted().iter().any(is_there);
        let is_new = !is_noted && (revives || self.is_behind_its_journal().is_some());
        if is_new {
            let epoch = self.journal.epoch().max(self.document().epoch());
            self.db.put_back = Some((epoch, Arc::clone(&self.journal)));
            self.withhold();
        }
        is_new
    }

    /// Whether the journal knows better than to show something that is there.
    pub(crate) fn shows_too_much(&self) -> bool {
        let memory = &self.db.memory;
        let deleted = self.journal.deleted().iter();
        let withdrawn = self.journal.withdrawn().iter();
        deleted.filter_map(|id| memory.get(*id)).next().is_some()
            || withdrawn
                .filter_map(|(feed, id)| memory.get(*id).map(|entry| (feed, entry)))
                .any(|(feed, entry)| feed.holds(entry.visibility))
    }

    /// What was deleted and withdrawn is so again.
    fn withhold(&mut self) {
        let memory = &mut self.db.memory;
        for id in self.journal.deleted() {
            if memory.get(*id).is_some() {
                memory.write(*id, None);
            }
        }
        for (feed, id) in self.journal.withdrawn() {
            if let Some(entry) = memory.get(*id).filter(|entry| feed.holds(entry.visibility)) {
                let mut entry = entry.clone();
                entry.visibility = Visibility::Internal;
                entry.version += 1;
                memory.write(*id, Some(entry));
            }
        }
    }

    /// What an admin does after a restore: what was deleted and withdrawn is so again, then a new epoch begins.
    pub(crate) fn recover(&mut self, now: DateTime<Utc>) {
        self.withhold();
        let epoch = self.journal.epoch().max(self.document().epoch()) + 1;
        let next = self
            .document()
            .with_epoch(epoch, now, &self.signer(9), &self.signer(self.keys));
        self.documents.push(Arc::new(next.unwrap()));
        self.behind = false;
    }

    /// How far a followed feed is known, made ready to go on.
    pub(crate) fn followed(&self, key: &FeedKey) -> Option<FeedState> {
        self.db.memory.clone().state(key).unwrap()
    }
}
