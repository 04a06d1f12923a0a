//! A standard that contradicts itself is refused, and the place is named.

use domain::quality::{Rule, contradictions};
use serde_json::{Value, json};

use super::{found, other_json, rule, shipped_json, standard};

/// A standard with one value replaced (`null` takes it out), and what has to be found.
fn finds(mut json: Value, pointer: &str, value: Value, place: &str, code: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match json.pointer_mut(parent).unwrap() {
        Value::Object(fields) if value.is_null() => {
            fields.remove(name);
        }
        Value::Object(fields) => {
            fields.insert(name.to_owned(), value.clone());
        }
        parent => parent[name.parse::<usize>().unwrap()] = value.clone(),
    }
    let standard = standard(&json);
    let violations = contradictions(&standard);
    assert!(
        found(&violations).contains(&(place, code)),
        "{pointer} = {value}: {violations:?}"
    );
    assert_eq!(
        Rule::compile(&standard).map(|_| ()),
        Err(violations),
        "and there is no rule"
    );
}

#[test]
fn the_shipped_standard_and_another_one_hold_together() {
    for json in [shipped_json(), other_json()] {
        assert_eq!(contradictions(&standard(&json)), []);
    }
    assert!(rule(&shipped_json()).is_draft());
    assert!(!rule(&other_json()).is_draft());
}

#[test]
fn a_cap_that_would_make_scores_fall_as_ratings_rise_is_refused() {
    let cap = "/scoring/parameters/evidence_cap/effective_rating";
    for effective in [0, 1] {
        finds(shipped_json(), cap, json!(effective), cap, "contradiction");
    }
    finds(shipped_json(), cap, json!(4), cap, "contradiction");
    finds(other_json(), cap, json!(3), cap, "contradiction");
    for fine in [2, 3] {
        let mut json = shipped_json();
        *json.pointer_mut(cap).unwrap() = json!(fine);
        assert_eq!(contradictions(&standard(&json)), []);
    }
}

#[test]
fn each_contradiction_is_refused_at_its_place() {
    // Place within the parameters, value, place of the finding where it is another one, code.
    let parameters = [
        ("scale/min", json!(1), "", "contradiction"),
        ("scale/max", json!(5), "", "contradiction"),
        ("scale/step", json!(0), "", "out_of_range"),
        ("scale/step", json!(3), "", "out_of_range"),
        (
            "scale/not_applicable",
            json!("not allowed"),
            "",
            "contradiction",
        ),
        (
            "scale/not_applicable",
            json!("sometimes"),
            "",
            "wrong_value",
        ),
        ("evidence_cap/from_rating", json!(9), "", "out_of_range"),
        ("evidence_cap/from_rating", json!(0), "", "out_of_range"),
        (
            "evidence_cap/effective_rating",
            json!(-1),
            "",
            "out_of_range",
        ),
        ("evidence_cap/items", json!(0), "", "out_of_range"),
        ("evidence_cap/items", json!(31), "", "out_of_range"),
        ("evidence_cap/max_age_months", json!(0), "", "out_of_range"),
        ("evidence_cap/colour", json!("red"), "", "unknown_field"),
        ("weights/core", json!(0), "", "zero_weight"),
        ("weights/other", json!(0), "", "zero_weight"),
        ("weights/core", json!(1_001), "", "out_of_range"),
        ("weights/other", json!(-1), "", "wrong_value"),
        ("aggregate", json!("sum"), "", "wrong_value"),
        ("rounding/decimals", json!(5), "", "out_of_range"),
        ("rounding/decimals", Value::Null, "", "out_of_range"),
        (
            "rounding/steps_per_point",
            json!(4),
            "rounding/decimals",
            "out_of_range",
        ),
        ("rounding/mode", json!("random"), "", "wrong_value"),
        ("coverage/minimum", json!([5, 4]), "", "out_of_range"),
        ("coverage/minimum", json!([0, 4]), "", "out_of_range"),
        ("coverage/minimum", json!([0, 0]), "", "out_of_range"),
        ("coverage", Value::Null, "coverage", "required"),
        (
            "many_not_applicable/more_than",
            json!([1, 1]),
            "",
            "out_of_range",
        ),
        (
            "many_not_applicable/more_than",
            json!([0, 0]),
            "",
            "out_of_range",
        ),
        (
            "core_rule/effective_rating_below",
            json!(0),
            "",
            "out_of_range",
        ),
        (
            "core_rule/effective_rating_below",
            json!(5),
            "",
            "out_of_range",
        ),
        (
            "core_rule/level_at_most",
            json!("splendid"),
            "",
            "unknown_code",
        ),
        (
            "core_rule/level_at_most",
            json!("exemplary"),
            "",
            "contradiction",
        ),
        ("levels", json!([]), "", "out_of_range"),
        ("levels/0/min", json!(0.5), "", "gap"),
        ("levels/1/min", json!(2.5), "levels/2/min", "overlap"),
        ("levels/1/min", json!(0), "", "overlap"),
        ("levels/3/min", json!(4.1), "", "out_of_range"),
        ("levels/2/min", json!(2.55), "", "contradiction"),
        ("levels/2/min", json!("two"), "", "wrong_value"),
        ("levels/2/code", json!("building"), "", "repeated"),
        ("levels/2/code", json!(""), "", "out_of_range"),
        ("levels/2/code", json!("incomplete"), "", "reserved_code"),
        ("level_from", json!("exact_mean"), "", "wrong_value"),
        ("overall", json!("mean"), "", "wrong_value"),
        ("compare", json!("all"), "", "wrong_value"),
    ];
    for (at, value, place, code) in parameters {
        let place = if place.is_empty() { at } else { place };
        // Serde names an absent field at what should have it.
        let place = if code == "required" {
            String::new()
        } else {
            format!("/{place}")
        };
        let pointer = format!("/scoring/parameters/{at}");
        finds(
            shipped_json(),
            &pointer,
            value,
            &format!("/scoring/parameters{place}"),
            code,
        );
    }
    for steps in [0, -4, 3, 20_000] {
        let at = "/scoring/parameters/rounding/steps_per_point";
        finds(other_json(), at, json!(steps), at, "out_of_range");
    }
}

#[test]
fn what_contradicts_the_rest_of_the_standard_is_refused_at_its_place() {
    let elsewhere = [
        ("/standard_version", json!("1.0"), "not_a_version"),
        ("/scale/levels/0/value", json!(7), "contradiction"),
        ("/evidence_types/1/code", json!("concept"), "repeated"),
        ("/dimensions/1/id", json!("D1"), "repeated"),
        ("/dimensions/1/code", json!("open_outcome"), "repeated"),
        ("/dimensions/1/weight", json!(0), "zero_weight"),
        ("/dimensions/1/criteria/0/id", json!("D1.1"), "repeated"),
        ("/dimensions/1/criteria/0/weight", json!(1), "contradiction"),
        (
            "/dimensions/1/criteria/0/core",
            json!(false),
            "contradiction",
        ),
        (
            "/dimensions/1/criteria/0/indicators/0/id",
            json!("D1.1.a"),
            "repeated",
        ),
        ("/validity/months", json!(0), "out_of_range"),
        ("/validity/months", json!(12), "contradiction"),
        (
            "/validity/progress_note_after_months",
            json!(24),
            "contradiction",
        ),
        ("/validity/expiry_task_days", json!(700), "contradiction"),
        (
            "/review/transitions/2/0",
            json!("draft"),
            "unknown_transition",
        ),
        (
            "/review/transitions/2/2",
            json!("coordinator"),
            "unknown_transition",
        ),
        ("/review/transitions", json!([]), "missing_transition"),
        ("/review/transitions", json!("any"), "wrong_type"),
    ];
    for (at, value, code) in elsewhere {
        let place = match (at, code) {
            ("/validity/months", "contradiction") => "/validity/progress_note_after_months",
            ("/dimensions/1/criteria/0/core", _) => "/dimensions/1/criteria/0/weight",
            ("/review/transitions/2/0" | "/review/transitions/2/2", _) => "/review/transitions/2",
            _ => at,
        };
        finds(shipped_json(), at, value, place, code);
    }
    let weight = "/dimensions/0/criteria/0/weight";
    finds(other_json(), weight, json!(0), weight, "zero_weight");
    finds(other_json(), weight, Value::Null, weight, "required");
    finds(
        other_json(),
        "/validity",
        json!({}),
        "/validity/months",
        "required",
    );
    finds(
        other_json(),
        "/scoring",
        json!({}),
        "/scoring/parameters",
        "required",
    );
}

#[test]
fn decimals_of_levels_may_be_numbers_or_text() {
    let mut json = shipped_json();
    let levels = json.pointer_mut("/scoring/parameters/levels").unwrap();
    for level in levels.as_array_mut().unwrap() {
        level["min"] = json!(level["min"].to_string());
    }
    assert_eq!(rule(&json).parameters(), rule(&shipped_json()).parameters());
}
