//! Who asks and does not read: what they asked for is not kept for them.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use lotse_tests::raw::{Raw, forget_peak_memory, open_sockets, peak_memory};
use lotse_tests::{Database, Node, Party, TestNode, World, batch, wait_for};
use serde_json::json;

/// A directory with lists that are large: some megabytes a page.
pub(super) fn large(node: Node) -> World {
    let world = World::on(node);
    let text = "Beratung und Begleitung. ".repeat(79);
    let lines: String = batch::offers(&world, (0..200).map(|n| format!("large-{n}")))
        .lines()
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            for lang in ["de", "en", "fr", "it", "es", "pt", "nl", "pl", "cs", "ro"] {
                line["entry"]["content"]["summary"][lang] = json!(text);
            }
            format!("{line}\n")
        })
        .collect();
    let results: Vec<_> = batch::send(&world.node, &world.editor, "", lines).collect();
    assert!(
        results.iter().all(|result| result["status"] == 201),
        "{:?}",
        results.first()
    );
    world
}

fn ask(node: &TestNode, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", node.address())
}

/// Three hundred connections of three clients that ask for the same and do not read.
fn deaf(node: &TestNode, path: &str) -> Vec<Raw> {
    (0..300_u16)
        .map(|number| {
            let source = Ipv4Addr::new(127, 0, 1, 1 + (number % 3) as u8);
            let mut raw = Raw::from(node, source);
            // More than once: what is asked ahead is not answered ahead.
            assert!(raw.send(ask(node, path).repeat(3)));
            raw
        })
        .collect()
}

/// Asks as somebody does who reads; how long that took.
fn honest(node: &TestNode) -> Duration {
    let asked = Instant::now();
    let answer = Party::anonymous().get(node, "/api/v1/offers?limit=20");
    assert_eq!(answer.status, 200, "an honest reader, meanwhile");
    asked.elapsed()
}

#[test]
fn who_does_not_read_is_let_go_and_takes_nothing_from_others() {
    let world = large(
        Node::on(Database::Sqlite)
            .with("WRITE_SECONDS", "3")
            .with("CONNECTIONS_PER_CLIENT", "400"),
    );
    let node = &world.node;
    // More than the system's buffers take, and together as much as may be on its way.
    let list = "/api/v1/offers?limit=25";
    let size = Party::anonymous().get(node, list).expect(200).text.len();
    assert!((400_000..600_000).contains(&size), "{size}");
    thread::sleep(Duration::from_millis(500));
    let sockets = open_sockets(node);
    forget_peak_memory(node);
    let before = peak_memory(node);
    let held = deaf(node, list);
    let mut slowest = honest(node);
    // Those that found no room were told so; they are idle, and their system holds what they were told. Of the others some
    // had to yield already.
    let holding = open_sockets(node);
    assert!(holding >= sockets + 50, "{holding}");
    let gone = wait_for("those with an answer are let go", 30, || {
        slowest = slowest.max(honest(node));
        (open_sockets(node) <= holding - 20).then(Instant::now)
    });
    drop((held, gone));
    // As large as they get: most are told that there is no room, at once.
    let held = deaf(node, "/api/v1/offers?limit=200");
    for _ in 0..20 {
        slowest = slowest.max(honest(node));
        thread::sleep(Duration::from_millis(100));
    }
    drop(held);
    let grown = peak_memory(node).saturating_sub(before);
    // 300 answers of this size would be 600 MB.
    assert!(grown < 160 * 1024 * 1024, "{grown}");
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}

/// So many clients, with a connection each.
fn deaf_clients(node: &TestNode, path: &str, clients: u8) -> Vec<Raw> {
    let client = |number| {
        let mut raw = Raw::from(node, Ipv4Addr::new(127, 0, 2, number));
        assert!(raw.send(ask(node, path)));
        raw
    };
    (1..=clients).map(client).collect()
}

#[test]
fn however_many_do_not_read_who_does_finds_room() {
    let world = large(Node::on(Database::Sqlite));
    let node = &world.node;
    let list = "/api/v1/offers?limit=60";
    let size = Party::anonymous().get(node, list).expect(200).text.len();
    // Little enough for what is kept for those who hold little, and seven times as much as there is room for in all.
    assert!((1_000_000..1_500_000).contains(&size), "{size}");
    forget_peak_memory(node);
    let before = peak_memory(node);
    let held = deaf_clients(node, list, 200);
    for _ in 0..30 {
        let _ = honest(node);
        thread::sleep(Duration::from_millis(50));
    }
    let grown = peak_memory(node).saturating_sub(before);
    assert!(grown < 160 * 1024 * 1024, "{grown}");
    drop(held);
    // Exports have few places, which those who do not read keep for a while only.
    let export = "/api/v1/offers?format=csv";
    let held = deaf_clients(node, export, 20);
    wait_for("an export finds its place", 10, || {
        let answer = Party::anonymous().get(node, export);
        (answer.status == 200 && answer.text.lines().count() > 200).then_some(())
    });
    drop(held);
}

#[test]
fn who_reads_a_byte_now_and_then_is_let_go_as_well() {
    let world = large(Node::on(Database::Sqlite).with("WRITE_SECONDS", "2"));
    let node = &world.node;
    for path in ["/api/v1/offers?limit=100", "/api/v1/offers?format=csv"] {
        thread::sleep(Duration::from_millis(500));
        let sockets = open_sockets(node);
        let mut raw = Raw::connect(node);
        assert!(raw.send(ask(node, path)));
        wait_for("its first bytes arrive", 10, || {
            raw.read_byte().then_some(())
        });
        assert!(open_sockets(node) > sockets, "it is being answered");
        wait_for("it is let go", 30, || {
            let _ = raw.read_byte();
            thread::sleep(Duration::from_millis(250));
            (open_sockets(node) <= sockets).then_some(())
        });
    }
}

#[test]
fn one_client_has_so_many_connections_and_no_more_and_a_proxy_as_many_as_it_likes() {
    let node = Node::on(Database::Sqlite)
        .with("CONNECTIONS_PER_CLIENT", "10")
        .with("METRICS_TOKEN", "a-token-for-tests")
        .start();
    let other = Ipv4Addr::new(127, 0, 0, 9);
    let held: Vec<Raw> = (0..10)
        .map(|_| {
            let mut raw = Raw::from(&node, other);
            assert!(raw.send(ask(&node, "/health/live")));
            assert_eq!(raw.status(10), Some(200));
            raw
        })
        .collect();
    let mut one_more = Raw::from(&node, other);
    let _ = one_more.send(ask(&node, "/health/live"));
    assert_eq!(one_more.status(10), None);
    // Others do not notice, and who lets one go gets another.
    let metrics = Party::with_token("a-token-for-tests")
        .get(&node, "/metrics")
        .expect(200);
    assert!(
        metrics
            .text
            .contains("lotse_http_connections_refused_total 1"),
        "{}",
        metrics.text
    );
    drop(held);
    wait_for("there is room again", 10, || {
        let mut raw = Raw::from(&node, other);
        let _ = raw.send(ask(&node, "/health/live"));
        raw.status(10)
    });
    // Behind a proxy it is the requests in flight that count, by the address that it names.
    let node = Node::on(Database::Sqlite)
        .with("CONNECTIONS_PER_CLIENT", "5")
        .with("TRUSTED_PROXIES", "[\"127.0.0.1/32\"]")
        .with("BODY_SECONDS", "5")
        .start();
    let waiting = |client: &str| {
        let mut raw = Raw::connect(&node);
        assert!(raw.send(format!(
            "POST /api/v1/corrections HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: {client}\r\n\
             Content-Type: application/json\r\nContent-Length: 10\r\n\r\n",
            node.address()
        )));
        raw
    };
    let mut held: Vec<Raw> = (0..5).map(|_| waiting("192.0.2.1")).collect();
    assert!(held.iter_mut().all(|raw| raw.status(0).is_none()));
    assert_eq!(waiting("192.0.2.1").status(4), Some(429));
    assert_eq!(
        waiting("192.0.2.2").status(1),
        None,
        "another client of the same proxy"
    );
}

#[test]
fn where_all_connections_are_taken_the_one_that_waits_longest_makes_room() {
    let node = Node::on(Database::Sqlite)
        .with("CONNECTIONS", "20")
        .with("WORKERS", "2")
        .with("BODY_SECONDS", "60")
        .with("HEAD_SECONDS", "60")
        .start();
    let from = |number: u8| Raw::from(&node, Ipv4Addr::new(127, 0, 3, number));
    let others = open_sockets(&node);
    // Some say nothing, some are idle after an answer, some send a body that does not come.
    let mut held: Vec<Raw> = (1..=90)
        .map(|number| {
            let mut raw = from(number);
            if number % 3 == 1 {
                assert!(raw.send(ask(&node, "/health/live")));
                assert_eq!(raw.status(10), Some(200), "{number} finds a place");
            } else if number % 3 == 2 {
                assert!(raw.send(format!(
                    "POST /api/v1/corrections HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
                     Content-Length: 10\r\n\r\n",
                    node.address()
                )));
            }
            raw
        })
        .collect();
    let _ = honest(&node);
    wait_for("there are no more than there are places", 10, || {
        (open_sockets(&node) <= others + 40).then_some(())
    });
    let gone = held.iter_mut().take(40);
    assert!(
        gone.into_iter().all(|raw| raw.is_closed_within(2)),
        "the oldest went first"
    );
    let _ = honest(&node);
}
