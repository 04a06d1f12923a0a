//! `kill -9` of either side in the middle of pages loses nothing and takes nothing twice.

use std::{thread, time::Duration};

use lotse_tests::{
    Database, World, batch,
    federation::{LATER, Station, federated},
    on_both, rounds,
};

on_both!(a_kill_of_either_side_in_the_middle_of_pages_loses_nothing_and_takes_nothing_twice);

/// Changes of a round: many pages of three rows.
const CHANGES: usize = 60;

fn a_kill_of_either_side_in_the_middle_of_pages_loses_nothing_and_takes_nothing_twice(
    database: Database,
) {
    let other = match database {
        Database::Sqlite => Database::Postgres,
        Database::Postgres => Database::Sqlite,
    };
    let settings = |database| {
        federated(database)
            .with("PEER_POLL_SECONDS", "1")
            .with("PEER_PAGE_ROWS", "3")
    };
    let mut a = World::on(settings(database));
    let mut b = Station::start(settings(other));
    b.at().follow(a.at());
    let (mut in_the_middle, kills) = (0, rounds(25, 500));
    for round in 0..kills {
        // Some new ones, and some that are there already.
        let ids = (0..CHANGES).map(|number| format!("k-{}", round * CHANGES / 2 % 400 + number));
        let lines = batch::offers(&a, ids);
        assert!(
            batch::send(&a.node, &a.editor, "", lines)
                .all(|line| line["status"].as_u64() < Some(300))
        );
        // Anywhere in the hundreds of milliseconds that publishing and pulling take.
        thread::sleep(Duration::from_millis(40 + (round as u64 * 97) % 460));
        if round % 2 == 0 {
            let seq = b.at().peer(&a.node)["seq"].as_u64().unwrap();
            b.node.kill();
            let head = a.node.get("/fed/v1/feeds/public/head").send().unwrap();
            let head: serde_json::Value = head.json().unwrap();
            in_the_middle += usize::from(seq < head["seq"].as_u64().unwrap());
            b.node.restart();
        } else {
            a.node.kill();
            a.node.restart();
        }
    }
    b.at().wait_until_same(a.at(), LATER * 2);
    b.at().verify(&a.node);
    assert!(in_the_middle > 0, "no kill came in the middle of anything");
    for node in [&mut a.node, &mut b.node] {
        node.stop();
        let said = node.ask(&["check"]);
        assert!(said.contains("nothing differs"), "{said}");
    }
}
