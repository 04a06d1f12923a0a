//! The end of a run: everything goes online, everything is delivered, and everybody must hold what is right.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::feed::{FeedName, Kept};
use domain::{Entry, EntryId, outward};
use lotse_federation::protocol::follow::Outcome;
use lotse_federation::protocol::journal::Remembered;
use lotse_federation::protocol::tree;

use crate::node::{Crash, Follows, Node};
use crate::world::{Counts, World};

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.statements += other.statements;
        self.pages += other.pages;
        self.crashes += other.crashes;
        self.restores += other.restores;
        self.silent += other.silent;
        self.frozen += other.frozen;
        self.rotations += other.rotations;
        self.purged += other.purged;
        self.below_horizon += other.below_horizon;
        self.repairs += other.repairs;
        self.cut_journals += other.cut_journals;
        self.withheld += other.withheld;
    }

    #[expect(
        clippy::print_stderr,
        reason = "how much was tried is of interest with --nocapture"
    )]
    pub(crate) fn show(&self) {
        eprintln!("{self:?}");
    }

    /// A simulation in which nothing goes wrong proves nothing.
    pub(crate) fn something_of_everything_happened(&self) {
        for count in [
            self.statements,
            self.pages,
            self.crashes,
            self.restores,
            self.silent,
            self.frozen,
            self.rotations,
            self.purged,
            self.below_horizon,
            self.repairs,
            self.cut_journals,
            self.withheld,
        ] {
            assert!(count > 0, "{self:?}");
        }
    }
}

/// Lets everybody go online and publish, and delivers until nothing is left to be said.
pub(crate) fn come_to_rest(world: &mut World) {
    world.lose_all();
    // All heads are signed again: one that was put back shows then that it is no late answer.
    world.now += TimeDelta::hours(30);
    for index in 0..world.nodes.len() {
        let now = world.now;
        let node = &mut world.nodes[index];
        node.offset = TimeDelta::zero();
        node.online = true;
        if node.behind {
            node.recover(now);
        }
        for name in FeedName::ALL {
            while world.nodes[index]
                .publish(name, 50, Crash::Never, now, &mut world.random)
                .unwrap()
                .more
            {}
        }
    }
    for by in 0..world.nodes.len() {
        for follows in 0..world.nodes[by].follows.len() {
            let peer = world.nodes[by].follows[follows].peer;
            world.fetch_documents(by, peer);
            catch_up(world, by, follows);
        }
    }
}

fn catch_up(world: &mut World, by: usize, follows: usize) {
    for _ in 0..200 {
        if world.nodes[by]
            .db
            .frozen
            .contains_key(&world.nodes[by].follows[follows].key)
        {
            return;
        }
        world.ask_changes(by, follows, 7);
        if world.deliver_all() == Outcome::Agreed {
            return;
        }
    }
    let Follows { peer, key, .. } = &world.nodes[by].follows[follows];
    panic!(
        "{by} never agrees with {peer}: {:?} and {:?}",
        world.nodes[by].followed(key),
        world.nodes[*peer].state(key.name)
    );
}

pub(crate) fn everybody_agrees(world: &World) {
    for (by, node) in world.nodes.iter().enumerate() {
        nothing_deleted_is_left(node);
        for (at, follows) in node.follows.iter().enumerate() {
            let origin = &world.nodes[follows.peer];
            if node.db.frozen.contains_key(&follows.key) {
                assert!(origin.silent);
                continue;
            }
            holds_what_the_origin_says(node, origin, follows, world);
            for witness in world
                .witnesses
                .iter()
                .filter(|w| (w.by, w.follows) == (by, at))
            {
                lost_nothing_silently(node, origin, follows, witness);
            }
        }
    }
}

/// What remains of a deletion says nothing about what there was.
fn nothing_deleted_is_left(node: &Node) {
    for feed in node.db.memory.feeds.values() {
        for row in feed.rows.values().filter(|row| !row.live) {
            let body = row.body.as_deref().unwrap_or_default();
            assert!(
                !body.contains("salt") && !body.contains("\"entry\""),
                "{body}"
            );
        }
    }
    let own: Vec<EntryId> = node.db.memory.own().map(|entry| entry.id).collect();
    assert!(
        own.iter().all(|id| !node.deleted.contains(id)),
        "a deleted entry is at its origin again"
    );
    let journal: &Remembered = &node.journal;
    assert!(node.silent || own.iter().all(|id| !journal.deleted().contains(id)));
}

fn holds_what_the_origin_says(node: &Node, origin: &Node, follows: &Follows, world: &World) {
    let Follows { key, policy, .. } = follows;
    let theirs = origin.db.memory.feed(key).unwrap();
    let ours = node.db.memory.feed(key).unwrap();
    let (their_state, our_state) = (theirs.state.as_ref().unwrap(), ours.state.as_ref().unwrap());
    assert_eq!(
        (our_state.epoch, our_state.seq),
        (their_state.epoch, their_state.seq)
    );
    assert_eq!(our_state.root, their_state.root);
    let empty = tree::empty_root();
    assert!(our_state.live > 0 || our_state.root == empty);

    let expected: BTreeMap<EntryId, Entry> = origin
        .db
        .memory
        .own()
        .filter_map(|entry| outward(entry, key.name.audience(), world.now.date_naive()))
        .map(|entry| (entry.id, entry))
        .collect();
    let live = |feed: &crate::memory::Feed| {
        let live = feed.rows.values().filter(|row| row.live);
        live.map(|row| (row.entry, (row.seq, row.hash)))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(live(ours), live(theirs));
    assert!(
        live(ours).keys().eq(expected.keys()),
        "the rows are those of the entries that the feed is for"
    );
    assert_eq!(our_state.live, expected.len() as u64);

    let nothing = std::sync::Arc::default();
    let taken = node.db.memory.taken.get(&key.origin).unwrap_or(&nothing);
    let wanted: Vec<&Entry> = expected
        .values()
        .filter(|entry| policy.takes(entry))
        .collect();
    assert!(
        taken.keys().eq(wanted.iter().map(|entry| &entry.id)),
        "what is here is what is wanted"
    );
    for (taken, wanted) in taken.values().zip(wanted) {
        let mut entry = Entry::clone(taken);
        assert!(
            !origin.deleted.contains(&entry.id) && World::is_visible(entry.visibility, key.name)
        );
        assert!(entry.provenance.take().is_some());
        assert_eq!(&entry, wanted);
        assert_eq!(ours.rows[&entry.id].kept, Kept::Taken);
    }
}

/// Where an origin was put back and a follower went on with it, each statement of the former time was replaced by a
/// later one: none was just dropped.
fn lost_nothing_silently(
    node: &Node,
    origin: &Node,
    follows: &Follows,
    witness: &crate::world::Witness,
) {
    let ours = node.db.memory.feed(&follows.key).unwrap();
    let state = ours.state.as_ref().unwrap();
    if (state.epoch, state.pull) != (witness.epoch, witness.pull) {
        return;
    }
    let theirs = origin.db.memory.feed(&follows.key).unwrap();
    for before in &witness.rows {
        let now = ours.rows.get(&before.entry);
        let same = theirs
            .rows
            .get(&before.entry)
            .is_some_and(|row| row.hash == before.hash);
        let dead = |row: Option<&domain::feed::StatementRow>| row.is_none_or(|row| !row.live);
        let both_dead = !before.live && dead(theirs.rows.get(&before.entry));
        assert!(
            same || both_dead || now.is_some_and(|now| now.seq > before.seq),
            "{} lost {before:?} without a word",
            node.origin
        );
    }
}
