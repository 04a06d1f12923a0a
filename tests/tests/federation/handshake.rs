//! Who may ask for what, and what a stranger can do: little, and nothing that is fetched for it.

use lotse_tests::{
    Answer, Database,
    federation::{Station, federated},
    on_both,
    signing::Signatory,
};
use reqwest::Method;
use serde_json::json;

on_both!(
    a_stranger_waits_until_an_admin_has_compared_its_fingerprint,
    signed_requests_hold_once_for_a_moment_and_for_what_they_name,
);

const CHANGES: &str = "/fed/v1/feeds/network/changes?since=0&limit=10";

/// An address at which nobody listens, so that no message gets there.
const STRANGER: &str = "http://localhost:9";

fn refused(answer: Answer, status: u16, code: &str) {
    assert_eq!(answer.clone().expect(status).problem(), code, "{answer:?}");
}

fn approved(station: &Station, stranger: &Signatory) {
    let fingerprint = stranger.fingerprint();
    let _ = station.node.ask(&[
        "peer",
        "approve",
        "localhost:9",
        "--fingerprint",
        &fingerprint,
    ]);
}

fn a_stranger_waits_until_an_admin_has_compared_its_fingerprint(database: Database) {
    let b = Station::start(federated(database));
    let stranger = Signatory::stranger(STRANGER);
    // Anybody may check the public feed, nobody else's word opens the other one.
    for path in ["changes", "head", "state", "state/0", "state/0/0"] {
        let public = b.node.get(&format!("/fed/v1/feeds/public/{path}"));
        assert_eq!(public.send().unwrap().status(), 200, "{path}");
        let path = format!("/fed/v1/feeds/network/{path}");
        refused(Answer::of(b.node.get(&path)), 401, "signature_required");
        refused(stranger.get(&b.node, &path), 401, "signature_invalid");
    }
    refused(
        Answer::of(
            b.node
                .request(Method::POST, "/fed/v1/hints")
                .json(&json!({})),
        ),
        401,
        "signature_required",
    );
    // It asks, twice, and waits.
    for _ in 0..2 {
        let answer = stranger.follow(&b.node).expect(202);
        assert_eq!(answer.json()["state"], "pending");
    }
    refused(stranger.get(&b.node, CHANGES), 401, "signature_invalid");
    let peers = b.admin.get(&b.node, "/api/v1/peers").expect(200).json();
    let [peer] = peers["items"].as_array().unwrap().as_slice() else {
        panic!("{peers}")
    };
    assert_eq!(peer["follower"], "pending");
    assert_eq!(peer["approved"], false);
    assert_eq!(peer["fingerprint"], stranger.fingerprint().as_str());

    // Another fingerprint than the one that was compared is not approved.
    let said = b.node.run(&[
        "peer",
        "approve",
        "localhost:9",
        "--fingerprint",
        &Signatory::stranger(STRANGER).fingerprint(),
    ]);
    assert!(!said.status.success());
    refused(stranger.get(&b.node, CHANGES), 401, "signature_invalid");
    approved(&b, &stranger);
    let page = stranger.get(&b.node, CHANGES).expect(200);
    assert!(page.text.contains("lotse:Page"), "{page:?}");

    // Approved, nobody else takes its place.
    let other = Signatory::stranger(STRANGER);
    refused(other.follow(&b.node), 401, "signature_invalid");
    refused(other.get(&b.node, CHANGES), 401, "signature_invalid");
    // And an admin ends it.
    let _ = b.node.ask(&["peer", "reject", "localhost:9"]);
    refused(stranger.get(&b.node, CHANGES), 403, "not_a_follower");
    let answer = stranger.follow(&b.node).expect(202);
    assert_eq!(answer.json()["state"], "rejected");
}

fn signed_requests_hold_once_for_a_moment_and_for_what_they_name(database: Database) {
    let b = Station::start(federated(database));
    let peer = Signatory::stranger(STRANGER);
    let _ = peer.follow(&b.node).expect(202);
    approved(&b, &peer);
    let hint = json!({"type": "lotse:Hint"});
    let hint = || peer.request(&b.node, Method::POST, "/fed/v1/hints", Some(&hint));
    let _ = Answer::of(hint()).expect(204);
    let once = hint();
    let again = once.try_clone().unwrap();
    let _ = Answer::of(once).expect(204);
    refused(Answer::of(again), 401, "signature_invalid");
    // What only reads as well, and a HEAD is signed as what it is.
    let read = || peer.request(&b.node, Method::GET, CHANGES, None);
    let once = read();
    let [again, as_head] = [(); 2].map(|()| once.try_clone().unwrap().build().unwrap());
    assert_ne!(once.send().unwrap().status(), 401);
    let client = reqwest::blocking::Client::new();
    assert_eq!(client.execute(again).unwrap().status(), 401);
    let mut as_head = as_head;
    *as_head.method_mut() = Method::HEAD;
    assert_eq!(client.execute(as_head).unwrap().status(), 401);
    let head = peer.request(&b.node, Method::HEAD, CHANGES, None);
    assert_ne!(head.send().unwrap().status(), 401);
    // With another body, for another path, too old, from the future, by another key.
    let other = hint().body("{\"type\": \"lotse:Other\"}");
    refused(Answer::of(other), 401, "signature_invalid");
    let signed = peer
        .request(&b.node, Method::GET, CHANGES, None)
        .build()
        .unwrap();
    let moved = b
        .node
        .get("/fed/v1/feeds/network/head")
        .headers(signed.headers().clone());
    refused(Answer::of(moved), 401, "signature_invalid");
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    let now = i64::try_from(now).unwrap();
    for created in [now - 1_000, now + 1_000] {
        let request = peer.request_at(&b.node, Method::GET, CHANGES, None, created);
        refused(Answer::of(request), 401, "signature_invalid");
    }
    refused(
        peer.with_other_key().get(&b.node, CHANGES),
        401,
        "signature_invalid",
    );
}
