//! Peers that an older version took for several, though they are one node: the same base URL with the other scheme, or in
//! another spelling. From now on a node is one peer, and the database holds it to that; what is there already is parted
//! before.
//!
//! What an admin approved is never destroyed: of two that were approved one stays, and the other is set aside with its
//! entries, no longer approved and frozen with the reason. What came by itself and waits goes: it may ask again.

use std::collections::BTreeMap;

use diesel::prelude::*;
use domain::Origin;

use super::peers::{Follower, Following};
use crate::Result;
use crate::connection::AnyConnection;
use crate::erasure::{drop_doubles, erase_in_upgrade};
use crate::rows::PeerRow;
use crate::schema::{denial, peer};

/// The code under which a peer is set aside.
const CODE: &str = "same_node";

/// A peer, as every version has it in the database.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct Known {
    id: i64,
    base_url: String,
    did: String,
    pinned: bool,
    following: String,
    asked: i64,
}

/// What becomes of a peer that is one too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It waited for an admin: it may ask again.
    Forget(i64),
    /// An admin has dealt with it: it stays, and nothing is taken from it or told to it.
    SetAside {
        /// Its number.
        id: i64,
        /// What stands in the place of its name, which belongs to another.
        did: String,
        /// Why, for admins.
        why: String,
    },
}

/// What to do about the peers that are there. `denied`: base URLs of which nothing is wanted.
pub(crate) fn plan(peers: &[Known], denied: &[String]) -> Vec<Step> {
    let mut nodes: BTreeMap<String, Vec<&Known>> = BTreeMap::new();
    for peer in peers {
        nodes.entry(node_of(&peer.base_url)).or_default().push(peer);
    }
    let denied: Vec<String> = denied.iter().map(|base_url| node_of(base_url)).collect();
    let mut steps = Vec::new();
    for (node, mut of_it) in nodes {
        of_it.sort_by_key(|peer| {
            let https = peer.base_url.starts_with("https://");
            (!peer.pinned, !named(peer), !https, peer.asked, peer.id)
        });
        let kept = (!denied.contains(&node)).then(|| of_it.remove(0));
        for peer in of_it {
            steps.push(step(peer, kept));
        }
        // Its documents name another base URL than the one that it has from now on.
        let spelled = kept.filter(|kept| !is_normal(&kept.base_url));
        steps.extend(spelled.map(|peer| step(peer, None)));
    }
    steps
}

fn step(peer: &Known, kept: Option<&Known>) -> Step {
    if !peer.pinned && !named(peer) {
        return Step::Forget(peer.id);
    }
    let why = match kept {
        Some(kept) => format!(
            "it is the same node as {}, which stays: one node is one peer",
            kept.base_url
        ),
        None if is_normal(&peer.base_url) => "this node is denied under another name".to_owned(),
        None => "its base URL is not in normal form: add it anew".to_owned(),
    };
    Step::SetAside {
        id: peer.id,
        did: format!("{}#{}", peer.did, peer.id),
        why,
    }
}

/// Whether an admin asked for it.
fn named(peer: &Known) -> bool {
    peer.following != Following::No.as_str()
}

/// What all base URLs of a node have in common.
fn node_of(base_url: &str) -> String {
    base_url.parse().map_or_else(
        |_| base_url.to_owned(),
        |origin: Origin| origin.node().to_owned(),
    )
}

fn is_normal(base_url: &str) -> bool {
    base_url
        .parse()
        .is_ok_and(|origin: Origin| origin.as_str() == base_url)
}

/// Parts the peers of an archive before they are written.
pub(crate) fn parted(mut peers: Vec<PeerRow>, denied: &[String]) -> Vec<PeerRow> {
    let known: Vec<Known> = peers.iter().map(Known::of).collect();
    for step in plan(&known, denied) {
        step.tell(&known);
        match step {
            Step::Forget(id) => peers.retain(|peer| peer.id != id),
            Step::SetAside { id, did, why } => {
                if let Some(peer) = peers.iter_mut().find(|peer| peer.id == id) {
                    peer.did = did;
                    peer.pinned = false;
                    peer.following = Following::Frozen.as_str().to_owned();
                    peer.follower = Follower::Rejected.as_str().to_owned();
                    peer.error_code = Some(CODE.to_owned());
                    peer.error = Some(why);
                }
            }
        }
    }
    peers
}

impl Known {
    fn of(row: &PeerRow) -> Self {
        Self {
            id: row.id,
            base_url: row.base_url.clone(),
            did: row.did.clone(),
            pinned: row.pinned,
            following: row.following.clone(),
            asked: row.asked,
        }
    }
}

impl Step {
    /// Says in the log what happens, because nobody asked for it.
    fn tell(&self, peers: &[Known]) {
        let (Self::Forget(id) | Self::SetAside { id, .. }) = self;
        let peer = peers.iter().find(|peer| peer.id == *id);
        let peer = peer.map_or("", |peer| peer.base_url.as_str());
        match self {
            Self::Forget(_) => tracing::warn!(
                peer,
                "one node is one peer: a request that waited under another spelling is gone"
            ),
            Self::SetAside { why, .. } => {
                tracing::warn!(peer, why, "a peer is set aside and no longer approved");
            }
        }
    }
}

/// Parts the peers that are one node, and says so in the log.
pub(crate) fn part(connection: &mut AnyConnection) -> Result<()> {
    let peers: Vec<Known> = peer::table
        .order(peer::id)
        .select((
            peer::id,
            peer::base_url,
            peer::did,
            peer::pinned,
            peer::following,
            peer::asked,
        ))
        .load(connection)?;
    let denied: Vec<String> = denial::table.select(denial::base_url).load(connection)?;
    for step in plan(&peers, &denied) {
        step.tell(&peers);
        match &step {
            Step::Forget(id) => {
                erase_in_upgrade(connection, peer::table.find(id))?;
            }
            Step::SetAside { id, did, why } => {
                diesel::update(peer::table.find(id))
                    .set((
                        peer::did.eq(did),
                        peer::pinned.eq(false),
                        peer::following.eq(Following::Frozen.as_str()),
                        peer::follower.eq(Follower::Rejected.as_str()),
                        peer::error_code.eq(CODE),
                        peer::error.eq(why),
                    ))
                    .execute(connection)?;
            }
        }
    }
    respell(connection, &denied)
}

/// Gives denials the spelling that they are looked for by.
pub(crate) fn respell(connection: &mut AnyConnection, denied: &[String]) -> Result<()> {
    for base_url in denied.iter().filter(|base_url| !is_normal(base_url)) {
        let Ok(origin) = base_url.parse::<Origin>() else {
            continue;
        };
        let normal: i64 = denial::table
            .filter(denial::base_url.eq(origin.as_str()))
            .count()
            .get_result(connection)?;
        let row = denial::table.filter(denial::base_url.eq(base_url));
        if normal > 0 {
            drop_doubles(connection, row)?;
        } else {
            diesel::update(row)
                .set(denial::base_url.eq(origin.as_str()))
                .execute(connection)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: i64, base_url: &str, pinned: bool, following: Following) -> Known {
        Known {
            id,
            base_url: base_url.to_owned(),
            did: "did:web:a.example".to_owned(),
            pinned,
            following: following.as_str().to_owned(),
            asked: id,
        }
    }

    fn set_aside(steps: &[Step]) -> Vec<(i64, &str)> {
        steps
            .iter()
            .filter_map(|step| match step {
                Step::SetAside { id, did, .. } => Some((*id, did.as_str())),
                Step::Forget(_) => None,
            })
            .collect()
    }

    #[test]
    fn whoever_is_alone_stays_as_it_is() {
        let peers = [
            known(1, "https://a.example", true, Following::Active),
            known(2, "https://b.example", false, Following::No),
            known(3, "http://c.example", false, Following::Waiting),
        ];
        assert_eq!(plan(&peers, &["https://d.example".to_owned()]), []);
    }

    #[test]
    fn a_stranger_in_the_name_of_a_peer_goes_and_the_peer_stays() {
        let peers = [
            known(1, "http://a.example", false, Following::No),
            known(2, "https://a.example", true, Following::No),
            known(3, "https://a.example.", false, Following::No),
        ];
        assert_eq!(plan(&peers, &[]), [Step::Forget(3), Step::Forget(1)]);
    }

    #[test]
    fn of_two_that_an_admin_approved_none_is_destroyed_and_one_counts() {
        let peers = [
            known(1, "http://a.example", true, Following::Active),
            known(2, "https://a.example", true, Following::Active),
        ];
        assert_eq!(set_aside(&plan(&peers, &[])), [(1, "did:web:a.example#1")]);
        let peers = [
            known(1, "https://a.example", false, Following::Waiting),
            known(2, "http://a.example", true, Following::No),
        ];
        assert_eq!(set_aside(&plan(&peers, &[])), [(1, "did:web:a.example#1")]);
    }

    #[test]
    fn who_is_denied_under_another_spelling_is_no_peer() {
        let peers = [
            known(1, "https://a.example", false, Following::No),
            known(2, "https://b.example", true, Following::Active),
        ];
        let denied = ["http://a.example", "https://B.example."].map(str::to_owned);
        let steps = plan(&peers, &denied);
        assert_eq!(steps.first(), Some(&Step::Forget(1)));
        assert_eq!(set_aside(&steps), [(2, "did:web:a.example#2")]);
    }

    #[test]
    fn what_is_not_in_normal_form_is_set_aside_even_alone() {
        let peers = [known(1, "https://a.example.", true, Following::Active)];
        assert_eq!(set_aside(&plan(&peers, &[])), [(1, "did:web:a.example#1")]);
    }
}
