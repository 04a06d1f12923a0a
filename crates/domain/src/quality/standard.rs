//! What a standard must satisfy to be usable. Each finding names its place within the standard.

use std::collections::BTreeSet;

use super::decimal::PARTS;
use super::distribution::RESERVED;
use super::parameters::{CoreRule, EvidenceCap, NotApplicable, Parameters, Rounding};
use super::{StandardVersion, Validity, workflow};
use crate::kinds::{QualityStandard, StandardState};
use crate::{Violation, limits};

/// Everything in which a standard contradicts itself or leaves open what a score needs. Empty: it can be compiled into a
/// [`super::Rule`].
#[must_use]
pub fn contradictions(standard: &QualityStandard) -> Vec<Violation> {
    let mut found = Findings::default();
    if let Err(why) = standard.standard_version.parse::<StandardVersion>() {
        found.add("/standard_version", "not_a_version", why);
    }
    codes_are_distinct(standard, &mut found);
    match Parameters::of(standard) {
        Ok(parameters) => {
            scale(standard, &parameters, &mut found);
            if let Some(cap) = &parameters.evidence_cap {
                evidence_cap(cap, &parameters, &mut found);
            }
            weights(standard, &parameters, &mut found);
            shares(&parameters, &mut found);
            match steps_per_point(&parameters.rounding) {
                Ok(steps) => levels(&parameters, steps, &mut found),
                Err((place, why)) => found.add(
                    &format!("/scoring/parameters/rounding/{place}"),
                    "out_of_range",
                    why,
                ),
            }
            if let Some(rule) = &parameters.core_rule {
                core_rule(rule, &parameters, &mut found);
            }
        }
        Err(violation) => found.0.push(violation),
    }
    Validity::check(standard, standard.state != StandardState::Draft, &mut found);
    workflow::check_transitions(&standard.review, &mut found);
    found.0
}

/// Findings in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Violation>);

impl Findings {
    pub(crate) fn add(&mut self, pointer: &str, code: &'static str, message: impl Into<String>) {
        self.0.push(Violation {
            pointer: pointer.to_owned(),
            code: code.into(),
            message: message.into(),
        });
    }

    /// A finding about a parameter.
    fn parameter(&mut self, place: &str, code: &'static str, message: impl Into<String>) {
        self.add(&format!("/scoring/parameters/{place}"), code, message);
    }
}

fn codes_are_distinct(standard: &QualityStandard, found: &mut Findings) {
    let mut types = BTreeSet::new();
    for (at, evidence) in standard.evidence_types.iter().enumerate() {
        if !types.insert(evidence.code.as_str()) {
            found.add(&format!("/evidence_types/{at}/code"), "repeated", TWICE);
        }
    }
    let mut ids = BTreeSet::new();
    let mut codes = BTreeSet::new();
    let mut criteria = BTreeSet::new();
    let mut indicators = BTreeSet::new();
    for (at, dimension) in standard.dimensions.iter().enumerate() {
        if !ids.insert(dimension.id.as_str()) {
            found.add(&format!("/dimensions/{at}/id"), "repeated", TWICE);
        }
        if dimension
            .code
            .as_deref()
            .is_some_and(|code| !codes.insert(code))
        {
            found.add(&format!("/dimensions/{at}/code"), "repeated", TWICE);
        }
        if dimension.criteria.len() > limits::CRITERIA {
            found.add(
                &format!("/dimensions/{at}/criteria"),
                "too_many",
                format!("at most {} criteria", limits::CRITERIA),
            );
        }
        for (index, criterion) in dimension.criteria.iter().enumerate() {
            let place = format!("/dimensions/{at}/criteria/{index}");
            if !criteria.insert(criterion.id.as_str()) {
                found.add(&format!("{place}/id"), "repeated", TWICE);
            }
            for (nth, indicator) in criterion.indicators.iter().enumerate() {
                if !indicators.insert(indicator.id.as_str()) {
                    found.add(&format!("{place}/indicators/{nth}/id"), "repeated", TWICE);
                }
            }
        }
    }
}

const TWICE: &str = "this code stands in the standard twice";

fn scale(standard: &QualityStandard, parameters: &Parameters, found: &mut Findings) {
    let (scale, own) = (&parameters.scale, &standard.scale);
    for (name, value, other) in [("min", scale.min, own.min), ("max", scale.max, own.max)] {
        if value != other {
            found.parameter(
                &format!("scale/{name}"),
                "contradiction",
                format!("the standard's own scale says {other}"),
            );
        }
        if !(-limits::RATING..=limits::RATING).contains(&value) {
            found.parameter(
                &format!("scale/{name}"),
                "out_of_range",
                "no rating lies so far from zero",
            );
        }
    }
    let width = i64::from(scale.max) - i64::from(scale.min);
    if width <= 0 {
        found.parameter(
            "scale/max",
            "out_of_range",
            "the highest rating lies above the lowest",
        );
    } else if scale.step < 1 || width % i64::from(scale.step) != 0 {
        found.parameter(
            "scale/step",
            "out_of_range",
            "whole steps lead from the lowest rating to the highest",
        );
    }
    for (at, level) in own.levels.iter().enumerate() {
        if !is_rating(parameters, level.value) {
            found.add(
                &format!("/scale/levels/{at}/value"),
                "contradiction",
                NO_RATING,
            );
        }
    }
    let agrees = match scale.not_applicable {
        None => true,
        Some(NotApplicable::WithReason) => own.allow_not_applicable,
        Some(NotApplicable::NotAllowed) => !own.allow_not_applicable,
    };
    if !agrees {
        found.parameter(
            "scale/not_applicable",
            "contradiction",
            format!("the standard's own scale says {}", own.allow_not_applicable),
        );
    }
}

const NO_RATING: &str = "this is no rating of the scale";

/// Whether a number is one of the scale's ratings.
pub(crate) fn is_rating(parameters: &Parameters, value: i32) -> bool {
    let scale = &parameters.scale;
    (scale.min..=scale.max).contains(&value)
        && (i64::from(value) - i64::from(scale.min)).checked_rem(i64::from(scale.step)) == Some(0)
}

/// A higher rating must never count as less: the cap may not lie more than one step below the first rating that it meets.
fn evidence_cap(cap: &EvidenceCap, parameters: &Parameters, found: &mut Findings) {
    for (name, value) in [
        ("from_rating", cap.from_rating),
        ("effective_rating", cap.effective_rating),
    ] {
        if !is_rating(parameters, value) {
            found.parameter(&format!("evidence_cap/{name}"), "out_of_range", NO_RATING);
        }
    }
    if cap.from_rating <= parameters.scale.min {
        found.parameter(
            "evidence_cap/from_rating",
            "out_of_range",
            "the lowest rating needs no evidence",
        );
    }
    let lowest = i64::from(cap.from_rating) - i64::from(parameters.scale.step);
    if i64::from(cap.effective_rating) < lowest {
        found.parameter(
            "evidence_cap/effective_rating",
            "contradiction",
            format!("below {lowest}, a higher rating would count as less than a lower one"),
        );
    }
    if cap.effective_rating > cap.from_rating {
        found.parameter(
            "evidence_cap/effective_rating",
            "contradiction",
            "above the rating from which on it holds, it would change nothing there",
        );
    }
    if cap.items == 0 || usize::from(cap.items) > limits::EVIDENCE {
        found.parameter(
            "evidence_cap/items",
            "out_of_range",
            format!(
                "1 to {} pieces; without a cap, leave it out",
                limits::EVIDENCE
            ),
        );
    }
    if cap.max_age_months == Some(0) {
        found.parameter(
            "evidence_cap/max_age_months",
            "out_of_range",
            "no evidence is younger than no month",
        );
    }
}

fn weights(standard: &QualityStandard, parameters: &Parameters, found: &mut Findings) {
    let check = |value: u32, place: &str, found: &mut Findings| {
        if value == 0 {
            found.add(place, "zero_weight", "what weighs nothing plays no part");
        } else if value > limits::WEIGHT {
            found.add(place, "out_of_range", format!("at most {}", limits::WEIGHT));
        }
    };
    if let Some(weights) = &parameters.weights {
        check(weights.core, "/scoring/parameters/weights/core", found);
        check(weights.other, "/scoring/parameters/weights/other", found);
    }
    for (at, dimension) in standard.dimensions.iter().enumerate() {
        if let Some(weight) = dimension.weight {
            check(weight, &format!("/dimensions/{at}/weight"), found);
        }
        for (index, criterion) in dimension.criteria.iter().enumerate() {
            let place = format!("/dimensions/{at}/criteria/{index}/weight");
            let rule = parameters.weights.as_ref().map(|weights| {
                if criterion.core {
                    weights.core
                } else {
                    weights.other
                }
            });
            match (criterion.weight, rule) {
                (Some(own), Some(rule)) if own != rule => found.add(
                    &place,
                    "contradiction",
                    format!("the parameters give this criterion the weight {rule}"),
                ),
                (Some(own), _) => check(own, &place, found),
                (None, Some(_)) => {}
                (None, None) => found.add(
                    &place,
                    "required",
                    "neither the criterion nor the parameters give a weight",
                ),
            }
        }
    }
}

fn shares(parameters: &Parameters, found: &mut Findings) {
    let (share, of) = parameters.coverage.minimum;
    if share == 0 || share > of {
        found.parameter(
            "coverage/minimum",
            "out_of_range",
            "a share of more than nothing and at most the whole",
        );
    }
    if let Some(many) = &parameters.many_not_applicable {
        let (share, of) = many.more_than;
        if share >= of {
            found.parameter(
                "many_not_applicable/more_than",
                "out_of_range",
                "a share of less than the whole",
            );
        }
    }
}

/// How many steps each point has. It must divide ten thousand, or no decimal could name a step.
pub(crate) fn steps_per_point(rounding: &Rounding) -> Result<i64, (&'static str, &'static str)> {
    match (rounding.decimals, rounding.steps_per_point) {
        (Some(decimals @ 0..=4), None) => Ok(10_i64.pow(decimals)),
        (Some(_), None) => Err(("decimals", "0 to 4")),
        (None, Some(steps)) if steps > 0 && PARTS % steps == 0 => Ok(steps),
        (None, Some(_)) => Err((
            "steps_per_point",
            "a divisor of 10000: 1, 2, 4, 5, 8, 10 ...",
        )),
        _ => Err((
            "decimals",
            "either decimals or steps_per_point, and one of them",
        )),
    }
}

fn levels(parameters: &Parameters, steps: i64, found: &mut Findings) {
    let levels = &parameters.levels;
    if levels.is_empty() || levels.len() > limits::LEVELS {
        found.parameter(
            "levels",
            "out_of_range",
            format!("1 to {} levels", limits::LEVELS),
        );
        return;
    }
    let mut codes = BTreeSet::new();
    let mut below = None;
    for (at, level) in levels.iter().enumerate() {
        let place = format!("levels/{at}/min");
        if level.code.trim().is_empty() || level.code.chars().count() > limits::SHORT {
            found.parameter(&format!("levels/{at}/code"), "out_of_range", "a short code");
        }
        if RESERVED.contains(&level.code.as_str()) {
            found.parameter(
                &format!("levels/{at}/code"),
                "reserved_code",
                "distributions call something else so",
            );
        }
        if !codes.insert(level.code.as_str()) {
            found.parameter(&format!("levels/{at}/code"), "repeated", TWICE);
        }
        if at == 0 && level.min.parts() != i64::from(parameters.scale.min) * PARTS {
            found.parameter(
                &place,
                "gap",
                "the first level begins at the lowest rating, or some means would have none",
            );
        }
        if below.is_some_and(|below| level.min <= below) {
            found.parameter(&place, "overlap", "each level begins above the one before");
        }
        if level.min.parts() > i64::from(parameters.scale.max) * PARTS {
            found.parameter(&place, "out_of_range", "no mean reaches this level");
        }
        if (level.min.parts() * steps) % PARTS != 0 {
            found.parameter(
                &place,
                "contradiction",
                "no rounded mean lies here: a level begins at a step of the rounding",
            );
        }
        below = Some(level.min);
    }
}

fn core_rule(rule: &CoreRule, parameters: &Parameters, found: &mut Findings) {
    let below = rule.effective_rating_below;
    if below <= parameters.scale.min || below > parameters.scale.max {
        found.parameter(
            "core_rule/effective_rating_below",
            "out_of_range",
            "above the lowest rating and at most the highest",
        );
    }
    match parameters
        .levels
        .iter()
        .position(|level| level.code == rule.level_at_most)
    {
        None => found.parameter(
            "core_rule/level_at_most",
            "unknown_code",
            "there is no such level",
        ),
        Some(at) if at + 1 == parameters.levels.len() => found.parameter(
            "core_rule/level_at_most",
            "contradiction",
            "the highest level bounds nothing",
        ),
        Some(_) => {}
    }
}
