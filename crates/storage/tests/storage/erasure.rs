//! What is erased is in no column, and soon in no file.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use domain::feed::{Digest, FeedKey, FeedName, FeedState, Kept, StatementRow};
use domain::{Command, Entry, EntryId, EntryKey, Kind, Origin, Role};
use lotse_storage::{
    Changed, CorrectionState, Invitation, Membership, NewAccount, NewClient, NewCorrection,
    NewRegistration, Storage, StorageError, limits,
};
use uuid::Uuid;

use crate::support::{
    ORIGIN, TestDatabase, apply, at, coordinator, create, delete, new_id, offer_draft, on_both,
    organisation, replace,
};

on_both!(
    nothing_of_a_purged_entry_is_left_in_any_column,
    nothing_of_an_entry_that_its_node_took_back_is_left_in_any_column,
    closed_corrections_are_erased_after_90_days,
    accounts_and_clients_that_nobody_can_use_are_erased_after_90_days,
    an_account_is_erased_at_once_where_it_is_disabled,
    what_is_erased_is_noted_until_nothing_remains,
    an_erasure_that_failed_is_not_noted,
    a_process_that_comes_later_clears_what_one_before_erased,
);

/// What people write in what is erased. No other text holds it.
const WORD: &str = "qzxvwurm";
const DAY: i64 = 86_400;

fn text_columns() -> Vec<(String, String)> {
    let source = include_str!("../../src/schema.rs");
    let mut columns = Vec::new();
    for table in source.split("diesel::table! {").skip(1) {
        let (head, body) = table.split_once('{').unwrap();
        let name = head.split_once('(').unwrap().0.trim();
        for line in body.split_once('}').unwrap().0.lines() {
            if let Some((column, _)) = line
                .trim()
                .split_once(" -> ")
                .filter(|(_, kind)| kind.contains("Text"))
            {
                columns.push((name.to_owned(), column.to_owned()));
            }
        }
    }
    assert!(columns.len() > 60);
    columns
}

/// The columns in which the word stands.
fn where_it_stands(database: &TestDatabase) -> Vec<String> {
    text_columns()
        .into_iter()
        .filter(|(table, column)| {
            let sql = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%{WORD}%'");
            database.number(&sql) > 0
        })
        .map(|(table, column)| format!("{table}.{column}"))
        .collect()
}

/// The files of an SQLite database in which the word stands.
fn files_with_it(database: &TestDatabase) -> Vec<String> {
    std::fs::read_dir(database.folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| {
            let bytes = std::fs::read(path).unwrap();
            bytes
                .windows(WORD.len())
                .any(|part| part == WORD.as_bytes())
        })
        .map(|path| path.display().to_string())
        .collect()
}

fn key(origin: &Origin) -> FeedKey {
    FeedKey {
        origin: origin.clone(),
        name: FeedName::Network,
    }
}

fn said(entry: EntryId, seq: u64, live: bool) -> StatementRow {
    StatementRow {
        entry,
        leaf: 3,
        seq,
        live,
        hash: Digest([7; 32]),
        kept: Kept::Taken,
        pull: 1,
        at: at(1),
        body: Some(if live {
            format!("{{\"text\":\"{WORD}\"}}")
        } else {
            "{}".to_owned()
        }),
    }
}

/// A step that puts statements into a feed of `origin`.
async fn tell(storage: &Storage, origin: &Origin, rows: Vec<StatementRow>) {
    let key = key(origin);
    storage
        .feeds
        .write(at(5), move |work| {
            if work.state(&key)?.is_none() {
                work.put_state(&key, &FeedState::new(1, Digest::EMPTY))?;
            }
            work.put_statements(&key, rows.clone())
        })
        .await
        .unwrap();
}

async fn report(storage: &Storage, entry: &EntryKey) -> Uuid {
    let new = NewCorrection {
        id: Uuid::now_v7(),
        entry: entry.clone(),
        message: format!("no {WORD} there"),
        contact: Some(format!("{WORD}@example.org")),
    };
    storage.corrections.submit(new, None, at(2)).await.unwrap()
}

/// An offer of this node that is spoken of wherever it can be, also where only standards and assessments are.
async fn spoken_of(storage: &Storage, database: &TestDatabase) -> EntryKey {
    let owner = organisation(storage, "Owner").await;
    let first = offer_draft(owner, &format!("The {WORD}"), Some(&format!("key-{WORD}")));
    let offer = apply(storage, create(new_id(), first)).await.key;
    let second = offer_draft(owner, &format!("Another {WORD}"), None);
    apply(storage, replace(offer.id, second)).await;
    report(storage, &offer).await;
    let invitation = Invitation {
        token: "t".to_owned(),
        assessment: offer.id,
        reviewer: "https://b.example/entries/x".to_owned(),
        submission: "s".to_owned(),
        created: at(0),
        expires: at(100),
        views: Some(format!("[\"{WORD}\"]")),
    };
    storage
        .invitations
        .create(&coordinator(), invitation, at(0))
        .await
        .unwrap();
    database.execute(&format!(
        "INSERT INTO distribution (standard, made, body) VALUES ('{}', 0, '{WORD}')",
        offer.id
    ));
    let own: Origin = ORIGIN.parse().unwrap();
    tell(storage, &own, vec![said(offer.id, 1, true)]).await;
    offer
}

fn purge(id: EntryId) -> Command {
    Command::Purge {
        kind: Kind::Offer,
        id,
    }
}

async fn nothing_of_a_purged_entry_is_left_in_any_column(database: TestDatabase) {
    let storage = database.fresh().await;
    let offer = spoken_of(&storage, &database).await;
    let before = where_it_stands(&database);
    for column in [
        "entry.body",
        "revision.body",
        "statement.body",
        "correction.message",
        "distribution.body",
        "invitation.views",
    ] {
        assert!(before.iter().any(|found| found == column), "{before:?}");
    }
    // A deletion leaves the history until it is purged; the feed keeps what it told until the deletion is told.
    apply(&storage, delete(Kind::Offer, offer.id)).await;
    assert!(
        where_it_stands(&database)
            .iter()
            .any(|found| found == "revision.body")
    );
    apply(&storage, purge(offer.id)).await;
    assert_eq!(where_it_stands(&database), Vec::<String>::new());
    let told = "SELECT count(*) FROM statement WHERE live AND body IS NULL";
    assert_eq!(database.number(told), 1, "that something was told is known");
    assert!(storage.check_integrity().await.unwrap().is_sound());
    assert!(storage.leave_no_remains().await.unwrap());
    if database.is_sqlite() {
        assert_eq!(files_with_it(&database), Vec::<String>::new());
    }
}

fn foreign(id: EntryId, origin: &Origin) -> Box<Entry> {
    let value = serde_json::json!({
        "id": id, "kind": "organisation", "origin": origin, "owner": id, "version": 1,
        "visibility": "public", "status": "active", "created": at(1), "modified": at(1),
        "last_verified": null, "license": "CC0-1.0",
        "content": {"name": {"en": format!("The {WORD}")}, "type": "ngo", "seat_country": "DE"},
    });
    Box::new(Entry::from_json(&value.to_string()).unwrap())
}

async fn nothing_of_an_entry_that_its_node_took_back_is_left_in_any_column(database: TestDatabase) {
    let storage = database.fresh().await;
    let other: Origin = "https://other.example".parse().unwrap();
    let id = new_id();
    tell(&storage, &other, vec![said(id, 1, true)]).await;
    let (origin, entry) = (other.clone(), foreign(id, &other));
    storage
        .feeds
        .write(at(5), move |work| work.take(&origin, vec![entry.clone()]))
        .await
        .unwrap();
    let reported = EntryKey {
        origin: other.clone(),
        id,
    };
    report(&storage, &reported).await;
    assert_eq!(
        where_it_stands(&database).len(),
        4,
        "entry, statement, twice in the report"
    );
    assert!(storage.leave_no_remains().await.unwrap());
    let origin = other.clone();
    storage
        .feeds
        .write(at(6), move |work| work.let_go(&origin, &[id]))
        .await
        .unwrap();
    tell(&storage, &other, vec![said(id, 2, false)]).await;
    assert_eq!(where_it_stands(&database), Vec::<String>::new());
    assert!(storage.has_remains().await.unwrap());
    assert!(storage.leave_no_remains().await.unwrap());
    if database.is_sqlite() {
        assert_eq!(files_with_it(&database), Vec::<String>::new());
    }
}

async fn closed_corrections_are_erased_after_90_days(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Owner").await;
    let offer = apply(&storage, create(new_id(), offer_draft(owner, "One", None))).await;
    let (done, rejected) = (
        report(&storage, &offer.key).await,
        report(&storage, &offer.key).await,
    );
    let open = report(&storage, &offer.key).await;
    for (id, state) in [
        (done, CorrectionState::Done),
        (rejected, CorrectionState::Rejected),
    ] {
        storage
            .corrections
            .close(&coordinator(), id, state, at(DAY))
            .await
            .unwrap();
    }
    let kept = i64::try_from(limits::CORRECTION_DAYS).unwrap();
    assert_eq!(kept, 90);
    assert_eq!(
        storage
            .clean(at((1 + kept) * DAY - 1))
            .await
            .unwrap()
            .corrections,
        0
    );
    assert_eq!(
        storage
            .clean(at((1 + kept) * DAY))
            .await
            .unwrap()
            .corrections,
        2
    );
    assert_eq!(
        database.number("SELECT count(*) FROM correction"),
        1,
        "open ones wait"
    );
    storage
        .corrections
        .close(&coordinator(), open, CorrectionState::Done, at(DAY))
        .await
        .unwrap();
    assert_eq!(storage.clean(at(91 * DAY)).await.unwrap().corrections, 1);
    assert_eq!(where_it_stands(&database), Vec::<String>::new());
    assert!(storage.leave_no_remains().await.unwrap());
    if database.is_sqlite() {
        assert_eq!(files_with_it(&database), Vec::<String>::new());
    }
}

async fn what_is_erased_is_noted_until_nothing_remains(database: TestDatabase) {
    let storage = database.fresh().await;
    let mut heard = storage.erasures();
    let offer = spoken_of(&storage, &database).await;
    assert!(
        !storage.has_remains().await.unwrap(),
        "writing erases nothing"
    );
    assert!(!heard.has_changed().unwrap());
    apply(&storage, purge(offer.id)).await;
    assert!(heard.has_changed().unwrap());
    heard.mark_unchanged();
    assert!(storage.has_remains().await.unwrap());
    assert!(storage.leave_no_remains().await.unwrap());
    assert!(!storage.has_remains().await.unwrap());
    assert!(!heard.has_changed().unwrap(), "that is no erasure");

    let refused = NewRegistration {
        id: Uuid::now_v7(),
        claim: "c".to_owned(),
        draft: format!("{{\"name\":\"{WORD}\"}}"),
        contact: "office@example.org".to_owned(),
        license_accepted: at(0),
    };
    let refused = storage
        .registrations
        .submit(refused, None, at(0))
        .await
        .unwrap();
    storage
        .registrations
        .refuse(&coordinator(), refused, WORD, at(0))
        .await
        .unwrap();
    assert_eq!(storage.clean(at(29 * DAY)).await.unwrap().registrations, 0);
    assert!(!storage.has_remains().await.unwrap(), "nothing was due");
    assert_eq!(storage.clean(at(30 * DAY)).await.unwrap().registrations, 1);
    assert!(storage.has_remains().await.unwrap());
    assert!(storage.leave_no_remains().await.unwrap());

    let other: Origin = "https://other.example".parse().unwrap();
    tell(&storage, &other, vec![said(new_id(), 1, true)]).await;
    assert!(!storage.has_remains().await.unwrap());
    let denied = other.clone();
    let denied = storage.feeds.write(at(6), move |work| work.deny(&denied));
    assert!(denied.await.unwrap());
    assert!(storage.has_remains().await.unwrap());
    assert!(storage.leave_no_remains().await.unwrap());
    assert_eq!(where_it_stands(&database), Vec::<String>::new());
    if database.is_sqlite() {
        assert_eq!(files_with_it(&database), Vec::<String>::new());
    }
}

async fn an_erasure_that_failed_is_not_noted(database: TestDatabase) {
    let storage = database.fresh().await;
    let other: Origin = "https://other.example".parse().unwrap();
    tell(&storage, &other, vec![said(new_id(), 1, true)]).await;
    let failed: lotse_storage::Result<()> = storage
        .feeds
        .write(at(6), move |work| {
            work.deny(&other)?;
            Err(lotse_storage::StorageError::NotFound)
        })
        .await;
    assert!(failed.is_err());
    assert!(!storage.has_remains().await.unwrap());
    assert_eq!(where_it_stands(&database), ["statement.body"]);
}

async fn a_process_that_comes_later_clears_what_one_before_erased(database: TestDatabase) {
    let storage = database.fresh().await;
    let offer = spoken_of(&storage, &database).await;
    apply(&storage, purge(offer.id)).await;
    drop(storage);
    let storage = database.open().await;
    assert!(storage.has_remains().await.unwrap());
    assert!(storage.leave_no_remains().await.unwrap());
    assert!(!storage.has_remains().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_waits_for_who_reads_an_older_state_and_keeps_no_writer_waiting() {
    let database = TestDatabase::sqlite();
    let storage = database.fresh().await;
    let offer = spoken_of(&storage, &database).await;
    let mut reader = SqliteConnection::establish(database.file().to_str().unwrap()).unwrap();
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM entry")
        .unwrap();
    apply(&storage, purge(offer.id)).await;
    assert!(!storage.leave_no_remains().await.unwrap());
    assert!(storage.has_remains().await.unwrap(), "it is not forgotten");
    assert!(!files_with_it(&database).is_empty());
    let begun = Instant::now();
    let trying = tokio::spawn({
        let storage = storage.clone();
        async move { storage.leave_no_remains().await }
    });
    organisation(&storage, "Meanwhile").await;
    assert!(!trying.await.unwrap().unwrap());
    // It gives up after half a second; a reader may read for an hour.
    assert!(begun.elapsed() < Duration::from_secs(10));
    reader.batch_execute("ROLLBACK").unwrap();
    assert!(storage.leave_no_remains().await.unwrap());
    assert!(!storage.has_remains().await.unwrap());
    assert_eq!(files_with_it(&database), Vec::<String>::new());
}

/// SQLite moves rows from page to page as they grow, and overwrites what is deleted only where it stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_written_anew_holds_nothing_in_unused_parts_of_its_pages() {
    let database = TestDatabase::sqlite();
    let storage = database.fresh().await;
    assert!(!storage.compact(at(0)).await.unwrap(), "nothing was erased");
    let owner = organisation(&storage, "Owner").await;
    let said = |length: usize| format!("{WORD} ").repeat(length);
    let mut offers = Vec::new();
    for number in 0..120 {
        let draft = offer_draft(owner, &said(1 + number % 7), None);
        offers.push(apply(&storage, create(new_id(), draft)).await.key.id);
        let earlier = offers[number * 31 % offers.len()];
        let longer = offer_draft(owner, &said(8 + number % 20), None);
        apply(&storage, replace(earlier, longer)).await;
    }
    for offer in &offers {
        apply(&storage, purge(*offer)).await;
    }
    assert!(storage.leave_no_remains().await.unwrap());
    let free = "SELECT freelist_count FROM pragma_freelist_count";
    assert!(database.number(free) > 0);
    assert!(storage.compact(at(0)).await.unwrap());
    assert_eq!(database.number(free), 0, "the file was written anew");
    assert_eq!(files_with_it(&database), Vec::<String>::new());
    assert!(!storage.compact(at(0)).await.unwrap(), "once");
    assert!(storage.check_integrity().await.unwrap().is_sound());
    assert!(!storage.has_remains().await.unwrap());
}

/// What deletes by SQL of its own would go past all of this.
#[test]
fn rows_go_away_in_one_place_only() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(&folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                seen += 1;
                let source = std::fs::read_to_string(&path).unwrap();
                let source = source.split("#[cfg(test)]").next().unwrap().to_lowercase();
                for forbidden in ["delete from ", "drop table", "truncate table"] {
                    assert!(
                        !source.contains(forbidden),
                        "{}: {forbidden}",
                        path.display()
                    );
                }
                let deletes = source.contains("diesel::delete(");
                assert!(
                    !deletes || path.ends_with("src/erasure.rs"),
                    "{}",
                    path.display()
                );
            }
        }
    }
    assert!(seen > 150);
}

async fn account(storage: &Storage, mailbox: &str, memberships: Vec<Membership>) -> Uuid {
    let new = NewAccount {
        id: Uuid::now_v7(),
        email: format!("{WORD}-{mailbox}@example.org"),
        display: format!("desk {WORD}"),
        password: Some(format!("$phc${WORD}")),
        memberships,
    };
    let made = storage.accounts.create(&coordinator(), new, at(1)).await;
    made.unwrap().id
}

async fn accounts_and_clients_that_nobody_can_use_are_erased_after_90_days(database: TestDatabase) {
    let storage = database.fresh().await;
    let by = coordinator();
    let owner = organisation(&storage, "Owner").await;
    let editor = Membership {
        organisation: Some(owner),
        role: Role::Editor,
    };
    let [used, disabled] = [
        account(&storage, "used", vec![editor]).await,
        account(&storage, "disabled", vec![editor]).await,
    ];
    let without_role = account(&storage, "without-role", Vec::new()).await;
    let client = |label: &str| NewClient {
        id: Uuid::now_v7(),
        label: format!("{label} {WORD}"),
        role: Role::Editor,
        secret: WORD.to_owned(),
    };
    let (kept, revoked) = (client("kept"), client("revoked"));
    let (kept_id, revoked_id) = (kept.id, revoked.id);
    for new in [kept, revoked] {
        storage
            .clients
            .create(&by, owner, new, at(1))
            .await
            .unwrap();
    }
    let turned_off = storage.accounts.set_disabled(&by, disabled, true, at(DAY));
    turned_off.await.unwrap();
    storage
        .clients
        .revoke(&by, revoked_id, at(DAY))
        .await
        .unwrap();

    let cleaned = storage.clean(at(90 * DAY)).await.unwrap();
    assert_eq!((cleaned.accounts, cleaned.clients), (0, 0));
    let cleaned = storage.clean(at(91 * DAY)).await.unwrap();
    assert_eq!((cleaned.accounts, cleaned.clients), (2, 1));
    for id in [disabled, without_role] {
        let account = storage.accounts.get(id).await.unwrap();
        assert!(account.disabled && account.memberships.is_empty());
        assert_eq!(
            (
                account.email.as_str(),
                account.display.as_str(),
                account.password
            ),
            ("", "", None)
        );
    }
    let client = storage.clients.get(revoked_id).await.unwrap();
    assert_eq!((client.label.as_str(), client.secret.as_str()), ("", ""));
    assert!(client.revoked.is_some());
    assert!(
        storage
            .accounts
            .get(used)
            .await
            .unwrap()
            .email
            .contains(WORD)
    );
    assert!(
        storage
            .clients
            .get(kept_id)
            .await
            .unwrap()
            .label
            .contains(WORD)
    );
    let again = storage.clean(at(500 * DAY)).await.unwrap();
    assert_eq!(
        (again.accounts, again.clients),
        (0, 0),
        "they hold nothing more"
    );
}

async fn an_account_is_erased_at_once_where_it_is_disabled(database: TestDatabase) {
    let storage = database.fresh().await;
    let by = coordinator();
    let id = account(&storage, "a", Vec::new()).await;
    let refused = storage.accounts.erase(&by, id, at(2)).await;
    assert!(
        matches!(refused, Err(StorageError::NotFound)),
        "{refused:?}"
    );
    let before = storage.directory.head().await.unwrap();
    storage
        .accounts
        .set_disabled(&by, id, true, at(3))
        .await
        .unwrap();
    storage.accounts.erase(&by, id, at(4)).await.unwrap();
    assert_eq!(where_it_stands(&database), Vec::<String>::new());
    assert!(storage.has_remains().await.unwrap());
    let changed = storage
        .directory
        .changes_since(before, 100)
        .await
        .unwrap()
        .items;
    let told = |changed: &Changed| matches!(changed, Changed::Account(account) if account.id == id && account.disabled);
    assert!(
        changed.iter().any(told),
        "other processes hear of it: {changed:?}"
    );
    let again = account(&storage, "a", Vec::new()).await;
    assert_ne!(again, id, "the address is free again");
}
