//! The terms by which an entry is found.

use std::collections::HashSet;

use super::analyse::Analyser;
use crate::document::{Document, Level, Passage};

/// The texts of one entry, by the widest level that sees them.
pub(crate) type Texts = Vec<(Level, Vec<Passage>)>;

impl Document {
    /// Takes the texts out: the columns do not need them.
    pub(crate) fn take_texts(&mut self) -> Texts {
        let widest = (self.level(), std::mem::take(&mut self.form.passages));
        let wider = self
            .wider
            .iter_mut()
            .map(|(level, form)| (*level, std::mem::take(&mut form.passages)));
        std::iter::once(widest).chain(wider).collect()
    }
}

/// The terms that each level sees beyond what wider ones see, parted by blanks.
pub(super) fn terms(analyser: &mut Analyser, texts: &Texts) -> Vec<(Level, String)> {
    let mut out: Vec<(Level, String)> = Vec::new();
    let mut before: Option<&Vec<Passage>> = None;
    for (level, passages) in texts {
        if before == Some(passages) {
            continue;
        }
        before = Some(passages);
        let all = analyser.terms(passages);
        if out.is_empty() {
            out.push((*level, all));
            continue;
        }
        let seen: HashSet<&str> = out.iter().flat_map(|(_, terms)| terms.split(' ')).collect();
        let new: Vec<&str> = all.split(' ').filter(|term| !seen.contains(term)).collect();
        if !new.is_empty() {
            let new = new.join(" ");
            out.push((*level, new));
        }
    }
    out
}
