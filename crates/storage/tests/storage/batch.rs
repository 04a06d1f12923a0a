//! Many commands at once.

use domain::{Command, Kind, Precondition, Reason, Refusal};
use lotse_storage::{Applied, BatchMode, BatchOutcome, Outcome, Storage};

use crate::support::{
    TestDatabase, apply, at, coordinator, create, delete, editor, new_id, offer_draft, on_both,
    organisation, pathway_draft, replace, upsert,
};

on_both!(
    another_organisation_keeps_nothing_and_nothing_dangles,
    a_batch_does_what_its_commands_do_one_by_one,
    later_lines_see_what_earlier_ones_did,
    all_or_nothing_applies_nothing_when_one_is_refused,
    per_line_applies_the_others,
    an_upsert_takes_no_id_that_is_used,
    a_dry_run_says_what_would_happen_and_changes_nothing,
    keys_can_change_places_within_a_batch,
    organisations_cannot_come_above_each_other_within_a_batch,
    the_same_entry_can_change_often_in_one_batch,
    references_within_a_batch_hold_on_to_each_other,
    a_batch_of_thousands_fits_into_the_limits_of_statements,
    a_batch_beyond_the_limit_is_refused_as_a_whole,
);

async fn batch(storage: &Storage, commands: Vec<Command>, mode: BatchMode) -> BatchOutcome {
    storage
        .directory
        .apply_batch(&coordinator(), commands, mode, false, at(5))
        .await
        .unwrap()
}

fn outcomes(results: &[Result<Applied, Refusal>]) -> Vec<Result<Outcome, Reason>> {
    results
        .iter()
        .map(|r| {
            r.as_ref()
                .map(|a| a.outcome)
                .map_err(|refusal| refusal.reason)
        })
        .collect()
}

async fn a_batch_does_what_its_commands_do_one_by_one(database: TestDatabase) {
    let other = database.sibling();
    let (batched, single) = (database.fresh().await, other.fresh().await);
    let owner = new_id();
    let ids: Vec<_> = (0..6).map(|_| new_id()).collect();
    let commands = vec![
        create(owner, crate::support::organisation_draft("Office")),
        create(ids[0], offer_draft(owner, "A", Some("a"))),
        create(ids[1], offer_draft(owner, "B", Some("b"))),
        Command::Upsert {
            new_id: ids[2],
            draft: offer_draft(owner, "A2", Some("a")),
        },
        Command::Upsert {
            new_id: ids[3],
            draft: offer_draft(owner, "C", Some("c")),
        },
        create(ids[4], pathway_draft(owner, ids[0], ids[1])),
        create(ids[5], offer_draft(owner, "taken", Some("c"))),
        delete(Kind::Offer, ids[1]),
        delete(Kind::Pathway, ids[4]),
        delete(Kind::Offer, ids[1]),
        Command::Upsert {
            new_id: ids[5],
            draft: offer_draft(owner, "B again", Some("b")),
        },
        Command::Purge {
            kind: Kind::Offer,
            id: ids[3],
        },
        replace(ids[3], offer_draft(owner, "gone", None)),
        replace(ids[0], offer_draft(owner, "A2", Some("a"))),
    ];
    let results = batch(&batched, commands.clone(), BatchMode::PerLine).await;
    assert!(results.committed);
    let mut one_by_one = Vec::new();
    for command in commands {
        one_by_one.push(
            match single
                .directory
                .apply(&coordinator(), command, None, at(5))
                .await
            {
                Ok(applied) => Ok(Applied {
                    json: None,
                    ..applied
                }),
                Err(lotse_storage::StorageError::Refused(refusal)) => Err(*refusal),
                Err(other) => panic!("{other:?}"),
            },
        );
    }
    assert_eq!(outcomes(&results.results), outcomes(&one_by_one));
    assert_eq!(results.results, one_by_one);
    for table in ["entry", "entry_reference", "revision", "audit", "counter"] {
        let rows =
            |database: &TestDatabase| database.number(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(rows(&database), rows(&other), "{table}");
    }
    let (a, b) = (
        batched.directory.changes_since(0, 100).await.unwrap(),
        single.directory.changes_since(0, 100).await,
    );
    assert_eq!(a, b.unwrap());
    assert!(batched.check_integrity().await.unwrap().is_sound());
}

async fn later_lines_see_what_earlier_ones_did(database: TestDatabase) {
    let storage = database.fresh().await;
    let (owner, offer) = (new_id(), new_id());
    let commands = vec![
        create(offer, offer_draft(owner, "too early", None)),
        create(owner, crate::support::organisation_draft("Office")),
        create(offer, offer_draft(owner, "now", None)),
        create(offer, offer_draft(owner, "again", None)),
    ];
    let results = batch(&storage, commands, BatchMode::PerLine).await.results;
    assert_eq!(
        outcomes(&results),
        [
            Err(Reason::Invalid),
            Ok(Outcome::Created),
            Ok(Outcome::Created),
            Err(Reason::IdTaken)
        ]
    );
}

async fn all_or_nothing_applies_nothing_when_one_is_refused(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let commands = |last| {
        vec![
            create(new_id(), offer_draft(owner, "One", None)),
            create(new_id(), last),
        ]
    };
    let refused = batch(
        &storage,
        commands(offer_draft(new_id(), "Two", None)),
        BatchMode::AllOrNothing,
    )
    .await;
    assert!(!refused.committed);
    assert_eq!(
        outcomes(&refused.results),
        [Ok(Outcome::Created), Err(Reason::Invalid)]
    );
    assert_eq!(storage.directory.head().await.unwrap(), 1);
    assert_eq!(database.number("SELECT count(*) FROM entry"), 1);
    let fine = batch(
        &storage,
        commands(offer_draft(owner, "Two", None)),
        BatchMode::AllOrNothing,
    )
    .await;
    assert!(fine.committed);
    assert_eq!(
        storage.directory.head().await.unwrap(),
        3,
        "the refused batch took no numbers"
    );
}

async fn an_upsert_takes_no_id_that_is_used(database: TestDatabase) {
    let storage = database.fresh().await;
    let (a, b) = (
        organisation(&storage, "A").await,
        organisation(&storage, "B").await,
    );
    let theirs = new_id();
    apply(&storage, create(theirs, offer_draft(b, "theirs", None))).await;
    let under = |new_id, key: &'static str| Command::Upsert {
        new_id,
        draft: offer_draft(a, key, Some(key)),
    };
    let (fresh, fresh_too) = (new_id(), new_id());
    let commands = vec![
        // Refused, but from now on the batch knows the entry.
        delete(Kind::Offer, theirs),
        under(theirs, "1"),
        under(fresh, "2"),
        under(fresh, "3"),
        create(fresh_too, offer_draft(a, "4", None)),
        under(fresh_too, "5"),
    ];
    let outcome = storage
        .directory
        .apply_batch(&editor(a), commands, BatchMode::PerLine, false, at(5))
        .await
        .unwrap();
    assert_eq!(
        outcomes(&outcome.results),
        [
            Err(Reason::Forbidden),
            Err(Reason::IdTaken),
            Ok(Outcome::Created),
            Err(Reason::IdTaken),
            Ok(Outcome::Created),
            Err(Reason::IdTaken),
        ]
    );
}

async fn per_line_applies_the_others(database: TestDatabase) {
    let storage = database.fresh().await;
    let (a, b) = (
        organisation(&storage, "A").await,
        organisation(&storage, "B").await,
    );
    let commands = vec![
        upsert(offer_draft(a, "One", Some("1"))),
        upsert(offer_draft(b, "not ours", Some("2"))),
        upsert(offer_draft(a, "no key", None)),
        upsert(offer_draft(a, "Three", Some("3"))),
    ];
    let outcome = storage
        .directory
        .apply_batch(&editor(a), commands, BatchMode::PerLine, false, at(5))
        .await
        .unwrap();
    assert!(outcome.committed);
    assert_eq!(
        outcomes(&outcome.results),
        [
            Ok(Outcome::Created),
            Err(Reason::Forbidden),
            Err(Reason::Invalid),
            Ok(Outcome::Created)
        ]
    );
    let arrivals: Vec<_> = outcome
        .results
        .iter()
        .flatten()
        .map(|applied| applied.arrival)
        .collect();
    assert_eq!(arrivals, [3, 4]);
}

async fn a_dry_run_says_what_would_happen_and_changes_nothing(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    apply(&storage, upsert(offer_draft(owner, "Old", Some("old")))).await;
    let commands = vec![
        upsert(offer_draft(owner, "New", Some("new"))),
        upsert(offer_draft(owner, "Changed", Some("old"))),
        upsert(offer_draft(owner, "New", Some("new"))),
        upsert(offer_draft(new_id(), "nobody's", Some("x"))),
    ];
    let before = storage.directory.changes_since(0, 100).await.unwrap();
    let dry = storage
        .directory
        .apply_batch(&coordinator(), commands, BatchMode::PerLine, true, at(5))
        .await
        .unwrap();
    assert!(!dry.committed);
    assert_eq!(
        outcomes(&dry.results),
        [
            Ok(Outcome::Created),
            Ok(Outcome::Updated),
            Ok(Outcome::Unchanged),
            Err(Reason::Invalid)
        ]
    );
    assert_eq!(
        storage.directory.changes_since(0, 100).await.unwrap(),
        before
    );
    assert_eq!(database.number("SELECT count(*) FROM revision"), 2);
}

async fn keys_can_change_places_within_a_batch(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let a = apply(
        &storage,
        create(new_id(), offer_draft(owner, "A", Some("a"))),
    )
    .await
    .key
    .id;
    let b = apply(
        &storage,
        create(new_id(), offer_draft(owner, "B", Some("b"))),
    )
    .await
    .key
    .id;
    let commands = vec![
        replace(a, offer_draft(owner, "A", Some("c"))),
        replace(b, offer_draft(owner, "B", Some("a"))),
        replace(a, offer_draft(owner, "A", Some("b"))),
        // Now finds B.
        upsert(offer_draft(owner, "B2", Some("a"))),
        // Frees a key and takes it again.
        delete(Kind::Offer, a),
        upsert(offer_draft(owner, "new", Some("b"))),
    ];
    let results = batch(&storage, commands, BatchMode::AllOrNothing).await;
    assert!(results.committed, "{:?}", results.results);
    assert_eq!(results.results[3].as_ref().unwrap().key.id, b);
    let found = storage
        .directory
        .by_external_id(owner, Kind::Offer, "a")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.key.id, found.version), (b, 3));
    let found = storage
        .directory
        .by_external_id(owner, Kind::Offer, "b")
        .await
        .unwrap()
        .unwrap();
    assert!(found.key.id != a && found.version == 1);
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn organisations_cannot_come_above_each_other_within_a_batch(database: TestDatabase) {
    let storage = database.fresh().await;
    let (one, two) = (
        crate::support::organisation(&storage, "One").await,
        crate::support::organisation(&storage, "Two").await,
    );
    let below = |id, parent| Command::Patch {
        kind: Kind::Organisation,
        id,
        patch: serde_json::json!({ "content": { "parent": parent } }),
        expected: domain::Precondition::None,
    };
    // Each alone would do.
    let commands = vec![below(one, Some(two)), below(two, Some(one))];
    let results = batch(&storage, commands, BatchMode::PerLine).await.results;
    assert_eq!(
        outcomes(&results),
        [Ok(Outcome::Updated), Err(Reason::Invalid)]
    );
    let commands = vec![below(one, None), below(two, Some(one))];
    let results = batch(&storage, commands, BatchMode::PerLine).await.results;
    assert_eq!(
        outcomes(&results),
        [Ok(Outcome::Updated), Ok(Outcome::Updated)]
    );
    let refused = storage
        .directory
        .apply(&coordinator(), below(one, Some(two)), None, at(5))
        .await;
    assert!(
        matches!(&refused, Err(lotse_storage::StorageError::Refused(refusal)) if refusal.reason == Reason::Invalid),
        "{refused:?}"
    );
}

async fn the_same_entry_can_change_often_in_one_batch(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let commands = (0..30)
        .map(|n| upsert(offer_draft(owner, &format!("Title {n}"), Some("k"))))
        .collect();
    let results = batch(&storage, commands, BatchMode::AllOrNothing).await;
    assert!(results.committed);
    let stored = storage
        .directory
        .by_external_id(owner, Kind::Offer, "k")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((stored.version, stored.arrival), (30, 31));
    assert_eq!(
        storage
            .directory
            .history(stored.key.id, None, 100)
            .await
            .unwrap()
            .len(),
        30
    );
    let changes = storage.directory.changes_since(0, 100).await.unwrap();
    assert_eq!(
        changes.items.len(),
        2,
        "each entry stands at its latest number"
    );
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn references_within_a_batch_hold_on_to_each_other(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let (from, to, pathway) = (new_id(), new_id(), new_id());
    let commands = vec![
        create(from, offer_draft(owner, "From", None)),
        create(to, offer_draft(owner, "To", None)),
        create(pathway, pathway_draft(owner, from, to)),
        delete(Kind::Offer, to),
        delete(Kind::Pathway, pathway),
        delete(Kind::Offer, to),
        Command::Delete {
            kind: Kind::Organisation,
            id: owner,
            expected: Precondition::None,
        },
        delete(Kind::Offer, from),
        Command::Delete {
            kind: Kind::Organisation,
            id: owner,
            expected: Precondition::None,
        },
    ];
    let results = batch(&storage, commands, BatchMode::PerLine).await.results;
    let expected = [
        Ok(Outcome::Created),
        Ok(Outcome::Created),
        Ok(Outcome::Created),
        Err(Reason::InUse),
        Ok(Outcome::Deleted),
        Ok(Outcome::Deleted),
        Err(Reason::InUse),
        Ok(Outcome::Deleted),
        Ok(Outcome::Deleted),
    ];
    assert_eq!(outcomes(&results), expected);
    assert_eq!(database.number("SELECT count(*) FROM entry_reference"), 0);
}

async fn a_batch_of_thousands_fits_into_the_limits_of_statements(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let commands = |suffix: &str| -> Vec<_> {
        (0..6_001)
            .map(|n| {
                upsert(offer_draft(
                    owner,
                    &format!("Offer {n} {suffix}"),
                    Some(&n.to_string()),
                ))
            })
            .collect()
    };
    let created = batch(&storage, commands("new"), BatchMode::AllOrNothing).await;
    assert!(created.committed);
    let updated = batch(&storage, commands("changed"), BatchMode::AllOrNothing).await;
    assert!(
        updated
            .results
            .iter()
            .all(|r| r.as_ref().is_ok_and(|a| a.outcome == Outcome::Updated))
    );
    assert_eq!(storage.directory.head().await.unwrap(), 1 + 2 * 6_001);
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn a_batch_beyond_the_limit_is_refused_as_a_whole(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let command = upsert(offer_draft(owner, "One", Some("k")));
    let commands = vec![command; lotse_storage::limits::BATCH + 1];
    let refused = storage
        .directory
        .apply_batch(&coordinator(), commands, BatchMode::PerLine, false, at(5))
        .await;
    assert_eq!(refused.unwrap_err().code(), "internal");
    assert_eq!(storage.directory.head().await.unwrap(), 1);
}

async fn another_organisation_keeps_nothing_and_nothing_dangles(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let other = organisation(&storage, "Other").await;
    let mut offers = Vec::new();
    for name in ["From", "To", "Third"] {
        let made = apply(&storage, create(new_id(), offer_draft(owner, name, None))).await;
        offers.push(made.key.id);
    }
    let (from, to, third) = (offers[0], offers[1], offers[2]);
    let foreign = apply(&storage, create(new_id(), pathway_draft(other, from, to))).await;
    let gone = apply(&storage, delete(Kind::Offer, to)).await;
    assert_eq!(gone.outcome, Outcome::Deleted);
    let referrers = storage.directory.referrers(to, None, 10).await.unwrap();
    assert_eq!(referrers, []);
    // In one batch, too, where nothing is written in between.
    let commands = vec![
        create(new_id(), pathway_draft(other, from, third)),
        delete(Kind::Offer, third),
        create(new_id(), pathway_draft(other, from, third)),
    ];
    let results = batch(&storage, commands, BatchMode::PerLine).await.results;
    let expected = [
        Ok(Outcome::Created),
        Ok(Outcome::Deleted),
        Err(Reason::Invalid),
    ];
    assert_eq!(outcomes(&results), expected);
    let kept = storage.directory.get(&foreign.key).await.unwrap();
    assert!(kept.is_some_and(|kept| !kept.deleted));
    let found = storage.check_integrity().await.unwrap();
    assert!(found.findings.is_empty(), "{found:?}");
}
