//! Rows of the improvement plan.

use domain::kinds::{ActionStatus, ImprovementAction};
use domain::{Lang, Text, limits};

use crate::columns::Column;
use crate::fields::Fields;
use crate::rows::STATUS;

impl Fields<'_> {
    /// An action. What is wrong with it is noted, and what is missing then stands for something: such a plan is not used.
    pub(crate) fn action(&mut self, is_criterion: bool, usual: &Lang) -> ImprovementAction {
        if !is_criterion {
            self.refuse_criterion();
        }
        let lang = self.language(Column::ActionLanguage);
        let lang = lang.unwrap_or_else(|| usual.clone());
        let words = self.required(Column::Action, limits::SUMMARY);
        ImprovementAction {
            criterion_id: self
                .word(Column::CriterionId, limits::SHORT)
                .unwrap_or_default(),
            current: self.whole(Column::Current),
            target: self.whole(Column::Target),
            action: Text::new(&lang.0, &words.unwrap_or_default()),
            responsible_function: self.text(Column::ResponsibleFunction, limits::SHORT),
            due: self.date(Column::Due),
            status: self.status(),
            progress_note: self.text(Column::ProgressNote, limits::SUMMARY),
        }
    }

    /// Where nothing is said, nothing has begun.
    fn status(&mut self) -> ActionStatus {
        let codes = STATUS.map(|(code, _)| code);
        let code = self.code(Column::Status, "unknown_code", codes);
        let found = STATUS.into_iter().find(|(known, _)| Some(*known) == code);
        found.map_or(ActionStatus::Open, |(_, status)| status)
    }

    /// Notes that the row names no criterion, or none of the standard.
    pub(crate) fn refuse_criterion(&mut self) {
        let column = Column::CriterionId;
        if self.is_there(column) {
            let message = "the standard has no such criterion";
            self.refuse(column, "unknown_criterion", message);
        } else {
            self.refuse(column, "required", "name the criterion by its id");
        }
    }
}

/// Gives actions back the other languages that their words have in an earlier plan. A file holds one language: where its
/// words are still the same, so are the translations; where they were changed, the translations would say something else.
pub(crate) fn keep_languages(plan: &mut [ImprovementAction], earlier: &[ImprovementAction]) {
    for action in plan {
        let Some((lang, words)) = action.action.0.iter().next() else {
            continue;
        };
        let same = earlier.iter().find(|earlier| {
            earlier.criterion_id == action.criterion_id
                && earlier
                    .action
                    .0
                    .get(lang)
                    .is_some_and(|it| it.value == words.value)
        });
        if let Some(same) = same {
            action.action = same.action.clone();
        }
    }
}
