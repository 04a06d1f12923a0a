//! What a follower makes of pages that are in order in themselves.

use chrono::TimeDelta;
use domain::feed::{Digest, FeedState};
use lotse_federation::protocol::follow::{self, Applied, Follow, Outcome};
use lotse_federation::protocol::head;
use lotse_federation::protocol::page::{self, Part};
use lotse_federation::protocol::policy::Policy;
use lotse_federation::protocol::refusal::{Consequence, Refused};
use lotse_federation::protocol::store::Store as _;
use lotse_federation::protocol::tree::leaf_of;

use crate::memory::Memory;
use crate::table::{Node, SECOND, id, key, now};

/// A follower that has taken in what the node said up to a number.
struct Follower {
    node: Node,
    memory: Memory,
}

/// What a head says.
#[derive(Clone, Copy)]
struct Said {
    seq: u64,
    horizon: u64,
    root: u8,
    minutes: i64,
}

const SAID: Said = Said {
    seq: 3,
    horizon: 0,
    root: 5,
    minutes: 0,
};

impl Follower {
    /// Holds the rows 1, 2 and 3 of the entries 1, 2 and 3.
    fn new() -> Self {
        let mut follower = Self {
            node: Node::new(),
            memory: Memory::new(now()),
        };
        let rows: Vec<String> = follower.node.rows().drain(..3).collect();
        let applied = follower.changes(0, &rows, 3, SAID).unwrap();
        assert_eq!((applied.taken, applied.seq), (3, 3));
        follower
    }

    fn head(&self, said: Said) -> String {
        let mut state = self.node.state(said.seq);
        state.horizon = said.horizon;
        state.root = Digest([said.root; 32]);
        let method = self.node.method(SECOND);
        let at = now() + TimeDelta::minutes(said.minutes);
        head::write(
            &self.node.feed,
            &state,
            &self.node.actor,
            &method,
            at,
            &key(SECOND),
        )
        .unwrap()
    }

    fn changes(
        &mut self,
        since: u64,
        rows: &[String],
        through: u64,
        said: Said,
    ) -> Result<Applied, Refused> {
        self.page(&Part::Changes { since }, rows, through, said)
    }

    fn page(
        &mut self,
        part: &Part,
        rows: &[String],
        through: u64,
        said: Said,
    ) -> Result<Applied, Refused> {
        self.page_under(self.head(said), part, rows, through, said.seq)
    }

    /// A page under a head of the number `seq`.
    fn page_under(
        &mut self,
        head: String,
        part: &Part,
        rows: &[String],
        through: u64,
        seq: u64,
    ) -> Result<Applied, Refused> {
        let rows = rows.iter().map(String::as_str);
        let method = self.node.method(SECOND);
        let more = matches!(part, Part::Changes { .. }) && through < seq;
        let by = (method.as_str(), &key(SECOND) as _, now());
        let body = page::write(
            &self.node.feed,
            part,
            rows,
            through,
            more,
            &head,
            &self.node.actor,
            by,
        )
        .unwrap();
        let page = self
            .node
            .read_at(body.as_bytes(), part, 100, now())
            .unwrap();
        let follow = Follow {
            key: &self.node.feed,
            document: &self.node.document,
            policy: &Policy::default(),
            sweep_allowed: true,
        };
        let mut memory = self.memory.clone();
        let applied = match part {
            Part::Changes { since } => follow::apply(&mut memory, &follow, *since, page).unwrap(),
            Part::Leaf(leaf) => follow::repair_leaf(&mut memory, &follow, *leaf, page).unwrap(),
        }?;
        self.memory = memory;
        Ok(applied)
    }

    fn pull_all(&mut self) {
        follow::pull_all(&mut self.memory, &self.node.feed).unwrap();
    }

    fn leaf(&self, number: u128) -> Part {
        Part::Leaf(leaf_of(&self.node.feed.origin, id(number)))
    }
}

#[test]
fn a_head_that_counts_wrongly_is_not_believed_and_an_honest_one_after_it_is() {
    let mut follower = Follower::new();
    let state = follower.memory.state(&follower.node.feed).unwrap().unwrap();
    let said = |follower: &mut Follower, live: u64| {
        let at = now() + TimeDelta::minutes(1);
        let state = FeedState {
            live,
            ..state.clone()
        };
        let method = follower.node.method(SECOND);
        let (feed, actor) = (&follower.node.feed, &follower.node.actor);
        let head = head::write(feed, &state, actor, &method, at, &key(SECOND)).unwrap();
        follower.page_under(head, &Part::Changes { since: 3 }, &[], 3, 3)
    };
    follower
        .memory
        .put_state(
            &follower.node.feed.clone(),
            &FeedState {
                head: None,
                ..state.clone()
            },
        )
        .unwrap();
    for live in [0, 2, 50, 1_000_000_000] {
        let refused = said(&mut follower, live).unwrap_err();
        assert_eq!(
            refused,
            Refused::CountDiffers {
                said: live,
                counted: 3
            }
        );
        assert_eq!(
            (refused.code(), refused.consequence()),
            ("count_differs", Consequence::Retry)
        );
    }
    // A number that was believed earlier does not count either, neither here nor for the quota.
    let believed = FeedState {
        live: 1_000_000_000,
        head: None,
        ..state.clone()
    };
    follower
        .memory
        .put_state(&follower.node.feed.clone(), &believed)
        .unwrap();
    let applied = said(&mut follower, 3).unwrap();
    assert_eq!(applied.outcome, Outcome::Agreed);
    let state = follower.memory.state(&follower.node.feed).unwrap().unwrap();
    assert_eq!(state.live, 3);
}

#[test]
fn a_head_that_goes_back_is_a_rollback_unless_it_is_only_late() {
    let mut follower = Follower::new();
    let lower = Said { seq: 2, ..SAID };
    let refused = follower
        .changes(
            3,
            &[],
            2,
            Said {
                minutes: 1,
                ..lower
            },
        )
        .unwrap_err();
    assert_eq!(refused, Refused::Rollback { known: 3, found: 2 });
    assert_eq!(refused.consequence(), Consequence::Freeze);
    let refused = follower
        .changes(
            3,
            &[],
            2,
            Said {
                minutes: -1,
                ..lower
            },
        )
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.consequence()),
        ("stale_head", Consequence::Retry)
    );
    // Heads of one second cannot be told apart by when they were signed.
    let refused = follower.changes(3, &[], 2, lower).unwrap_err();
    assert_eq!(refused, Refused::Stale);
    // The same when everything is asked for again.
    follower.pull_all();
    let rows = [follower.node.row(1, 1), follower.node.row(2, 2)];
    let refused = follower
        .changes(
            0,
            &rows,
            2,
            Said {
                minutes: -1,
                ..lower
            },
        )
        .unwrap_err();
    assert_eq!(refused, Refused::Stale);
}

#[test]
fn two_states_under_one_number_are_a_fork() {
    let mut follower = Follower::new();
    let refused = follower
        .changes(3, &[], 3, Said { root: 6, ..SAID })
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.consequence()),
        ("fork", Consequence::Freeze)
    );
}

#[test]
fn another_statement_under_a_number_that_is_here_is_a_fork() {
    let mut follower = Follower::new();
    let other_hash = follower.node.row_at(1, 1, now() + TimeDelta::minutes(5));
    let other_entry = follower.node.row(3, 33);
    let older = follower.node.row(1, 3);
    for (row, number, refused) in [
        (other_hash, 1, Refused::Fork(1)),
        (other_entry, 33, Refused::Fork(3)),
        (older, 3, Refused::Rollback { known: 3, found: 1 }),
    ] {
        let leaf = follower.leaf(number);
        assert_eq!(
            follower.page(&leaf, std::slice::from_ref(&row), 3, SAID),
            Err(refused.clone())
        );
        let mut again = Follower::new();
        again.pull_all();
        let seq = if number == 33 { 3 } else { 1 };
        assert_eq!(again.changes(0, &[row], seq, SAID), Err(refused));
    }
}

#[test]
fn a_row_that_vanished_without_a_deletion_is_a_fork() {
    let mut follower = Follower::new();
    let leaf = follower.leaf(2);
    assert_eq!(follower.page(&leaf, &[], 3, SAID), Err(Refused::Fork(2)));
}

#[test]
fn a_row_that_was_lost_here_is_repaired() {
    let mut follower = Follower::new();
    let feed = follower.node.feed.clone();
    follower.memory.forget(&feed, &[id(2)]).unwrap();
    follower.memory.let_go(&feed.origin, &[id(2)]).unwrap();
    let (leaf, row) = (follower.leaf(2), follower.node.row(2, 2));
    let applied = follower.page(&leaf, &[row], 3, SAID).unwrap();
    assert_eq!(applied.taken, 1);
    assert!(follower.memory.taken[&feed.origin].contains_key(&id(2)));
}

#[test]
fn below_the_horizon_everything_is_pulled_again_and_that_comes_to_an_end() {
    let mut follower = Follower::new();
    let said = Said {
        seq: 9,
        horizon: 8,
        ..SAID
    };
    let refused = follower.changes(3, &[], 9, said).unwrap_err();
    assert_eq!(
        (refused.code(), refused.consequence()),
        ("below_horizon", Consequence::PullAll)
    );
    follower.pull_all();
    let row = |seq: u64| follower.node.row(seq, u128::from(seq));
    let (first, last) = ([row(1)], [row(9)]);
    assert_eq!(follower.changes(0, &first, 1, said).unwrap().seq, 1);
    let applied = follower.changes(1, &last, 9, said).unwrap();
    assert_eq!(applied.outcome, Outcome::Differs, "the made-up root");
    let left: Vec<_> = follower.memory.taken[&follower.node.feed.origin]
        .keys()
        .copied()
        .collect();
    assert_eq!(left, [id(1), id(9)], "what did not come again was swept");
}

#[test]
fn deletions_that_were_forgotten_during_a_pull_begin_it_again() {
    let mut follower = Follower::new();
    follower.pull_all();
    let first = [follower.node.row(1, 1)];
    follower.changes(0, &first, 1, SAID).unwrap();
    let said = Said {
        seq: 9,
        horizon: 8,
        ..SAID
    };
    assert_eq!(
        follower.changes(1, &[], 9, said),
        Err(Refused::BelowHorizon)
    );
}

#[test]
fn an_answer_that_comes_after_others_changes_nothing() {
    let mut follower = Follower::new();
    let rows = [follower.node.row(1, 1)];
    let before = follower.memory.clone().state(&follower.node.feed).unwrap();
    assert_eq!(
        follower.changes(0, &rows, 1, SAID).unwrap().outcome,
        Outcome::Outdated
    );
    assert_eq!(follower.memory.state(&follower.node.feed).unwrap(), before);
}
