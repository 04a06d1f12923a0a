//! What happens when the database is not as it should be.

use std::time::{Duration, Instant};

use lotse_storage::{Settings, Storage, StorageError};

use crate::support::{
    TestDatabase, apply, at, coordinator, create, new_id, offer_draft, on_both, organisation, postgres_server,
};

on_both!(
    a_newer_database_is_not_touched,
    an_older_database_is_upgraded_before_it_is_opened,
    many_processes_may_migrate_at_once,
    a_database_of_another_node_is_not_opened,
    a_write_that_others_hold_up_for_long_is_not_half_done,
);

async fn refusal(settings: Settings) -> StorageError {
    Storage::open(settings, at(0)).await.map(drop).unwrap_err()
}

async fn a_newer_database_is_not_touched(database: TestDatabase) {
    database.migrate().await;
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('0999')");
    let error = refusal(database.settings()).await;
    let StorageError::NewerDatabase { found, known } = &error else { panic!("{error:?}") };
    assert_eq!((found.as_str(), known.as_str()), ("0999", "0001"));
    assert!(matches!(Storage::migrate(&database.url).await, Err(StorageError::NewerDatabase { .. })));
    assert_eq!(database.number("SELECT count(*) FROM origin"), 0);
}

async fn an_older_database_is_upgraded_before_it_is_opened(database: TestDatabase) {
    if database.is_sqlite() {
        let missing = refusal(database.settings()).await;
        assert!(matches!(missing, StorageError::Unavailable { .. }), "{missing:?}");
        assert!(!database.file().exists(), "opening never makes a database");
        std::fs::write(database.file(), "").unwrap();
    }
    let error = refusal(database.settings()).await;
    assert!(matches!(&error, StorageError::PendingMigrations { pending } if !pending.is_empty()), "{error:?}");
    let pending = Storage::pending_migrations(&database.url).await.unwrap();
    assert_eq!(Storage::migrate(&database.url).await.unwrap(), pending);
    assert_eq!(Storage::migrate(&database.url).await.unwrap(), [] as [&str; 0]);
    let first = database.open().await;
    assert_eq!(database.open().await.generation(), first.generation());
}

async fn many_processes_may_migrate_at_once(database: TestDatabase) {
    let all: Vec<_> = (0..6)
        .map(|_| {
            let url = database.url.clone();
            tokio::spawn(async move { Storage::migrate(&url).await })
        })
        .collect();
    let mut ran = 0;
    for one in all {
        ran += one.await.unwrap().unwrap().len();
    }
    assert_eq!(ran, 1, "each migration is reported by the one that ran it");
    database.open().await;
}

async fn a_database_of_another_node_is_not_opened(database: TestDatabase) {
    database.fresh().await;
    let error = refusal(Settings { origin: "https://other.example.org".parse().unwrap(), ..database.settings() }).await;
    assert!(matches!(error, StorageError::OtherOrigin { .. }), "{error:?}");
}

async fn a_write_that_others_hold_up_for_long_is_not_half_done(database: TestDatabase) {
    use diesel::connection::SimpleConnection as _;
    use diesel::{Connection as _, PgConnection, SqliteConnection};
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    // Somebody holds the lock of all writers for a while.
    let (url, is_sqlite) = (database.url.clone(), database.is_sqlite());
    let (locked, wait) = std::sync::mpsc::channel();
    let holder = std::thread::spawn(move || {
        if is_sqlite {
            let mut c = SqliteConnection::establish(url.strip_prefix("sqlite://").unwrap()).unwrap();
            c.batch_execute("BEGIN IMMEDIATE").unwrap();
            locked.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(1_500));
            c.batch_execute("ROLLBACK").unwrap();
        } else {
            let mut c = PgConnection::establish(&url).unwrap();
            c.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(465827033957)").unwrap();
            locked.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(1_500));
            c.batch_execute("ROLLBACK").unwrap();
        }
    });
    wait.recv().unwrap();
    let begun = Instant::now();
    let reading = storage.directory.head().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1) && reading == 1, "readers do not wait for writers");
    let applied = apply(&storage, create(new_id(), offer_draft(owner, "One", None))).await;
    assert!(begun.elapsed() >= Duration::from_millis(1_000), "the write waited for its turn");
    assert_eq!(applied.arrival, 2);
    holder.join().unwrap();
}

#[tokio::test]
async fn a_url_of_another_scheme_opens_nothing() {
    for url in ["", "mysql://a/b", "file:x", "/tmp/x.sqlite", "sqlite:", "sqlite://", "sqlite://a?b", "Postgres://h/d"] {
        let error = Storage::migrate(url).await.unwrap_err();
        assert!(matches!(error, StorageError::Url(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_unavailable_within_seconds_and_says_no_secret() {
    // Port 1 refuses; nothing else answers there.
    let url = "postgres://someone:s3cret@127.0.0.1:1/none";
    let begun = Instant::now();
    let error = Storage::migrate(url).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(matches!(error, StorageError::Unavailable { .. }), "{error:?}");
    assert!(error.is_temporary());
    assert!(!error.public().contains("127.0.0.1") && !format!("{error:?}").contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_its_own_error_and_the_database_works_again_once_there_is_room() {
    let database = TestDatabase::sqlite();
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    // A file system of the size of a database would need rights; SQLite's own limit fails in the same way.
    let mut failed = None;
    let pages = database.number("SELECT page_count FROM pragma_page_count()");
    storage.limit_pages_for_tests(pages + 2).await.unwrap();
    for number in 0..50 {
        let long = "word ".repeat(300);
        let draft = offer_draft(owner, &long[..290], Some(&number.to_string()));
        let command = create(new_id(), draft);
        if let Err(error) = storage.directory.apply(&coordinator(), command, None, at(2)).await {
            failed = Some((number, error));
            break;
        }
    }
    let (written, error) = failed.unwrap();
    assert!(matches!(error, StorageError::Full { .. }), "{error:?}");
    assert_eq!(storage.directory.head().await.unwrap(), 1 + written, "nothing of the failed write remains");
    storage.limit_pages_for_tests(1_000_000).await.unwrap();
    let applied = apply(&storage, create(new_id(), offer_draft(owner, "room again", None))).await;
    assert_eq!(applied.arrival, 2 + written);
    assert!(storage.check_integrity().await.unwrap().is_sound());
}
