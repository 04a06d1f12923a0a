//! How a network stands: for coordinators, over five organisations at least, and so that two looks tell nothing of anybody.

use lotse_tests::{
    Answer, Database, Node, Party, World, on_both,
    quality::{rated, standard},
    world::{add_client, token_of},
};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(coordinators_see_how_many_stand_where_and_nobody_sees_who);

/// One more organisation, which publishes an assessment of itself.
fn one_more(it: &World, standard: &str, number: usize, rating: i32) -> (String, Party) {
    let draft = json!({"content": {"name": {"en": format!("Organisation {number}")}, "type": "ngo", "seat_country": "DE"}});
    let made = it
        .coordinator
        .post(&it.node, "/api/v1/organisations", &draft)
        .expect(201);
    let organisation = made.json()["id"].as_str().unwrap().to_owned();
    let key = add_client(&it.node, &it.coordinator, &organisation);
    let party = Party::with_token(&token_of(&it.node, &key));
    publish(it, &party, &organisation, standard, rating);
    (organisation, party)
}

fn publish(it: &World, party: &Party, organisation: &str, standard: &str, rating: i32) {
    let draft = json!({"owner": organisation, "content": {"subject": organisation, "standard": standard, "state": "draft"}});
    let path = "/api/v1/self-assessments";
    let made = party.post(&it.node, path, &draft).expect(201).json();
    let path = format!("{path}/{}", made["id"].as_str().unwrap());
    let preview = party
        .get(&it.node, &format!("{path}/preview"))
        .expect(200)
        .json();
    let asked = preview["criteria_in_scope"].as_array().unwrap().clone();
    let answers: serde_json::Map<String, Value> = asked
        .iter()
        .map(|id| (id.as_str().unwrap().to_owned(), rated(rating)))
        .collect();
    let request = party.request(&it.node, Method::PATCH, &path);
    let _ = Answer::of(request.json(&json!({"content": {"answers": answers}}))).expect(200);
    for step in ["submit", "publish"] {
        let _ = party
            .post(&it.node, &format!("{path}/steps/{step}"), &json!({}))
            .expect(200);
    }
}

fn coordinators_see_how_many_stand_where_and_nobody_sees_who(database: Database) {
    let mut world = World::on(Node::on(database).with("LOG", "info,lotse=debug"));
    let standard = standard(&world, &json!({}));
    let path = format!("/api/v1/quality-standards/{standard}/distribution");
    let look = |world: &World| world.coordinator.get(&world.node, &path).expect(200).json();
    // Distributions are made when the node starts, and every ten minutes.
    let made = |world: &World| world.node.log().matches("distributions are made").count();
    let anew = |world: &mut World| {
        world.node.stop();
        let before = made(world);
        world.node.restart();
        lotse_tests::wait_for("the node has looked", 10, || {
            (made(world) > before).then_some(())
        });
    };
    let mut parties: Vec<_> = (0..4)
        .map(|number| one_more(&world, &standard, number, 2))
        .collect();
    anew(&mut world);
    assert_eq!(
        look(&world)["distribution"],
        Value::Null,
        "over four nothing is shown"
    );
    for number in 4..8 {
        parties.push(one_more(&world, &standard, number, 3));
    }
    anew(&mut world);
    let first = look(&world)["distribution"].clone();
    assert_eq!(first["organisations"], 8);
    // Half of them stand on one level, half on another; what is not asked of organisations says nothing.
    let rows = first["dimensions"].as_array().unwrap();
    let counted = |row: &Value| {
        let cells = row["cells"].as_array().unwrap().iter();
        cells.filter(|cell| cell["count"] == 4).count()
    };
    assert!(rows.iter().any(|row| counted(row) == 2), "{rows:?}");
    assert!(rows.iter().any(|row| row["cells"] == json!([])), "{rows:?}");
    // One more changes nothing, so that nobody sees where it stands.
    parties.push(one_more(&world, &standard, 8, 4));
    anew(&mut world);
    assert_eq!(look(&world)["distribution"], first);
    // Only coordinators, and without any filter.
    for (party, status) in [
        (&world.anonymous, 401),
        (&world.editor, 403),
        (&world.org_admin, 403),
    ] {
        assert_eq!(party.get(&world.node, &path).status, status);
    }
    for (organisation, _) in &parties {
        assert!(!first.to_string().contains(organisation));
    }
}
