//! Words and cursors, against a small index.
#![no_main]

use std::sync::LazyLock;

use chrono::NaiveDate;
use domain::{Entry, Kind};
use libfuzzer_sys::fuzz_target;
use search::{Change, Index, Query, Viewer};

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let today: NaiveDate = "2026-11-22".parse().expect("a constant");
    let index = Index::open(None, "fuzz").expect("an index in memory");
    let changes = (1..=40_u32).map(|n| {
        let json = format!(
            r#"{{"id":"01a2008d-7400-7000-8000-{n:012x}","kind":"offer","owner":"01a2008d-7400-7000-8000-00000000000a","origin":"https://a.example","version":1,"visibility":"public","status":"active","license":"x","created":"2026-11-22T12:00:00Z","modified":"2026-11-22T12:00:00Z",{}"#,
            Kind::Offer.example().trim_start().trim_start_matches('{')
        );
        let entry = Entry::from_json(&json).expect("the example as an entry");
        Change::put(&entry, i64::from(n), today)
    });
    index.apply(changes.collect(), 40).expect("it is indexed");
    index
});

fuzz_target!(|input: (Option<&str>, Option<&str>, &[u8])| {
    let (q, cursor, damage) = input;
    let viewer = Viewer::Public;
    let mut query = Query {
        q: q.map(str::to_owned),
        limit: Some(3),
        ..Query::default()
    };
    let snapshot = INDEX.snapshot();
    query.cursor = cursor.map(str::to_owned);
    let _ = snapshot.search(&query, &viewer);
    // A real cursor, and the same with bytes changed.
    query.cursor = None;
    let Ok(page) = snapshot.search(&query, &viewer) else {
        return;
    };
    let Some(next) = page.next else { return };
    query.cursor = Some(next.clone());
    assert!(
        snapshot.search(&query, &viewer).is_ok(),
        "a fresh cursor leads on"
    );
    let mut bytes = next.into_bytes();
    for pair in damage.chunks_exact(2) {
        let at = usize::from(pair[0]) % bytes.len();
        bytes[at] = pair[1];
    }
    if let Ok(damaged) = String::from_utf8(bytes) {
        query.cursor = Some(damaged);
        let _ = snapshot.search(&query, &viewer);
    }
});
