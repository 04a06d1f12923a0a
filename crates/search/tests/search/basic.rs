//! The index from opening to searching, through its public interface alone.

use std::time::Duration;

use lotse_search::{Change, Direction, Facet, Index, Near, Query, QueryError, Sort, Viewer};

use crate::common::{day, document, key, name_of};

fn text(q: &str) -> Query {
    Query {
        q: Some(q.to_owned()),
        ..Query::default()
    }
}

fn put(changes: Vec<lotse_search::Document>) -> Vec<Change> {
    changes
        .into_iter()
        .map(|document| Change::Put(Box::new(document)))
        .collect()
}

async fn index_with(documents: Vec<lotse_search::Document>) -> Index {
    let index = Index::open(None, "g").unwrap();
    let through = documents.iter().map(|d| d.arrival).max().unwrap_or(0);
    index.apply(put(documents), through).unwrap();
    index.reached(through).await;
    tokio::time::timeout(Duration::from_secs(10), index.text_reached(through))
        .await
        .unwrap();
    index
}

fn names(index: &Index, query: &Query, viewer: &Viewer) -> Vec<String> {
    let page = index.snapshot().search(query, viewer).unwrap();
    page.hits.iter().map(|hit| name_of(&hit.json)).collect()
}

#[tokio::test]
async fn a_word_finds_its_forms_its_beginnings_and_its_typos_in_that_order() {
    let index = index_with(vec![
        document(1, 1)
            .name("Beratungsstelle")
            .text("de", "Beratungsstelle")
            .done(),
        document(2, 2)
            .name("Beratungen")
            .text("de", "Beratungen im Haus")
            .done(),
        document(3, 3)
            .name("Beratnug")
            .text("de", "Beratnug")
            .done(),
        document(4, 4).name("Haus").text("de", "Haus").done(),
    ])
    .await;
    assert_eq!(
        names(&index, &text("beratung"), &Viewer::Public),
        ["Beratungen", "Beratungsstelle", "Beratnug"]
    );
    assert_eq!(
        names(&index, &text("Beratung Haus"), &Viewer::Public),
        ["Beratungen"]
    );
    assert_eq!(
        names(&index, &text("hausboot"), &Viewer::Public),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn nobody_finds_by_words_that_they_may_not_read() {
    let own = "http://a.example/entries/00000000-0000-7000-8000-000000000063";
    let index = index_with(vec![
        document(1, 1)
            .name("Open")
            .text("en", "language course")
            .network("en", "language course password")
            .owner("en", "language course password budget")
            .owned_by(own)
            .done(),
    ])
    .await;
    let partner = Viewer::Network {
        organisation: Some("http://a.example/entries/other".into()),
    };
    let mine = Viewer::Network {
        organisation: Some(own.into()),
    };
    for (viewer, password, budget) in [
        (Viewer::Public, 0, 0),
        (partner, 1, 0),
        (mine, 1, 1),
        (Viewer::Coordinator, 1, 1),
    ] {
        let found = |q: &str| names(&index, &text(q), &viewer).len();
        assert_eq!(
            (found("course"), found("password"), found("budget")),
            (1, password, budget),
            "{viewer:?}"
        );
        assert_eq!(found("budget course"), budget, "{viewer:?}");
        assert_eq!(found("course budget password"), budget, "{viewer:?}");
    }
}

#[tokio::test]
async fn a_change_replaces_what_was_there_and_a_removal_takes_it_away() {
    let index = index_with(vec![document(1, 1).name("Old").text("en", "apple").done()]).await;
    index
        .apply(
            put(vec![document(1, 2).name("New").text("en", "pear").done()]),
            2,
        )
        .unwrap();
    index.text_reached(2).await;
    assert_eq!(names(&index, &Query::default(), &Viewer::Public), ["New"]);
    assert!(names(&index, &text("apple"), &Viewer::Public).is_empty());
    assert_eq!(names(&index, &text("pear"), &Viewer::Public), ["New"]);
    index
        .apply(
            vec![Change::Remove {
                key: key(1),
                arrival: 3,
            }],
            3,
        )
        .unwrap();
    index.text_reached(3).await;
    let snapshot = index.snapshot();
    assert!(snapshot.is_empty() && snapshot.get(&key(1), &Viewer::Coordinator).is_none());
    assert!(names(&index, &text("pear"), &Viewer::Coordinator).is_empty());
    assert_eq!((snapshot.arrival(), snapshot.text_len()), (3, 0));
}

#[tokio::test]
async fn what_is_hidden_is_not_there() {
    let index = index_with(vec![
        document(1, 1)
            .name("Secret")
            .visibility(domain::Visibility::Internal)
            .value(Facet::Topic, "work")
            .done(),
        document(2, 2)
            .name("Open")
            .value(Facet::Topic, "work")
            .done(),
    ])
    .await;
    let query = Query {
        facets: vec![Facet::Topic],
        ..Query::default()
    };
    let snapshot = index.snapshot();
    let page = snapshot.search(&query, &Viewer::Public).unwrap();
    assert_eq!((page.total, page.facets[0].values[0].1), (1, 1));
    assert!(snapshot.get(&key(1), &Viewer::Public).is_none());
    assert!(
        snapshot
            .get(&key(1), &Viewer::Network { organisation: None })
            .is_none()
    );
    assert!(snapshot.get(&key(1), &Viewer::Coordinator).is_some());
    let matrix = snapshot
        .coverage(
            &Query::default(),
            Facet::Kind,
            Facet::Topic,
            &Viewer::Public,
        )
        .unwrap();
    assert_eq!(matrix.offers.iter().sum::<u32>(), 1);
}

#[tokio::test]
async fn the_text_index_resumes_after_what_it_holds_and_another_generation_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let load = |generation: &'static str, documents: Vec<lotse_search::Document>, through: i64| {
        let folder = folder.path().to_owned();
        async move {
            let index = Index::open(Some(&folder), generation).unwrap();
            let mut loader = index.load().unwrap();
            for change in put(documents) {
                loader.push(change).unwrap();
            }
            loader.finish(through).unwrap();
            index.text_reached(through).await;
            index
        }
    };
    let index = load("g1", vec![document(1, 1).text("en", "apple").done()], 1).await;
    assert_eq!(index.snapshot().text_len(), 1);
    drop(index);
    // The row that it knows would give another word now: that it is not found shows that it was not indexed again.
    let rows = vec![
        document(1, 1).text("en", "cherry").done(),
        document(2, 2).text("en", "pear").done(),
    ];
    let index = load("g1", rows.clone(), 2).await;
    assert_eq!(names(&index, &text("apple"), &Viewer::Public).len(), 1);
    assert_eq!(names(&index, &text("pear"), &Viewer::Public).len(), 1);
    assert_eq!(names(&index, &text("cherry"), &Viewer::Public).len(), 0);
    drop(index);
    let index = load("g2", rows, 2).await;
    assert_eq!(names(&index, &text("cherry"), &Viewer::Public).len(), 1);
    assert_eq!(names(&index, &text("apple"), &Viewer::Public).len(), 0);
}

#[tokio::test]
async fn a_cursor_of_another_question_or_viewer_is_refused() {
    let index = index_with(
        (1..=5)
            .map(|i| document(i, i as i64).name(&format!("N{i}")).done())
            .collect(),
    )
    .await;
    let snapshot = index.snapshot();
    let query = Query {
        limit: Some(2),
        ..Query::default()
    };
    let next = snapshot.search(&query, &Viewer::Public).unwrap().next;
    let go_on = Query {
        cursor: next.clone(),
        ..query.clone()
    };
    assert!(snapshot.search(&go_on, &Viewer::Public).is_ok());
    assert_eq!(
        snapshot.search(&go_on, &Viewer::Coordinator).unwrap_err(),
        QueryError::Cursor
    );
    let other = Query {
        sort: Some(Sort::Name(Direction::Descending)),
        cursor: next,
        ..query
    };
    assert_eq!(
        snapshot.search(&other, &Viewer::Public).unwrap_err(),
        QueryError::Cursor
    );
}

#[tokio::test]
async fn the_nearest_come_first_with_their_distance() {
    let index = index_with(vec![
        document(1, 1).name("Kassel").point(51.31, 9.48).done(),
        document(2, 2)
            .name("Fulda")
            .point(50.55, 9.68)
            .point(51.30, 9.49)
            .done(),
        document(3, 3).name("Pristina").point(42.66, 21.17).done(),
    ])
    .await;
    let query = Query {
        near: Some(Near {
            lat: 51.31,
            lon: 9.48,
            radius_km: 100.0,
        }),
        ..Query::default()
    };
    let page = index.snapshot().search(&query, &Viewer::Public).unwrap();
    assert_eq!(names(&index, &query, &Viewer::Public), ["Kassel", "Fulda"]);
    assert_eq!(page.total, 2, "an entry with two points counts once");
    assert!(page.hits[1].distance_km.unwrap() < 2.0);
    let by_name = Query {
        sort: Some(Sort::Name(Direction::Ascending)),
        ..query
    };
    let page = index.snapshot().search(&by_name, &Viewer::Public).unwrap();
    assert!(page.hits[0].distance_km.unwrap() < 2.0);
    assert_eq!(
        names(&index, &by_name, &Viewer::Public),
        ["Fulda", "Kassel"]
    );
}

#[tokio::test]
async fn dates_filter_what_is_verified_and_what_is_there() {
    let index = index_with(vec![
        document(1, 1).name("Never").done(),
        document(2, 2)
            .name("Old")
            .verified("2024-01-01")
            .until("2024-12-31")
            .done(),
        document(3, 3).name("New").verified("2026-01-01").done(),
    ])
    .await;
    let since = Query {
        verified_since: Some(day("2025-01-01")),
        ..Query::default()
    };
    assert_eq!(names(&index, &since, &Viewer::Public), ["New"]);
    let on = Query {
        available_on: Some(day("2025-01-01")),
        ..Query::default()
    };
    assert_eq!(names(&index, &on, &Viewer::Public), ["Never", "New"]);
    let oldest = Query {
        sort: Some(Sort::Verified(Direction::Ascending)),
        ..Query::default()
    };
    assert_eq!(
        names(&index, &oldest, &Viewer::Public),
        ["Never", "Old", "New"]
    );
}
