use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AssessmentState;
use crate::{Checker, EntryRef, Facets, Kind, KindContent, Text, limits};

/// A peer's view of a self-assessment, written on the reviewer's own node. A draft for now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessmentReview {
    /// The self-assessment, often on another node.
    pub assessment: EntryRef,
    /// The organisation that reviews.
    pub reviewer: EntryRef,
    /// Where it stands in its workflow.
    pub state: AssessmentState,
    /// What the reviewer sees in single criteria.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub criteria: BTreeMap<String, CriterionView>,
    /// What the reviewer sees in the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Text>,
}

/// A reviewer's view of one criterion.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CriterionView {
    /// The rating that the reviewer would give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<i32>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl KindContent for AssessmentReview {
    const KIND: Kind = Kind::AssessmentReview;

    fn check(&self, c: &mut Checker<'_>) {
        c.reference("assessment", &self.assessment, &[Kind::SelfAssessment]);
        c.reference("reviewer", &self.reviewer, &[Kind::Organisation]);
        c.field("criteria", |c| {
            if self.criteria.len() > limits::DIMENSIONS * limits::CRITERIA {
                c.refuse("too_many", "more views than a standard can have criteria");
                return;
            }
            for (criterion, view) in &self.criteria {
                c.field(criterion, |c| {
                    if criterion.is_empty() || criterion.chars().count() > limits::SHORT {
                        c.refuse("not_an_id", "expected the id of a criterion");
                    }
                    c.optional_string("comment", view.comment.as_deref(), limits::SUMMARY);
                });
            }
        });
        Text::check_optional(self.summary.as_ref(), c, "summary", limits::SUMMARY);
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.organisations.push(&self.reviewer);
        facets.related.push(&self.assessment);
    }

    fn title(&self) -> Text {
        Text::new("en", "Assessment review")
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        self.summary.iter_mut().collect()
    }
}
