//! Taking answers over to a new version.

use domain::quality::{Carried, DropReason, carry_over};
use serde_json::json;

use super::{answer, assessment, date, offer, other_json, shipped_json, standard};

#[test]
fn answers_stay_where_criteria_kept_their_code() {
    let from = standard(&other_json());
    let mut json = other_json();
    json["standard_version"] = json!("2.2.0");
    json["dimensions"][0]["criteria"][1]["statement"] = json!({"en": "something else"});
    json["dimensions"][1]["criteria"]
        .as_array_mut()
        .unwrap()
        .remove(0);
    json["evidence_types"].as_array_mut().unwrap().remove(1);
    let to = standard(&json);
    let day = date("2026-06-01");
    let mut first = answer(&json!(6), 2, day);
    first.comment = Some("a word".to_owned());
    first.evidence[1].evidence_type = "visit".to_owned();
    first.evidence[0].covers = vec!["M1.1.z".to_owned()];
    let old = assessment(
        [
            ("M1.1", first),
            ("M1.2", answer(&json!("NA"), 0, day)),
            ("M2.1", answer(&json!(3), 0, day)),
        ]
        .map(|(id, it)| (id.to_owned(), it))
        .into(),
    );
    let result = carry_over(&old, &from, &to, &offer(&["arrive"])).unwrap();
    assert_eq!(result.carried.get("M1.1"), Some(&Carried::Unchanged));
    assert_eq!(result.carried.get("M1.2"), Some(&Carried::LookAgain));
    assert_eq!(result.answers["M1.1"].rating, Some(6));
    assert_eq!(result.answers["M1.1"].comment.as_deref(), Some("a word"));
    assert_eq!(result.answers["M1.1"].evidence.len(), 1);
    assert!(result.answers["M1.1"].evidence[0].covers.is_empty());
    assert_eq!(result.answers.len(), 2);
    let dropped: Vec<(&str, DropReason)> = result
        .dropped
        .iter()
        .map(|it| (it.pointer.as_str(), it.why))
        .collect();
    assert_eq!(
        dropped,
        [
            ("/answers/M1.1/evidence/0/covers", DropReason::IndicatorGone),
            ("/answers/M1.1/evidence/1", DropReason::EvidenceTypeGone),
            ("/answers/M2.1", DropReason::CriterionGone),
        ]
    );
}

#[test]
fn a_number_does_not_outlive_its_scale() {
    let from = standard(&other_json());
    let mut json = other_json();
    json["standard_version"] = json!("3.0.0");
    json["scale"]["max"] = json!(7);
    json["scale"]["allow_not_applicable"] = json!(false);
    json["scoring"]["parameters"]["scale"] = json!({"min": 1, "max": 7});
    let to = standard(&json);
    let day = date("2026-06-01");
    let mut old = assessment(
        [
            ("M1.1", answer(&json!(6), 1, day)),
            ("M1.2", answer(&json!("NA"), 0, day)),
            ("M2.1", answer(&json!(2), 1, day)),
        ]
        .map(|(id, it)| (id.to_owned(), it))
        .into(),
    );
    let step = |status: &str| {
        serde_json::from_value(json!({
        "criterion_id": "M1.1", "current": 2, "target": 4, "action": {"en": "x"}, "status": status,
    })).unwrap()
    };
    old.improvement_plan = vec![step("open"), step("done")];
    let result = carry_over(&old, &from, &to, &offer(&["settle"])).unwrap();
    assert_eq!(result.answers.keys().collect::<Vec<_>>(), ["M1.1"]);
    assert_eq!(
        (
            result.answers["M1.1"].rating,
            result.answers["M1.1"].evidence.len()
        ),
        (None, 1)
    );
    assert_eq!(result.improvement_plan.len(), 1);
    assert_eq!(result.improvement_plan[0].target, None);
    let why: Vec<&str> = result.dropped.iter().map(|it| it.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "scale_changed",
            "not_applicable_not_allowed",
            "out_of_scope",
            "scale_changed",
            "action_closed"
        ]
    );
    let other = standard(&shipped_json());
    assert!(
        carry_over(&old, &from, &other, &offer(&[])).is_err(),
        "never between standards"
    );
}
