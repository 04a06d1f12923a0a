//! A database that is missing, deleted, replaced or cut is not taken for the node's: nothing is made in its place, nothing
//! is written into what nobody finds again, and what heals by itself does.

use std::{fs, path::Path};

use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
use lotse_tests::{
    Answer, Database, Node, TestNode, World, database::fresh_postgres, on_both, wait_for,
};

on_both!(
    keys_without_their_database_make_no_empty_node,
    keys_belong_to_one_database,
);

/// How long a node may take to notice, and to recover.
const SECONDS: u64 = 20;

/// The files of a SQLite database.
const FILES: [&str; 3] = ["lotse.sqlite", "lotse.sqlite-wal", "lotse.sqlite-shm"];

fn write(world: &World) -> Answer {
    let draft = world.draft("offer");
    world.editor.post(&world.node, "/api/v1/offers", &draft)
}

/// Whether a list can be read and an entry as well.
fn reads(world: &World) {
    let _ = world
        .anonymous
        .get(&world.node, "/api/v1/offers?limit=1")
        .expect(200);
}

/// What a command refuses with.
fn refusal(node: &TestNode, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Readiness for writing comes to this status.
fn is_ready(world: &World, status: u16) {
    wait_for("readiness for writing", SECONDS, || {
        let ready = world.node.get("/health/ready?for=writing").send();
        (ready.unwrap().status() == status).then_some(())
    });
    let ready = world.node.get("/health/ready").send().unwrap();
    assert_eq!(ready.status(), 200, "reading goes on");
}

fn said(node: &TestNode, words: &str) {
    wait_for(words, SECONDS, || node.log().contains(words).then_some(()));
}

/// Takes the database away, as a volume or a server that is not there would be.
fn lose(node: &mut TestNode) {
    if node.is_on_postgres() {
        node.set("DATABASE", &fresh_postgres());
    } else {
        for name in FILES {
            let _ = fs::remove_file(node.data().join(name));
        }
    }
}

fn keys_without_their_database_make_no_empty_node(database: Database) {
    let mut node = TestNode::start(database);
    node.stop();
    lose(&mut node);
    for command in [
        &["serve"][..],
        &["init", "--email", "office@example.org"],
        &["demo"],
        &["migrate"],
        &["check"],
    ] {
        let text = refusal(&node, command);
        let missing = text.contains("the database is missing") && text.contains("keys");
        assert!(missing, "{command:?}: {text}");
    }
    // With the keys gone, too, the journal knows.
    fs::remove_dir_all(node.data().join("keys")).unwrap();
    let text = refusal(&node, &["init", "--email", "office@example.org"]);
    assert!(text.contains("journal.jsonl"), "{text}");
    // Nothing is there at all.
    fs::remove_dir_all(node.journal()).unwrap();
    let text = refusal(&node, &["serve"]);
    assert!(text.contains("`lotse init` makes one"), "{text}");
    assert!(!node.data().join("lotse.sqlite").exists());
}

fn keys_belong_to_one_database(database: Database) {
    let mut node = TestNode::start(database);
    node.stop();
    // A database of the same name that somebody else has made.
    let mut other = Node::on(database).named(&node.base_url()).start();
    other.stop();
    if other.is_on_postgres() {
        node.set("DATABASE", other.database_url().unwrap());
    } else {
        for name in FILES {
            let _ = fs::remove_file(node.data().join(name));
        }
        copy(&other.data(), &node.data());
    }
    let text = refusal(&node, &["serve"]);
    assert!(
        text.contains("these keys belong to another database"),
        "{text}"
    );
}

/// Copies the files of a database.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in FILES {
        let file = from.join(name);
        if file.exists() {
            fs::copy(file, to.join(name)).unwrap();
        }
    }
}

/// Moves them, the database itself first: what is beside it belongs to it.
fn moved(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    move_each(from, to, FILES);
}

/// Moves them back, the database itself last.
fn moved_back(from: &Path, to: &Path) {
    let [database, log, shared] = FILES;
    move_each(from, to, [shared, log, database]);
}

fn move_each(from: &Path, to: &Path, names: [&str; 3]) {
    for name in names {
        let file = from.join(name);
        if file.exists() {
            fs::rename(file, to.join(name)).unwrap();
        }
    }
}

#[test]
fn what_is_written_after_the_file_is_gone_is_refused_and_once_it_is_back_all_goes_on() {
    let mut world = World::on(Node::on(Database::Sqlite));
    let offer = write(&world).expect(201).json()["id"].clone();
    let (data, away) = (world.node.data(), world.node.outside("away"));
    moved(&data, &away);
    let refused = write(&world).expect(503);
    assert_eq!(refused.problem(), "unavailable");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    reads(&world);
    said(&world.node, "the file is gone");
    is_ready(&world, 503);
    assert!(!data.join("lotse.sqlite").exists(), "nothing is made anew");

    moved_back(&away, &data);
    wait_for("the node writes again", SECONDS, || {
        (write(&world).status == 201).then_some(())
    });
    is_ready(&world, 200);
    world.node.stop();
    world.node.restart();
    let path = format!("/api/v1/offers/{}", offer.as_str().unwrap());
    let _ = world.anonymous.get(&world.node, &path).expect(200);
    world.node.stop();
    let said = world.node.ask(&["check"]);
    assert!(said.contains("nothing differs"), "{said}");
}

#[test]
fn a_log_of_writes_that_is_deleted_takes_no_acknowledged_write_with_it() {
    let mut world = World::on(Node::on(Database::Sqlite));
    let data = world.node.data();
    let before = write(&world).expect(201).json()["id"].clone();
    fs::remove_file(data.join("lotse.sqlite-wal")).unwrap();
    let mut written = vec![before];
    wait_for("the node writes again", SECONDS, || {
        let answer = write(&world);
        assert!([201, 503].contains(&answer.status), "{answer:?}");
        let done = answer.status == 201;
        if done {
            written.push(answer.json()["id"].clone());
        }
        done.then_some(())
    });
    world.node.stop();
    world.node.restart();
    let last = written.last().unwrap().as_str().unwrap().to_owned();
    let path = format!("/api/v1/offers/{last}");
    let _ = world.anonymous.get(&world.node, &path).expect(200);
}

#[test]
fn an_older_copy_another_database_or_half_of_one_in_its_place_is_refused_until_a_new_start() {
    let mut world = World::on(Node::on(Database::Sqlite));
    let (data, older) = (world.node.data(), world.node.outside("older"));
    world.node.stop();
    copy(&data, &older);
    let stranger = TestNode::start(Database::Sqlite);
    let other = world.node.outside("other");
    let mut stranger = stranger;
    stranger.stop();
    copy(&stranger.data(), &other);

    world.node.restart();
    let _ = write(&world).expect(201);
    let own = world.node.outside("own");
    moved(&data, &own);
    for (there, words) in [
        (&older, "put back to an older state"),
        (&other, "another database"),
    ] {
        copy(there, &data);
        wait_for("a write is refused", SECONDS, || {
            let answer = write(&world);
            assert_eq!(answer.status, 503, "{answer:?}");
            world.node.log().contains(words).then_some(())
        });
        reads(&world);
        for name in FILES {
            let _ = fs::remove_file(data.join(name));
        }
    }
    // An empty file is no node's database, and nothing is written into it.
    fs::write(data.join("lotse.sqlite"), "").unwrap();
    let _ = write(&world).expect(503);
    for name in FILES {
        let _ = fs::remove_file(data.join(name));
    }
    moved_back(&own, &data);
    wait_for("the node writes again", SECONDS, || {
        (write(&world).status == 201).then_some(())
    });
}

#[test]
fn a_file_that_is_cut_while_it_is_in_use_takes_no_more_writes() {
    let world = World::on(Node::on(Database::Sqlite));
    let file = world.node.data().join("lotse.sqlite");
    let length = fs::metadata(&file).unwrap().len();
    let cut = fs::OpenOptions::new().write(true).open(&file).unwrap();
    cut.set_len(length / 2).unwrap();
    let _ = write(&world).expect(503);
    reads(&world);
    // In the words of whoever comes upon it first.
    wait_for("the node says so", SECONDS, || {
        let log = world.node.log();
        let told = ["it was cut while it was in use", "malformed"];
        told.iter().any(|words| log.contains(words)).then_some(())
    });
    let _ = write(&world).expect(503);
}

#[test]
fn a_database_of_postgres_that_is_put_back_while_in_use_is_noticed_without_a_new_connection() {
    let world = World::on(Node::on(Database::Postgres));
    let _ = write(&world).expect(201);
    let url = world.node.database_url().unwrap();
    let mut database = PgConnection::establish(url).unwrap();
    let back = "update counter set value = value - 3 where name = 'arrival'";
    sql_query(back).execute(&mut database).unwrap();
    said(&world.node, "put back to an older state");
    is_ready(&world, 503);
    let refused = write(&world).expect(503);
    assert_eq!(refused.problem(), "unavailable");
    reads(&world);
    let forth = "update counter set value = value + 3 where name = 'arrival'";
    sql_query(forth).execute(&mut database).unwrap();
    wait_for("the node writes again", SECONDS, || {
        (write(&world).status == 201).then_some(())
    });
}

#[test]
fn a_database_of_postgres_that_was_made_anew_under_its_name_is_refused() {
    let world = World::on(Node::on(Database::Postgres));
    let url = world.node.database_url().unwrap().to_owned();
    let (server, name) = url.rsplit_once('/').unwrap();
    let mut other = TestNode::start(Database::Postgres);
    other.stop();
    let (_, others) = other.database_url().unwrap().rsplit_once('/').unwrap();
    let mut server = PgConnection::establish(&format!("{server}/postgres")).unwrap();
    for statement in [
        format!("drop database {name} with (force)"),
        format!("create database {name} template {others}"),
    ] {
        sql_query(statement).execute(&mut server).unwrap();
    }
    wait_for("a write is refused", SECONDS, || {
        let answer = write(&world);
        assert_eq!(answer.status, 503, "{answer:?}");
        let log = world.node.log();
        log.contains("another database stands in its place")
            .then_some(())
    });
    reads(&world);
}
