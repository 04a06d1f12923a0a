//! The index against a plain scan over the same documents: whatever is asked, both say the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::Visibility;
use lotse_search::{
    BoundingBox, Change, Direction, Document, Facet, Index, Near, Query, Snapshot, Sort, Viewer,
    limits,
};
use proptest::prelude::*;

use crate::common::{days, document, key, name_of};

const OWN: &str = "http://a.example/entries/own";
const WORDS: &[&str] = &[
    "asyl", "asylum", "berta", "beratung", "kurs", "kurse", "sprache", "spracher", "haus",
    "hausen", "xyz",
];
const FACETS: &[(Facet, &[&str])] = &[
    (Facet::Country, &["DE", "XK", "RS", "AL"]),
    (
        Facet::Topic,
        &["work", "health", "housing", "law", "school"],
    ),
    (Facet::Language, &["de", "en", "sq", "sr", "ar", "fa"]),
    (Facet::Phase, &["orient", "prepare", "arrive"]),
];

type Directory = BTreeMap<u128, Document>;

fn documents() -> impl Strategy<Value = Document> {
    let facets: Vec<_> = FACETS
        .iter()
        .map(|(facet, values)| {
            prop::collection::vec(0..values.len(), 0..3).prop_map(move |chosen| {
                (
                    *facet,
                    chosen.iter().map(|i| values[*i]).collect::<Vec<_>>(),
                )
            })
        })
        .collect();
    let words = prop::collection::vec(0..WORDS.len(), 0..4);
    let points = prop::collection::vec((-80_i32..=80, -18_i32..=18), 0..3);
    (
        (
            0_u128..40,
            0_u8..6,
            0_u8..3,
            0_i64..8,
            prop::option::of(0_i32..6),
        ),
        facets,
        words,
        points,
        0_u8..4,
    )
        .prop_map(
            |((id, name, visibility, modified, verified), facets, words, points, organisation)| {
                let text: Vec<&str> = words.iter().map(|i| WORDS[*i]).collect();
                let visibility = [
                    Visibility::Public,
                    Visibility::Network,
                    Visibility::Internal,
                ][usize::from(visibility)];
                let mut making = document(id, 0)
                    .name(
                        ["Ägypten", "aachen", "Zürich", "zug", "Übung", "Mitte"][usize::from(name)],
                    )
                    .visibility(visibility)
                    .text("und", &text.join(" "))
                    .organisation(&format!("http://a.example/entries/o{organisation}"))
                    .owned_by(if organisation == 0 {
                        OWN
                    } else {
                        "http://a.example/entries/theirs"
                    });
                for (facet, values) in facets {
                    for value in values {
                        making = making.value(facet, value);
                    }
                }
                for (lat, lon) in points {
                    making = making.point(lat as f32, lon as f32 * 10.0);
                }
                let mut document = making.done();
                document.modified = modified;
                document.verified = verified.map(|v| v * 100);
                document.available_until = verified.map(|v| v * 50);
                document
            },
        )
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<Document>),
    Remove(Vec<u128>),
    Settle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(documents(), 1..12).prop_map(Step::Put),
        2 => prop::collection::vec(0_u128..40, 1..5).prop_map(Step::Remove),
        1 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 1..12)
}

fn queries() -> impl Strategy<Value = Query> {
    let filters: Vec<_> = FACETS
        .iter()
        .map(|(facet, values)| {
            prop::option::weighted(0.25, prop::collection::vec(0..values.len(), 1..3)).prop_map(
                move |chosen| {
                    chosen.map(|chosen| {
                        (
                            *facet,
                            chosen
                                .iter()
                                .map(|i| Arc::from(values[*i]))
                                .collect::<Vec<Arc<str>>>(),
                        )
                    })
                },
            )
        })
        .collect();
    let q = prop::option::weighted(0.5, prop::collection::vec(0..WORDS.len(), 1..3)).prop_map(
        |words| {
            words.map(|words| {
                words
                    .iter()
                    .map(|i| WORDS[*i])
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        },
    );
    let near =
        prop::option::weighted(0.3, (-80_i32..=80, -180_i32..=180, 1_u32..9)).prop_map(|near| {
            near.map(|(lat, lon, r)| Near {
                lat: lat.into(),
                lon: lon.into(),
                radius_km: f64::from(r) * 900.0 + 0.5,
            })
        });
    let bbox = prop::option::weighted(0.2, (-180_i32..=180, -180_i32..=180)).prop_map(|bbox| {
        bbox.map(|(west, east)| BoundingBox {
            west: west.into(),
            south: -50.0,
            east: east.into(),
            north: 45.0,
        })
    });
    let dates = (
        prop::option::weighted(0.2, 0_i32..500),
        prop::option::weighted(0.2, 0_i32..300),
    );
    (filters, q, near, bbox, dates).prop_map(|(filters, q, near, bbox, (since, on))| {
        let date = |n: i32| {
            chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + chrono::Days::new(n as u64)
        };
        Query {
            q,
            filters: filters.into_iter().flatten().collect(),
            near,
            bbox,
            verified_since: since.map(date),
            available_on: on.map(date),
            limit: Some(limits::PAGE),
            ..Query::default()
        }
    })
}

fn viewers() -> impl Strategy<Value = Viewer> {
    prop_oneof![
        Just(Viewer::Public),
        Just(Viewer::Network { organisation: None }),
        Just(Viewer::Network {
            organisation: Some(OWN.into())
        }),
        Just(Viewer::Coordinator),
    ]
}

/// Distance in kilometres by the haversine formula.
fn distance(near: &Near, lat: f32, lon: f32) -> f64 {
    let (a, b) = (near.lat.to_radians(), f64::from(lat).to_radians());
    let dlon = (f64::from(lon) - near.lon).to_radians();
    let h = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (dlon / 2.0).sin().powi(2);
    2.0 * 6_371.008_8 * h.sqrt().clamp(0.0, 1.0).asin()
}

fn sees(viewer: &Viewer, document: &Document) -> bool {
    let owns = |uri: &Arc<str>| document.facets.contains(&(Facet::Owner, (&**uri).into()));
    match (viewer, document.visibility) {
        (_, Visibility::Public) | (Viewer::Coordinator, _) => true,
        (Viewer::Public, _) => false,
        (Viewer::Network { .. }, Visibility::Network) => true,
        (Viewer::Network { organisation }, Visibility::Internal) => {
            organisation.as_ref().is_some_and(owns)
        }
    }
}

fn one_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() {
        (&a, &b)
    } else {
        (&b, &a)
    };
    let front = short
        .iter()
        .zip(long.iter())
        .take_while(|(x, y)| x == y)
        .count();
    let (s, l) = (&short[front..], &long[front..]);
    match l.len() - s.len() {
        0 if s.is_empty() => false,
        0 => s[1..] == l[1..] || (s.len() > 1 && s[0] == l[1] && s[1] == l[0] && s[2..] == l[2..]),
        1 => *s == l[1..],
        _ => false,
    }
}

fn has_words(document: &Document, q: &str, typos: bool) -> bool {
    let text = &document.form.passages[0].text;
    q.split(' ').all(|wanted| {
        text.split(' ').any(|word| {
            word == wanted
                || (wanted.len() >= limits::PREFIX_LETTERS && word.starts_with(wanted))
                || (typos && wanted.len() >= limits::TYPO_LETTERS && one_apart(wanted, word))
        })
    })
}

/// Whether a document meets everything but the words and the filter on `except`.
fn meets(document: &Document, query: &Query, viewer: &Viewer, except: Option<Facet>) -> bool {
    let has =
        |facet: Facet, value: &Arc<str>| document.facets.contains(&(facet, (&**value).into()));
    sees(viewer, document)
        && query.filters.iter().all(|(facet, values)| {
            Some(*facet) == except || values.iter().any(|value| has(*facet, value))
        })
        && query
            .verified_since
            .is_none_or(|since| document.verified.is_some_and(|v| v >= days(since)))
        && query.available_on.is_none_or(|on| {
            document
                .available_until
                .is_none_or(|until| days(on) <= until)
        })
        && query.near.as_ref().is_none_or(|near| {
            document
                .points
                .iter()
                .any(|(lat, lon)| distance(near, *lat, *lon) <= near.radius_km)
        })
        && query.bbox.as_ref().is_none_or(|bbox| {
            document.points.iter().any(|(lat, lon)| {
                let (lat, lon) = (f64::from(*lat), f64::from(*lon));
                let between = if bbox.west <= bbox.east {
                    lon >= bbox.west && lon <= bbox.east
                } else {
                    lon >= bbox.west || lon <= bbox.east
                };
                between && lat >= bbox.south && lat <= bbox.north
            })
        })
}

/// Everything but radius decides whether typos are let in.
fn typos_needed(directory: &Directory, query: &Query, viewer: &Viewer) -> bool {
    let Some(q) = &query.q else { return false };
    let bare = Query {
        near: None,
        ..query.clone()
    };
    let exact = directory
        .values()
        .filter(|d| meets(d, &bare, viewer, None) && has_words(d, q, false))
        .count();
    (exact as u64) < limits::TYPO_BELOW
}

fn answers(
    directory: &Directory,
    query: &Query,
    viewer: &Viewer,
    except: Option<Facet>,
) -> Vec<u128> {
    let typos = typos_needed(directory, query, viewer);
    directory
        .iter()
        .filter(|(_, d)| {
            meets(d, query, viewer, except)
                && query.q.as_ref().is_none_or(|q| has_words(d, q, typos))
        })
        .map(|(id, _)| *id)
        .collect()
}

fn ids(snapshot: &Snapshot, query: &Query, viewer: &Viewer) -> Vec<u128> {
    let page = snapshot.search(query, viewer).unwrap();
    let ids: Vec<u128> = page
        .hits
        .iter()
        .map(|hit| snapshot.describe(hit, viewer).unwrap().id.0.as_u128() & 0xffff)
        .collect();
    assert_eq!(ids.len() as u64, page.total);
    ids
}

fn run(steps: Vec<Step>) -> (Index, Directory) {
    let index = Index::open(None, "g").unwrap();
    let mut directory = Directory::new();
    let mut arrival = 0;
    // Nothing is reached before the first change; steps that change nothing would be waited for in vain.
    index.apply(Vec::new(), arrival).unwrap();
    for step in steps {
        let changes: Vec<Change> = match step {
            Step::Settle => {
                index.settle();
                continue;
            }
            Step::Put(documents) => documents
                .into_iter()
                .map(|mut document| {
                    arrival += 1;
                    document.arrival = arrival;
                    directory.insert(document.key.id.0.as_u128() & 0xffff, document.clone());
                    Change::Put(Box::new(document))
                })
                .collect(),
            Step::Remove(ids) => ids
                .into_iter()
                .map(|id| {
                    arrival += 1;
                    directory.remove(&id);
                    Change::Remove {
                        key: key(id),
                        arrival,
                    }
                })
                .collect(),
        };
        index.apply(changes, arrival).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(20), index.text_reached(arrival))
            .await
            .unwrap()
    });
    (index, directory)
}

fn sort_key(document: &Document) -> (Vec<u8>, u128) {
    let folded = match document.name.as_str() {
        "Ägypten" => "agypten",
        "Zürich" => "zurich",
        "Übung" => "ubung",
        "Mitte" => "mitte",
        other => other,
    };
    (folded.into(), document.key.id.0.as_u128())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn lists_facets_and_coverage_say_what_a_plain_scan_says(
        steps in steps(),
        asked in prop::collection::vec((queries(), viewers()), 1..12),
    ) {
        let (index, directory) = run(steps);
        let snapshot = index.snapshot();
        prop_assert_eq!(snapshot.len(), directory.len() as u64);
        prop_assert_eq!(snapshot.text_len(), directory.len() as u64);
        for (query, viewer) in asked {
            let mut expected = answers(&directory, &query, &viewer, None);
            expected.sort_by_key(|id| sort_key(&directory[id]));
            let by_name = Query { sort: Some(Sort::Name(Direction::Ascending)), ..query.clone() };
            prop_assert_eq!(&ids(&snapshot, &by_name, &viewer), &expected, "{:?} {:?}", query, viewer);

            let backwards = Query { sort: Some(Sort::Name(Direction::Descending)), ..query.clone() };
            let reversed: Vec<u128> = expected.iter().rev().copied().collect();
            prop_assert_eq!(ids(&snapshot, &backwards, &viewer), reversed);

            let newest = Query { sort: Some(Sort::Modified(Direction::Descending)), ..query.clone() };
            let mut by_time = expected.clone();
            by_time.sort_by_key(|id| std::cmp::Reverse((directory[id].modified, *id)));
            prop_assert_eq!(ids(&snapshot, &newest, &viewer), by_time);

            let export: Vec<String> = snapshot.export(&query, &viewer).unwrap().map(|hit| name_of(&hit.json)).collect();
            let names: Vec<String> = expected.iter().map(|id| directory[id].name.clone()).collect();
            prop_assert_eq!(export, names);

            let sorted: BTreeSet<u128> = expected.iter().copied().collect();
            let ranked: BTreeSet<u128> = ids(&snapshot, &query, &viewer).into_iter().collect();
            if query.q.is_none() || query.near.is_none() {
                prop_assert_eq!(&ranked, &sorted, "{:?}", query);
            }
            facets_agree(&snapshot, &directory, &query, &viewer)?;
            coverage_agrees(&snapshot, &directory, &query, &viewer)?;
        }
        coverage_agrees(&snapshot, &directory, &Query::default(), &Viewer::Public)?;
    }

    #[test]
    fn an_unchanged_entry_appears_exactly_once_while_others_change(
        before in prop::collection::vec(documents(), 20..60),
        changes in prop::collection::vec(prop::collection::vec((0_u128..40, prop::option::of(documents())), 0..6), 1..8),
        sort in prop_oneof![
            Just(Sort::Name(Direction::Ascending)), Just(Sort::Name(Direction::Descending)),
            Just(Sort::Modified(Direction::Ascending)), Just(Sort::Modified(Direction::Descending)),
            Just(Sort::Verified(Direction::Ascending)), Just(Sort::Verified(Direction::Descending)),
        ],
        limit in 1_usize..7,
    ) {
        let (index, directory) = run(vec![Step::Put(before)]);
        let mut touched: BTreeSet<u128> = BTreeSet::new();
        let mut seen: HashMap<u128, u32> = HashMap::new();
        let mut changes = changes.into_iter();
        let mut query = Query { sort: Some(sort), limit: Some(limit), ..Query::default() };
        loop {
            let snapshot = index.snapshot();
            let page = snapshot.search(&query, &Viewer::Coordinator).unwrap();
            for hit in &page.hits {
                *seen.entry(snapshot.describe(hit, &Viewer::Coordinator).unwrap().id.0.as_u128() & 0xffff).or_default() += 1;
            }
            let Some(next) = page.next else { break };
            query.cursor = Some(next);
            for (id, document) in changes.next().into_iter().flatten() {
                let through = index.arrival() + 1;
                let change = match document {
                    None => {
                        touched.insert(id);
                        Change::Remove { key: key(id), arrival: through }
                    }
                    Some(mut document) => {
                        touched.insert(document.key.id.0.as_u128() & 0xffff);
                        document.arrival = through;
                        Change::Put(Box::new(document))
                    }
                };
                index.apply(vec![change], through).unwrap();
            }
        }
        for id in directory.keys().filter(|id| !touched.contains(id)) {
            prop_assert_eq!(seen.get(id), Some(&1), "{}", id);
        }
    }
}

fn facets_agree(
    snapshot: &Snapshot,
    directory: &Directory,
    query: &Query,
    viewer: &Viewer,
) -> Result<(), TestCaseError> {
    let wanted = vec![Facet::Country, Facet::Topic, Facet::Organisation];
    let sort = Some(Sort::Name(Direction::Ascending));
    let page = snapshot
        .search(
            &Query {
                facets: wanted,
                sort,
                ..query.clone()
            },
            viewer,
        )
        .unwrap();
    for counts in page.facets {
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        // Whether typos count is decided by the whole query, also for the facet's own filter left out.
        let typos = typos_needed(directory, query, viewer);
        for document in directory.values() {
            let matches = query
                .q
                .as_ref()
                .is_none_or(|q| has_words(document, q, typos));
            if matches && meets(document, query, viewer, Some(counts.facet)) {
                let values: BTreeSet<_> = document
                    .facets
                    .iter()
                    .filter(|(facet, _)| *facet == counts.facet)
                    .map(|(_, value)| value)
                    .collect();
                for value in values {
                    *expected.entry(value.to_string()).or_default() += 1;
                }
            }
        }
        let found: BTreeMap<String, u64> = counts
            .values
            .iter()
            .map(|(value, count)| (value.to_string(), *count))
            .collect();
        prop_assert_eq!(found, expected, "{:?} {:?}", counts.facet, query);
    }
    Ok(())
}

/// Offers, and the organisations that have them.
type Cell = (u32, BTreeSet<Arc<str>>);
type Cells = BTreeMap<(String, String), (u32, u32)>;

fn naive_coverage(
    directory: &Directory,
    query: &Query,
    viewer: &Viewer,
    rows: Facet,
    cols: Facet,
) -> Cells {
    let mut cells: BTreeMap<(String, String), Cell> = BTreeMap::new();
    for id in answers(directory, query, viewer, None) {
        let document = &directory[&id];
        let values = |wanted: Facet| -> BTreeSet<String> {
            document
                .facets
                .iter()
                .filter(|(facet, _)| *facet == wanted)
                .map(|(_, value)| value.to_string())
                .collect()
        };
        for row in values(rows) {
            for col in values(cols) {
                let cell = cells.entry((row.clone(), col)).or_default();
                cell.0 += 1;
                cell.1.extend(document.organisation.clone());
            }
        }
    }
    cells
        .into_iter()
        .map(|(pair, (offers, organisations))| (pair, (offers, organisations.len() as u32)))
        .collect()
}

fn coverage_agrees(
    snapshot: &Snapshot,
    directory: &Directory,
    query: &Query,
    viewer: &Viewer,
) -> Result<(), TestCaseError> {
    for (rows, cols) in [
        (Facet::Country, Facet::Topic),
        (Facet::Language, Facet::Organisation),
    ] {
        let matrix = snapshot.coverage(query, rows, cols, viewer).unwrap();
        let found: Cells = matrix
            .cells()
            .map(|c| {
                (
                    (c.row.to_string(), c.col.to_string()),
                    (c.offers, c.organisations),
                )
            })
            .collect();
        prop_assert_eq!(
            found,
            naive_coverage(directory, query, viewer, rows, cols),
            "{:?}",
            query
        );
    }
    Ok(())
}
