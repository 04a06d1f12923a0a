//! Every limit and every tuning constant of this crate, in one place.

/// Characters of a full-text query.
pub const QUERY_CHARS: usize = 300;
/// Words of a full-text query; more are refused.
pub const QUERY_WORDS: usize = 12;
/// Values of one filter.
pub const FILTER_VALUES: usize = 100;
/// Entries of one page.
pub const PAGE: usize = 200;
/// Bytes of the entries of one page; a page of larger ones holds fewer than were asked for, and says that there is a next.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// Entries of a page unless the query asks for another number.
pub const PAGE_DEFAULT: usize = 20;
/// Hits after which paging by relevance and by distance ends.
pub const RANKED_HITS: usize = 1_000;
/// Facets counted in one answer.
pub const FACETS: usize = 18;
/// Values of one facet that are counted into one answer, most frequent first.
pub const FACET_VALUES: usize = 1_000;
/// Cells of one coverage matrix; a pair of facets that has more is refused.
pub const COVERAGE_CELLS: usize = 200_000;
/// Answers kept with a snapshot, and their bytes together.
pub const ANSWERS: usize = 256;
/// See [`ANSWERS`].
pub const ANSWERS_BYTES: usize = 4 << 20;
/// Bytes of a cursor as text.
pub const CURSOR_BYTES: usize = 4_096;
/// Radius of a search around a point, in kilometres: half the way around the Earth finds everything.
pub const RADIUS_KM: f64 = 20_038.0;

/// Letters from which a query word that is not the last one also matches as a prefix.
pub const PREFIX_LETTERS: usize = 3;
/// Letters from which a query word also matches words with one wrong letter.
pub const TYPO_LETTERS: usize = 4;
/// Words matching less than this many hits exactly or by prefix make the search look for typos as well.
pub const TYPO_BELOW: u64 = 5;
/// Words of one text segment that a prefix, or a word with a typo, stands for: the most frequent ones.
pub const EXPANSIONS: usize = 64;
/// Words of one text segment that are looked at to choose them.
pub const EXPANSIONS_SCANNED: usize = 2_048;
/// Letters of a word that are indexed; the rest of a longer one is cut off.
pub const WORD_CHARS: usize = 60;
/// Analysed words that are kept per language, so that a frequent word is stemmed once.
pub const ANALYSED_WORDS: usize = 50_000;

/// Bytes of a folded name by which entries are sorted; equal beginnings are told apart by the key.
pub const SORT_NAME_BYTES: usize = 96;
/// Bytes of one run of entries' JSON.
pub const JSON_BLOCK: usize = 1 << 20;
/// Entries that are gathered in one column segment while a writer applies small batches.
pub const TAIL_ENTRIES: usize = 64;
/// Segments of similar size that are merged into one.
pub const MERGE_AT: usize = 4;
/// Time after which a merge of column segments is tried again that has failed: reading goes on without it.
pub const MERGE_AGAIN: std::time::Duration = std::time::Duration::from_secs(600);
/// Share of dead entries, in percent, at which a segment is written anew.
pub const DEAD_PERCENT: u64 = 25;
/// Entries from which a text segment and a column segment keep the way from one to the other.
pub const JOIN_ENTRIES: usize = 4_096;
/// Entries of a column segment that merging makes at most: meanwhile all that the columns keep of them, the JSON left out,
/// is there twice. A larger one, as loading makes it, is written anew where many of its entries are dead.
pub const MERGE_MOST: u64 = 262_144;
/// Milliseconds between two commits of the text index while writes keep coming.
pub const COMMIT_MILLIS: u64 = 40;
/// Entries waiting for a commit from which they are held to come in bulk, and milliseconds between two commits then: each
/// commit makes a segment, and small ones have to be merged again and again.
pub const BULK_ENTRIES: usize = 512;
/// See [`BULK_ENTRIES`].
pub const BULK_COMMIT_MILLIS: u64 = 1_000;
/// Entries that may wait for the text index; further writes wait for room.
pub const TEXT_QUEUE: usize = 4_096;
/// How long no segment of the text index is written anew for the sake of removed entries after that was done, at least.
pub const REWRITE_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);
/// The same as a multiple of how long it took: all removals together take one part in so many, and one, of a processor.
pub const REWRITE_SHARE: u32 = 4;
/// After so long every segment with deleted documents is written anew, for words that were changed and not removed.
pub const REWRITE_ALL: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
/// Entries up to which segments are written anew before the index is closed; a larger index does that at the next start.
pub const REWRITE_AT_CLOSE: u64 = 100_000;
/// Bytes that the text index gathers before it writes a segment. The library asks for at least 15 MB.
pub const TEXT_MEMORY: usize = 48_000_000;
