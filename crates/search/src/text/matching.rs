//! Matching: which entries have all words of a query, and how well.
//!
//! Each word matches an entry exactly (its spelling, or its stem in any language), as the beginning of a longer word, or
//! with one wrong letter. An exact match always counts more than a beginning, and that more than a typo; among equals
//! the best of Okapi BM25 (Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75) decides.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::query::FuzzyTermQuery;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED, Term};

use super::analyse::{STEM, Word, query_words};
use super::scratch::{REFUSED, SCRATCH, Scratch, UNSEEN};
use super::view::{ELSEWHERE, TextField, TextSegment};
use crate::document::Level;
use crate::select::{Tests, View};
use crate::snapshot::{At, Snapshot};
use crate::{Query, QueryError, Viewer, limits};

use roaring::RoaringBitmap;

/// How a word was met, from the worst to the best. Each step counts more than any difference in BM25.
const TYPO: u8 = 1;
const PREFIX: u8 = 2;
pub(super) const EXACT: u8 = 3;
/// What a step counts. BM25 of one word stays far below it.
const STEP: f32 = 100.0;

/// An entry that matches, with how well it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    pub(crate) score: f32,
    pub(crate) at: At,
}

/// All entries that match.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pub(crate) hits: Vec<Scored>,
    /// Whether words with one wrong letter were let in.
    pub(crate) typos: bool,
}

impl Matches {
    /// The entries as one set for each of `views` column segments.
    pub(crate) fn sets(&self, views: usize) -> Vec<RoaringBitmap> {
        let mut entries: Vec<Vec<u32>> = vec![Vec::new(); views];
        for hit in &self.hits {
            if let Some(list) = entries.get_mut(hit.at.view as usize) {
                list.push(hit.at.entry);
            }
        }
        let sets = entries.into_iter().map(|mut list| {
            list.sort_unstable();
            list.into_iter().collect()
        });
        sets.collect()
    }
}

impl Snapshot {
    /// What matches without typos and, where that is less than [`limits::TYPO_BELOW`], with them.
    pub(crate) fn match_text_as_needed(
        &self,
        q: &str,
        query: &Query,
        viewer: &Viewer,
    ) -> Result<Matches, QueryError> {
        let found = self.match_text(q, query, viewer, false)?;
        if found.hits.len() as u64 >= limits::TYPO_BELOW {
            return Ok(found);
        }
        self.match_text(q, query, viewer, true)
    }

    /// What has all words and meets the filters of `query`.
    pub(crate) fn match_text(
        &self,
        q: &str,
        query: &Query,
        viewer: &Viewer,
        typos: bool,
    ) -> Result<Matches, QueryError> {
        let words = query_words(q)?;
        let mut matches = Matches {
            hits: Vec::new(),
            typos: typos && words.iter().any(|word| word.typo),
        };
        if !self.text.is_whole {
            return Err(QueryError::Text);
        }
        if words.is_empty() || self.text.segments.is_empty() {
            return Ok(matches);
        }
        let found = health::caught(|| -> tantivy::Result<()> {
            let matcher = Matcher::new(self, &words, query, viewer, typos)?;
            Ok(matcher.run(&mut matches.hits)?)
        });
        let cause = match found {
            Ok(Ok(())) => return Ok(matches),
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => {
                // What it left in its working memory is of no use to the next search of this thread.
                SCRATCH.take();
                panicked.to_string()
            }
        };
        // Said once for each state of the text index: whoever asks could make a line of each question.
        if self.text.fail() {
            tracing::error!(cause, "the text index cannot be read");
        }
        Err(QueryError::Text)
    }
}

/// The entries of one term in one text segment.
struct List<'a> {
    field: &'a TextField,
    info: TermInfo,
    step: u8,
    /// Which exact term of its word it is: the same in all segments.
    term: usize,
    /// Only for entries that the viewer owns.
    owned_only: bool,
}

struct Matcher<'a> {
    snapshot: &'a Snapshot,
    viewer: &'a Viewer,
    tests: Vec<Tests<'a>>,
    /// Per text segment and word, the lists.
    lists: Vec<Vec<Vec<List<'a>>>>,
    /// Per word and exact term, its inverse document frequency.
    idf: Vec<Vec<f32>>,
    /// Mean length of a text, in terms.
    mean_length: f32,
}

impl<'a> Matcher<'a> {
    fn new(
        snapshot: &'a Snapshot,
        words: &[Word],
        query: &Query,
        viewer: &'a Viewer,
        typos: bool,
    ) -> tantivy::Result<Self> {
        let tests = snapshot
            .views
            .iter()
            .map(|view| Tests::for_many(view, query, viewer))
            .collect();
        let levels = levels_of(viewer);
        let mut lists = Vec::with_capacity(snapshot.text.segments.len());
        for segment in &snapshot.text.segments {
            let mut of_words = Vec::with_capacity(words.len());
            for word in words {
                let mut of_word = Vec::new();
                for (level, owned_only) in &levels {
                    let Some(field) = segment.levels.get(level.index()) else {
                        continue;
                    };
                    collect(
                        snapshot,
                        field,
                        *level,
                        *owned_only,
                        word,
                        typos,
                        &mut of_word,
                    )?;
                }
                of_words.push(of_word);
            }
            lists.push(of_words);
        }
        let documents = snapshot
            .text
            .segments
            .iter()
            .map(|s| f64::from(s.len))
            .sum::<f64>();
        let terms: f64 = snapshot
            .text
            .segments
            .iter()
            .flat_map(|s| &s.levels)
            .map(|field| field.terms.total_num_tokens() as f64)
            .sum();
        let idf = words
            .iter()
            .enumerate()
            .map(|(w, word)| {
                let mut found = vec![0.0_f64; word.exact.len()];
                for list in lists
                    .iter()
                    .filter_map(|of_words| of_words.get(w))
                    .flatten()
                {
                    if list.step == EXACT
                        && let Some(count) = found.get_mut(list.term)
                    {
                        *count += f64::from(list.info.doc_freq);
                    }
                }
                found
                    .iter()
                    .map(|n| (1.0 + (documents - n + 0.5).max(0.0) / (n + 0.5)).ln() as f32)
                    .collect()
            })
            .collect();
        let mean_length = (terms / documents.max(1.0)).max(1.0) as f32;
        Ok(Self {
            snapshot,
            viewer,
            tests,
            lists,
            idf,
            mean_length,
        })
    }

    fn run(&self, hits: &mut Vec<Scored>) -> std::io::Result<()> {
        for (segment, of_words) in self.snapshot.text.segments.iter().zip(&self.lists) {
            if of_words.iter().all(|lists| !lists.is_empty()) {
                SCRATCH
                    .with_borrow_mut(|scratch| self.segment(segment, of_words, scratch, hits))?;
            }
        }
        Ok(())
    }

    fn segment(
        &self,
        segment: &TextSegment,
        of_words: &[Vec<List<'a>>],
        scratch: &mut Scratch,
        hits: &mut Vec<Scored>,
    ) -> std::io::Result<()> {
        let ways = Ways::new(segment, self.snapshot);
        // The rarest word first: the others are then only looked at where it is.
        let mut order: Vec<usize> = (0..of_words.len()).collect();
        let size = |w: &usize| {
            of_words
                .get(*w)
                .into_iter()
                .flatten()
                .map(|l| u64::from(l.info.doc_freq))
                .sum::<u64>()
        };
        order.sort_by_cached_key(size);
        scratch.begin(segment.len);
        for (nth, w) in order.iter().enumerate() {
            let (Some(lists), Some(idf)) = (of_words.get(*w), self.idf.get(*w)) else {
                continue;
            };
            for list in lists {
                if nth == 0 {
                    self.open(segment, &ways, list, idf, scratch)?;
                } else {
                    self.narrow(list, idf, scratch)?;
                }
            }
            scratch.keep();
        }
        let found = scratch.found.iter().map(|found| Scored {
            score: found.score,
            at: found.at,
        });
        hits.extend(found);
        scratch.end();
        Ok(())
    }

    /// The first word: every document of its lists that meets the filters is found.
    fn open(
        &self,
        segment: &TextSegment,
        ways: &Ways<'_>,
        list: &List<'a>,
        idf: &[f32],
        scratch: &mut Scratch,
    ) -> std::io::Result<()> {
        let scorer = self.scorer(list, idf);
        each_block(list, |docs, freqs| {
            for (i, &doc) in docs.iter().enumerate() {
                let alive = segment.alive.as_ref();
                if alive.is_some_and(|alive| !alive.is_alive(doc)) {
                    continue;
                }
                let Some(at) = ways.find(doc) else {
                    continue;
                };
                // What the filters refuse is most of it, and costs the least to find out.
                if !self
                    .tests
                    .get(at.view as usize)
                    .is_some_and(|tests| tests.pass(at.entry))
                {
                    continue;
                }
                let known = scratch.of(doc);
                if known == UNSEEN {
                    if list.owned_only && !self.owns(at) {
                        continue;
                    }
                    scratch.find(doc, at, list.step, scorer.score(doc, freqs.get(i)));
                } else {
                    scratch.improve(
                        known,
                        list.step,
                        || scorer.score(doc, freqs.get(i)),
                        |at| !list.owned_only || self.owns(at),
                    );
                }
            }
        })
    }

    /// A further word: only what all words before have found is looked at.
    fn narrow(&self, list: &List<'a>, idf: &[f32], scratch: &mut Scratch) -> std::io::Result<()> {
        let scorer = self.scorer(list, idf);
        let allowed = |at: At| !list.owned_only || self.owns(at);
        if scratch.found.len() as u64 * SEEK_COST < u64::from(list.info.doc_freq) {
            let mut postings = list
                .field
                .terms
                .read_postings_from_terminfo(&list.info, IndexRecordOption::WithFreqs)?;
            scratch.sort();
            for i in 0..scratch.found.len() {
                let Some(doc) = scratch.found.get(i).map(|found| found.doc) else {
                    break;
                };
                let met = if postings.doc() < doc {
                    postings.seek(doc)
                } else {
                    postings.doc()
                };
                if met == TERMINATED {
                    break;
                }
                if met == doc {
                    let freq = tantivy::postings::Postings::term_freq(&postings);
                    scratch.improve(
                        i as u32,
                        list.step,
                        || scorer.score(doc, Some(&freq)),
                        allowed,
                    );
                }
            }
            return Ok(());
        }
        each_block(list, |docs, freqs| {
            for (i, &doc) in docs.iter().enumerate() {
                let known = scratch.of(doc);
                if known < REFUSED {
                    scratch.improve(
                        known,
                        list.step,
                        || scorer.score(doc, freqs.get(i)),
                        allowed,
                    );
                }
            }
        })
    }

    fn owns(&self, at: At) -> bool {
        self.snapshot
            .views
            .get(at.view as usize)
            .and_then(|view| view.seen(at.entry, self.viewer))
            == Some(Level::Owner)
    }

    fn scorer(&self, list: &'a List<'a>, idf: &[f32]) -> Scorer<'a> {
        let idf = if list.step == EXACT {
            idf.get(list.term).copied().unwrap_or(0.0)
        } else {
            0.0
        };
        Scorer {
            idf,
            norms: list.field.norms.as_ref(),
            mean_length: self.mean_length,
            base: f32::from(list.step) * STEP,
        }
    }
}

/// Documents that a list is read through for each one that would be sought in it.
const SEEK_COST: u64 = 16;

struct Scorer<'a> {
    idf: f32,
    norms: Option<&'a FieldNormReader>,
    mean_length: f32,
    base: f32,
}

impl Scorer<'_> {
    #[inline]
    fn score(&self, doc: u32, freq: Option<&u32>) -> f32 {
        if self.idf == 0.0 {
            return self.base;
        }
        let freq = freq.copied().unwrap_or(1) as f32;
        let length = self
            .norms
            .map_or(self.mean_length, |norms| norms.fieldnorm(doc) as f32);
        let (k1, b) = (1.2, 0.75);
        self.base
            + self.idf * freq * (k1 + 1.0) / (freq + k1 * (1.0 - b + b * length / self.mean_length))
    }
}

fn each_block(list: &List<'_>, mut f: impl FnMut(&[u32], &[u32])) -> std::io::Result<()> {
    let option = if list.step == EXACT {
        IndexRecordOption::WithFreqs
    } else {
        IndexRecordOption::Basic
    };
    let mut blocks: BlockSegmentPostings = list
        .field
        .terms
        .read_block_postings_from_terminfo(&list.info, option)?;
    loop {
        let docs = blocks.docs();
        if docs.is_empty() {
            return Ok(());
        }
        f(
            docs,
            if list.step == EXACT {
                blocks.freqs()
            } else {
                &[]
            },
        );
        blocks.advance();
    }
}

/// The fields that a viewer's words are looked up in, and whether only in its own entries.
fn levels_of(viewer: &Viewer) -> Vec<(Level, bool)> {
    match viewer {
        Viewer::Public => vec![(Level::Public, false)],
        Viewer::Network { organisation: None } => {
            vec![(Level::Public, false), (Level::Network, false)]
        }
        Viewer::Network {
            organisation: Some(_),
        } => {
            vec![
                (Level::Public, false),
                (Level::Network, false),
                (Level::Owner, true),
            ]
        }
        Viewer::Coordinator => vec![
            (Level::Public, false),
            (Level::Network, false),
            (Level::Owner, false),
        ],
    }
}

/// Adds the lists of a word in one field, the best steps first.
fn collect<'a>(
    snapshot: &Snapshot,
    field: &'a TextField,
    level: Level,
    owned_only: bool,
    word: &Word,
    typos: bool,
    out: &mut Vec<List<'a>>,
) -> tantivy::Result<()> {
    let terms = field.terms.terms();
    if terms.num_terms() == 0 {
        return Ok(());
    }
    let mut new: Vec<List<'a>> = Vec::new();
    for (term, text) in word.exact.iter().enumerate() {
        if let Some(info) = terms.get(text.as_bytes())? {
            new.push(List {
                field,
                info,
                step: EXACT,
                term,
                owned_only,
            });
        }
    }
    for spelling in &word.spellings {
        if word.prefix {
            let mut stream = terms.range().ge(spelling.as_bytes()).into_stream()?;
            let found = frequent(|| {
                let (key, info) = stream.next()?;
                key.starts_with(spelling.as_bytes())
                    .then(|| (key.len() > spelling.len(), info.clone()))
            });
            new.extend(found.into_iter().map(|info| List {
                field,
                info,
                step: PREFIX,
                term: 0,
                owned_only,
            }));
        }
        if typos
            && word.typo
            && let Some(fields) = &snapshot.text.fields
        {
            let term = Term::from_field_text(fields.level(level), spelling);
            let automaton = FuzzyTermQuery::new(term, 1, true).automaton()?;
            let mut stream = terms.search(automaton).into_stream()?;
            let found = frequent(|| {
                let (key, info) = stream.next()?;
                let other = key != spelling.as_bytes() && key.first() != Some(&(STEM as u8));
                Some((other, info.clone()))
            });
            new.extend(found.into_iter().map(|info| List {
                field,
                info,
                step: TYPO,
                term: 0,
                owned_only,
            }));
        }
    }
    new.sort_by_key(|list| std::cmp::Reverse(list.step));
    out.append(&mut new);
    out.sort_by_key(|list| std::cmp::Reverse(list.step));
    Ok(())
}

/// The most frequent of the terms that `next` gives with whether they count.
fn frequent(mut next: impl FnMut() -> Option<(bool, TermInfo)>) -> Vec<TermInfo> {
    let mut found = Vec::new();
    for _ in 0..limits::EXPANSIONS_SCANNED {
        match next() {
            Some((true, info)) => found.push(info),
            Some((false, _)) => {}
            None => break,
        }
    }
    if found.len() > limits::EXPANSIONS {
        found.select_nth_unstable_by_key(limits::EXPANSIONS, |info: &TermInfo| {
            std::cmp::Reverse(info.doc_freq)
        });
        found.truncate(limits::EXPANSIONS);
    }
    found
}

/// The ways from one text segment to the columns of a snapshot.
struct Ways<'a> {
    segment: &'a TextSegment,
    snapshot: &'a Snapshot,
    joins: Vec<(u32, &'a View, &'a [u32])>,
}

impl<'a> Ways<'a> {
    fn new(segment: &'a TextSegment, snapshot: &'a Snapshot) -> Self {
        let joins = snapshot.views.iter().enumerate().filter_map(|(i, view)| {
            segment
                .join_to(&view.segment)
                .map(|join| (i as u32, view, join))
        });
        Self {
            segment,
            snapshot,
            joins: joins.collect(),
        }
    }

    /// Where the entry of a text document stands now.
    #[inline]
    fn find(&self, doc: u32) -> Option<At> {
        for (view, columns, join) in &self.joins {
            if let Some(&entry) = join.get(doc as usize)
                && entry != ELSEWHERE
                && columns.is_alive(entry)
            {
                return Some(At { view: *view, entry });
            }
        }
        self.snapshot.find_hash(self.segment.key(doc)?)
    }
}
