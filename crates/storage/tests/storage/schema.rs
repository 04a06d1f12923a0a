//! The tables as Diesel sees them are the tables that are there.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::support::{TestDatabase, on_both};

on_both!(
    every_table_is_as_the_schema_says,
    every_key_compares_as_bytes
);

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../migrations")
            .join(database);
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}

/// Name, type (`text`, `integer`, `bool`), whether it may be empty, whether it is part of the primary key.
type Column = (String, &'static str, bool, bool);
type Tables = BTreeMap<String, Vec<Column>>;

/// The tables of `schema.rs`.
fn expected() -> Tables {
    let mut tables = Tables::new();
    let source = include_str!("../../src/schema.rs");
    for table in source.split("diesel::table! {").skip(1) {
        let (head, body) = table.split_once('{').unwrap();
        let (name, keys) = head.split_once('(').unwrap();
        let keys: Vec<&str> = keys
            .trim_end()
            .trim_end_matches(')')
            .split(',')
            .map(str::trim)
            .collect();
        let columns = body
            .split_once('}')
            .unwrap()
            .0
            .lines()
            .filter_map(|line| line.trim().split_once(" -> "));
        let columns = columns.map(|(column, found)| {
            let found = found.trim_end_matches(',');
            let inner = found
                .strip_prefix("Nullable<")
                .map(|inner| inner.trim_end_matches('>'));
            let kind = match inner.unwrap_or(found) {
                "Text" => "text",
                "BigInt" => "integer",
                "Bool" => "bool",
                other => panic!("an unexpected type: {other}"),
            };
            (
                column.to_owned(),
                kind,
                inner.is_some(),
                keys.contains(&column),
            )
        });
        tables.insert(name.trim().to_owned(), columns.collect());
    }
    assert!(tables.len() > 10);
    tables
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    data_type: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
    #[diesel(sql_type = Bool)]
    key: bool,
}

const SQLITE: &str = "
    SELECT m.name AS table_name, c.name AS column_name, c.type AS data_type, c.\"notnull\" = 0 AS nullable, c.pk > 0 AS key
    FROM sqlite_schema m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid";

const POSTGRES: &str = "
    SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_nullable = 'YES' AS nullable,
        EXISTS (SELECT FROM information_schema.table_constraints t
            JOIN information_schema.key_column_usage k USING (constraint_name, table_name)
            WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_name = c.table_name AND k.column_name = c.column_name
        ) AS key
    FROM information_schema.columns c
    WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '\\_\\_%' ORDER BY c.table_name, c.ordinal_position";

async fn every_table_is_as_the_schema_says(database: TestDatabase) {
    database.migrate().await;
    let found: Vec<Found> = if database.is_sqlite() {
        let mut connection =
            SqliteConnection::establish(database.file().to_str().unwrap()).unwrap();
        diesel::sql_query(SQLITE).load(&mut connection).unwrap()
    } else {
        diesel::sql_query(POSTGRES)
            .load(&mut PgConnection::establish(&database.url).unwrap())
            .unwrap()
    };
    let expected = expected();
    let mut tables = Tables::new();
    for row in found {
        let kind = match row.data_type.as_str() {
            "TEXT" | "text" => "text",
            "bigint" => "integer",
            "boolean" => "bool",
            // SQLite has no truth values: they are integers with a check.
            "INTEGER" => {
                let column = expected.get(&row.table_name).and_then(|columns| {
                    columns
                        .iter()
                        .find(|(name, ..)| *name == row.column_name)
                        .map(|(_, kind, ..)| *kind)
                });
                if column == Some("bool") {
                    "bool"
                } else {
                    "integer"
                }
            }
            other => panic!("an unexpected type: {other}"),
        };
        tables.entry(row.table_name).or_default().push((
            row.column_name,
            kind,
            row.nullable,
            row.key,
        ));
    }
    assert_eq!(tables, expected);
}

async fn every_key_compares_as_bytes(database: TestDatabase) {
    database.migrate().await;
    if database.is_sqlite() {
        // SQLite compares text as bytes unless told otherwise.
        assert_eq!(
            database.number("SELECT count(*) FROM sqlite_schema WHERE upper(sql) LIKE '%COLLATE%'"),
            0
        );
        return;
    }
    #[derive(QueryableByName)]
    struct Indexed {
        #[diesel(sql_type = BigInt)]
        indexed: i64,
        #[diesel(sql_type = BigInt)]
        as_bytes: i64,
    }
    let sql = "SELECT count(*) AS indexed, count(*) FILTER (WHERE l.collname = 'C') AS as_bytes
        FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_\\_%'
        JOIN pg_attribute a ON a.attrelid = i.indexrelid
        JOIN pg_type y ON y.oid = a.atttypid AND y.typname = 'text'
        JOIN pg_collation l ON l.oid = a.attcollation";
    let found: Indexed = diesel::sql_query(sql)
        .get_result(&mut PgConnection::establish(&database.url).unwrap())
        .unwrap();
    assert!(found.indexed > 20);
    assert_eq!(found.as_bytes, found.indexed);
}
