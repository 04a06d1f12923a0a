//! Several processes of one node publish and follow, and any of them may go.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use diesel::{Connection, PgConnection, RunQueryDsl};
use lotse_tests::{
    Database, Node, Proxy, TestNode, World, batch,
    database::fresh_postgres,
    federation::{At, LATER, SOON, Station, federated},
    wait_for,
};

/// Upserts some offers at one process of A.
fn write(a: &World, node: &TestNode, name: &str, count: usize) {
    let lines = batch::offers(a, (0..count).map(|number| format!("{name}-{number}")));
    assert!(batch::send(node, &a.editor, "", lines).all(|line| line["status"] == 201));
}

#[test]
fn of_two_processes_of_each_node_any_may_be_killed() {
    let (to_a, to_b) = (Proxy::to_nobody(), Proxy::to_nobody());
    let mut a = World::on(federated(Database::Postgres).behind(&to_a));
    let a2 = Node::beside(&a.node).start();
    let mut b = Station::start(federated(Database::Postgres).behind(&to_b));
    let b2 = Node::beside(&b.node).start();
    for (proxy, processes) in [(&to_a, [&a.node, &a2]), (&to_b, [&b.node, &b2])] {
        for process in processes {
            proxy.also_to(process.address());
        }
    }
    b.at().follow(a.at());
    let at_b2 = At {
        node: &b2,
        admin: &b.admin,
    };
    let at_a2 = At {
        node: &a2,
        admin: &a.node_admin,
    };
    // Both write at once; whichever publishes hears of both, whichever is hinted tells both.
    thread::scope(|scope| {
        scope.spawn(|| write(&a, &a.node, "one", 60));
        scope.spawn(|| write(&a, &a2, "two", 60));
    });
    b.at().wait_until_same(a.at(), LATER);
    at_b2.wait_until_same(at_a2, SOON);

    // Those that have done the work until now go; the others take over once the lease has run out.
    a.node.kill();
    b.node.kill();
    write(&a, &a2, "three", 20);
    at_b2.wait_until_same(at_a2, LATER);
    at_b2.verify(&a2);
    // They come back, and the others go.
    a.node.restart();
    b.node.restart();
    let (mut a2, mut b2) = (a2, b2);
    a2.kill();
    b2.kill();
    write(&a, &a.node, "four", 20);
    b.at().wait_until_same(a.at(), LATER);
    b.at().verify(&a.node);
}

#[test]
fn two_publishers_and_two_followers_at_once_do_no_harm() {
    let (to_a, to_b) = (Proxy::to_nobody(), Proxy::to_nobody());
    let urls = [fresh_postgres(), fresh_postgres()];
    let on = |url: &str, proxy: &Proxy| {
        Node::on_url(url)
            .federated()
            .behind(proxy)
            .with("PEER_POLL_SECONDS", "1")
            .with("PEER_PAGE_ROWS", "5")
    };
    let a = World::on(on(&urls[0], &to_a));
    let a2 = Node::beside(&a.node).start();
    let b = Station::start(on(&urls[1], &to_b));
    let b2 = Node::beside(&b.node).start();
    for (proxy, processes) in [(&to_a, [&a.node, &a2]), (&to_b, [&b.node, &b2])] {
        for process in processes {
            proxy.also_to(process.address());
        }
    }
    b.at().follow(a.at());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // All leases run out all the time, so that every process believes that the work is its own.
        let urls = &urls;
        let over = &over;
        scope.spawn(move || {
            let mut databases = urls
                .clone()
                .map(|url| PgConnection::establish(&url).unwrap());
            while !over.load(Ordering::SeqCst) {
                for database in &mut databases {
                    let all = "update lease set until = 0";
                    diesel::sql_query(all).execute(database).unwrap();
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        let writers = [(&a.node, "one"), (&a2, "two")].map(|(node, name)| {
            let a = &a;
            scope.spawn(move || {
                for round in 0..10 {
                    write(a, node, &format!("{name}-{round}"), 10);
                }
            })
        });
        let written: Vec<_> = writers.map(|writer| writer.join()).into();
        over.store(true, Ordering::SeqCst);
        written.into_iter().for_each(|writer| writer.unwrap());
    });
    b.at().wait_until_same(a.at(), LATER);
    b.at().verify(&a.node);
    let peer = b.at().peer(&a.node);
    assert_eq!(peer["following"], "active", "{peer}");
    // Each change has one number, whoever published it.
    let log = a.node.log() + &a2.log();
    assert!(!log.contains("nothing can be published"), "{log}");
}

#[test]
fn each_process_is_ready_to_publish_as_long_as_its_feeds_answer() {
    let to_a = Proxy::to_nobody();
    let a = World::on(federated(Database::Postgres).behind(&to_a));
    let a2 = Node::beside(&a.node).start();
    let processes = [&a.node, &a2];
    let status = |node: &TestNode, path: &str| node.get(path).send().unwrap().status();
    let ready = "/health/ready?for=publishing";
    let feed = "/fed/v1/feeds/public/changes";
    let are = |what: &str, wanted: u16| {
        wait_for(what, LATER, || {
            let all = processes.iter().all(|node| status(node, ready) == wanted);
            all.then_some(())
        });
    };
    are("both are ready", 200);
    let (journal, aside) = (
        a.node.journal().join("journal.jsonl"),
        a.node.outside("journal-aside"),
    );
    // Whoever asks the feed finds out, and readiness says the same from then on.
    for path in ["changes", "head", "state", "state/0"] {
        fs::rename(&journal, &aside).unwrap();
        for node in processes {
            let path = format!("/fed/v1/feeds/public/{path}");
            assert_eq!(status(node, &path), 503, "{path}");
            assert_eq!(status(node, ready), 503, "{path}");
        }
        fs::rename(&aside, &journal).unwrap();
        for node in processes {
            assert_eq!(status(node, feed), 200);
        }
        are("both are ready again", 200);
    }
    // Where nobody asks, each process finds out by itself, whichever of them publishes.
    fs::rename(&journal, &aside).unwrap();
    are("both have noticed", 503);
    fs::rename(&aside, &journal).unwrap();
    are("both are ready in the end", 200);
}
