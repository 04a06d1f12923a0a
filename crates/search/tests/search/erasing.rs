//! What was removed leaves the files of the text index.

use std::path::Path;
use std::time::{Duration, Instant};

use lotse_search::{Change, Document, Index, Query, Viewer};
use tantivy::indexer::NoMergePolicy;
use tantivy::{IndexWriter, Term};

use crate::common::{document, key};

/// What an entry says that is removed. Words that no stemmer knows.
const WORD: &str = "qzxvwurm";
const ENTRIES: i64 = 300;

fn entries() -> Vec<Document> {
    (1..=ENTRIES)
        .map(|number| {
            let text = match number {
                77 => format!("before {WORD} after"),
                _ => format!("number{number} of many"),
            };
            document(u128::from(number.unsigned_abs()), number)
                .text("en", &text)
                .done()
        })
        .collect()
}

fn put(documents: Vec<Document>) -> Vec<Change> {
    documents
        .into_iter()
        .map(|document| Change::Put(Box::new(document)))
        .collect()
}

fn remove(id: u128, arrival: i64) -> Vec<Change> {
    vec![Change::Remove {
        key: key(id),
        arrival,
    }]
}

async fn apply(index: &Index, changes: Vec<Change>, through: i64) {
    index.apply(changes, through).unwrap();
    tokio::time::timeout(Duration::from_secs(20), index.text_reached(through))
        .await
        .unwrap();
}

async fn until_nothing_remains(index: &Index) {
    let begun = Instant::now();
    while index.has_text_remains() {
        assert!(begun.elapsed() < Duration::from_secs(50), "within a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many segments hold a term with this word in it, whether its documents are marked as deleted or not. Dictionaries
/// are automata, in which no word stands as such: files cannot be searched for it.
fn segments_with(folder: &Path, word: &str) -> usize {
    let index = tantivy::Index::open_in_dir(folder.join("text")).unwrap();
    let searcher = index.reader().unwrap().searcher();
    let mut found = 0;
    for reader in searcher.segment_readers() {
        let fields = index.schema();
        let texts = ["public", "network", "owner"].map(|name| fields.get_field(name).unwrap());
        let holds = texts.iter().any(|field| {
            let inverted = reader.inverted_index(*field).unwrap();
            let mut terms = inverted.terms().stream().unwrap();
            while terms.advance() {
                if String::from_utf8_lossy(terms.key()).contains(word) {
                    return true;
                }
            }
            false
        });
        found += usize::from(holds);
    }
    found
}

fn finds(index: &Index, word: &str) -> bool {
    let query = Query {
        q: Some(word.to_owned()),
        ..Query::default()
    };
    let page = index.snapshot().search(&query, &Viewer::Public).unwrap();
    !page.hits.is_empty()
}

#[tokio::test]
async fn words_of_a_removed_entry_leave_every_segment() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(Some(folder.path()), "g").unwrap();
    apply(&index, put(entries()), ENTRIES).await;
    assert!(finds(&index, WORD));
    assert_eq!(segments_with(folder.path(), WORD), 1);
    assert!(!index.has_text_remains());
    apply(&index, remove(77, ENTRIES + 1), ENTRIES + 1).await;
    until_nothing_remains(&index).await;
    assert_eq!(segments_with(folder.path(), WORD), 0);
    assert!(!finds(&index, WORD) && finds(&index, "number76"));
    // Once more at once: it waits for its turn, and has it.
    apply(&index, remove(76, ENTRIES + 2), ENTRIES + 2).await;
    until_nothing_remains(&index).await;
    assert_eq!(segments_with(folder.path(), "number76"), 0);
    assert_eq!(segments_with(folder.path(), "number75"), 1);
}

#[tokio::test]
async fn an_entry_that_comes_again_keeps_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(Some(folder.path()), "g").unwrap();
    apply(&index, put(entries()), ENTRIES).await;
    let mut changes = remove(77, ENTRIES + 1);
    let again = document(77, ENTRIES + 2).text("en", "again").done();
    changes.extend(put(vec![again]));
    apply(&index, changes, ENTRIES + 2).await;
    until_nothing_remains(&index).await;
    assert_eq!(segments_with(folder.path(), WORD), 0);
    assert!(finds(&index, "again"));
}

#[tokio::test]
async fn what_was_removed_just_before_the_end_is_gone_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(Some(folder.path()), "g").unwrap();
    apply(&index, put(entries()), ENTRIES).await;
    index.apply(remove(77, ENTRIES + 1), ENTRIES + 1).unwrap();
    drop(index);
    assert_eq!(segments_with(folder.path(), WORD), 0);
}

/// A process that ended between the removal and writing the segments anew.
fn mark_only(folder: &Path, word: &str) {
    let index = tantivy::Index::open_in_dir(folder.join("text")).unwrap();
    let payload = index.load_metas().unwrap().payload.unwrap();
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 20_000_000).unwrap();
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let field = index.schema().get_field("public").unwrap();
    writer.delete_term(Term::from_field_text(field, word));
    let mut commit = writer.prepare_commit().unwrap();
    commit.set_payload(&payload);
    commit.commit().unwrap();
    writer.wait_merging_threads().unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_is_gone_after_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(Some(folder.path()), "g").unwrap();
    apply(&index, put(entries()), ENTRIES).await;
    drop(index);
    mark_only(folder.path(), WORD);
    assert_eq!(segments_with(folder.path(), WORD), 1, "marked, and there");
    let index = Index::open(Some(folder.path()), "g").unwrap();
    let mut loader = index.load().unwrap();
    for entry in put(entries()).into_iter().filter(|e| e.arrival() != 77) {
        loader.push(entry).unwrap();
    }
    loader.finish(ENTRIES).unwrap();
    let begun = Instant::now();
    while segments_with(folder.path(), WORD) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(50), "within a minute");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(finds(&index, "number76"));
}

/// Files of segments that are part of the index no more.
fn orphans(text: &Path) -> Vec<String> {
    let living = tantivy::Index::open_in_dir(text).unwrap();
    let living = living.searchable_segment_ids().unwrap();
    let names = text
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap());
    let is_segment = |name: &String| name.len() > 32 && !name.starts_with('.');
    let is_living = |name: &String| living.iter().any(|id| name.starts_with(&id.uuid_string()));
    names
        .filter(|name| is_segment(name) && !is_living(name))
        .collect()
}

#[tokio::test]
async fn no_file_of_a_segment_that_was_replaced_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    let index = Index::open(Some(folder.path()), "g").unwrap();
    apply(&index, put(entries()), ENTRIES).await;
    let looking = index.snapshot();
    apply(&index, remove(77, ENTRIES + 1), ENTRIES + 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(looking);
    until_nothing_remains(&index).await;
    assert_eq!(orphans(&text), Vec::<String>::new());
    drop(index);
    // One that a process before has left, which the library knows of.
    let left = format!("{}.term", "0123456789abcdef".repeat(2));
    std::fs::write(text.join(&left), "words").unwrap();
    let list = text.join(".managed.json");
    let managed = std::fs::read_to_string(&list).unwrap();
    let mut managed: Vec<String> = serde_json::from_str(&managed).unwrap();
    managed.push(left.clone());
    std::fs::write(&list, serde_json::to_string(&managed).unwrap()).unwrap();
    assert_eq!(orphans(&text), [left]);
    let index = Index::open(Some(folder.path()), "g").unwrap();
    let begun = Instant::now();
    while !orphans(&text).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is swept");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(index);
}
