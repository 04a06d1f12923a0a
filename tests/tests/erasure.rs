//! What is erased is within a minute in no file of the node that erased it, and of those that had it from there.

use lotse_tests::federation::{SOON, Station, federated};
use lotse_tests::remains::{remains, terms_with};
use lotse_tests::{Answer, Database, Party, World, on_both, wait_for};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(
    what_is_purged_deleted_and_denied_is_soon_in_no_file,
    what_has_run_out_is_soon_in_no_file,
    what_was_purged_before_a_kill_is_soon_in_no_file,
);

/// Seconds until nothing is left.
const MINUTE: u64 = 60;

/// Words of no language, so that each stands in the text index as it is written.
const PURGED: &str = "qzxvadlopa";
const DELETED: &str = "wkjyubrine";
const DENIED: &str = "vhqxomture";
const REFUSED: &str = "jzwpegisla";
const CLOSED: &str = "xqfkarodny";

/// An offer that says a word, twice changed; its path.
fn offer(a: &World, word: &str) -> String {
    let path = format!("/api/v1/offers/{}", a.create("offer"));
    for title in [format!("The {word}"), format!("Another {word}")] {
        let patch = json!({"content": {"title": {"en": title}}});
        lotse_tests::federation::change(a, &path, &patch);
    }
    path
}

fn id_of(path: &str) -> &str {
    path.rsplit_once('/').unwrap().1
}

fn purge(a: &World, path: &str) {
    let path = format!("{path}/purge");
    let _ = Answer::of(a.coordinator.request(&a.node, Method::POST, &path)).expect(204);
}

fn wait_until_gone(what: &str, node: &lotse_tests::TestNode, word: &str) {
    let mut left = Vec::new();
    let begun = std::time::Instant::now();
    while begun.elapsed().as_secs() < MINUTE {
        left = remains(node, word);
        if left.is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    panic!("{what}: after a minute it still stands in {left:?}");
}

fn what_is_purged_deleted_and_denied_is_soon_in_no_file(database: Database) {
    let a = World::on(federated(database));
    let b = Station::start(federated(database).with("PEER_POLL_SECONDS", "1"));
    let [purged, deleted, _] = [PURGED, DELETED, DENIED].map(|word| offer(&a, word));
    b.at().follow(a.at());
    b.at().wait_until_same(a.at(), SOON);
    wait_for("all words are found", SOON, || {
        let found = [PURGED, DELETED, DENIED].map(|word| b.at().found(&format!("q={word}")).len());
        (found == [1, 1, 1]).then_some(())
    });
    // Somebody reported something about it, and quoted it.
    let report = json!({"entry": id_of(&purged), "message": format!("no {PURGED} there")});
    let _ = Party::anonymous()
        .post(&a.node, "/api/v1/corrections", &report)
        .expect(201);
    for node in [&a.node, &b.node] {
        assert!(!remains(node, PURGED).is_empty());
        assert!(!terms_with(node, PURGED).is_empty());
    }

    purge(&a, &purged);
    for (node, whose) in [(&a.node, "purged here"), (&b.node, "purged at its origin")] {
        wait_until_gone(whose, node, PURGED);
    }

    // The history of what is deleted stays where it was written, until it is purged; not so at others.
    lotse_tests::federation::delete(&a, &deleted);
    wait_until_gone("deleted at its origin", &b.node, DELETED);
    assert!(!remains(&a.node, DELETED).is_empty());
    wait_for("its words leave the text index", MINUTE, || {
        terms_with(&a.node, DELETED).is_empty().then_some(())
    });
    purge(&a, &deleted);
    wait_until_gone("deleted and then purged", &a.node, DELETED);

    let _ = b.node.ask(&["peer", "deny", &a.node.base_url()]);
    wait_until_gone("denied", &b.node, DENIED);
    assert!(
        !remains(&a.node, DENIED).is_empty(),
        "it is not B's to erase that"
    );
}

/// A registration that says a word in all that it says, refused with a reason that does so too.
fn refused(a: &World) {
    let draft = json!({
        "organisation": {"content": {"name": {"en": format!("The {REFUSED}")}, "type": "ngo", "seat_country": "DE"}},
        "contact": format!("{REFUSED}@example.org"),
        "license": "CC-BY-4.0",
    });
    let taken = Party::anonymous()
        .post(&a.node, "/api/v1/registrations", &draft)
        .expect(201)
        .json();
    let path = format!(
        "/api/v1/registrations/{}/refuse",
        taken["id"].as_str().unwrap()
    );
    let reason = json!({"reason": format!("No {REFUSED} here")});
    let _ = a.coordinator.post(&a.node, &path, &reason).expect(204);
}

/// A correction that says a word and was closed.
fn closed(a: &World) {
    let entry = a.create("offer");
    let report = json!({"entry": entry, "message": format!("no {CLOSED}"), "contact": format!("{CLOSED}@example.org")});
    let taken: Value = Party::anonymous()
        .post(&a.node, "/api/v1/corrections", &report)
        .expect(201)
        .json();
    let path = format!(
        "/api/v1/corrections/{}/state",
        taken["id"].as_str().unwrap()
    );
    let state = json!({"state": "done"});
    let _ = a
        .coordinator
        .send(&a.node, Method::PUT, &path, &state)
        .expect(200);
}

fn what_has_run_out_is_soon_in_no_file(database: Database) {
    let mut a = World::on(lotse_tests::Node::on(database));
    refused(&a);
    closed(&a);
    for (days, gone, here) in [(31, Some(REFUSED), Some(CLOSED)), (91, Some(CLOSED), None)] {
        for word in [gone, here].into_iter().flatten() {
            assert!(!remains(&a.node, word).is_empty(), "{word}");
        }
        a.node.stop();
        a.node.set("DAYS_AHEAD", &days.to_string());
        a.node.restart();
        let gone = gone.unwrap();
        wait_until_gone("it has run out", &a.node, gone);
        assert!(here.is_none_or(|word| !remains(&a.node, word).is_empty()));
    }
}

fn what_was_purged_before_a_kill_is_soon_in_no_file(database: Database) {
    let mut a = World::on(lotse_tests::Node::on(database));
    let path = offer(&a, PURGED);
    wait_for("it is found", SOON, || {
        let found = a.at().found(&format!("q={PURGED}"));
        (!found.is_empty()).then_some(())
    });
    purge(&a, &path);
    a.node.kill();
    a.node.restart();
    wait_until_gone("purged, killed and started", &a.node, PURGED);
}
