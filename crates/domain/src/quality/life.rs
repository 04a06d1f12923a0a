//! The life of a standard: drafted, published, superseded, and unchangeable once somebody relies on it.

use std::collections::BTreeSet;

use super::StandardVersion;
use super::answers::escaped;
use super::standard::Findings;
use crate::Violation;
use crate::kinds::{QualityStandard, StandardState};

/// What is wrong with changing a standard from `current` to `next`. `is_used` says whether any entry refers to it: an
/// assessment must find the standard as it was answered to, also where that is a draft.
#[must_use]
pub fn check_change(
    current: &QualityStandard,
    next: &QualityStandard,
    is_used: bool,
) -> Vec<Violation> {
    let mut found = Findings::default();
    let is_forward = matches!(
        (current.state, next.state),
        (StandardState::Draft, _)
            | (
                StandardState::Published,
                StandardState::Published | StandardState::Superseded
            )
            | (StandardState::Superseded, StandardState::Superseded)
    );
    if !is_forward {
        found.add(
            "/state",
            "standard_state_goes_back",
            "a standard is drafted, published, superseded, in this order",
        );
    }
    if is_used || current.state != StandardState::Draft {
        for field in fields_that_differ(current, next) {
            found.add(
                &format!("/{}", escaped(&field)),
                "standard_immutable",
                "this version is published or in use: what is to change goes into a new version",
            );
        }
    }
    found.0
}

/// The fields in which two standards differ, other than their state.
fn fields_that_differ(current: &QualityStandard, next: &QualityStandard) -> Vec<String> {
    let fields = |standard: &QualityStandard| match serde_json::to_value(standard) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (current, next) = (fields(current), fields(next));
    let names: BTreeSet<&String> = current.keys().chain(next.keys()).collect();
    names
        .into_iter()
        .filter(|name| *name != "state" && current.get(*name) != next.get(*name))
        .cloned()
        .collect()
}

/// What is wrong with `next` taking the place of `current`: it must be a later version of the same standard.
#[must_use]
pub fn check_successor(current: &QualityStandard, next: &QualityStandard) -> Vec<Violation> {
    let mut found = Findings::default();
    if current.code != next.code {
        found.add(
            "/code",
            "other_standard",
            "a version takes the place of one of the same standard",
        );
    }
    let versions = (
        current.standard_version.parse::<StandardVersion>(),
        next.standard_version.parse::<StandardVersion>(),
    );
    if let (Ok(current), Ok(next)) = versions
        && next.precedence(&current).is_le()
    {
        found.add(
            "/standard_version",
            "not_a_later_version",
            "a version takes the place of an earlier one",
        );
    }
    found.0
}
