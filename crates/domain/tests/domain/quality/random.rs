//! Random standards that contradict themselves nowhere, and random answers to them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::naive::Given;

/// A standard with a scale of up to eight ratings, up to three dimensions, and everything that can be a parameter.
pub(crate) fn standard() -> impl Strategy<Value = Value> {
    let scale = (-3..=3_i64, 1..=3_i64, 1..=7_i64);
    let cap = prop::option::of((any::<prop::sample::Index>(), 0..=1_i64, 1..=3_u32));
    let weights = prop::option::of((1..=5_u32, 1..=5_u32));
    let rounding = prop_oneof![
        (0..=3_u32).prop_map(|decimals| json!({"decimals": decimals})),
        prop::sample::select(vec![1, 2, 4, 5, 8, 16, 25])
            .prop_map(|steps| json!({"steps_per_point": steps})),
    ];
    let mode = prop::sample::select(vec!["half_up", "half_down", "half_even", "up", "down"]);
    let shares = (1..=4_u32, prop::option::of(0..=3_u32));
    let levels = prop::collection::btree_set(1..=20_i64, 0..4);
    let core = prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>()));
    let dimensions = prop::collection::vec(
        prop::collection::vec((any::<bool>(), 1..=9_u32), 1..=5),
        1..=3,
    );
    (
        scale, cap, weights, rounding, mode, shares, levels, core, dimensions,
    )
        .prop_map(build)
}

type Parts = (
    (i64, i64, i64),
    Option<(prop::sample::Index, i64, u32)>,
    Option<(u32, u32)>,
    Value,
    &'static str,
    (u32, Option<u32>),
    std::collections::BTreeSet<i64>,
    Option<(prop::sample::Index, prop::sample::Index)>,
    Vec<Vec<(bool, u32)>>,
);

fn build(
    (scale, cap, weights, mut rounding, mode, shares, levels, core, dimensions): Parts,
) -> Value {
    let (min, step, width) = scale;
    let max = min + step * width;
    rounding["mode"] = json!(mode);
    // Above the lowest level, whole numbers: every rounding has them among its steps.
    let levels: Vec<Value> = std::iter::once(min)
        .chain(
            levels
                .into_iter()
                .map(|above| min + above)
                .filter(|at| *at <= max),
        )
        .enumerate()
        .map(|(at, min)| json!({"code": format!("level-{at}"), "min": min.to_string()}))
        .collect();
    let mut parameters = json!({
        "scale": {"min": min, "max": max, "step": step, "not_applicable": "with reason"},
        "aggregate": "weighted_mean_of_effective_ratings",
        "rounding": rounding,
        "coverage": {"minimum": [shares.0, 4]},
        "levels": levels,
        "level_from": "rounded_mean",
        "overall": "none",
    });
    let rating_above_lowest = |index: prop::sample::Index| {
        min + step * (1 + index.index(usize::try_from(width).unwrap()) as i64)
    };
    if let Some((from, below, items)) = cap {
        let from = rating_above_lowest(from);
        parameters["evidence_cap"] =
            json!({"from_rating": from, "items": items, "effective_rating": from - below * step});
    }
    if let Some((core, other)) = weights {
        parameters["weights"] = json!({"core": core, "other": other});
    }
    if let Some(share) = shares.1 {
        parameters["many_not_applicable"] = json!({"more_than": [share, 4]});
    }
    let bounding = levels.len() - 1;
    if let Some((below, level)) = core.filter(|_| bounding > 0) {
        parameters["core_rule"] = json!({
            "effective_rating_below": rating_above_lowest(below),
            "level_at_most": levels[level.index(bounding)]["code"],
        });
    }
    let dimensions: Vec<Value> = dimensions
        .into_iter()
        .enumerate()
        .map(|(d, criteria)| {
            let criterion = |(c, (is_core, weight)): (usize, (bool, u32))| {
                let mut criterion = json!({
                    "id": format!("R{d}.{c}"), "title": {"en": "x"}, "statement": {"en": "x"},
                    "core": is_core, "applies_to": ["offer", "organisation"],
                });
                if weights.is_none() {
                    criterion["weight"] = json!(weight);
                }
                criterion
            };
            let criteria: Vec<Value> = criteria.into_iter().enumerate().map(criterion).collect();
            json!({"id": format!("R{d}"), "title": {"en": "x"}, "criteria": criteria})
        })
        .collect();
    json!({
        "code": "random", "standard_version": "1.0.0", "state": "published",
        "title": {"en": "x"}, "languages": ["en"], "default_language": "en",
        "scale": {"min": min, "max": max, "allow_not_applicable": true, "levels": []},
        "evidence_types": [{"code": "concept", "label": {"en": "x"}}],
        "scoring": {"parameters": parameters}, "validity": {"months": 24}, "dimensions": dimensions,
    })
}

/// Answers to all criteria of a standard, chosen by numbers so that any standard can be answered with them.
pub(crate) fn answers() -> impl Strategy<Value = Vec<(u8, u8, usize)>> {
    prop::collection::vec((0..10_u8, any::<u8>(), 0..4_usize), 15)
}

/// What the numbers mean for this standard.
pub(crate) fn given(standard: &Value, numbers: &[(u8, u8, usize)]) -> BTreeMap<String, Given> {
    let scale = &standard["scoring"]["parameters"]["scale"];
    let number = |name: &str| scale[name].as_i64().unwrap_or(1);
    let ratings = (number("max") - number("min")) / number("step") + 1;
    let criteria = standard["dimensions"].as_array().unwrap().iter();
    criteria
        .flat_map(|dimension| dimension["criteria"].as_array().unwrap())
        .zip(numbers)
        .map(|(criterion, (kind, rating, evidence))| {
            let given = match kind {
                0 => Given::Nothing,
                1 | 2 => Given::NotApplicable,
                _ => Given::Rating(
                    number("min") + i64::from(*rating) % ratings * number("step"),
                    *evidence,
                ),
            };
            (criterion["id"].as_str().unwrap().to_owned(), given)
        })
        .collect()
}
