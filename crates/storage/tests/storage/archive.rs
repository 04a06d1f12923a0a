//! Backup and restore, within and across the two databases.

use std::os::unix::fs::PermissionsExt as _;

use domain::{Kind, Role};
use lotse_storage::{
    Conflict, Membership, NewAccount, NewClient, NewRegistration, Storage, StorageError,
};
use uuid::Uuid;

use crate::support::{
    TestDatabase, apply, at, coordinator, create, delete, new_id, offer_draft, on_both,
    organisation, pathway_draft, replace, upsert,
};

on_both!(
    an_archive_restores_everything_into_either_database,
    an_archive_that_was_changed_or_cut_is_refused,
    the_line_that_is_wrong_is_named,
    what_a_killed_backup_left_is_removed_and_nothing_else,
    an_archive_is_restored_into_an_empty_database_only,
    a_backup_writes_over_nothing,
);

/// A database with something in every table that an archive holds.
async fn filled(database: &TestDatabase) -> Storage {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Office \u{2028} 😀").await;
    let from = apply(&storage, upsert(offer_draft(owner, "From", Some("k"))))
        .await
        .key
        .id;
    let to = apply(&storage, create(new_id(), offer_draft(owner, "To", None))).await;
    apply(
        &storage,
        create(new_id(), pathway_draft(owner, from, to.key.id)),
    )
    .await;
    apply(
        &storage,
        replace(from, offer_draft(owner, "From, changed", Some("k2"))),
    )
    .await;
    let gone = apply(&storage, create(new_id(), offer_draft(owner, "gone", None)))
        .await
        .key
        .id;
    apply(&storage, delete(Kind::Offer, gone)).await;
    storage
        .set_operator(&coordinator(), owner, at(2))
        .await
        .unwrap();
    let account = NewAccount {
        id: Uuid::now_v7(),
        email: "a@example.org".to_owned(),
        display: "office".to_owned(),
        password: Some("$phc".to_owned()),
        memberships: vec![Membership {
            organisation: Some(owner),
            role: Role::OrgAdmin,
        }],
    };
    let account = storage
        .accounts
        .create(&coordinator(), account, at(3))
        .await
        .unwrap();
    storage
        .sessions
        .create("token", account.id, at(1_000), at(4))
        .await
        .unwrap();
    let client = NewClient {
        id: Uuid::now_v7(),
        label: "l".to_owned(),
        role: Role::Editor,
        secret: "s".to_owned(),
    };
    storage
        .clients
        .create(&coordinator(), owner, client, at(5))
        .await
        .unwrap();
    let registration = NewRegistration {
        id: Uuid::now_v7(),
        claim: "claim".to_owned(),
        draft: "{}".to_owned(),
        contact: "b@example.org".to_owned(),
        license_accepted: at(5),
    };
    storage
        .registrations
        .submit(registration, None, at(6))
        .await
        .unwrap();
    let correction = lotse_storage::NewCorrection {
        id: Uuid::now_v7(),
        entry: to.key,
        message: "wrong".to_owned(),
        contact: None,
    };
    storage
        .corrections
        .submit(correction, None, at(7))
        .await
        .unwrap();
    crate::feeds::take(&storage, &[new_id()]).await;
    storage
}

async fn an_archive_restores_everything_into_either_database(database: TestDatabase) {
    let storage = filled(&database).await;
    // Nothing remains of what was erased, as in what is restored.
    let _ = storage.leave_no_remains().await.unwrap();
    let path = database.folder.path().join("backup.jsonl");
    let written = storage.backup(&path, at(10)).await.unwrap();
    assert_eq!(written.through, storage.directory.head().await.unwrap());
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for target in [TestDatabase::sqlite(), TestDatabase::postgres()] {
        target.migrate().await;
        assert_eq!(Storage::restore(&target.url, &path).await.unwrap(), written);
        let restored = target.open().await;
        assert_ne!(
            restored.generation(),
            storage.generation(),
            "a restore is a new generation"
        );
        assert_eq!(
            restored.operator().await.unwrap(),
            storage.operator().await.unwrap()
        );
        let followed = |changes: lotse_storage::Changes| -> Vec<_> {
            let session =
                |item: &lotse_storage::Changed| matches!(item, lotse_storage::Changed::Session(_));
            changes
                .items
                .into_iter()
                .filter(|item| !session(item))
                .collect()
        };
        assert_eq!(
            followed(restored.directory.changes_since(0, 100).await.unwrap()),
            followed(storage.directory.changes_since(0, 100).await.unwrap())
        );
        assert_eq!(
            restored.audit.list(None, None, 100).await.unwrap(),
            storage.audit.list(None, None, 100).await.unwrap()
        );
        for table in [
            "entry_reference",
            "revision",
            "registration",
            "correction",
            "membership",
            "statement",
            "feed",
            "entry WHERE review = ''",
        ] {
            let sql = format!("SELECT count(*) FROM {table}");
            assert_eq!(target.number(&sql), database.number(&sql), "{table}");
        }
        assert_eq!(
            target.number("SELECT count(*) FROM session"),
            0,
            "whoever was signed in signs in again"
        );
        assert!(restored.check_integrity().await.unwrap().is_sound());
        // Archived again it is the same, apart from the generation.
        let second = target.folder.path().join("again.jsonl");
        assert_eq!(restored.backup(&second, at(10)).await.unwrap(), written);
        let lines = |path| {
            std::fs::read_to_string(path)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (first, second) = (lines(&path), lines(&second));
        let same = first.iter().zip(&second).filter(|(a, b)| a == b).count();
        assert_eq!(
            same,
            first.len() - 2,
            "only the line of the generation and the last one differ"
        );
    }
}

async fn an_archive_that_was_changed_or_cut_is_refused(database: TestDatabase) {
    let storage = filled(&database).await;
    let path = database.folder.path().join("backup.jsonl");
    storage.backup(&path, at(10)).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let without_end = lines[..lines.len() - 1].join("\n") + "\n";
    let without_row = [&lines[..5], &lines[6..]].concat().join("\n") + "\n";
    let bad = [
        text.replace("From, changed", "From, forged!"),
        without_end,
        without_row,
        text[..text.len() / 2].to_owned(),
        text.replace("\"format\":1", "\"format\":9"),
        "not an archive\n".to_owned(),
        String::new(),
    ];
    let target = database.sibling();
    target.migrate().await;
    for (number, bad) in bad.into_iter().enumerate() {
        let file = database.folder.path().join(format!("{number}.jsonl"));
        std::fs::write(&file, bad).unwrap();
        let refused = Storage::restore(&target.url, &file).await;
        assert!(
            matches!(refused, Err(StorageError::Archive { .. })),
            "{number}: {refused:?}"
        );
        assert_eq!(
            target.number("SELECT count(*) FROM entry"),
            0,
            "{number}: nothing half done"
        );
    }
    let head: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    let newer = text.replace(head["migration"].as_str().unwrap(), "9999_future");
    let file = database.folder.path().join("newer.jsonl");
    std::fs::write(&file, newer).unwrap();
    let refused = Storage::restore(&target.url, &file).await;
    assert!(
        matches!(refused, Err(StorageError::NewerDatabase { .. })),
        "{refused:?}"
    );
    Storage::restore(&target.url, &path).await.unwrap();
}

/// The end line for these lines, as if they had been written so.
fn sealed(lines: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let text = lines.join("\n") + "\n";
    let digest = Sha256::digest(text.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let rows = lines.len() - 1;
    format!("{text}{{\"end\":{rows},\"sha256\":\"{digest}\"}}\n")
}

async fn the_line_that_is_wrong_is_named(database: TestDatabase) {
    let storage = filled(&database).await;
    let path = database.folder.path().join("backup.jsonl");
    storage.backup(&path, at(10)).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let rows = &lines[..lines.len() - 1];
    assert_eq!(sealed(rows), text);
    let last = rows.len() as u64;
    let twice = |at: usize, to: usize| {
        let mut rows = rows.to_vec();
        rows.insert(to, rows[at]);
        sealed(&rows)
    };
    let at_line = |number: usize, line: &str| {
        let mut rows = rows.to_vec();
        rows[number - 1] = line;
        sealed(&rows)
    };
    let entry = rows
        .iter()
        .position(|line| line.starts_with("{\"entry\":"))
        .unwrap();
    let renamed = rows[entry].replace("\"version\":1", "\"version\":7");
    let clash = {
        let mut rows = rows.to_vec();
        rows.insert(entry + 1, &renamed);
        sealed(&rows)
    };
    let long = format!("{{\"entry\":\"{}\"}}", "x".repeat(9 * 1024 * 1024));
    let cases = [
        (
            "followed by a line",
            format!("{text}\n"),
            last + 2,
            "follows the end",
        ),
        (
            "followed by itself",
            format!("{text}{text}"),
            last + 2,
            "follows the end",
        ),
        (
            "followed by half a line",
            format!("{text}x"),
            last + 2,
            "follows the end",
        ),
        (
            "cut in its last line",
            text[..text.len() - 9].to_owned(),
            last + 1,
            "too early",
        ),
        (
            "without its last line",
            rows.join("\n") + "\n",
            last + 1,
            "too early",
        ),
        (
            "a row twice",
            twice(entry, entry + 1),
            entry as u64 + 2,
            "twice",
        ),
        (
            "a row twice, elsewhere",
            twice(entry, entry + 2),
            entry as u64 + 3,
            "twice",
        ),
        (
            "a row too early",
            twice(rows.len() - 1, 1),
            3,
            "stands behind",
        ),
        ("no JSON", at_line(6, "no json"), 6, "column 1"),
        ("an empty line", at_line(6, ""), 6, "column"),
        (
            "an unknown table",
            at_line(6, "{\"colour\":{}}"),
            6,
            "unknown variant",
        ),
        (
            "a member too many",
            at_line(2, "{\"counter\":{\"name\":\"x\",\"value\":1,\"y\":2}}"),
            2,
            "unknown field",
        ),
        ("an endless line", at_line(6, &long), 6, "longer"),
        ("two rows of one key", clash, last + 2, "contradicts"),
    ];
    let target = database.sibling();
    target.migrate().await;
    for (name, bad, wrong, words) in cases {
        let file = database.folder.path().join("bad.jsonl");
        std::fs::write(&file, bad).unwrap();
        match Storage::restore(&target.url, &file).await {
            Err(StorageError::Archive { line, message }) => {
                assert_eq!(line, wrong, "{name}: {message}");
                assert!(message.contains(words), "{name}: {message}");
                assert!(!message.contains("line 1 "), "{name}: {message}");
            }
            other => panic!("{name}: {other:?}"),
        }
        for table in ["entry", "account", "revision"] {
            let sql = format!("SELECT count(*) FROM {table}");
            assert_eq!(target.number(&sql), 0, "{name}: nothing half done");
        }
    }
    Storage::restore(&target.url, &path).await.unwrap();
}

async fn what_a_killed_backup_left_is_removed_and_nothing_else(database: TestDatabase) {
    let storage = filled(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let begun = "{\"archive\":\"lotse\",\"format\":1";
    let left = [file("a.unfinished", begun), file("b.unfinished", "")];
    let kept = [file("c", begun), file("d.unfinished", "somebody's own")];
    let writing = file("e.unfinished", begun);
    let held = std::fs::File::open(&writing).unwrap();
    held.lock().unwrap();
    let mut gone = Storage::clear_unfinished_archives(folder.path());
    gone.sort();
    assert_eq!(gone, left);
    assert!(kept.iter().all(|path| path.exists()) && writing.exists());

    let busy = storage.backup(&folder.path().join("e"), at(1)).await;
    assert!(matches!(busy, Err(StorageError::File { .. })), "{busy:?}");
    drop(held);
    storage
        .backup(&folder.path().join("e"), at(1))
        .await
        .unwrap();
    assert!(!writing.exists());
}

async fn an_archive_is_restored_into_an_empty_database_only(database: TestDatabase) {
    let storage = filled(&database).await;
    let path = database.folder.path().join("backup.jsonl");
    storage.backup(&path, at(10)).await.unwrap();
    let refused = Storage::restore(&database.url, &path).await;
    assert!(
        matches!(refused, Err(StorageError::Conflict(Conflict::NotEmpty))),
        "{refused:?}"
    );
    // One that was opened and not used is empty.
    let target = database.sibling();
    target.fresh().await;
    Storage::restore(&target.url, &path).await.unwrap();
    let unmigrated = database.sibling();
    if unmigrated.is_sqlite() {
        std::fs::write(unmigrated.file(), "").unwrap();
    }
    let refused = Storage::restore(&unmigrated.url, &path).await;
    assert!(
        matches!(refused, Err(StorageError::PendingMigrations { .. })),
        "{refused:?}"
    );
}

async fn a_backup_writes_over_nothing(database: TestDatabase) {
    let storage = database.fresh().await;
    let path = database.folder.path().join("precious");
    std::fs::write(&path, "precious").unwrap();
    let refused = storage.backup(&path, at(1)).await;
    assert!(
        matches!(refused, Err(StorageError::File { .. })),
        "{refused:?}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    let nowhere = storage
        .backup(std::path::Path::new("/nonexistent/folder/file"), at(1))
        .await;
    assert!(
        matches!(nowhere, Err(StorageError::File { .. })),
        "{nowhere:?}"
    );
}
