use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AssessmentRecord;
use crate::{
    Audience, Checker, EntryRef, Facets, Kind, KindContent, Lang, Text, Visibility, limits, quality,
};

/// A self-assessment of an organisation or an offer against one version of a standard. It stays with its owner and
/// coordinators; once it is published, others see of it what the owner chose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SelfAssessment {
    /// What is assessed: an organisation or an offer.
    pub subject: EntryRef,
    /// The standard, in the version that is answered to.
    pub standard: EntryRef,
    /// Where it stands in its workflow. Not the status of the entry.
    pub state: AssessmentState,
    /// The answers, by criterion.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, Answer>,
    /// What is to become better.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub improvement_plan: Vec<ImprovementAction>,
    /// What the workflow writes. Nobody changes it by hand.
    #[serde(default, skip_serializing_if = "AssessmentRecord::is_empty")]
    pub record: AssessmentRecord,
}

/// The state of an assessment's workflow: the states of the standard file's `review.states`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AssessmentState {
    /// Being written.
    Draft,
    /// Complete, as the organisation sees it.
    Submitted,
    /// Another organisation was asked for its view.
    InPeerReview,
    /// The peer sent it back.
    Returned,
    /// The peer let it pass.
    Confirmed,
    /// The result is out, for those whom the organisation chose.
    Published,
    /// The result is no longer valid, and says so.
    Expired,
    /// The organisation took the result back.
    Withdrawn,
    /// A newer result took its place.
    Superseded,
}

impl AssessmentState {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Submitted,
        Self::InPeerReview,
        Self::Returned,
        Self::Confirmed,
        Self::Published,
        Self::Expired,
        Self::Withdrawn,
        Self::Superseded,
    ];

    /// Whether answers may be changed.
    #[must_use]
    pub fn is_editable(self) -> bool {
        matches!(self, Self::Draft | Self::Returned)
    }

    /// Whether others than the owner and coordinators may know of it.
    #[must_use]
    pub fn is_shown(self) -> bool {
        matches!(self, Self::Published | Self::Expired)
    }
}

/// The answer to one criterion: a rating, or a reason why it does not apply.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "rating": 3,
    "comment": "Agreed in the team.",
    "evidence": [{"type": "concept", "title": "Concept of counselling", "date": "2026-10-01"}],
}))]
pub struct Answer {
    /// A whole number on the standard's scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<i32>,
    /// Why the criterion does not apply. Excludes a rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_applicable: Option<String>,
    /// What there is to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What shows it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<AnswerEvidence>,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerEvidence {
    /// A code of the standard's evidence types.
    #[serde(rename = "type")]
    pub evidence_type: String,
    /// What it is called.
    pub title: String,
    /// Of what date it is.
    pub date: NaiveDate,
    /// The language that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Lang>,
    /// The day on which somebody confirmed that it is still in force. It then counts as if it were of that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still_in_force: Option<NaiveDate>,
    /// Where it is. Absent means: held internally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who may see it once the assessment is published.
    #[serde(default = "internal")]
    pub visibility: Visibility,
    /// The indicators that it covers, by id.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
}

fn internal() -> Visibility {
    Visibility::Internal
}

/// A step of an improvement plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImprovementAction {
    /// The criterion that it is to improve.
    pub criterion_id: String,
    /// The rating now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<i32>,
    /// The rating aimed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<i32>,
    /// What is to be done.
    pub action: Text,
    /// The function (never the name) of who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsible_function: Option<String>,
    /// By when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
    /// How far it is.
    pub status: ActionStatus,
    /// What has happened so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_note: Option<String>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionStatus {
    /// Not begun.
    Open,
    /// Begun.
    InProgress,
    /// Done.
    Done,
    /// Given up.
    Dropped,
}

impl Answer {
    fn check(&self, c: &mut Checker<'_>) {
        if self.rating.is_some() && self.not_applicable.is_some() {
            c.field("not_applicable", |c| {
                c.refuse(
                    "contradiction",
                    "a criterion is rated or does not apply, not both",
                )
            });
        }
        match &self.not_applicable {
            Some(reason) if reason.trim().is_empty() => c.field("not_applicable", |c| {
                c.refuse(
                    "not_applicable_without_reason",
                    "say why the criterion does not apply",
                )
            }),
            reason => c.optional_string("not_applicable", reason.as_deref(), limits::SUMMARY),
        }
        c.optional_string("comment", self.comment.as_deref(), limits::SUMMARY);
        c.list(
            "evidence",
            &self.evidence,
            limits::EVIDENCE,
            |c, evidence| {
                c.string("type", &evidence.evidence_type, limits::SHORT);
                c.string("title", &evidence.title, limits::TITLE);
                c.past_date("date", Some(evidence.date));
                c.past_date("still_in_force", evidence.still_in_force);
                c.in_order(
                    "still_in_force",
                    Some(evidence.date),
                    evidence.still_in_force,
                );
                if let Some(language) = &evidence.language {
                    c.field("language", |c| c.language_here(language));
                }
                c.optional_url("url", evidence.url.as_deref());
                c.list("covers", &evidence.covers, limits::INDICATORS, |c, id| {
                    c.string_here(id, limits::SHORT)
                });
            },
        );
    }
}

impl KindContent for SelfAssessment {
    const KIND: Kind = Kind::SelfAssessment;

    fn check(&self, c: &mut Checker<'_>) {
        c.reference("subject", &self.subject, &[Kind::Organisation, Kind::Offer]);
        c.reference("standard", &self.standard, &[Kind::QualityStandard]);
        c.field("answers", |c| {
            if self.answers.len() > limits::DIMENSIONS * limits::CRITERIA {
                c.refuse("too_many", "more answers than a standard can have criteria");
                return;
            }
            for (criterion, answer) in &self.answers {
                c.field(criterion, |c| {
                    if criterion.is_empty() || criterion.chars().count() > limits::SHORT {
                        c.refuse("not_an_id", "expected the id of a criterion");
                    }
                    answer.check(c);
                });
            }
        });
        c.list(
            "improvement_plan",
            &self.improvement_plan,
            limits::ACTIONS,
            |c, action| {
                c.string("criterion_id", &action.criterion_id, limits::SHORT);
                action.action.check(c, "action", limits::SUMMARY);
                c.optional_string(
                    "responsible_function",
                    action.responsible_function.as_deref(),
                    limits::SHORT,
                );
                c.optional_string(
                    "progress_note",
                    action.progress_note.as_deref(),
                    limits::SUMMARY,
                );
                c.date("due", action.due);
            },
        );
        c.field("record", |c| self.record.check(c));
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.related.extend([&self.subject, &self.standard]);
        self.record.facets(facets);
    }

    fn title(&self) -> Text {
        Text::new("en", "Self-assessment")
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        self.improvement_plan
            .iter_mut()
            .map(|action| &mut action.action)
            .collect()
    }

    fn is_shown(&self, audience: Audience, today: NaiveDate) -> bool {
        quality::shows_assessment(self, audience, today)
    }

    fn restrict(&mut self, audience: Audience, today: NaiveDate) -> bool {
        quality::restrict_assessment(self, audience, today)
    }
}
