//! Who may not review whom: the standard file's `review.conflict_of_interest`.

use chrono::{Months, NaiveDate};

/// For how long a funding relation stands against a review.
const FUNDING_MONTHS: u32 = 36;
/// For how long a review the other way round does.
const MUTUAL_REVIEW_MONTHS: u32 = 24;

/// What is known of a reviewer and of the owner of an assessment. Organisations are named by their URIs, because either may
/// live on another node.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReviewerFacts<'a> {
    /// The owner of the assessment.
    pub owner: &'a str,
    /// What stands above the owner.
    pub above_owner: &'a [String],
    /// Organisations that have a part in what is assessed: its provider, funders, partners.
    pub parts: &'a [String],
    /// The reviewer.
    pub reviewer: &'a str,
    /// What stands above the reviewer.
    pub above_reviewer: &'a [String],
    /// The last day on which one funded the other, as they declare it.
    pub last_funding: Option<NaiveDate>,
    /// When the owner last reviewed the reviewer.
    pub last_review_the_other_way: Option<NaiveDate>,
}

/// Why somebody may not review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conflict {
    /// It is the owner, or has a part in what is assessed.
    Itself,
    /// One stands above the other, or the same organisation stands above both.
    SameUmbrella,
    /// One funded the other within the last three years.
    Funding,
    /// The other way round, the review is less than 24 months old.
    MutualReview,
}

/// Whether a reviewer is too close on the day `today`.
#[must_use]
pub fn conflict(facts: &ReviewerFacts<'_>, today: NaiveDate) -> Option<Conflict> {
    let names_reviewer = |list: &[String]| list.iter().any(|uri| uri == facts.reviewer);
    if facts.reviewer == facts.owner || names_reviewer(facts.parts) {
        return Some(Conflict::Itself);
    }
    let is_above_both = |uri: &String| facts.above_owner.contains(uri);
    if names_reviewer(facts.above_owner)
        || facts.above_reviewer.iter().any(|uri| uri == facts.owner)
        || facts.above_reviewer.iter().any(is_above_both)
    {
        return Some(Conflict::SameUmbrella);
    }
    if is_within(facts.last_funding, FUNDING_MONTHS, today) {
        return Some(Conflict::Funding);
    }
    is_within(facts.last_review_the_other_way, MUTUAL_REVIEW_MONTHS, today)
        .then_some(Conflict::MutualReview)
}

fn is_within(day: Option<NaiveDate>, months: u32, today: NaiveDate) -> bool {
    day.and_then(|day| day.checked_add_months(Months::new(months)))
        .is_some_and(|until| today < until)
}
