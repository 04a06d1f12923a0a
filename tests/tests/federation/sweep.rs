//! Where much would go at once, an admin is asked first.

use std::fs;

use lotse_tests::{
    Answer, Database, World, batch,
    federation::{LATER, SOON, Station, federated},
    on_both, wait_for,
};
use reqwest::Method;

on_both!(a_sweep_of_more_than_a_tenth_waits_for_an_admin);

fn a_sweep_of_more_than_a_tenth_waits_for_an_admin(database: Database) {
    let mut a = World::on(federated(database));
    let b = Station::start(federated(Database::Sqlite).with("PEER_POLL_SECONDS", "1"));
    let lines = batch::offers(&a, (0..40).map(|number| format!("many-{number}")));
    assert!(batch::send(&a.node, &a.editor, "", lines).all(|line| line["status"] == 201));
    b.at().follow(a.at());
    b.at().wait_until_same(a.at(), SOON);
    let all = b.at().entries(&a.node).len();

    // While B cannot be reached, A loses many entries and begins a new epoch: no deletion is told any more.
    let mut b = b;
    b.node.stop();
    for (id, entry) in a.at().found("kind=offer") {
        let external = entry["external_id"].as_str().unwrap_or_default();
        if external.starts_with("many-1") {
            let path = format!("/api/v1/offers/{id}");
            let request = a.coordinator.request(&a.node, Method::DELETE, &path);
            let _ = Answer::of(request.header("If-Match", a.etag(&path))).expect(204);
        }
    }
    a.node.stop();
    let keys = fs::read_dir(a.node.data().join("keys")).unwrap();
    let key = keys.map(|key| key.unwrap().path()).find(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("recovery-")
    });
    let key = key.unwrap().to_str().unwrap().to_owned();
    let _ = a.node.ask(&["new-epoch", "--recovery-key", &key]);
    a.node.restart();
    b.node.restart();

    let peer = wait_for("the sweep waits", LATER, || {
        let peer = b.at().peer(&a.node);
        (peer["sweep_waits"] == 11).then_some(peer)
    });
    assert_eq!(peer["error"]["code"], "sweep_waits", "{peer}");
    assert_eq!(b.at().entries(&a.node).len(), all);
    let host = a.node.host();
    let verified = b.node.run(&["peer", "verify", &host]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        !verified.status.success() && said.contains("11 entries"),
        "{said}"
    );

    let _ = b.node.ask(&["peer", "sync", &host, "--allow-sweep"]);
    b.at().wait_until_same(a.at(), SOON);
    assert_eq!(b.at().entries(&a.node).len(), all - 11);
    let peer = b.at().peer(&a.node);
    assert!(
        peer["sweep_waits"].is_null() && peer["error"].is_null(),
        "{peer}"
    );
    b.at().verify(&a.node);
}
