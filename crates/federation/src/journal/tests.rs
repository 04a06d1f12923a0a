//! The file: what is read back, and what shows that somebody laid hands on it.
#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

use std::fs;

use chrono::DateTime;

use super::*;

const LONG: u64 = 4 * 1024 * 1024;

fn node(name: &str) -> Origin {
    format!("https://{name}.example").parse().unwrap()
}

fn journal_of(folder: &Path) -> FileJournal {
    FileJournal::in_folder(folder, node("a"), 7, LONG)
}

fn mark(base: u64, seq: u64) -> Mark {
    Mark {
        feed: FeedName::Public,
        epoch: 1,
        base,
        seq,
        arrival: 0,
        committed: false,
        deleted: vec!["019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10".parse().unwrap()],
        withdrawn: Vec::new(),
        returned: Vec::new(),
        at: DateTime::UNIX_EPOCH,
    }
}

fn open(journal: &FileJournal) -> OpenJournal<'_> {
    OpenJournal {
        journal,
        exists: true,
        settles: false,
    }
}

fn position(journal: &FileJournal) -> JournalPosition {
    journal.look().unwrap().unwrap().chain.position()
}

fn fits(journal: &FileJournal, position: JournalPosition) -> std::result::Result<(), Trouble> {
    journal.look().unwrap().unwrap().chain.fits(position)
}

/// What reading it is refused for.
fn trouble(journal: &FileJournal) -> Trouble {
    journal.read().unwrap_err().trouble
}

/// A journal of some lines, and its lines.
fn filled(folder: &Path) -> (FileJournal, Vec<String>) {
    let journal = journal_of(folder);
    for seq in 0..5 {
        open(&journal).write(&mark(seq, seq + 1)).unwrap();
    }
    let text = fs::read_to_string(journal.path()).unwrap();
    let lines = text.lines().map(|line| format!("{line}\n")).collect();
    (journal, lines)
}

#[test]
fn what_was_written_is_read_by_every_process_and_a_torn_line_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (journal_of(folder.path()), journal_of(folder.path()));
    assert!(one.read().unwrap().is_none());
    open(&one).write(&mark(0, 3)).unwrap();
    open(&one).denied("https://b.example", true).unwrap();
    let mut torn = OpenOptions::new().append(true).open(one.path()).unwrap();
    torn.write_all(b"{\"after\":\"00").unwrap();
    let read = other.read().unwrap().unwrap();
    assert_eq!(read.feeds.last(FeedName::Public).unwrap().seq, 3);
    assert_eq!(read.denied, ["https://b.example"]);
    open(&other).denied("https://b.example", false).unwrap();
    open(&other).document("{}").unwrap();
    let read = one.read().unwrap().unwrap();
    assert!(read.denied.is_empty());
    assert_eq!(read.documents, ["{}"]);
    assert_eq!(read.feeds.deleted().len(), 1);
}

#[test]
fn a_line_that_is_taken_out_changed_moved_or_put_in_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, lines) = filled(folder.path());
    let read = |lines: &[String]| {
        fs::write(journal.path(), lines.concat()).unwrap();
        // As another process would: nothing is remembered.
        journal_of(folder.path())
            .read()
            .map_err(|error| error.trouble)
    };
    assert!(read(&lines).is_ok());
    let broken = |line| Err(Trouble::Broken { line });
    let without = |gone: usize| [&lines[..gone], &lines[gone + 1..]].concat();
    assert_eq!(read(&without(0)).map(drop), broken(1), "the first");
    assert_eq!(read(&without(3)).map(drop), broken(4), "one in the middle");
    let mut edited = lines.clone();
    edited[2] = edited[2].replace("\"seq\":2", "\"seq\":9");
    assert_ne!(edited, lines);
    assert_eq!(read(&edited).map(drop), broken(4), "the one after it tells");
    let mut moved = lines.clone();
    moved.swap(2, 3);
    assert_eq!(read(&moved).map(drop), broken(3));
    let twice = [&lines[..3], &lines[2..]].concat();
    assert_eq!(read(&twice).map(drop), broken(4));
    let plain = [
        &lines[..],
        &["{\"denied\":\"https://b.example\"}\n".to_owned()],
    ]
    .concat();
    assert!(matches!(
        read(&plain).map(drop),
        Err(Trouble::Unreadable { line: 7, .. })
    ));
}

#[test]
fn one_that_stands_before_its_database_or_is_another_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, lines) = filled(folder.path());
    let end = position(&journal);
    assert_eq!(end.lines, 6, "one names the node");
    assert_eq!(fits(&journal, end), Ok(()));
    for kept in 0..lines.len() {
        fs::write(journal.path(), lines[..kept].concat()).unwrap();
        let behind = Trouble::Behind {
            lines: kept as u64,
            written: 6,
        };
        assert_eq!(fits(&journal, end), Err(behind));
    }
    // As long, and yet another.
    let other = tempfile::tempdir().unwrap();
    let (another, _) = filled(other.path());
    fs::write(another.path(), lines[..5].concat()).unwrap();
    open(&another).denied("https://b.example", true).unwrap();
    assert_eq!(position(&another).lines, 6);
    assert_eq!(fits(&another, end), Err(Trouble::Differs { line: 6 }));
    // A database that was cut off, or put back, is behind its journal: others judge that.
    fs::write(journal.path(), lines.concat()).unwrap();
    open(&journal).denied("https://b.example", true).unwrap();
    assert_eq!(fits(&journal, end), Ok(()));
}

#[test]
fn the_journal_of_another_node_or_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let _ = filled(folder.path());
    let other = FileJournal::in_folder(folder.path(), node("b"), 7, LONG);
    let of = Trouble::OtherNode {
        node: node("a").to_string(),
    };
    assert_eq!(trouble(&other), of);
    let other = FileJournal::in_folder(folder.path(), node("a"), 8, LONG);
    assert_eq!(trouble(&other), Trouble::OtherDatabase);
}

#[test]
fn one_that_is_shortened_says_the_same_and_goes_on_from_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = filled(folder.path());
    open(&journal).denied("https://b.example", true).unwrap();
    let (before, end) = (journal.read().unwrap().unwrap(), position(&journal));
    let other = journal_of(folder.path());
    let _ = other.read().unwrap();
    open(&journal).shorten().unwrap();
    let after = other.read().unwrap().unwrap();
    assert_eq!(after.feeds, before.feeds);
    assert_eq!(after.denied, before.denied);
    assert_eq!(fits(&journal, end), Ok(()), "cut off before the commit");
    assert_eq!(position(&journal).lines, end.lines + 3);
    open(&other).write(&mark(5, 6)).unwrap();
    assert_eq!(journal.read().unwrap().unwrap().feeds.epoch(), 1);
    assert!(!journal.has_moved());
    // Nobody takes the lines after that away unnoticed.
    let last = position(&journal);
    open(&journal).shorten().unwrap();
    let text = fs::read_to_string(journal.path()).unwrap();
    let first: String = text
        .lines()
        .take(1)
        .map(|line| format!("{line}\n"))
        .collect();
    let _ = position(&journal);
    fs::write(journal.path(), first).unwrap();
    let after = JournalPosition {
        lines: last.lines + 2,
        ..last
    };
    assert!(matches!(fits(&journal, after), Err(Trouble::Behind { .. })));
}

#[test]
fn one_of_an_older_version_is_read_on_and_chained_from_its_next_line() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal_of(folder.path());
    let old: Vec<String> = (0..3)
        .map(|seq| {
            let mark = serde_json::to_string(&mark(seq, seq + 1)).unwrap();
            format!("{{\"feed\":{mark}}}\n")
        })
        .collect();
    fs::write(journal.path(), old.concat()).unwrap();
    assert_eq!(journal.feeds().unwrap().unwrap().epoch(), 1);
    open(&journal).write(&mark(3, 4)).unwrap();
    let last = |journal: &FileJournal| {
        let feeds = journal.feeds().unwrap().unwrap();
        feeds.last(FeedName::Public).unwrap().seq
    };
    assert_eq!(last(&journal_of(folder.path())), 4);
    // From then on the old lines are held, too.
    let text = fs::read_to_string(journal.path()).unwrap();
    let without = text.lines().skip(1).map(|line| format!("{line}\n"));
    fs::write(journal.path(), without.collect::<String>()).unwrap();
    let trouble = trouble(&journal_of(folder.path()));
    assert_eq!(trouble, Trouble::Broken { line: 3 });
}

#[test]
fn a_folder_in_its_place_and_rubbish_in_it_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal_of(folder.path());
    fs::create_dir(journal.path()).unwrap();
    assert_eq!(trouble(&journal), Trouble::Folder);
    let written = open(&journal).document("{}").unwrap_err();
    assert_eq!(written.trouble, Trouble::Folder);
    fs::remove_dir(journal.path()).unwrap();
    fs::write(journal.path(), [0xff, b'\n']).unwrap();
    assert!(matches!(
        trouble(&journal),
        Trouble::Unreadable { line: 1, .. }
    ));
}
