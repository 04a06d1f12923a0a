//! A database that goes away in the middle: writes wait for nobody, reads go on, and the node recovers by itself.

use std::time::{Duration, Instant};

use lotse_tests::{
    Answer, Node, World, batch,
    database::{address_of, fresh_postgres},
    proxy::Proxy,
    wait_for,
};
use reqwest::Method;

/// How long anybody may have to wait for the word that nothing can be written.
const PATIENCE: Duration = Duration::from_secs(25);

fn behind_a_proxy() -> (Proxy, World) {
    let url = fresh_postgres();
    let address = address_of(&url);
    let proxy = Proxy::to(address.clone());
    let url = url.replace(&address, proxy.address());
    let world = World::on(Node::on_url(&url));
    (proxy, world)
}

#[test]
fn without_its_database_a_node_reads_on_refuses_to_write_and_recovers_by_itself() {
    let (proxy, world) = behind_a_proxy();
    let offer = world.create("offer");
    let path = format!("/api/v1/offers/{offer}");

    proxy.cut();
    let begun = Instant::now();
    let refused = world
        .editor
        .post(&world.node, "/api/v1/offers", &world.draft("offer"))
        .expect(503);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert!(
        ["unavailable", "busy"].contains(&refused.problem().as_str()),
        "{refused:?}"
    );
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    for path in [
        path.as_str(),
        "/api/v1/offers?q=Beratung&country=XK",
        "/api/v1/coverage?rows=country&cols=topic",
    ] {
        let _ = world.anonymous.get(&world.node, path).expect(200);
        let _ = world.editor.get(&world.node, path).expect(200);
    }
    let _ = world.anonymous.get(&world.node, "/health/live").expect(200);
    let _ = world
        .anonymous
        .get(&world.node, "/health/ready")
        .expect(200);
    wait_for("the node says that it cannot write", 30, || {
        let ready = world
            .anonymous
            .get(&world.node, "/health/ready?for=writing");
        (ready.status == 503).then_some(())
    });

    proxy.mend();
    wait_for("the node is ready again", 30, || {
        let ready = world
            .anonymous
            .get(&world.node, "/health/ready?for=writing");
        (ready.status == 200).then_some(())
    });
    let _ = world
        .editor
        .post(&world.node, "/api/v1/offers", &world.draft("offer"))
        .expect(201);
}

#[test]
fn a_cut_during_a_batch_loses_no_acknowledged_line_and_doubles_none() {
    const LINES: usize = 3_000;
    let (proxy, world) = behind_a_proxy();
    let ids = || (0..LINES).map(|number| format!("cut-{number:05}"));
    let mut done = Vec::new();
    for (result, id) in
        batch::send(&world.node, &world.editor, "", batch::offers(&world, ids())).zip(ids())
    {
        if done.len() == 600 {
            proxy.cut();
        }
        match result["status"].as_u64().unwrap() {
            201 => done.push(id),
            status => assert_eq!(status, 503, "{result}"),
        }
    }
    assert!(done.len() >= 600);
    proxy.mend();
    wait_for("the node is ready again", 30, || {
        let ready = world
            .anonymous
            .get(&world.node, "/health/ready?for=writing");
        (ready.status == 200).then_some(())
    });
    let again: Vec<_> =
        batch::send(&world.node, &world.editor, "", batch::offers(&world, ids())).collect();
    assert!(
        again
            .iter()
            .all(|result| result["status"] == 200 || result["status"] == 201),
        "{:?}",
        again.last()
    );
    let stored = batch::stored(&world.node, &world.editor, "cut-");
    assert_eq!(stored.len(), LINES);
    assert!(done.iter().all(|id| {
        stored
            .iter()
            .any(|(stored, version)| stored == id && *version == 1)
    }));
}

#[test]
fn a_cut_during_single_writes_never_writes_twice_what_carries_a_key() {
    let (proxy, world) = behind_a_proxy();
    let mut made = Vec::new();
    for number in 0..60 {
        if number % 10 == 5 {
            proxy.cut();
        }
        let mut draft = world.draft("offer");
        draft["external_id"] = format!("key-{number}").into();
        let write = || {
            let request = world
                .editor
                .request(&world.node, Method::POST, "/api/v1/offers");
            Answer::of(
                request
                    .header("Idempotency-Key", format!("key-{number}"))
                    .json(&draft),
            )
        };
        let mut answer = write();
        while answer.status == 503 {
            proxy.mend();
            std::thread::sleep(Duration::from_millis(200));
            answer = write();
        }
        made.push(answer.expect(201).json()["id"].clone());
    }
    assert_eq!(
        batch::stored(&world.node, &world.editor, "key-").len(),
        made.len()
    );
}
