//! Which criteria are asked of whom.

use super::Rule;
use super::rule::RuleCriterion;
use crate::kinds::{AssessedSubject, Offer, Organisation};
use crate::{Content, Kind};

/// The criteria that are in scope for one subject, by number.
///
/// The rule is the standard file's `scoring.scope`: a criterion is in scope when `applies_to` names the kind of the subject
/// and, for an offer, when its phases meet the criterion's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub(super) in_scope: Vec<bool>,
}

impl Scope {
    /// The scope of a subject.
    #[must_use]
    pub fn of(rule: &Rule, subject: &AssessedSubject) -> Self {
        Self {
            in_scope: rule
                .criteria
                .iter()
                .map(|criterion| is_asked_of(criterion, subject))
                .collect(),
        }
    }

    /// Every criterion, whoever it is for.
    #[must_use]
    pub fn everything(rule: &Rule) -> Self {
        Self {
            in_scope: vec![true; rule.criteria.len()],
        }
    }

    /// Whether the criterion with this number is in scope.
    #[must_use]
    pub fn has(&self, number: usize) -> bool {
        self.in_scope.get(number).copied().unwrap_or(false)
    }

    /// The numbers of the criteria in scope.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        let numbered = self.in_scope.iter().enumerate();
        numbered.filter_map(|(number, is_in)| is_in.then_some(number))
    }

    /// The ids of the criteria in scope, in the standard's order.
    #[must_use]
    pub fn ids(&self, rule: &Rule) -> Vec<String> {
        let criteria = self
            .numbers()
            .filter_map(|number| rule.criteria.get(number));
        criteria.map(|criterion| criterion.id.clone()).collect()
    }

    /// How many criteria are in scope.
    #[must_use]
    pub fn count(&self) -> usize {
        self.numbers().count()
    }
}

fn is_asked_of(criterion: &RuleCriterion, subject: &AssessedSubject) -> bool {
    if !criterion.applies_to.contains(&subject.kind) {
        return false;
    }
    subject.kind != Kind::Offer
        || criterion.phases.is_empty()
        || subject.phases.is_empty()
        || subject
            .phases
            .iter()
            .any(|phase| criterion.phases.iter().any(|it| it == phase.as_str()))
}

/// What of a subject decides which criteria are in scope. `None` for what is not assessed.
#[must_use]
pub fn assessed_subject(content: &Content) -> Option<AssessedSubject> {
    match content {
        Content::Organisation(it) => Some(it.as_ref().into()),
        Content::Offer(it) => Some(it.as_ref().into()),
        _ => None,
    }
}

impl From<&Organisation> for AssessedSubject {
    fn from(_: &Organisation) -> Self {
        Self {
            kind: Kind::Organisation,
            phases: Vec::new(),
        }
    }
}

impl From<&Offer> for AssessedSubject {
    fn from(offer: &Offer) -> Self {
        Self {
            kind: Kind::Offer,
            phases: offer.phases.clone(),
        }
    }
}
