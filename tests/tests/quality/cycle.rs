//! The whole cycle over two nodes: a partner, a peer reviewer on another node, a coordinator, and a year later.

use lotse_tests::{
    Answer, Database, Party, World,
    federation::{LATER, SOON, federated},
    on_both,
    quality::{Assessed, id_of, invited},
    wait_for,
};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(
    a_result_with_the_view_of_a_peer_on_another_node_is_published_and_followed_up_a_year_later,
    a_result_runs_out_is_asked_for_anew_and_ends_in_the_archive,
    a_reviewer_on_the_same_node_reads_no_more_than_the_submission,
);

/// The review of a submission as the reviewer writes it at its own node.
fn review(submission: &Value, verdict: &str, reason: Option<&str>, own: &str) -> Value {
    json!({"owner": own, "content": {
        "assessment": submission["assessment"], "organisation": submission["organisation"],
        "reviewer": own, "state": "given", "verdict": verdict, "reason": reason,
        "submission": submission["submission"],
        "criteria": {"D1.1": {"stance": "differ", "rating": 1, "comment": "we saw no list"}},
    }})
}

/// A coordinator asks for a review: who has the invitation, and what it reads.
fn ask(it: &Assessed, reviewer: &str) -> (Party, Value) {
    let asked = json!({"reviewer": reviewer});
    let started = it
        .step(&it.world.coordinator, "start_review", &asked)
        .expect(200);
    let token = invited(&started);
    let read = token.get(&it.world.node, "/api/v1/review-invitation");
    (token, read.expect(200).json())
}

fn wait_for_state(it: &Assessed, state: &str) {
    wait_for(&format!("the state {state}"), LATER, || {
        (it.content()["state"] == state).then_some(())
    });
}

fn leave(it: &Assessed, reviewer: &Party, views: &Value) -> Answer {
    let path = "/api/v1/review-invitation/views";
    reviewer.send(&it.world.node, Method::PUT, path, views)
}

fn a_result_with_the_view_of_a_peer_on_another_node_is_published_and_followed_up_a_year_later(
    database: Database,
) {
    let mut it = Assessed::on(federated(database));
    let mut peer = World::on(federated(database));
    it.world.at().follow(peer.at());
    peer.at().follow(it.world.at());
    it.answer_all(2);
    it.plan();
    it.own_step("submit", &json!({}));

    // The coordinator asks an organisation of the other node.
    let reviewer = format!("{}/entries/{}", peer.node.base_url(), peer.organisation);
    wait_for("the reviewer is known here", SOON, || {
        let found = it.world.coordinator.get(
            &it.world.node,
            &format!(
                "/api/v1/organisations/{}@{}",
                peer.organisation,
                peer.node.host()
            ),
        );
        (found.status == 200).then_some(())
    });
    let (token, submission) = ask(&it, &reviewer);
    assert_eq!(
        submission["answers"]["D1.1"]["comment"],
        "as agreed in the team"
    );
    assert_eq!(
        submission["criteria_in_scope"].as_array().unwrap().len(),
        27
    );

    // First it goes back, for a reason that no feed tells.
    let views = json!({"reason": "Please name the list of referrals.",
        "criteria": {"D1.1": {"stance": "differ", "rating": 1, "comment": "we saw no list"}}});
    let _ = leave(&it, &token, &views).expect(200);
    let given = review(
        &submission,
        "returned",
        Some("Please name the list."),
        &peer.organisation,
    );
    let path = "/api/v1/assessment-reviews";
    let _ = peer.editor.post(&peer.node, path, &given).expect(201);
    wait_for_state(&it, "returned");
    let record = it.content()["record"].clone();
    assert_eq!(
        record["reviews"][0]["reason"],
        "Please name the list of referrals."
    );
    assert_eq!(record["reviews"][0]["criteria"]["D1.1"]["rating"], 1);
    wait_for("the invitation has had its answer", SOON, || {
        let answer = token.get(&it.world.node, "/api/v1/review-invitation");
        (answer.status == 409 && answer.problem() == "already_closed").then_some(())
    });
    let at_here = it.world.coordinator.get(
        &it.world.node,
        &format!("{path}?origin={}", peer.node.base_url()),
    );
    assert!(!at_here.text.contains("we saw no list"), "{}", at_here.text);

    // Then it passes; the answer that the peer sees differently stays as it is.
    let _ = it
        .save(
            "D1.1",
            &lotse_tests::quality::rated(3),
            &[("If-Match", "*")],
        )
        .expect(200);
    it.own_step("submit", &json!({}));
    let (_, submission) = ask(&it, &reviewer);
    let given = review(&submission, "confirmed", None, &peer.organisation);
    let _ = peer.editor.post(&peer.node, path, &given).expect(201);
    wait_for_state(&it, "confirmed");

    // Published, as chosen: profile and plan to the network, nothing to the public.
    it.own_step("publish", &json!({}));
    let content = it.content();
    assert_eq!(content["record"]["result"]["method"], "self+peer");
    assert_eq!(content["answers"]["D1.1"]["rating"], 3);
    assert_eq!(content["record"]["history"].as_array().unwrap().len(), 7);
    let there = format!(
        "/api/v1/self-assessments/{}@{}",
        it.id,
        it.world.node.host()
    );
    let seen = wait_for("the profile at the other node", LATER, || {
        let seen = peer.editor.get(&peer.node, &there);
        (seen.status == 200).then(|| seen.json())
    });
    assert_eq!(seen["content"]["state"], "published");
    assert_eq!(
        seen["content"]["record"]["result"]["dimensions"]
            .as_array()
            .unwrap()
            .len(),
        8
    );
    assert_eq!(
        seen["content"]["improvement_plan"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let text = seen.to_string();
    for secret in [
        "as agreed in the team",
        "Concept of counselling",
        "we saw no list",
        "\"rating\"",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(peer.anonymous.get(&peer.node, &there).status, 404);
    let summary = peer
        .editor
        .get(&peer.node, &format!("{there}/summary?lang=de"))
        .expect(200)
        .json();
    assert_eq!(summary["method"], "self+peer");
    assert_eq!(summary["standard"]["is_draft"], true);
    assert!(
        summary["notice"]["de"]
            .as_str()
            .unwrap()
            .contains("keine Zertifizierung")
    );

    // A year later a note on progress is due, and the next round begins from the answers.
    it.world.node.stop();
    peer.node.stop();
    for node in [&mut it.world.node, &mut peer.node] {
        node.set("DAYS_AHEAD", "366");
        node.restart();
    }
    it.world.editor = sign_in_anew(&it.world);
    it.world.coordinator = it.world.coordinator.again(&it.world.node);
    let tasks = it
        .world
        .editor
        .get(&it.world.node, "/api/v1/tasks/reviews")
        .expect(200)
        .json();
    let task = tasks["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|task| task["id"] == it.id);
    let task = task.unwrap();
    assert_eq!(task["task"], "progress_note", "{tasks}");
    assert!(task["subject"]["title"].is_object(), "{tasks}");
    let begun = it
        .world
        .editor
        .post(&it.world.node, &it.path("/follow-up"), &json!({}))
        .expect(201)
        .json();
    assert_eq!(
        begun["taken_over"]["answers"].as_object().unwrap().len(),
        27
    );
    let first = it.id.clone();
    begun["assessment"]["id"]
        .as_str()
        .unwrap()
        .clone_into(&mut it.id);
    it.answer_all(3);
    it.own_step("submit", &json!({}));
    it.own_step(
        "publish",
        &json!({"profile": "public", "improvement_plan": "network"}),
    );
    let trend = it.get("/trend").expect(200).json();
    let changed = trend["changes"][0]["dimensions"].as_array().unwrap().iter();
    assert!(
        changed
            .clone()
            .any(|it| it["change"].as_str().is_some_and(|it| it != "0.0")),
        "{trend}"
    );
    // The newer one takes the place of the older.
    let older = it
        .world
        .editor
        .get(&it.world.node, &format!("/api/v1/self-assessments/{first}"));
    assert_eq!(older.expect(200).json()["content"]["state"], "superseded");
    let public = it
        .world
        .anonymous
        .get(&it.world.node, &it.path("/summary"))
        .expect(200)
        .json();
    assert_eq!(public["method"], "self");
    // People find it as a page, which says what it is not.
    let page = it
        .world
        .anonymous
        .get(&it.world.node, &format!("/entries/{}?lang=de", it.id));
    let page = page.expect(200).text;
    for words in ["keine Zertifizierung", "Entwurf", "3.0 · reliable"] {
        assert!(page.contains(words), "{words} is not on {page}");
    }
    assert!(!page.contains("as agreed in the team"));
}

/// The editor's token is older than a year by now.
fn sign_in_anew(world: &World) -> Party {
    let key = lotse_tests::world::add_client(
        &world.node,
        &world.coordinator.again(&world.node),
        &world.organisation,
    );
    Party::with_token(&lotse_tests::world::token_of(&world.node, &key))
}

fn a_result_runs_out_is_asked_for_anew_and_ends_in_the_archive(database: Database) {
    let mut it = Assessed::on(lotse_tests::Node::on(database));
    it.answer_all(2);
    it.own_step("submit", &json!({}));
    it.own_step("publish", &json!({"profile": "public"}));
    assert_eq!(it.content()["record"]["result"]["method"], "self");
    let later = |it: &mut Assessed, days: &str| {
        it.world.node.stop();
        it.world.node.set("DAYS_AHEAD", days);
        it.world.node.restart();
        it.world.editor = sign_in_anew(&it.world);
    };
    let task = |it: &Assessed| {
        let tasks = it
            .world
            .editor
            .get(&it.world.node, "/api/v1/tasks/reviews")
            .expect(200)
            .json();
        let tasks = tasks["items"].as_array().unwrap().clone();
        tasks
            .into_iter()
            .find(|task| task["id"] == it.id)
            .map(|task| task["task"].clone())
    };
    assert_eq!(task(&it), None);
    // 60 days before the two years are over.
    later(&mut it, "680");
    assert_eq!(task(&it), Some(json!("assess_anew")));
    assert_eq!(it.content()["state"], "published");
    later(&mut it, "740");
    wait_for_state(&it, "expired");
    let summary = it
        .world
        .anonymous
        .get(&it.world.node, &it.path("/summary"))
        .expect(200);
    assert_eq!(summary.json()["state"], "expired");
    later(&mut it, "1120");
    wait_for("it is in the archive", LATER, || {
        let seen = it.world.anonymous.get(&it.world.node, &it.path(""));
        (seen.status == 404).then_some(())
    });
    assert_eq!(it.content()["state"], "expired");
    it.own_step("renew", &json!({}));
    let content = it.content();
    assert_eq!(content["state"], "draft");
    assert_eq!(
        content["record"]["earlier_results"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

fn a_reviewer_on_the_same_node_reads_no_more_than_the_submission(database: Database) {
    let it = Assessed::on(lotse_tests::Node::on(database));
    it.answer_all(2);
    it.own_step("submit", &json!({}));
    let (world, other) = (&it.world, &it.world.other_organisation);
    let started = it
        .step(
            &world.coordinator,
            "start_review",
            &json!({"reviewer": other}),
        )
        .expect(200);
    assert_eq!(world.stranger.get(&world.node, &it.path("")).status, 404);
    let submission = invited(&started)
        .get(&world.node, "/api/v1/review-invitation")
        .expect(200)
        .json();
    let mut given = review(&submission, "confirmed", None, other);
    given["content"]["assessment"] = json!(it.id);
    given["content"]["organisation"] = json!(world.organisation);
    // In its own name, and of what it read.
    let mut wrong = given.clone();
    wrong["content"]["submission"] = json!("0".repeat(32));
    let path = "/api/v1/assessment-reviews";
    let refused = world
        .stranger
        .post(&world.node, path, &wrong)
        .expect(422)
        .json();
    assert_eq!(refused["errors"][0]["code"], "other_submission");
    let id = id_of(&world.stranger.post(&world.node, path, &given).expect(201));
    wait_for_state(&it, "confirmed");
    let view = it.content()["record"]["reviews"][0].clone();
    assert_eq!(view["criteria"]["D1.1"]["rating"], 1, "both views stay");
    assert_eq!(
        it.content()["answers"]["D1.1"]["rating"],
        2,
        "both views stay"
    );
    // A verdict is given once.
    let change = json!({"content": {"verdict": "returned", "reason": "we think again"}});
    let request = world
        .stranger
        .request(&world.node, Method::PATCH, &format!("{path}/{id}"));
    assert_eq!(Answer::of(request.json(&change)).status, 422);
}
