//! Scores: the worked examples, the properties, and a second computation.

use std::collections::BTreeMap;

use domain::kinds::{Answer, DimensionOutcome, DimensionResult};
use domain::quality::{DimensionScore, Mark, Outcome, Preview, Rule, Scope, preview};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::naive::{self, Given};
use super::{
    answer, assessment, date, everywhere, file, offer, organisation, other_json, random, rule,
    shipped, shipped_json,
};

const DAY: &str = "2026-11-22";

fn dimension<'a>(preview: &'a Preview, id: &str) -> &'a DimensionResult {
    preview.dimensions.iter().find(|it| it.id == id).unwrap()
}

/// What a worked example of the shipped file gives, over the criteria that it lists.
fn worked(example: &Value) -> DimensionResult {
    let answers = example["ratings"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(id, rating)| {
            let evidence = usize::from(example["evidence_present"][id] == json!(true));
            (id.clone(), answer(rating, evidence, date("2026-01-01")))
        });
    let rule = shipped();
    let result = preview(
        &rule,
        &Scope::everything(&rule),
        &assessment(answers.collect()),
        date(DAY),
    );
    dimension(&result, example["dimension"].as_str().unwrap()).clone()
}

#[test]
fn the_worked_example_comes_out() {
    let example = &file()["scoring"]["worked_example"];
    let result = worked(example);
    assert_eq!(result.outcome, DimensionOutcome::Scored);
    assert_eq!(result.mean.as_deref(), Some("2.2"));
    assert_eq!(result.mean, Some(example["mean"].to_string()));
    assert_eq!(result.level.as_deref(), example["level"].as_str());
    assert_eq!(
        (result.rated, result.in_scope - result.not_applicable),
        (4, 4),
        "coverage is 1.0"
    );
    assert!(result.core_below.is_empty() && !result.level_bounded);
    let flagged: Vec<&String> = example["flags"].as_object().unwrap().keys().collect();
    assert_eq!(result.capped.iter().collect::<Vec<_>>(), flagged);
    let rule = shipped();
    for (id, effective) in example["effective"].as_object().unwrap() {
        let rating = i32::try_from(example["ratings"][id].as_i64().unwrap()).unwrap();
        let evidence = u16::from(example["evidence_present"][id] == json!(true));
        assert_eq!(
            i64::from(rule.effective_rating(rating, evidence)),
            effective.as_i64().unwrap(),
            "{id}"
        );
    }
}

#[test]
fn the_worked_example_of_the_core_rule_comes_out() {
    let example = &file()["scoring"]["worked_example_core"];
    let result = worked(example);
    assert_eq!(result.mean, Some(example["mean"].to_string()));
    assert_eq!(result.level.as_deref(), Some("building"));
    assert!(result.level_bounded);
    assert_eq!(result.core_below, ["D7.2"]);
}

#[test]
fn an_offer_in_all_phases_has_27_criteria_in_scope_and_an_organisation_15() {
    let rule = shipped();
    assert_eq!(rule.criterion_ids().count(), 34);
    assert_eq!(everywhere(&rule).count(), 27);
    assert_eq!(
        Scope::of(&rule, &offer(&[])).count(),
        27,
        "no phase stated is no way around a criterion"
    );
    let scope = Scope::of(&rule, &organisation());
    assert_eq!(scope.count(), 15);
    let result = preview(
        &rule,
        &scope,
        &super::complete(&rule, &scope, 3, date(DAY)),
        date(DAY),
    );
    for it in &result.dimensions {
        let is_empty = ["D1", "D4"].contains(&it.id.as_str());
        assert_eq!(
            it.outcome == DimensionOutcome::NotInScope,
            is_empty,
            "{}",
            it.id
        );
        assert_eq!(it.mean.is_none(), is_empty, "{}", it.id);
    }
    // An offer that ends before arrival is not asked for what comes after it, and the other way round.
    assert!(Scope::of(&rule, &offer(&["settle"])).count() < 27);
    assert!(result.standard_is_draft, "and says so");
}

#[test]
fn the_other_standard_is_scored_by_its_own_parameters() {
    let rule = rule(&other_json());
    let day = date("2026-06-01");
    let scope = Scope::of(&rule, &offer(&["arrive"]));
    let old = date("2025-11-30");
    let answers = [
        ("M1.1", answer(&json!(6), 2, day)),
        ("M1.2", answer(&json!(4), 0, day)),
        ("M2.1", answer(&json!(5), 2, old)),
        ("M2.2", answer(&json!(6), 2, day)),
    ];
    let answers: BTreeMap<String, Answer> = answers.map(|(id, it)| (id.to_owned(), it)).into();
    let result = preview(&rule, &scope, &assessment(answers.clone()), day);
    // (3*6 + 5*4) / 8 = 4.75; (1*4 + 7*6) / 8 = 5.75.
    assert_eq!(dimension(&result, "M1").mean.as_deref(), Some("4.75"));
    assert_eq!(dimension(&result, "M1").level.as_deref(), Some("ajar"));
    assert_eq!(dimension(&result, "M2").mean.as_deref(), Some("5.75"));
    assert_eq!(
        dimension(&result, "M2").capped,
        ["M2.1"],
        "its evidence is older than six months"
    );
    // Confirmed lately as still in force, it counts again.
    let mut answers = answers;
    for item in &mut answers.get_mut("M2.1").unwrap().evidence {
        item.still_in_force = Some(date("2026-05-01"));
    }
    let result = preview(&rule, &scope, &assessment(answers), day);
    assert!(dimension(&result, "M2").capped.is_empty());
}

#[test]
fn evidence_counts_until_it_is_too_old() {
    let rule = shipped();
    let counts = |dated: &str| {
        let it = answer(&json!(3), 1, date(dated));
        domain::quality::mark_of(&rule, &it, date(DAY))
            == Mark::Rated {
                rating: 3,
                evidence: 1,
            }
    };
    assert!(
        counts("2024-11-22"),
        "24 months to the day are not older than 24 months"
    );
    assert!(!counts("2024-11-21"));
}

#[test]
fn too_little_or_nothing_gives_no_number() {
    let rule = shipped();
    let all = Scope::everything(&rule);
    let of = |ratings: &[(&str, Value)]| {
        let answers = ratings
            .iter()
            .map(|(id, it)| ((*id).to_owned(), answer(it, 1, date(DAY))));
        let result = preview(&rule, &all, &assessment(answers.collect()), date(DAY));
        dimension(&result, "D1").clone()
    };
    let na = json!("NA");
    let three = json!(3);
    let incomplete = of(&[("D1.1", three.clone()), ("D1.2", three.clone())]);
    assert_eq!(incomplete.outcome, DimensionOutcome::Incomplete);
    assert_eq!((incomplete.mean, incomplete.level), (None, None));
    let enough = of(&[
        ("D1.1", three.clone()),
        ("D1.2", three.clone()),
        ("D1.3", three.clone()),
    ]);
    assert_eq!(
        enough.outcome,
        DimensionOutcome::Scored,
        "three of four are exactly three quarters"
    );
    let one_not = of(&[("D1.1", three.clone()), ("D1.2", na.clone())]);
    assert!(
        !one_not.many_not_applicable,
        "a quarter is not more than a third"
    );
    let two_not = of(&[
        ("D1.1", three.clone()),
        ("D1.2", na.clone()),
        ("D1.3", na.clone()),
        ("D1.4", three),
    ]);
    assert!(two_not.many_not_applicable);
    assert_eq!(two_not.outcome, DimensionOutcome::Scored);
    let nothing = of(&[
        ("D1.1", na.clone()),
        ("D1.2", na.clone()),
        ("D1.3", na.clone()),
        ("D1.4", na),
    ]);
    assert_eq!(nothing.outcome, DimensionOutcome::NotInScope);
    assert_eq!(of(&[]).outcome, DimensionOutcome::Incomplete);
    // A rating that the scale does not have counts as no answer.
    assert_eq!(of(&[("D1.1", json!(5)), ("D1.2", json!(-1))]).rated, 0);
}

fn marks(rule: &Rule, given: &BTreeMap<String, Given>) -> Vec<Mark> {
    rule.criterion_ids()
        .map(
            |id| match given.get(id).copied().unwrap_or(Given::Nothing) {
                Given::Nothing => Mark::Unanswered,
                Given::NotApplicable => Mark::NotApplicable,
                Given::Rating(rating, evidence) => Mark::Rated {
                    rating: i32::try_from(rating).unwrap(),
                    evidence: u16::try_from(evidence).unwrap(),
                },
            },
        )
        .collect()
}

/// Compares all dimensions with the naive computation, through answers and not through marks.
fn agrees(standard: &Value, given: &BTreeMap<String, Given>) -> Result<(), TestCaseError> {
    let rule = rule(standard);
    let answers = given.iter().filter_map(|(id, it)| match it {
        Given::Nothing => None,
        Given::NotApplicable => Some((id.clone(), answer(&json!("NA"), 0, date(DAY)))),
        Given::Rating(rating, evidence) => {
            Some((id.clone(), answer(&json!(rating), *evidence, date(DAY))))
        }
    });
    let result = preview(
        &rule,
        &Scope::everything(&rule),
        &assessment(answers.collect()),
        date(DAY),
    );
    for (it, dimension) in result
        .dimensions
        .iter()
        .zip(standard["dimensions"].as_array().unwrap())
    {
        let expected = naive::score(standard, dimension, given);
        let outcome = serde_json::to_value(it.outcome).unwrap();
        prop_assert_eq!(outcome.as_str().unwrap(), expected.outcome);
        let mean = it
            .mean
            .as_ref()
            .map(|mean| mean.parse::<domain::quality::Decimal>().unwrap().parts());
        prop_assert_eq!(mean, expected.mean);
        prop_assert_eq!(&it.level, &expected.level);
        prop_assert_eq!(&it.capped, &expected.capped);
        prop_assert_eq!(&it.core_below, &expected.core_below);
        prop_assert_eq!(it.many_not_applicable, expected.many_not_applicable);
    }
    Ok(())
}

/// How good a score is: no number is neither better nor worse.
fn rank(score: &DimensionScore) -> Option<(i64, u8)> {
    match score.outcome {
        Outcome::Scored { mean, level } => Some((mean.parts(), level)),
        Outcome::Incomplete | Outcome::NotInScope => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_score_is_what_the_naive_computation_says(standard in random::standard(), numbers in random::answers()) {
        agrees(&standard, &random::given(&standard, &numbers))?;
    }

    #[test]
    fn a_higher_rating_never_gives_less(
        standard in random::standard(),
        numbers in random::answers(),
        which in any::<prop::sample::Index>(),
    ) {
        let rule = rule(&standard);
        let scope = Scope::everything(&rule);
        let before = marks(&rule, &random::given(&standard, &numbers));
        let mut after = before.clone();
        let which = which.index(after.len());
        let Mark::Rated { rating, evidence } = after[which] else { return Ok(()) };
        let Some(higher) = rule.ratings().find(|it| *it > rating) else { return Ok(()) };
        after[which] = Mark::Rated { rating: higher, evidence };
        for (before, after) in rule.scores(&scope, &before).iter().zip(rule.scores(&scope, &after)) {
            match (rank(before), rank(&after)) {
                (Some(before), Some(after)) => {
                    prop_assert!(after.0 >= before.0 && after.1 >= before.1, "{before:?} {after:?}");
                }
                (before, after) => prop_assert_eq!(before, after),
            }
        }
        // Nor does more evidence.
        after[which] = Mark::Rated { rating, evidence: evidence + 1 };
        for (before, after) in rule.scores(&scope, &before).iter().zip(rule.scores(&scope, &after)) {
            prop_assert!(rank(before) <= rank(&after));
        }
    }

    #[test]
    fn the_order_of_criteria_and_dimensions_plays_no_part(
        standard in random::standard(),
        numbers in random::answers(),
        shuffled in any::<u64>(),
    ) {
        let given = random::given(&standard, &numbers);
        let mut turned = standard.clone();
        let dimensions = turned["dimensions"].as_array_mut().unwrap();
        let by = usize::try_from(shuffled % 7).unwrap();
        let count = dimensions.len();
        dimensions.rotate_left(by % count);
        for dimension in dimensions {
            let criteria = dimension["criteria"].as_array_mut().unwrap();
            criteria.reverse();
            let count = criteria.len();
            criteria.rotate_left(by % count);
        }
        let by_name = |standard: &Value| -> BTreeMap<String, (Outcome, u32, u32, bool)> {
            let rule = rule(standard);
            let scores = rule.scores(&Scope::everything(&rule), &marks(&rule, &given));
            let facts = |it: &DimensionScore| (it.outcome, it.capped.count_ones(), it.core_below.count_ones(), it.many_not_applicable);
            rule.dimension_ids().map(str::to_owned).zip(scores.iter().map(facts)).collect()
        };
        prop_assert_eq!(by_name(&standard), by_name(&turned));
    }

    #[test]
    fn the_shipped_and_the_other_standard_agree_with_the_naive_computation(
        numbers in prop::collection::vec((0..10_u8, any::<u8>(), 0..4_usize), 34),
    ) {
        for mut standard in [shipped_json(), other_json()] {
            // The naive computation counts all evidence.
            standard["scoring"]["parameters"]["evidence_cap"].as_object_mut().unwrap().remove("max_age_months");
            agrees(&standard, &random::given(&standard, &numbers))?;
        }
    }
}
