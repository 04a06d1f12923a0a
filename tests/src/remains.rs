//! Looking for what should be gone: in every file of a node, and in every row of its database.

use std::fs;
use std::path::Path;

use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};

use crate::TestNode;

/// The files below a folder that hold a word, in whatever case. A file that goes away meanwhile holds nothing.
///
/// # Panics
/// Where the folder cannot be read.
#[must_use]
pub fn files_with(folder: &Path, word: &str) -> Vec<String> {
    let word = word.to_ascii_lowercase();
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).unwrap().filter_map(Result::ok) {
            let path = item.path();
            if path.is_dir() {
                folders.push(path);
            } else if holds(&path, word.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

fn holds(file: &Path, word: &[u8]) -> bool {
    let bytes = fs::read(file).unwrap_or_default().to_ascii_lowercase();
    bytes.windows(word.len()).any(|part| part == word)
}

/// Where a word stands: files of the data folder and of the journal, the log, and on PostgreSQL columns of rows.
///
/// # Panics
/// Where that cannot be read.
#[must_use]
pub fn remains(node: &TestNode, word: &str) -> Vec<String> {
    let mut found = files_with(&node.data(), word);
    if node.journal().exists() {
        found.extend(files_with(&node.journal(), word));
    }
    if node.log().to_ascii_lowercase().contains(word) {
        found.push("the log".to_owned());
    }
    found.extend(columns_with(node, word));
    found.extend(terms_with(node, word));
    found
}

/// The segments of the text index that hold a word, also where all entries that said it are marked as deleted. The
/// dictionaries are automata, in which no word stands as such: searching their files would find nothing.
#[must_use]
pub fn terms_with(node: &TestNode, word: &str) -> Vec<String> {
    // A segment that goes away at this moment is looked for again.
    (0..100)
        .find_map(|_| terms(node, word).ok())
        .unwrap_or_else(|| vec!["the text index cannot be read".to_owned()])
}

fn terms(node: &TestNode, word: &str) -> tantivy::Result<Vec<String>> {
    let index = tantivy::Index::open_in_dir(node.index().join("text"))?;
    let mut found = Vec::new();
    for reader in index.reader()?.searcher().segment_readers() {
        for name in ["public", "network", "owner"] {
            let terms = reader.inverted_index(index.schema().get_field(name)?)?;
            let mut terms = terms.terms().stream()?;
            while terms.advance() {
                if String::from_utf8_lossy(terms.key()).contains(word) {
                    found.push(format!(
                        "segment {}, {name}",
                        reader.segment_id().short_uuid_string()
                    ));
                    break;
                }
            }
        }
    }
    Ok(found)
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    of: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

const COLUMNS: &str = "SELECT column_name::text AS name, table_name::text AS of FROM information_schema.columns \
     WHERE table_schema = 'public' AND data_type = 'text'";

/// The columns of live rows that hold a word. SQLite's are in its files.
fn columns_with(node: &TestNode, word: &str) -> Vec<String> {
    let Some(url) = node.database_url() else {
        return Vec::new();
    };
    let mut connection = PgConnection::establish(url).unwrap();
    let columns: Vec<Column> = diesel::sql_query(COLUMNS).load(&mut connection).unwrap();
    assert!(columns.len() > 50);
    columns
        .into_iter()
        .filter(|Column { name, of }| {
            let sql = format!("SELECT count(*) AS n FROM {of} WHERE {name} ILIKE '%{word}%'");
            let found: Number = diesel::sql_query(sql).get_result(&mut connection).unwrap();
            found.n > 0
        })
        .map(|Column { name, of }| format!("{of}.{name}"))
        .collect()
}

/// Asks a node's database for one number, behind its back.
///
/// # Panics
/// Where it does not answer.
#[must_use]
pub fn number(node: &TestNode, sql: &str) -> i64 {
    let query = diesel::sql_query(format!("SELECT ({sql}) AS n"));
    let found: Number = match node.database_url() {
        Some(url) => query.get_result(&mut PgConnection::establish(url).unwrap()),
        None => {
            let file = node.data().join("lotse.sqlite");
            query.get_result(&mut SqliteConnection::establish(file.to_str().unwrap()).unwrap())
        }
    }
    .unwrap();
    found.n
}
