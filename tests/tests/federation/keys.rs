//! Keys change by the word of the keys before them, and by no other.

use std::process::Output;

use federation::protocol::document::NodeDocument;
use lotse_tests::{
    Database, Proxy, World,
    federation::{LATER, SOON, Station, federated},
    on_both, wait_for,
};
use serde_json::Value;

on_both!(
    new_keys_are_taken_over_while_both_run_and_all_goes_on,
    a_peer_that_missed_new_keys_is_told_of_them_later,
    of_several_rotations_at_once_each_says_what_is_in_force,
);

fn new_keys_are_taken_over_while_both_run_and_all_goes_on(database: Database) {
    let a = World::on(federated(database));
    let b = World::on(federated(Database::Sqlite));
    b.at().follow(a.at());
    a.at().follow(b.at());
    let before = a.at().fingerprint();
    for round in 0..2 {
        let said = a.node.ask(&["keys", "rotate"]);
        let after = a.at().fingerprint();
        assert!(said.contains(&after) && after != before, "{said}");
        wait_for("the peer knows the new key", SOON, || {
            (b.at().peer(&a.node)["fingerprint"] == after.as_str()).then_some(())
        });
        let _ = a.create("offer");
        b.at().wait_until_same(a.at(), SOON);
        b.at().verify(&a.node);
        // What A asks of B is signed by its new key.
        let _ = b.create("offer");
        a.at().wait_until_same(b.at(), SOON);
        a.at().verify(&b.node);
        let peer = b.at().peer(&a.node);
        assert_eq!(peer["following"], "active", "{round}: {peer}");
        assert!(peer["error"].is_null(), "{round}: {peer}");
    }
}

fn a_peer_that_missed_new_keys_is_told_of_them_later(database: Database) {
    let mut a = World::on(federated(database));
    let b = Station::start(federated(Database::Sqlite).with("PEER_POLL_SECONDS", "1"));
    b.at().follow(a.at());
    // A does not follow B, so that it would never look for B's keys by itself.
    a.node.stop();
    let _ = b.node.ask(&["keys", "rotate"]);
    a.node.restart();
    let _ = a.create("offer");
    b.at().wait_until_same(a.at(), LATER);
    b.at().verify(&a.node);
}

fn of_several_rotations_at_once_each_says_what_is_in_force(database: Database) {
    let a = Station::start(federated(database));
    let rotated: Vec<Output> = std::thread::scope(|scope| {
        let rotations = [(); 4].map(|()| scope.spawn(|| a.node.run(&["keys", "rotate"])));
        rotations.map(|rotation| rotation.join().unwrap()).into()
    });
    let shown = a.node.get("/fed/v1/documents").send().unwrap();
    let shown: Value = shown.json().unwrap();
    let documents = shown["documents"].as_array().unwrap();
    let in_force: Vec<String> = documents
        .iter()
        .map(|document| {
            let document = NodeDocument::parse(document.to_string().as_bytes()).unwrap();
            document.fingerprint()
        })
        .collect();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut won = Vec::new();
    for rotation in &rotated {
        let (said, refused) = (text(&rotation.stdout), text(&rotation.stderr));
        let named = |said: &str| {
            in_force
                .iter()
                .position(|known| said.contains(known.as_str()))
        };
        if rotation.status.success() {
            won.extend(named(&said));
            assert!(named(&said) > Some(0), "{said}");
        } else {
            assert!(refused.contains("another rotation was faster"), "{refused}");
            assert!(named(&refused) > Some(0), "{refused}");
        }
    }
    won.sort_unstable();
    won.dedup();
    let winners = rotated.iter().filter(|rotation| rotation.status.success());
    assert_eq!(won.len(), winners.count(), "each has a key of its own");
    assert_eq!(documents.len(), 1 + won.len());
    assert_eq!(a.at().fingerprint(), in_force[won.len()]);
    // Of the keys that never counted nothing is left: two for each document, and the recovery key.
    let files = std::fs::read_dir(a.node.data().join("keys")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let keys: Vec<String> = names.filter(|name| name.contains("z6Mk")).collect();
    assert_eq!(keys.len(), 2 * documents.len() + 1, "{keys:?}");
}

#[test]
fn another_node_in_the_place_of_a_peer_is_noticed() {
    let front = Proxy::to_nobody();
    let mut a = World::on(federated(Database::Sqlite).behind(&front));
    front.also_to(a.node.address());
    let b = Station::start(federated(Database::Sqlite).with("PEER_POLL_SECONDS", "1"));
    b.at().follow(a.at());
    b.at().wait_until_same(a.at(), SOON);
    let (all, known) = (b.at().entries(&a.node).len(), a.at().fingerprint());
    // Another node with keys of its own takes over the address.
    a.node.stop();
    let other = World::on(federated(Database::Sqlite).behind(&front));
    front.also_to(other.node.address());
    assert_eq!(other.node.base_url(), a.node.base_url());
    wait_for("it is frozen", LATER, || {
        (b.at().peer(&a.node)["following"] == "frozen").then_some(())
    });
    let peer = b.at().peer(&a.node);
    assert!(peer["error"]["code"].is_string(), "{peer}");
    assert_eq!(peer["fingerprint"], known.as_str(), "{peer}");
    let said = b.node.ask(&["peer", "show", &a.node.host()]);
    assert!(said.contains("frozen") && said.contains("error"), "{said}");
    // Its own entries are not taken, and the old ones stay.
    assert_eq!(b.at().entries(&a.node).len(), all);
}
