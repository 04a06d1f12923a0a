//! Entries, one command at a time.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use domain::{Actor, Command, EntryKey, Kind, Precondition, Reason, Role, Subject};
use lotse_storage::{Conflict, Idempotency, Outcome, Storage, StorageError, Stored};
use uuid::Uuid;

use crate::support::{
    ORIGIN, TestDatabase, apply, at, coordinator, create, delete, editor, new_id, offer_draft,
    on_both, organisation, pathway_draft, replace, upsert,
};

on_both!(
    what_was_written_is_read_back_byte_for_byte,
    each_change_is_a_version_with_its_history,
    a_stale_tag_is_refused_and_changes_nothing,
    what_is_referred_to_cannot_be_deleted_until_let_go,
    a_deleted_entry_keeps_its_history_and_frees_its_key,
    a_purge_leaves_nothing_but_the_mark,
    an_upsert_finds_its_entry_by_key,
    an_owners_key_is_unique_per_owner_and_kind,
    handing_over_moves_the_key_and_the_references,
    writing_the_same_again_changes_nothing,
    another_organisations_entry_is_refused,
    a_repeated_idempotency_key_gets_the_first_answer,
    an_idempotency_key_with_another_request_is_refused,
    a_refused_command_leaves_no_trace,
    a_scan_hands_out_every_live_entry_once,
    the_operator_is_remembered,
);

async fn stored(storage: &Storage, key: &EntryKey) -> Stored {
    storage.directory.get(key).await.unwrap().unwrap()
}

/// Why a command is refused.
async fn refused(storage: &Storage, actor: &Actor, command: Command) -> Reason {
    reason(
        storage
            .directory
            .apply(actor, command, None, at(3))
            .await
            .unwrap_err(),
    )
}

fn reason(error: StorageError) -> Reason {
    match error {
        StorageError::Refused(refusal) => refusal.reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

async fn what_was_written_is_read_back_byte_for_byte(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Advice 😀 \"quoted\" \\ <b> \u{2028} é").await;
    let applied = apply(
        &storage,
        create(new_id(), offer_draft(owner, "Beratung", Some("k"))),
    )
    .await;
    assert_eq!(applied.outcome, Outcome::Created);
    assert_eq!((applied.version, applied.arrival), (1, 2));
    let read = stored(&storage, &applied.key).await;
    assert_eq!(read.json, applied.json);
    assert_eq!(read.tag(), applied.tag());
    assert_eq!(
        (read.version, read.arrival, read.kind, read.owner),
        (1, 2, Kind::Offer, owner)
    );
    assert_eq!(read.entry().unwrap().to_json(), applied.json.unwrap());
    let first = stored(
        &storage,
        &EntryKey {
            origin: ORIGIN.parse().unwrap(),
            id: owner,
        },
    )
    .await;
    assert_eq!(
        first
            .entry()
            .unwrap()
            .content
            .title()
            .iter()
            .next()
            .unwrap()
            .1,
        "Advice 😀 \"quoted\" \\ <b> \u{2028} é"
    );
    let by_key = storage
        .directory
        .by_external_id(owner, Kind::Offer, "k")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(by_key, read);
    assert_eq!(storage.directory.head().await.unwrap(), 2);
}

async fn each_change_is_a_version_with_its_history(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let first = apply(&storage, create(new_id(), offer_draft(owner, "One", None))).await;
    let second = apply(
        &storage,
        replace(first.key.id, offer_draft(owner, "Two", None)),
    )
    .await;
    let patch = serde_json::json!({ "content": { "title": { "en": "Three" } } });
    let id = first.key.id;
    let third = apply(
        &storage,
        Command::Patch {
            kind: Kind::Offer,
            id,
            patch,
            expected: Precondition::Exists,
        },
    )
    .await;
    assert_eq!((second.version, third.version), (2, 3));
    assert_eq!(third.outcome, Outcome::Updated);
    let history = storage.directory.history(id, None, 10).await.unwrap();
    let seen: Vec<_> = history
        .iter()
        .map(|r| (r.version, r.arrival, r.action.as_str()))
        .collect();
    assert_eq!(
        seen,
        [(3, 4, "updated"), (2, 3, "updated"), (1, 2, "created")]
    );
    assert_eq!(history[0].json, third.json);
    assert_eq!(history[2].json, first.json);
    assert_eq!(history[0].actor, coordinator().subject.display());
    let older = storage.directory.history(id, Some(3), 1).await.unwrap();
    assert_eq!(older.iter().map(|r| r.version).collect::<Vec<_>>(), [2]);
    let audit = storage
        .audit
        .list(None, Some(&id.to_string()), 10)
        .await
        .unwrap();
    assert_eq!(
        audit.iter().map(|line| line.arrival).collect::<Vec<_>>(),
        [4, 3, 2]
    );
}

async fn a_stale_tag_is_refused_and_changes_nothing(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let first = apply(&storage, create(new_id(), offer_draft(owner, "One", None))).await;
    let write = |tag: String, title: &str| Command::Replace {
        id: first.key.id,
        draft: offer_draft(owner, title, None),
        expected: Precondition::Tags(vec![tag]),
    };
    let second = apply(&storage, write(first.tag(), "Two")).await;
    let stale = storage
        .directory
        .apply(&coordinator(), write(first.tag(), "Three"), None, at(2))
        .await;
    assert_eq!(reason(stale.unwrap_err()), Reason::PreconditionFailed);
    assert_eq!(stored(&storage, &first.key).await.tag(), second.tag());
}

async fn what_is_referred_to_cannot_be_deleted_until_let_go(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let from = apply(&storage, create(new_id(), offer_draft(owner, "From", None)))
        .await
        .key
        .id;
    let to = apply(&storage, create(new_id(), offer_draft(owner, "To", None)))
        .await
        .key
        .id;
    let pathway = apply(&storage, create(new_id(), pathway_draft(owner, from, to)))
        .await
        .key
        .id;
    assert_eq!(
        storage.directory.referrers(to, None, 10).await.unwrap(),
        [pathway]
    );
    let mut owned = storage.directory.referrers(owner, None, 10).await.unwrap();
    owned.sort();
    assert_eq!(owned, [from, to, pathway]);
    let refused = storage
        .directory
        .apply(&coordinator(), delete(Kind::Offer, to), None, at(2))
        .await;
    assert_eq!(reason(refused.unwrap_err()), Reason::InUse);
    apply(&storage, delete(Kind::Pathway, pathway)).await;
    assert_eq!(
        apply(&storage, delete(Kind::Offer, to)).await.outcome,
        Outcome::Deleted
    );
    assert_eq!(storage.directory.referrers(to, None, 10).await.unwrap(), []);
}

async fn a_deleted_entry_keeps_its_history_and_frees_its_key(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let first = apply(&storage, upsert(offer_draft(owner, "One", Some("k")))).await;
    let gone = apply(&storage, delete(Kind::Offer, first.key.id)).await;
    assert_eq!(
        (gone.outcome, gone.version, gone.json.clone()),
        (Outcome::Deleted, 2, None)
    );
    let row = stored(&storage, &first.key).await;
    assert!(row.deleted);
    assert_eq!(row.json, first.json, "the owner can still read what it was");
    assert_eq!(
        storage
            .directory
            .history(first.key.id, None, 10)
            .await
            .unwrap()
            .len(),
        2
    );
    let again = apply(&storage, upsert(offer_draft(owner, "New", Some("k")))).await;
    assert_eq!(again.outcome, Outcome::Created);
    assert_ne!(again.key, first.key);
    let taken = refused(
        &storage,
        &coordinator(),
        create(first.key.id, offer_draft(owner, "Back", None)),
    )
    .await;
    assert_eq!(taken, Reason::IdTaken);
}

async fn a_purge_leaves_nothing_but_the_mark(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let secret = "a-word-that-must-go";
    let applied = apply(
        &storage,
        create(new_id(), offer_draft(owner, secret, Some(secret))),
    )
    .await;
    apply(
        &storage,
        replace(applied.key.id, offer_draft(owner, "harmless", Some(secret))),
    )
    .await;
    let purge = Command::Purge {
        kind: Kind::Offer,
        id: applied.key.id,
    };
    let gone = apply(&storage, purge.clone()).await;
    assert_eq!((gone.outcome, gone.version), (Outcome::Purged, 3));
    let row = stored(&storage, &applied.key).await;
    assert!(row.deleted && row.json.is_none());
    assert_eq!(
        storage
            .directory
            .history(applied.key.id, None, 10)
            .await
            .unwrap(),
        []
    );
    for (table, column) in [
        ("entry", "body"),
        ("entry", "external_id"),
        ("revision", "body"),
    ] {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%{secret}%'");
        assert_eq!(database.number(&sql), 0, "{table}.{column}");
    }
    let again = storage
        .directory
        .apply(&coordinator(), purge, None, at(2))
        .await;
    assert_eq!(reason(again.unwrap_err()), Reason::NotFound);
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn an_upsert_finds_its_entry_by_key(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let first = apply(&storage, upsert(offer_draft(owner, "One", Some("k")))).await;
    let second = apply(&storage, upsert(offer_draft(owner, "Two", Some("k")))).await;
    assert_eq!(
        (first.outcome, second.outcome),
        (Outcome::Created, Outcome::Updated)
    );
    assert_eq!(first.key, second.key);
    // Another kind or another case is another key.
    let other = apply(&storage, upsert(offer_draft(owner, "Three", Some("K")))).await;
    assert_eq!(other.outcome, Outcome::Created);
}

async fn an_owners_key_is_unique_per_owner_and_kind(database: TestDatabase) {
    let storage = database.fresh().await;
    let (a, b) = (
        organisation(&storage, "A").await,
        organisation(&storage, "B").await,
    );
    apply(&storage, create(new_id(), offer_draft(a, "One", Some("k")))).await;
    apply(
        &storage,
        create(new_id(), offer_draft(b, "Other owner", Some("k"))),
    )
    .await;
    let twice = refused(
        &storage,
        &coordinator(),
        create(new_id(), offer_draft(a, "Two", Some("k"))),
    )
    .await;
    assert_eq!(twice, Reason::ExternalIdTaken);
}

async fn handing_over_moves_the_key_and_the_references(database: TestDatabase) {
    let storage = database.fresh().await;
    let (a, b) = (
        organisation(&storage, "A").await,
        organisation(&storage, "B").await,
    );
    let offer = apply(&storage, create(new_id(), offer_draft(a, "One", Some("k")))).await;
    let hand_over = Command::HandOver {
        kind: Kind::Offer,
        id: offer.key.id,
        to: b,
    };
    assert_eq!(
        apply(&storage, hand_over).await.outcome,
        Outcome::HandedOver
    );
    assert!(
        storage
            .directory
            .by_external_id(a, Kind::Offer, "k")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        storage
            .directory
            .by_external_id(b, Kind::Offer, "k")
            .await
            .unwrap()
            .unwrap()
            .key,
        offer.key
    );
    assert_eq!(
        storage.directory.referrers(b, None, 10).await.unwrap(),
        [offer.key.id]
    );
    // The old owner may write under the same key again.
    apply(&storage, create(new_id(), offer_draft(a, "Two", Some("k")))).await;
}

async fn writing_the_same_again_changes_nothing(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let first = apply(&storage, upsert(offer_draft(owner, "One", Some("k")))).await;
    let again = storage
        .directory
        .apply(
            &coordinator(),
            upsert(offer_draft(owner, "One", Some("k"))),
            None,
            at(500),
        )
        .await
        .unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(
        (again.key, again.version, again.arrival),
        (first.key, first.version, first.arrival)
    );
    assert_eq!(again.json, first.json);
    assert_eq!(storage.directory.head().await.unwrap(), 2);
}

async fn another_organisations_entry_is_refused(database: TestDatabase) {
    let storage = database.fresh().await;
    let (a, b) = (
        organisation(&storage, "A").await,
        organisation(&storage, "B").await,
    );
    let offer = apply(&storage, create(new_id(), offer_draft(a, "One", None))).await;
    let foreign = refused(
        &storage,
        &editor(b),
        replace(offer.key.id, offer_draft(a, "Mine", None)),
    )
    .await;
    assert_eq!(foreign, Reason::Forbidden);
    let ours = replace(offer.key.id, offer_draft(a, "Ours", None));
    assert_eq!(
        storage
            .directory
            .apply(&editor(a), ours, None, at(2))
            .await
            .unwrap()
            .version,
        2
    );
}

fn idempotency(fingerprint: &str) -> Idempotency {
    Idempotency {
        subject: "client:1".to_owned(),
        key: "k".to_owned(),
        fingerprint: fingerprint.to_owned(),
        expires: at(100),
    }
}

async fn a_repeated_idempotency_key_gets_the_first_answer(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let send = |seconds: i64| {
        let command = create(new_id(), offer_draft(owner, "One", None));
        storage.directory.apply(
            &crate::support::ANY_COORDINATOR,
            command,
            Some(idempotency("f")),
            at(seconds),
        )
    };
    let first = send(2).await.unwrap();
    apply(
        &storage,
        replace(first.key.id, offer_draft(owner, "Two", None)),
    )
    .await;
    let again = send(3).await.unwrap();
    assert!(again.replayed && !first.replayed);
    assert_eq!(
        (again.key, again.version, again.arrival, again.json),
        (first.key, 1, first.arrival, first.json)
    );
    assert_eq!(database.number("SELECT count(*) FROM entry"), 2);
    // Once it has run out, the key is new again.
    let later = send(101).await.unwrap();
    assert!(!later.replayed);
    assert_eq!(storage.clean(at(1_000)).await.unwrap().idempotency, 1);
}

async fn an_idempotency_key_with_another_request_is_refused(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let send = |fingerprint: &str| {
        let command = create(new_id(), offer_draft(owner, "One", None));
        storage.directory.apply(
            &crate::support::ANY_COORDINATOR,
            command,
            Some(idempotency(fingerprint)),
            at(2),
        )
    };
    send("f").await.unwrap();
    let error = send("g").await.unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::Conflict(Conflict::IdempotencyKeyReused)
        ),
        "{error:?}"
    );
    assert_eq!(database.number("SELECT count(*) FROM entry"), 2);
}

async fn a_refused_command_leaves_no_trace(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let nobody = new_id();
    let command = create(new_id(), offer_draft(nobody, "One", Some("k")));
    let outcome = storage
        .directory
        .apply(&coordinator(), command, Some(idempotency("f")), at(2))
        .await;
    assert_eq!(reason(outcome.unwrap_err()), Reason::Invalid);
    for (table, rows) in [
        ("entry", 1),
        ("revision", 1),
        ("audit", 1),
        ("idempotency", 0),
    ] {
        assert_eq!(
            database.number(&format!("SELECT count(*) FROM {table}")),
            rows,
            "{table}"
        );
    }
    assert_eq!(storage.directory.head().await.unwrap(), 1);
    let next = apply(&storage, create(new_id(), offer_draft(owner, "One", None))).await;
    assert_eq!(next.arrival, 2, "a refused command takes no number");
}

async fn a_scan_hands_out_every_live_entry_once(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let mut expected = vec![owner];
    for number in 0..25 {
        let applied = apply(
            &storage,
            create(new_id(), offer_draft(owner, &format!("{number}"), None)),
        )
        .await;
        expected.push(applied.key.id);
    }
    let gone = expected.pop().unwrap();
    apply(&storage, delete(Kind::Offer, gone)).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let through = storage
        .directory
        .scan(7, move |chunk| {
            assert!(chunk.len() <= 7);
            sink.lock()
                .unwrap()
                .extend(chunk.into_iter().map(|stored| key_of(&stored)));
            ControlFlow::Continue(())
        })
        .await
        .unwrap();
    assert_eq!(through, 27);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
    let chunks = Arc::new(Mutex::new(0));
    let count = Arc::clone(&chunks);
    storage
        .directory
        .scan(7, move |_| {
            *count.lock().unwrap() += 1;
            ControlFlow::Break(())
        })
        .await
        .unwrap();
    assert_eq!(
        *chunks.lock().unwrap(),
        1,
        "a scan stops when it is told to"
    );
}

fn key_of(stored: &Stored) -> domain::EntryId {
    stored.key.id
}

async fn the_operator_is_remembered(database: TestDatabase) {
    let storage = database.fresh().await;
    assert_eq!(storage.operator().await.unwrap(), None);
    let id = organisation(&storage, "Operator").await;
    let admin = Actor {
        subject: Subject::Account(Uuid::from_u128(1)),
        organisation: None,
        role: Role::NodeAdmin,
    };
    storage.set_operator(&admin, id, at(2)).await.unwrap();
    assert_eq!(database.open().await.operator().await.unwrap(), Some(id));
}
