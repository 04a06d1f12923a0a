//! Standards are data: a second, quite different one works the same way, and one that contradicts itself is refused.

use lotse_tests::{
    Answer, Database, Node, World, on_both,
    quality::{Assessed, begin, id_of, shipped, standard},
};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(
    a_quite_different_standard_is_answered_and_scored_by_its_own_rule,
    a_standard_that_contradicts_itself_is_refused_at_its_place,
    answers_are_taken_over_to_a_new_version_and_the_old_one_is_closed,
);

/// Ratings from 1 to 6 in halves of nothing: another scale, cap, weights, rounding and levels.
fn other_standard(owner: &str) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/domain/tests/domain/quality/other-standard.json"
    );
    let content: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    json!({"owner": owner, "content": content})
}

fn a_quite_different_standard_is_answered_and_scored_by_its_own_rule(database: Database) {
    let world = World::on(Node::on(database));
    let path = "/api/v1/quality-standards";
    let draft = other_standard(&world.organisation);
    let standard = id_of(
        &world
            .coordinator
            .post(&world.node, path, &draft)
            .expect(201),
    );
    let id = begin(&world, &world.editor, &world.organisation, &standard);
    let it = Assessed {
        offer: world.organisation.clone(),
        world,
        standard,
        id,
    };
    assert_eq!(it.asked(), ["M1.1", "M1.2"]);
    let save = |criterion: &str, answer: Value| it.save(criterion, &answer, &[("If-Match", "*")]);
    assert_eq!(save("M1.1", json!({"rating": 0})).status, 422);
    let visit = |day: &str| json!({"type": "visit", "title": day, "date": "2026-10-01"});
    // 6 needs two pieces of evidence, else it counts as 4: (3 × 4 + 5 × 6) ÷ 8 = 5.25.
    let _ = save("M1.1", json!({"rating": 6, "evidence": [visit("first")]})).expect(200);
    let _ = save(
        "M1.2",
        json!({"rating": 6, "evidence": [visit("first"), visit("second")]}),
    )
    .expect(200);
    let means = it.means();
    assert_eq!(means["M1"], ("5.25".to_owned(), "ajar".to_owned()));
    it.own_step("submit", &json!({}));
    it.own_step("publish", &json!({}));
    let result = it.content()["record"]["result"].clone();
    assert_eq!(result["standard_is_draft"], false);
    assert_eq!(result["dimensions"][1]["outcome"], "not_in_scope");
}

fn a_standard_that_contradicts_itself_is_refused_at_its_place(database: Database) {
    let world = World::on(Node::on(database));
    let path = "/api/v1/quality-standards";
    let mut draft = shipped(&world.node);
    draft["owner"] = json!(world.organisation);
    // Who rates 3 without evidence would fall to 1, below who rates 2.
    draft["content"]["scoring"]["parameters"]["evidence_cap"]["effective_rating"] = json!(1);
    let refused = world
        .coordinator
        .post(&world.node, path, &draft)
        .expect(422)
        .json();
    assert_eq!(
        refused["errors"][0]["pointer"],
        "/content/scoring/parameters/evidence_cap/effective_rating"
    );
    // Only coordinators write standards.
    let own = world.editor.post(&world.node, path, &shipped(&world.node));
    assert_eq!(own.problem(), "forbidden");
}

fn answers_are_taken_over_to_a_new_version_and_the_old_one_is_closed(database: Database) {
    let it = Assessed::on(Node::on(database));
    it.answer_all(2);
    let (world, node) = (&it.world, &it.world.node);
    let old = format!("/api/v1/quality-standards/{}", it.standard);
    let change = |patch: Value| {
        let request = world.coordinator.request(node, Method::PATCH, &old);
        Answer::of(request.json(&patch))
    };
    // In use, so that nothing of it changes any more but its state.
    let refused = change(json!({"content": {"title": {"en": "Another"}}}))
        .expect(422)
        .json();
    assert_eq!(refused["errors"][0]["code"], "standard_immutable");
    // The new version drops one criterion.
    let mut dimensions = shipped(node)["content"]["dimensions"].clone();
    let dropped = dimensions[0]["criteria"].as_array_mut().unwrap().remove(0);
    let next = standard(
        world,
        &json!({"content": {
            "standard_version": "1.0.0", "state": "published", "supersedes": it.standard, "dimensions": dimensions,
        }}),
    );
    let look = it
        .get(&format!("/follow-up?standard={next}"))
        .expect(200)
        .json();
    let behind = &look["left_behind"][0];
    assert_eq!(behind["reason"], "criterion_gone");
    assert_eq!(
        behind["pointer"],
        format!("/answers/{}", dropped["id"].as_str().unwrap())
    );
    let begun = world
        .editor
        .post(node, &it.path("/follow-up"), &json!({"standard": next}))
        .expect(201)
        .json();
    assert_eq!(begun["assessment"]["content"]["standard"], next);
    assert_eq!(
        begun["assessment"]["content"]["answers"]
            .as_object()
            .unwrap()
            .len(),
        26
    );
    let _ = change(json!({"content": {"state": "superseded"}})).expect(200);
    assert_eq!(
        change(json!({"content": {"state": "published"}})).status,
        422
    );
    // Whoever still answers to the old version is told to take the answers over.
    let late = it
        .save("D1.2", &json!({"rating": 1}), &[("If-Match", "*")])
        .expect(422)
        .json();
    assert_eq!(late["errors"][0]["code"], "standard_superseded");
    let late = it.step(&world.editor, "submit", &json!({}));
    assert_eq!(
        (late.status, late.problem().as_str()),
        (409, "standard_superseded")
    );
    let late = json!({"owner": world.organisation,
        "content": {"subject": it.offer, "standard": it.standard, "state": "draft"}});
    let late = world.editor.post(node, "/api/v1/self-assessments", &late);
    assert_eq!(late.status, 422);
}
