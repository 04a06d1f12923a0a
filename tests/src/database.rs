//! A fresh database for each node under test.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};

use crate::TestNode;

/// Which database a node under test keeps its entries in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file in the node's data folder.
    Sqlite,
    /// A database of its own in the server that `LOTSE_TEST_POSTGRES` names.
    Postgres,
}

/// The variable that holds the URL of a superuser of a throwaway server.
const VARIABLE: &str = "LOTSE_TEST_POSTGRES";

/// Makes an empty PostgreSQL database and returns its URL. It goes away with the throwaway server.
///
/// # Panics
/// When there is no server.
#[must_use]
pub fn fresh_postgres() -> String {
    let server = std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!(
            "{VARIABLE} is not set: run `cargo xtask test`, or `cargo xtask postgres cargo test`"
        )
    });
    let name = format!("node_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::establish(&server).unwrap();
    diesel::sql_query(format!("create database {name}"))
        .execute(&mut connection)
        .unwrap();
    let (before, _) = server.rsplit_once('/').unwrap();
    format!("{before}/{name}")
}

/// `host:port` of a PostgreSQL URL.
///
/// # Panics
/// When it is not of the form that [`fresh_postgres`] returns.
#[must_use]
pub fn address_of(url: &str) -> String {
    let (_, after) = url.split_once('@').unwrap();
    after.split_once('/').unwrap().0.to_owned()
}

/// Changes rows behind the back of a node that does not run, as a fault or another version of it might have. Returns how
/// many.
///
/// # Panics
/// When it runs, or the statement is refused.
pub fn tamper(node: &TestNode, sql: &str) -> usize {
    assert!(node.process().is_none(), "it still runs");
    let query = diesel::sql_query(sql);
    match node.database_url() {
        Some(url) => query.execute(&mut PgConnection::establish(url).unwrap()),
        None => {
            let file = node.data().join("lotse.sqlite");
            let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
            connection
                .batch_execute("pragma busy_timeout = 5000")
                .unwrap();
            query.execute(&mut connection)
        }
    }
    .unwrap()
}

/// The feed `name` of the node at `base_url`, as a value in a statement of SQL.
#[must_use]
pub fn feed_of(base_url: &str, name: &str) -> String {
    format!(
        "(select feed.id from feed join origin on origin.id = feed.origin \
         where origin.base_url = '{base_url}' and feed.name = '{name}')"
    )
}
