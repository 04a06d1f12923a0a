//! What an older version took for several peers is one from the upgrade on, and nothing that an admin approved is lost.

use lotse_storage::Storage;
use lotse_storage::feeds::{Follower, Following};

use crate::support::{TestDatabase, at, on_both};

on_both!(
    an_upgrade_leaves_one_peer_of_each_node_and_destroys_none_that_was_approved,
    an_upgrade_lets_go_of_what_was_too_large_and_counts_the_rest,
);

const MIGRATION: &str = "0005_peers";

/// Puts a database back to before the migration.
fn undo(database: &TestDatabase) {
    let kind = if database.is_sqlite() {
        "sqlite"
    } else {
        "postgres"
    };
    let down = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../migrations")
        .join(kind)
        .join(MIGRATION)
        .join("down.sql");
    database.execute(&std::fs::read_to_string(down).unwrap());
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '0005'");
}

/// A peer as an older version wrote it.
fn add(
    database: &TestDatabase,
    (id, base_url, did): (i64, &str, &str),
    pinned: bool,
    (following, follower): (&str, &str),
) {
    let pinned = match (database.is_sqlite(), pinned) {
        (true, pinned) => i64::from(pinned).to_string(),
        (false, pinned) => pinned.to_string(),
    };
    let no = if database.is_sqlite() { "0" } else { "false" };
    database.execute(&format!(
        "INSERT INTO peer (id, base_url, did, pinned, following, feed, follower, policy, asked, failures, sweep_allowed)
         VALUES ({id}, '{base_url}', '{did}', {pinned}, '{following}', 'network', '{follower}', '{{}}', {id}, 0, {no})"
    ));
}

async fn an_upgrade_leaves_one_peer_of_each_node_and_destroys_none_that_was_approved(
    database: TestDatabase,
) {
    drop(database.fresh().await);
    undo(&database);
    let (a, b, c) = (
        "did:web:a.example",
        "did:web:b.example",
        "did:web:c.example",
    );
    add(
        &database,
        (1, "http://a.example", a),
        false,
        ("no", "pending"),
    );
    add(
        &database,
        (2, "https://a.example", a),
        true,
        ("active", "approved"),
    );
    add(
        &database,
        (3, "https://a.example.", "did:web:a.example."),
        false,
        ("no", "pending"),
    );
    add(
        &database,
        (4, "http://b.example", b),
        true,
        ("active", "approved"),
    );
    add(
        &database,
        (5, "https://b.example", b),
        true,
        ("active", "approved"),
    );
    add(
        &database,
        (6, "https://c.example", c),
        false,
        ("no", "pending"),
    );
    add(
        &database,
        (7, "http://d.example", "did:web:d.example"),
        false,
        ("no", "pending"),
    );
    database.execute(
        "INSERT INTO denial (base_url, arrival, at) VALUES ('https://D.example.', 1000, 1)",
    );

    let ran = Storage::migrate(&database.url).await.unwrap();
    assert_eq!(ran, [MIGRATION]);
    let storage = database.open().await;
    let peers = storage.feeds.peers().list().await.unwrap();
    let left: Vec<(i64, bool)> = peers.iter().map(|peer| (peer.id, peer.pinned)).collect();
    assert_eq!(left, [(4, false), (2, true), (5, true), (6, false)]);
    let aside = &peers[0];
    assert_eq!(
        (aside.following, aside.follower),
        (Following::Frozen, Follower::Rejected)
    );
    assert_eq!(aside.error_code.as_deref(), Some("same_node"));
    let why = aside.error.as_deref().unwrap();
    assert!(why.contains("https://b.example"), "{why}");
    for did in [a, b, c] {
        let found = storage.feeds.peers().by_did(did).await.unwrap().unwrap();
        assert!(found.base_url.is_https(), "{did}");
    }
    let read = storage.feeds.read(at(1), |work| {
        let denied = work.is_denied(&"http://d.example".parse().unwrap())?;
        Ok((denied, work.denials()?))
    });
    assert_eq!(
        read.await.unwrap(),
        (true, vec!["https://d.example".to_owned()])
    );
}

async fn an_upgrade_lets_go_of_what_was_too_large_and_counts_the_rest(database: TestDatabase) {
    drop(database.fresh().await);
    undo(&database);
    let (yes, no) = if database.is_sqlite() {
        ("1", "0")
    } else {
        ("true", "false")
    };
    database.execute(&format!(
        "INSERT INTO origin (id, base_url, is_self) VALUES (9, 'https://a.example', {no});
         INSERT INTO feed (id, origin, name, epoch, seq, arrival, horizon, tree_seq, live, root, pull, pulling)
         VALUES (9, 9, 'public', 1, 3, 0, 0, 0, 3, '', 1, {no})"
    ));
    let rows = [
        ("1", "taken", "NULL", "'zwölf'"),
        (
            "2",
            "quarantined",
            "'it has 99 bytes, more than are wanted'",
            "'much'",
        ),
        ("3", "quarantined", "'an unknown kind'", "'more'"),
    ];
    for (id, state, reason, body) in rows {
        database.execute(&format!(
            "INSERT INTO statement (feed, leaf, entry, seq, live, hash, state, reason, pull, at, body)
             VALUES (9, 0, '{id}', {id}, {yes}, '', '{state}', {reason}, 1, 1, {body})"
        ));
    }
    let _ = Storage::migrate(&database.url).await.unwrap();
    assert_eq!(
        database.number("SELECT count(*) FROM statement WHERE body IS NULL"),
        1
    );
    // Six bytes of five letters, and four.
    assert_eq!(database.number("SELECT bytes FROM feed WHERE id = 9"), 10);
}
