//! Archives: whatever stands in one, it is restored whole or not at all.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use storage::{Settings, Storage};
use tokio::runtime::Runtime;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("lotse-fuzz-archive-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
});
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime")
});
/// An empty database, to be copied.
static EMPTY: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = FOLDER.join("empty.db");
    let _ = std::fs::remove_file(&path);
    RUNTIME.block_on(Storage::migrate(&url(&path))).expect("it is made");
    path
});
/// The lines of a database with nothing in it but whose it is.
static LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let path = FOLDER.join("whose.db");
    std::fs::copy(&*EMPTY, &path).expect("it is copied");
    let archive = FOLDER.join("whose.jsonl");
    let _ = std::fs::remove_file(&archive);
    backup(&path, &archive).expect("it is written");
    let text = std::fs::read_to_string(archive).expect("it is there");
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[..lines.len() - 1].to_vec()
});

fuzz_target!(|text: &str| {
    let (path, archive) = (FOLDER.join("to.db"), FOLDER.join("from.jsonl"));
    // As it came; then behind a right beginning and before a right end.
    let lines = LINES.iter().map(String::as_str).chain(text.lines());
    let body: String = lines.map(|line| format!("{line}\n")).collect();
    let rows = body.lines().count() - 1;
    let digest: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let ended = format!("{body}{{\"end\":{rows},\"sha256\":\"{digest}\"}}\n");
    for text in [text, &ended] {
        if text.is_empty() {
            continue;
        }
        fresh(&path);
        std::fs::write(&archive, text).expect("it is written");
        if let Ok(restored) = RUNTIME.block_on(Storage::restore(&url(&path), &archive)) {
            let again = FOLDER.join("again.jsonl");
            let _ = std::fs::remove_file(&again);
            assert!(restored.rows > 0, "at least it says whose it is");
            // Whose it is may be somebody else's; then it is not opened.
            if let Ok(archived) = backup(&path, &again) {
                fresh(&path);
                let twice = RUNTIME.block_on(Storage::restore(&url(&path), &again));
                assert_eq!(twice.ok(), Some(archived), "what could be restored can be once more");
            }
        }
    }
});

fn backup(path: &Path, archive: &Path) -> storage::Result<storage::Archived> {
    let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().expect("a constant");
    RUNTIME.block_on(async {
        let storage = Storage::open(settings(path), now).await?;
        storage.backup(archive, now).await
    })
}

/// An empty database in the place of whatever was there.
fn fresh(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(FOLDER.join(format!("to.db{ending}")));
    }
    std::fs::copy(&*EMPTY, path).expect("it is copied");
}

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

fn settings(path: &Path) -> Settings {
    Settings {
        url: url(path),
        origin: "https://a.example".parse().expect("a constant"),
        rules: domain::Rules::default(),
        readers: 1,
        waits: storage::Waits::default(),
    }
}
