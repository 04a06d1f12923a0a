//! What is wrong with an answer, and what is missing when an assessment is submitted.

use domain::kinds::{SelfAssessment, StandardState};
use domain::quality::{Rule, Scope, check_answers, gaps};
use domain::{Checker, Kind};
use serde_json::{Value, json};

use super::{
    answer, assessment, complete, date, everywhere, found, organisation, other_json, rule, shipped,
    shipped_json,
};
use crate::store::{NEW, PARTNER, Store, coordinator, example_with, told};

const DAY: &str = "2026-11-22";

fn violations(rule: &Rule, scope: &Scope, assessment: &SelfAssessment) -> Vec<(String, String)> {
    let origin = "http://127.0.0.1:8080".parse().unwrap();
    let mut c = Checker::new(&origin, date(DAY));
    c.field("content", |c| check_answers(rule, scope, assessment, c));
    let owned = |it: domain::Violation| (it.pointer, it.code.into_owned());
    c.finish().0.into_iter().map(owned).collect()
}

#[test]
fn each_wrong_answer_has_its_own_code_and_place() {
    let evidence = |patch: Value| {
        let mut item = json!({"type": "concept", "title": "x", "date": "2026-01-01"});
        json_patch::merge(&mut item, &patch);
        item
    };
    let item = evidence(json!({}));
    let rule = shipped();
    let cases = [
        ("D9.9", json!({"rating": 1}), "", "unknown_criterion"),
        ("D5.4", json!({"rating": 1}), "", "criterion_out_of_scope"),
        (
            "D1.1",
            json!({"rating": 5}),
            "/rating",
            "rating_outside_scale",
        ),
        (
            "D1.1",
            json!({"rating": -1}),
            "/rating",
            "rating_outside_scale",
        ),
        (
            "D1.1",
            json!({"evidence": [evidence(json!({"type": "photo"}))]}),
            "/evidence/0/type",
            "unknown_evidence_type",
        ),
        (
            "D1.1",
            json!({"evidence": [item, item]}),
            "/evidence/1",
            "repeated_evidence",
        ),
        (
            "D1.1",
            json!({"evidence": [evidence(json!({"covers": ["D1.2.a"]}))]}),
            "/evidence/0/covers/0",
            "unknown_indicator",
        ),
        (
            "D1.1",
            json!({"evidence": [evidence(json!({"covers": ["D1.1.a", "D1.1.a"]}))]}),
            "/evidence/0/covers",
            "repeated",
        ),
    ];
    for (id, answer, place, code) in cases {
        let answers = [(id.to_owned(), serde_json::from_value(answer).unwrap())];
        let expected = (format!("/content/answers/{id}{place}"), code.to_owned());
        assert_eq!(
            violations(&rule, &everywhere(&rule), &assessment(answers.into())),
            [expected]
        );
    }
    let plan = [
        (
            json!({"criterion_id": "X"}),
            "criterion_id",
            "unknown_criterion",
        ),
        (json!({"current": 9}), "current", "rating_outside_scale"),
        (json!({"target": -9}), "target", "rating_outside_scale"),
        (
            json!({"current": 3, "target": 2}),
            "target",
            "target_below_current",
        ),
    ];
    for (patch, place, code) in plan {
        let mut step = json!({"criterion_id": "D1.1", "action": {"en": "x"}, "status": "open"});
        json_patch::merge(&mut step, &patch);
        let mut it = assessment([].into());
        it.improvement_plan = vec![serde_json::from_value(step).unwrap()];
        let expected = (
            format!("/content/improvement_plan/0/{place}"),
            code.to_owned(),
        );
        assert_eq!(violations(&rule, &everywhere(&rule), &it), [expected]);
    }
}

#[test]
fn steps_of_the_scale_not_applicable_and_superseded_versions_are_looked_at() {
    let mut json = other_json();
    json["scale"] = json!({"min": 1, "max": 5, "allow_not_applicable": false, "levels": []});
    let parameters = &mut json["scoring"]["parameters"];
    parameters["scale"] = json!({"min": 1, "max": 5, "step": 2});
    parameters["evidence_cap"] = json!({"from_rating": 5, "effective_rating": 3});
    parameters["levels"] = json!([{"code": "closed", "min": "1"}, {"code": "open", "min": "3"}]);
    let rule_of_steps = rule(&json);
    let scope = Scope::everything(&rule_of_steps);
    let of =
        |id: &str, value: Value| assessment([(id.to_owned(), answer(&value, 0, date(DAY)))].into());
    assert_eq!(
        violations(&rule_of_steps, &scope, &of("M1.1", json!(3))),
        []
    );
    assert_eq!(
        violations(&rule_of_steps, &scope, &of("M1.1", json!(2)))[0].1,
        "rating_outside_scale"
    );
    assert_eq!(
        violations(&rule_of_steps, &scope, &of("M1.1", json!("NA")))[0].1,
        "not_applicable_not_allowed"
    );
    let mut json = shipped_json();
    json["state"] = json!("superseded");
    let superseded = rule(&json);
    assert_eq!(superseded.state(), StandardState::Superseded);
    let expected = (
        "/content/standard".to_owned(),
        "standard_superseded".to_owned(),
    );
    assert_eq!(
        violations(&superseded, &everywhere(&superseded), &of("D1.1", json!(2))),
        [expected]
    );
}

#[test]
fn each_gap_is_named() {
    let rule = shipped();
    for (scope, asked) in [
        (everywhere(&rule), 27),
        (Scope::of(&rule, &organisation()), 15),
    ] {
        let nothing = assessment([].into());
        assert_eq!(gaps(&rule, &scope, &nothing).len(), asked);
        let whole = complete(&rule, &scope, 2, date(DAY));
        assert_eq!(gaps(&rule, &scope, &whole), []);
        for id in whole.answers.keys() {
            let mut it = whole.clone();
            it.answers.get_mut(id).unwrap().rating = None;
            let place = format!("/answers/{id}");
            assert_eq!(
                found(&gaps(&rule, &scope, &it)),
                [(place.as_str(), "unanswered")]
            );
            it.answers.get_mut(id).unwrap().not_applicable = Some("because".to_owned());
            assert_eq!(gaps(&rule, &scope, &it), []);
        }
        let mut it = whole;
        it.improvement_plan = vec![
            serde_json::from_value(
                json!({"criterion_id": "D2.1", "action": {"en": "x"}, "status": "open"}),
            )
            .unwrap(),
        ];
        assert_eq!(
            found(&gaps(&rule, &scope, &it)),
            [
                (
                    "/improvement_plan/0/responsible_function",
                    "action_without_owner"
                ),
                ("/improvement_plan/0/due", "action_without_due_date"),
            ]
        );
    }
}

#[test]
fn what_needs_no_standard_to_be_wrong_is_refused_when_it_is_written() {
    let write = |answer: Value| {
        let mut draft = example_with(Kind::SelfAssessment, &json!({"owner": PARTNER}));
        draft["content"]["answers"] = json!({"D5.1": answer});
        told(
            Store::new()
                .create(NEW, Kind::SelfAssessment, &draft, &coordinator())
                .unwrap_err(),
        )
        .1
    };
    let item = |patch: Value| {
        let mut item = json!({"type": "concept", "title": "x", "date": "2026-01-01"});
        json_patch::merge(&mut item, &patch);
        json!({"evidence": [item]})
    };
    for (answer, place, code) in [
        (
            json!({"not_applicable": " "}),
            "not_applicable",
            "not_applicable_without_reason",
        ),
        (
            json!({"rating": 1, "not_applicable": "x"}),
            "not_applicable",
            "contradiction",
        ),
        (
            item(json!({"date": "2026-11-24"})),
            "evidence/0/date",
            "in_the_future",
        ),
        (
            item(json!({"still_in_force": "2026-11-24"})),
            "evidence/0/still_in_force",
            "in_the_future",
        ),
        (
            item(json!({"still_in_force": "2025-11-24"})),
            "evidence/0/still_in_force",
            "before_start",
        ),
        (
            item(json!({"language": "xx"})),
            "evidence/0/language",
            "not_a_language",
        ),
    ] {
        assert_eq!(
            write(answer),
            [(format!("/content/answers/D5.1/{place}"), code.to_owned())]
        );
    }
}
