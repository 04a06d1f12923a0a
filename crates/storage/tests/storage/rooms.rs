//! How many of something strangers and partners may leave in the database.

use domain::{EntryId, EntryKey, Role};
use lotse_storage::{
    Conflict, CorrectionState, Decided, Membership, NewAccount, NewClient, NewCorrection, Storage,
    StorageError, limits,
};
use uuid::Uuid;

use crate::support::{
    ANY_COORDINATOR, ORIGIN, TestDatabase, apply, at, coordinator, create, new_id, offer_draft,
    on_both, organisation,
};

on_both!(
    nobody_floods_one_entry_or_one_owner_with_corrections,
    many_corrections_are_closed_at_once_each_by_who_may,
    an_organisation_has_so_many_clients_and_members_however_often_they_change,
    an_account_has_so_many_sessions,
);

fn conflict<T: std::fmt::Debug>(result: Result<T, StorageError>) -> Conflict {
    match result {
        Err(StorageError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

fn report(entry: EntryId) -> NewCorrection {
    NewCorrection {
        id: Uuid::now_v7(),
        entry: EntryKey {
            origin: ORIGIN.parse().unwrap(),
            id: entry,
        },
        message: "wrong".to_owned(),
        contact: None,
    }
}

async fn offer(storage: &Storage, owner: EntryId) -> EntryId {
    apply(
        storage,
        create(new_id(), offer_draft(owner, "an offer", None)),
    )
    .await
    .key
    .id
}

async fn nobody_floods_one_entry_or_one_owner_with_corrections(database: TestDatabase) {
    let storage = database.fresh().await;
    let (one, two) = (
        organisation(&storage, "one").await,
        organisation(&storage, "two").await,
    );
    let flooded = offer(&storage, one).await;
    for _ in 0..limits::OPEN_CORRECTIONS_OF_ENTRY {
        let new = report(flooded);
        storage.corrections.submit(new, None, at(1)).await.unwrap();
    }
    let submit = |entry| storage.corrections.submit(report(entry), None, at(2));
    let refused = submit(flooded).await;
    assert_eq!(conflict(refused), Conflict::TooManyOfEntry);
    let other = offer(&storage, one).await;
    submit(other).await.unwrap();

    // The rest of the owner's room, behind storage's back, about entries of its own.
    let third = offer(&storage, one).await;
    let template = submit(third).await.unwrap();
    let copies = |n: i64, entry: EntryId| {
        format!(
            "INSERT INTO correction SELECT '{entry}' || n, origin, '{entry}', message, contact, created, state, closed, closed_by
             FROM correction, (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {n})
                SELECT n FROM numbers) AS numbers WHERE id = '{template}'"
        )
    };
    let left = limits::OPEN_CORRECTIONS_OF_OWNER - limits::OPEN_CORRECTIONS_OF_ENTRY - 2;
    database.execute(&copies(left, third));
    let fourth = offer(&storage, one).await;
    let refused = submit(fourth).await;
    assert_eq!(conflict(refused), Conflict::TooManyOfOwner);
    let theirs = offer(&storage, two).await;
    submit(theirs).await.unwrap();
    let room = storage
        .corrections
        .room(report(theirs).entry)
        .await
        .unwrap();
    assert_eq!(room, limits::OPEN_CORRECTIONS_OF_OWNER + 1);

    // All places there are.
    let filler = offer(&storage, two).await;
    database.execute(&copies(limits::OPEN_CORRECTIONS - room, filler));
    let refused = submit(theirs).await;
    assert_eq!(conflict(refused), Conflict::TooManyWaiting);
}

async fn many_corrections_are_closed_at_once_each_by_who_may(database: TestDatabase) {
    let storage = database.fresh().await;
    let (one, two) = (
        organisation(&storage, "one").await,
        organisation(&storage, "two").await,
    );
    let (ours, theirs) = (offer(&storage, one).await, offer(&storage, two).await);
    let mut ids = Vec::new();
    for entry in [ours, ours, theirs] {
        let new = report(entry);
        ids.push(storage.corrections.submit(new, None, at(1)).await.unwrap());
    }
    let close = |owner, ids: Vec<Uuid>| {
        let corrections = storage.corrections.clone();
        async move {
            corrections
                .close_many(&coordinator(), owner, ids, CorrectionState::Rejected, at(2))
                .await
                .unwrap()
        }
    };
    assert_eq!(
        close(Some(one), vec![ids[0], ids[2]]).await,
        [(ids[0], Decided::Now), (ids[2], Decided::NotFound)]
    );
    assert_eq!(
        close(None, ids.clone()).await,
        [
            (ids[0], Decided::Before),
            (ids[1], Decided::Now),
            (ids[2], Decided::Now)
        ]
    );
    let found = storage.check_integrity().await.unwrap();
    assert!(found.is_sound(), "{:?}", found.findings);
}

async fn an_organisation_has_so_many_clients_and_members_however_often_they_change(
    database: TestDatabase,
) {
    let storage = database.fresh().await;
    let one = organisation(&storage, "one").await;
    let new = || NewClient {
        id: Uuid::now_v7(),
        label: "import".to_owned(),
        role: Role::Editor,
        secret: "hash".to_owned(),
    };
    let make = || storage.clients.create(&ANY_COORDINATOR, one, new(), at(2));
    let mut used = Vec::new();
    for _ in 0..limits::MEMBERS {
        used.push(make().await.unwrap().id);
    }
    assert_eq!(conflict(make().await), Conflict::TooManyMembers);
    let revoke = |id| storage.clients.revoke(&ANY_COORDINATOR, id, at(3));
    // One goes and one comes, until as many were revoked as may be remembered.
    let mut made = limits::MEMBERS;
    loop {
        revoke(used.pop().unwrap()).await.unwrap();
        match make().await {
            Ok(client) => used.push(client.id),
            refused => {
                assert_eq!(conflict(refused), Conflict::TooManyMembers);
                break;
            }
        }
        made += 1;
    }
    assert_eq!(made, limits::CLIENTS);
    // A list shows all of them, so that any can be revoked.
    let list = storage.clients.list(Some(one), None, limits::LIST).await;
    assert_eq!(list.unwrap().len() as i64, limits::CLIENTS);
    // Once they hold nothing any more, there is room again.
    database.execute("UPDATE client SET secret = '', label = '' WHERE revoked IS NOT NULL");
    make().await.unwrap();

    for n in 0..=limits::MEMBERS {
        let account = NewAccount {
            id: Uuid::now_v7(),
            email: format!("desk{n}@example.org"),
            display: "desk".to_owned(),
            password: None,
            memberships: vec![Membership {
                organisation: Some(one),
                role: Role::Editor,
            }],
        };
        let made = storage
            .accounts
            .create(&coordinator(), account, at(4))
            .await;
        if n < limits::MEMBERS {
            made.unwrap();
        } else {
            assert_eq!(conflict(made), Conflict::TooManyMembers);
        }
    }
}

async fn an_account_has_so_many_sessions(database: TestDatabase) {
    let storage = database.fresh().await;
    let account = NewAccount {
        id: Uuid::now_v7(),
        email: "desk@example.org".to_owned(),
        display: "desk".to_owned(),
        password: None,
        memberships: Vec::new(),
    };
    let account = storage
        .accounts
        .create(&coordinator(), account, at(0))
        .await;
    let id = account.unwrap().id;
    for n in 0..=limits::SESSIONS {
        let n = i64::try_from(n).unwrap();
        let begun = storage
            .sessions
            .create(&format!("token {n}"), id, at(100_000), at(n))
            .await;
        begun.unwrap();
    }
    let revoked = |token: &'static str| {
        let sessions = storage.sessions.clone();
        async move { sessions.get(token).await.unwrap().revoked }
    };
    let last = i64::try_from(limits::SESSIONS).unwrap();
    assert_eq!(revoked("token 0").await, Some(at(last)), "the oldest ended");
    assert_eq!(revoked("token 1").await, None);
}
