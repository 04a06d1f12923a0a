//! What others may keep of an answer, and for how long: nobody can call back what a cache holds.

use lotse_tests::{
    Database, World, on_both,
    openapi::{Operation, operations},
};
use reqwest::header::{CACHE_CONTROL, EXPIRES};

on_both!(no_answer_that_shows_entries_is_kept_by_others_for_longer_than_is_promised);

/// Seconds for which an answer may be shown after it was given, as `docs/retention.md` says.
const PROMISED: u64 = 60 + 600;

/// For how long a cache may show an answer, whatever happens; none where nothing is said, which leaves it to the cache (RFC
/// 9111 section 4.2.2).
fn kept_for(control: &str) -> Option<u64> {
    let directives: Vec<&str> = control.split(',').map(str::trim).collect();
    let says = |name: &str| directives.contains(&name);
    if says("no-store") || says("private") {
        return Some(0);
    }
    let seconds = |name: &str| {
        let found = directives.iter().find_map(|it| it.strip_prefix(name))?;
        found.strip_prefix('=')?.parse::<u64>().ok()
    };
    let fresh = seconds("s-maxage").or(seconds("max-age"))?;
    let stale = ["stale-if-error", "stale-while-revalidate"].map(seconds);
    Some(fresh + stale.into_iter().flatten().max().unwrap_or(0))
}

fn no_answer_that_shows_entries_is_kept_by_others_for_longer_than_is_promised(database: Database) {
    let world = World::on(lotse_tests::Node::on(database).federated());
    let document = world.anonymous.get(&world.node, "/openapi.json");
    let offer = world.create("offer");
    let mut paths: Vec<String> = operations(&document.expect(200).json())
        .into_iter()
        .filter(|operation| operation.method == "GET")
        .map(|Operation { path, .. }| path.replace("{id}", &offer))
        .collect();
    for path in [
        "/api/v1/offers?format=csv",
        "/api/v1/offers?format=geojson",
        "/api/v1/offers?q=Beratung",
        "/",
        "/offers",
        "/imprint",
        "/privacy",
        "/.well-known/did.json",
        "/fed/v1/documents",
        "/fed/v1/feeds/public/changes",
        "/fed/v1/feeds/public/head",
        "/fed/v1/feeds/public/state",
        "/fed/v1/feeds/public/state/0",
        "/fed/v1/feeds/public/state/0/0",
    ] {
        paths.push(path.to_owned());
    }
    paths.push(format!("/entries/{offer}"));
    let mut found = 0;
    for path in paths {
        let answer = world.node.get(&path).send().unwrap();
        let (status, headers) = (answer.status(), answer.headers());
        let control = headers
            .get(CACHE_CONTROL)
            .map(|value| value.to_str().unwrap());
        let kept = control.and_then(kept_for);
        assert!(
            kept.is_some_and(|kept| kept <= PROMISED),
            "{path} ({status}): {control:?}"
        );
        // Refusals are for whoever was refused.
        assert!(
            status.is_success() || kept == Some(0),
            "{path} ({status}): {control:?}"
        );
        assert!(headers.get(EXPIRES).is_none(), "{path}");
        found += usize::from(status.is_success());
    }
    assert!(found > 30, "{found}");
}
