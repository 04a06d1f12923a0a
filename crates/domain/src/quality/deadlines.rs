//! How long results are valid, and what falls due when.

use chrono::{Days, Months, NaiveDate};
use serde::Deserialize;

use super::standard::Findings;
use crate::kinds::{ActionStatus, QualityStandard, SelfAssessment};

/// Days before a result expires on which its owner gets a task, where the standard does not say. The shipped file does not.
pub const EXPIRY_TASK_DAYS: u32 = 60;

/// Months for which an expired result is still shown as such: the shipped file says so in words (`expiry_behaviour`).
const EXPIRED_SHOWN_MONTHS: u32 = 12;

/// The longest that anything of this can take: a hundred years.
const MOST_MONTHS: u32 = 1_200;

/// How long results are valid (the standard's `validity`). What else stands there is for people.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Validity {
    /// Months after publication.
    pub months: u32,
    /// Months after publication until a note on progress is due.
    #[serde(default)]
    pub progress_note_after_months: Option<u32>,
    /// Months for which a result is shown as expired before it is only in the archive.
    #[serde(default = "expired_shown_months")]
    pub expired_shown_months: u32,
    /// Days before it expires on which its owner gets a task.
    #[serde(default = "expiry_task_days")]
    pub expiry_task_days: u32,
}

fn expired_shown_months() -> u32 {
    EXPIRED_SHOWN_MONTHS
}

fn expiry_task_days() -> u32 {
    EXPIRY_TASK_DAYS
}

impl Default for Validity {
    /// The shipped file's 24 months, for drafts that do not say.
    fn default() -> Self {
        Self {
            months: 24,
            progress_note_after_months: None,
            expired_shown_months: EXPIRED_SHOWN_MONTHS,
            expiry_task_days: EXPIRY_TASK_DAYS,
        }
    }
}

impl Validity {
    /// What a standard says. `None` where it says nothing that can be understood.
    #[must_use]
    pub fn of(standard: &QualityStandard) -> Option<Self> {
        Self::deserialize(&standard.validity).ok()
    }

    pub(super) fn check(standard: &QualityStandard, is_needed: bool, found: &mut Findings) {
        let said = &standard.validity;
        let says_nothing =
            said.is_null() || said.as_object().is_some_and(serde_json::Map::is_empty);
        if says_nothing && !is_needed {
            return;
        }
        let Some(validity) = Self::of(standard) else {
            found.add(
                "/validity/months",
                "required",
                "a standard says for how many months a result is valid",
            );
            return;
        };
        let range = 1..=MOST_MONTHS;
        if !range.contains(&validity.months) {
            found.add(
                "/validity/months",
                "out_of_range",
                format!("1 to {MOST_MONTHS} months"),
            );
        }
        if validity.expired_shown_months > MOST_MONTHS {
            found.add(
                "/validity/expired_shown_months",
                "out_of_range",
                format!("at most {MOST_MONTHS} months"),
            );
        }
        let is_too_late = |months: &u32| *months == 0 || *months >= validity.months;
        if validity
            .progress_note_after_months
            .as_ref()
            .is_some_and(is_too_late)
        {
            found.add(
                "/validity/progress_note_after_months",
                "contradiction",
                "a note on progress is due while the result is valid",
            );
        }
        // The shortest month has 28 days.
        if u64::from(validity.expiry_task_days) >= u64::from(validity.months) * 28 {
            found.add(
                "/validity/expiry_task_days",
                "contradiction",
                "the task would come before the result",
            );
        }
    }
}

/// What the owner of a published assessment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssessmentTask {
    /// A short note on how far the improvements are.
    ProgressNote,
    /// To assess anew, before the result expires or after it has.
    AssessAnew,
}

impl AssessmentTask {
    /// The code as callers see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProgressNote => "progress_note",
            Self::AssessAnew => "assess_anew",
        }
    }
}

/// What the owner of an assessment is asked for next, and from which day on.
///
/// A note on progress is given once any step of the plan has moved or says something; where there is no plan, there is
/// nothing to note.
#[must_use]
pub fn task_of(assessment: &SelfAssessment) -> Option<(AssessmentTask, NaiveDate)> {
    if !assessment.state.is_shown() {
        return None;
    }
    let result = assessment.record.result.as_ref()?;
    let plan = &assessment.improvement_plan;
    let is_noted = plan
        .iter()
        .any(|action| action.status != ActionStatus::Open || action.progress_note.is_some());
    let note = result
        .progress_note_due
        .filter(|due| !plan.is_empty() && !is_noted && *due < result.reassess_from);
    Some(match note {
        Some(due) => (AssessmentTask::ProgressNote, due),
        None => (AssessmentTask::AssessAnew, result.reassess_from),
    })
}

/// What falls due for one published result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// A short note on progress.
    pub progress_note: Option<NaiveDate>,
    /// The owner's task to assess anew.
    pub expiry_task: NaiveDate,
    /// The first day on which the result is no longer valid.
    pub expires: NaiveDate,
    /// The first day on which it is only in the archive.
    pub archived: NaiveDate,
}

/// What falls due for a result that is published on a day. `None` only where the calendar ends.
#[must_use]
pub fn deadlines(published_on: NaiveDate, validity: &Validity) -> Option<Deadlines> {
    let after = |months| published_on.checked_add_months(Months::new(months));
    let expires = after(validity.months)?;
    Some(Deadlines {
        progress_note: validity.progress_note_after_months.and_then(after),
        expiry_task: expires.checked_sub_days(Days::new(validity.expiry_task_days.into()))?,
        expires,
        archived: expires.checked_add_months(Months::new(validity.expired_shown_months))?,
    })
}
