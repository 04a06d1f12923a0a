//! What can go wrong.

/// Why a question gets no answer. None of them is the index's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The page size is 0 or above [`crate::limits::PAGE`].
    #[error("the limit is out of range")]
    Limit,
    /// More facets asked for than there are.
    #[error("too many facets")]
    TooManyFacets,
    /// More than [`crate::limits::FILTER_VALUES`] values of one filter.
    #[error("too many values of one filter")]
    TooManyValues,
    /// `q` is longer than [`crate::limits::QUERY_CHARS`].
    #[error("the search text is too long")]
    TextTooLong,
    /// `q` has more words than [`crate::limits::QUERY_WORDS`].
    #[error("the search text has too many words")]
    TooManyWords,
    /// Coordinates or a radius that do not exist.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// This order needs another parameter.
    #[error("this order needs {0}")]
    SortNeeds(&'static str),
    /// Not a cursor, or one of another question or another viewer.
    #[error("the cursor does not belong to this query")]
    Cursor,
    /// Paging by relevance and distance ends at [`crate::limits::RANKED_HITS`].
    #[error("paging by relevance and by distance ends here")]
    TooDeep,
    /// The two facets have more than [`crate::limits::COVERAGE_CELLS`] pairs.
    #[error("too many pairs of values")]
    TooManyCells,
    /// The text index could not be read. The log has the cause.
    #[error("the text index cannot be read")]
    Text,
}

impl QueryError {
    /// A stable code for problem documents.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Limit => "limit_out_of_range",
            Self::TooManyFacets => "too_many_facets",
            Self::TooManyValues => "too_many_values",
            Self::TextTooLong => "search_text_too_long",
            Self::TooManyWords => "search_text_too_many_words",
            Self::OutOfRange(_) => "out_of_range",
            Self::SortNeeds(_) => "sort_needs_parameter",
            Self::Cursor => "cursor_invalid",
            Self::TooDeep => "page_too_deep",
            Self::TooManyCells => "matrix_too_large",
            Self::Text => "search_unavailable",
        }
    }
}

/// Why the index cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The text index's library says so.
    #[error("text index: {0}")]
    Text(#[from] tantivy::TantivyError),
    /// The index folder cannot be used.
    #[error("index folder: {0}")]
    Folder(#[from] std::io::Error),
    /// Something stands in the index folder that no index has: it is left alone.
    #[error("{0} does not belong to a search index: name a folder of its own as `index`")]
    Foreign(String),
    /// Another process uses the index folder.
    #[error("a running node uses it")]
    InUse,
    /// A change could not be taken in. The log has the cause; the index is as it was before.
    #[error("a change could not be taken in: {0}")]
    Panicked(#[from] health::Panicked),
    /// The thread that writes the text index has ended after an error that is in the log.
    #[error("the text index no longer takes changes")]
    Stopped,
}
