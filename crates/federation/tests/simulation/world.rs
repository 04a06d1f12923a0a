//! Several nodes, a network that delays, repeats, reorders and loses, and chance.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::{FeedName, StatementRow};
use domain::{Kind, Visibility};
use lotse_federation::protocol::policy::Policy;
use lotse_federation::protocol::publish::CannotPublish;

use crate::entries;
use crate::keys::Signatures;
use crate::node::{Crash, Follows, Node};
use crate::random::Random;
use crate::traffic::Answer;

/// What happened in a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) steps: u64,
    pub(crate) statements: u64,
    pub(crate) pages: u64,
    pub(crate) crashes: u64,
    pub(crate) restores: u64,
    pub(crate) silent: u64,
    pub(crate) frozen: u64,
    pub(crate) rotations: u64,
    pub(crate) purged: u64,
    pub(crate) below_horizon: u64,
    pub(crate) repairs: u64,
    pub(crate) cut_journals: u64,
    pub(crate) withheld: u64,
}

/// What a follower held when its origin was restored without anybody's notice: it may not lose it without a word.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) by: usize,
    pub(crate) follows: usize,
    pub(crate) pull: u64,
    pub(crate) epoch: u64,
    pub(crate) rows: Vec<StatementRow>,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) signatures: Signatures,
    pub(crate) now: DateTime<Utc>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) network: Vec<Answer>,
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) counts: Counts,
    may_be_silent: bool,
}

impl World {
    pub(crate) fn new(seed: u64, signatures: Signatures) -> Self {
        let mut random = Random::new(seed);
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let nodes: Vec<Node> = (0..5 + random.below(2))
            .map(|index| Node::new(index, signatures, now))
            .collect();
        let mut world = Self {
            may_be_silent: random.one_in(4),
            random,
            signatures,
            now,
            nodes,
            network: Vec::new(),
            witnesses: Vec::new(),
            counts: Counts::default(),
        };
        for node in 0..world.nodes.len() {
            world.choose_peers(node);
        }
        world
    }

    fn choose_peers(&mut self, node: usize) {
        for peer in 0..self.nodes.len() {
            if peer == node || self.random.one_in(2) {
                continue;
            }
            let name = FeedName::ALL[self.random.below(2)];
            let mut policy = Policy::default();
            match self.random.below(6) {
                0 => policy.kinds = vec![Kind::Publication, Kind::Event],
                1 => policy.public_only = true,
                2 => policy.countries = vec!["DE".to_owned()],
                _ => {}
            }
            let key = self.nodes[peer].key(name);
            let pinned = Arc::clone(self.nodes[peer].document());
            self.nodes[node].db.pinned.insert(peer, pinned);
            self.nodes[node].follows.push(Follows { peer, key, policy });
        }
    }

    pub(crate) fn clock(&self, node: usize) -> DateTime<Utc> {
        self.now + self.nodes[node].offset
    }

    /// One thing that happens, by chance.
    pub(crate) fn step(&mut self) {
        self.counts.steps += 1;
        self.now += TimeDelta::seconds(self.random.around(200).abs());
        let node = self.random.below(self.nodes.len());
        match self.random.below(1000) {
            0..220 => self.write(node),
            220..420 => {
                let name = FeedName::ALL[self.random.below(2)];
                self.publish(node, name);
            }
            420..640 => self.request(node),
            640..900 => self.deliver_any(),
            900..915 => self.fetch_documents_of_any(node),
            915..925 => self.nodes[node].online ^= true,
            925..950 => self.bend_clock(node),
            950..956 => self.rotate(node),
            956..964 => self.nodes[node].back_up(),
            964..970 => self.restore(node),
            970..976 => self.recover(node),
            976..984 => self.damage(node),
            984..990 => self.pass(TimeDelta::hours(30)),
            990..996 => self.purge(node),
            996 => self.cut_journal(node),
            997 => self.pass(TimeDelta::days(20)),
            _ => self.pass(TimeDelta::days(250)),
        }
    }

    fn pass(&mut self, time: TimeDelta) {
        self.now += time;
    }

    fn write(&mut self, node: usize) {
        let random = &mut self.random;
        let node = &mut self.nodes[node];
        let memory = &mut node.db.memory;
        let own: Vec<_> = memory.own().map(|entry| entry.id).collect();
        let mut entry = match own.get(random.below(own.len() + 3)) {
            Some(id) => memory.get(*id).unwrap().clone(),
            None if own.len() < 25 => entries::new(&node.origin, random),
            None => return,
        };
        entry.version += 1;
        match random.below(5) {
            0 => {
                memory.write(entry.id, None);
                node.deleted.insert(entry.id);
                return;
            }
            1..3 => entry.visibility = entries::visibility(random),
            _ => {}
        }
        memory.write(entry.id, Some(entry));
    }

    fn publish(&mut self, node: usize, name: FeedName) {
        let now = self.clock(node);
        let crash = match self.random.below(12) {
            0 => Crash::BeforeJournal,
            1 => Crash::AfterJournal,
            2 => Crash::BeforeCommit,
            3 => Crash::AfterCommit,
            _ => Crash::Never,
        };
        let limit = 1 + self.random.below(5);
        let node = &mut self.nodes[node];
        match node.publish(name, limit, crash, now, &mut self.random) {
            Ok(published) if crash == Crash::Never => {
                self.counts.statements += published.statements as u64
            }
            Ok(_) | Err(CannotPublish::Journal(_)) => self.counts.crashes += 1,
            Err(CannotPublish::Behind { .. }) if node.behind => {}
            Err(error) => panic!("{} cannot publish: {error}", node.origin),
        }
    }

    fn purge(&mut self, node: usize) {
        let name = FeedName::ALL[self.random.below(2)];
        let now = self.clock(node);
        self.counts.purged += self.nodes[node].purge(name, now) as u64;
    }

    fn rotate(&mut self, node: usize) {
        let now = self.clock(node);
        // After a restore the numbers in force are not known; where nobody noticed it, nothing else may hide it.
        if !self.nodes[node].behind && !self.nodes[node].silent {
            self.nodes[node].rotate(now);
            self.counts.rotations += 1;
        }
    }

    fn bend_clock(&mut self, node: usize) {
        self.nodes[node].offset = if self.random.one_in(6) {
            -TimeDelta::minutes(60 + self.random.around(300).abs())
        } else {
            TimeDelta::seconds(self.random.around(280))
        };
    }

    fn recover(&mut self, node: usize) {
        let now = self.clock(node);
        if self.nodes[node].behind {
            self.nodes[node].recover(now);
        }
    }

    /// Puts a database back to an older state. Its own publisher must notice, unless the journal went with it.
    fn restore(&mut self, index: usize) {
        let now = self.clock(index);
        let node = &mut self.nodes[index];
        if node.backups.is_empty() || node.silent {
            return;
        }
        let backup = node
            .backups
            .swap_remove(self.random.below(node.backups.len()));
        let silent = self.may_be_silent && !node.behind && backup.documents == node.documents.len();
        // Restored is what had been running: what was committed is confirmed.
        FeedName::ALL
            .into_iter()
            .for_each(|name| node.confirm(name, now));
        let before = FeedName::ALL.map(|name| node.reached(name));
        let epoch = node.document().epoch();
        node.db = backup.db;
        self.counts.restores += 1;
        self.network.retain(|answer| answer.by != index);
        self.witnesses.retain(|witness| witness.by != index);
        if silent {
            node.journal = backup.journal;
        }
        let mut is_behind = false;
        for name in FeedName::ALL {
            let after = node.reached(name);
            let attempt = node.attempt(name, 1, Crash::BeforeCommit, now, &mut self.random);
            let behind = matches!(attempt, Err(CannotPublish::Behind { .. }));
            let best = node.best[&name];
            let said = best.0 == epoch && best.1 > 0;
            assert!(
                silent || behind || after >= best || !said,
                "{name} of {} was restored from {best:?} to {after:?}, and nobody noticed",
                node.origin
            );
            is_behind |= behind;
        }
        node.behind |= is_behind;
        if !silent {
            let is_new = node.notice();
            assert!(
                !is_new || !node.shows_too_much(),
                "{} shows what its journal knows was deleted or withdrawn",
                node.origin
            );
            assert!(
                !is_behind || node.is_marked(),
                "{} says nothing, and shows everything",
                node.origin
            );
            node.behind |= node.is_marked();
            self.counts.withheld += u64::from(is_new);
        }
        let journal = node.journal.clone();
        let memory = &node.db.memory;
        // A deletion that was never told anybody is lost with the database.
        let keeps = !silent;
        node.deleted
            .retain(|id| memory.get(*id).is_none() || (keeps && journal.deleted().contains(id)));
        if silent {
            self.become_silent(index, before);
        }
    }

    /// A journal is emptied, or an older copy of it put in its place. The publisher must notice, and what an admin then
    /// accepts must know of every deletion.
    fn cut_journal(&mut self, index: usize) {
        let now = self.clock(index);
        let node = &mut self.nodes[index];
        if node.behind || node.silent {
            return;
        }
        let backup = self.random.below(node.backups.len() + 1);
        let kept = node.backups.get(backup).map(|backup| &backup.journal);
        node.journal = kept.cloned().unwrap_or_default();
        for name in FeedName::ALL {
            let (reached, last) = (node.reached(name), node.journal.last(name));
            let told = last.map_or((0, 0), |mark| (mark.epoch, mark.seq));
            // A feed of an older epoch begins with nothing.
            if reached.0 == node.document().epoch() && reached.1 > 0 && reached > told {
                let attempt = node.attempt(name, 1, Crash::BeforeCommit, now, &mut self.random);
                assert!(
                    matches!(attempt, Err(CannotPublish::LostJournal)),
                    "{name} of {} stands at {reached:?}, its journal at {told:?}: {attempt:?}",
                    node.origin
                );
                self.counts.cut_journals += 1;
            }
        }
        node.accept_journal(now);
    }

    fn become_silent(&mut self, index: usize, before: [(u64, u64); 2]) {
        self.nodes[index].silent = true;
        self.counts.silent += 1;
        for by in 0..self.nodes.len() {
            for (follows, follow) in self.nodes[by].follows.iter().enumerate() {
                if follow.peer != index {
                    continue;
                }
                let (epoch, seq) = self.nodes[index].reached(follow.key.name);
                let Some(feed) = self.nodes[by].db.memory.feed(&follow.key) else {
                    continue;
                };
                let Some(state) = feed.state.as_ref().filter(|state| state.epoch == epoch) else {
                    continue;
                };
                assert!(
                    (epoch, state.seq) <= before[usize::from(follow.key.name == FeedName::Network)]
                );
                self.witnesses.push(Witness {
                    by,
                    follows,
                    pull: state.pull,
                    epoch,
                    rows: feed
                        .rows
                        .values()
                        .filter(|row| row.seq > seq)
                        .cloned()
                        .collect(),
                });
            }
        }
    }

    /// A row gets lost at a follower, and it looks at its tree again.
    fn damage(&mut self, by: usize) {
        if self.nodes[by].follows.is_empty() {
            return;
        }
        let follows = self.random.below(self.nodes[by].follows.len());
        let key = self.nodes[by].follows[follows].key.clone();
        let memory = &mut self.nodes[by].db.memory;
        let Some(feed) = memory.feeds.get_mut(&key).map(Arc::make_mut) else {
            return;
        };
        let live: Vec<_> = feed
            .rows
            .values()
            .filter(|row| row.live && row.seq > 0)
            .map(|row| row.entry)
            .collect();
        let (Some(id), Some(state)) = (live.get(self.random.below(live.len())), &mut feed.state)
        else {
            return;
        };
        feed.rows.remove(id);
        feed.buckets.clear();
        state.live -= 1;
        state.tree_seq = 0;
        if let Some(taken) = memory.taken.get_mut(&key.origin) {
            Arc::make_mut(taken).remove(id);
        }
        self.nodes[by].db.damaged.insert(key);
        // What it held before is no longer a measure of what it may lose.
        self.witnesses.retain(|witness| witness.by != by);
    }

    pub(crate) fn is_visible(visibility: Visibility, name: FeedName) -> bool {
        name.holds(visibility)
    }
}
