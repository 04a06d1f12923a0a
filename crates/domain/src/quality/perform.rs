//! Doing to an assessment what was asked: the second step of [`crate::Command::Assess`].

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    Act, ArrivedVerdict, ExpectedAnswer, NewResult, PeerVerdict, ReviewerFacts, Rule, Scope,
    StepFacts, StepRefused, WorkflowRefusal, answer_tag, assessed_subject, carry_over, gaps,
    is_newer, moved, party_for, published, renewed, review_started, reviewed,
    submission_fingerprint, submitted, transition, visibility_of,
};
use crate::command::Facts;
use crate::kinds::{
    Answer, AssessedSubject, AssessmentRecord, AssessmentReviewState, AssessmentState,
    HistoryEvent, PublicationChoice, QualityStandard, ReceivedReview, SelfAssessment,
    StandardState, Verdict, WorkflowStep,
};
use crate::prepare::one;
use crate::{Actor, Content, Entry, EntryRef, Facets, Reason, Refusal, Violation};

/// What a decision about an assessment looks at.
struct Scene<'a> {
    entry: &'a Entry,
    assessment: &'a SelfAssessment,
    actor: &'a Actor,
    facts: &'a Facts<'a>,
    now: DateTime<Utc>,
}

/// What comes of an act.
pub(crate) enum Done {
    /// The assessment is from now on so. `by_hand` where somebody wrote it, and no step did.
    Changed {
        next: Box<SelfAssessment>,
        by_hand: bool,
    },
    /// Another assessment begins.
    Begun {
        id: crate::EntryId,
        next: Box<SelfAssessment>,
    },
    /// All is so already.
    Nothing,
}

/// What doing `act` to `entry` comes to.
pub(crate) fn perform(
    entry: &Entry,
    act: Act,
    actor: &Actor,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
) -> Result<Done, Refusal> {
    let Content::SelfAssessment(assessment) = &entry.content else {
        return Err(Refusal::not_found());
    };
    let scene = Scene {
        entry,
        assessment,
        actor,
        facts,
        now,
    };
    let by_step = |next: SelfAssessment| {
        Ok(Done::Changed {
            next: Box::new(next),
            by_hand: false,
        })
    };
    match act {
        Act::Answer {
            criterion,
            answer,
            expected,
        } => scene.answer(criterion, answer, &expected),
        Act::Fill {
            answers,
            improvement_plan,
        } => {
            let mut next = assessment.as_ref().clone();
            next.answers.extend(answers);
            next.improvement_plan = improvement_plan.unwrap_or(next.improvement_plan);
            Ok(by_hand(next))
        }
        Act::Submit => by_step(scene.submit()?),
        Act::StartReview {
            reviewer,
            last_funding,
        } => by_step(scene.start_review(reviewer, last_funding)?),
        Act::Verdict(verdict) => by_step(scene.verdict(verdict)?),
        Act::Publish { choice } => by_step(scene.publish(choice)?),
        Act::Withdraw => by_step(moved(assessment, scene.step(WorkflowStep::Withdraw)?)),
        Act::Renew => by_step(renewed(assessment, scene.step(WorkflowStep::Renew)?)),
        Act::Expire => by_step(moved(assessment, scene.step(WorkflowStep::Expire)?)),
        Act::Archive => scene.archive(),
        Act::Supersede { by } => by_step(scene.supersede(by)?),
        Act::FollowUp { new_id, standard } => Ok(Done::Begun {
            id: new_id,
            next: Box::new(scene.follow_up(standard)?),
        }),
    }
}

fn by_hand(next: SelfAssessment) -> Done {
    Done::Changed {
        next: Box::new(next),
        by_hand: true,
    }
}

/// The entry of an assessment after an act.
pub(crate) fn entry_after(before: &Entry, next: SelfAssessment, now: DateTime<Utc>) -> Entry {
    let mut entry = before.clone();
    entry.visibility = visibility_of(&next);
    entry.version += 1;
    entry.modified = now;
    entry.content = Content::SelfAssessment(Box::new(next));
    entry
}

/// The entry of an assessment that follows another one.
pub(crate) fn entry_of_follow_up(
    before: &Entry,
    id: crate::EntryId,
    next: SelfAssessment,
    now: DateTime<Utc>,
) -> Entry {
    let mut entry = entry_after(before, next, now);
    entry.id = id;
    entry.version = 1;
    entry.created = now;
    entry.external_id = None;
    entry.provenance = None;
    (entry.available_from, entry.available_until) = (None, None);
    (entry.last_verified, entry.review_due) = (None, None);
    (entry.verified_by_function, entry.verification_method) = (None, None);
    (entry.sources, entry.same_as) = (Vec::new(), Vec::new());
    entry
}

impl<'a> Scene<'a> {
    fn content(&self, reference: &EntryRef) -> Option<&'a Entry> {
        self.facts.contents.get(reference).map(Arc::as_ref)
    }

    fn standard(&self) -> Option<&'a QualityStandard> {
        match &self.content(&self.assessment.standard)?.content {
            Content::QualityStandard(standard) => Some(standard),
            _ => None,
        }
    }

    fn rule(&self) -> Result<Rule, Refusal> {
        let standard = self.standard().ok_or_else(standard_not_here)?;
        Rule::compile(standard).map_err(Refusal::invalid)
    }

    /// The subject as it is now.
    fn subject(&self) -> Result<AssessedSubject, Refusal> {
        self.content(&self.assessment.subject)
            .and_then(|entry| assessed_subject(&entry.content))
            .ok_or_else(|| {
                one(
                    Reason::Invalid,
                    "/content/subject",
                    "unknown_reference",
                    "what is assessed is not here any more",
                )
            })
    }

    fn answer(
        &self,
        criterion: String,
        answer: Option<Answer>,
        expected: &ExpectedAnswer,
    ) -> Result<Done, Refusal> {
        let standing = self.assessment.answers.get(&criterion);
        let is_expected = match (expected, standing) {
            (ExpectedAnswer::Any, _) | (ExpectedAnswer::None, None) => true,
            (ExpectedAnswer::Tags(tags), Some(standing)) => tags.contains(&answer_tag(standing)),
            (ExpectedAnswer::None, Some(_)) | (ExpectedAnswer::Tags(_), None) => false,
        };
        // Who sends the same again is right, whatever it has seen.
        if standing == answer.as_ref() {
            return Ok(Done::Nothing);
        }
        if !is_expected {
            return Err(Refusal::new(
                Reason::PreconditionFailed,
                "somebody has changed this answer since it was read: read it again",
            ));
        }
        let mut next = self.assessment.clone();
        match answer {
            Some(answer) => next.answers.insert(criterion, answer),
            None => next.answers.remove(&criterion),
        };
        Ok(by_hand(next))
    }

    /// What every step depends on, before anything of its own.
    fn step_facts(&self) -> StepFacts<'static> {
        StepFacts {
            now: self.now,
            standard: self
                .standard()
                .map_or(StandardState::Published, |standard| standard.state),
            gaps: &[],
            reviewer: None,
            verdict: None,
            valid_until: self
                .assessment
                .record
                .result
                .as_ref()
                .map(|it| it.valid_until),
            newer_is_published: false,
        }
    }

    fn step_with(
        &self,
        step: WorkflowStep,
        facts: &StepFacts<'_>,
    ) -> Result<HistoryEvent, Refusal> {
        let party = party_for(step, self.actor, self.entry.owner)
            .ok_or(WorkflowRefusal::NotYourStep)
            .map_err(|reason| refused(reason.into()))?;
        let (_, event) = transition(self.assessment.state, step, party, facts).map_err(refused)?;
        Ok(event)
    }

    fn step(&self, step: WorkflowStep) -> Result<HistoryEvent, Refusal> {
        self.step_with(step, &self.step_facts())
    }

    fn submit(&self) -> Result<SelfAssessment, Refusal> {
        let (rule, subject) = (self.rule()?, self.subject()?);
        let missing = gaps(&rule, &Scope::of(&rule, &subject), self.assessment);
        let missing: Vec<Violation> = missing.into_iter().map(in_content).collect();
        let facts = StepFacts {
            gaps: &missing,
            ..self.step_facts()
        };
        let event = self.step_with(WorkflowStep::Submit, &facts)?;
        Ok(submitted(self.assessment, event, subject))
    }

    /// Hands the facts of conflicts of interest to `ask`.
    fn with_reviewer<R>(
        &self,
        reviewer: &EntryRef,
        last_funding: Option<NaiveDate>,
        ask: impl FnOnce(ReviewerFacts<'_>) -> R,
    ) -> R {
        let origin = &self.entry.origin;
        let above = |one: &EntryRef| self.facts.umbrellas.get(one).cloned().unwrap_or_default();
        let above_owner = above(&EntryRef::Local(self.entry.owner));
        let (above_reviewer, reviewer_ref) = (above(reviewer), reviewer);
        let (owner, reviewer) = (origin.uri(self.entry.owner), reviewer.uri(origin));
        let mut parts = self.parts();
        parts.extend(self.also_the_owner(reviewer_ref));
        ask(ReviewerFacts {
            owner: &owner,
            above_owner: &above_owner,
            parts: &parts,
            reviewer: &reviewer,
            above_reviewer: &above_reviewer,
            last_funding,
            last_review_the_other_way: self.last_review_of(&owner, &reviewer),
        })
    }

    /// What the owner is called elsewhere, the reviewer among it where the reviewer says so.
    fn also_the_owner(&self, reviewer: &EntryRef) -> Vec<String> {
        let owner = self.entry.origin.uri(self.entry.owner);
        let same = |reference: &EntryRef| {
            self.content(reference)
                .map(|entry| entry.same_as.clone())
                .unwrap_or_default()
        };
        let mut names = same(&EntryRef::Local(self.entry.owner));
        if same(reviewer).contains(&owner) {
            names.push(reviewer.uri(&self.entry.origin));
        }
        names
    }

    /// The organisations that have a part in what is assessed.
    fn parts(&self) -> Vec<String> {
        let Some(subject) = self.content(&self.assessment.subject) else {
            return Vec::new();
        };
        let mut facets = Facets::default();
        subject.content.facets(&mut facets);
        let own = match subject.content {
            Content::Organisation(_) => Some(subject.origin.uri(subject.id)),
            _ => None,
        };
        let named = facets.organisations.iter();
        named
            .map(|reference| reference.uri(&subject.origin))
            .chain(own)
            .collect()
    }

    /// When the owner last gave a review to `reviewer`.
    fn last_review_of(&self, owner: &str, reviewer: &str) -> Option<NaiveDate> {
        let given = self.facts.reviews.iter().filter(|entry| {
            let Content::AssessmentReview(review) = &entry.content else {
                return false;
            };
            let is = |reference: &EntryRef, uri: &str| reference.uri(&entry.origin) == uri;
            review.state == AssessmentReviewState::Given
                && is(&review.reviewer, owner)
                && review
                    .organisation
                    .as_ref()
                    .is_some_and(|it| is(it, reviewer))
        });
        given.map(|entry| entry.modified.date_naive()).max()
    }

    fn start_review(
        &self,
        reviewer: EntryRef,
        last_funding: Option<NaiveDate>,
    ) -> Result<SelfAssessment, Refusal> {
        let is_organisation = |entry: &Entry| matches!(entry.content, Content::Organisation(_));
        if !self.content(&reviewer).is_some_and(is_organisation) {
            return Err(one(
                Reason::Invalid,
                "/reviewer",
                "unknown_reference",
                "there is no such organisation here",
            ));
        }
        let event = self.with_reviewer(&reviewer, last_funding, |facts| {
            let facts = StepFacts {
                reviewer: Some(facts),
                ..self.step_facts()
            };
            self.step_with(WorkflowStep::StartReview, &facts)
        })?;
        Ok(review_started(self.assessment, event, reviewer))
    }

    fn verdict(&self, arrived: ArrivedVerdict) -> Result<SelfAssessment, Refusal> {
        let asked = self
            .assessment
            .record
            .reviewer
            .clone()
            .ok_or_else(|| refused(WorkflowRefusal::NotTheReviewer.into()))?;
        let step = match arrived.verdict {
            Verdict::Confirmed => WorkflowStep::Confirm,
            Verdict::Returned => WorkflowStep::Return,
        };
        let (asked_uri, submission) = (
            asked.uri(&self.entry.origin),
            submission_fingerprint(self.assessment),
        );
        let event = self.with_reviewer(&asked, None, |facts| {
            let facts = StepFacts {
                reviewer: Some(facts),
                verdict: Some(PeerVerdict {
                    verdict: arrived.verdict,
                    reason: arrived.reason.as_deref(),
                    asked: &asked_uri,
                    reviewer: &arrived.reviewer,
                    about: &arrived.about,
                    submission: &submission,
                }),
                ..self.step_facts()
            };
            self.step_with(step, &facts)
        })?;
        let view = ReceivedReview {
            reviewer: asked,
            review: arrived.review,
            verdict: arrived.verdict,
            received_on: self.now.date_naive(),
            reason: arrived.reason,
            criteria: arrived.criteria,
        };
        Ok(reviewed(self.assessment, event, view))
    }

    fn publish(&self, choice: PublicationChoice) -> Result<SelfAssessment, Refusal> {
        let event = self.step(WorkflowStep::Publish)?;
        let rule = self.rule()?;
        let subject = match &self.assessment.record.assessed {
            Some(subject) => subject.clone(),
            None => self.subject()?,
        };
        let new = NewResult {
            rule: &rule,
            scope: &Scope::of(&rule, &subject),
            choice,
            event,
        };
        published(self.assessment, new).map_err(Refusal::invalid)
    }

    fn supersede(&self, by: crate::EntryId) -> Result<SelfAssessment, Refusal> {
        let newer = self.content(&EntryRef::Local(by)).map(|it| &it.content);
        let facts = StepFacts {
            newer_is_published: matches!(
                newer,
                Some(Content::SelfAssessment(newer)) if is_newer(newer, self.assessment)
            ),
            ..self.step_facts()
        };
        let event = self.step_with(WorkflowStep::Supersede, &facts)?;
        Ok(moved(self.assessment, event))
    }

    /// Months after it has expired, a result is its owner's own history.
    fn archive(&self) -> Result<Done, Refusal> {
        let record = &self.assessment.record;
        let is_due = self.assessment.state == AssessmentState::Expired
            && record
                .result
                .as_ref()
                .is_some_and(|result| result.archived_from <= self.now.date_naive());
        if !self.actor.is_system() || !is_due {
            return Err(refused(WorkflowRefusal::StillValid.into()));
        }
        if record.publication.is_none() {
            return Ok(Done::Nothing);
        }
        let mut next = self.assessment.clone();
        next.record.publication = None;
        Ok(Done::Changed {
            next: Box::new(next),
            by_hand: false,
        })
    }

    /// The assessment that follows this one, with what it takes over.
    fn follow_up(&self, standard: Option<EntryRef>) -> Result<SelfAssessment, Refusal> {
        let (subject, from) = (
            self.subject()?,
            self.standard().ok_or_else(standard_not_here)?,
        );
        let reference = standard.unwrap_or_else(|| self.assessment.standard.clone());
        let to = match self.content(&reference).map(|entry| &entry.content) {
            Some(Content::QualityStandard(standard)) => standard,
            _ => {
                return Err(one(
                    Reason::Invalid,
                    "/standard",
                    "unknown_reference",
                    "there is no such standard here",
                ));
            }
        };
        if to.state == StandardState::Superseded {
            return Err(refused(WorkflowRefusal::StandardSuperseded.into()));
        }
        let taken = carry_over(self.assessment, from, to, &subject).map_err(Refusal::invalid)?;
        Ok(SelfAssessment {
            subject: self.assessment.subject.clone(),
            standard: reference,
            state: AssessmentState::Draft,
            answers: taken.answers,
            improvement_plan: taken.improvement_plan,
            record: AssessmentRecord {
                previous: Some(EntryRef::Local(self.entry.id)),
                ..AssessmentRecord::default()
            },
        })
    }
}

/// A place in the content as one in the entry.
fn in_content(mut violation: Violation) -> Violation {
    violation.pointer.insert_str(0, "/content");
    violation
}

fn refused(step: StepRefused) -> Refusal {
    Refusal {
        reason: Reason::Step(step.reason),
        detail: step.reason.detail().to_owned(),
        violations: step.violations,
    }
}

fn standard_not_here() -> Refusal {
    one(
        Reason::Invalid,
        "/content/standard",
        "standard_not_here",
        "the standard is not in this directory: nothing can be said by it",
    )
}

/// The newest results of an assessment and of those before it, as far as they are given, oldest first: what a trend is made
/// of.
#[must_use]
pub fn results_of<'a>(
    assessments: impl IntoIterator<Item = &'a SelfAssessment>,
) -> Vec<&'a crate::kinds::AssessmentResult> {
    let mut results: Vec<_> = assessments
        .into_iter()
        .flat_map(|it| it.record.earlier_results.iter().chain(&it.record.result))
        .collect();
    results.sort_by_key(|result| result.published_on);
    results
}
