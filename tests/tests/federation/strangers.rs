//! What somebody can do whom no admin here has approved: wait under its own keys, and nothing to anybody else.

use lotse_tests::{
    Answer, Database, Node,
    federation::{LATER, Station, federated},
    on_both,
    signing::Signatory,
    wait_for,
};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(
    who_waits_is_replaced_or_withdrawn_by_nobody_else,
    exactly_what_was_shown_is_approved,
    strangers_are_few_and_lock_nobody_out,
    what_strangers_sign_takes_no_room_from_a_peer,
    only_https_counts_unless_it_is_for_trying_out,
);

const URL: &str = "https://one.example";
const HOST: &str = "one.example";

fn peers(b: &Station) -> Vec<Value> {
    let peers = b.admin.get(&b.node, "/api/v1/peers").expect(200).json();
    peers["items"].as_array().unwrap().clone()
}

fn approve(b: &Station, body: &Value) -> Answer {
    b.at().ask_about(Method::POST, HOST, "/approve", body)
}

fn who_waits_is_replaced_or_withdrawn_by_nobody_else(database: Database) {
    let b = Station::start(federated(database));
    let (honest, impostor) = (Signatory::stranger(URL), Signatory::stranger(URL));
    let _ = honest.follow(&b.node).expect(202);
    let shown = b.at().peer_at(HOST);
    for verb in ["Follow", "Undo", "Announce", "Reject", "Accept"] {
        let answer = impostor.say(&b.node, verb).expect(409);
        assert_eq!(answer.problem(), "peer_conflict", "{verb}");
    }
    // Under another base URL of the same node neither.
    let other = Signatory::stranger("http://one.example");
    let _ = other.follow(&b.node).expect(409);
    // Without a signature that holds it is not even somebody else.
    let nobody = Signatory::stranger(URL).with_other_key();
    assert_eq!(
        nobody.follow(&b.node).expect(401).problem(),
        "signature_invalid"
    );
    let contested = wait_for("it is told that somebody else was there", LATER, || {
        let peer = b.at().peer_at(HOST);
        (peer["contests"].as_u64() > Some(0)).then_some(peer)
    });
    assert!(contested["contested"].is_string(), "{contested}");
    for member in ["did", "base_url", "document", "fingerprint", "follower"] {
        assert_eq!(contested[member], shown[member], "{member}");
    }
    let said = b.node.ask(&["peer", "show", HOST]);
    assert!(said.contains("spoke in its name"), "{said}");
    // The fingerprint that the impostor would tell is not the one that waits.
    let answer = approve(&b, &json!({"fingerprint": impostor.fingerprint()}));
    assert_eq!(answer.expect(409).problem(), "peer_conflict");
    // It withdraws by its own key, and its place is free again.
    let _ = honest.say(&b.node, "Undo").expect(202);
    assert_eq!(peers(&b), Vec::<Value>::new());
    let _ = impostor.follow(&b.node).expect(202);
    // What an admin refused does not come back by a withdrawal.
    let _ = b.node.ask(&["peer", "reject", HOST]);
    let _ = impostor.say(&b.node, "Undo").expect(202);
    let answer = impostor.follow(&b.node).expect(202);
    assert_eq!(answer.json()["state"], "rejected");
}

fn exactly_what_was_shown_is_approved(database: Database) {
    let b = Station::start(federated(database));
    let stranger = Signatory::stranger(URL);
    let _ = stranger.follow(&b.node).expect(202);
    let shown = b.at().peer_at(HOST);
    assert_eq!(shown["document"], stranger.digest().as_str());
    // It came by itself: without the fingerprint nothing is approved, by API or at the console.
    for body in [
        json!({}),
        json!({"follow": true}),
        json!({"document": shown["document"]}),
    ] {
        let answer = approve(&b, &body);
        assert_eq!(
            answer.expect(422).problem(),
            "fingerprint_required",
            "{body}"
        );
    }
    let said = b.node.run(&["peer", "approve", HOST]);
    assert!(!said.status.success());
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("compare the fingerprint"), "{said}");
    assert_eq!(b.at().peer_at(HOST)["approved"], false);
    // Another document than the one that was shown.
    let fingerprint = stranger.fingerprint();
    let renamed = stranger.renamed("Somebody else");
    let _ = renamed.say(&b.node, "Announce").expect(202);
    let old = json!({"fingerprint": fingerprint, "document": shown["document"]});
    assert_eq!(approve(&b, &old).expect(409).problem(), "peer_conflict");
    assert_eq!(b.at().peer_at(HOST)["approved"], false);
    let now = b.at().peer_at(HOST);
    assert_eq!(
        (&now["name"], &now["document"]),
        (&json!("Somebody else"), &json!(renamed.digest()))
    );
    let new = json!({"fingerprint": fingerprint, "document": now["document"]});
    assert_eq!(approve(&b, &new).expect(200).json()["approved"], true);
    // What was compared once needs no second look.
    let _ = approve(&b, &json!({})).expect(200);
    // A node that an admin asked for is approved by its fingerprint as well.
    let other = Station::start(federated(Database::Sqlite));
    let url = other.node.base_url();
    let _ = b.node.ask(&["peer", "add", &url]);
    let host = other.node.host();
    let answer = b
        .at()
        .ask_about(Method::POST, &host, "/approve", &json!({}));
    assert_eq!(answer.expect(422).problem(), "fingerprint_required");
    let fingerprint = other.at().fingerprint();
    let _ = b
        .node
        .ask(&["peer", "approve", &host, "--fingerprint", &fingerprint]);
    assert_eq!(b.at().peer_at(&host)["approved"], true);
}

fn strangers_are_few_and_lock_nobody_out(database: Database) {
    let b = Station::start(federated(database));
    let follow = |url: &str| Signatory::stranger(url).follow(&b.node);
    // Ports, paths and names below do not get around the places of a site.
    for url in [
        "https://one.example",
        "https://one.example:8443",
        "https://x.one.example",
    ] {
        let _ = follow(url).expect(202);
    }
    for url in [
        "https://one.example:1",
        "https://one.example/second",
        "https://y.one.example",
    ] {
        assert_eq!(follow(url).expect(403).problem(), "limit_reached", "{url}");
    }
    // A key that its own document does not name.
    let liar = Signatory::stranger("https://liar.example").with_other_key();
    assert_eq!(
        liar.follow(&b.node).expect(401).problem(),
        "signature_invalid"
    );
    for number in 3..100 {
        let _ = follow(&format!("https://stranger-{number}.example")).expect(202);
    }
    // Full: the oldest that no admin has seen goes, and whoever comes finds room.
    let _ = follow("https://late.example").expect(202);
    let hosts = |b: &Station| -> Vec<String> {
        let host = |peer: &Value| peer["host"].as_str().unwrap().to_owned();
        peers(b).iter().map(host).collect()
    };
    let shown = hosts(&b);
    assert_eq!(shown.len(), 100);
    let has = |shown: &[String], host: &str| shown.iter().any(|shown| shown == host);
    assert!(has(&shown, "late.example") && !has(&shown, "one.example"));
    assert!(!has(&shown, "liar.example"));
    // Now all were seen. A flood takes one place of them and then only its own.
    for number in 0..10 {
        let _ = follow(&format!("https://flood-{number}.example")).expect(202);
    }
    let after = hosts(&b);
    assert_eq!(after.len(), 100);
    let kept = shown.iter().filter(|host| has(&after, host)).count();
    assert_eq!(kept, 99, "{after:?}");
    // An admin's own request needs no place.
    let other = Station::start(federated(Database::Sqlite));
    let _ = b.node.ask(&["peer", "add", &other.node.base_url()]);
    assert_eq!(hosts(&b).len(), 101);
}

fn what_strangers_sign_takes_no_room_from_a_peer(database: Database) {
    let b = Station::start(federated(database));
    let peer = Signatory::stranger("http://localhost:9");
    let _ = peer.follow(&b.node).expect(202);
    let fingerprint = peer.fingerprint();
    let _ = b.node.ask(&[
        "peer",
        "approve",
        "localhost:9",
        "--fingerprint",
        &fingerprint,
    ]);
    let hint = json!({"type": "lotse:Hint"});
    let path = "/fed/v1/hints";
    // For as long as it likes nobody signs, neither peer nor stranger.
    let stranger = Signatory::stranger(URL);
    let _ = stranger.follow(&b.node).expect(202);
    let message = stranger.message(&b.node, "Follow");
    for seconds in [301, 86_400, 3_000_000_000] {
        let long = stranger.request_until(&b.node, "/fed/v1/follows", &message, seconds);
        assert_eq!(Answer::of(long).expect(401).problem(), "signature_invalid");
        let long = peer.request_until(&b.node, path, &hint, seconds);
        assert_eq!(Answer::of(long).expect(401).problem(), "signature_invalid");
    }
    let most = peer.request_until(&b.node, path, &hint, 300);
    let _ = Answer::of(most).expect(204);
    // Thousands by a stranger: the peer is heard as ever, and its replays are not.
    let once = peer.request(&b.node, Method::POST, path, Some(&hint));
    let again = once.try_clone().unwrap();
    let _ = Answer::of(once).expect(204);
    for _ in 0..400 {
        let _ = stranger.follow(&b.node).expect(202);
    }
    let _ = Answer::of(peer.request(&b.node, Method::POST, path, Some(&hint))).expect(204);
    assert_eq!(Answer::of(again).expect(401).problem(), "signature_invalid");
    let replayed = stranger.request(&b.node, Method::POST, "/fed/v1/follows", Some(&message));
    let twice = replayed.try_clone().unwrap();
    let _ = Answer::of(replayed).expect(202);
    assert_eq!(Answer::of(twice).expect(401).problem(), "signature_invalid");
}

fn only_https_counts_unless_it_is_for_trying_out(database: Database) {
    let b = Station::start(Node::on(database));
    let answer = Signatory::stranger("http://one.example").follow(&b.node);
    assert_eq!(answer.expect(422).problem(), "invalid");
    assert_eq!(peers(&b), Vec::<Value>::new());
    let _ = Signatory::stranger(URL).follow(&b.node).expect(202);
}
