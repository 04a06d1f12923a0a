use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Audience, Checker, EntryRef, Facets, Kind, KindContent, Text, limits, quality};

/// A peer's view of a self-assessment, written on the reviewer's own node. Once it is given, the verdict alone travels:
/// views of single criteria tell what their owner may have chosen to keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessmentReview {
    /// The self-assessment, often on another node.
    pub assessment: EntryRef,
    /// The organisation that reviews.
    pub reviewer: EntryRef,
    /// The organisation whose assessment it is, as the submission names it. Needed once it is given: who was reviewed may
    /// not review the other way round for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<EntryRef>,
    /// Whether it is given.
    pub state: AssessmentReviewState,
    /// What it comes to. Needed once it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Which submission it is about: the assessment's fingerprint as the reviewer read it. Needed once it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
    /// Why the assessment is returned. Needed with that verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the reviewer sees in single criteria.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub criteria: BTreeMap<String, CriterionView>,
    /// What the reviewer sees in the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Text>,
}

/// Where a review stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssessmentReviewState {
    /// Being written.
    Draft,
    /// Given. Its verdict moves the assessment.
    Given,
}

/// What a review comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It passes, also where the reviewer sees single criteria differently.
    Confirmed,
    /// It goes back.
    Returned,
}

/// A reviewer's view of one criterion.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CriterionView {
    /// Whether the reviewer agrees, asks, or differs (the steps of the standard file's `review`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stance: Option<Stance>,
    /// The rating that the reviewer would give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<i32>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// How a reviewer stands to a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// Sees it the same way.
    Agree,
    /// Has a question.
    Ask,
    /// Sees it differently.
    Differ,
}

pub(crate) fn check_views(
    c: &mut Checker<'_>,
    name: &str,
    views: &BTreeMap<String, CriterionView>,
) {
    c.field(name, |c| {
        if views.len() > limits::DIMENSIONS * limits::CRITERIA {
            c.refuse("too_many", "more views than a standard can have criteria");
            return;
        }
        for (criterion, view) in views {
            c.field(criterion, |c| {
                if criterion.is_empty() || criterion.chars().count() > limits::SHORT {
                    c.refuse("not_an_id", "expected the id of a criterion");
                }
                c.optional_string("comment", view.comment.as_deref(), limits::SUMMARY);
            });
        }
    });
}

impl KindContent for AssessmentReview {
    const KIND: Kind = Kind::AssessmentReview;

    fn check(&self, c: &mut Checker<'_>) {
        c.reference("assessment", &self.assessment, &[Kind::SelfAssessment]);
        c.reference("reviewer", &self.reviewer, &[Kind::Organisation]);
        if let Some(organisation) = &self.organisation {
            c.reference("organisation", organisation, &[Kind::Organisation]);
        }
        if self.state == AssessmentReviewState::Given {
            for (name, is_there) in [
                ("organisation", self.organisation.is_some()),
                ("verdict", self.verdict.is_some()),
                ("submission", self.submission.is_some()),
            ] {
                if !is_there {
                    c.field(name, |c| {
                        c.refuse("required", "a review that is given says this")
                    });
                }
            }
        }
        c.optional_string("submission", self.submission.as_deref(), limits::SHORT);
        let has_reason = self
            .reason
            .as_ref()
            .is_some_and(|reason| !reason.trim().is_empty());
        if self.verdict == Some(Verdict::Returned) && !has_reason {
            c.field("reason", |c| {
                c.refuse("returned_without_reason", "say what has to change")
            });
        } else {
            c.optional_string("reason", self.reason.as_deref(), limits::SUMMARY);
        }
        check_views(c, "criteria", &self.criteria);
        Text::check_optional(self.summary.as_ref(), c, "summary", limits::SUMMARY);
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.organisations.push(&self.reviewer);
        facets.related.push(&self.assessment);
        facets.related.extend(&self.organisation);
    }

    fn title(&self) -> Text {
        Text::new("en", "Assessment review")
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        self.summary.iter_mut().collect()
    }

    fn is_shown(&self, audience: Audience, _: chrono::NaiveDate) -> bool {
        quality::shows_review(self, audience)
    }

    fn restrict(&mut self, audience: Audience, _: chrono::NaiveDate) -> bool {
        quality::restrict_review(self, audience)
    }
}
