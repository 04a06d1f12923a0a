//! Several processes on one database: nothing is lost, and each sees everything.

use std::{collections::BTreeSet, thread};

use lotse_tests::{
    Answer, Database, Node, Party, TestNode, World, batch, on_both, rounds, wait_for,
    world::{add_client, token_of},
};
use reqwest::Method;
use serde_json::json;

on_both!(
    concurrent_writers_lose_nothing_and_arrivals_are_dense,
    concurrent_changes_of_one_entry_are_all_counted,
    a_revocation_in_one_process_holds_in_the_other,
);

/// How long a process may take to hear of what another one wrote.
const SECONDS: u64 = 20;

fn concurrent_writers_lose_nothing_and_arrivals_are_dense(database: Database) {
    let world = World::on(Node::on(database));
    let second = Node::beside(&world.node).start();
    let each = rounds(60, 600);
    let write = |node: &TestNode, writer: &str| -> Vec<i64> {
        let mut arrivals = Vec::new();
        for number in 0..each {
            let mut draft = world.draft("offer");
            draft["external_id"] = json!(format!("w-{writer}-{number}"));
            let answer = world
                .editor
                .post(node, "/api/v1/offers", &draft)
                .expect(201);
            arrivals.push(answer.header("lotse-arrival").parse().unwrap());
            if number % 20 == 19 {
                let ids = (0..50).map(|line| format!("w-{writer}-{number}-{line}"));
                for result in batch::send(node, &world.editor, "", batch::offers(&world, ids)) {
                    assert_eq!(result["status"], 201, "{result}");
                    arrivals.push(result["arrival"].as_i64().unwrap());
                }
            }
        }
        arrivals
    };
    let all: Vec<Vec<i64>> = thread::scope(|scope| {
        let writers = [
            (&world.node, "a"),
            (&second, "b"),
            (&world.node, "c"),
            (&second, "d"),
        ];
        let running = writers.map(|(node, writer)| scope.spawn(move || write(node, writer)));
        running
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });

    // Each writer saw its own writes commit in order, and all numbers together have no gap and no twin.
    assert!(all.iter().all(|arrivals| arrivals.is_sorted()));
    let count: usize = all.iter().map(Vec::len).sum();
    let numbers: BTreeSet<i64> = all.into_iter().flatten().collect();
    let (first, last) = (*numbers.first().unwrap(), *numbers.last().unwrap());
    assert_eq!(numbers.len(), count);
    assert_eq!(last - first + 1, i64::try_from(count).unwrap());

    for node in [&world.node, &second] {
        wait_for("every process sees every entry", SECONDS, || {
            (batch::stored(node, &world.editor, "w-").len() == count).then_some(())
        });
    }
}

fn concurrent_changes_of_one_entry_are_all_counted(database: Database) {
    let world = World::on(Node::on(database));
    let second = Node::beside(&world.node).start();
    let path = format!("/api/v1/offers/{}", world.create("offer"));
    // A process that has not heard of the entry yet refuses nothing: what counts is the database.
    let each = rounds(25, 250) as u64;
    let change = |node: &TestNode, writer: u64| {
        for number in 0..each {
            let patch = json!({"content": {"waiting_days": writer * 1_000 + number}});
            let _ = world
                .editor
                .send(node, Method::PATCH, &path, &patch)
                .expect(200);
        }
    };
    thread::scope(|scope| {
        for writer in 0..4 {
            let node = if writer % 2 == 0 {
                &world.node
            } else {
                &second
            };
            scope.spawn(move || change(node, writer));
        }
    });
    for node in [&world.node, &second] {
        wait_for("every process sees the last version", SECONDS, || {
            let entry = world.editor.get(node, &path).expect(200).json();
            (entry["version"] == 4 * each + 1).then_some(())
        });
    }
}

fn a_revocation_in_one_process_holds_in_the_other(database: Database) {
    let world = World::on(Node::on(database));
    let second = Node::beside(&world.node).start();
    let client = add_client(&world.node, &world.coordinator, &world.organisation);
    let party = Party::with_token(&token_of(&world.node, &client));
    let me = || party.get(&second, "/api/v1/me").status;
    wait_for("the other process knows the client", SECONDS, || {
        (me() == 200).then_some(())
    });

    let path = format!(
        "/api/v1/organisations/{}/clients/{}",
        world.organisation, client.id
    );
    let _ = world.coordinator.delete(&world.node, &path).expect(204);
    wait_for("the other process knows the revocation", SECONDS, || {
        (me() == 401).then_some(())
    });
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    let _ = Answer::of(second.request(Method::POST, "/api/v1/token").form(&form)).expect(401);
}
