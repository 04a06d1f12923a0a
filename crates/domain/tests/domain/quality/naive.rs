//! The scoring rule a second time, as slowly and as literally as the standard's words say it: by names, over the standard's
//! JSON, with fractions, and by looking for the nearest step instead of dividing.

use std::collections::BTreeMap;

use serde_json::Value;

/// One answer as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    Nothing,
    NotApplicable,
    Rating(i64, usize),
}

/// What is to come out for one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) outcome: &'static str,
    /// The rounded mean in ten-thousandths.
    pub(crate) mean: Option<i64>,
    pub(crate) level: Option<String>,
    pub(crate) capped: Vec<String>,
    pub(crate) core_below: Vec<String>,
    pub(crate) many_not_applicable: bool,
}

/// A decimal of the JSON in ten-thousandths.
fn parts(value: &Value) -> i128 {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits: i128 = format!("{fraction}0000")[..4].parse().unwrap();
    let whole_parts = whole.parse::<i128>().unwrap() * 10_000;
    if whole.starts_with('-') {
        whole_parts - digits
    } else {
        whole_parts + digits
    }
}

/// Scores the dimension `dimension` of a standard, every criterion in scope.
pub(crate) fn score(
    standard: &Value,
    dimension: &Value,
    given: &BTreeMap<String, Given>,
) -> Expected {
    let p = &standard["scoring"]["parameters"];
    let criteria = dimension["criteria"].as_array().unwrap();
    let id = |criterion: &Value| criterion["id"].as_str().unwrap().to_owned();
    let mut fraction = (0_i128, 0_i128);
    let (mut rated, mut not_applicable) = (0, 0);
    let (mut capped, mut core_below) = (Vec::new(), Vec::new());
    for criterion in criteria {
        match given.get(&id(criterion)).copied().unwrap_or(Given::Nothing) {
            Given::Nothing => {}
            Given::NotApplicable => not_applicable += 1,
            Given::Rating(rating, evidence) => {
                rated += 1;
                let cap = &p["evidence_cap"];
                let mut counts = rating;
                if !cap.is_null()
                    && rating >= cap["from_rating"].as_i64().unwrap()
                    && (evidence as u64) < cap["items"].as_u64().unwrap_or(1)
                    && counts > cap["effective_rating"].as_i64().unwrap()
                {
                    counts = cap["effective_rating"].as_i64().unwrap();
                    capped.push(id(criterion));
                }
                let is_core = criterion["core"].as_bool().unwrap_or(false);
                let weight = match &p["weights"] {
                    Value::Null => criterion["weight"].as_i64().unwrap(),
                    weights => weights[if is_core { "core" } else { "other" }]
                        .as_i64()
                        .unwrap(),
                };
                let rule = &p["core_rule"];
                if is_core
                    && !rule.is_null()
                    && counts < rule["effective_rating_below"].as_i64().unwrap()
                {
                    core_below.push(id(criterion));
                }
                fraction.0 += i128::from(counts * weight);
                fraction.1 += i128::from(weight);
            }
        }
    }
    let applicable = criteria.len() as i64 - not_applicable;
    let many = &p["many_not_applicable"]["more_than"];
    let many_not_applicable = !many.is_null()
        && not_applicable * many[1].as_i64().unwrap()
            > criteria.len() as i64 * many[0].as_i64().unwrap();
    let least = &p["coverage"]["minimum"];
    let covers = rated * least[1].as_i64().unwrap() >= applicable * least[0].as_i64().unwrap();
    let mut expected = Expected {
        outcome: "scored",
        mean: None,
        level: None,
        capped,
        core_below,
        many_not_applicable,
    };
    if applicable == 0 {
        expected.outcome = "not_in_scope";
    } else if !covers || rated == 0 {
        expected.outcome = "incomplete";
    } else {
        let mean = nearest(p, fraction);
        expected.level = Some(level(p, mean, !expected.core_below.is_empty()));
        expected.mean = Some(i64::try_from(mean).unwrap());
    }
    expected
}

/// The step nearest to a fraction, in ten-thousandths, found by trying all of them.
fn nearest(p: &Value, (number, by): (i128, i128)) -> i128 {
    let rounding = &p["rounding"];
    let step = match rounding["decimals"].as_u64() {
        Some(decimals) => 10_000 / 10_i128.pow(u32::try_from(decimals).unwrap()),
        None => 10_000 / i128::from(rounding["steps_per_point"].as_i64().unwrap()),
    };
    let (min, max) = (
        p["scale"]["min"].as_i64().unwrap(),
        p["scale"]["max"].as_i64().unwrap(),
    );
    let steps = (i128::from(min) * 10_000 / step)..=(i128::from(max) * 10_000 / step);
    // Distance from the fraction, times its denominator.
    let off = |at: i128| at * step * by - number * 10_000;
    let best = |candidates: Vec<i128>| {
        candidates
            .into_iter()
            .min_by_key(|at| off(*at).abs())
            .unwrap()
    };
    let chosen = match rounding["mode"].as_str().unwrap() {
        "down" => best(steps.filter(|at| off(*at) <= 0).collect()),
        "up" => best(steps.filter(|at| off(*at) >= 0).collect()),
        mode => {
            let distance = off(best(steps.clone().collect())).abs();
            let tied: Vec<i128> = steps.filter(|at| off(*at).abs() == distance).collect();
            match mode {
                "half_up" => *tied.iter().max().unwrap(),
                "half_down" => *tied.iter().min().unwrap(),
                _ if tied.len() == 1 => tied[0],
                _ => *tied.iter().find(|at| **at % 2 == 0).unwrap(),
            }
        }
    };
    chosen * step
}

fn level(p: &Value, mean: i128, is_bounded: bool) -> String {
    let levels = p["levels"].as_array().unwrap();
    let reached = levels
        .iter()
        .rposition(|level| parts(&level["min"]) <= mean)
        .unwrap();
    let bound = levels
        .iter()
        .position(|level| is_bounded && level["code"] == p["core_rule"]["level_at_most"])
        .unwrap_or(usize::MAX);
    levels[reached.min(bound)]["code"]
        .as_str()
        .unwrap()
        .to_owned()
}
