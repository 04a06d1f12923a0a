//! What was asked for and could not be said makes the command fail: nobody takes half of it for the whole.

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use lotse_tests::{Database, TestNode, node::binary, wait_for};
use rustix::process::{Pid, Signal, kill_process};

/// Runs a command whose standard output goes elsewhere.
fn run(node: &TestNode, arguments: &[&str], out: Stdio) -> Output {
    Command::new(binary())
        .args(arguments)
        .env_clear()
        .env("LOTSE_DATA", node.data())
        .env("LOTSE_BASE_URL", node.base_url())
        .env("LOTSE_LISTEN", node.address())
        .current_dir(node.outside(""))
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
}

fn full() -> Stdio {
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    full.unwrap().into()
}

/// A pipe whose reader is gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Every command that says something on standard output and ends by itself.
fn commands(node: &TestNode) -> Vec<Vec<String>> {
    let archive = |name: &str| node.outside(name).display().to_string();
    let fixed = [
        "--help",
        "--version",
        "serve --help",
        "openapi",
        "standard",
        "config",
        "check",
        "migrate",
        "account list",
        "account disable first@example.org",
        "account enable first@example.org",
        "peer id",
        "peer deny http://denied.example.org",
        "peer list",
        "peer allow http://denied.example.org",
        "journal show",
        "journal accept",
        "keys rotate",
        "export -",
        "health",
        "reindex",
    ];
    let mut commands: Vec<Vec<String>> = fixed
        .iter()
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect();
    commands.push(vec!["backup".to_owned(), archive("one")]);
    commands
}

#[test]
fn whatever_cannot_be_said_makes_a_command_fail() {
    let mut node = TestNode::start(Database::Sqlite);
    let mut commands = commands(&node);
    for command in &mut commands {
        // These two want it to run, or not to.
        if command[0] == "reindex" && node.process().is_some() {
            node.stop();
        }
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = run(&node, &arguments, full());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("standard output"), "{arguments:?}: {said}");
        assert_eq!(
            said.lines()
                .filter(|line| line.starts_with("lotse: "))
                .count(),
            1
        );

        if command[0] == "backup" {
            fs::remove_file(&command[1]).unwrap();
        }
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = run(&node, &arguments, closed());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(141), "{arguments:?}: {said}");
        assert!(!said.contains("lotse: "), "{arguments:?}: {said}");

        if command[0] == "backup" {
            fs::remove_file(&command[1]).unwrap();
        }
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = run(&node, &arguments, Stdio::piped());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn credentials_of_a_demo_that_nobody_can_have_read_are_an_error() {
    let node = TestNode::start(Database::Sqlite);
    let data = node.outside("demo");
    let output = run(
        &node,
        &[
            "demo",
            "--listen",
            "127.0.0.1:0",
            "--data",
            data.to_str().unwrap(),
        ],
        full(),
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("shown once is lost") && said.contains("demo"),
        "{said}"
    );
}

#[test]
fn a_log_that_nobody_takes_keeps_no_reader_waiting_and_no_node_from_ending() {
    let mut node = TestNode::start(Database::Sqlite);
    node.stop();
    // A pipe that is read by nobody: full after 64 KiB.
    let mut child = node.spawn(&["serve"], &[("LOTSE_LOG", "trace")]);
    let answered = || {
        let answer = node.get("/api/v1/offers").send();
        answer.is_ok_and(|answer| answer.status().is_success())
    };
    wait_for("it serves", 60, || answered().then_some(()));
    for _ in 0..200 {
        assert!(answered());
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let status = wait_for("it ends", 20, || child.try_wait().unwrap());
    assert!(status.success(), "{status}");
}
