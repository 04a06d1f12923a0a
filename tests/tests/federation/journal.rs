//! The journal is lost, was cut or exchanged, or has become long, and still says what was published.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lotse_tests::{
    Database, Node, TestNode,
    federation::{LATER, SOON, federated},
    on_both, wait_for,
};
use reqwest::Method;
use serde_json::json;

use super::restore::Scene;

on_both!(
    a_node_without_its_journal_says_nothing_until_an_admin_accepts_that,
    a_long_journal_is_shortened_at_the_start_and_forgets_nothing,
    a_long_journal_is_shortened_while_processes_that_share_it_run,
    a_journal_that_was_emptied_or_cut_is_as_good_as_none,
    after_a_restore_without_the_journal_nothing_that_was_deleted_is_public_again,
    a_journal_that_cannot_be_used_is_said_in_its_own_words,
);

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
    let path = file(&scene.a.node);
    let (length, before) = (length(&path), said(&scene.a.node));

    scene.a.node.set("JOURNAL_BYTES", "1000");
    scene.a.node.restart();
    assert!(self::length(&path) < length / 2, "{}", self::length(&path));
    assert_eq!(said(&scene.a.node), before);
    // What is said afterwards is added to it, and arrives.
    let _ = scene.a.create("offer");
    scene.b.at().wait_until_same(scene.a.at(), SOON);
    scene.b.at().verify(&scene.a.node);

    scene.is_put_back_and_begins_anew(&archive, "deleted again 1, hidden 1");
    scene.is_mended();
}

fn a_long_journal_is_shortened_while_processes_that_share_it_run(database: Database) {
    let mut scene = Scene::of(federated(database).with("JOURNAL_BYTES", "4000"));
    let archive = scene.a.node.outside("archive");
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    scene.go_on();
    let second = Node::beside(&scene.a.node).start();
    let path = file(&scene.a.node);
    for round in 0..60 {
        let title = json!({"content": {"title": {"en": format!("Round {round}")}}});
        let node = [&scene.a.node, &second][round % 2];
        let patched = scene
            .a
            .coordinator
            .send(node, Method::PATCH, &scene.kept, &title);
        let _ = patched.expect(200);
        if round % 10 == 9 {
            scene.b.at().wait_until_same(scene.a.at(), LATER);
        }
    }
    // Twice as long as it is at its shortest, or as the setting says, and what was added since it was looked at.
    assert!(length(&path) < 16_000, "{}", length(&path));
    let log = scene.a.node.log() + &second.log();
    assert!(!log.contains("nothing can be published"), "{log}");
    drop(second);
    scene.a.node.stop();
    scene.a.node.restart();
    scene.is_put_back_and_begins_anew(&archive, "deleted again 1, hidden 1");
    scene.is_mended();
}

fn a_journal_that_was_emptied_or_cut_is_as_good_as_none(database: Database) {
    let mut scene = Scene::on(database);
    let archive = scene.a.node.outside("archive");
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    scene.go_on();
    let path = file(&scene.a.node);
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let cut = |from: usize, to: usize| {
        let kept = lines[from..to].iter().map(|line| format!("{line}\n"));
        kept.collect::<String>()
    };
    // While it runs; then at a start: emptied, cut from behind, cut from the front, a line taken out.
    let without = cut(0, 3) + &cut(4, lines.len());
    for (number, text) in [
        String::new(),
        cut(0, lines.len() - 2),
        cut(2, lines.len()),
        without,
    ]
    .into_iter()
    .enumerate()
    {
        if number > 0 {
            scene.a.node.stop();
        }
        fs::write(&path, text).unwrap();
        if number > 0 {
            scene.a.node.restart();
        }
        wait_for("the node says nothing", LATER, || {
            let head = scene.a.node.get("/fed/v1/feeds/public/head").send();
            (head.unwrap().status() == 503).then_some(())
        });
    }
    for words in [
        "it was emptied or cut",
        "does not follow on from the one before",
    ] {
        wait_for(words, LATER, || {
            scene.a.node.log().contains(words).then_some(())
        });
    }
    scene.sign_in();
    let title = json!({"content": {"title": {"en": "Said without a journal"}}});
    lotse_tests::federation::change(&scene.a, &scene.kept, &title);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let id = scene.kept.rsplit_once('/').unwrap().1;
    let told = |scene: &Scene| {
        let there = scene.b.at().entries(&scene.a.node);
        there[id]["content"]["title"]["en"] == "Said without a journal"
    };
    assert!(!told(&scene));

    // Accepted, it knows of deletions what the database knows, and what can still be read.
    fs::write(&path, "").unwrap();
    let answer = scene.a.node.ask(&["journal", "accept"]);
    assert!(
        answer.contains("begins now; it knows of 1 deletions"),
        "{answer}"
    );
    let again = scene.a.node.ask(&["journal", "accept"]);
    assert!(again.contains("nothing to accept"), "{again}");
    wait_for("the change arrives", LATER, || told(&scene).then_some(()));
    scene.is_put_back_and_begins_anew(&archive, "deleted again 1, hidden 1");
    scene.is_mended();
}

fn after_a_restore_without_the_journal_nothing_that_was_deleted_is_public_again(
    database: Database,
) {
    let mut scene = Scene::on(database);
    let archive = scene.a.node.outside("archive");
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    scene.go_on();
    fs::write(file(&scene.a.node), "").unwrap();
    scene.restore(&archive);
    wait_for("the node says nothing", LATER, || {
        let head = scene.a.node.get("/fed/v1/feeds/public/head").send();
        (head.unwrap().status() == 503).then_some(())
    });
    scene.a.node.stop();
    let key = scene.recovery_key();
    let refused = |arguments: &[&str]| {
        let output = scene.a.node.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let text = refused(&["journal", "accept"]);
    assert!(text.contains("--without-journal"), "{text}");
    let text = refused(&["new-epoch", "--recovery-key", &key]);
    assert!(text.contains("emptied or cut"), "{text}");
    let said = scene
        .a
        .node
        .ask(&["new-epoch", "--recovery-key", &key, "--without-journal"]);
    assert!(said.contains("deleted again 0"), "{said}");
    scene.a.node.restart();
    scene.sign_in();
    wait_for("the new epoch has arrived", LATER, || {
        (scene.b.at().peer(&scene.a.node)["epoch"] == 2).then_some(())
    });
    // Whatever it was, nobody but its owner sees it, there or here.
    let public = scene.a.anonymous.get(&scene.a.node, "/api/v1/offers");
    assert_eq!(public.expect(200).json()["total"], 0);
    let id = scene.deleted.rsplit_once('/').unwrap().1;
    assert_eq!(
        scene.a.at().entries(&scene.a.node)[id]["visibility"],
        "internal"
    );
    // Shown again, it is told again.
    let shown = json!({"visibility": "public"});
    let owner = format!("/api/v1/organisations/{}", scene.a.organisation);
    for path in [&owner, &scene.kept] {
        lotse_tests::federation::change(&scene.a, path, &shown);
    }
    let _ = scene
        .b
        .node
        .ask(&["peer", "sync", &scene.a.node.host(), "--allow-sweep"]);
    scene.b.at().wait_until_same(scene.a.at(), LATER);
    assert!(!scene.b.at().entries(&scene.a.node).contains_key(id));
}

fn a_journal_that_cannot_be_used_is_said_in_its_own_words(database: Database) {
    let mut scene = Scene::on(database);
    let other = scene.b.node.journal().join("journal.jsonl");
    let other = fs::read(other).unwrap();
    scene.a.node.stop();
    let path = file(&scene.a.node);
    let whole = fs::read(&path).unwrap();
    let mut say = |words: &str| {
        scene.a.node.restart();
        wait_for(words, LATER, || {
            scene.a.node.log().contains(words).then_some(())
        });
        // Everything else goes on.
        let _ = scene
            .a
            .anonymous
            .get(&scene.a.node, &scene.kept)
            .expect(200);
        scene.a.node.stop();
    };
    fs::write(&path, other).unwrap();
    say("this is the journal of the node");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    say("this is a folder, and the journal is a file");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "rubbish\n").unwrap();
    say("line 1 cannot be understood");
    // Put back, it is believed again.
    fs::write(&path, whole).unwrap();
    scene.a.node.restart();
    scene.sign_in();
    let _ = scene.a.create("offer");
    scene.b.at().wait_until_same(scene.a.at(), LATER);
}

fn file(node: &TestNode) -> PathBuf {
    node.journal().join("journal.jsonl")
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// What the journal comes to.
fn said(node: &TestNode) -> String {
    node.ask(&["journal", "show"])
}
