//! Nobody takes all the room: neither strangers that of what waits for a person, nor a partner that of the directory.

use lotse_tests::{Answer, Database, Node, TestNode, World, on_both};
use reqwest::Method;
use serde_json::{Value, json};

fn registration() -> Value {
    json!({
        "organisation": {"content": {"name": {"en": "New office"}, "type": "ngo", "seat_country": "XK"}},
        "contact": "office@example.org",
        "license": "CC-BY-4.0",
    })
}

fn register_from(node: &TestNode, address: &str) -> Answer {
    Answer::of(
        node.request(Method::POST, "/api/v1/registrations")
            .header("X-Forwarded-For", address)
            .json(&registration()),
    )
}

#[test]
fn one_network_fills_no_waiting_list() {
    let node = Node::on(Database::Sqlite)
        .with("RATES__REGISTRATION__BURST", "10")
        .with("TRUSTED_PROXIES", "[\"127.0.0.1/32\"]")
        .start();
    let taken = (0..120)
        .map(|n| register_from(&node, &format!("198.51.{}.{}", n / 3, n % 3)))
        .filter(|answer| match answer.status {
            201 => true,
            429 => false,
            other => panic!("{other}: {}", answer.text),
        })
        .count();
    assert!((20..=40).contains(&taken), "{taken} of 500");
    let _ = register_from(&node, "203.0.113.9").expect(201);
}

#[test]
fn a_full_waiting_list_says_what_to_do_and_is_cleared_in_one_request() {
    let world = World::on(Node::on(Database::Sqlite));
    let register = || {
        world
            .anonymous
            .post(&world.node, "/api/v1/registrations", &registration())
    };
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..500 {
        let taken = register().expect(201).json();
        ids.push(taken["id"].as_str().unwrap().to_owned());
    }
    let full = register().expect(403);
    assert_eq!(full.problem(), "limit_reached");
    let detail = full.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("/imprint"), "{detail}");

    let refuse = |ids: &[String]| {
        world.coordinator.post(
            &world.node,
            "/api/v1/registrations/refusals",
            &json!({"ids": ids, "reason": "Not sent by an organisation."}),
        )
    };
    let told = refuse(&ids).expect(200).json();
    let outcomes = |told: &Value| -> Vec<String> {
        let results = told["results"].as_array().unwrap().iter();
        let outcome = |result: &Value| result["outcome"].as_str().unwrap().to_owned();
        results.map(outcome).collect()
    };
    assert_eq!(outcomes(&told), vec!["decided"; 500]);
    let again = refuse(&ids[..2]).expect(200).json();
    assert_eq!(outcomes(&again), ["already_decided", "already_decided"]);
    ids.push(ids[0].clone());
    let _ = refuse(&ids).expect(422);
    let _ = refuse(&[]).expect(422);
    let _ = register().expect(201);
}

#[test]
fn reports_about_one_entry_leave_room_and_are_closed_together_by_its_owner() {
    let world = World::on(Node::on(Database::Sqlite));
    let (flooded, other) = (world.create("offer"), world.create("offer"));
    let report = |entry: &str| {
        let report = json!({"entry": entry, "message": "The telephone number is wrong."});
        world
            .anonymous
            .post(&world.node, "/api/v1/corrections", &report)
    };
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..20 {
        let taken = report(&flooded).expect(201).json();
        ids.push(taken["id"].as_str().unwrap().to_owned());
    }
    let full = report(&flooded).expect(403);
    assert_eq!(full.problem(), "limit_reached");
    assert!(full.text.contains("/imprint"), "{}", full.text);
    let _ = report(&other).expect(201);

    let close = |party: &lotse_tests::Party| {
        party
            .post(
                &world.node,
                "/api/v1/corrections/closings",
                &json!({"ids": ids, "state": "rejected"}),
            )
            .expect(200)
            .json()["results"][0]["outcome"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(close(&world.stranger), "not_found");
    assert_eq!(close(&world.editor), "decided");
    assert_eq!(close(&world.coordinator), "already_decided");
    let _ = report(&flooded).expect(201);
}

on_both!(a_partner_has_its_quota_and_coordinators_see_and_exceed_it);

fn a_partner_has_its_quota_and_coordinators_see_and_exceed_it(database: Database) {
    let world = World::on(
        Node::on(database)
            .with("QUOTA__ENTRIES", "8")
            .with("QUOTA__WRITTEN_AT_ONCE", "60000")
            .with("QUOTA__WRITTEN_PER_MINUTE", "60"),
    );
    let usage = || {
        let path = format!("/api/v1/organisations/{}/usage", world.organisation);
        world.coordinator.get(&world.node, &path).expect(200).json()
    };
    let before = usage()["entries"].as_u64().unwrap();
    assert!(before < 8, "{before}");
    let create = |party: &lotse_tests::Party| {
        party.post(&world.node, "/api/v1/offers", &world.draft("offer"))
    };
    let mut last = String::new();
    for _ in before..8 {
        let made = create(&world.editor).expect(201).json();
        last = made["id"].as_str().unwrap().to_owned();
    }
    let full = create(&world.editor).expect(403);
    assert_eq!(full.problem(), "limit_reached");
    assert!(full.text.contains("8 of 8 entries"), "{}", full.text);
    let line = json!({"op": "create", "kind": "offer", "entry": world.draft("offer")}).to_string();
    let request = world
        .editor
        .request(&world.node, Method::POST, "/api/v1/batch");
    let answer = Answer::of(
        request
            .header("Content-Type", "application/x-ndjson")
            .body(line),
    )
    .expect(200);
    assert_eq!(answer.json()["status"], 403, "{}", answer.text);
    let _ = create(&world.coordinator).expect(201);
    assert_eq!(
        (
            usage()["entries"].as_u64(),
            usage()["most_entries"].as_u64()
        ),
        (Some(9), Some(8))
    );

    // The same entry again and again: its history takes room as well.
    let path = format!("/api/v1/offers/{last}");
    let note = "x".repeat(1_000);
    let patch = |n: u32| {
        let patch = json!({"content": {"summary": {"en": format!("{n} {note}")}}});
        world.editor.send(&world.node, Method::PATCH, &path, &patch)
    };
    let refused = (0..100)
        .map(patch)
        .find(|answer| answer.status != 200)
        .expect("60,000 bytes are less than a hundred times 2,000");
    assert_eq!(
        (refused.status, refused.problem()),
        (429, "rate_limited".into())
    );
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    let _ = world
        .editor
        .send(&world.node, Method::DELETE, &path, &json!({}))
        .expect(204);
}
