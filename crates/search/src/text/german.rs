//! German compounds.

/// A part of a compound.
pub(crate) struct Part<'a> {
    /// Folded.
    pub(crate) text: &'a str,
    /// Whether it is known as a word.
    pub(crate) sure: bool,
}

/// The parts of a folded word.
pub(crate) fn parts(_word: &str) -> Vec<Part<'_>> {
    Vec::new()
}
