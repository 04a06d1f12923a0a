//! What somebody has to look at again.

use chrono::NaiveDate;
use domain::{EntryId, Kind};
use lotse_storage::{ReviewCursor, ReviewState, Storage};
use serde_json::{Value, json};

use crate::support::{
    TestDatabase, apply, at, create, delete, draft, new_id, offer_draft, on_both, organisation,
    replace,
};

on_both!(
    what_is_stale_is_listed_until_somebody_looks_at_it,
    pages_hold_each_entry_once_and_the_longest_overdue_first,
    an_older_database_learns_from_bodies_when_reviews_are_due,
);

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// An offer with some fields of the envelope.
async fn offer(storage: &Storage, owner: EntryId, envelope: Value) -> EntryId {
    apply(storage, create(new_id(), offer_of(owner, envelope)))
        .await
        .key
        .id
}

fn offer_of(owner: EntryId, envelope: Value) -> domain::AnyDraft {
    let mut value = json!({
        "owner": owner, "content": { "title": { "en": "Offer" }, "organisation": owner },
    });
    for (name, field) in envelope.as_object().unwrap() {
        value[name] = field.clone();
    }
    draft(Kind::Offer, value)
}

fn verified(on: &str) -> Value {
    json!({ "last_verified": on, "verification_method": "phone_email" })
}

/// The ids of all pages of `limit` entries.
async fn listed(
    storage: &Storage,
    owner: Option<EntryId>,
    state: ReviewState,
    today: &str,
    limit: i64,
) -> Vec<EntryId> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let (found, next) = storage
            .directory
            .reviews(owner, state, day(today), after, limit)
            .await
            .unwrap();
        ids.extend(found.iter().map(|stored| stored.key.id));
        let Some(next) = next else { break };
        let read = ReviewCursor::parse(&next.to_text());
        assert_eq!(read.as_ref(), Some(&next));
        after = read;
    }
    let counted = storage.directory.reviews_waiting(owner, state, day(today));
    let counted = counted.await.unwrap();
    assert_eq!((counted.count, counted.more), (ids.len(), false));
    assert_eq!(counted.oldest.is_none(), ids.is_empty());
    ids
}

async fn what_is_stale_is_listed_until_somebody_looks_at_it(database: TestDatabase) {
    let storage = database.fresh().await;
    let (one, two) = (
        organisation(&storage, "One").await,
        organisation(&storage, "Two").await,
    );
    let never = offer(&storage, one, json!({})).await;
    let of_two = offer(&storage, two, json!({})).await;
    let due = offer(&storage, one, verified("2025-06-01")).await;
    // The end of an offer is a reason to ask, however lately it was verified.
    let mut ends = verified("2026-01-01");
    ends["available_until"] = json!("2026-02-01");
    let ending = offer(&storage, one, ends).await;
    let fresh = offer(&storage, one, verified("2026-01-01")).await;
    let mut ended = verified("2020-01-01");
    ended["status"] = json!("ended");
    offer(&storage, one, ended).await;
    let gone = offer(&storage, one, json!({})).await;
    apply(&storage, delete(Kind::Offer, gone)).await;

    let never_verified = ReviewState::NeverVerified;
    let of = |owner, state| listed(&storage, owner, state, "2026-01-02", 100);
    assert_eq!(of(Some(one), never_verified).await, [one, never]);
    assert_eq!(of(Some(two), never_verified).await, [two, of_two]);
    assert_eq!(of(None, never_verified).await, [one, two, never, of_two]);
    assert_eq!(of(Some(one), ReviewState::Due).await, [ending, due]);
    assert_eq!(of(Some(two), ReviewState::Due).await, []);
    let later = listed(&storage, None, ReviewState::Due, "2026-06-30", 100).await;
    assert_eq!(later, [ending, due, fresh], "due on the day itself");

    apply(
        &storage,
        replace(due, offer_of(one, verified("2026-01-01"))),
    )
    .await;
    assert_eq!(of(None, ReviewState::Due).await, [ending]);
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn pages_hold_each_entry_once_and_the_longest_overdue_first(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let mut expected = Vec::new();
    for number in 0..7 {
        // Two each on one day.
        let on = format!("2025-0{}-01", 4 - number / 2);
        expected.push((on.clone(), offer(&storage, owner, verified(&on)).await));
    }
    expected.sort();
    let expected: Vec<EntryId> = expected.into_iter().map(|(_, id)| id).collect();
    for limit in [1, 2, 3, 7, 100] {
        for owner in [None, Some(owner)] {
            let found = listed(&storage, owner, ReviewState::Due, "2026-01-01", limit).await;
            assert_eq!(found, expected, "pages of {limit}");
        }
    }
    let counted = storage
        .directory
        .reviews_waiting(None, ReviewState::Due, day("2026-01-01"));
    let oldest = counted.await.unwrap().oldest.unwrap().date_naive();
    assert_eq!(oldest, day("2025-01-01") + chrono::Days::new(180));
    assert!(at(0).date_naive() > oldest);
    for bad in ["", "_", "2025-01-01", "tomorrow_", "2025-01-01_x"] {
        assert_eq!(ReviewCursor::parse(bad), None, "{bad}");
    }
}

async fn an_older_database_learns_from_bodies_when_reviews_are_due(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let mut ended = verified("2025-01-01");
    ended["status"] = json!("ended");
    for envelope in [
        json!({}),
        verified("2025-01-01"),
        ended,
        json!({ "available_until": "2026-12-31" }),
    ] {
        offer(&storage, owner, envelope).await;
    }
    let gone = apply(&storage, create(new_id(), offer_draft(owner, "gone", None))).await;
    apply(&storage, delete(Kind::Offer, gone.key.id)).await;
    let migration = if database.is_sqlite() {
        include_str!("../../../../migrations/sqlite/0002_review/up.sql")
    } else {
        include_str!("../../../../migrations/postgres/0002_review/up.sql")
    };
    let update = migration
        .split(';')
        .find(|statement| statement.trim_start().starts_with("UPDATE"));
    database.execute("UPDATE entry SET review = NULL");
    assert!(!storage.check_integrity().await.unwrap().is_sound());
    database.execute(update.unwrap());
    let found = storage.check_integrity().await.unwrap();
    assert!(found.is_sound(), "{found:?}");
}
