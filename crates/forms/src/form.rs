//! What goes into a form.

use std::collections::BTreeMap;

use domain::kinds::{
    Answer, AssessedSubject, Criterion, Dimension, ImprovementAction, QualityStandard, ScaleLevel,
    StandardState,
};
use domain::quality::{Rule, Scope};
use domain::{Violation, limits};
use messages::Language;

/// A form to fill in, or one that is filled in already.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// The standard that is answered to.
    pub standard: &'a QualityStandard,
    /// What is assessed, which decides about the criteria that are asked. `None`: all of them.
    pub subject: Option<&'a AssessedSubject>,
    /// Answers so far. Those to criteria that are not asked are left out.
    pub answers: &'a BTreeMap<String, Answer>,
    /// The improvement plan so far.
    pub improvement_plan: &'a [ImprovementAction],
    /// The language of headings and explanations, and of the standard's texts where it has them in it.
    pub lang: Language,
}

/// Why there is no form.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// The standard contradicts itself: nobody can say which criteria it asks of whom.
    #[error("the standard contradicts itself")]
    Standard(Vec<Violation>),
    /// An answer has more evidence than there can be columns.
    #[error("an answer has more than {} pieces of evidence", limits::EVIDENCE)]
    TooMuchEvidence,
    /// The file could not be put together.
    #[error("the file could not be written: {0}")]
    Writing(String),
}

/// A criterion that is asked, with its answer so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) dimension: &'a Dimension,
    pub(crate) criterion: &'a Criterion,
    pub(crate) answer: Option<&'a Answer>,
}

/// So many pieces of evidence have columns in each file.
const LEAST_EVIDENCE: usize = 3;

impl<'a> Form<'a> {
    /// The form as CSV: UTF-8 with a byte order mark, separated by commas.
    ///
    /// # Errors
    /// See [`FormError`].
    pub fn csv(&self) -> Result<Vec<u8>, FormError> {
        crate::comma::write(self)
    }

    /// The form as a spreadsheet (Office Open XML).
    ///
    /// # Errors
    /// See [`FormError`].
    pub fn xlsx(&self) -> Result<Vec<u8>, FormError> {
        crate::sheet_out::write(self)
    }

    /// The form as a page to print, to be served with [`crate::page_csp`].
    ///
    /// # Errors
    /// See [`FormError`].
    pub fn html(&self) -> Result<String, FormError> {
        crate::page::write(self)
    }

    /// The criteria that are asked, in the standard's order.
    pub(crate) fn asked(&self) -> Result<Vec<Asked<'a>>, FormError> {
        let scope = match self.subject {
            Some(subject) => {
                let rule = Rule::compile(self.standard).map_err(FormError::Standard)?;
                Some(Scope::of(&rule, subject))
            }
            None => None,
        };
        let all = self.standard.dimensions.iter().flat_map(|dimension| {
            let criteria = dimension.criteria.iter();
            criteria.map(move |criterion| (dimension, criterion))
        });
        let asked = all
            .enumerate()
            .filter(|(number, _)| scope.as_ref().is_none_or(|scope| scope.has(*number)));
        Ok(asked
            .map(|(_, (dimension, criterion))| Asked {
                dimension,
                criterion,
                answer: self.answers.get(&criterion.id),
            })
            .collect())
    }

    /// Which version of the standard it is.
    pub(crate) fn version(&self) -> String {
        let version = self.standard.standard_version.as_str();
        self.lang.message_with("version", "version", version)
    }

    /// What has to be said first about a standard that is not in force.
    pub(crate) fn notice(&self) -> Option<String> {
        match self.standard.state {
            StandardState::Draft => Some(self.lang.message("notice-draft")),
            StandardState::Superseded => Some(self.lang.message("notice-superseded")),
            StandardState::Published => None,
        }
    }

    /// The ratings of the scale, from the lowest, with what is said about them.
    pub(crate) fn ratings(&self) -> Vec<(i32, Option<&'a ScaleLevel>)> {
        let scale = &self.standard.scale;
        let level = |value| scale.levels.iter().find(|level| level.value == value);
        // A draft without a scoring rule has no step yet. A scale has at most 101 steps.
        let values: Vec<i32> = match Rule::compile(self.standard) {
            Ok(rule) => rule.ratings().collect(),
            Err(_) => (scale.min..=scale.max).take(101).collect(),
        };
        values
            .into_iter()
            .map(|value| (value, level(value)))
            .collect()
    }

    /// For how many pieces of evidence there are columns.
    pub(crate) fn evidence(asked: &[Asked<'_>]) -> Result<usize, FormError> {
        let answers = asked.iter().filter_map(|asked| asked.answer);
        let most = answers.map(|answer| answer.evidence.len()).max();
        match most.unwrap_or(0) {
            most if most > limits::EVIDENCE => Err(FormError::TooMuchEvidence),
            most => Ok(most.max(LEAST_EVIDENCE)),
        }
    }
}

/// What each row says about the standard, so that nobody answers to another one by mistake.
pub(crate) fn mark(standard: &QualityStandard) -> String {
    format!("{} {}", standard.code, standard.standard_version)
}
