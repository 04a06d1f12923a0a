//! What happens when the database is not as it should be.

use std::time::{Duration, Instant};

use lotse_storage::{Settings, Storage, StorageError};

use crate::support::{
    TestDatabase, apply, at, coordinator, create, new_id, offer_draft, on_both, organisation,
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
    if database.is_sqlite() {
        std::fs::write(database.file(), "").unwrap();
    }
    let all = Storage::pending_migrations(&database.url).await.unwrap();
    let newest = all.last().and_then(|name| name.split('_').next()).unwrap();
    database.migrate().await;
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('0999')");
    let error = refusal(database.settings()).await;
    let StorageError::NewerDatabase { found, known } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((found.as_str(), known.as_str()), ("0999", newest));
    assert!(matches!(
        Storage::migrate(&database.url).await,
        Err(StorageError::NewerDatabase { .. })
    ));
    assert_eq!(database.number("SELECT count(*) FROM origin"), 0);
}

async fn an_older_database_is_upgraded_before_it_is_opened(database: TestDatabase) {
    if database.is_sqlite() {
        let missing = refusal(database.settings()).await;
        assert!(
            matches!(missing, StorageError::Unavailable { .. }),
            "{missing:?}"
        );
        assert!(!database.file().exists(), "opening never makes a database");
        std::fs::write(database.file(), "").unwrap();
    }
    let error = refusal(database.settings()).await;
    assert!(
        matches!(&error, StorageError::PendingMigrations { pending } if !pending.is_empty()),
        "{error:?}"
    );
    let pending = Storage::pending_migrations(&database.url).await.unwrap();
    assert_eq!(Storage::migrate(&database.url).await.unwrap(), pending);
    assert_eq!(
        Storage::migrate(&database.url).await.unwrap(),
        [] as [&str; 0]
    );
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
    let known = database.number("SELECT count(*) FROM __diesel_schema_migrations");
    assert_eq!(
        i64::try_from(ran),
        Ok(known),
        "each migration is reported by the one that ran it"
    );
    database.open().await;
}

async fn a_database_of_another_node_is_not_opened(database: TestDatabase) {
    database.fresh().await;
    let error = refusal(Settings {
        origin: "https://other.example.org".parse().unwrap(),
        ..database.settings()
    })
    .await;
    assert!(
        matches!(error, StorageError::OtherOrigin { .. }),
        "{error:?}"
    );
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
            let mut c =
                SqliteConnection::establish(url.strip_prefix("sqlite://").unwrap()).unwrap();
            c.batch_execute("BEGIN IMMEDIATE").unwrap();
            locked.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(1_500));
            c.batch_execute("ROLLBACK").unwrap();
        } else {
            let mut c = PgConnection::establish(&url).unwrap();
            c.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(465726370661)")
                .unwrap();
            locked.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(1_500));
            c.batch_execute("ROLLBACK").unwrap();
        }
    });
    wait.recv().unwrap();
    let begun = Instant::now();
    let reading = storage.directory.head().await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(1) && reading == 1,
        "readers do not wait for writers"
    );
    let applied = apply(&storage, create(new_id(), offer_draft(owner, "One", None))).await;
    assert!(
        begun.elapsed() >= Duration::from_millis(1_000),
        "the write waited for its turn"
    );
    assert_eq!(applied.arrival, 2);
    holder.join().unwrap();
}

#[tokio::test]
async fn a_url_of_another_scheme_opens_nothing() {
    for url in [
        "",
        "mysql://a/b",
        "file:x",
        "/tmp/x.sqlite",
        "sqlite:",
        "sqlite://",
        "sqlite://a?b",
        "Postgres://h/d",
    ] {
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
    assert!(
        matches!(error, StorageError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(error.is_temporary());
    assert!(!error.public().contains("127.0.0.1") && !format!("{error:?}").contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_is_unavailable_quickly_and_comes_back_by_itself() {
    let database = TestDatabase::postgres();
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office").await;
    let server = TestDatabase::administer;
    let name = database.url.rsplit_once('/').unwrap().1.to_owned();
    let cut =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");

    // A server that only dropped its connections: nobody notices.
    server(&cut);
    apply(&storage, create(new_id(), offer_draft(owner, "One", None))).await;
    server(&cut);
    assert_eq!(storage.directory.head().await.unwrap(), 2);

    server(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    server(&cut);
    let begun = Instant::now();
    let command = create(new_id(), offer_draft(owner, "Two", None));
    let write = storage
        .directory
        .apply(&coordinator(), command.clone(), None, at(2))
        .await
        .unwrap_err();
    let read = storage.directory.head().await.unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    for error in [write, read] {
        assert!(
            matches!(error, StorageError::Unavailable { .. }),
            "{error:?}"
        );
    }

    server(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    let applied = storage
        .directory
        .apply(&coordinator(), command, None, at(3))
        .await
        .unwrap();
    assert_eq!(applied.arrival, 3);
    assert_eq!(storage.directory.head().await.unwrap(), 3);
}

/// The certificate that the server for tests shows, signed by itself.
fn certificate() -> String {
    std::env::var("LOTSE_TEST_POSTGRES_CERTIFICATE").unwrap_or_else(|_| {
        panic!("LOTSE_TEST_POSTGRES_CERTIFICATE is not set: run `cargo xtask test`")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_postgres_can_be_encrypted_and_its_server_verified() {
    let mut database = TestDatabase::postgres();
    let plain = database.url.clone();
    database.url = format!("{plain}?sslmode=verify-full&sslrootcert={}", certificate());
    let storage = database.fresh().await;
    organisation(&storage, "Office").await;
    database.url = plain.clone();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
        WHERE a.datname = current_database() AND a.application_name = 'lotse' AND s.ssl";
    assert!(database.number(encrypted) >= 1);
    let clear = encrypted.replace("AND s.ssl", "AND NOT s.ssl");
    assert_eq!(database.number(&clear), 0);

    // Somebody else's certificate is not accepted.
    let other = database.folder.path().join("other.pem");
    std::fs::write(&other, OTHER_CERTIFICATE).unwrap();
    let url = format!(
        "{plain}?sslmode=verify-full&sslrootcert={}",
        other.display()
    );
    let refused = Storage::migrate(&url).await.unwrap_err();
    assert!(
        matches!(refused, StorageError::Unavailable { .. }),
        "{refused:?}"
    );
    assert!(
        refused.log().contains("certificate verify failed"),
        "{}",
        refused.log()
    );
}

/// A certificate of nobody, made for this test.
const OTHER_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBnzCCAUagAwIBAgIUUxXIoT+w6zY+E1Xz3srIOtGETIgwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRb3RoZXIuZXhhbXBsZS5vcmcwIBcNMjYxMTIyMTkwNjExWhgP
MjEyNjEwMjkxOTA2MTFaMBwxGjAYBgNVBAMMEW90aGVyLmV4YW1wbGUub3JnMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEw4VzNGBA/V/fyU+g18oJl0VN/9jOyd+d
IIgmQztpPblhYkXYuowEZxzQQB0qp9qjYOBYZx9OocA+pB0YKHkwDaNkMGIwHQYD
VR0OBBYEFDCeeDOlRr27/sYtwxtmxoZHaQqIMB8GA1UdIwQYMBaAFDCeeDOlRr27
/sYtwxtmxoZHaQqIMA8GA1UdEwEB/wQFMAMBAf8wDwYDVR0RBAgwBocEfwAAATAK
BggqhkjOPQQDAgNHADBEAiBDmw4isN4M2GYuJWOI87adE0dVdv3r/L0LdFVONgmk
7gIgQ/N2EkckMT9TL/2Sod3qIJ6RkRB1fc/LL434jui6EsM=
-----END CERTIFICATE-----
";
