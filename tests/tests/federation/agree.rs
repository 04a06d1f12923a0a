//! What is written at one node is soon the same at those that follow it, and stays its own.

use std::time::{Instant, UNIX_EPOCH};

use lotse_tests::{
    Database, Proxy, World, batch,
    federation::{At, LATER, SOON, Station, arrived_as_promised, change, delete, federated},
    on_both, wait_for,
};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(
    what_is_written_here_is_soon_the_same_at_both_followers,
    a_follower_that_no_hint_reaches_asks_by_itself,
    a_policy_takes_some_kinds_and_is_taken_back_and_both_sides_still_agree,
    an_admin_sees_where_an_entry_comes_from_and_nobody_can_change_it_here,
    the_public_feed_tells_only_what_is_public_and_names_nobody,
    a_policy_that_changes_in_the_middle_of_a_pull_counts,
    who_changes_to_the_other_feed_keeps_nothing_of_the_first,
    who_is_parted_from_is_told_so,
);

/// A node with the example entries, and one on the other database that follows it.
fn pair(database: Database) -> (World, Station) {
    let a = World::on(federated(database));
    let b = Station::start(federated(other(database)));
    b.at().follow(a.at());
    (a, b)
}

fn other(database: Database) -> Database {
    match database {
        Database::Sqlite => Database::Postgres,
        Database::Postgres => Database::Sqlite,
    }
}

/// Creates, changes, narrows and deletes at `a`; calls `check` after each.
fn write_all_kinds_of_change(a: &World, mut check: impl FnMut()) {
    let path = format!("/api/v1/offers/{}", a.create("offer"));
    check();
    change(
        a,
        &path,
        &json!({"content": {"title": {"en": "Another title"}}}),
    );
    check();
    for visibility in ["network", "internal", "public"] {
        change(a, &path, &json!({"visibility": visibility}));
        check();
    }
    delete(a, &path);
    check();
    let lines = batch::offers(a, (0..50).map(|number| format!("many-{number}")));
    assert!(batch::send(&a.node, &a.editor, "", lines).all(|line| line["status"] == 201));
    check();
}

fn what_is_written_here_is_soon_the_same_at_both_followers(database: Database) {
    let (a, b) = pair(database);
    let c = World::on(federated(database));
    c.at().follow(a.at());
    a.at().follow(c.at());
    let mut took = Vec::new();
    write_all_kinds_of_change(&a, || {
        let begun = Instant::now();
        let _ = b.at().wait_until_same(a.at(), SOON);
        let _ = c.at().wait_until_same(a.at(), SOON);
        took.push(begun.elapsed());
    });
    arrived_as_promised(took);
    let mut took = Vec::new();
    write_all_kinds_of_change(&c, || took.push(a.at().wait_until_same(c.at(), SOON)));
    arrived_as_promised(took);
    for at in [b.at(), c.at()] {
        at.verify(&a.node);
    }
    a.at().verify(&c.node);
    // Nothing of C came to B by way of A: a node tells only what is its own.
    assert!(b.at().entries(&c.node).is_empty());
    let said = b.node.ask(&["peer", "verify", &a.node.host()]);
    assert!(said.starts_with("both sides hold the same"), "{said}");
}

fn a_follower_that_no_hint_reaches_asks_by_itself(database: Database) {
    let a = World::on(federated(database));
    let front = Proxy::to_nobody();
    let settings = federated(other(database)).behind(&front);
    let b = Station::start(settings.with("PEER_POLL_SECONDS", "1"));
    front.also_to(b.node.address());
    b.at().follow(a.at());
    // From now on B reaches A, and A does not reach B.
    front.cut();
    write_all_kinds_of_change(&a, || {
        let _ = b.at().wait_until_same(a.at(), LATER);
    });
    b.at().verify(&a.node);
}

fn a_policy_takes_some_kinds_and_is_taken_back_and_both_sides_still_agree(database: Database) {
    let (a, b) = pair(database);
    let all = b.at().entries(&a.node);
    let set = |policy: Value| {
        let _ = b
            .at()
            .peer_answer(Method::PUT, &a.node, "/policy", &policy)
            .expect(200);
        b.at().verify(&a.node);
    };
    let kinds = |at: At<'_>| -> Vec<String> {
        let entries = at.entries(&a.node);
        let kinds = entries
            .values()
            .map(|entry| entry["kind"].as_str().unwrap());
        let mut kinds: Vec<String> = kinds.map(str::to_owned).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    set(json!({"kinds": ["offer"]}));
    wait_for("only offers are left", SOON, || {
        (kinds(b.at()) == ["offer"]).then_some(())
    });
    // What comes now is chosen by the policy as well.
    let _ = a.create("offer");
    let _ = a.create("quality-standard");
    wait_for("the new offer is here", SOON, || {
        let offers = a.at().found("kind=offer").len();
        (b.at().entries(&a.node).len() == offers).then_some(())
    });
    b.at().verify(&a.node);
    assert_eq!(kinds(b.at()), ["offer"]);
    let peer = b.at().peer(&a.node);
    assert!(peer["skipped"].as_u64().unwrap() >= 4, "{peer}");
    set(json!({}));
    b.at().wait_until_same(a.at(), SOON);
    assert_eq!(b.at().entries(&a.node).len(), all.len() + 2);
    assert_eq!(b.at().peer(&a.node)["skipped"], 0);
}

fn an_admin_sees_where_an_entry_comes_from_and_nobody_can_change_it_here(database: Database) {
    let (a, b) = pair(database);
    let path = format!("/api/v1/offers/{}", a.create("offer"));
    change(
        &a,
        &path,
        &json!({"content": {"title": {"en": "Xylographic counselling"}}}),
    );
    b.at().wait_until_same(a.at(), SOON);
    let (id, host) = (path.rsplit_once('/').unwrap().1, a.node.host());
    let here = format!("/api/v1/offers/{id}@{host}");
    let entry = b.admin.get(&b.node, &here).expect(200).json();
    assert_eq!(entry["origin"], a.node.base_url(), "{entry}");
    let provenance = &entry["provenance"];
    let did = format!("did:web:{}#", host.replace(':', "%3A"));
    let verified = provenance["verified_by"].as_str().unwrap();
    assert!(verified.starts_with(&did), "{entry}");
    assert!(provenance["since"].is_string() && provenance["received"].is_string());
    let url = provenance["url"].as_str().unwrap();
    assert!(
        url.starts_with(&a.node.base_url()) && url.contains(id),
        "{entry}"
    );
    // The uri is one that its own node answers to.
    let there = a.node.get(url.strip_prefix(&a.node.base_url()).unwrap());
    assert_eq!(there.send().unwrap().status(), 200, "{url}");

    // Found by all ways, by anybody.
    let nobody = lotse_tests::Party::anonymous();
    let first = id.to_owned();
    for query in [
        format!("origin={}", a.node.base_url()),
        "q=xylographic".to_owned(),
        "country=XK&topic=visa_entry".to_owned(),
    ] {
        let eyes = At {
            node: &b.node,
            admin: &nobody,
        };
        // Full text follows a moment later.
        wait_for(&query, SOON, || {
            eyes.found(&query).contains_key(&first).then_some(())
        });
    }
    let _ = nobody.get(&b.node, &here).expect(200);

    // It belongs to its node.
    let etag = b.admin.get(&b.node, &here).header("etag").to_owned();
    for (method, body) in [
        (Method::PATCH, json!({"content": {"cost": "free"}})),
        (Method::PUT, a.draft("offer")),
        (Method::DELETE, Value::Null),
    ] {
        let kind = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let request = b
            .admin
            .request(&b.node, method.clone(), &here)
            .header("If-Match", &etag)
            .header("Content-Type", kind)
            .body(body.to_string());
        let answer = lotse_tests::Answer::of(request).expect(403);
        assert_eq!(answer.problem(), "foreign_entry", "{method}");
    }
    b.at().wait_until_same(a.at(), SOON);
}

fn the_public_feed_tells_only_what_is_public_and_names_nobody(database: Database) {
    let a = World::on(federated(database));
    let path = format!("/api/v1/offers/{}", a.create("offer"));
    change(&a, &path, &json!({"visibility": "network"}));
    let contact = format!("/api/v1/contact-points/{}", a.create("contact-point"));
    let year = 1970 + UNIX_EPOCH.elapsed().unwrap().as_secs() / 31_556_952;
    let consent = json!({
        "given": format!("{}-01-01", year - 1),
        "scope": "public",
        "expires": format!("{}-12-31", year + 1),
    });
    let person = json!({"name": "Xanthippe Lavendel", "consent": consent});
    change(&a, &contact, &json!({"content": {"person": person}}));
    let b = Station::start(federated(other(database)).with("PEER_POLL_SECONDS", "1"));
    let (url, fingerprint) = (a.node.base_url(), a.at().fingerprint());
    b.at().follow_public(&url, &fingerprint);
    b.at().wait_until_agreed(&a.node);
    let public = |entry: &&Value| entry["visibility"] == "public";
    let theirs = a.at().entries(&a.node);
    let wanted = theirs.values().filter(public).count();
    wait_for("all that is public is there", LATER, || {
        (b.at().entries(&a.node).len() == wanted).then_some(())
    });
    assert!(wanted < theirs.len());
    assert!(b.at().entries(&a.node).values().all(|entry| public(&entry)));

    // It becomes visible to all, and to nobody again.
    let id = path.rsplit_once('/').unwrap().1;
    for (visibility, seen) in [("public", true), ("internal", false)] {
        change(&a, &path, &json!({"visibility": visibility}));
        wait_for(visibility, LATER, || {
            (b.at().entries(&a.node).contains_key(id) == seen).then_some(())
        });
    }
    b.at().verify(&a.node);

    // A name stays at home, whatever its owner agreed to: what has left cannot be called back.
    let here = a.node.get(&contact).send().unwrap().text().unwrap();
    assert!(here.contains("Xanthippe"), "{here}");
    let c = Station::start(federated(database));
    c.at().follow(a.at());
    for at in [b.at(), c.at()] {
        let entries = at.entries(&a.node);
        assert!(entries.contains_key(contact.rsplit_once('/').unwrap().1));
        let mut entries = entries.values();
        assert!(!entries.any(|entry| entry.to_string().contains("Xanthippe")));
    }
    let archive = c.node.outside("archive");
    let _ = c.node.ask(&["backup", archive.to_str().unwrap()]);
    assert!(
        !std::fs::read_to_string(archive)
            .unwrap()
            .contains("Xanthippe")
    );
}

fn a_policy_that_changes_in_the_middle_of_a_pull_counts(database: Database) {
    let a = World::on(federated(database));
    let lines = batch::offers(&a, (0..300).map(|number| format!("many-{number}")));
    assert!(batch::send(&a.node, &a.editor, "", lines).all(|line| line["status"] == 201));
    let b = Station::start(federated(other(database)).with("PEER_PAGE_ROWS", "1"));
    b.at().follow(a.at());
    for kinds in [json!(["organisation"]), json!([]), json!(["offer"])] {
        // Each begins a pull of hundreds of pages, in whose middle the next one comes.
        let policy = json!({"kinds": kinds});
        let _ = b
            .at()
            .peer_answer(Method::PUT, &a.node, "/policy", &policy)
            .expect(200);
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let offers = a.at().found("kind=offer").len();
    wait_for("only offers are here", LATER, || {
        let peer = b.at().peer(&a.node);
        let entries = b.at().entries(&a.node);
        let right = entries.values().all(|entry| entry["kind"] == "offer");
        (right && entries.len() == offers && peer["skipped"] != 0).then_some(())
    });
    b.at().verify(&a.node);
    assert_eq!(b.at().entries(&a.node).len(), offers);
}

fn who_changes_to_the_other_feed_keeps_nothing_of_the_first(database: Database) {
    let (a, b) = pair(database);
    let path = format!("/api/v1/offers/{}", a.create("offer"));
    change(&a, &path, &json!({"visibility": "network"}));
    b.at().wait_until_same(a.at(), SOON);
    let id = path.rsplit_once('/').unwrap().1;
    assert!(b.at().entries(&a.node).contains_key(id));
    let url = a.node.base_url();
    let _ = b.node.ask(&["peer", "add", &url, "--public"]);
    let theirs = a.at().entries(&a.node);
    let public = theirs
        .values()
        .filter(|entry| entry["visibility"] == "public");
    let public = public.count();
    wait_for("only what is public is here", LATER, || {
        (b.at().entries(&a.node).len() == public).then_some(())
    });
    assert!(!b.at().entries(&a.node).contains_key(id));
    b.at().verify(&a.node);
    // And back.
    b.at().follow(a.at());
    b.at().wait_until_same(a.at(), LATER);
    b.at().verify(&a.node);
}

fn who_is_parted_from_is_told_so(database: Database) {
    let (a, b) = pair(database);
    let c = World::on(federated(database));
    c.at().follow(a.at());
    a.at().follow(c.at());
    let (at_b, at_a) = (b.at().entries(&a.node).len(), a.at().entries(&c.node).len());
    // The one that follows goes, and the one that is followed.
    let _ = b.node.ask(&["peer", "reject", &a.node.host()]);
    let _ = a.node.ask(&["peer", "reject", &c.node.host()]);
    let told = |at: At<'_>, other: &lotse_tests::TestNode, follower: &str, following: &str| {
        let peer = at.peer(other);
        assert_eq!(peer["follower"], follower, "{peer}");
        assert_eq!(peer["following"], following, "{peer}");
    };
    told(a.at(), &b.node, "no", "no");
    told(c.at(), &a.node, "no", "rejected");
    // What was there stays, and nothing new comes.
    let (_, _) = (a.create("offer"), c.create("offer"));
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(b.at().entries(&a.node).len(), at_b);
    assert_eq!(a.at().entries(&c.node).len(), at_a);
}
