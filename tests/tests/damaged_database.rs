//! What SQLite says of a file that it cannot use reaches the operator with the file's name and what to do.

use std::{fs, os::unix::fs::FileExt as _};

use lotse_tests::{Answer, Database, Node, TestNode, World, wait_for};

fn database(node: &TestNode) -> std::path::PathBuf {
    node.data().join("lotse.sqlite")
}

#[test]
fn a_damaged_database_is_named_with_what_to_do_whatever_command_meets_it() {
    let mut node = TestNode::start(Database::Sqlite);
    node.stop();
    let path = database(&node);
    let whole = fs::read(&path).unwrap();
    let mut malformed = whole.clone();
    malformed[4096..].fill(0x5a);
    let mut no_database = whole.clone();
    no_database[..16].fill(b'x');
    let archive = node.outside("archive").display().to_string();
    for (bytes, words) in [
        (malformed, "disk image is malformed"),
        (no_database, "file is not a database"),
    ] {
        fs::write(&path, bytes).unwrap();
        for command in [
            &["serve"][..],
            &["check"],
            &["migrate"],
            &["backup", &archive],
            &["export", "-"],
            &["account", "list"],
            &["peer", "list"],
        ] {
            let output = node.run(command);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
            let last = said.lines().last().unwrap();
            for part in [words, &path.display().to_string(), "lotse restore"] {
                assert!(last.contains(part), "{command:?}, {part}: {said}");
            }
            assert_eq!(last.matches("lotse.sqlite").count(), 1, "{last}");
        }
    }
    fs::write(&path, whole).unwrap();
    node.restart();
}

/// Writes over a file without making another one, as `cp` does.
fn copy_over(path: &std::path::Path, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(0).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.sync_all().unwrap();
}

/// Whether nothing is written any more, and it is said why.
fn refuses(world: &World, words: &str) {
    wait_for("no write is taken", 30, || {
        let answer = world
            .editor
            .post(&world.node, "/api/v1/offers", &world.draft("offer"));
        (answer.status == 503).then_some(())
    });
    wait_for("it is said", 30, || {
        world.node.log().contains(words).then_some(())
    });
    for _ in 0..3 {
        let _ = world
            .editor
            .post(&world.node, "/api/v1/offers", &world.draft("offer"))
            .expect(503);
    }
    let _ = world
        .anonymous
        .get(&world.node, "/api/v1/offers")
        .expect(200);
}

#[test]
fn another_database_that_is_copied_over_it_in_place_takes_no_writes() {
    let world = World::on(Node::on(Database::Sqlite));
    let mut other = World::on(Node::on(Database::Sqlite));
    for _ in 0..20 {
        let _ = other.create("offer");
    }
    other.node.stop();
    let bytes = fs::read(database(&other.node)).unwrap();
    copy_over(&database(&world.node), &bytes);
    refuses(&world, "was copied over it");
}

#[test]
fn an_older_state_that_is_copied_over_it_in_place_takes_no_writes() {
    let mut world = World::on(Node::on(Database::Sqlite));
    world.node.stop();
    let path = database(&world.node);
    let older = fs::read(&path).unwrap();
    world.node.restart();
    let counter = |bytes: &[u8]| u32::from_be_bytes(bytes[24..28].try_into().unwrap());
    for _ in 0..40 {
        let _ = world.create("offer");
    }
    // An erasure empties the log into the file.
    let offer = world.create("offer");
    let entry = format!("/api/v1/offers/{offer}");
    let tag = world.etag(&entry);
    let deleted = world
        .editor
        .request(&world.node, reqwest::Method::DELETE, &entry);
    let _ = Answer::of(deleted.header("If-Match", tag)).expect(204);
    wait_for("the file is newer", 60, || {
        (counter(&fs::read(&path).unwrap()) > counter(&older)).then_some(())
    });
    // The node looks every two seconds.
    std::thread::sleep(std::time::Duration::from_secs(5));
    let newest = fs::read(&path).unwrap();
    copy_over(&path, &older);
    refuses(&world, "was copied over it");
    // Put right, it goes on after a new start.
    world.node.kill();
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(world.node.data().join(format!("lotse.sqlite{end}")));
    }
    copy_over(&path, &newest);
    world.node.restart();
    let _ = world.create("offer");
}
