//! A rotation of keys that is killed between its steps: the next start, or a process that runs, goes on or goes back, and
//! nobody ever sees two documents of one number.

use std::{fs, path::PathBuf};

use lotse_tests::{
    Database, Node, TestNode, World,
    database::tamper,
    federation::{LATER, Station, federated},
    on_both, wait_for,
};

on_both!(
    a_rotation_that_is_cut_off_is_gone_on_with_or_taken_back,
    a_running_node_takes_up_a_rotation_that_another_process_left,
    a_database_that_was_put_back_is_not_taken_for_a_rotation,
);

/// What a rotation has done when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Half a key is written.
    InAKey,
    /// The keys are there.
    BeforeTheJournal,
    /// Half of the line is in the journal.
    InTheJournal,
    /// The journal knows the document, the database does not.
    BeforeTheDatabase,
}

fn journal(node: &TestNode) -> PathBuf {
    node.journal().join("journal.jsonl")
}

/// Leaves behind what a rotation leaves that is killed there; the fingerprint that it would have come to.
fn leave(node: &TestNode, cut: Cut) -> String {
    let _ = tamper(node, "create table journal_before as select * from journal");
    let before = fs::read(journal(node)).unwrap();
    let said = node.ask(&["keys", "rotate"]);
    let fingerprint = said
        .lines()
        .find_map(|line| line.strip_prefix("fingerprint"));
    let fingerprint = fingerprint.unwrap().trim().to_owned();
    let after = fs::read(journal(node)).unwrap();
    let line = &after[before.len()..];
    let written = match cut {
        Cut::InAKey | Cut::BeforeTheJournal => before,
        Cut::InTheJournal => [&before[..], &line[..line.len() / 2]].concat(),
        Cut::BeforeTheDatabase => after,
    };
    fs::write(journal(node), written).unwrap();
    if cut == Cut::InAKey {
        let half = node.data().join("keys/z6MkhalfAKey.4711.part");
        fs::write(half, "-----BEGIN PRIV").unwrap();
    }
    for sql in [
        "delete from journal",
        "insert into journal select * from journal_before",
        "drop table journal_before",
        "delete from node_document where sequence = (select max(sequence) from node_document)",
    ] {
        let _ = tamper(node, sql);
    }
    fingerprint
}

fn a_rotation_that_is_cut_off_is_gone_on_with_or_taken_back(database: Database) {
    let mut a = World::on(federated(database));
    let mut b = Station::start(federated(Database::Sqlite));
    b.at().follow(a.at());
    for cut in [
        Cut::InAKey,
        Cut::BeforeTheJournal,
        Cut::InTheJournal,
        Cut::BeforeTheDatabase,
    ] {
        let before = a.at().fingerprint();
        a.node.stop();
        // Whoever hears of a document keeps to it: of one that is taken back nobody may have heard.
        b.node.stop();
        let begun = leave(&a.node, cut);
        b.node.restart();
        b.sign_in();
        a.node.restart();
        let now = a.at().fingerprint();
        let expected = if cut == Cut::BeforeTheDatabase {
            &begun
        } else {
            &before
        };
        assert_eq!(&now, expected, "{cut:?}: {}", a.node.log());
        let part = fs::read_dir(a.node.data().join("keys")).unwrap();
        let mut part = part.map(|item| item.unwrap().file_name().into_string().unwrap());
        assert!(!part.any(|name| name.ends_with(".part")), "{cut:?}");
        let _ = a.create("offer");
        b.at().wait_until_same(a.at(), LATER);
        // And another one goes through.
        let _ = a.node.ask(&["keys", "rotate"]);
        assert_ne!(a.at().fingerprint(), now);
        let _ = a.create("offer");
        b.at().wait_until_same(a.at(), LATER);
    }
    assert!(
        a.node
            .log()
            .contains("a rotation that was cut off is finished")
    );
}

fn a_running_node_takes_up_a_rotation_that_another_process_left(database: Database) {
    let mut a = World::on(federated(database));
    let mut b = Station::start(federated(Database::Sqlite));
    b.at().follow(a.at());
    a.node.stop();
    b.node.stop();
    let before = fs::read(journal(&a.node)).unwrap();
    let begun = leave(&a.node, Cut::BeforeTheDatabase);
    b.node.restart();
    b.sign_in();
    let whole = fs::read(journal(&a.node)).unwrap();
    fs::write(journal(&a.node), before).unwrap();
    a.node.restart();
    assert_ne!(a.at().fingerprint(), begun);
    // Written by a process that was killed right after.
    fs::write(journal(&a.node), whole).unwrap();
    wait_for("the keys are in force", LATER, || {
        a.node
            .log()
            .contains("a rotation that was cut off is finished")
            .then_some(())
    });
    assert_eq!(a.at().fingerprint(), begun);
    let _ = a.create("offer");
    b.at().wait_until_same(a.at(), LATER);
}

fn a_database_that_was_put_back_is_not_taken_for_a_rotation(database: Database) {
    let mut a = World::on(federated(database));
    let archive = a.node.outside("archive");
    let _ = a.node.ask(&["backup", archive.to_str().unwrap()]);
    let _ = a.node.ask(&["keys", "rotate"]);
    let begun = a.at().fingerprint();
    let _ = a.create("offer");
    wait_for("it is published", LATER, || {
        let ready = a.node.get("/health/ready?for=publishing").send().unwrap();
        ready.status().is_success().then_some(())
    });
    a.node.stop();
    a.node.restore(&archive);
    let refused = a.node.run(&["keys", "rotate"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("new-epoch"), "{said}");
    a.node.restart();
    assert_ne!(a.at().fingerprint(), begun);
    wait_for("it says that it was put back", LATER, || {
        a.node.log().contains("new-epoch").then_some(())
    });
}

#[test]
fn a_journal_without_room_stops_publishing_alone_and_goes_on_once_there_is_some() {
    // The database is the server's, so that only the node's own files are limited.
    let a = World::on(Node::on(Database::Postgres).federated());
    let b = Station::start(federated(Database::Sqlite));
    b.at().follow(a.at());
    let length = fs::metadata(journal(&a.node)).unwrap().len();
    a.node.limit_files(Some(length));
    let offer = a.create("offer");
    wait_for("it is told", LATER, || {
        let log = a.node.log();
        (log.contains("journal.jsonl") && log.contains("is full")).then_some(())
    });
    let ready = a.node.get("/health/ready?for=publishing").send().unwrap();
    assert_eq!(ready.status(), 503);
    let path = format!("/api/v1/offers/{offer}");
    let _ = a.anonymous.get(&a.node, &path).expect(200);
    assert_eq!(fs::metadata(journal(&a.node)).unwrap().len(), length);
    a.node.limit_files(None);
    b.at().wait_until_same(a.at(), LATER);
    let _ = a.node.ask(&["journal", "show"]);
}
