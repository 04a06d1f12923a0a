//! Commands and starts that are killed or ended in the middle leave nothing half that counts as whole, and the next run
//! clears what they left.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, ExitStatus},
    thread,
    time::Duration,
};

use lotse_tests::{Answer, Database, Node, Party, TestNode, World, batch, on_both, wait_for};
use rustix::process::{Pid, Signal, kill_process};

on_both!(
    a_backup_that_is_broken_off_leaves_a_whole_archive_or_none,
    a_check_that_is_broken_off_leaves_nothing_and_changes_nothing,
    an_init_that_is_broken_off_is_begun_again,
    a_start_that_is_broken_off_while_the_index_is_filled_is_begun_again,
    an_index_that_no_process_uses_is_removed_once_something_is_erased,
);

/// Moments after which a command is broken off: before it reads its settings, and in the middle of everything after that.
const MOMENTS: [u64; 6] = [5, 30, 60, 100, 180, 300];
/// How it is broken off.
const HOW: [Signal; 2] = [Signal::KILL, Signal::TERM];
/// Entries, so that there is a middle.
const OFFERS: usize = 1_500;

fn filled(database: Database) -> World {
    let world = World::on(Node::on(database));
    let ids = (0..OFFERS).map(|number| format!("many-{number:05}"));
    let lines = batch::offers(&world, ids);
    let done = batch::send(&world.node, &world.editor, "", lines);
    assert_eq!(done.filter(|line| line["status"] == 201).count(), OFFERS);
    world
}

fn break_off(mut child: Child, after: u64, signal: Signal) -> ExitStatus {
    thread::sleep(Duration::from_millis(after));
    // It may have ended by itself.
    let _ = kill_process(Pid::from_child(&child), signal);
    child.wait().unwrap()
}

fn each_moment(mut at: impl FnMut(u64, Signal)) {
    for signal in HOW {
        for moment in MOMENTS {
            at(moment, signal);
        }
    }
}

fn unfinished(folder: &Path) -> Vec<String> {
    let items = fs::read_dir(folder).unwrap();
    let names = items.map(|item| item.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".unfinished")).collect()
}

fn a_backup_that_is_broken_off_leaves_a_whole_archive_or_none(database: Database) {
    let mut world = filled(database);
    world.node.stop();
    let archive = world.node.outside("archive");
    let path = archive.to_str().unwrap().to_owned();
    let whole = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let last = text.lines().last().unwrap();
        assert!(text.ends_with('\n') && last.contains("sha256"), "{last}");
    };
    each_moment(|moment, signal| {
        if signal == Signal::TERM {
            // What one that was killed has left.
            let _ = fs::remove_file(world.node.outside("archive.unfinished"));
        }
        let child = world.node.spawn(&["backup", &path], &[]);
        let status = break_off(child, moment, signal);
        if archive.exists() {
            whole(&archive);
            fs::remove_file(&archive).unwrap();
        } else {
            assert!(!status.success(), "{status}");
        }
        // Whoever is asked to end clears up at once.
        if signal == Signal::TERM && status.code() == Some(143) {
            assert_eq!(unfinished(&world.node.outside("")), Vec::<String>::new());
        }
    });
    let said = world.node.ask(&["backup", &path]);
    assert!(said.contains("rows"), "{said}");
    whole(&archive);
    assert_eq!(unfinished(&world.node.outside("")), Vec::<String>::new());
    world.node.restore(&archive);
    world.node.restart();
    assert_eq!(
        batch::stored(&world.node, &world.coordinator.again(&world.node), "many-").len(),
        OFFERS
    );
}

fn a_check_that_is_broken_off_leaves_nothing_and_changes_nothing(database: Database) {
    let mut world = filled(database);
    world.node.stop();
    let names = |node: &TestNode| {
        let items = fs::read_dir(node.data()).unwrap();
        let mut names: Vec<_> = items.map(|item| item.unwrap().file_name()).collect();
        // SQLite's own: the next who opens the database takes them up.
        names.retain(|name| !name.to_str().unwrap().starts_with("lotse.sqlite-"));
        names.sort();
        names
    };
    let before = names(&world.node);
    each_moment(|moment, signal| {
        let child = world.node.spawn(&["check"], &[]);
        let _ = break_off(child, moment, signal);
        assert_eq!(names(&world.node), before);
    });
    assert!(world.node.ask(&["check"]).contains("nothing differs"));
}

fn an_init_that_is_broken_off_is_begun_again(database: Database) {
    let node = Node::on(database).start();
    each_moment(|moment, signal| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let fresh = match database {
            Database::Sqlite => format!("sqlite://{}", data.join("new.sqlite").display()),
            Database::Postgres => lotse_tests::database::fresh_postgres(),
        };
        let init = ["init", "--email", "first@example.org"];
        let data = data.to_str().unwrap().to_owned();
        let variables = [("LOTSE_DATA", data.as_str()), ("LOTSE_DATABASE", &fresh)];
        let status = break_off(node.spawn(&init, &variables), moment, signal);
        let again = node.run_with(&init, &variables);
        let said = String::from_utf8(again.stderr).unwrap();
        // What was whole is said to be.
        let was_whole = said.contains("this node is set up already");
        assert!(again.status.success() || was_whole, "{status}: {said}");
        let check = node.run_with(&["check"], &variables);
        assert!(check.status.success(), "{status}: {check:?}");
    });
}

fn a_start_that_is_broken_off_while_the_index_is_filled_is_begun_again(database: Database) {
    let mut world = filled(database);
    world.node.stop();
    fs::remove_dir_all(world.node.index()).unwrap();
    each_moment(|moment, signal| {
        // And a few later ones, in the middle of the text.
        for moment in [moment, moment + 400] {
            let child = world.node.spawn(&["serve"], &[]);
            let _ = break_off(child, moment, signal);
        }
    });
    world.node.restart();
    let found = || Party::anonymous().get(&world.node, "/api/v1/offers?limit=1&q=many-");
    wait_for("all is found by words", 60, || {
        let answer = found();
        (answer.status == 200 && answer.json()["total"] == OFFERS).then_some(())
    });
    world.node.stop();
    assert!(world.node.ask(&["check"]).contains("nothing differs"));
}

fn an_index_that_no_process_uses_is_removed_once_something_is_erased(database: Database) {
    let world = World::on(Node::on(database));
    let make = |name: &str| {
        let path = world.node.data().join(name);
        fs::create_dir_all(path.join("text")).unwrap();
        fs::write(path.join(".lock"), "").unwrap();
        path
    };
    let (idle, used, other) = (make("index-9"), make("index-8"), make("index-of-mine"));
    let held = File::open(used.join(".lock")).unwrap();
    held.lock().unwrap();
    let offer = world.create("offer");
    thread::sleep(Duration::from_secs(1));
    assert!(idle.exists(), "nothing was erased yet");
    let path = format!("/api/v1/offers/{offer}");
    let tag = world.etag(&path);
    let deleted = world
        .editor
        .request(&world.node, reqwest::Method::DELETE, &path);
    let _ = Answer::of(deleted.header("If-Match", tag)).expect(204);
    wait_for("the idle index is gone", 60, || {
        (!idle.exists()).then_some(())
    });
    assert!(used.exists() && other.exists() && world.node.index().exists());
    wait_for("it is said", 20, || {
        world.node.log().contains("index-9").then_some(())
    });
}
