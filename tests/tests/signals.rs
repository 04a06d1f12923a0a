//! Whoever asks a node to end gets an orderly end: while it serves, while it starts, during long commands, and as the
//! first process of a container.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use lotse_tests::{Database, Node, Party, TestNode, World, batch, node::binary, on_both, wait_for};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

on_both!(
    every_write_that_was_sent_is_answered_whatever_signal_ends_the_node,
    a_request_is_answered_to_its_end_and_what_comes_after_is_refused,
);

/// Writes that are sent at once.
const WRITES: usize = 100;
/// Seconds within which something happens "at once" on a busy machine.
const AT_ONCE: u64 = 5;
/// Seconds that an orderly end may take.
const ORDERLY: u64 = 20;
/// With their statuses where they end a command that was not done.
const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// A write of a new offer as it goes over the wire, head and body.
fn write_of(world: &World, name: &str) -> (Vec<u8>, Vec<u8>) {
    let mut draft = world.draft("offer");
    draft["external_id"] = json!(name);
    raw(world, &world.editor, &draft)
}

fn raw(world: &World, party: &Party, body: &Value) -> (Vec<u8>, Vec<u8>) {
    let request = party.request(&world.node, Method::POST, "/api/v1/offers");
    let request = request.build().unwrap();
    let body = body.to_string().into_bytes();
    let mut head = format!(
        "POST /api/v1/offers HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        world.node.address(),
        body.len()
    )
    .into_bytes();
    for (name, value) in request.headers() {
        head.extend_from_slice(format!("{name}: ").as_bytes());
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    (head, body)
}

fn connect(node: &TestNode) -> TcpStream {
    let stream = TcpStream::connect(node.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
}

/// What is answered until the connection is closed; nothing where it breaks.
fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// What a new connection is answered.
fn ask(node: &TestNode, path: &str) -> String {
    ask_with(node, path, "Connection: close\r\n")
}

fn ask_with(node: &TestNode, path: &str, header: &str) -> String {
    let mut stream = connect(node);
    let host = node.address();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    read_all(&mut stream)
}

fn status_of(answer: &str) -> Option<u16> {
    answer.split(' ').nth(1)?.parse().ok()
}

fn every_write_that_was_sent_is_answered_whatever_signal_ends_the_node(database: Database) {
    let mut world = World::on(Node::on(database).with("CONNECTIONS_PER_CLIENT", "400"));
    for (signal, _) in SIGNALS {
        let name = |number: usize| format!("{signal:?}-{number:03}");
        let writes: Vec<_> = (0..WRITES)
            .map(|number| write_of(&world, &name(number)))
            .collect();
        let sent = Barrier::new(WRITES + 1);
        let answers: Vec<String> = std::thread::scope(|scope| {
            let writing: Vec<_> = writes
                .iter()
                .map(|(head, body)| {
                    let (node, sent) = (&world.node, &sent);
                    scope.spawn(move || {
                        let mut stream = connect(node);
                        stream.write_all(head).unwrap();
                        stream.write_all(body).unwrap();
                        sent.wait();
                        read_all(&mut stream)
                    })
                })
                .collect();
            sent.wait();
            world.node.signal(signal);
            writing.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let status = world.node.ended(ORDERLY);
        assert!(
            status.success(),
            "{signal:?}: {status}\n{}",
            world.node.log()
        );
        let mut acknowledged = Vec::new();
        for (number, answer) in answers.iter().enumerate() {
            match status_of(answer) {
                Some(201) => acknowledged.push(name(number)),
                Some(503) => assert!(answer.contains("\"ending\""), "{answer}"),
                _ => panic!("{signal:?}: a write was cut: {answer:?}"),
            }
        }
        world.node.restart();
        let stored = batch::stored(&world.node, &world.coordinator, &format!("{signal:?}-"));
        let stored: Vec<_> = stored.into_iter().map(|(id, _)| id).collect();
        assert_eq!(
            stored, acknowledged,
            "what was acknowledged, and nothing else"
        );
    }
}

fn a_request_is_answered_to_its_end_and_what_comes_after_is_refused(database: Database) {
    let mut world = World::on(Node::on(database));
    let mut idle = connect(&world.node);
    let (head, body) = write_of(&world, "in-the-middle");
    let (begun, rest) = body.split_at(body.len() / 2);
    let mut writing = connect(&world.node);
    writing.write_all(&head).unwrap();
    writing.write_all(begun).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    world.node.signal(Signal::TERM);

    let ready = wait_for("the node says that it ends", AT_ONCE, || {
        let answer = ask(&world.node, "/health/ready");
        answer.contains("ending").then_some(answer)
    });
    assert_eq!(status_of(&ready), Some(503), "{ready}");
    assert_eq!(status_of(&ask(&world.node, "/health/live")), Some(200));
    let refused = ask_with(&world.node, "/api/v1/offers", "");
    assert_eq!(status_of(&refused), Some(503), "{refused}");
    let refused = refused.to_lowercase();
    for part in [
        "connection: close",
        "retry-after: ",
        "\"code\":\"ending\"",
        "x-request-id: ",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }

    writing.write_all(rest).unwrap();
    let answer = read_all(&mut writing);
    assert_eq!(status_of(&answer), Some(201), "{answer}");
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert_eq!(
        read_all(&mut idle),
        "",
        "a connection on which nothing happens is closed"
    );
    assert!(world.node.ended(ORDERLY).success(), "{}", world.node.log());
    assert!(TcpStream::connect(world.node.address()).is_err());
    world.node.restart();
    let stored = batch::stored(&world.node, &world.coordinator, "in-the-middle");
    assert_eq!(stored.len(), 1);
}

#[test]
fn what_is_not_answered_in_time_is_cut_and_the_node_ends_all_the_same() {
    let mut world = World::on(Node::on(Database::Sqlite).with("SHUTDOWN_SECONDS", "1"));
    let (head, _) = write_of(&world, "never-whole");
    let mut writing = connect(&world.node);
    writing.write_all(&head).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    world.node.signal(Signal::TERM);
    assert!(world.node.ended(ORDERLY).success(), "{}", world.node.log());
}

#[test]
fn a_second_signal_ends_the_node_at_once() {
    let mut world = World::on(Node::on(Database::Sqlite).with("SHUTDOWN_SECONDS", "60"));
    let orders = [
        (Signal::INT, Signal::INT, 130),
        (Signal::TERM, Signal::TERM, 143),
        (Signal::INT, Signal::TERM, 143),
        (Signal::HUP, Signal::HUP, 129),
    ];
    for (first, second, expected) in orders {
        let (head, _) = write_of(&world, "never-whole");
        let mut writing = connect(&world.node);
        writing.write_all(&head).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        world.node.signal(first);
        wait_for("the node says that it ends", AT_ONCE, || {
            ask(&world.node, "/health/ready")
                .contains("ending")
                .then_some(())
        });
        std::thread::sleep(Duration::from_millis(200));
        world.node.signal(second);
        let status = world.node.ended(AT_ONCE);
        assert_eq!(
            status.code(),
            Some(expected),
            "{first:?}, {second:?}: {status}"
        );
        world.node.restart();
    }
}

#[test]
fn a_terminal_that_is_closed_hangs_up_twice_and_means_it_once() {
    let mut node = TestNode::start(Database::Sqlite);
    for _ in 0..5 {
        node.signal(Signal::HUP);
    }
    assert!(node.ended(ORDERLY).success(), "{}", node.log());
}

/// A database server that takes connections and says nothing.
struct Mute {
    url: String,
    _listener: TcpListener,
}

impl Mute {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self {
            url: format!("postgres://lotse@{address}/lotse"),
            _listener: listener,
        }
    }
}

/// Sends a signal once the command waits for its database, and waits until it has ended.
fn end(mut child: Child, signal: Signal) -> (ExitStatus, String) {
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it does not wait");
    kill_process(Pid::from_child(&child), signal).unwrap();
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(begun.elapsed().as_secs() < ORDERLY, "{output:?}");
    assert!(output.status.signal().is_none(), "{output:?}");
    (output.status, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_signal_ends_a_node_that_still_waits_for_its_database() {
    let mut node = TestNode::start(Database::Sqlite);
    node.stop();
    let mute = Mute::new();
    for (signal, interrupted) in SIGNALS {
        for command in [&["serve"][..], &["demo"]] {
            let child = node.spawn(command, &[("LOTSE_DATABASE", &mute.url)]);
            let (status, said) = end(child, signal);
            assert!(
                status.success(),
                "{command:?}, {signal:?}: {status}: {said}"
            );
            assert!(said.contains("ended before it served"), "{said}");
        }
        for command in [&["migrate"][..], &["check"], &["export"], &["import", "-"]] {
            let child = node.spawn(command, &[("LOTSE_DATABASE", &mute.url)]);
            let (status, said) = end(child, signal);
            assert_eq!(
                status.code(),
                Some(interrupted),
                "{command:?}, {signal:?}: {said}"
            );
        }
    }
    // What takes a few small steps may take them, or say why it could not.
    let child = node.spawn(&["account", "list"], &[("LOTSE_DATABASE", &mute.url)]);
    let (status, said) = end(child, Signal::TERM);
    assert!(
        [Some(1), Some(143)].contains(&status.code()),
        "{status}: {said}"
    );
}

#[test]
fn an_import_ends_between_chunks_and_says_how_far_it_came() {
    let world = World::on(Node::on(Database::Sqlite));
    let names = (0..2_500).map(|number| format!("imported-{number:04}"));
    let mut child = world.node.spawn(&["import", "-"], &[]);
    // The pipe stays open: it waits for more.
    let mut input = child.stdin.take().unwrap();
    let lines = batch::offers(&world, names);
    input.write_all(lines.as_bytes()).unwrap();
    let stored = || batch::stored(&world.node, &world.coordinator, "imported-").len();
    wait_for("the first lines are written", 60, || {
        (stored() == 2_000).then_some(())
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ended after line 2000"), "{said}");
    let counted = String::from_utf8(output.stdout).unwrap();
    assert!(counted.starts_with("2000 created"), "{counted}");
    assert_eq!(stored(), 2_000);
    drop(input);
}

#[test]
fn a_restore_that_is_ended_leaves_an_empty_database() {
    let mut node = TestNode::start(Database::Sqlite);
    let archive = node.outside("archive");
    let _ = node.ask(&["backup", archive.to_str().unwrap()]);
    node.stop();
    let slow = node.outside("slow");
    assert!(
        Command::new("mkfifo")
            .arg(&slow)
            .status()
            .unwrap()
            .success()
    );
    let other = node.outside("other");
    let data = [("LOTSE_DATA", other.to_str().unwrap())];
    let child = node.spawn(&["restore", slow.to_str().unwrap()], &data);
    // All but the end; then the reader waits for more.
    let text = fs::read_to_string(&archive).unwrap();
    let (begun, _) = text.trim_end().rsplit_once('\n').unwrap();
    let mut pipe = OpenOptions::new().write(true).open(&slow).unwrap();
    // It looks whether the file is there before it reads it.
    wait_for("the database is made", ORDERLY, || {
        other.join("lotse.sqlite").exists().then_some(())
    });
    std::thread::sleep(Duration::from_millis(500));
    pipe.write_all(begun.as_bytes()).unwrap();
    let (status, said) = end(child, Signal::TERM);
    assert_eq!(status.code(), Some(143), "{said}");
    assert!(said.contains("as empty as before"), "{said}");
    drop(pipe);
    let again = node.run_with(&["restore", archive.to_str().unwrap()], &data);
    assert!(again.status.success(), "{again:?}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_without_a_word() {
    let world = World::on(Node::on(Database::Sqlite));
    for command in [
        &["openapi"][..],
        &["standard"],
        &["export"],
        &["config"],
        &["account", "list"],
    ] {
        let mut child = world.node.spawn(command, &[]);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        // What the signal of a closed pipe makes of other tools.
        assert_eq!(output.status.code(), Some(141), "{command:?}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !said.contains("lotse:") && !said.contains("panicked"),
            "{command:?}: {said}"
        );
    }
}

/// Runs a command as the first process of a namespace of its own, as in a container.
fn as_process_one(node: &TestNode, arguments: &[&str]) -> Child {
    // Whoever is not root becomes it in a user namespace; some containers forget namespaces of users, or /proc in one.
    let ways = [
        &["--map-root-user", "--fork", "--pid", "--mount-proc"][..],
        &["--fork", "--pid", "--mount-proc"],
        &["--map-root-user", "--fork", "--pid"],
        &["--fork", "--pid"],
    ];
    let works = |way: &&&[&str]| {
        let tried = Command::new("unshare").args(**way).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let way = ways.iter().find(works);
    let way = way.expect("no process namespace can be made with unshare (package util-linux)");
    Command::new("unshare")
        .args(*way)
        .arg(binary())
        .args(arguments)
        .env_clear()
        .env("LOTSE_DATA", node.data())
        .env("LOTSE_LISTEN", node.address())
        .env("LOTSE_BASE_URL", node.base_url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn as_the_first_process_of_a_container_it_ends_like_everywhere() {
    let mut node = TestNode::start(Database::Sqlite);
    node.stop();
    for (signal, _) in SIGNALS {
        let mut outer = as_process_one(&node, &["serve"]);
        let said = BufReader::new(outer.stderr.take().unwrap());
        let reading = std::thread::spawn(move || {
            let lines = said.lines().map_while(Result::ok);
            lines.fold(String::new(), |all, line| all + &line + "\n")
        });
        wait_for("it is ready", 60, || {
            node.get("/health/ready")
                .send()
                .ok()
                .filter(|answer| answer.status() == 200)
        });
        let children = format!("/proc/{0}/task/{0}/children", outer.id());
        let inner: i32 = fs::read_to_string(children)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        kill_process(Pid::from_raw(inner).unwrap(), signal).unwrap();
        let status = wait_for("it ends", ORDERLY, || outer.try_wait().unwrap());
        let said = reading.join().unwrap();
        assert!(status.success(), "{signal:?}: {status}\n{said}");
        assert!(said.contains("Lotse ends"), "{said}");
    }
}

#[test]
fn nohup_is_respected() {
    let mut node = TestNode::start(Database::Sqlite);
    node.stop();
    let mut child = Command::new("bash")
        .args(["-c", "trap '' HUP; exec \"$0\" serve"])
        .arg(binary())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LOTSE_DATA", node.data())
        .env("LOTSE_LISTEN", node.address())
        .env("LOTSE_BASE_URL", node.base_url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("it is ready", 60, || {
        node.get("/health/ready")
            .send()
            .ok()
            .filter(|answer| answer.status() == 200)
    });
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::HUP).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(status_of(&ask(&node, "/health/live")), Some(200));
    kill_process(pid, Signal::TERM).unwrap();
    let status = wait_for("it ends", ORDERLY, || child.try_wait().unwrap());
    assert!(status.success(), "{status}");
}
