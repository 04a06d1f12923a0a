//! A peer that has more than is wanted from it.

use lotse_tests::{
    Database, TestNode, World, batch,
    federation::{At, LATER, SOON, Station, federated},
    on_both, wait_for,
};
use reqwest::Method;
use serde_json::json;

on_both!(
    a_peer_over_its_quota_is_paused_and_goes_on_once_it_is_raised,
    a_peer_that_takes_too_many_bytes_is_paused_and_what_is_too_large_takes_none,
);

/// Rows of a page.
const PAGE: usize = 5;

fn set_quota(at: At<'_>, of: &TestNode, rows: usize) {
    let policy = json!({"max_rows": rows});
    let _ = at
        .peer_answer(Method::PUT, of, "/policy", &policy)
        .expect(200);
}

fn write(a: &World, name: &str, count: usize) {
    let lines = batch::offers(a, (0..count).map(|number| format!("{name}-{number}")));
    assert!(batch::send(&a.node, &a.editor, "", lines).all(|line| line["status"] == 201));
}

fn a_peer_over_its_quota_is_paused_and_goes_on_once_it_is_raised(database: Database) {
    let a = World::on(federated(database));
    let b = Station::start(
        federated(Database::Sqlite)
            .with("PEER_PAGE_ROWS", &PAGE.to_string())
            .with("PEER_POLL_SECONDS", "1"),
    );
    b.at().follow(a.at());
    let quota = b.at().entries(&a.node).len() + 7;
    set_quota(b.at(), &a.node, quota);
    b.at().verify(&a.node);
    write(&a, "many", 60);

    let peer = wait_for("the peer is over its quota", LATER, || {
        let peer = b.at().peer(&a.node);
        (peer["error"]["code"] == "over_quota").then_some(peer)
    });
    assert_eq!(peer["following"], "paused", "{peer}");
    let host = a.node.host();
    let said = b.node.ask(&["peer", "show", &host]);
    assert!(
        said.contains("more entries than its policy lets in"),
        "{said}"
    );
    let here = b.at().entries(&a.node).len();
    // Nothing is kept of the page that would go beyond.
    assert!(here <= quota && here > quota - PAGE, "{here} of {quota}");
    assert!(peer["lag"].as_u64().unwrap() > 0, "{peer}");

    // Neither hints nor polls bring more, and what A does meanwhile waits.
    write(&a, "more", 3);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(b.at().entries(&a.node).len(), here);
    // Going on without raising it comes to the same.
    let _ = b.node.ask(&["peer", "resume", &host]);
    wait_for("it is paused again", LATER, || {
        (b.at().peer(&a.node)["following"] == "paused").then_some(())
    });
    let verified = b.node.run(&["peer", "verify", &host]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        !verified.status.success() && said.contains("more entries"),
        "{said}"
    );
    assert_eq!(b.at().entries(&a.node).len(), here);

    // Raised by too little it comes to the same, else it goes on by itself.
    set_quota(b.at(), &a.node, quota + 10);
    wait_for("it is paused once more", LATER, || {
        let peer = b.at().peer(&a.node);
        (peer["following"] == "paused" && peer["entries"].as_u64() > Some(here as u64))
            .then_some(())
    });
    assert!(b.at().entries(&a.node).len() <= quota + 10);
    set_quota(b.at(), &a.node, 1_000);
    b.at().wait_until_same(a.at(), LATER);
    b.at().verify(&a.node);
    let peer = b.at().peer(&a.node);
    assert!(
        peer["following"] == "active" && peer["error"].is_null(),
        "{peer}"
    );
    write(&a, "late", 1);
    b.at().wait_until_same(a.at(), SOON);
}

fn a_peer_that_takes_too_many_bytes_is_paused_and_what_is_too_large_takes_none(database: Database) {
    let a = World::on(federated(Database::Sqlite));
    let b = Station::start(
        federated(database)
            .with("PEER_PAGE_ROWS", &PAGE.to_string())
            .with("PEER_POLL_SECONDS", "1"),
    );
    b.at().follow(a.at());
    b.at().verify(&a.node);
    let bytes = |at: At<'_>| at.peer(&a.node)["bytes"].as_u64().unwrap();
    let before = bytes(b.at());
    assert!(before > 1_000, "{before}");

    // Rows that are larger than is wanted wait, and none of their bytes is here.
    let put = |policy: &serde_json::Value| {
        let _ = b
            .at()
            .peer_answer(Method::PUT, &a.node, "/policy", policy)
            .expect(200);
    };
    put(&json!({"max_row_bytes": 10}));
    b.at().verify(&a.node);
    let peer = b.at().peer(&a.node);
    assert!(peer["quarantined"].as_u64() > Some(0), "{peer}");
    assert_eq!((&peer["entries"], &peer["bytes"]), (&json!(0), &json!(0)));
    let archive = b.node.outside("archive");
    let _ = b.node.ask(&["backup", archive.to_str().unwrap()]);
    let archive = std::fs::read_to_string(archive).unwrap();
    let waiting = archive
        .lines()
        .filter(|line| line.contains("\"quarantined\""));
    let (bare, kept): (Vec<&str>, Vec<&str>) =
        waiting.partition(|line| line.contains("\"body\":null"));
    assert!(!bare.is_empty() && kept.is_empty(), "{kept:?}");
    // Wanted after all they come again.
    put(&json!({}));
    b.at().wait_until_same(a.at(), LATER);
    b.at().verify(&a.node);
    assert_eq!(bytes(b.at()), before);

    // Many small ones take bytes as well.
    put(&json!({"max_bytes": before + 5_000}));
    b.at().verify(&a.node);
    write(&a, "many", 40);
    let peer = wait_for("the peer takes too many bytes", LATER, || {
        let peer = b.at().peer(&a.node);
        (peer["error"]["code"] == "over_quota").then_some(peer)
    });
    assert_eq!(peer["following"], "paused", "{peer}");
    assert!(
        peer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("more bytes"),
        "{peer}"
    );
    assert!(bytes(b.at()) <= before + 5_000);
    put(&json!({}));
    b.at().wait_until_same(a.at(), LATER);
    b.at().verify(&a.node);
    assert!(bytes(b.at()) > before + 5_000);
}
