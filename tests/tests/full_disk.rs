//! A disk that is full: writes are refused with a clear answer, reads go on, nothing is half done, and with room again
//! everything goes on by itself.
//!
//! The limit is one on the size of files, which any user may set on its own process; the node meets it as a failing
//! write in every file that it has. On PostgreSQL the full disk is the database server's, not the node's.

use lotse_tests::{Database, Node, World, batch, wait_for};

#[test]
fn when_nothing_more_can_be_written_the_node_says_so_and_reads_on_until_there_is_room() {
    let world = World::on(Node::on(Database::Sqlite));
    let ids = |name: &str| {
        (0..700)
            .map(|number| format!("{name}-{number:04}"))
            .collect::<Vec<_>>()
    };
    let before: Vec<_> = batch::send(
        &world.node,
        &world.editor,
        "",
        batch::offers(&world, ids("before")),
    )
    .collect();
    assert!(before.iter().all(|result| result["status"] == 201));

    world.node.limit_files(Some(0));
    let refused = world
        .editor
        .post(&world.node, "/api/v1/offers", &world.draft("offer"));
    assert!([503, 507].contains(&refused.status), "{refused:?}");
    let _ = refused.problem();
    for query in ["", "?mode=all_or_nothing"] {
        for result in batch::send(
            &world.node,
            &world.editor,
            query,
            batch::offers(&world, ids("full")),
        ) {
            assert!(
                [424, 503, 507].contains(&result["status"].as_u64().unwrap()),
                "{result}"
            );
        }
    }
    for path in [
        "/api/v1/offers?country=XK",
        "/api/v1/offers?q=before-0001",
        "/health/live",
    ] {
        let _ = world.anonymous.get(&world.node, path).expect(200);
    }
    assert_eq!(batch::stored(&world.node, &world.editor, "full").len(), 0);

    world.node.limit_files(None);
    wait_for("the node writes again", 30, || {
        let answer = world
            .editor
            .post(&world.node, "/api/v1/offers", &world.draft("offer"));
        (answer.status == 201).then_some(())
    });
    let after: Vec<_> = batch::send(
        &world.node,
        &world.editor,
        "",
        batch::offers(&world, ids("full")),
    )
    .collect();
    assert!(
        after.iter().all(|result| result["status"] == 201),
        "{:?}",
        after.first()
    );
    assert_eq!(
        batch::stored(&world.node, &world.editor, "before").len(),
        700
    );
    assert_eq!(batch::stored(&world.node, &world.editor, "full").len(), 700);
    wait_for("text search finds what was written since", 30, || {
        let found = world
            .anonymous
            .get(&world.node, "/api/v1/offers?q=full-0699&limit=1")
            .expect(200)
            .json();
        (found["total"].as_u64()? > 0).then_some(())
    });

    let mut world = world;
    world.node.stop();
    let said = world.node.ask(&["check"]);
    assert!(said.contains("nothing differs"), "{said}");
}
