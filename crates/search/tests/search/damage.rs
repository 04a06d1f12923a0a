//! The text index is derived: it may be lost at any moment, and is filled again while changes go on.

use std::path::Path;
use std::time::Duration;

use lotse_search::{
    Audit, AuditError, Change, Difference, Document, Index, IndexError, Query, QueryError, Viewer,
};

use crate::common::{document, name_of};

/// How long a small text index may take to get there.
const PATIENCE: Duration = Duration::from_secs(20);

fn with_word(id: u128, arrival: i64, word: &str) -> Document {
    document(id, arrival).name(word).text("de", word).done()
}

fn put(document: Document) -> Change {
    Change::Put(Box::new(document))
}

fn search(index: &Index, word: &str) -> Result<Vec<String>, QueryError> {
    let query = Query {
        q: Some(word.to_owned()),
        ..Query::default()
    };
    let page = index.snapshot().search(&query, &Viewer::Public)?;
    Ok(page.hits.iter().map(|hit| name_of(&hit.json)).collect())
}

async fn until_found(index: &Index, arrival: i64) {
    tokio::time::timeout(PATIENCE, index.text_reached(arrival))
        .await
        .unwrap();
}

fn load(index: &Index, documents: Vec<Document>, through: i64) {
    let mut loader = index.load_text_later().unwrap();
    for document in documents {
        loader.push(put(document)).unwrap();
    }
    loader.finish(through).unwrap();
}

#[tokio::test]
async fn an_empty_text_index_is_filled_later_and_what_changes_meanwhile_counts() {
    let index = Index::open(None, "g").unwrap();
    let rows = || {
        vec![
            with_word(1, 1, "Apfel"),
            with_word(2, 2, "Birne"),
            with_word(3, 3, "Quitte"),
        ]
    };
    load(&index, rows(), 3);
    let refill = tokio::time::timeout(PATIENCE, index.text_wanted())
        .await
        .unwrap();
    assert_eq!(search(&index, "Apfel"), Err(QueryError::Text));
    let listed = index.snapshot().search(&Query::default(), &Viewer::Public);
    assert_eq!(listed.unwrap().total, 3);

    let [first, second, third] = rows().try_into().unwrap();
    refill.push(first).unwrap();
    // Both were read before they changed, and are told after.
    index
        .apply(vec![put(with_word(2, 4, "Kirsche"))], 4)
        .unwrap();
    let gone = Change::Remove {
        key: third.key.clone(),
        arrival: 5,
    };
    index.apply(vec![gone], 5).unwrap();
    refill.push(second).unwrap();
    refill.push(third).unwrap();
    assert_eq!(search(&index, "Kirsche"), Err(QueryError::Text));
    refill.finish().unwrap();

    until_found(&index, 5).await;
    assert_eq!(search(&index, "Apfel").unwrap(), ["Apfel"]);
    assert_eq!(search(&index, "Kirsche").unwrap(), ["Kirsche"]);
    for word in ["Birne", "Quitte"] {
        assert_eq!(search(&index, word).unwrap(), [""; 0]);
    }
    assert_eq!(index.snapshot().text_len(), 2);
}

/// A folder with a text index of two entries, which no process has open.
async fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(Some(folder.path()), "g").unwrap();
    load(
        &index,
        vec![with_word(1, 1, "Apfel"), with_word(2, 2, "Birne")],
        2,
    );
    fill(&index, 2).await;
    folder
}

async fn fill(index: &Index, through: i64) {
    let refill = tokio::time::timeout(PATIENCE, index.text_wanted())
        .await
        .unwrap();
    refill.push(with_word(1, 1, "Apfel")).unwrap();
    refill.push(with_word(2, 2, "Birne")).unwrap();
    refill.finish().unwrap();
    until_found(index, through).await;
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let all = folder.join("text").read_dir().unwrap();
    let paths = all.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_none_or(|end| end != "lock"))
        .collect()
}

#[tokio::test]
async fn any_byte_of_any_file_that_differs_is_noticed() {
    let folder = folder().await;
    assert!(Audit::open(folder.path(), "g").is_ok());
    let mut noticed = 0;
    for path in files(folder.path()) {
        let whole = std::fs::read(&path).unwrap();
        let steps = (whole.len() / 7).max(1);
        for at in (0..whole.len()).step_by(steps) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x04;
            std::fs::write(&path, flipped).unwrap();
            match Audit::open(folder.path(), "g") {
                Err(AuditError::Damaged(_)) => noticed += 1,
                // The end of a segment's file says by which version it was written, and nothing hangs on it.
                Ok(audit) => assert_eq!(audit.through(), 2, "{}: {at}", path.display()),
                Err(other) => unreachable!("{other}"),
            }
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert!(noticed > 30, "{noticed}");
}

#[tokio::test]
async fn what_the_index_holds_is_compared_term_by_term() {
    let folder = folder().await;
    let compare = |document: Document| {
        let mut audit = Audit::open(folder.path(), "g").unwrap();
        (audit.compare(document, || None), audit.left())
    };
    assert_eq!(compare(with_word(1, 1, "Apfel")), (None, 1));
    assert_eq!(
        compare(with_word(1, 1, "Apfel Apfel")),
        (Some(Difference::Terms), 1)
    );
    assert_eq!(
        compare(with_word(3, 3, "Apfel")),
        (Some(Difference::Missing), 2)
    );
    let mut audit = Audit::open(folder.path(), "g").unwrap();
    let then = || Some(with_word(1, 1, "Apfel"));
    assert_eq!(audit.compare(with_word(1, 1, "Pflaume"), then), None);
    assert!(matches!(
        Audit::open(folder.path(), "h"),
        Err(AuditError::Other)
    ));
}

#[tokio::test]
async fn a_damaged_index_is_opened_empty_and_one_in_use_is_not() {
    let folder = folder().await;
    for path in files(folder.path()) {
        std::fs::write(path, b"").unwrap();
    }
    let index = Index::open(Some(folder.path()), "g").unwrap();
    assert!(matches!(
        Index::open(Some(folder.path()), "g"),
        Err(IndexError::InUse)
    ));
    load(
        &index,
        vec![with_word(1, 1, "Apfel"), with_word(2, 2, "Birne")],
        2,
    );
    fill(&index, 2).await;
    assert_eq!(search(&index, "Birne").unwrap(), ["Birne"]);
    drop(index);
    assert!(Audit::open(folder.path(), "g").is_ok());
}

#[tokio::test]
async fn an_index_whose_files_go_while_it_is_open_finds_on_or_is_built_anew() {
    let folder = folder().await;
    let rows = || {
        vec![
            with_word(1, 1, "Apfel"),
            with_word(2, 2, "Birne"),
            with_word(3, 3, "Quitte"),
        ]
    };
    let index = Index::open(Some(folder.path()), "g").unwrap();
    load(&index, rows(), 3);
    until_found(&index, 3).await;
    for path in files(folder.path()) {
        std::fs::File::create(path).unwrap();
    }
    index
        .apply(vec![put(with_word(4, 4, "Pflaume"))], 4)
        .unwrap();
    let refills = async {
        loop {
            let refill = index.text_wanted().await;
            for document in rows().into_iter().chain([with_word(4, 4, "Pflaume")]) {
                refill.push(document).unwrap();
            }
            refill.finish().unwrap();
        }
    };
    tokio::select! {
        () = refills => {}
        () = until_found(&index, 4) => {}
    }
    for word in ["Apfel", "Pflaume"] {
        assert_eq!(search(&index, word).unwrap(), [word]);
    }
}
