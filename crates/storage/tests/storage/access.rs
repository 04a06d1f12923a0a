//! Accounts, clients, sessions, one-time links and corrections.

use domain::{EntryKey, Role};
use lotse_storage::{
    Conflict, CorrectionState, Membership, NewAccount, NewClient, NewCorrection, Storage,
    StorageError, fold_email,
};
use uuid::Uuid;

use crate::support::{
    ORIGIN, TestDatabase, apply, at, coordinator, create, new_id, offer_draft, on_both,
    organisation,
};

on_both!(
    an_address_belongs_to_one_account_in_any_case,
    roles_are_given_and_taken,
    a_new_password_ends_the_other_sessions,
    a_person_changes_only_the_password_that_it_gave,
    a_one_time_link_works_once,
    only_the_latest_link_works,
    a_disabled_account_cannot_sign_in,
    a_client_is_revoked_for_good,
    expired_sessions_and_links_are_removed,
    corrections_reach_the_owner_and_are_closed_once,
);

fn account(email: &str, memberships: Vec<Membership>) -> NewAccount {
    NewAccount {
        id: Uuid::now_v7(),
        email: email.to_owned(),
        display: "advice desk".to_owned(),
        password: None,
        memberships,
    }
}

async fn made(storage: &Storage, email: &str) -> Uuid {
    storage
        .accounts
        .create(&coordinator(), account(email, Vec::new()), at(1))
        .await
        .unwrap()
        .id
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StorageError>) -> Conflict {
    match result {
        Err(StorageError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

async fn an_address_belongs_to_one_account_in_any_case(database: TestDatabase) {
    let storage = database.fresh().await;
    let first = account(" Büro@Example.ORG", Vec::new());
    let made = storage
        .accounts
        .create(&coordinator(), first.clone(), at(1))
        .await
        .unwrap();
    assert_eq!(made.email, "Büro@Example.ORG");
    assert_eq!(fold_email(&made.email), "büro@example.org");
    let second = storage
        .accounts
        .create(
            &coordinator(),
            account("BÜRO@example.org", Vec::new()),
            at(2),
        )
        .await;
    assert_eq!(conflict(second), Conflict::EmailTaken);
    let same_id = NewAccount {
        email: "other@example.org".to_owned(),
        ..first
    };
    assert_eq!(
        conflict(
            storage
                .accounts
                .create(&coordinator(), same_id, at(2))
                .await
        ),
        Conflict::IdTaken
    );
    assert_eq!(
        storage
            .accounts
            .by_email("büro@example.org")
            .await
            .unwrap()
            .unwrap()
            .id,
        made.id
    );
    assert!(
        storage
            .accounts
            .by_email("nobody@example.org")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(storage.directory.head().await.unwrap(), 1);
    assert!(
        !format!("{made:?}").contains("xample"),
        "addresses do not reach logs by accident"
    );
}

async fn roles_are_given_and_taken(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let id = made(&storage, "a@example.org").await;
    let other = made(&storage, "b@example.org").await;
    let editor = Membership {
        organisation: Some(owner),
        role: Role::Editor,
    };
    let coordinates = Membership {
        organisation: None,
        role: Role::Coordinator,
    };
    storage
        .accounts
        .grant(&coordinator(), id, editor, at(2))
        .await
        .unwrap();
    storage
        .accounts
        .grant(&coordinator(), other, editor, at(2))
        .await
        .unwrap();
    let both = storage
        .accounts
        .grant(&coordinator(), id, coordinates, at(3))
        .await
        .unwrap();
    let again = storage
        .accounts
        .grant(&coordinator(), id, coordinates, at(4))
        .await
        .unwrap();
    assert_eq!(both, again, "giving twice changes nothing");
    assert_eq!(both.memberships.len(), 2);
    let ids = |accounts: Vec<lotse_storage::Account>| {
        accounts.into_iter().map(|a| a.id).collect::<Vec<_>>()
    };
    assert_eq!(
        ids(storage
            .accounts
            .members(Some(owner), None, 10)
            .await
            .unwrap()),
        [id, other]
    );
    assert_eq!(
        ids(storage
            .accounts
            .members(Some(owner), Some(id), 10)
            .await
            .unwrap()),
        [other]
    );
    assert_eq!(
        ids(storage.accounts.members(None, None, 10).await.unwrap()),
        [id]
    );
    let left = storage
        .accounts
        .withdraw(&coordinator(), id, editor, at(5))
        .await
        .unwrap();
    assert_eq!(left.memberships, [coordinates]);
    assert!(left.arrival > both.arrival, "followers hear of it");
    let twice = storage
        .accounts
        .withdraw(&coordinator(), id, editor, at(6))
        .await;
    assert!(matches!(twice, Err(StorageError::NotFound)), "{twice:?}");
    assert_eq!(
        ids(storage.accounts.list(None, 10).await.unwrap()),
        [id, other]
    );
}

async fn a_new_password_ends_the_other_sessions(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = made(&storage, "a@example.org").await;
    for token in ["one", "two", "three"] {
        storage
            .sessions
            .create(token, id, at(1_000), at(2))
            .await
            .unwrap();
    }
    let changed = storage
        .accounts
        .set_password(&coordinator(), id, "$phc", Some("two"), at(3))
        .await
        .unwrap();
    assert_eq!(changed.password.as_deref(), Some("$phc"));
    let mut live = Vec::new();
    for token in ["one", "two", "three"] {
        live.push(storage.sessions.get(token).await.unwrap().revoked.is_none());
    }
    assert_eq!(live, [false, true, false]);
    let access = storage.directory.access(at(4)).await.unwrap();
    assert_eq!(
        access
            .sessions
            .iter()
            .map(|session| session.token.as_str())
            .collect::<Vec<_>>(),
        ["two"]
    );
}

async fn a_person_changes_only_the_password_that_it_gave(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = made(&storage, "a@example.org").await;
    let accounts = &storage.accounts;
    accounts
        .set_password(&coordinator(), id, "$old", None, at(2))
        .await
        .unwrap();
    for token in ["one", "two"] {
        let begun = storage.sessions.create(token, id, at(1_000), at(3)).await;
        begun.unwrap();
    }
    accounts
        .create_reset(&coordinator(), id, "link", at(100), at(3))
        .await
        .unwrap();

    let stale = accounts.change_password(id, "$older", "$new", "two", at(4));
    assert_eq!(conflict(stale.await), Conflict::PasswordChanged);
    let live = storage
        .directory
        .access(at(4))
        .await
        .unwrap()
        .sessions
        .len();
    assert_eq!(live, 2, "a refused change ends no session");

    let changed = accounts.change_password(id, "$old", "$new", "two", at(5));
    assert_eq!(changed.await.unwrap().password.as_deref(), Some("$new"));
    let access = storage.directory.access(at(6)).await.unwrap();
    let live: Vec<_> = access.sessions.iter().map(|s| s.token.as_str()).collect();
    assert_eq!(live, ["two"]);
    let link = accounts.redeem_reset("link", "$other", at(6)).await;
    assert!(matches!(link, Err(StorageError::NotFound)), "{link:?}");

    accounts
        .set_disabled(&coordinator(), id, true, at(7))
        .await
        .unwrap();
    let disabled = accounts.change_password(id, "$new", "$newer", "two", at(8));
    let disabled = disabled.await;
    assert!(
        matches!(disabled, Err(StorageError::NotFound)),
        "{disabled:?}"
    );
}

async fn a_one_time_link_works_once(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = made(&storage, "a@example.org").await;
    storage
        .accounts
        .create_reset(&coordinator(), id, "link", at(100), at(2))
        .await
        .unwrap();
    let tries: Vec<_> = (0..8)
        .map(|number| {
            let storage = storage.clone();
            tokio::spawn(async move {
                storage
                    .accounts
                    .redeem_reset("link", &format!("$phc{number}"), at(3))
                    .await
            })
        })
        .collect();
    let mut passwords = Vec::new();
    for one in tries {
        match one.await.unwrap() {
            Ok(account) => passwords.push(account.password.unwrap()),
            Err(error) => assert!(
                matches!(error, StorageError::Conflict(Conflict::AlreadyUsed)),
                "{error:?}"
            ),
        }
    }
    assert_eq!(passwords.len(), 1);
    assert_eq!(
        storage.accounts.get(id).await.unwrap().password,
        passwords.pop()
    );
    let unknown = storage.accounts.redeem_reset("other", "$phc", at(3)).await;
    assert!(
        matches!(unknown, Err(StorageError::NotFound)),
        "{unknown:?}"
    );
}

async fn only_the_latest_link_works(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = made(&storage, "a@example.org").await;
    for token in ["old", "new"] {
        storage
            .accounts
            .create_reset(&coordinator(), id, token, at(100), at(2))
            .await
            .unwrap();
    }
    let old = storage.accounts.redeem_reset("old", "$phc", at(3)).await;
    assert!(matches!(old, Err(StorageError::NotFound)), "{old:?}");
    assert_eq!(
        conflict(storage.accounts.redeem_reset("new", "$phc", at(100)).await),
        Conflict::Expired
    );
    storage
        .accounts
        .redeem_reset("new", "$phc", at(99))
        .await
        .unwrap();
}

async fn a_disabled_account_cannot_sign_in(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = made(&storage, "a@example.org").await;
    storage
        .sessions
        .create("t", id, at(1_000), at(2))
        .await
        .unwrap();
    storage
        .accounts
        .create_reset(&coordinator(), id, "link", at(100), at(2))
        .await
        .unwrap();
    assert!(
        storage
            .accounts
            .set_disabled(&coordinator(), id, true, at(3))
            .await
            .unwrap()
            .disabled
    );
    assert_eq!(
        storage.sessions.get("t").await.unwrap().revoked,
        Some(at(3))
    );
    for result in [
        storage
            .sessions
            .create("u", id, at(1_000), at(4))
            .await
            .map(drop),
        storage
            .accounts
            .redeem_reset("link", "$phc", at(4))
            .await
            .map(drop),
        storage
            .sessions
            .create("v", Uuid::now_v7(), at(1_000), at(4))
            .await
            .map(drop),
    ] {
        assert!(matches!(result, Err(StorageError::NotFound)), "{result:?}");
    }
    storage
        .accounts
        .set_disabled(&coordinator(), id, false, at(5))
        .await
        .unwrap();
    storage
        .sessions
        .create("u", id, at(1_000), at(6))
        .await
        .unwrap();
    storage.sessions.revoke("u", at(7)).await.unwrap();
    storage.sessions.revoke("u", at(8)).await.unwrap();
    assert_eq!(
        storage.sessions.get("u").await.unwrap().revoked,
        Some(at(7))
    );
}

async fn a_client_is_revoked_for_good(database: TestDatabase) {
    let storage = database.fresh().await;
    let (a, b) = (
        organisation(&storage, "A").await,
        organisation(&storage, "B").await,
    );
    let new = || NewClient {
        id: Uuid::now_v7(),
        label: "import".to_owned(),
        role: Role::Editor,
        secret: "hash".to_owned(),
    };
    let first = storage
        .clients
        .create(&coordinator(), a, new(), at(2))
        .await
        .unwrap();
    let second = storage
        .clients
        .create(&coordinator(), b, new(), at(2))
        .await
        .unwrap();
    let replaced = storage
        .clients
        .replace_secret(&coordinator(), first.id, "other", at(3))
        .await
        .unwrap();
    assert_eq!(replaced.secret, "other");
    let revoked = storage
        .clients
        .revoke(&coordinator(), first.id, at(4))
        .await
        .unwrap();
    assert_eq!(revoked.revoked, Some(at(4)));
    assert_eq!(
        storage
            .clients
            .revoke(&coordinator(), first.id, at(5))
            .await
            .unwrap(),
        revoked
    );
    let own = storage.clients.list(Some(a), None, 10).await.unwrap();
    assert_eq!(own, std::slice::from_ref(&revoked));
    assert_eq!(
        storage.clients.list(None, None, 10).await.unwrap(),
        [revoked.clone(), second]
    );
    let same_id = NewClient {
        id: first.id,
        ..new()
    };
    assert_eq!(
        conflict(
            storage
                .clients
                .create(&coordinator(), a, same_id, at(6))
                .await
        ),
        Conflict::IdTaken
    );
    assert!(
        !format!("{revoked:?}").contains("other"),
        "hashes do not reach logs by accident"
    );
}

async fn expired_sessions_and_links_are_removed(database: TestDatabase) {
    const DAY: i64 = 86_400;
    let storage = database.fresh().await;
    let id = made(&storage, "a@example.org").await;
    storage
        .sessions
        .create("short", id, at(10), at(2))
        .await
        .unwrap();
    storage
        .sessions
        .create("long", id, at(10 * DAY), at(2))
        .await
        .unwrap();
    storage
        .accounts
        .create_reset(&coordinator(), id, "link", at(10), at(2))
        .await
        .unwrap();
    let early = storage.clean(at(11)).await.unwrap();
    assert_eq!((early.sessions, early.resets), (0, 0));
    let later = storage.clean(at(10 + DAY)).await.unwrap();
    assert_eq!((later.sessions, later.resets), (1, 1));
    assert!(storage.sessions.get("long").await.is_ok());
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn corrections_reach_the_owner_and_are_closed_once(database: TestDatabase) {
    let storage = database.fresh().await;
    let (a, b) = (
        organisation(&storage, "A").await,
        organisation(&storage, "B").await,
    );
    let offer = apply(&storage, create(new_id(), offer_draft(a, "One", None))).await;
    let new = |entry: EntryKey| NewCorrection {
        id: Uuid::now_v7(),
        entry,
        message: "the telephone number is wrong".to_owned(),
        contact: None,
    };
    let id = storage
        .corrections
        .submit(new(offer.key.clone()), None, at(2))
        .await
        .unwrap();
    let missing = EntryKey {
        origin: ORIGIN.parse().unwrap(),
        id: new_id(),
    };
    let nothing = storage.corrections.submit(new(missing), None, at(2)).await;
    assert!(
        matches!(nothing, Err(StorageError::NotFound)),
        "{nothing:?}"
    );
    let (correction, owner) = storage.corrections.get(id).await.unwrap();
    assert_eq!((correction.entry.clone(), owner), (offer.key, a));
    let list = |owner| {
        storage
            .corrections
            .list(owner, CorrectionState::Open, None, 10)
    };
    assert_eq!(
        list(Some(a)).await.unwrap(),
        std::slice::from_ref(&correction)
    );
    assert_eq!(list(None).await.unwrap(), [correction]);
    assert_eq!(list(Some(b)).await.unwrap(), []);
    let closed = storage
        .corrections
        .close(&coordinator(), id, CorrectionState::Done, at(3))
        .await
        .unwrap();
    assert_eq!(
        (closed.state, closed.closed),
        (CorrectionState::Done, Some(at(3)))
    );
    let twice = storage
        .corrections
        .close(&coordinator(), id, CorrectionState::Rejected, at(4))
        .await;
    assert_eq!(conflict(twice), Conflict::AlreadyClosed);
    assert_eq!(list(None).await.unwrap(), []);
}
