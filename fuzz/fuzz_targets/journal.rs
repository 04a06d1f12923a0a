//! The restore journal: whatever stands in the file, reading it never panics, and what was cut out of it shows.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use domain::Origin;
use federation::FileJournal;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};

const DATABASE: i64 = 1;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("lotse-fuzz-journal-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
});
static NODE: LazyLock<Origin> = LazyLock::new(|| "https://a.example".parse().expect("a constant"));

fuzz_target!(|input: (u64, &str)| {
    let (lines, text) = input;
    // As it came.
    let _ = read(text);
    // Chained by somebody who can compute digests.
    let begun = format!(r#"{{"begun":{{"node":"{}","database":{DATABASE},"lines":{lines}}}}}"#, *NODE);
    let mut before = [0; 32];
    let mut chained = Vec::new();
    for line in std::iter::once(begun.as_str()).chain(text.lines()) {
        let hex: String = before.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!(r#"{{"after":"{hex}","line":{line}}}"#);
        let mut digest = Sha256::new();
        digest.update(before);
        digest.update(&line);
        before = digest.finalize().into();
        chained.push(line);
    }
    let whole = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    if !read(&whole(&chained)) {
        return;
    }
    // One that is missing from the middle, or stands elsewhere, shows.
    for at in 1..chained.len().saturating_sub(1) {
        let mut cut = chained.clone();
        let taken = cut.remove(at);
        assert!(!read(&whole(&cut)), "line {at} was taken out");
        if cut[at] != taken {
            cut.insert(at + 1, taken);
            assert!(!read(&whole(&cut)), "line {at} was moved");
        }
    }
});

/// Whether it can be read. What can be read is also what could be rescued of it.
fn read(text: &str) -> bool {
    let journal = FileJournal::in_folder(&FOLDER, NODE.clone(), DATABASE, 1);
    std::fs::write(journal.path(), text).expect("it can be written");
    let rescued = journal.rescued();
    let Ok(read) = journal.read() else {
        return false;
    };
    let read = read.expect("it is there");
    let _ = (journal.newest_document(), journal.is_long());
    assert_eq!(read.documents, rescued.documents);
    assert_eq!(read.denied, rescued.denied);
    true
}
