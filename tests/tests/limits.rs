//! Who asks too much is told to wait, and nobody else.

use lotse_tests::{Answer, Database, Node, Party, TestNode};

fn limited() -> TestNode {
    Node::on(Database::Sqlite)
        .with("RATES__READ__BURST", "20")
        .with("RATES__READ__PER_MINUTE", "20")
        .with("TRUSTED_PROXIES", "[\"127.0.0.1/32\"]")
        .start()
}

fn read_as(node: &TestNode, address: &str) -> Answer {
    Answer::of(
        node.get("/api/v1/offers")
            .header("X-Forwarded-For", address),
    )
}

#[test]
fn who_asks_too_often_gets_429_with_a_time_to_wait_and_others_go_on() {
    let node = limited();
    let refused = (0..100)
        .map(|_| read_as(&node, "192.0.2.1"))
        .find(|answer| answer.status == 429);
    let refused = refused.expect("a hundred reads at once are more than twenty");
    assert_eq!(refused.problem(), "rate_limited");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    let _ = read_as(&node, "192.0.2.2").expect(200);
}

#[test]
fn an_address_that_nobody_trusted_has_passed_on_counts_for_nothing() {
    let node = Node::on(Database::Sqlite)
        .with("RATES__READ__BURST", "20")
        .with("RATES__READ__PER_MINUTE", "20")
        .start();
    let refused = (0..100)
        .map(|number| read_as(&node, &format!("192.0.2.{number}")))
        .any(|answer| answer.status == 429);
    assert!(refused, "one client took a hundred names");
}

#[test]
fn metrics_are_for_who_has_the_token_and_name_no_question() {
    let node = Node::on(Database::Sqlite)
        .with("METRICS_TOKEN", "a-token-for-tests")
        .start();
    let _ = Party::anonymous()
        .get(&node, "/api/v1/offers?q=geheimes")
        .expect(200);
    let _ = Party::anonymous().get(&node, "/metrics").expect(401);
    let _ = Party::with_token("another")
        .get(&node, "/metrics")
        .expect(401);
    let metrics = Party::with_token("a-token-for-tests")
        .get(&node, "/metrics")
        .expect(200);
    assert!(metrics.text.contains("# TYPE"), "{metrics:?}");
    assert!(!metrics.text.contains("geheimes") && !node.log().contains("geheimes"));
}
