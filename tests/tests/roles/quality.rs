//! Who may do what with an assessment beside reading and writing it.

use lotse_tests::{Answer, Party, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ALL, COORDINATORS, Expected, Row, row, with_status};

/// The owner's people and coordinators may; who is somebody else does not know of it.
const OWN: Expected = [401, 404, 200, 200, 200, 200];

fn path(world: &World, rest: &str) -> String {
    let id = world.create("self-assessment");
    format!("/api/v1/self-assessments/{id}{rest}")
}

/// The one answer that the example standard asks for and the example does not give evidence for.
fn answer(party: &Party, world: &World, method: Method) -> Answer {
    let path = path(world, "/answers/D5.1");
    let request = party.request(&world.node, method.clone(), &path);
    let request = request.header("If-Match", "*");
    if method == Method::PUT {
        return Answer::of(request.json(&json!({"rating": 1})));
    }
    Answer::of(request)
}

/// An assessment that was taken so far by its owner.
fn taken(world: &World, steps: &[&str]) -> String {
    let path = path(world, "");
    for step in steps {
        let _ = world
            .editor
            .post(&world.node, &format!("{path}/steps/{step}"), &json!({}))
            .expect(200);
    }
    path
}

fn in_review(world: &World) -> (String, Value) {
    let path = taken(world, &["submit"]);
    let reviewer = json!({"reviewer": world.other_organisation});
    let started = world
        .coordinator
        .post(
            &world.node,
            &format!("{path}/steps/start_review"),
            &reviewer,
        )
        .expect(200);
    (path, started.json())
}

pub(super) fn rows() -> Vec<Row> {
    let base = "self-assessments/{id}";
    let read = |rest: &'static str| {
        row("GET", &format!("{base}{rest}"), OWN, move |world, party| {
            party.get(&world.node, &path(world, rest))
        })
    };
    let mut rows = vec![
        read("/preview"),
        read("/trend"),
        read("/export"),
        read("/follow-up"),
        row(
            "POST",
            &format!("{base}/follow-up"),
            with_status(OWN, 201),
            |world, party| party.post(&world.node, &path(world, "/follow-up"), &json!({})),
        ),
        row("POST", &format!("{base}/import"), OWN, |world, party| {
            let path = path(world, "");
            let table = world
                .editor
                .get(&world.node, &format!("{path}/export?format=csv"));
            let request = party.request(&world.node, Method::POST, &format!("{path}/import"));
            let table = table.expect(200).text.into_bytes();
            let request = request.header("Content-Type", "text/csv");
            Answer::of(request.header("If-Match", "*").body(table))
        }),
        // The owner submits; a coordinator does not submit for others.
        row(
            "POST",
            &format!("{base}/steps/{{step}}"),
            [401, 404, 200, 200, 403, 403],
            |world, party| party.post(&world.node, &path(world, "/steps/submit"), &json!({})),
        ),
        row(
            "POST",
            &format!("{base}/invitation"),
            [401, 404, 403, 403, 200, 200],
            |world, party| {
                let (path, _) = in_review(world);
                party.post(&world.node, &format!("{path}/invitation"), &json!({}))
            },
        ),
        // What is open to everybody, everybody reads in short.
        row("GET", &format!("{base}/summary"), ALL, |world, party| {
            let path = taken(world, &["submit"]);
            let public = json!({"profile": "public"});
            let publish = format!("{path}/steps/publish");
            let _ = world
                .editor
                .post(&world.node, &publish, &public)
                .expect(200);
            party.get(&world.node, &format!("{path}/summary"))
        }),
        row("GET", "quality-standards/{id}/form", ALL, |world, party| {
            let id = world.create("quality-standard");
            party.get(&world.node, &format!("/api/v1/quality-standards/{id}/form"))
        }),
        row(
            "GET",
            "quality-standards/{id}/distribution",
            COORDINATORS,
            |world, party| {
                let id = world.create("quality-standard");
                let path = format!("/api/v1/quality-standards/{id}/distribution");
                party.get(&world.node, &path)
            },
        ),
        // The token of an invitation opens it; an account opens it to nobody.
        row("GET", "review-invitation", [401; 6], |world, party| {
            party.get(&world.node, "/api/v1/review-invitation")
        }),
        row(
            "PUT",
            "review-invitation/views",
            [401; 6],
            |world, party| {
                let path = "/api/v1/review-invitation/views";
                party.send(&world.node, Method::PUT, path, &json!({}))
            },
        ),
    ];
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let expected = with_status(OWN, if method == Method::DELETE { 204 } else { 200 });
        rows.push(row(
            method.clone().as_str(),
            &format!("{base}/answers/{{criterion}}"),
            expected,
            move |world, party| answer(party, world, method.clone()),
        ));
    }
    rows
}
