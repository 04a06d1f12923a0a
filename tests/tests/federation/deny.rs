//! Nothing is left of a node that is denied, and nothing of it comes back.

use std::{fs, path::Path};

use lotse_tests::{
    Database, Party, World, batch,
    federation::{LATER, SOON, Station, change, federated},
    on_both,
    signing::Signatory,
    wait_for,
};
use serde_json::json;

on_both!(
    nothing_is_left_of_a_node_that_is_denied_while_this_one_runs,
    nothing_is_left_of_a_node_that_is_denied_while_this_one_stands,
    a_denial_outlives_a_restore,
    a_denial_in_the_middle_of_a_pull_leaves_nothing,
);

/// A word that only the denied node uses.
const WORD: &str = "zwetschgendatschi";

fn scene(database: Database) -> (World, Station) {
    let a = World::on(federated(Database::Sqlite));
    let b = Station::start(federated(database).with("PEER_POLL_SECONDS", "1"));
    let path = format!("/api/v1/offers/{}", a.create("offer"));
    change(
        &a,
        &path,
        &json!({"content": {"title": {"en": format!("The {WORD}")}}}),
    );
    b.at().follow(a.at());
    a.at().follow(b.at());
    b.at().wait_until_same(a.at(), SOON);
    // Somebody here has reported something about it, which names it too.
    let id = path.rsplit_once('/').unwrap().1;
    let report =
        json!({"entry": format!("{id}@{}", a.node.host()), "message": format!("No {WORD} there")});
    let _ = Party::anonymous().post(&b.node, "/api/v1/corrections", &report);
    wait_for("the word is found", SOON, || finds(&b).then_some(()));
    assert!(is_in_archive(&b, WORD), "a backup would show it");
    (a, b)
}

fn finds(b: &Station) -> bool {
    !b.at().found(&format!("q={WORD}")).is_empty()
}

/// Everything that the database holds, by way of a backup.
fn archive(b: &Station) -> String {
    let path = b.node.outside(&format!("archive-{}", uuid::Uuid::new_v4()));
    let _ = b.node.ask(&["backup", path.to_str().unwrap()]);
    fs::read_to_string(path).unwrap()
}

fn is_in_archive(b: &Station, word: &str) -> bool {
    archive(b).contains(word)
}

fn bytes_hold(file: &Path, word: &str) -> bool {
    let bytes = fs::read(file).unwrap().to_ascii_lowercase();
    let word = word.as_bytes();
    bytes.windows(word.len()).any(|part| part == word)
}

/// Whether any file of a folder holds a word.
fn holds(folder: &Path, word: &str) -> Option<String> {
    for item in fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        let found = if item.file_type().unwrap().is_dir() {
            holds(&item.path(), word)
        } else {
            bytes_hold(&item.path(), word).then(|| item.path().display().to_string())
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Nothing of A is left at B but the denial itself, and nothing comes again.
fn is_gone(a: &World, b: &Station) {
    let (url, host) = (a.node.base_url(), a.node.host());
    wait_for("nothing is found any more", SOON, || {
        (!finds(b)).then_some(())
    });
    assert!(b.at().entries(&a.node).is_empty());
    let archive = archive(b);
    assert!(!archive.contains(WORD));
    for line in archive.lines().filter(|line| line.contains(&host)) {
        assert!(line.starts_with("{\"denial\""), "{line}");
    }
    let said = b.node.ask(&["export", "--all"]);
    assert!(!said.contains(WORD) && !said.contains(&host), "{said}");
    let said = b.node.ask(&["peer", "list"]);
    assert_eq!(said.trim(), format!("{url}  denied"));

    // It asks again, and is asked for again.
    let answer = Signatory::of(&a.node).follow(&b.node).expect(403);
    assert_eq!(answer.problem(), "peer_denied");
    let added = json!({"base_url": url});
    let answer = b.admin.post(&b.node, "/api/v1/peers", &added).expect(403);
    assert_eq!(answer.problem(), "peer_denied");
    assert!(!b.node.run(&["peer", "add", &url]).status.success());
    let _ = a.create("offer");
    // Longer than between two polls.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert!(b.at().entries(&a.node).is_empty());
}

/// Whether a file of the database holds the word, while the node runs.
fn is_in_the_database(b: &Station) -> bool {
    let files = fs::read_dir(b.node.data()).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    files.any(|file| file.is_file() && bytes_hold(&file, WORD))
}

/// In no file of the node either: neither in its text index nor in what the database keeps of deleted rows.
fn is_in_no_file(b: &mut Station) {
    b.node.stop();
    assert_eq!(holds(&b.node.data(), WORD), None);
    b.node.restart();
}

fn nothing_is_left_of_a_node_that_is_denied_while_this_one_runs(database: Database) {
    let (a, mut b) = scene(database);
    assert!(database == Database::Postgres || is_in_the_database(&b));
    let said = b.node.ask(&["peer", "deny", &a.node.base_url()]);
    assert!(said.contains("what came from it is gone"), "{said}");
    assert!(
        !is_in_the_database(&b),
        "nor does it wait for the node to end"
    );
    is_gone(&a, &b);
    is_in_no_file(&mut b);
    is_gone(&a, &b);
}

fn nothing_is_left_of_a_node_that_is_denied_while_this_one_stands(database: Database) {
    let (a, mut b) = scene(database);
    b.node.stop();
    assert!(database == Database::Postgres || holds(&b.node.data(), WORD).is_some());
    let _ = b.node.ask(&["peer", "deny", &a.node.base_url()]);
    b.node.restart();
    is_gone(&a, &b);
    is_in_no_file(&mut b);
}

fn a_denial_outlives_a_restore(database: Database) {
    let (a, mut b) = scene(database);
    let backup = b.node.outside("backup");
    let _ = b.node.ask(&["backup", backup.to_str().unwrap()]);
    let _ = b.node.ask(&["peer", "deny", &a.node.base_url()]);
    b.node.stop();
    b.node.restore(&backup);
    b.node.restart();
    b.sign_in();
    wait_for("it is denied again", LATER, || {
        b.at().entries(&a.node).is_empty().then_some(())
    });
    is_gone(&a, &b);
    // Taking it back is possible, and then everything comes again.
    let _ = b.node.ask(&["peer", "allow", &a.node.base_url()]);
    b.at().follow(a.at());
    b.at().wait_until_same(a.at(), SOON);
}

fn a_denial_in_the_middle_of_a_pull_leaves_nothing(database: Database) {
    let a = World::on(federated(Database::Sqlite));
    let lines = batch::offers(&a, (0..400).map(|number| format!("many-{number}")));
    assert!(batch::send(&a.node, &a.editor, "", lines).all(|line| line["status"] == 201));
    let b = Station::start(federated(database).with("PEER_PAGE_ROWS", "1"));
    let url = a.node.base_url();
    for round in 0..3 {
        b.at().follow_public(&url, &a.at().fingerprint());
        wait_for("some are here", LATER, || {
            (b.at().entries(&a.node).len() > 10 * round).then_some(())
        });
        let _ = b.node.ask(&["peer", "deny", &url]);
        // Longer than the page takes that was under way.
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert!(b.at().entries(&a.node).is_empty());
        let host = a.node.host();
        for line in archive(&b).lines().filter(|line| line.contains(&host)) {
            assert!(line.starts_with("{\"denial\""), "{line}");
        }
        let _ = b.node.ask(&["peer", "allow", &url]);
    }
}
