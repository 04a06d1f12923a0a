//! Whoever was away for longer than deletions are told pulls anew and ends with the same.

use lotse_tests::{
    Database, World,
    database::{feed_of, tamper},
    federation::{LATER, SOON, Station, delete, federated},
    on_both, wait_for,
};

on_both!(who_was_away_while_deletions_were_forgotten_pulls_anew_and_agrees);

/// Microseconds of more days than deletions are told.
const LONG_AGO: u64 = 500 * 24 * 3_600 * 1_000_000;

fn who_was_away_while_deletions_were_forgotten_pulls_anew_and_agrees(database: Database) {
    let mut a = World::on(federated(database));
    // Pages so small that a pull of everything has to go on below the horizon.
    let settings = federated(Database::Sqlite).with("PEER_PAGE_ROWS", "3");
    let mut b = Station::start(settings.with("PEER_POLL_SECONDS", "1"));
    let [kept, deleted, other] = [(); 3].map(|()| a.create("offer"));
    b.at().follow(a.at());
    b.at().wait_until_same(a.at(), SOON);
    b.node.stop();

    // While B is away: two deletions, and a change after them.
    for id in [&deleted, &other] {
        delete(&a, &format!("/api/v1/offers/{id}"));
    }
    let late = a.create("offer");
    wait_for("all of it is published", SOON, || {
        let page = a.node.get("/fed/v1/feeds/public/changes").send().ok()?;
        page.text().ok()?.contains(&late).then_some(())
    });
    a.node.stop();
    for name in ["public", "network"] {
        let feed = feed_of(&a.node.base_url(), name);
        let older =
            format!("update statement set at = at - {LONG_AGO} where feed = {feed} and not live");
        assert_eq!(tamper(&a.node, &older), 2, "{name}");
    }
    a.node.restart();
    let head = wait_for("the deletions are forgotten", LATER, || {
        let head = a.node.get("/fed/v1/feeds/public/head").send().ok()?;
        let head: serde_json::Value = head.json().ok()?;
        (head["horizon"].as_u64()? > 0).then_some(head)
    });
    let below = head["horizon"].as_u64().unwrap() - 1;
    let changes = format!("/fed/v1/feeds/public/changes?since={below}");
    assert_eq!(a.node.get(&changes).send().unwrap().status(), 410);

    // Nobody tells B of the deletions any more; that they are not there does.
    b.node.restart();
    b.at().wait_until_same(a.at(), LATER);
    let there = b.at().entries(&a.node);
    assert!(there.contains_key(&kept) && there.contains_key(&late));
    assert!(!there.contains_key(&deleted) && !there.contains_key(&other));
    b.at().verify(&a.node);
    let peer = b.at().peer(&a.node);
    assert!(
        peer["following"] == "active" && peer["error"].is_null(),
        "{peer}"
    );
    // From there it goes on as ever.
    delete(&a, &format!("/api/v1/offers/{kept}"));
    b.at().wait_until_same(a.at(), SOON);
}
