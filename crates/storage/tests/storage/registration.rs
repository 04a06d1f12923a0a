//! From the request to take part to the first account.

use domain::{Kind, Role};
use lotse_storage::{
    Conflict, Decided, Idempotency, Membership, NewAccount, NewClient, NewRegistration,
    RegistrationState, Storage, StorageError,
};
use uuid::Uuid;

use crate::support::{
    TestDatabase, at, coordinator, create, delete, new_id, offer_draft, on_both, organisation_draft,
};

on_both!(
    an_approved_registration_becomes_an_organisation_with_its_first_account,
    many_claims_at_once_succeed_exactly_once,
    a_claim_that_fails_leaves_the_registration_claimable,
    a_registration_is_decided_once,
    an_approval_that_the_domain_refuses_leaves_it_pending,
    a_claim_token_expires,
    refused_registrations_are_erased_after_30_days,
    a_repeated_submission_is_kept_once,
    the_list_holds_what_waits,
    only_so_many_may_wait,
    many_submissions_at_once_take_no_place_too_many,
    many_are_refused_at_once_and_each_is_told,
);

const DAY: i64 = 86_400;

fn registration(claim: &str) -> NewRegistration {
    NewRegistration {
        id: Uuid::now_v7(),
        claim: claim.to_owned(),
        draft: r#"{"content":{}}"#.to_owned(),
        contact: "office@example.org".to_owned(),
        license_accepted: at(0),
    }
}

fn account(email: &str) -> NewAccount {
    NewAccount {
        id: Uuid::now_v7(),
        email: email.to_owned(),
        display: "office".to_owned(),
        password: Some("$argon2id$...".to_owned()),
        // A claimant cannot give itself anything.
        memberships: vec![Membership {
            organisation: None,
            role: Role::NodeAdmin,
        }],
    }
}

fn client() -> NewClient {
    NewClient {
        id: Uuid::now_v7(),
        label: "first".to_owned(),
        role: Role::Editor,
        secret: "hash".to_owned(),
    }
}

async fn approved(storage: &Storage, claim: &str) -> domain::EntryId {
    let id = storage
        .registrations
        .submit(registration(claim), None, at(0))
        .await
        .unwrap();
    let command = create(new_id(), organisation_draft("New partner"));
    storage
        .registrations
        .approve(&coordinator(), id, command, at(10))
        .await
        .unwrap()
        .key
        .id
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StorageError>) -> Conflict {
    match result {
        Err(StorageError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

async fn an_approved_registration_becomes_an_organisation_with_its_first_account(
    database: TestDatabase,
) {
    let storage = database.fresh().await;
    let organisation = approved(&storage, "c").await;
    let seen = storage.registrations.by_claim("c", at(11)).await.unwrap();
    assert_eq!(
        (seen.state, seen.organisation),
        (RegistrationState::Approved, Some(organisation))
    );
    let (account, client) = storage
        .registrations
        .claim("c", account("A@example.org"), client(), at(12))
        .await
        .unwrap();
    assert_eq!(
        account.memberships,
        [Membership {
            organisation: Some(organisation),
            role: Role::OrgAdmin
        }]
    );
    assert_eq!(client.organisation, organisation);
    assert_eq!(
        storage
            .accounts
            .by_email("a@EXAMPLE.org")
            .await
            .unwrap()
            .unwrap(),
        account
    );
    assert_eq!(storage.clients.get(client.id).await.unwrap(), client);
    let seen = storage.registrations.by_claim("c", at(13)).await.unwrap();
    assert_eq!(
        (seen.state, seen.claimed),
        (RegistrationState::Claimed, Some(at(12)))
    );
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn many_claims_at_once_succeed_exactly_once(database: TestDatabase) {
    let storage = database.fresh().await;
    approved(&storage, "c").await;
    let other = database.open().await;
    let claims: Vec<_> = (0..12)
        .map(|number| {
            let storage = if number % 2 == 0 {
                storage.clone()
            } else {
                other.clone()
            };
            tokio::spawn(async move {
                storage
                    .registrations
                    .claim(
                        "c",
                        account(&format!("{number}@example.org")),
                        client(),
                        at(12),
                    )
                    .await
            })
        })
        .collect();
    let mut succeeded = 0;
    for claim in claims {
        match claim.await.unwrap() {
            Ok(_) => succeeded += 1,
            Err(error) => assert!(
                matches!(error, StorageError::Conflict(Conflict::AlreadyClaimed)),
                "{error:?}"
            ),
        }
    }
    assert_eq!(succeeded, 1);
    assert_eq!(database.number("SELECT count(*) FROM account"), 1);
    assert_eq!(database.number("SELECT count(*) FROM client"), 1);
}

async fn a_claim_that_fails_leaves_the_registration_claimable(database: TestDatabase) {
    let storage = database.fresh().await;
    approved(&storage, "c").await;
    storage
        .accounts
        .create(&coordinator(), account("taken@example.org"), at(11))
        .await
        .unwrap();
    let taken = storage
        .registrations
        .claim("c", account("Taken@Example.org"), client(), at(12))
        .await;
    assert_eq!(conflict(taken), Conflict::EmailTaken);
    assert_eq!(database.number("SELECT count(*) FROM client"), 0);
    storage
        .registrations
        .claim("c", account("free@example.org"), client(), at(13))
        .await
        .unwrap();
}

async fn a_registration_is_decided_once(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = storage
        .registrations
        .submit(registration("c"), None, at(0))
        .await
        .unwrap();
    let early = storage
        .registrations
        .claim("c", account("a@example.org"), client(), at(1))
        .await;
    assert_eq!(conflict(early), Conflict::NotApproved);
    storage
        .registrations
        .refuse(&coordinator(), id, "we know you already", at(2))
        .await
        .unwrap();
    let seen = storage.registrations.by_claim("c", at(3)).await.unwrap();
    assert_eq!(seen.state, RegistrationState::Refused);
    assert_eq!(seen.reason.as_deref(), Some("we know you already"));
    let command = create(new_id(), organisation_draft("New partner"));
    assert_eq!(
        conflict(
            storage
                .registrations
                .approve(&coordinator(), id, command, at(4))
                .await
        ),
        Conflict::AlreadyDecided
    );
    assert_eq!(
        conflict(
            storage
                .registrations
                .refuse(&coordinator(), id, "again", at(4))
                .await
        ),
        Conflict::AlreadyDecided
    );
    assert_eq!(database.number("SELECT count(*) FROM entry"), 0);
}

async fn an_approval_that_the_domain_refuses_leaves_it_pending(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = storage
        .registrations
        .submit(registration("c"), None, at(0))
        .await
        .unwrap();
    let command = create(new_id(), offer_draft(new_id(), "nobody's", None));
    let refused = storage
        .registrations
        .approve(&coordinator(), id, command, at(4))
        .await;
    assert!(
        matches!(refused, Err(StorageError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(
        storage.registrations.get(id).await.unwrap().state,
        RegistrationState::Pending
    );
    let missing = delete(Kind::Offer, new_id());
    let nobody = storage
        .registrations
        .approve(&coordinator(), Uuid::now_v7(), missing, at(4))
        .await;
    assert!(matches!(nobody, Err(StorageError::NotFound)), "{nobody:?}");
}

async fn a_claim_token_expires(database: TestDatabase) {
    let storage = database.fresh().await;
    approved(&storage, "c").await;
    let late = at(10 + 30 * DAY);
    assert_eq!(
        conflict(storage.registrations.by_claim("c", late).await),
        Conflict::Expired
    );
    let claim = storage
        .registrations
        .claim("c", account("a@example.org"), client(), late)
        .await;
    assert_eq!(conflict(claim), Conflict::Expired);
    let unknown = storage.registrations.by_claim("d", at(11)).await;
    assert!(
        matches!(unknown, Err(StorageError::NotFound)),
        "{unknown:?}"
    );
}

async fn refused_registrations_are_erased_after_30_days(database: TestDatabase) {
    let storage = database.fresh().await;
    let refused = storage
        .registrations
        .submit(registration("a"), None, at(0))
        .await
        .unwrap();
    let waiting = storage
        .registrations
        .submit(registration("b"), None, at(0))
        .await
        .unwrap();
    storage
        .registrations
        .refuse(&coordinator(), refused, "no", at(5 * DAY))
        .await
        .unwrap();
    assert_eq!(storage.clean(at(34 * DAY)).await.unwrap().registrations, 0);
    assert_eq!(storage.clean(at(35 * DAY)).await.unwrap().registrations, 1);
    assert!(matches!(
        storage.registrations.get(refused).await,
        Err(StorageError::NotFound)
    ));
    assert_eq!(
        storage.registrations.get(waiting).await.unwrap().state,
        RegistrationState::Pending
    );
}

async fn a_repeated_submission_is_kept_once(database: TestDatabase) {
    let storage = database.fresh().await;
    let key = |fingerprint: &str| {
        Some(Idempotency {
            subject: "anonymous".to_owned(),
            key: "k".to_owned(),
            fingerprint: fingerprint.to_owned(),
            expires: at(DAY),
        })
    };
    let first = storage
        .registrations
        .submit(registration("a"), key("f"), at(0))
        .await
        .unwrap();
    let again = storage
        .registrations
        .submit(registration("b"), key("f"), at(1))
        .await
        .unwrap();
    assert_eq!(first, again);
    let other = storage
        .registrations
        .submit(registration("c"), key("g"), at(1))
        .await;
    assert_eq!(conflict(other), Conflict::IdempotencyKeyReused);
    assert_eq!(database.number("SELECT count(*) FROM registration"), 1);
}

async fn the_list_holds_what_waits(database: TestDatabase) {
    let storage = database.fresh().await;
    let mut ids = Vec::new();
    for claim in ["a", "b", "c", "d"] {
        ids.push(
            storage
                .registrations
                .submit(registration(claim), None, at(0))
                .await
                .unwrap(),
        );
    }
    storage
        .registrations
        .refuse(&coordinator(), ids[1], "no", at(1))
        .await
        .unwrap();
    let list = |after, limit| {
        let storage = storage.clone();
        async move {
            let found = storage
                .registrations
                .list(RegistrationState::Pending, after, limit)
                .await
                .unwrap();
            found
                .into_iter()
                .map(|registration| registration.id)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(list(None, 2).await, [ids[0], ids[2]]);
    assert_eq!(list(Some(ids[2]), 2).await, [ids[3]]);
}

async fn only_so_many_may_wait(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = storage
        .registrations
        .submit(registration("first"), None, at(0))
        .await
        .unwrap();
    // The others come from behind storage's back, a thousand at once.
    let most = lotse_storage::limits::PENDING_REGISTRATIONS;
    database.execute(&format!(
        "INSERT INTO registration SELECT 'copy' || n, state, 'copy' || n, draft, contact, license_accepted, submitted,
            expires, decided, decided_by, reason, organisation, claimed
         FROM registration, (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})
            SELECT n FROM numbers) AS numbers",
        most - 1
    ));
    let refused = storage
        .registrations
        .submit(registration("last"), None, at(1))
        .await;
    assert_eq!(conflict(refused), Conflict::TooManyWaiting);
    storage
        .registrations
        .refuse(&coordinator(), id, "no", at(2))
        .await
        .unwrap();
    storage
        .registrations
        .submit(registration("last"), None, at(3))
        .await
        .unwrap();
}

/// Fills all places but so many, behind storage's back.
async fn nearly_full(database: &TestDatabase, storage: &Storage, left: i64) {
    storage
        .registrations
        .submit(registration("first"), None, at(0))
        .await
        .unwrap();
    let most = lotse_storage::limits::PENDING_REGISTRATIONS - left;
    database.execute(&format!(
        "INSERT INTO registration SELECT 'copy' || n, state, 'copy' || n, draft, contact, license_accepted, submitted,
            expires, decided, decided_by, reason, organisation, claimed
         FROM registration, (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})
            SELECT n FROM numbers) AS numbers",
        most - 1
    ));
}

async fn many_submissions_at_once_take_no_place_too_many(database: TestDatabase) {
    let storage = database.fresh().await;
    nearly_full(&database, &storage, 3).await;
    let submissions: Vec<_> = (0..20)
        .map(|n| {
            let registrations = storage.registrations.clone();
            tokio::spawn(async move {
                let new = registration(&format!("at once {n}"));
                registrations.submit(new, None, at(1)).await
            })
        })
        .collect();
    let mut taken = 0;
    for submission in submissions {
        match submission.await.unwrap() {
            Ok(_) => taken += 1,
            refused => assert_eq!(conflict(refused), Conflict::TooManyWaiting),
        }
    }
    assert_eq!(taken, 3);
    let waiting = storage.registrations.waiting().await.unwrap();
    assert_eq!(waiting, lotse_storage::limits::PENDING_REGISTRATIONS);
}

async fn many_are_refused_at_once_and_each_is_told(database: TestDatabase) {
    let storage = database.fresh().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let new = registration(&format!("{n}"));
        ids.push(
            storage
                .registrations
                .submit(new, None, at(0))
                .await
                .unwrap(),
        );
    }
    storage
        .registrations
        .refuse(&coordinator(), ids[1], "before", at(1))
        .await
        .unwrap();
    let unknown = Uuid::now_v7();
    let asked = vec![ids[0], ids[1], unknown, ids[2], ids[0]];
    let audited = |action: &str| {
        database.number(&format!(
            "SELECT COUNT(*) FROM audit WHERE action = '{action}'"
        ))
    };
    let before = audited("registration.refuse");
    let told = storage
        .registrations
        .refuse_many(&coordinator(), asked, "all of them", at(2))
        .await
        .unwrap();
    assert_eq!(
        told,
        [
            (ids[0], Decided::Now),
            (ids[1], Decided::Before),
            (unknown, Decided::NotFound),
            (ids[2], Decided::Now),
            (ids[0], Decided::Before),
        ]
    );
    assert_eq!(audited("registration.refuse") - before, 2);
    let registrations = &storage.registrations;
    let reason = |id| async move { registrations.get(id).await.unwrap().reason };
    let reasons = (reason(ids[1]).await, reason(ids[2]).await);
    assert_eq!(reasons, (Some("before".into()), Some("all of them".into())));
    let found = storage.check_integrity().await.unwrap();
    assert!(found.is_sound(), "{:?}", found.findings);
}
