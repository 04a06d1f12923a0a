//! What the workflow refuses: each for its own reason.

use lotse_tests::{
    Database, Node, on_both,
    quality::{Assessed, begin, invited},
};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(
    no_state_has_another_step_and_no_role_makes_anothers,
    nobody_reviews_itself_its_umbrella_or_whom_it_has_dealings_with,
    an_invitation_opens_one_submission_for_a_while,
    what_belongs_to_another_is_not_assessed,
);

fn refused(it: &Assessed, step: &str, body: &Value, status: u16, code: &str) {
    let answer = it.step(&it.world.editor, step, body);
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (status, code),
        "{step}"
    );
}

fn no_state_has_another_step_and_no_role_makes_anothers(database: Database) {
    let it = Assessed::on(Node::on(database));
    refused(&it, "publish", &json!({}), 409, "publish_from_draft");
    refused(&it, "withdraw", &json!({}), 409, "not_in_this_state");
    refused(&it, "confirm", &json!({}), 409, "no_verdict");
    refused(&it, "expire", &json!({}), 403, "not_your_step");
    refused(&it, "celebrate", &json!({}), 404, "not_found");
    it.answer_all(2);
    // Not even a coordinator submits for others; nor does it write the state by hand.
    let node = &it.world.node;
    let other = it.step(&it.world.coordinator, "submit", &json!({}));
    assert_eq!(
        (other.status, other.problem().as_str()),
        (403, "not_your_step")
    );
    let path = it.path("");
    let request = it.world.editor.request(node, Method::PATCH, &path);
    let by_hand = json!({"content": {"state": "published"}});
    let answer = lotse_tests::Answer::of(request.json(&by_hand)).expect(422);
    assert_eq!(answer.json()["errors"][0]["pointer"], "/content/state");
    it.own_step("submit", &json!({}));
    let reviewer = json!({"reviewer": it.world.other_organisation});
    refused(&it, "start_review", &reviewer, 403, "not_your_step");
    let late = it
        .save("D1.1", &json!({"rating": 1}), &[("If-Match", "*")])
        .expect(422);
    assert_eq!(late.json()["errors"][0]["code"], "not_editable");
    let _ = it
        .step(&it.world.coordinator, "start_review", &reviewer)
        .expect(200);
    refused(
        &it,
        "publish",
        &json!({}),
        409,
        "publish_from_in_peer_review",
    );
    // More of a part than of the profile is no choice.
    let wide = Assessed {
        id: begin(&it.world, &it.world.editor, &it.offer, &it.standard),
        ..it
    };
    wide.answer_all(1);
    wide.own_step("submit", &json!({}));
    refused(
        &wide,
        "publish",
        &json!({"profile": "network", "comments": "public"}),
        422,
        "invalid",
    );
    wide.own_step("publish", &json!({}));
    wide.own_step("withdraw", &json!({}));
    refused(&wide, "publish", &json!({}), 409, "not_in_this_state");
}

fn nobody_reviews_itself_its_umbrella_or_whom_it_has_dealings_with(database: Database) {
    let it = Assessed::on(Node::on(database));
    it.answer_all(2);
    it.own_step("submit", &json!({}));
    let (world, node) = (&it.world, &it.world.node);
    let ask = |body: &Value| it.step(&world.coordinator, "start_review", body);
    let code = |body: &Value| ask(body).problem();
    assert_eq!(
        code(&json!({"reviewer": world.organisation})),
        "reviews_itself"
    );
    let funded = json!({"reviewer": world.other_organisation, "last_funding": "2025-06-30"});
    assert_eq!(code(&funded), "funding_relation");
    assert_eq!(code(&json!({"reviewer": it.offer})), "invalid");
    assert_eq!(code(&json!({})), "malformed");
    // Both come under one umbrella.
    let umbrella =
        json!({"content": {"name": {"en": "Umbrella"}, "type": "ngo", "seat_country": "DE"}});
    let umbrella = world
        .coordinator
        .post(node, "/api/v1/organisations", &umbrella)
        .expect(201)
        .json();
    for organisation in [&world.organisation, &world.other_organisation] {
        let path = format!("/api/v1/organisations/{organisation}");
        let request = world.coordinator.request(node, Method::PATCH, &path);
        let patch = json!({"content": {"parent": umbrella["id"]}});
        let _ = lotse_tests::Answer::of(request.json(&patch)).expect(200);
    }
    assert_eq!(
        code(&json!({"reviewer": world.other_organisation})),
        "reviews_own_umbrella"
    );
    assert_eq!(
        code(&json!({"reviewer": umbrella["id"]})),
        "reviews_own_umbrella"
    );
}

fn an_invitation_opens_one_submission_for_a_while(database: Database) {
    let mut it = Assessed::on(Node::on(database));
    it.answer_all(2);
    it.own_step("submit", &json!({}));
    let reviewer = json!({"reviewer": it.world.other_organisation});
    let started = it
        .step(&it.world.coordinator, "start_review", &reviewer)
        .expect(200);
    let (first, path) = (invited(&started), "/api/v1/review-invitation");
    let again = it
        .world
        .coordinator
        .post(&it.world.node, &it.path("/invitation"), &json!({}))
        .expect(200);
    let second = json!({"invitation": again.json()});
    let second = lotse_tests::Party::with_token(second["invitation"]["token"].as_str().unwrap());
    assert_eq!(first.get(&it.world.node, path).problem(), "already_closed");
    let _ = second.get(&it.world.node, path).expect(200);
    // It is good for nothing else, and nothing else is good for it.
    assert_eq!(second.get(&it.world.node, &it.path("")).status, 401);
    assert_eq!(
        it.world.stranger.get(&it.world.node, path).problem(),
        "invalid_token"
    );
    assert_eq!(
        it.world.anonymous.get(&it.world.node, path).problem(),
        "invalid_token"
    );
    for (views, code) in [
        (
            json!({"criteria": {"D99.9": {"rating": 1}}}),
            "unknown_criterion",
        ),
        (
            json!({"criteria": {"D1.1": {"rating": 9}}}),
            "rating_outside_scale",
        ),
        (json!({"reason": "x".repeat(5_000)}), "too_long"),
    ] {
        let refused = second
            .send(
                &it.world.node,
                Method::PUT,
                &format!("{path}/views"),
                &views,
            )
            .expect(422);
        assert_eq!(refused.json()["errors"][0]["code"], code);
    }
    it.world.node.stop();
    it.world.node.set("DAYS_AHEAD", "31");
    it.world.node.restart();
    let over = second.get(&it.world.node, path);
    assert_eq!((over.status, over.problem().as_str()), (410, "expired"));
}

fn what_belongs_to_another_is_not_assessed(database: Database) {
    let it = Assessed::on(Node::on(database));
    let draft = |subject: &str| {
        json!({"owner": it.world.other_organisation,
            "content": {"subject": subject, "standard": it.standard, "state": "draft"}})
    };
    let path = "/api/v1/self-assessments";
    let refused = it
        .world
        .stranger
        .post(&it.world.node, path, &draft(&it.offer))
        .expect(422)
        .json();
    assert_eq!(refused["errors"][0]["code"], "not_own_subject");
    let own = it.world.other_organisation.clone();
    let _ = it
        .world
        .stranger
        .post(&it.world.node, path, &draft(&own))
        .expect(201);
}
