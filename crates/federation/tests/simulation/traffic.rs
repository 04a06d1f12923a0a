//! What goes over the network, and what followers make of it.

use std::sync::Arc;

use lotse_federation::protocol::document;
use lotse_federation::protocol::follow::{self, Follow, Outcome};
use lotse_federation::protocol::page::{self, Expected, Part};
use lotse_federation::protocol::refusal::{Consequence, Refused};

use crate::node::Follows;
use crate::world::World;

/// An answer that is under way.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Who asked, and for which of the feeds that it follows.
    pub(crate) by: usize,
    follows: usize,
    part: Part,
    limit: usize,
    body: Arc<String>,
}

impl World {
    pub(crate) fn request(&mut self, by: usize) {
        if self.nodes[by].follows.is_empty() || !self.nodes[by].online {
            return;
        }
        let follows = self.random.below(self.nodes[by].follows.len());
        let limit = 1 + self.random.below(7);
        self.ask_changes(by, follows, limit);
    }

    pub(crate) fn ask_changes(&mut self, by: usize, follows: usize, limit: usize) {
        let now = self.clock(by);
        let node = &mut self.nodes[by];
        let Follows { peer, key, policy } = node.follows[follows].clone();
        if node.db.frozen.contains_key(&key) {
            return;
        }
        let document = Arc::clone(&node.db.pinned[&peer]);
        let follow = Follow {
            key: &key,
            document: &document,
            policy: &policy,
            sweep_allowed: false,
        };
        node.db.memory.now = now;
        let state = follow::position(&mut node.db.memory, &follow).unwrap();
        self.ask(by, follows, Part::Changes { since: state.seq }, limit);
    }

    fn ask(&mut self, by: usize, follows: usize, part: Part, limit: usize) {
        let Follows { peer, key, .. } = &self.nodes[by].follows[follows];
        let now = self.clock(*peer);
        if let Some(body) = self.nodes[*peer].serve(key.name, &part, limit, now) {
            self.network.push(Answer {
                by,
                follows,
                part,
                limit,
                body: Arc::new(body),
            });
        }
    }

    pub(crate) fn deliver_any(&mut self) {
        if self.network.is_empty() {
            return;
        }
        let at = self.random.below(self.network.len());
        let answer = match self.random.below(10) {
            // Repeated: it comes again some time.
            0..3 if self.network.len() < 100 => self.network[at].clone(),
            // Lost.
            3 => {
                self.network.swap_remove(at);
                return;
            }
            _ => self.network.swap_remove(at),
        };
        let crash = self.random.one_in(15);
        self.deliver(&answer, crash);
    }

    /// Delivers everything that is under way, in order.
    pub(crate) fn deliver_all(&mut self) -> Outcome {
        let mut last = Outcome::NotYet;
        let mut delivered = 0;
        while !self.network.is_empty() {
            delivered += 1;
            assert!(delivered < 1_000, "repairs never come to an end");
            let answer = self.network.remove(0);
            last = self.deliver(&answer, false).unwrap_or(last);
        }
        last
    }

    pub(crate) fn lose_all(&mut self) {
        self.network.clear();
    }

    fn deliver(&mut self, answer: &Answer, crash: bool) -> Option<Outcome> {
        let now = self.clock(answer.by);
        let node = &mut self.nodes[answer.by];
        let Follows { peer, key, policy } = node.follows[answer.follows].clone();
        if node.db.frozen.contains_key(&key) {
            return None;
        }
        let document = Arc::clone(&node.db.pinned[&peer]);
        let expected = Expected {
            key: &key,
            document: &document,
            part: &answer.part,
            limit: answer.limit,
            verifier: &self.signatures,
            now,
        };
        let follow = Follow {
            key: &key,
            document: &document,
            policy: &policy,
            sweep_allowed: node.allowed.contains(&key),
        };
        let mut memory = node.db.memory.clone();
        memory.now = now;
        let applied =
            page::read(answer.body.as_bytes(), &expected).and_then(|page| match answer.part {
                Part::Changes { since } => {
                    follow::apply(&mut memory, &follow, since, page).unwrap()
                }
                Part::Leaf(leaf) => follow::repair_leaf(&mut memory, &follow, leaf, page).unwrap(),
            });
        self.counts.pages += 1;
        match applied {
            Err(refused) => {
                self.refused(answer.by, answer.follows, &refused);
                None
            }
            Ok(_) if crash => {
                self.counts.crashes += 1;
                None
            }
            Ok(applied) => {
                node.db.memory = memory;
                self.settled(answer.by, answer.follows, applied.outcome);
                Some(applied.outcome)
            }
        }
    }

    fn settled(&mut self, by: usize, follows: usize, outcome: Outcome) {
        let (peer, key) = (
            self.nodes[by].follows[follows].peer,
            self.nodes[by].follows[follows].key.clone(),
        );
        match outcome {
            Outcome::Agreed => {
                self.nodes[by].allowed.remove(&key);
                self.nodes[by].db.damaged.remove(&key);
            }
            Outcome::SweepWaits { .. } => {
                self.nodes[by].allowed.insert(key);
            }
            Outcome::Differs => {
                assert!(
                    self.nodes[peer].silent || self.nodes[by].db.damaged.contains(&key),
                    "after all changes of {} were applied, {} holds something else",
                    self.nodes[peer].origin,
                    self.nodes[by].origin
                );
                self.ask_for_repairs(by, follows);
            }
            _ => {}
        }
    }

    /// Asks for the leaves that differ.
    fn ask_for_repairs(&mut self, by: usize, follows: usize) {
        let Follows { peer, key, .. } = self.nodes[by].follows[follows].clone();
        let mut leaves = Vec::new();
        for number in 0..=u8::MAX {
            let of = |node: usize| {
                let feed = self.nodes[node].db.memory.feed(&key)?;
                Some(feed.buckets.get(&number)?.leaves.clone())
            };
            let empty = || vec![0; lotse_federation::protocol::tree::BUCKET_BYTES];
            let (here, there) = (of(by).unwrap_or_else(empty), of(peer).unwrap_or_else(empty));
            for (at, (here, there)) in here.chunks(32).zip(there.chunks(32)).enumerate() {
                if here != there {
                    leaves.push(u16::from(number) * 256 + u16::try_from(at).unwrap());
                }
            }
        }
        for leaf in leaves {
            self.counts.repairs += 1;
            self.ask(by, follows, Part::Leaf(leaf), 100);
        }
    }

    fn refused(&mut self, by: usize, follows: usize, refused: &Refused) {
        let (peer, key) = (
            self.nodes[by].follows[follows].peer,
            self.nodes[by].follows[follows].key.clone(),
        );
        match refused.consequence() {
            Consequence::Retry => {}
            Consequence::LookAgain => self.fetch_documents(by, peer),
            Consequence::PullAll => {
                self.counts.below_horizon += 1;
                follow::pull_all(&mut self.nodes[by].db.memory, &key).unwrap();
            }
            Consequence::Freeze => {
                let proved = matches!(refused, Refused::Rollback { .. } | Refused::Fork(_));
                assert!(
                    self.nodes[peer].silent && proved,
                    "{} accuses {}, which did nothing wrong: {refused:?}",
                    self.nodes[by].origin,
                    self.nodes[peer].origin
                );
                self.counts.frozen += 1;
                self.nodes[by].db.frozen.insert(key, refused.clone());
            }
        }
    }

    pub(crate) fn fetch_documents_of_any(&mut self, by: usize) {
        let peers: Vec<usize> = self.nodes[by].db.pinned.keys().copied().collect();
        if let Some(peer) = peers.get(self.random.below(peers.len())) {
            self.fetch_documents(by, *peer);
        }
    }

    pub(crate) fn fetch_documents(&mut self, by: usize, peer: usize) {
        let pinned = Arc::clone(&self.nodes[by].db.pinned[&peer]);
        let from = usize::try_from(pinned.sequence()).unwrap();
        let next = self.nodes[peer].documents.iter().skip(from);
        let last = next.fold(pinned, |pinned, next| {
            document::accept(&pinned, next, &self.signatures).unwrap();
            Arc::clone(next)
        });
        self.nodes[by].db.pinned.insert(peer, last);
    }
}
