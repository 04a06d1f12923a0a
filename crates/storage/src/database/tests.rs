//! What the two doors make of a database that fails.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; the server for tests is named by a variable"
)]

use super::*;
use crate::migration::migrate;

fn sqlite(folder: &tempfile::TempDir) -> Database {
    let target = Target::parse(&format!(
        "sqlite://{}",
        folder.path().join("t.sqlite").display()
    ))
    .unwrap();
    migrate(&target).unwrap();
    Database::new(target, 2, Waits::default())
}

fn postgres() -> Database {
    let url = std::env::var("LOTSE_TEST_POSTGRES")
        .unwrap_or_else(|_| panic!("LOTSE_TEST_POSTGRES is not set: run `cargo xtask test`"));
    Database::new(Target::parse(&url).unwrap(), 2, Waits::default())
}

async fn fill(database: &Database, rows: i64) -> Result<i64> {
    database
        .write(move |t| {
            for number in 0..rows {
                t.arrive(0, &"a".repeat(3_000), "fill", &number.to_string())?;
            }
            Ok(0)
        })
        .await
}

fn written(c: &mut AnyConnection) -> Result<i64> {
    Ok(audit::table.count().get_result(c)?)
}

#[tokio::test]
async fn a_full_disk_is_its_own_error_and_nothing_of_the_write_remains() {
    let folder = tempfile::TempDir::new().unwrap();
    let database = sqlite(&folder);
    fill(&database, 10).await.unwrap();
    // SQLite's own limit fails as a full disk does; it holds for the writer's connection.
    database
        .write(|t| Ok(t.connection().batch_execute("PRAGMA max_page_count = 60")?))
        .await
        .unwrap();
    let error = fill(&database, 200).await.unwrap_err();
    assert!(matches!(error, StorageError::Full { .. }), "{error:?}");
    assert_eq!(database.read(written).await.unwrap(), 10);
    let counter = |c: &mut AnyConnection| {
        Ok(counter::table
            .find(ARRIVAL)
            .select(counter::value)
            .first::<i64>(c)?)
    };
    assert_eq!(database.read(counter).await.unwrap(), 10);
    // There is room again.
    database
        .write(|t| {
            Ok(t.connection()
                .batch_execute("PRAGMA max_page_count = 100000")?)
        })
        .await
        .unwrap();
    fill(&database, 200).await.unwrap();
    assert_eq!(database.read(counter).await.unwrap(), 210);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let folder = tempfile::TempDir::new().unwrap();
    for database in [sqlite(&folder), postgres()] {
        let written = database
            .read(|c| Ok(c.batch_execute("CREATE TABLE forbidden (a TEXT)")?))
            .await;
        assert!(
            matches!(
                written,
                Err(StorageError::Unavailable { .. } | StorageError::Internal { .. })
            ),
            "{written:?}"
        );
    }
}

#[tokio::test]
async fn what_postgres_reports_is_told_apart() {
    let database = postgres();
    let raised = |state: &'static str, message: &'static str| {
        let database = database.clone();
        async move {
            let sql = format!(
                "DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{state}'; END $$"
            );
            database
                .write(move |t| Ok(t.connection().batch_execute(&sql)?))
                .await
                .unwrap_err()
        }
    };
    let full = raised(
        "53100",
        "could not extend file \"base/1/2\": No space left on device",
    )
    .await;
    assert!(matches!(full, StorageError::Full { .. }), "{full:?}");
    for (state, message) in [("40001", "x"), ("40P01", "deadlock detected")] {
        let busy = raised(state, message).await;
        assert!(matches!(busy, StorageError::Busy { .. }), "{busy:?}");
    }
    let gone = raised("08006", "x").await;
    assert!(matches!(gone, StorageError::Unavailable { .. }), "{gone:?}");
    let other = raised("23505", "twice").await;
    assert!(matches!(other, StorageError::Internal { .. }), "{other:?}");
    assert_eq!(other.public(), "something went wrong");
}

#[tokio::test]
async fn a_transient_error_is_tried_again_and_each_attempt_starts_from_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let database = sqlite(&folder);
    let mut attempts = 0;
    let attempts_made = database
        .write(move |t| {
            attempts += 1;
            t.arrive(0, "a", "b", &attempts.to_string())?;
            if attempts < 3 {
                return Err(StorageError::Busy {
                    log: "as if".to_owned(),
                });
            }
            Ok(attempts)
        })
        .await
        .unwrap();
    assert_eq!(attempts_made, 3);
    assert_eq!(database.read(written).await.unwrap(), 1);
    let mut attempts = 0;
    let given_up = database
        .write(move |_| -> Result<()> {
            attempts += 1;
            Err(StorageError::Busy {
                log: attempts.to_string(),
            })
        })
        .await;
    let Err(StorageError::Busy { log }) = given_up else {
        panic!("{given_up:?}")
    };
    let (_, attempts) = log.rsplit_once(": ").unwrap();
    assert_eq!(attempts, limits::WRITE_ATTEMPTS.to_string());
}

#[tokio::test]
async fn a_panic_in_a_write_undoes_it_and_the_next_one_works() {
    let folder = tempfile::TempDir::new().unwrap();
    let database = sqlite(&folder);
    let broken = database
        .write(|t| -> Result<()> {
            t.arrive(0, "a", "b", "c")?;
            panic!("as if")
        })
        .await;
    assert!(
        matches!(broken, Err(StorageError::Internal { .. })),
        "{broken:?}"
    );
    fill(&database, 1).await.unwrap();
    assert_eq!(database.read(written).await.unwrap(), 1);
}
