//! The life of a standard, and what writing an entry may change of it.

use std::collections::BTreeMap;

use domain::kinds::StandardState;
use domain::quality::{check_change, check_successor, supersession_circle};
use domain::{Kind, Reason};
use proptest::prelude::*;
use serde_json::json;

use super::{found, other_json, shipped_json, standard};
use crate::store::{NEW, PARTNER, STANDARD, Store, coordinator, example_with, told};

#[test]
fn a_version_goes_forward_only_and_stays_as_it_is_once_it_is_out_or_in_use() {
    use StandardState::{Draft, Published, Superseded};
    let forward = [
        (Draft, Draft),
        (Draft, Published),
        (Draft, Superseded),
        (Published, Published),
        (Published, Superseded),
        (Superseded, Superseded),
    ];
    for from in [Draft, Published, Superseded] {
        for to in [Draft, Published, Superseded] {
            for (is_used, is_changed) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                let mut current = standard(&shipped_json());
                current.state = from;
                let mut next = current.clone();
                next.state = to;
                if is_changed {
                    next.dimensions[0].criteria[0].weight = Some(3);
                }
                let mut expected = Vec::new();
                if !forward.contains(&(from, to)) {
                    expected.push(("/state", "standard_state_goes_back"));
                }
                if is_changed && (is_used || from != Draft) {
                    expected.push(("/dimensions", "standard_immutable"));
                }
                assert_eq!(
                    found(&check_change(&current, &next, is_used)),
                    expected,
                    "{from:?} {to:?} {is_used}"
                );
            }
        }
    }
}

#[test]
fn a_successor_is_a_later_version_of_the_same_standard() {
    let current = standard(&shipped_json());
    let mut next = current.clone();
    next.standard_version = "1.0.0".to_owned();
    assert_eq!(check_successor(&current, &next), []);
    assert_eq!(
        found(&check_successor(&next, &current)),
        [("/standard_version", "not_a_later_version")]
    );
    assert_eq!(
        found(&check_successor(&current, &current)),
        [("/standard_version", "not_a_later_version")]
    );
    let other = standard(&other_json());
    assert_eq!(
        found(&check_successor(&current, &other)),
        [("/code", "other_standard")]
    );
}

#[test]
fn a_circle_of_versions_is_named() {
    let others = BTreeMap::from([(2, 1), (1, 3), (8, 9), (9, 8)]);
    assert_eq!(supersession_circle(&3, &2, &others), Some(vec![3, 2, 1, 3]));
    assert_eq!(supersession_circle(&4, &2, &others), None);
    assert_eq!(supersession_circle(&5, &5, &others), Some(vec![5, 5]));
    assert_eq!(
        supersession_circle(&5, &8, &others),
        None,
        "a circle of others is not this one's"
    );
}

proptest! {
    #[test]
    fn without_a_circle_every_way_ends(supersedes in prop::collection::btree_map(0..12_u8, 0..12_u8, 0..12)) {
        for (standard, predecessor) in &supersedes {
            let mut at = *predecessor;
            let mut steps = 0;
            let comes_back = loop {
                if at == *standard { break true }
                steps += 1;
                match supersedes.get(&at) {
                    Some(next) if steps < 20 => at = *next,
                    _ => break false,
                }
            };
            prop_assert_eq!(supersession_circle(standard, predecessor, &supersedes).is_some(), comes_back);
        }
    }
}

#[test]
fn a_standard_that_an_assessment_answers_to_cannot_be_changed_but_published() {
    let mut store = Store::new();
    let replace = |store: &mut Store, patch| {
        let mut draft = example_with(Kind::QualityStandard, &json!({"owner": PARTNER}));
        json_patch::merge(&mut draft, &patch);
        let draft = crate::store::parse(Kind::QualityStandard, &draft).unwrap();
        let command = domain::Command::Replace {
            id: STANDARD,
            draft,
            expected: domain::Precondition::Exists,
        };
        store.apply(&coordinator(), command)
    };
    let (reason, violations) =
        told(replace(&mut store, json!({"content": {"code": "another"}})).unwrap_err());
    assert_eq!(reason, Reason::Invalid);
    assert_eq!(
        violations,
        [("/content/code".to_owned(), "standard_immutable".to_owned())]
    );
    // What nobody uses may change.
    store
        .create(
            NEW,
            Kind::QualityStandard,
            &example_with(Kind::QualityStandard, &json!({"owner": PARTNER})),
            &coordinator(),
        )
        .unwrap();
    let patch = domain::Command::Patch {
        kind: Kind::QualityStandard,
        id: NEW,
        patch: json!({"content": {"code": "another"}}),
        expected: domain::Precondition::Exists,
    };
    assert!(store.apply(&coordinator(), patch).is_ok());
}

#[test]
fn a_published_standard_has_a_rule_and_one_that_contradicts_itself_is_not_written() {
    let mut store = Store::new();
    let mut write = |content| {
        let draft = json!({"owner": PARTNER, "content": content});
        told(
            store
                .create(NEW, Kind::QualityStandard, &draft, &coordinator())
                .unwrap_err(),
        )
        .1
    };
    let mut bare = example_with(Kind::QualityStandard, &json!({}))["content"].clone();
    bare["state"] = json!("published");
    assert!(write(bare).contains(&(
        "/content/scoring/parameters".to_owned(),
        "required".to_owned()
    )));
    let mut contradicting = other_json();
    contradicting["scoring"]["parameters"]["evidence_cap"]["effective_rating"] = json!(1);
    let place = "/content/scoring/parameters/evidence_cap/effective_rating".to_owned();
    assert_eq!(write(contradicting), [(place, "contradiction".to_owned())]);
    let draft = json!({"owner": PARTNER, "content": shipped_json()});
    assert!(
        store
            .create(NEW, Kind::QualityStandard, &draft, &coordinator())
            .is_ok()
    );
}
