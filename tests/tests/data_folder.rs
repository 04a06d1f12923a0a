//! A data folder that is moved or unmounted while its node runs: nothing is made in its place, and once it is back all goes
//! on, on disk.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use lotse_tests::{Database, Node, Party, TestNode, World, on_both, wait_for};

on_both!(
    nothing_is_made_in_the_place_of_a_data_folder_that_is_gone,
    text_goes_back_to_disk_by_itself,
);

/// Long enough for the text index, the disk and the journal to be looked at several times.
const WHILE_AWAY: Duration = Duration::from_secs(6);
/// Seconds within which everything works again.
const BACK: u64 = 60;

fn names(folder: &Path) -> Vec<PathBuf> {
    let items = fs::read_dir(folder).unwrap();
    items.map(|item| item.unwrap().path()).collect()
}

fn finds(node: &TestNode, total: u64) -> bool {
    let found = Party::anonymous().get(node, "/api/v1/offers?limit=1&q=Beratung");
    found.status == 200 && found.json()["total"] == total
}

fn works(world: &World) {
    wait_for("everything works", BACK, || {
        let ready = "/health/ready?for=reading&for=writing&for=text";
        let ready = world.anonymous.get(&world.node, ready);
        (ready.status == 200).then_some(())
    });
    let _ = world.create("offer");
}

fn is_in_memory(node: &TestNode) -> bool {
    !node.index().join("text/meta.json").exists()
}

fn nothing_is_made_in_the_place_of_a_data_folder_that_is_gone(database: Database) {
    let mut world = World::on(Node::on(database));
    let (here, away) = (world.node.data(), world.node.outside("away"));
    wait_for("text", BACK, || finds(&world.node, 2).then_some(()));

    // Moved away: the name stands for nothing.
    fs::rename(&here, &away).unwrap();
    // Where the database is elsewhere, this makes the text index write.
    let draft = world.draft("offer");
    let written = world.editor.post(&world.node, "/api/v1/offers", &draft);
    let more = u64::from(written.status == 201);
    assert_eq!(more == 1, database == Database::Postgres, "{written:?}");
    thread::sleep(WHILE_AWAY);
    assert!(!here.exists(), "{:?}: {}", names(&here), world.node.log());
    fs::rename(&away, &here).unwrap();
    works(&world);
    wait_for("text", BACK, || finds(&world.node, 3 + more).then_some(()));

    // Unmounted: an empty folder is left.
    fs::rename(&here, &away).unwrap();
    fs::create_dir(&here).unwrap();
    let written = world.editor.post(&world.node, "/api/v1/offers", &draft);
    let more = more + u64::from(written.status == 201);
    thread::sleep(WHILE_AWAY);
    assert_eq!(names(&here), Vec::<PathBuf>::new(), "{}", world.node.log());
    assert!(
        world
            .node
            .log()
            .contains("another folder has taken its place")
    );
    fs::remove_dir(&here).unwrap();
    fs::rename(&away, &here).unwrap();
    works(&world);
    wait_for("text", BACK, || finds(&world.node, 4 + more).then_some(()));
    wait_for("text is on disk", BACK, || {
        (!is_in_memory(&world.node)).then_some(())
    });
    world.node.stop();
    let said = world.node.ask(&["check"]);
    assert!(said.contains("nothing differs"), "{said}");
    assert!(!said.contains("not there yet"), "{said}");
}

fn text_goes_back_to_disk_by_itself(database: Database) {
    let mut world = World::on(Node::on(database));
    let index = world.node.index();
    world.node.stop();
    // At the start there is something else in its place, later it is taken away.
    fs::remove_dir_all(&index).unwrap();
    fs::write(&index, "in the way").unwrap();
    world.node.restart();
    let _ = world.create("offer");
    wait_for("text", BACK, || finds(&world.node, 3).then_some(()));
    assert_eq!(fs::read(&index).unwrap(), b"in the way");
    fs::remove_file(&index).unwrap();
    wait_for("text is on disk", BACK, || {
        (!is_in_memory(&world.node)).then_some(())
    });
    // Nothing was built anew for it, and nothing is lost.
    assert!(finds(&world.node, 3), "{}", world.node.log());
    let _ = world.create("offer");
    wait_for("text", BACK, || finds(&world.node, 4).then_some(()));

    // While it runs the folder is taken away, and another program's file is in it.
    fs::remove_dir_all(&index).unwrap();
    fs::create_dir(&index).unwrap();
    fs::write(index.join("notes.txt"), "of somebody else").unwrap();
    let _ = world.create("offer");
    wait_for("text", BACK, || finds(&world.node, 5).then_some(()));
    assert_eq!(names(&index), [index.join("notes.txt")]);
    fs::remove_file(index.join("notes.txt")).unwrap();
    wait_for("text is on disk", BACK, || {
        (!is_in_memory(&world.node)).then_some(())
    });
    let mode = fs::metadata(&index).unwrap().permissions().mode();
    assert_eq!(mode & 0o700, 0o700);
    wait_for("it is said", BACK, || {
        (world.node.log().matches("is on disk again").count() == 2).then_some(())
    });
    world.node.stop();
    let said = world.node.ask(&["check"]);
    assert!(said.contains("nothing differs"), "{said}");
    assert!(!said.contains("not there yet"), "{said}");
    world.node.restart();
    assert!(finds(&world.node, 5));
}

#[test]
fn a_node_whose_keys_are_not_mounted_makes_no_new_ones() {
    let mut node = TestNode::start(Database::Postgres);
    node.stop();
    fs::rename(node.data(), node.outside("away")).unwrap();
    let url = node.database_url().unwrap().to_owned();
    let said = std::process::Command::new(lotse_tests::node::binary())
        .env_clear()
        .args(["serve", "--data"])
        .arg(node.data())
        .args(["--database", &url, "--listen", &node.address()])
        .env("LOTSE_BASE_URL", node.base_url())
        .current_dir(node.outside(""))
        .output()
        .unwrap();
    let text = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(1), "{text}");
    assert!(text.contains("the data folder is not there"), "{text}");
    assert!(!node.data().exists());
}
