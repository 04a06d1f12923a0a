//! What an entity tag tells.

use lotse_tests::{Database, Node, Party, World};
use reqwest::Method;
use serde_json::json;

/// A place that its readers are shown roughly cannot be tried out.
#[test]
fn a_tag_is_made_of_nothing_that_its_reader_may_not_see() {
    let world = World::on(Node::on(Database::Sqlite));
    let offer = |lat: f64| {
        let content = json!({
            "title": {"en": "Advice"}, "organisation": world.organisation,
            "places": [{"country": "AL", "city": "Durr\u{eb}s", "lat": lat, "lon": 19.4533, "precision": "city"}],
        });
        let made = world
            .editor
            .post(&world.node, "/api/v1/offers", &json!({"content": content}));
        let made = made.expect(201);
        let path = format!("/api/v1/offers/{}", made.json()["id"].as_str().unwrap());
        let hash = made
            .header("etag")
            .trim_matches('"')
            .split('-')
            .nth(1)
            .unwrap()
            .to_owned();
        assert_eq!(hash.len(), 16, "a hash of the whole entry");
        (path, hash)
    };
    let (path, hash) = offer(41.3187);
    let anonymous = Party::anonymous();
    for query in ["", "?lang=en"] {
        let shown = anonymous
            .get(&world.node, &format!("{path}{query}"))
            .expect(200);
        let tag = shown.header("etag").to_owned();
        assert!(tag.starts_with("W/"), "{tag}");
        assert!(!tag.contains(&hash), "{tag} has the hash of what is hidden");
        let again = world
            .node
            .request(Method::GET, &format!("{path}{query}"))
            .header("If-None-Match", &tag)
            .send()
            .unwrap();
        assert_eq!(again.status(), 304);
    }
    // What is hidden alone has changed: for whoever does not see it, another version of the same.
    let rest = |tag: &str| tag.split_once('-').unwrap().1.to_owned();
    let before = anonymous.get(&world.node, &path).expect(200);
    let patch = json!({"content": {"places": [
        {"country": "AL", "city": "Durr\u{eb}s", "lat": 41.3188, "lon": 19.4533, "precision": "city"}]}});
    let _ = world
        .editor
        .send(&world.node, Method::PATCH, &path, &patch)
        .expect(200);
    let after = anonymous.get(&world.node, &path).expect(200);
    assert_ne!(before.header("etag"), after.header("etag"));
    assert!(
        !after.header("etag").contains(&rest(
            world
                .editor
                .get(&world.node, &path)
                .header("etag")
                .trim_matches('"')
        ))
    );
}

/// What a cache holds from before is not the same once a consent has run out.
#[test]
fn a_name_that_is_shown_no_more_changes_the_tag() {
    let mut world = World::on(Node::on(Database::Sqlite));
    let expires = (chrono::Utc::now() + chrono::Duration::days(200))
        .format("%Y-%m-%d")
        .to_string();
    let content = json!({
        "organisation": world.organisation, "function": "intake",
        "channels": [{"channel": "email", "value": "info@example.org"}],
        "person": {"name": "A name",
            "consent": {"given": "2026-01-01", "scope": "public", "expires": expires}},
    });
    let made = world.editor.post(
        &world.node,
        "/api/v1/contact-points",
        &json!({"content": content}),
    );
    let made = made.expect(201);
    let path = format!(
        "/api/v1/contact-points/{}",
        made.json()["id"].as_str().unwrap()
    );
    let before = Party::anonymous().get(&world.node, &path).expect(200);
    assert!(
        before.json()["content"]["person"].is_object(),
        "{:?}",
        before.json()
    );
    world.node.stop();
    world.node.set("DAYS_AHEAD", "250");
    world.node.restart();
    let after = world
        .node
        .request(Method::GET, &path)
        .header("If-None-Match", before.header("etag"))
        .send()
        .unwrap();
    assert_eq!(after.status(), 200);
    assert!(!after.text().unwrap().contains("A name"));
}
