//! The order of changes: dense, committed in order, and complete for whoever follows it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::{EntryId, Kind};
use lotse_storage::{Changed, Membership, NewAccount, NewClient, Storage};
use uuid::Uuid;

use crate::support::{
    ANY_COORDINATOR, TestDatabase, apply, at, coordinator, create, delete, new_id, offer_draft,
    on_both, organisation, replace, upsert,
};

on_both!(
    writers_in_two_processes_lose_nothing_and_every_follower_sees_every_change,
    a_follower_ends_with_the_latest_state_whatever_changes_while_it_reads,
    a_process_that_is_killed_in_the_middle_loses_nothing_that_it_acknowledged,
    pages_of_changes_join_without_gap_or_overlap,
    accounts_clients_and_sessions_stand_in_the_same_order,
    the_process_hears_of_its_own_commits,
);

/// The process of `examples/writer.rs`, which `cargo test` builds.
fn writer(database: &TestDatabase, owner: EntryId, batches: u32, size: u32, prefix: &str) -> Child {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/writer");
    assert!(
        program.exists(),
        "{} is missing: run `cargo test -p lotse-storage`",
        program.display()
    );
    Process::new(program)
        .args([
            &database.url,
            &owner.to_string(),
            &batches.to_string(),
            &size.to_string(),
            prefix,
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Follows the changes in small steps until the writers have stopped and everything is read.
async fn follow(storage: Storage, limit: usize, stopped: Arc<AtomicBool>) -> Vec<Changed> {
    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        let last_round = stopped.load(Ordering::SeqCst);
        let changes = storage
            .directory
            .changes_since(cursor, limit)
            .await
            .unwrap();
        assert!(changes.items.len() <= limit);
        assert!(
            changes
                .items
                .iter()
                .all(|item| item.arrival() > cursor && item.arrival() <= changes.through)
        );
        assert!(changes.items.is_sorted_by_key(Changed::arrival));
        let more = changes.more;
        cursor = changes.through;
        seen.extend(changes.items);
        if !more {
            if last_round {
                return seen;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

async fn writers_in_two_processes_lose_nothing_and_every_follower_sees_every_change(
    database: TestDatabase,
) {
    const TASKS: i64 = 6;
    const EACH: i64 = 15;
    const OTHERS: u32 = 60;
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let stopped = Arc::new(AtomicBool::new(false));
    let second = database.open().await;
    let followers: Vec<_> = [
        (storage.clone(), 1),
        (second.clone(), 3),
        (second.clone(), 1_000),
    ]
    .into_iter()
    .map(|(storage, limit)| tokio::spawn(follow(storage, limit, Arc::clone(&stopped))))
    .collect();
    let mut processes = [
        writer(&database, owner, OTHERS, 1, "p"),
        writer(&database, owner, OTHERS / 10, 10, "q"),
    ];
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            // Half of them through pools of their own.
            let storage = if task % 2 == 0 {
                storage.clone()
            } else {
                second.clone()
            };
            tokio::spawn(async move {
                for number in 0..EACH {
                    let draft = offer_draft(owner, "Offer", Some(&format!("{task}-{number}")));
                    storage
                        .directory
                        .apply(&ANY_COORDINATOR, upsert(draft), None, at(number))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for process in &mut processes {
        assert!(tokio::task::block_in_place(|| process.wait().unwrap()).success());
    }
    stopped.store(true, Ordering::SeqCst);
    let all = 1 + TASKS * EACH + 2 * i64::from(OTHERS);
    assert_eq!(
        storage.directory.head().await.unwrap(),
        all,
        "arrival numbers are dense"
    );
    assert_eq!(
        database.number("SELECT count(*) FROM entry"),
        all,
        "nothing is lost"
    );
    for follower in followers {
        let seen: Vec<i64> = follower
            .await
            .unwrap()
            .iter()
            .map(Changed::arrival)
            .collect();
        // Every entry changed once, so every number is seen, once and in order.
        assert_eq!(seen, (1..=all).collect::<Vec<_>>());
    }
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn a_follower_ends_with_the_latest_state_whatever_changes_while_it_reads(
    database: TestDatabase,
) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let stopped = Arc::new(AtomicBool::new(false));
    let followers: Vec<_> = [1, 2, 5]
        .map(|limit| tokio::spawn(follow(storage.clone(), limit, Arc::clone(&stopped))))
        .into_iter()
        .collect();
    let tasks: Vec<_> = (0..3_i64)
        .map(|task| {
            let storage = storage.clone();
            tokio::spawn(async move {
                for number in 0..20_i64 {
                    let key = format!("{}", (task + number * 7) % 5);
                    let applied = apply(
                        &storage,
                        upsert(offer_draft(owner, &format!("{task} {number}"), Some(&key))),
                    )
                    .await;
                    if number % 6 == 5 {
                        // Another task may have deleted it already.
                        let delete = delete(Kind::Offer, applied.key.id);
                        let _ = storage
                            .directory
                            .apply(&ANY_COORDINATOR, delete, None, at(3))
                            .await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    stopped.store(true, Ordering::SeqCst);
    let latest = storage.directory.changes_since(0, 10_000).await.unwrap();
    for follower in followers {
        let mut last = BTreeMap::new();
        for change in follower.await.unwrap() {
            let id = match &change {
                Changed::Entry(stored) => stored.key.id,
                Changed::Removed { key, .. } => key.id,
                other => panic!("{other:?}"),
            };
            last.insert(id, change);
        }
        let mut last: Vec<_> = last.into_values().collect();
        last.sort_by_key(Changed::arrival);
        assert_eq!(last, latest.items);
    }
}

async fn a_process_that_is_killed_in_the_middle_loses_nothing_that_it_acknowledged(
    database: TestDatabase,
) {
    const SIZE: u32 = 50;
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let mut process = writer(&database, owner, 10_000, SIZE, "k");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut acknowledged = 0_i64;
    for line in lines.by_ref().take(4) {
        acknowledged = line.unwrap().parse::<i64>().unwrap() + 1;
    }
    process.kill().unwrap();
    // What it said before it died counts as well.
    for line in lines.map_while(Result::ok) {
        acknowledged = line.parse::<i64>().unwrap() + 1;
    }
    process.wait().unwrap();
    // A commit that was on its way when the process died may still happen at the server, but as a whole.
    let storage = {
        drop(storage);
        database.open().await
    };
    let next = apply(
        &storage,
        create(new_id(), offer_draft(owner, "after", None)),
    )
    .await;
    let entries = database.number("SELECT count(*) FROM entry");
    let batches = (entries - 2) / i64::from(SIZE);
    assert_eq!(
        (entries - 2) % i64::from(SIZE),
        0,
        "a batch is there as a whole or not at all"
    );
    assert!(
        batches == acknowledged || batches == acknowledged + 1,
        "{batches} stored, {acknowledged} acknowledged"
    );
    assert_eq!(next.arrival, entries, "numbers stay dense");
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn pages_of_changes_join_without_gap_or_overlap(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(
            apply(
                &storage,
                create(new_id(), offer_draft(owner, &format!("{number}"), None)),
            )
            .await
            .key
            .id,
        );
    }
    apply(
        &storage,
        replace(ids[2], offer_draft(owner, "changed", None)),
    )
    .await;
    apply(&storage, delete(Kind::Offer, ids[4])).await;
    let all = storage.directory.changes_since(0, 100).await.unwrap();
    assert_eq!((all.through, all.more, all.items.len()), (13, false, 11));
    let arrivals: Vec<_> = all.items.iter().map(Changed::arrival).collect();
    assert_eq!(
        arrivals,
        [1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13],
        "each entry stands at its latest number only"
    );
    for limit in 1..12 {
        let (mut cursor, mut joined) = (0, Vec::new());
        loop {
            let page = storage
                .directory
                .changes_since(cursor, limit)
                .await
                .unwrap();
            joined.extend(page.items);
            cursor = page.through;
            if !page.more {
                break;
            }
        }
        assert_eq!((cursor, &joined), (13, &all.items), "in pages of {limit}");
    }
    let nothing = storage.directory.changes_since(13, 5).await.unwrap();
    assert_eq!((nothing.through, nothing.items.len()), (13, 0));
    let ahead = storage.directory.changes_since(99, 5).await.unwrap();
    assert_eq!(
        (ahead.through, ahead.items.len()),
        (99, 0),
        "a cursor never goes back"
    );
}

async fn accounts_clients_and_sessions_stand_in_the_same_order(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let account = NewAccount {
        id: Uuid::now_v7(),
        email: "office@example.org".to_owned(),
        display: "office".to_owned(),
        password: None,
        memberships: vec![Membership {
            organisation: Some(owner),
            role: domain::Role::Editor,
        }],
    };
    let account = storage
        .accounts
        .create(&coordinator(), account, at(2))
        .await
        .unwrap();
    let client = NewClient {
        id: Uuid::now_v7(),
        label: "import".to_owned(),
        role: domain::Role::Editor,
        secret: "hash".to_owned(),
    };
    let client = storage
        .clients
        .create(&coordinator(), owner, client, at(3))
        .await
        .unwrap();
    let session = storage
        .sessions
        .create("token", account.id, at(1_000), at(4))
        .await
        .unwrap();
    assert_eq!(
        (account.arrival, client.arrival, session.arrival),
        (2, 3, 4)
    );
    let changes = storage.directory.changes_since(1, 10).await.unwrap();
    let expected = vec![
        Changed::Account(account.clone()),
        Changed::Client(client.clone()),
        Changed::Session(session.clone()),
    ];
    assert_eq!(changes.items, expected);
    let client = storage
        .clients
        .revoke(&coordinator(), client.id, at(5))
        .await
        .unwrap();
    let account = storage
        .accounts
        .set_disabled(&coordinator(), account.id, true, at(6))
        .await
        .unwrap();
    let changes = storage.directory.changes_since(4, 10).await.unwrap();
    assert_eq!(
        changes.items.len(),
        3,
        "a disabled account's sessions end with it"
    );
    assert_eq!(changes.items[0], Changed::Client(client.clone()));
    assert!(matches!(&changes.items[1], Changed::Session(ended) if ended.revoked == Some(at(6))));
    assert_eq!(changes.items[2], Changed::Account(account.clone()));
    let access = storage.directory.access(at(7)).await.unwrap();
    assert_eq!(
        (access.through, access.accounts, access.clients),
        (7, vec![account], vec![client])
    );
    assert_eq!(access.sessions, []);
}

async fn the_process_hears_of_its_own_commits(database: TestDatabase) {
    let storage = database.fresh().await;
    let mut committed = storage.directory.committed();
    let owner = organisation(&storage, "Office").await;
    committed.changed().await.unwrap();
    assert_eq!(*committed.borrow_and_update(), 1);
    let refused = storage
        .directory
        .apply(&ANY_COORDINATOR, delete(Kind::Offer, owner), None, at(2))
        .await;
    assert!(refused.is_err() && !committed.has_changed().unwrap());
}
