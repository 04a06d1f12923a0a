//! A process that stands still in the middle of a write holds up nobody for long.

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection, sql_query, sql_types::BigInt,
};
use lotse_tests::{Database, Node, World, wait_for};
use rustix::process::{Signal, kill_process};

/// Long enough for a busy machine, and far below what a frozen process could hold before.
const PATIENCE: Duration = Duration::from_secs(25);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[test]
fn the_transaction_of_a_frozen_process_ends_and_the_others_go_on() {
    let node = Node::on(Database::Postgres)
        .with("WRITE_IDLE_SECONDS", "2")
        .with("WRITE_WAIT_SECONDS", "20");
    let world = World::on(node);
    let second = Node::beside(&world.node).start();
    let mut database = PgConnection::establish(world.node.database_url().unwrap()).unwrap();
    let draft = world.draft("offer");
    thread::scope(|scope| {
        // The first process comes as far as its audit, with the lock of all writers in its hand.
        let hold = "begin; lock table audit in exclusive mode";
        database.batch_execute(hold).unwrap();
        let cut_off = scope.spawn(|| world.editor.post(&world.node, "/api/v1/offers", &draft));
        wait_for("the write waits", 20, || {
            let waiting = "select count(*) as count from pg_locks join pg_class on pg_class.oid = relation \
                           where relname = 'audit' and not granted";
            let found: Count = sql_query(waiting).get_result(&mut database).unwrap();
            (found.count > 0).then_some(())
        });
        let process = world.node.process().unwrap();
        kill_process(process, Signal::STOP).unwrap();
        database.batch_execute("commit").unwrap();

        let begun = Instant::now();
        let answer = world.editor.post(&second, "/api/v1/offers", &draft);
        let waited = begun.elapsed();
        kill_process(process, Signal::CONT).unwrap();
        let _ = answer.expect(201);
        assert!(waited < PATIENCE, "{waited:?}");
        // It was not acknowledged, and is tried again or refused; then the process goes on as ever.
        let cut_off = cut_off.join().unwrap();
        assert!([201, 503].contains(&cut_off.status), "{cut_off:?}");
    });
    let _ = world
        .editor
        .post(&world.node, "/api/v1/offers", &draft)
        .expect(201);
}

#[test]
fn where_no_server_can_end_it_others_are_refused_after_a_while() {
    let world = World::on(Node::on(Database::Sqlite).with("WRITE_WAIT_SECONDS", "1"));
    let file = world.node.data().join("lotse.sqlite");
    let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    other.batch_execute("begin immediate").unwrap();
    let draft = world.draft("offer");
    let begun = Instant::now();
    let refused = world.editor.post(&world.node, "/api/v1/offers", &draft);
    let waited = begun.elapsed();
    let refused = refused.expect(503);
    assert_eq!(refused.problem(), "busy");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert!(waited < PATIENCE, "{waited:?}");
    let _ = world
        .anonymous
        .get(&world.node, "/api/v1/offers?limit=1")
        .expect(200);
    other.batch_execute("rollback").unwrap();
    let _ = world
        .editor
        .post(&world.node, "/api/v1/offers", &draft)
        .expect(201);
}
