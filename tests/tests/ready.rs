//! Readiness says what a node can do, and metrics say what fails: an operator need not read the log.

use lotse_tests::{
    Answer, Database, Node, Party, TestNode, World,
    database::{address_of, fresh_postgres},
    on_both,
    proxy::Proxy,
    wait_for,
};

/// Seconds within which a node has to notice what has failed, and that it works again.
const NOTICED: u64 = 20;

fn ready(node: &TestNode, ability: &str) -> Answer {
    Party::anonymous().get(node, &format!("/health/ready?for={ability}"))
}

fn waits_until(node: &TestNode, ability: &str, status: u16) -> serde_json::Value {
    wait_for(&format!("{ability} answers {status}"), NOTICED, || {
        let answer = ready(node, ability);
        (answer.status == status).then(|| answer.json())
    })
}

fn gauge(node: &TestNode, name: &str) -> i64 {
    let metrics = Party::with_token("a-token-for-tests").get(node, "/metrics");
    let found = metrics
        .text
        .lines()
        .find_map(|line| line.strip_prefix(name));
    found.and_then(|value| value.trim().parse().ok()).unwrap()
}

fn with_metrics(node: Node) -> Node {
    node.with("METRICS_TOKEN", "a-token-for-tests")
}

fn a_node_says_what_it_can_do_and_how_each_part_stands(database: Database) {
    let node = with_metrics(Node::on(database)).start();
    // A new one has nothing to publish at first.
    let _ = waits_until(&node, "publishing", 200);
    for ability in ["reading", "writing", "publishing", "text", "following"] {
        let body = waits_until(&node, ability, 200);
        assert_eq!(body["status"], "ready", "{body}");
        assert_eq!(body["for"][0], ability);
        let parts = body["parts"].as_object().unwrap();
        assert_eq!(parts.len(), 8, "{body}");
        for (name, part) in parts {
            assert_eq!(part["status"], "ok", "{name}: {body}");
            assert!(part["since"].as_str().unwrap().ends_with('Z'), "{body}");
        }
    }
    let several = ready(&node, "reading&for=text").expect(200).json();
    assert_eq!(several["for"], serde_json::json!(["reading", "text"]));
    let _ = ready(&node, "flying").expect(400);
    let _ = Party::anonymous()
        .get(&node, "/health/ready?fro=text")
        .expect(400);
    assert_eq!(gauge(&node, r#"lotse_ready{ability="writing"}"#), 1);
    assert_eq!(gauge(&node, r#"lotse_part_up{part="journal"}"#), 1);
    assert_eq!(gauge(&node, r#"lotse_behind_changes{part="index"}"#), 0);
    assert_eq!(
        gauge(&node, r#"lotse_background_failures_total{task="changes"}"#),
        0
    );
    assert!(gauge(&node, "lotse_disk_free_bytes") > 0);
    for arguments in [&["health"][..], &["health", "--for", "writing"]] {
        assert!(node.ask(arguments).contains("\"ready\""));
    }
    assert!(!node.run(&["health", "--for", "flying"]).status.success());
}

on_both!(a_node_says_what_it_can_do_and_how_each_part_stands);

/// Reading goes on, writing and publishing do not, and nothing of the inside is told.
fn reads_on_only(node: &TestNode, inside: &str) {
    for ability in ["writing", "publishing"] {
        let body = waits_until(node, ability, 503);
        assert_eq!(body["parts"]["database"]["status"], "failing", "{body}");
        assert!(!body.to_string().contains(inside), "{body}");
        let retry = ready(node, ability).header("retry-after").to_owned();
        assert!(retry.parse::<u32>().unwrap() > 0);
    }
    for ability in ["reading", "text"] {
        let _ = ready(node, ability).expect(200);
    }
    assert!(node.run(&["health"]).status.success());
    assert!(!node.run(&["health", "--for", "writing"]).status.success());
    assert_eq!(gauge(node, r#"lotse_ready{ability="writing"}"#), 0);
    assert_eq!(gauge(node, r#"lotse_part_up{part="database"}"#), 0);
}

#[test]
fn a_database_that_is_cut_or_hangs_stops_writing_alone() {
    let url = fresh_postgres();
    let address = address_of(&url);
    let proxy = Proxy::to(address.clone());
    let url = url.replace(&address, proxy.address());
    let node = with_metrics(Node::on_url(&url)).start();

    proxy.cut();
    reads_on_only(&node, proxy.address());
    proxy.mend();
    for ability in ["writing", "publishing", "following"] {
        let _ = waits_until(&node, ability, 200);
    }

    proxy.freeze();
    reads_on_only(&node, proxy.address());
    proxy.thaw();
    for ability in ["writing", "publishing", "following"] {
        let _ = waits_until(&node, ability, 200);
    }
}

#[test]
fn a_disk_without_room_stops_writing_alone() {
    let world = World::on(with_metrics(Node::on(Database::Sqlite)));
    let node = &world.node;
    node.limit_files(Some(0));
    let body = waits_until(node, "writing", 503);
    assert_eq!(body["parts"]["disk"]["status"], "failing", "{body}");
    assert!(!body.to_string().contains(node.data().to_str().unwrap()));
    for ability in ["reading", "text"] {
        let _ = ready(node, ability).expect(200);
    }
    assert_eq!(gauge(node, r#"lotse_part_up{part="disk"}"#), 0);
    node.limit_files(None);
    let _ = waits_until(node, "writing", 200);
    let _ = world
        .editor
        .post(node, "/api/v1/offers", &world.draft("offer"))
        .expect(201);
}
