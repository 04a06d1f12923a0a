//! Several people work on one assessment at once, and nothing that they write is lost.

use lotse_tests::{
    Answer, Database, Node, Party, on_both,
    quality::{Assessed, rated},
};
use reqwest::Method;
use serde_json::json;

on_both!(
    two_people_answer_at_once_and_nobody_overwrites_an_answer_unseen,
    what_cannot_be_answered_so_is_refused_with_its_own_code,
    a_preview_shows_where_one_stands_and_names_each_gap,
);

fn two_people_answer_at_once_and_nobody_overwrites_an_answer_unseen(database: Database) {
    let it = Assessed::on(Node::on(database));
    // Different criteria at the same time: all are kept.
    std::thread::scope(|scope| {
        for criterion in ["D1.1", "D1.2", "D1.3", "D2.1"] {
            let it = &it;
            scope.spawn(move || {
                let first = [("If-None-Match", "*")];
                let _ = it.save(criterion, &rated(2), &first).expect(200);
            });
        }
    });
    assert_eq!(it.content()["answers"].as_object().unwrap().len(), 4);
    // The same criterion: who has not seen the other's answer is told so, and can read it.
    let seen = it.get("/answers/D1.1").expect(200);
    let etag = seen.header("etag").to_owned();
    let saved = it
        .save("D1.1", &rated(3), &[("If-Match", &etag)])
        .expect(200);
    assert_ne!(saved.header("etag"), etag);
    let late = it.save("D1.1", &rated(1), &[("If-Match", &etag)]);
    assert_eq!(
        (late.status, late.problem().as_str()),
        (412, "precondition_failed")
    );
    let late = it.save("D1.1", &rated(1), &[("If-None-Match", "*")]);
    assert_eq!(late.status, 412);
    assert_eq!(it.get("/answers/D1.1").expect(200).json()["rating"], 3);
    // Without saying what one has seen, nothing is saved; the same again does no harm.
    assert_eq!(
        it.save("D1.1", &rated(1), &[]).problem(),
        "precondition_required"
    );
    let _ = it
        .save("D1.1", &rated(3), &[("If-Match", &etag)])
        .expect(200);
    // Taken out again.
    let now = saved.header("etag").to_owned();
    let request = |etag: &str| {
        let request =
            it.world
                .editor
                .request(&it.world.node, Method::DELETE, &it.path("/answers/D1.1"));
        Answer::of(request.header("If-Match", etag))
    };
    assert_eq!(request(&etag).status, 412);
    let _ = request(&now).expect(204);
    assert_eq!(it.get("/answers/D1.1").status, 404);
    // Others see nothing of it.
    for (party, status) in [(&it.world.stranger, 404), (&it.world.anonymous, 401)] {
        let answer = party.get(&it.world.node, &it.path("/answers/D1.2"));
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

fn what_cannot_be_answered_so_is_refused_with_its_own_code(database: Database) {
    let it = Assessed::on(Node::on(database));
    for (criterion, answer, place, code) in [
        (
            "D1.1",
            json!({"rating": 5}),
            "/content/answers/D1.1/rating",
            "rating_outside_scale",
        ),
        (
            "D1.1",
            json!({"rating": -1}),
            "/content/answers/D1.1/rating",
            "rating_outside_scale",
        ),
        (
            "D99.1",
            json!({"rating": 1}),
            "/content/answers/D99.1",
            "unknown_criterion",
        ),
        (
            "D1.1",
            json!({"not_applicable": " "}),
            "/content/answers/D1.1/not_applicable",
            "not_applicable_without_reason",
        ),
        (
            "D1.1",
            json!({"rating": 3, "evidence": [{"type": "concept", "title": "x", "date": "2029-01-01"}]}),
            "/content/answers/D1.1/evidence/0/date",
            "in_the_future",
        ),
    ] {
        let refused = it
            .save(criterion, &answer, &[("If-Match", "*")])
            .expect(422)
            .json();
        let found = &refused["errors"][0];
        assert_eq!(
            (&found["pointer"], &found["code"]),
            (&json!(place), &json!(code)),
            "{refused}"
        );
    }
    let outside = it.save(
        "D1.1",
        &json!({"rating": 2, "overall": 4}),
        &[("If-Match", "*")],
    );
    assert_eq!(outside.problem(), "malformed");
    assert_eq!(it.content().get("answers"), None);
}

fn a_preview_shows_where_one_stands_and_names_each_gap(database: Database) {
    let it = Assessed::on(Node::on(database));
    let preview = |party: &Party| party.get(&it.world.node, &it.path("/preview"));
    let shown = preview(&it.world.editor).expect(200).json();
    assert_eq!(shown["criteria_in_scope"].as_array().unwrap().len(), 27);
    assert_eq!(shown["gaps"].as_array().unwrap().len(), 27);
    assert_eq!(shown["standard_is_draft"], true);
    assert_eq!(shown.get("overall"), None);
    let refused = it
        .step(&it.world.editor, "submit", &json!({}))
        .expect(422)
        .json();
    assert_eq!(refused["code"], "assessment_incomplete");
    assert_eq!(
        refused["errors"][0]["pointer"],
        shown["gaps"][0]["pointer"]
            .as_str()
            .map(|at| format!("/content{at}"))
            .unwrap()
    );
    // High without evidence counts as less, and says so.
    let _ = it
        .save("D1.1", &json!({"rating": 4}), &[("If-Match", "*")])
        .expect(200);
    let shown = preview(&it.world.coordinator).expect(200).json();
    assert_eq!(shown["without_evidence"], json!(["D1.1"]));
    it.answer_all(3);
    let means = it.means();
    assert!(
        !means.is_empty() && means.values().all(|(mean, _)| mean == "3.0"),
        "{means:?}"
    );
    assert_eq!(preview(&it.world.stranger).status, 404);
    assert_eq!(preview(&it.world.anonymous).status, 401);
}
