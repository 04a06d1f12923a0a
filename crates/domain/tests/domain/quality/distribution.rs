//! Distributions, and what nobody may learn from them.

use std::collections::{BTreeMap, BTreeSet};

use domain::kinds::{Answer, AssessmentResult};
use domain::quality::{
    Contribution, MIN_CHANGED, Renewal, Rule, Snapshot, newest_per_organisation, renew, shown_cells,
};
use proptest::prelude::*;
use serde_json::json;

use super::{answer, date, other_json, rule};

/// What an organisation adds that has this level in the first dimension and this rating of its first criterion.
fn contribution(organisation: u8, published_on: &str, level: &str, rating: i32) -> Contribution {
    let result: AssessmentResult = serde_json::from_value(json!({
        "published_on": published_on, "valid_until": "2030-01-01", "archived_from": "2031-01-01", "reassess_from": "2029-11-01", "method": "self",
        "standard_code": "meeting-places", "standard_version": "2.1.0", "standard_is_draft": false,
        "dimensions": [
            {"id": "M1", "outcome": "scored", "mean": "3.5", "level": level, "in_scope": 2, "not_applicable": 0, "rated": 2},
            {"id": "M2", "outcome": "not_in_scope", "in_scope": 0, "not_applicable": 0, "rated": 0},
        ],
    }))
    .unwrap();
    let answers: BTreeMap<String, Answer> = [(
        "M1.1".to_owned(),
        answer(&json!(rating), 0, date("2026-01-01")),
    )]
    .into();
    Contribution::new(format!("https://{organisation}.example"), &result, &answers)
}

fn published(renewal: Renewal) -> Option<Snapshot> {
    match renewal {
        Renewal::Keep => None,
        Renewal::Publish(snapshot) => Some(*snapshot),
    }
}

fn snapshot(rule: &Rule, current: &[Contribution]) -> Option<Snapshot> {
    published(renew(None, rule, current, date("2026-11-22")))
}

#[test]
fn fewer_than_five_organisations_are_withheld() {
    let rule = rule(&other_json());
    let many: Vec<Contribution> = (0..12)
        .map(|n| contribution(n, "2026-01-01", if n < 4 { "open" } else { "ajar" }, 3))
        .collect();
    for count in 0..5 {
        assert_eq!(snapshot(&rule, &many[..count]), None, "{count}");
    }
    let shown = snapshot(&rule, &many).unwrap().distribution;
    assert_eq!(shown.organisations, 12);
    let cells: Vec<(&str, Option<u32>)> = shown.dimensions[0]
        .cells
        .iter()
        .map(|it| (it.code.as_str(), it.count))
        .collect();
    assert_eq!(
        cells,
        [
            ("closed", Some(0)),
            ("ajar", Some(8)),
            ("open", Some(4)),
            ("incomplete", Some(0)),
            ("not_in_scope", Some(0))
        ]
    );
    assert!(
        shown.dimensions[1].cells.is_empty(),
        "all stand alike: that would tell everybody's"
    );
    assert!(
        shown.criteria.iter().all(|row| row.cells.is_empty()),
        "alike, or known of nobody"
    );
}

#[test]
fn the_newest_assessment_of_each_organisation_counts_in_whatever_order_they_come() {
    let all = [
        contribution(1, "2026-01-01", "open", 3),
        contribution(1, "2026-02-01", "ajar", 3),
        contribution(2, "2026-02-01", "open", 3),
        contribution(2, "2026-02-01", "closed", 3),
    ];
    let newest = newest_per_organisation(all.clone());
    assert_eq!(newest.len(), 2);
    assert_eq!(newest[0], all[1]);
    let mut turned = all.to_vec();
    turned.reverse();
    assert_eq!(newest_per_organisation(turned), newest);
}

/// Every row that would be shown in the same way, for a reader who knows how many organisations there are.
fn alike(counts: &[u32]) -> Vec<Vec<u32>> {
    let total: u32 = counts.iter().sum();
    let shown = shown_cells(counts);
    let mut found = Vec::new();
    let mut row = vec![0; counts.len()];
    fn fill(row: &mut Vec<u32>, at: usize, left: u32, visit: &mut impl FnMut(&[u32])) {
        if at + 1 == row.len() {
            row[at] = left;
            visit(row);
            return;
        }
        for count in 0..=left {
            row[at] = count;
            fill(row, at + 1, left - count, visit);
        }
    }
    fill(&mut row, 0, total, &mut |row| {
        if shown_cells(row) == shown {
            found.push(row.to_vec());
        }
    });
    found
}

#[test]
fn no_hidden_cell_can_be_calculated_from_what_is_shown() {
    for cells in 2..=4_usize {
        for total in 5..=11_u32 {
            let mut seen = BTreeSet::new();
            let mut row = vec![0_u32; cells];
            // All rows of this total: counted up like a number whose digits go to `total`.
            loop {
                if row.iter().sum::<u32>() == total && seen.insert(row.clone()) {
                    let same = alike(&row);
                    match shown_cells(&row) {
                        None => assert!(
                            same.len() >= cells,
                            "{row:?}: which cell holds everybody stays open"
                        ),
                        Some(shown) => {
                            for (at, cell) in shown.iter().enumerate() {
                                let possible: BTreeSet<u32> =
                                    same.iter().map(|row| row[at]).collect();
                                match cell {
                                    Some(count) => assert!(*count == 0 || *count >= 3, "{row:?}"),
                                    None => assert!(
                                        possible.len() > 1,
                                        "{row:?} {shown:?}: cell {at} is {possible:?}"
                                    ),
                                }
                            }
                        }
                    }
                }
                let Some(at) = row.iter().position(|count| *count < total) else {
                    break;
                };
                row[at] += 1;
                row[..at].fill(0);
            }
        }
    }
}

/// How each of some organisations stands, or that it does not take part.
fn state() -> impl Strategy<Value = Vec<Option<(u8, u8)>>> {
    prop::collection::vec(prop::option::weighted(0.9, (0..3_u8, 1..=2_u8)), 9)
}

fn contributions(state: &[Option<(u8, u8)>]) -> Vec<Contribution> {
    let levels = ["closed", "ajar", "open"];
    state
        .iter()
        .zip(0_u8..)
        .filter_map(|(it, n)| {
            it.map(|(level, rating)| {
                contribution(
                    n,
                    "2026-01-01",
                    levels[usize::from(level)],
                    i32::from(rating),
                )
            })
        })
        .collect()
}

proptest! {
    #[test]
    fn any_two_snapshots_differ_in_at_least_five_organisations(
        first in state(),
        // Each step changes a few organisations, and now and then goes back to an earlier state.
        steps in prop::collection::vec((prop::collection::vec((0..9_usize, prop::option::of((0..3_u8, 1..=2_u8))), 1..7), prop::option::weighted(0.3, any::<prop::sample::Index>())), 1..30),
    ) {
        let rule = rule(&other_json());
        let mut states = vec![first];
        let mut last: Option<Snapshot> = None;
        let mut shown: Vec<Vec<Option<(u8, u8)>>> = Vec::new();
        for (changes, back) in steps {
            let mut state = match back {
                Some(back) => states[back.index(states.len())].clone(),
                None => states.last().unwrap().clone(),
            };
            for (at, to) in changes {
                state[at] = to;
            }
            let current = contributions(&state);
            if let Some(snapshot) = published(renew(last.as_ref(), &rule, &current, date("2026-11-22"))) {
                prop_assert!(current.len() >= 5);
                for earlier in &shown {
                    let differ = earlier.iter().zip(&state).filter(|(a, b)| a != b).count();
                    prop_assert!(differ >= MIN_CHANGED, "{differ} differ between two looks");
                }
                shown.push(state.clone());
                // As it is stored and read again.
                let json = serde_json::to_string(&snapshot).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Snapshot>(&json).unwrap(), &snapshot);
                last = Some(snapshot);
            } else if last.is_none() {
                prop_assert!(current.len() < 5, "the first is shown as soon as there are five");
            }
            states.push(state);
        }
    }

    #[test]
    fn the_order_of_organisations_plays_no_part(state in state(), by in 0..9_usize) {
        let rule = rule(&other_json());
        let one = contributions(&state);
        let mut turned = one.clone();
        if !turned.is_empty() {
            let count = turned.len();
            turned.rotate_left(by % count);
        }
        prop_assert_eq!(snapshot(&rule, &one), snapshot(&rule, &turned));
    }
}
