//! What is done to an assessment beside writing it anew: answers one by one, whole forms, and the steps of its workflow.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use crate::command::Needs;
use crate::kinds::{
    Answer, CriterionView, ImprovementAction, PublicationChoice, SelfAssessment, Verdict,
};
use crate::prepare::local_references;
use crate::{Entry, EntryId, EntryRef};

/// Something that is done to one assessment.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Save the answer to one criterion, or take it out. Others stay as they are, so that several people can work on one
    /// assessment at once.
    Answer {
        /// The criterion's id.
        criterion: String,
        /// The answer; `None` takes it out.
        answer: Option<Answer>,
        /// The answer that the writer saw.
        expected: ExpectedAnswer,
    },
    /// Take over a form that was filled in: its answers take the place of those to the same criteria.
    Fill {
        /// The answers, by criterion.
        answers: BTreeMap<String, Answer>,
        /// The plan, where the form has one.
        improvement_plan: Option<Vec<ImprovementAction>>,
    },
    /// Say that the answers are complete.
    Submit,
    /// Ask another organisation for its view.
    StartReview {
        /// Which organisation, here or at another node.
        reviewer: EntryRef,
        /// The last day on which one funded the other, as they declare it.
        last_funding: Option<NaiveDate>,
    },
    /// Take in the verdict of the organisation that was asked.
    Verdict(ArrivedVerdict),
    /// Publish the result.
    Publish {
        /// Who may see which part.
        choice: PublicationChoice,
    },
    /// Take a published result back.
    Withdraw,
    /// Begin anew after a result has expired.
    Renew,
    /// Say that a result is no longer valid.
    Expire,
    /// Keep an expired result for its owner only.
    Archive,
    /// Say that a newer result has taken its place.
    Supersede {
        /// The newer assessment.
        by: EntryId,
    },
    /// Begin the assessment that follows this one, with its answers as far as they still fit.
    FollowUp {
        /// The id of the new assessment.
        new_id: EntryId,
        /// The version to answer to; the same one, unless given.
        standard: Option<EntryRef>,
    },
}

/// The answer that a writer expects to stand (RFC 9110 section 13.1, for one answer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedAnswer {
    /// None: `If-None-Match: *`.
    None,
    /// Any, or none: `If-Match: *`.
    Any,
    /// One with one of these tags ([`answer_tag`]).
    Tags(Vec<String>),
}

/// A verdict as it has arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrivedVerdict {
    /// The URI of the organisation that gives it.
    pub reviewer: String,
    /// The URI of its assessment-review.
    pub review: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// The submission that it is about.
    pub about: String,
    /// Why it is returned.
    pub reason: Option<String>,
    /// What the reviewer sees in single criteria.
    pub criteria: BTreeMap<String, CriterionView>,
}

/// What tells one state of an answer from another: the first 8 bytes of SHA-256 over its JSON, in hexadecimal.
#[must_use]
pub fn answer_tag(answer: &Answer) -> String {
    let json = serde_json::to_vec(answer).unwrap_or_default();
    let digest = Sha256::digest(&json);
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The facts that doing `act` to an assessment needs.
pub(crate) fn needs_of(entry: &Entry, assessment: &SelfAssessment, act: &Act) -> Needs {
    let owner = EntryRef::Local(entry.owner);
    let mut needs = Needs {
        entries: local_references(&entry.content),
        contents: vec![assessment.standard.clone(), assessment.subject.clone()],
        ..Needs::default()
    };
    needs.entries.push(entry.owner);
    match act {
        Act::StartReview { reviewer, .. } => {
            needs.entries.extend(reviewer.local());
            needs.contents.extend([reviewer.clone(), owner.clone()]);
            needs.umbrellas = vec![owner, reviewer.clone()];
            needs.reviews_by = Some(entry.owner);
        }
        Act::Verdict(_) => {
            let asked = assessment.record.reviewer.clone();
            needs.contents.extend(asked.clone());
            needs.contents.push(owner.clone());
            needs.umbrellas = std::iter::once(owner).chain(asked).collect();
            needs.reviews_by = Some(entry.owner);
        }
        Act::Supersede { by } => needs.contents.push(EntryRef::Local(*by)),
        Act::FollowUp { standard, .. } => {
            needs.entries.push(entry.id);
            needs
                .entries
                .extend(standard.as_ref().and_then(EntryRef::local));
            needs.contents.extend(standard.clone());
        }
        _ => {}
    }
    needs
}
