//! What falls due for assessments: by the day, and because a newer result is out.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::Act;
use crate::kinds::{AssessmentState, SelfAssessment, WorkflowStep};
use crate::{Content, Entry, EntryId, EntryRef};

/// What the node has to do on the day `today` about assessments of its own: results that have run out, expired ones that are
/// only history by now, and those in whose place a newer one is.
#[must_use]
pub fn due<'a>(
    assessments: impl Iterator<Item = &'a Entry> + Clone,
    today: NaiveDate,
) -> Vec<(EntryId, Act)> {
    let ours = || assessments.clone().filter_map(assessment);
    let mut newest: BTreeMap<_, (DateTime<Utc>, EntryId)> = BTreeMap::new();
    for (id, it) in ours() {
        if let Some((round, at)) = round(it).zip(published_at(it))
            && it.state == AssessmentState::Published
        {
            let slot = newest.entry(round).or_insert((at, id));
            *slot = (*slot).max((at, id));
        }
    }
    let act = |id: EntryId, it: &SelfAssessment| {
        let result = it.record.result.as_ref()?;
        let newer = newest.get(&round(it)?).map(|(_, id)| *id);
        match (it.state, newer) {
            (AssessmentState::Published, Some(by)) if by != id => Some(Act::Supersede { by }),
            (AssessmentState::Published, _) => (result.valid_until <= today).then_some(Act::Expire),
            (AssessmentState::Expired, _) => is_history(it, today).then_some(Act::Archive),
            _ => None,
        }
    };
    ours()
        .filter_map(|(id, it)| Some((id, act(id, it)?)))
        .collect()
}

fn assessment(entry: &Entry) -> Option<(EntryId, &SelfAssessment)> {
    match &entry.content {
        Content::SelfAssessment(it) => Some((entry.id, it)),
        _ => None,
    }
}

/// Whether an expired result that others still see has come into the archive.
fn is_history(it: &SelfAssessment, today: NaiveDate) -> bool {
    let result = it.record.result.as_ref();
    it.record.publication.is_some() && result.is_some_and(|result| result.archived_from <= today)
}

/// Whether `newer` is of the same subject by the same standard, in whatever version, and was published later.
pub(crate) fn is_newer(newer: &SelfAssessment, older: &SelfAssessment) -> bool {
    newer.state == AssessmentState::Published
        && round(newer) == round(older)
        && published_at(newer) > published_at(older)
}

/// What rounds of assessment have in common: the subject and the standard's code.
fn round(it: &SelfAssessment) -> Option<(&EntryRef, &str)> {
    let result = it.record.result.as_ref()?;
    Some((&it.subject, result.standard_code.as_str()))
}

/// When a result came out.
fn published_at(it: &SelfAssessment) -> Option<DateTime<Utc>> {
    let events = it.record.history.iter();
    events
        .filter(|event| event.step == WorkflowStep::Publish)
        .map(|event| event.at)
        .max()
}
