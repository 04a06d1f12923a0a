//! The life of a standard, and what writing an entry may change of it.

use domain::kinds::StandardState;
use domain::quality::{check_change, check_successor};
use domain::{EntryId, Kind, Reason};
use serde_json::json;

use super::{found, other_json, shipped_json, standard};
use crate::store::{NEW, PARTNER, SPARE, STANDARD, Store, coordinator, example_with, told};

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

/// Another version of the example, in the place of `supersedes`.
fn version(number: &str, supersedes: Option<EntryId>) -> serde_json::Value {
    example_with(
        Kind::QualityStandard,
        &json!({"owner": PARTNER, "content": {"standard_version": number, "supersedes": supersedes}}),
    )
}

#[test]
fn a_version_takes_the_place_of_an_earlier_one_and_never_its_own() {
    let mut store = Store::new();
    let (first, second) = (NEW, SPARE);
    let mut write = |id, draft| store.create(id, Kind::QualityStandard, &draft, &coordinator());
    write(first, version("1.0.0", None)).unwrap();
    let refused = |result: Result<_, domain::Refusal>| told(result.unwrap_err()).1;
    let at = |code: &str| vec![("/content/supersedes".to_owned(), code.to_owned())];
    assert_eq!(
        refused(write(second, version("1.0.0", Some(first)))),
        at("not_a_later_version")
    );
    write(second, version("1.1.0", Some(first))).unwrap();
    // The first is in use by now, so that its fields stay; that it would make a circle is said as well.
    let patch = domain::Command::Patch {
        kind: Kind::QualityStandard,
        id: first,
        patch: json!({"content": {"supersedes": second}}),
        expected: domain::Precondition::Exists,
    };
    let found = refused(store.apply(&coordinator(), patch));
    for code in [
        "standard_immutable",
        "supersession_circle",
        "not_a_later_version",
    ] {
        assert!(found.contains(&at(code)[0]), "{code} in {found:?}");
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
    bare.as_object_mut().unwrap().remove("scoring");
    bare.as_object_mut().unwrap().remove("validity");
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
