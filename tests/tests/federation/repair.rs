//! What is damaged here is found by its digest and mended from its origin, leaf by leaf.

use lotse_tests::{
    Database, World,
    database::{feed_of, tamper},
    federation::{LATER, SOON, Station, change, federated},
    on_both, wait_for,
};
use reqwest::Method;
use serde_json::json;

on_both!(
    what_was_lost_or_is_older_here_is_found_and_mended_leaf_by_leaf,
    what_says_something_else_under_its_number_is_a_fork_and_no_damage,
);

/// A node with some offers, and one that follows it and stands still.
fn pair(database: Database) -> (World, Station) {
    let a = World::on(federated(Database::Sqlite));
    let b = Station::start(federated(database));
    b.at().follow(a.at());
    (a, b)
}

/// How many leaves B has mended so far, each time.
fn mended(b: &Station) -> Vec<String> {
    let log = b.node.log();
    let lines = log.lines().filter(|line| line.contains("; repairing"));
    let leaves = lines.filter_map(|line| line.split_once("leaves="));
    leaves.map(|(_, leaves)| leaves.to_owned()).collect()
}

fn what_was_lost_or_is_older_here_is_found_and_mended_leaf_by_leaf(database: Database) {
    let (mut a, mut b) = pair(database);
    let [lost, older, gone, sound] = [(); 4].map(|()| a.create("offer"));
    b.at().wait_until_same(a.at(), SOON);
    let path = format!("/api/v1/offers/{older}");
    b.node.stop();
    let feed = feed_of(&a.node.base_url(), "network");
    let row = format!("from statement where feed = {feed} and entry = '{older}'");
    let _ = tamper(
        &b.node,
        &format!("create table before as select seq, hash, body {row}"),
    );
    b.node.restart();
    change(
        &a,
        &path,
        &json!({"content": {"title": {"en": "After the change"}}}),
    );
    b.at().wait_until_same(a.at(), SOON);
    let healthy = b.at().verify(&a.node);

    // One statement is lost, one is again what it was before, and so are the entries that came with them. Of a third only
    // the entry is lost.
    b.node.stop();
    for (sql, rows) in [
        (
            format!("delete from statement where feed = {feed} and entry = '{lost}'"),
            1,
        ),
        (
            format!("delete from entry where id in ('{lost}', '{gone}')"),
            2,
        ),
        (
            format!(
                "update statement set seq = (select seq from before), hash = (select hash from before), \
                 body = (select body from before) where feed = {feed} and entry = '{older}'"
            ),
            1,
        ),
        (
            format!(
                "update entry set body = replace(body, 'After the change', 'Before it') where id = '{older}'"
            ),
            1,
        ),
        ("drop table before".to_owned(), 0),
    ] {
        let changed = tamper(&b.node, &sql);
        assert!(rows == 0 || changed == rows, "{sql}: {changed}");
    }
    // Alone at first: that rows are missing shows by their number, and is mended by itself once the other is there.
    a.node.stop();
    b.node.restart();
    let here = b.at().entries(&a.node);
    assert!(!here.contains_key(&lost) && !here.contains_key(&gone) && here.contains_key(&sound));
    assert_eq!(here[&older]["content"]["title"]["en"], "Before it");
    a.node.restart();

    let found = b.at().verify_thoroughly(&a.node);
    let only_these =
        |asked: &[String]| !asked.is_empty() && asked.iter().all(|leaves| leaves == "3");
    assert!(only_these(&mended(&b)), "only what differs is asked for");
    for member in ["seq", "rows", "state_root"] {
        assert_eq!(found[member], healthy[member], "{member}");
    }
    b.at().wait_until_same(a.at(), SOON);
    // Nothing is left to do.
    let _ = b.at().verify_thoroughly(&a.node);
    assert!(only_these(&mended(&b)));

    // Digests that are wrong while the rows are right are made anew, and nothing is asked for.
    b.node.stop();
    let feed = feed_of(&a.node.base_url(), "network");
    let damaged = format!(
        "update bucket set digest = '{}' where feed = {feed}",
        "ab".repeat(32)
    );
    assert!(tamper(&b.node, &damaged) > 0);
    b.node.restart();
    let found = b.at().verify_thoroughly(&a.node);
    assert_eq!(found["state_root"], healthy["state_root"]);
    assert_eq!(mended(&b), ["3"]);
}

fn what_says_something_else_under_its_number_is_a_fork_and_no_damage(database: Database) {
    let (a, mut b) = pair(database);
    let offer = a.create("offer");
    b.at().wait_until_same(a.at(), SOON);
    b.node.stop();
    let feed = feed_of(&a.node.base_url(), "network");
    let other = "cd".repeat(32);
    let altered =
        format!("update statement set hash = '{other}' where feed = {feed} and entry = '{offer}'");
    assert_eq!(tamper(&b.node, &altered), 1);
    b.node.restart();
    let host = a.node.host();
    // Nobody can tell from here which of both was said: an admin has to look.
    let said = b.node.run(&["peer", "verify", "--thorough", &host]);
    assert!(!said.status.success());
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("two different statements"), "{said}");
    let answer = b
        .at()
        .peer_answer(Method::POST, &a.node, "/sync", &json!({"all": true}));
    assert_ne!(answer.status, 200, "{answer:?}");
    let peer = wait_for("the origin is frozen", LATER, || {
        let peer = b.at().peer(&a.node);
        (peer["following"] == "frozen").then_some(peer)
    });
    assert_eq!(peer["error"]["code"], "fork", "{peer}");
    assert!(b.at().entries(&a.node).contains_key(&offer));
}
