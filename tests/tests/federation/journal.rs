//! The journal is lost, or has become long, and still says what was published.

use std::fs;

use lotse_tests::{
    Database, TestNode,
    federation::{LATER, SOON},
    on_both, wait_for,
};
use serde_json::json;

use super::restore::Scene;

on_both!(
    a_node_without_its_journal_says_nothing_until_an_admin_accepts_that,
    a_long_journal_is_shortened_at_the_start_and_forgets_nothing,
);

/// Bytes from which on a journal is long.
const LONG: u64 = 4 * 1024 * 1024;

fn a_node_without_its_journal_says_nothing_until_an_admin_accepts_that(database: Database) {
    let mut scene = Scene::on(database);
    let archive = scene.a.node.outside("archive");
    scene.a.node.stop();
    fs::remove_dir_all(scene.a.node.journal()).unwrap();
    scene.a.node.restart();
    scene.sign_in();
    let title = json!({"content": {"title": {"en": "Said without a journal"}}});
    lotse_tests::federation::change(&scene.a, &scene.kept, &title);
    wait_for("the node says why", LATER, || {
        let log = scene.a.node.log();
        log.contains("there is no journal").then_some(())
    });
    let id = scene.kept.rsplit_once('/').unwrap().1;
    let told = |scene: &Scene| {
        let there = scene.b.at().entries(&scene.a.node);
        there[id]["content"]["title"]["en"] == "Said without a journal"
    };
    // Longer than between two polls.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert!(!told(&scene));
    assert!(said(&scene.a.node).contains("there is none"));

    // The admin says that the database was not put back; the node that runs goes on by itself.
    let answer = scene.a.node.ask(&["journal", "accept"]);
    assert!(answer.contains("begins now"), "{answer}");
    wait_for("the change arrives", LATER, || told(&scene).then_some(()));
    scene.b.at().wait_until_same(scene.a.at(), SOON);
    scene.b.at().verify(&scene.a.node);

    // From here on it notices again.
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    scene.go_on();
    scene.is_put_back_and_begins_anew(&archive, "deleted again 1, hidden 1");
    scene.is_mended();
}

fn a_long_journal_is_shortened_at_the_start_and_forgets_nothing(database: Database) {
    let mut scene = Scene::on(database);
    let archive = scene.a.node.outside("archive");
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    scene.go_on();
    scene.a.node.stop();
    // As after years: what it says of feeds, again and again.
    let path = scene.a.node.journal().join("journal.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let feeds = whole.lines().filter(|line| line.starts_with("{\"feed\""));
    let feeds: String = feeds.map(|line| format!("{line}\n")).collect();
    let times = LONG as usize / feeds.len() + 1;
    fs::write(&path, whole.clone() + &feeds.repeat(times)).unwrap();
    let before = said(&scene.a.node);

    scene.a.node.restart();
    let length = fs::metadata(&path).unwrap().len();
    assert!(length < whole.len() as u64, "{length}");
    assert_eq!(said(&scene.a.node), before);
    // What is said afterwards is added to it, and arrives.
    let _ = scene.a.create("offer");
    scene.b.at().wait_until_same(scene.a.at(), SOON);
    scene.b.at().verify(&scene.a.node);

    scene.is_put_back_and_begins_anew(&archive, "deleted again 1, hidden 1");
    scene.is_mended();
}

/// What the journal comes to.
fn said(node: &TestNode) -> String {
    node.ask(&["journal", "show"])
}
