//! A node is one peer, by whatever spelling somebody names it; and nobody without its key gets between it and another.

use lotse_tests::{
    Answer, Database, World,
    federation::{SOON, Station, federated},
    on_both,
    signing::Signatory,
};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(
    nobody_without_its_key_shadows_moves_or_cuts_off_a_peer,
    who_is_denied_is_denied_by_every_name_that_it_has,
);

/// Other ways to write the base URL of a node on this machine.
fn spellings(base_url: &str) -> Vec<String> {
    let (_, rest) = base_url.split_once("://").unwrap();
    let (host, port) = rest.split_once(':').unwrap();
    vec![
        format!("HTTP://{}:{port}", host.to_uppercase()),
        format!("http://{host}.:{port}"),
        format!("http://{host}:0{port}/"),
        format!("http://{host}:{port}//"),
        format!("http://{host}:{port}/x/%2e%2E/"),
        format!("http://l%6Fcalhost:{port}"),
    ]
}

/// A message in the name of the node at `base_url`, as it is spelled there, with another's keys and document.
fn message(from: &Signatory, to: &Station, verb: &str, origin: &str) -> Answer {
    let mut message = from.message(&to.node, verb);
    message["origin"] = json!(origin);
    Answer::of(from.request(&to.node, Method::POST, "/fed/v1/follows", Some(&message)))
}

fn nobody_without_its_key_shadows_moves_or_cuts_off_a_peer(database: Database) {
    let a = World::on(federated(Database::Sqlite));
    let b = Station::start(federated(database));
    b.at().follow(a.at());
    a.at().follow(b.at());
    b.at().wait_until_same(a.at(), SOON);
    let known = b.at().peer(&a.node);
    let url = a.node.base_url();

    // With keys of its own, in the name of A: by its base URL, by https, and by every other spelling.
    let https = url.replace("http://", "https://");
    for name in [url.clone(), https.clone()] {
        let impostor = Signatory::stranger(&name);
        assert_eq!(impostor.did(), known["did"], "{name}");
        for verb in ["Follow", "Accept", "Reject", "Undo", "Announce"] {
            let answer = message(&impostor, &b, verb, &name);
            assert_eq!(
                answer.clone().expect(401).problem(),
                "signature_invalid",
                "{name} {verb}: {answer:?}"
            );
            for spelling in spellings(&url) {
                let answer = message(&impostor, &b, verb, &spelling);
                assert_eq!(
                    answer.clone().expect(422).problem(),
                    "invalid",
                    "{spelling} {verb}: {answer:?}"
                );
            }
        }
    }
    // An admin who adds it once more by another spelling adds nothing; by another scheme there is nobody.
    for spelling in spellings(&url) {
        let added = json!({"base_url": spelling});
        let peer = b
            .admin
            .post(&b.node, "/api/v1/peers", &added)
            .expect(200)
            .json();
        assert_eq!(
            (&peer["base_url"], &peer["did"]),
            (&json!(url), &known["did"])
        );
    }
    let added = json!({"base_url": https});
    let _ = b.admin.post(&b.node, "/api/v1/peers", &added).expect(502);
    // Asked for in any of them it is the one.
    for spelling in spellings(&url).into_iter().chain([https]) {
        let said = b.node.ask(&["peer", "show", &spelling]);
        assert!(
            said.contains(known["fingerprint"].as_str().unwrap()),
            "{spelling}: {said}"
        );
    }
    let peers = b.admin.get(&b.node, "/api/v1/peers").expect(200).json();
    assert_eq!(peers["items"].as_array().unwrap().len(), 1, "{peers}");
    let now = b.at().peer(&a.node);
    for member in [
        "did",
        "base_url",
        "document",
        "approved",
        "following",
        "follower",
    ] {
        assert_eq!(now[member], known[member], "{member}");
    }
    // A's own requests hold as ever, in both directions.
    let peer = Signatory::of(&a.node);
    let hint = json!({"type": "lotse:Hint"});
    let _ =
        Answer::of(peer.request(&b.node, Method::POST, "/fed/v1/hints", Some(&hint))).expect(204);
    let _ = peer.get(&b.node, "/fed/v1/feeds/network/head").expect(200);
    let _ = a.create("offer");
    b.at().wait_until_same(a.at(), SOON);
    b.at().verify(&a.node);
    a.at().verify(&b.node);
}

fn who_is_denied_is_denied_by_every_name_that_it_has(database: Database) {
    let mut b = Station::start(federated(database));
    let denied = |b: &Station| -> Value {
        b.admin.get(&b.node, "/api/v1/denials").expect(200).json()["items"].clone()
    };
    let refused = |b: &Station| {
        for name in ["http://bücher.example", "https://xn--bcher-kva.example."] {
            let answer = Signatory::stranger(name).follow(&b.node).expect(403);
            assert_eq!(answer.problem(), "peer_denied", "{name}");
            let added = json!({"base_url": name});
            let answer = b.admin.post(&b.node, "/api/v1/peers", &added).expect(403);
            assert_eq!(answer.problem(), "peer_denied", "{name}");
        }
    };
    // It waits by one name, and is denied by another.
    let _ = Signatory::stranger("https://bücher.example")
        .follow(&b.node)
        .expect(202);
    let _ = b.node.ask(&["peer", "deny", "http://BÜCHER.example.:80/"]);
    let peers = b.admin.get(&b.node, "/api/v1/peers").expect(200).json();
    assert_eq!(peers["items"], json!([]));
    assert_eq!(denied(&b), json!(["http://xn--bcher-kva.example"]));
    refused(&b);
    // Once more by a third changes nothing.
    let said = b
        .node
        .ask(&["peer", "deny", "https://xn--bcher-kva.example"]);
    assert!(said.contains("was denied already"), "{said}");
    b.node.stop();
    b.node.restart();
    refused(&b);
    // And taken back by any of them it stays taken back, whatever the journal has of it.
    let _ = b.node.ask(&["peer", "allow", "https://BÜCHER.example"]);
    assert_eq!(denied(&b), json!([]));
    b.node.stop();
    b.node.restart();
    assert_eq!(denied(&b), json!([]));
    let _ = Signatory::stranger("https://bücher.example")
        .follow(&b.node)
        .expect(202);
}
