//! Rows of criteria.

use domain::kinds::{Answer, AnswerEvidence, QualityStandard};
use domain::{Visibility, limits};

use crate::columns::{Column, Piece};
use crate::fields::{Fields, Rated};
use crate::rows::VISIBILITY;

impl Fields<'_> {
    /// The numbers of the pieces of evidence that this row has something about.
    pub(crate) fn evidence_numbers(&self) -> Vec<u8> {
        let mut numbers = self.table.evidence();
        numbers.retain(|number| {
            Piece::all().any(|piece| self.is_there(Column::Evidence(*number, piece)))
        });
        numbers
    }

    /// An answer. Where something is wrong with it, that is noted.
    pub(crate) fn answer(&mut self, standard: &QualityStandard, evidence: &[u8]) -> Answer {
        let rated = self.rating(Column::Rating);
        let reason = self.text(Column::NotApplicable, limits::SUMMARY);
        Answer {
            rating: match rated {
                Rated::With(rating) => Some(rating),
                Rated::Not | Rated::NotApplicable => None,
            },
            // Without a reason, so that the check of the answer says that one is needed.
            not_applicable: reason
                .or_else(|| matches!(rated, Rated::NotApplicable).then(String::new)),
            comment: self.text(Column::Comment, limits::SUMMARY),
            evidence: evidence
                .iter()
                .filter_map(|number| self.evidence(standard, *number))
                .collect(),
        }
    }

    fn evidence(&mut self, standard: &QualityStandard, number: u8) -> Option<AnswerEvidence> {
        let column = |piece| Column::Evidence(number, piece);
        for piece in [Piece::Type, Piece::Date] {
            if !self.is_there(column(piece)) {
                let message = "each piece of evidence has a type, a title and a date";
                self.refuse(column(piece), "required", message);
            }
        }
        let types = standard.evidence_types.iter().map(|it| it.code.as_str());
        let evidence_type = self.code(column(Piece::Type), "unknown_evidence_type", types);
        let title = self.required(column(Piece::Title), limits::TITLE);
        let date = self.date(column(Piece::Date));
        let language = self.language(column(Piece::Language));
        let still_in_force = self.date(column(Piece::StillInForce));
        let url = self.word(column(Piece::Url), limits::URL);
        let codes = VISIBILITY.map(|(code, _)| code);
        let code = self.code(column(Piece::Visibility), "unknown_code", codes);
        let visibility = VISIBILITY.into_iter().find(|(it, _)| Some(*it) == code);
        let most = limits::INDICATORS * (limits::SHORT + 1);
        let covers = self.text(column(Piece::Covers), most).unwrap_or_default();
        Some(AnswerEvidence {
            evidence_type: evidence_type?.to_owned(),
            title: title?,
            date: date?,
            language,
            still_in_force,
            url,
            visibility: visibility.map_or(Visibility::Internal, |(_, visibility)| visibility),
            covers: covers.split_whitespace().map(str::to_owned).collect(),
        })
    }
}
