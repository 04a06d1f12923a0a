//! How a network stands, for coordinators: how many organisations are where, in fixed cells, so that nobody is revealed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{Rule, shown_cells};
use crate::kinds::{Answer, AssessmentResult, AssessmentState, DimensionOutcome};
use crate::{Content, Entry, limits};

/// Over fewer organisations nothing is shown.
pub const MIN_ORGANISATIONS: usize = 5;
/// A distribution is published anew only where at least so many organisations stand differently than in each published
/// before.
pub const MIN_CHANGED: usize = 5;

const INCOMPLETE: &str = "incomplete";
const NOT_IN_SCOPE: &str = "not_in_scope";
const NOT_APPLICABLE: &str = "not_applicable";
const UNANSWERED: &str = "unanswered";
/// Codes that no level may have, because cells have them.
pub(super) const RESERVED: [&str; 4] = [INCOMPLETE, NOT_IN_SCOPE, NOT_APPLICABLE, UNANSWERED];

/// What one organisation's newest published assessment adds: the cell of each dimension, and of each criterion where its
/// ratings are known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The organisation, by its URI.
    pub organisation: String,
    /// When the assessment was published.
    pub published_on: NaiveDate,
    dimensions: BTreeMap<String, String>,
    criteria: BTreeMap<String, String>,
}

impl Contribution {
    /// What an entry adds to the distribution of a standard: a published result by this very version that is valid on the day
    /// `today`.
    #[must_use]
    pub fn of(entry: &Entry, rule: &Rule, today: NaiveDate) -> Option<Self> {
        let Content::SelfAssessment(it) = &entry.content else {
            return None;
        };
        let result = it.record.result.as_ref()?;
        let counts = it.state == AssessmentState::Published
            && result.standard_code == rule.code()
            && result.standard_version == rule.version().to_string()
            && today < result.valid_until;
        counts.then(|| Self::new(entry.origin.uri(entry.owner), result, &it.answers))
    }

    /// From a published result. `answers` where they are known here: an assessment of another node has none unless its
    /// owner chose to show them.
    #[must_use]
    pub fn new(
        organisation: String,
        result: &AssessmentResult,
        answers: &BTreeMap<String, Answer>,
    ) -> Self {
        let dimension = |it: &crate::kinds::DimensionResult| {
            let cell = match it.outcome {
                DimensionOutcome::Incomplete => INCOMPLETE.to_owned(),
                DimensionOutcome::NotInScope => NOT_IN_SCOPE.to_owned(),
                DimensionOutcome::Scored => it.level.clone().unwrap_or_default(),
            };
            (it.id.clone(), cell)
        };
        let criterion = |(id, answer): (&String, &Answer)| {
            let cell = match (answer.rating, &answer.not_applicable) {
                (Some(rating), _) => rating.to_string(),
                (None, Some(_)) => NOT_APPLICABLE.to_owned(),
                (None, None) => UNANSWERED.to_owned(),
            };
            (id.clone(), cell)
        };
        Self {
            organisation,
            published_on: result.published_on,
            dimensions: result.dimensions.iter().map(dimension).collect(),
            criteria: answers.iter().map(criterion).collect(),
        }
    }

    /// What tells whether an organisation stands differently: what it adds, and not the version of its entry, so that
    /// changing something and back again is no change.
    fn fingerprint(&self) -> u64 {
        let json = serde_json::to_vec(&(&self.dimensions, &self.criteria)).unwrap_or_default();
        let digest = Sha256::digest(&json);
        digest
            .iter()
            .take(8)
            .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
    }
}

/// The newest contribution of each organisation, in the order of organisations. Of two on one day, one is chosen by what it
/// says, so that the order in which they come decides nothing.
#[must_use]
pub fn newest_per_organisation(all: impl IntoIterator<Item = Contribution>) -> Vec<Contribution> {
    let mut newest: BTreeMap<String, Contribution> = BTreeMap::new();
    for one in all {
        let rank = |it: &Contribution| (it.published_on, it.fingerprint());
        if newest
            .get(&one.organisation)
            .is_none_or(|it| rank(it) < rank(&one))
        {
            newest.insert(one.organisation.clone(), one);
        }
    }
    newest.into_values().collect()
}

/// How many organisations are where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Distribution {
    /// When it was made.
    pub made_on: NaiveDate,
    /// Over how many organisations.
    pub organisations: u32,
    /// The dimensions, in the standard's order.
    pub dimensions: Vec<DistributionRow>,
    /// The criteria, in the standard's order.
    pub criteria: Vec<DistributionRow>,
}

/// One dimension or criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DistributionRow {
    /// Its id.
    pub id: String,
    /// Its cells, the same for every row of its sort. Empty: withheld, because fewer than five organisations are known in
    /// it, or because all stand alike.
    pub cells: Vec<DistributionCell>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DistributionCell {
    /// A level, a rating, or why there is none.
    pub code: String,
    /// How many organisations. `null`: too few to say.
    pub count: Option<u32>,
}

/// A distribution with what it was made from. What it was made from is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What is shown.
    pub distribution: Distribution,
    /// Who stood how, in this snapshot and in each before it, oldest first.
    bases: Vec<BTreeMap<String, u64>>,
}

/// What becomes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// The one that is published stays; where there is none, the distribution is withheld.
    Keep,
    /// This one is published from now on.
    Publish(Box<Snapshot>),
}

/// Decides whether a distribution is published anew.
///
/// A new one is made where at least [`MIN_ORGANISATIONS`] contribute, and at least [`MIN_CHANGED`] of them joined, left or
/// stand differently, against *every* snapshot that was ever shown and not the last alone: with A, B and C published in this
/// order, somebody who kept A can compare it with C. `current` holds each organisation once
/// ([`newest_per_organisation`]).
#[must_use]
pub fn renew(
    last: Option<&Snapshot>,
    rule: &Rule,
    current: &[Contribution],
    today: NaiveDate,
) -> Renewal {
    if current.len() < MIN_ORGANISATIONS {
        return Renewal::Keep;
    }
    let basis: BTreeMap<String, u64> = current
        .iter()
        .map(|it| (it.organisation.clone(), it.fingerprint()))
        .collect();
    let mut bases = last.map_or_else(Vec::new, |snapshot| snapshot.bases.clone());
    if bases
        .iter()
        .any(|shown| changed(shown, &basis) < MIN_CHANGED)
    {
        return Renewal::Keep;
    }
    if bases.len() >= limits::SNAPSHOTS {
        bases.remove(0);
    }
    bases.push(basis);
    Renewal::Publish(Box::new(Snapshot {
        distribution: distribution(rule, current, today),
        bases,
    }))
}

/// How many organisations stand differently in two bases.
fn changed(a: &BTreeMap<String, u64>, b: &BTreeMap<String, u64>) -> usize {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .count()
}

fn distribution(rule: &Rule, current: &[Contribution], today: NaiveDate) -> Distribution {
    let levels = rule.level_codes().map(str::to_owned);
    let levels: Vec<String> = levels
        .chain([INCOMPLETE, NOT_IN_SCOPE].map(str::to_owned))
        .collect();
    let ratings = rule.ratings().map(|rating| rating.to_string());
    let ratings: Vec<String> = ratings
        .chain([NOT_APPLICABLE, UNANSWERED].map(str::to_owned))
        .collect();
    Distribution {
        made_on: today,
        organisations: u32::try_from(current.len()).unwrap_or(u32::MAX),
        dimensions: rule
            .dimension_ids()
            .map(|id| {
                row(
                    id,
                    &levels,
                    current.iter().filter_map(|it| it.dimensions.get(id)),
                )
            })
            .collect(),
        criteria: rule
            .criterion_ids()
            .map(|id| {
                row(
                    id,
                    &ratings,
                    current.iter().filter_map(|it| it.criteria.get(id)),
                )
            })
            .collect(),
    }
}

fn row<'a>(id: &str, codes: &[String], cells: impl Iterator<Item = &'a String>) -> DistributionRow {
    let mut counts = vec![0_u32; codes.len()];
    let mut known = 0_usize;
    for cell in cells {
        // A cell that this version of the standard does not have is not counted: there is no place for it.
        let place = codes.iter().position(|code| code == cell);
        if let Some(count) = place.and_then(|at| counts.get_mut(at)) {
            *count += 1;
            known += 1;
        }
    }
    let shown = Some(counts)
        .filter(|_| known >= MIN_ORGANISATIONS)
        .and_then(|counts| shown_cells(&counts));
    let cell = |(code, count): (&String, Option<u32>)| DistributionCell {
        code: code.clone(),
        count,
    };
    DistributionRow {
        id: id.to_owned(),
        cells: shown.map_or_else(Vec::new, |shown| {
            codes.iter().zip(shown).map(cell).collect()
        }),
    }
}
