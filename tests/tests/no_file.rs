//! What stands in the place of a file and is none, a pipe, a socket, a device or a folder: it is named at once, and nobody
//! waits for the other end of a pipe.

use std::{
    fs,
    io::Write as _,
    os::unix::{fs::symlink, net::UnixListener},
    path::Path,
    time::{Duration, Instant},
};

use lotse_tests::{Database, Node, TestNode, on_both, wait_for};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};

on_both!(whatever_stands_in_the_place_of_a_file_is_named_and_not_waited_for);

/// What can stand in the place of a file, and how it is told.
const KINDS: [(&str, &str); 4] = [
    ("pipe", "a named pipe"),
    ("socket", "a socket"),
    ("device", "a device"),
    ("folder", "a folder"),
];
/// Seconds that a command may take.
const PATIENCE: u64 = 20;

fn put(kind: &str, path: &Path) -> Option<UnixListener> {
    match kind {
        "pipe" => mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap(),
        "socket" => {
            // The path of a socket is short.
            let short = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
            let listener = UnixListener::bind(short.path().join("s")).unwrap();
            fs::rename(short.path().join("s"), path).unwrap();
            return Some(listener);
        }
        "device" => symlink("/dev/zero", path).unwrap(),
        _ => fs::create_dir(path).unwrap(),
    }
    None
}

fn take_away(path: &Path) {
    if path.is_dir() {
        fs::remove_dir(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

/// The one line of a command that ends by itself.
fn complaint(node: &TestNode, arguments: &[&str]) -> String {
    let mut child = node.spawn(arguments, &[]);
    drop(child.stdin.take());
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed().as_secs() > PATIENCE {
            child.kill().unwrap();
            panic!("{arguments:?} waits");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap();
    last.strip_prefix("lotse: ").unwrap().to_owned()
}

fn whatever_stands_in_the_place_of_a_file_is_named_and_not_waited_for(database: Database) {
    let mut node = Node::on(database).federated().start();
    let _ = node.ask(&["backup", node.outside("archive").to_str().unwrap()]);
    node.stop();
    let recovery = fs::read_dir(node.data().join("keys"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .find(|path| path.to_str().unwrap().contains("recovery-"))
        .unwrap();
    let recovery = recovery.to_str().unwrap();
    let archive = node.outside("archive");
    let settings = node.outside("settings.toml");
    fs::write(&settings, "").unwrap();
    let key = node.data().join("keys/access-token.pem");
    let mut cases = vec![
        (key.clone(), vec!["serve"]),
        (archive.clone(), vec!["restore", archive.to_str().unwrap()]),
        (
            settings.clone(),
            vec!["check", "--config", settings.to_str().unwrap()],
        ),
        (
            recovery.into(),
            vec!["new-epoch", "--recovery-key", recovery],
        ),
        (
            node.journal().join("journal.jsonl"),
            vec!["journal", "show"],
        ),
        (node.data().join("keys/database.json"), vec!["check"]),
    ];
    if database == Database::Sqlite {
        for name in ["lotse.sqlite", "lotse.sqlite-wal", "lotse.sqlite-shm"] {
            for command in ["serve", "check", "migrate"] {
                cases.push((node.data().join(name), vec![command]));
            }
        }
    }
    for (path, command) in cases {
        let aside = node.outside("aside");
        let was_there = path.exists();
        if was_there {
            fs::rename(&path, &aside).unwrap();
        }
        for (kind, words) in KINDS {
            // An archive may come through a pipe, from another program.
            if kind == "pipe" && path == archive {
                continue;
            }
            let listener = put(kind, &path);
            let said = complaint(&node, &command);
            drop(listener);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(
                said.contains(name) && said.contains(words),
                "{command:?}, {kind}: {said}"
            );
            take_away(&path);
        }
        if was_there {
            fs::rename(&aside, &path).unwrap();
        }
    }
    node.restart();
}

#[test]
fn a_pipe_in_the_index_folder_keeps_no_node_from_serving() {
    let mut node = TestNode::start(Database::Sqlite);
    for name in [".lock", "text/.tantivy-writer.lock", "text/meta.json"] {
        node.stop();
        let path = node.index().join(name);
        let _ = fs::remove_file(&path);
        let _ = put("pipe", &path);
        // Text is in memory meanwhile.
        node.restart();
        assert!(path.exists());
        node.stop();
        fs::remove_file(&path).unwrap();
        node.restart();
    }
}

#[test]
fn an_import_from_a_pipe_takes_what_comes_and_can_be_ended_before_anything_does() {
    let node = TestNode::start(Database::Sqlite);
    let pipe = node.outside("pipe");
    let _ = put("pipe", &pipe);
    let arguments = ["import", pipe.to_str().unwrap()];
    let waiting = node.spawn(&arguments, &[]);
    std::thread::sleep(Duration::from_secs(1));
    kill_process(Pid::from_child(&waiting), Signal::TERM).unwrap();
    let begun = Instant::now();
    let output = waiting.wait_with_output().unwrap();
    assert!(begun.elapsed().as_secs() < PATIENCE);
    assert_eq!(output.status.code(), Some(143), "{output:?}");

    let reading = node.spawn(&arguments, &[]);
    let mut writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    writer.write_all(b"{}\n").unwrap();
    drop(writer);
    let output = reading.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("line 1"), "{said}");
}

#[test]
fn a_journal_that_becomes_a_pipe_while_a_node_runs_stops_publishing_alone() {
    let mut node = Node::on(Database::Sqlite).federated().start();
    let journal = node.journal().join("journal.jsonl");
    let aside = node.outside("aside");
    fs::rename(&journal, &aside).unwrap();
    let _ = put("pipe", &journal);
    wait_for("it is told", PATIENCE, || {
        node.log().contains("a named pipe").then_some(())
    });
    let live = node.get("/health/live").send().unwrap();
    assert!(live.status().is_success());
    fs::remove_file(&journal).unwrap();
    fs::rename(&aside, &journal).unwrap();
    wait_for("it publishes again", 45, || {
        let ready = node.get("/health/ready?for=publishing").send().unwrap();
        ready.status().is_success().then_some(())
    });
    node.stop();
}
