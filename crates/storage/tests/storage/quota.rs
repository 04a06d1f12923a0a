//! What one organisation may have, as the database counts it.

use domain::{Kind, Precondition, Quota, Reason, Rules, Usage};
use lotse_storage::{BatchMode, Settings, Storage, StorageError};

use crate::support::*;

on_both!(
    a_quota_holds_for_single_writes_and_batches_and_lets_shrink,
    usage_follows_every_way_of_writing,
    an_upgrade_counts_what_is_there,
    what_is_written_is_budgeted_whatever_it_leaves,
);

/// Opens the database with a quota.
async fn with_quota(database: &TestDatabase, quota: Quota) -> Storage {
    database.migrate().await;
    let settings = Settings {
        rules: Rules {
            quota,
            ..Rules::default()
        },
        ..database.settings()
    };
    Storage::open(settings, at(0)).await.unwrap()
}

fn reason(error: StorageError) -> Reason {
    match error {
        StorageError::Refused(refusal) => refusal.reason,
        other => panic!("not refused: {other}"),
    }
}

/// What is counted is what the entries say.
async fn sound(storage: &Storage) {
    let found = storage.check_integrity().await.unwrap();
    assert!(found.is_sound(), "{:?}", found.findings);
}

async fn a_quota_holds_for_single_writes_and_batches_and_lets_shrink(database: TestDatabase) {
    let quota = Quota {
        entries: 6,
        bytes: 4_000,
        ..Quota::default()
    };
    let storage = with_quota(&database, quota).await;
    let owner = organisation(&storage, "one").await;
    let other = organisation(&storage, "two").await;
    let editor = editor(owner);
    let write = |command| storage.directory.apply(&editor, command, None, at(1));
    let mut ids = Vec::new();
    for n in 0..5 {
        let id = new_id();
        write(create(id, offer_draft(owner, &format!("offer {n}"), None)))
            .await
            .unwrap();
        ids.push(id);
    }
    // The organisation itself is the sixth.
    let refused = write(create(new_id(), offer_draft(owner, "seventh", None))).await;
    assert_eq!(reason(refused.unwrap_err()), Reason::QuotaReached);

    // In a batch later lines see what earlier ones did: one goes, one comes, and the next is one too many.
    let lines = vec![
        delete(Kind::Offer, ids[0]),
        create(new_id(), offer_draft(owner, "in its place", None)),
        create(new_id(), offer_draft(owner, "one too many", None)),
    ];
    let outcome = storage
        .directory
        .apply_batch(&editor, lines, BatchMode::PerLine, false, at(2))
        .await
        .unwrap();
    let results: Vec<Option<Reason>> = outcome
        .results
        .iter()
        .map(|result| result.as_ref().err().map(|refusal| refusal.reason))
        .collect();
    assert_eq!(results, [None, None, Some(Reason::QuotaReached)]);

    // Bytes: growing is refused with what is used and allowed, shrinking and deleting is not, a coordinator may.
    let long = "x".repeat(290);
    let patch = |title: &str| domain::Command::Patch {
        kind: Kind::Offer,
        id: ids[1],
        patch: serde_json::json!({"content": {"title": {
            "en": title, "de": title, "fr": title, "it": title, "es": title, "pt": title, "pl": title, "ro": title
        }}}),
        expected: Precondition::None,
    };
    let used = storage.directory.usage(owner).await.unwrap();
    let StorageError::Refused(refusal) = write(patch(&long)).await.unwrap_err() else {
        panic!("not refused");
    };
    assert_eq!(refusal.reason, Reason::QuotaReached);
    assert!(
        refusal
            .detail
            .contains(&format!("{} of 4000 bytes", used.bytes)),
        "{}",
        refusal.detail
    );
    apply(&storage, patch(&long)).await;
    let used = storage.directory.usage(owner).await.unwrap();
    assert!(used.bytes > 4_000, "{used:?}");
    write(patch(&"y".repeat(280))).await.unwrap();
    write(delete(Kind::Offer, ids[2])).await.unwrap();
    let theirs = storage.directory.usage(other).await.unwrap();
    assert_eq!(theirs.entries, 1, "another's room is its own");
    sound(&storage).await;
}

async fn usage_follows_every_way_of_writing(database: TestDatabase) {
    let storage = database.fresh().await;
    let (one, two) = (
        organisation(&storage, "one").await,
        organisation(&storage, "two").await,
    );
    let (kept, gone, given) = (new_id(), new_id(), new_id());
    for id in [kept, gone, given] {
        apply(
            &storage,
            create(id, offer_draft(one, "Beratung für alle", None)),
        )
        .await;
    }
    apply(
        &storage,
        replace(kept, offer_draft(one, "länger als vorher", None)),
    )
    .await;
    apply(&storage, delete(Kind::Offer, gone)).await;
    let purge = domain::Command::Purge {
        kind: Kind::Offer,
        id: gone,
    };
    apply(&storage, purge).await;
    let hand_over = domain::Command::HandOver {
        kind: Kind::Offer,
        id: given,
        to: two,
    };
    apply(&storage, hand_over).await;
    // A batch that frees a key and takes it again is written in between.
    let lines = vec![
        upsert(offer_draft(one, "with a key", Some("k"))),
        replace(kept, offer_draft(one, "again", None)),
        upsert(offer_draft(one, "with a key, changed", Some("k"))),
    ];
    storage
        .directory
        .apply_batch(
            &coordinator(),
            lines.clone(),
            BatchMode::PerLine,
            false,
            at(3),
        )
        .await
        .unwrap();
    storage
        .directory
        .apply_batch(&coordinator(), lines, BatchMode::PerLine, true, at(4))
        .await
        .unwrap();
    let entries = |usage: Usage| usage.entries;
    assert_eq!(entries(storage.directory.usage(one).await.unwrap()), 3);
    assert_eq!(entries(storage.directory.usage(two).await.unwrap()), 2);
    sound(&storage).await;

    // A restored database counts anew: archives do not say.
    let archive = database.folder.path().join("archive");
    storage.backup(&archive, at(5)).await.unwrap();
    let sibling = database.sibling();
    sibling.migrate().await;
    Storage::restore(&sibling.url, &archive).await.unwrap();
    let restored = sibling.open().await;
    for owner in [one, two] {
        assert_eq!(
            restored.directory.usage(owner).await.unwrap(),
            storage.directory.usage(owner).await.unwrap()
        );
    }
    sound(&restored).await;

    // What is wrong is found.
    database.execute("UPDATE owner_usage SET bytes = bytes + 1");
    let found = storage.check_integrity().await.unwrap();
    assert!(found.findings.iter().all(|f| f.code == "wrong_usage"));
    assert_eq!(found.findings.len(), 2, "{:?}", found.findings);
}

async fn an_upgrade_counts_what_is_there(database: TestDatabase) {
    let storage = database.fresh().await;
    let one = organisation(&storage, "one").await;
    apply(
        &storage,
        create(new_id(), offer_draft(one, "Beratung für alle", None)),
    )
    .await;
    let before = storage.directory.usage(one).await.unwrap();
    drop(storage);
    // As a database of the version before is.
    database.execute(
        "DROP TABLE owner_usage; DELETE FROM __diesel_schema_migrations WHERE version = '0008';",
    );
    assert_eq!(Storage::migrate(&database.url).await.unwrap().len(), 1);
    let storage = database.open().await;
    assert_eq!(storage.directory.usage(one).await.unwrap(), before);
    sound(&storage).await;
}

async fn what_is_written_is_budgeted_whatever_it_leaves(database: TestDatabase) {
    let quota = Quota {
        written_at_once: 20_000,
        written_per_minute: 60,
        ..Quota::default()
    };
    let storage = with_quota(&database, quota).await;
    let owner = organisation(&storage, "one").await;
    let id = new_id();
    apply(&storage, create(id, offer_draft(owner, "a", None))).await;
    let editor = editor(owner);
    // The same small entry, again and again.
    let mut written = 0;
    let refused = loop {
        let draft = offer_draft(owner, &format!("title {written}"), None);
        match storage
            .directory
            .apply(&editor, replace(id, draft), None, at(1))
            .await
        {
            Ok(_) => written += 1,
            Err(error) => break reason(error),
        }
        assert!(written < 100, "nothing stops it");
    };
    assert!((5..20).contains(&written), "{written}");
    let Reason::WrittenTooMuch { seconds } = refused else {
        panic!("{refused:?}");
    };
    assert!(seconds >= 1);
    // A batch is stopped at the same place, a coordinator is not, and taking back is always possible.
    let lines = vec![replace(id, offer_draft(owner, "in a batch", None))];
    let outcome = storage
        .directory
        .apply_batch(&editor, lines, BatchMode::PerLine, false, at(2))
        .await
        .unwrap();
    assert!(matches!(
        outcome.results[0]
            .as_ref()
            .map_err(|refusal| refusal.reason),
        Err(Reason::WrittenTooMuch { .. })
    ));
    apply(
        &storage,
        replace(id, offer_draft(owner, "by a coordinator", None)),
    )
    .await;
    storage
        .directory
        .apply(&editor, delete(Kind::Offer, id), None, at(3))
        .await
        .unwrap();
}
