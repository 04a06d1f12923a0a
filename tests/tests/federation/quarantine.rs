//! What a node cannot take waits, says why, and is looked at again; the rest of its feed goes on.

use domain::EntryId;
use lotse_tests::{
    Database, World,
    database::tamper,
    federation::{At, LATER, SOON, Station, federated},
    on_both,
    played::Played,
    wait_for,
};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(
    what_cannot_be_taken_waits_with_its_reason_and_both_sides_still_agree,
    what_a_node_could_not_take_before_is_taken_at_its_next_start,
);

fn of(at: At<'_>, base_url: &str) -> Vec<String> {
    at.found(&format!("origin={base_url}"))
        .into_keys()
        .collect()
}

/// Pulls now, and waits until so many rows have come that way.
fn agree(b: &Station, origin: &Played) -> Value {
    let verified = b
        .at()
        .ask_about(Method::POST, origin.host(), "/verify", &json!({}))
        .expect(200)
        .json();
    assert_eq!(verified["agreed"], true, "{verified}");
    assert_eq!(verified["seq"], origin.feed().seq(), "{verified}");
    b.at().peer_at(origin.host())
}

fn what_cannot_be_taken_waits_with_its_reason_and_both_sides_still_agree(database: Database) {
    let mut b = Station::start(federated(database));
    let origin = Played::start();
    let feed = origin.feed();
    let [good, poem, script, late] =
        [(); 4].map(|()| EntryId(uuid::Uuid::from_u128(rand::random())));
    let _ = feed.say(good, &feed.publication(good, "A report"));
    // A kind that only a newer node knows, and a link that is more than a link.
    let mut entry = feed.publication(poem, "A poem");
    entry["kind"] = json!("poem");
    let _ = feed.say(poem, &entry);
    let mut entry = feed.publication(script, "A trap");
    entry["content"]["link"] = json!("javascript:alert(1)");
    let at_script = feed.say(script, &entry);
    let _ = feed.say(late, &feed.publication(late, "Behind them"));

    b.at()
        .follow_public(origin.base_url(), &origin.fingerprint());
    wait_for("both sides agree", LATER, || {
        let peer = b.at().peer_at(origin.host());
        peer["agreed"].is_string().then_some(())
    });
    let waits = |b: &Station| {
        let peer = agree(b, &origin);
        assert_eq!(peer["entries"], 2, "{peer}");
        assert_eq!(peer["quarantined"], 2, "{peer}");
        assert!(
            peer["following"] == "active" && peer["error"].is_null(),
            "{peer}"
        );
        let reason = |id: EntryId| {
            let mut rows = peer["quarantine"].as_array().unwrap().iter();
            let row = rows.find(|row| row["entry"] == id.to_string().as_str());
            row.unwrap().clone()
        };
        let (poem, script) = (reason(poem), reason(script));
        assert!(
            poem["reason"].as_str().unwrap().contains("cannot be read"),
            "{poem}"
        );
        assert!(
            script["reason"].as_str().unwrap().contains("link"),
            "{script}"
        );
        assert_eq!(script["seq"], at_script, "{script}");
        let here = of(b.at(), origin.base_url());
        assert!(
            here.contains(&good.to_string()) && here.contains(&late.to_string()),
            "{here:?}"
        );
        assert_eq!(here.len(), 2);
    };
    waits(&b);
    let said = b.node.ask(&["peer", "show", origin.host()]);
    assert!(
        said.contains("2 in quarantine") && said.contains(&poem.to_string()),
        "{said}"
    );
    // The next start looks again, and understands no more than before.
    b.node.stop();
    b.node.restart();
    waits(&b);

    // What its origin says anew counts.
    let _ = feed.say(poem, &feed.publication(poem, "A poem, as a report"));
    let peer = agree(&b, &origin);
    assert_eq!(
        (&peer["entries"], &peer["quarantined"]),
        (&json!(3), &json!(1))
    );
    assert!(of(b.at(), origin.base_url()).contains(&poem.to_string()));
}

fn what_a_node_could_not_take_before_is_taken_at_its_next_start(database: Database) {
    let mut a = World::on(federated(Database::Sqlite));
    let mut b = Station::start(federated(database));
    b.at().follow(a.at());
    b.at().wait_until_same(a.at(), SOON);
    let told = b.at().entries(&a.node).len();

    // An older version understood none of them, and kept what it could not take. Their origin is away meanwhile.
    b.node.stop();
    a.node.stop();
    let others = "(select id from origin where not is_self)";
    let waits = format!(
        "update statement set state = 'quarantined', reason = 'this kind is not known here'
         where live and state = 'taken' and feed in (select id from feed where origin in {others})"
    );
    assert_eq!(tamper(&b.node, &waits), told);
    let gone = format!("delete from entry where origin in {others}");
    assert_eq!(tamper(&b.node, &gone), told);
    b.node.restart();
    wait_for("nothing waits any more", SOON, || {
        (b.at().peer(&a.node)["quarantined"] == 0).then_some(())
    });
    wait_for("they can be read", SOON, || {
        (b.at().entries(&a.node).len() == told).then_some(())
    });
    a.node.restart();
    b.at().wait_until_same(a.at(), SOON);
    b.at().verify(&a.node);
}
