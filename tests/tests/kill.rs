//! `kill -9` at any moment loses nothing that was acknowledged, and leaves nothing half done.

use std::collections::BTreeMap;

use lotse_tests::{Database, Node, World, batch, on_both, rounds};

on_both!(
    a_kill_during_a_batch_loses_no_acknowledged_line,
    a_kill_during_a_whole_batch_leaves_all_of_it_or_nothing,
);

const LINES: usize = 1_500;

fn ids(round: usize) -> impl Iterator<Item = String> {
    (0..LINES).map(move |number| format!("round-{round}-{number:05}"))
}

fn a_kill_during_a_batch_loses_no_acknowledged_line(database: Database) {
    let mut world = World::on(Node::on(database));
    for round in 0..rounds(2, 15) {
        let lines = batch::offers(&world, ids(round));
        // Some results are read, then the process dies wherever it is.
        let few = 1 + (round * 733) % (LINES - 1);
        let mut acknowledged = BTreeMap::new();
        let mut names = ids(round);
        for result in batch::send(&world.node, &world.editor, "", lines.clone()).take(few) {
            assert_eq!(result["status"], 201, "{result}");
            acknowledged.insert(names.next().unwrap(), result["arrival"].as_i64().unwrap());
        }
        assert_eq!(acknowledged.len(), few);
        world.node.kill();
        world.node.restart();

        let prefix = format!("round-{round}-");
        let stored: BTreeMap<_, _> = batch::stored(&world.node, &world.editor, &prefix)
            .into_iter()
            .collect();
        let lost: Vec<_> = acknowledged
            .keys()
            .filter(|id| !stored.contains_key(*id))
            .collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        assert!(stored.values().all(|version| *version == 1));

        // Sent again, the rest is written and nothing twice.
        let again: Vec<_> = batch::send(&world.node, &world.editor, "", lines).collect();
        assert_eq!(again.len(), LINES);
        let created = again
            .iter()
            .filter(|result| result["status"] == 201)
            .count();
        assert_eq!(created, LINES - stored.len());
        assert_eq!(
            batch::stored(&world.node, &world.editor, &prefix).len(),
            LINES
        );
    }
    nothing_differs(&mut world);
}

fn a_kill_during_a_whole_batch_leaves_all_of_it_or_nothing(database: Database) {
    let mut world = World::on(Node::on(database));
    for round in 0..rounds(2, 15) {
        let lines = batch::offers(&world, ids(round));
        let node = &world.node;
        let party = &world.editor;
        std::thread::scope(|scope| {
            let sending =
                scope.spawn(|| batch::send(node, party, "?mode=all_or_nothing", lines).count());
            let wait = 40 * (1 + round as u64 * 3 % 10);
            std::thread::sleep(std::time::Duration::from_millis(wait));
            rustix::process::kill_process(node.process().unwrap(), rustix::process::Signal::KILL)
                .unwrap();
            let _ = sending.join().unwrap();
        });
        world.node.kill();
        world.node.restart();
        let stored = batch::stored(&world.node, &world.editor, &format!("round-{round}-")).len();
        assert!(
            stored == 0 || stored == LINES,
            "{stored} of {LINES} lines are there"
        );
    }
    nothing_differs(&mut world);
}

/// Database, index and references agree.
fn nothing_differs(world: &mut World) {
    world.node.stop();
    let said = world.node.ask(&["check"]);
    assert!(said.contains("nothing differs"), "{said}");
}
