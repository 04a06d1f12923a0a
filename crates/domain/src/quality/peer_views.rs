//! What a reviewer leaves with a submission, beside the verdict.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Rule;
use crate::kinds::{CriterionView, check_views};
use crate::{Checker, Origin, Violation, limits};

/// What a reviewer sees in a submission. It stays at the owner's node: its own verdict travels without it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "reason": "Please name the list of referrals.",
    "criteria": {"D1.1": {"stance": "differ", "rating": 2, "comment": "We saw no list."}},
}))]
pub struct PeerViews {
    /// Why the submission is returned. Needed with that verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the reviewer sees in single criteria.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub criteria: BTreeMap<String, CriterionView>,
}

/// What is wrong with a reviewer's views.
#[must_use]
pub fn check_peer_views(
    rule: &Rule,
    views: &PeerViews,
    origin: &Origin,
    today: NaiveDate,
) -> Vec<Violation> {
    let mut c = Checker::new(origin, today);
    c.optional_string("reason", views.reason.as_deref(), limits::SUMMARY);
    check_views(&mut c, "criteria", &views.criteria);
    for (criterion, view) in &views.criteria {
        c.field("criteria", |c| {
            c.field(criterion, |c| {
                if rule.number_of(criterion).is_none() {
                    c.refuse("unknown_criterion", "the standard has no such criterion");
                }
                if view.rating.is_some_and(|rating| !rule.is_rating(rating)) {
                    c.field("rating", |c| {
                        c.refuse("rating_outside_scale", "this is no rating of the scale");
                    });
                }
            });
        });
    }
    c.finish().0
}
