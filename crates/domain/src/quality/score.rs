//! Scoring: from marks to a score per dimension, by the standard file's `scoring`.

use super::decimal::{Decimal, PARTS};
use super::parameters::RoundingMode;
use super::rule::{Arithmetic, Cap};
use super::{Rule, Scope};

/// What was answered to one criterion, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// Nothing yet.
    #[default]
    Unanswered,
    /// That it does not apply.
    NotApplicable,
    /// A rating. One that is not on the scale counts as no answer.
    Rated {
        /// The rating as it was given.
        rating: i32,
        /// How many pieces of evidence count for it.
        evidence: u16,
    },
}

/// The score of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DimensionScore {
    /// Whether there is a number, and which.
    pub outcome: Outcome,
    /// Criteria in scope.
    pub in_scope: u16,
    /// Of these, marked as not applicable.
    pub not_applicable: u16,
    /// Of the rest, rated.
    pub rated: u16,
    /// The criteria that count as less than their rating for want of evidence: bit `n` is the dimension's criterion `n`.
    pub capped: u64,
    /// The core criteria that bound the level, in the same way.
    pub core_below: u64,
    /// Whether the core rule made the level lower than the mean would.
    pub level_bounded: bool,
    /// Whether more is not applicable than the standard lets pass unseen.
    pub many_not_applicable: bool,
}

/// Whether a dimension has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is in scope, or nothing applies: no number.
    NotInScope,
    /// Too little is rated: no number.
    Incomplete,
    /// The rounded mean, and the level by its place among the standard's levels.
    Scored {
        /// The rounded mean.
        mean: Decimal,
        /// The level, 0 being the lowest.
        level: u8,
    },
}

impl Default for DimensionScore {
    fn default() -> Self {
        Self {
            outcome: Outcome::NotInScope,
            in_scope: 0,
            not_applicable: 0,
            rated: 0,
            capped: 0,
            core_below: 0,
            level_bounded: false,
            many_not_applicable: false,
        }
    }
}

impl Rule {
    /// Scores one assessment: `marks` by the numbers of criteria, `scores` by dimension. Missing marks are unanswered;
    /// scores beyond the standard's dimensions stay as they are. Allocates nothing.
    pub fn score(&self, scope: &Scope, marks: &[Mark], scores: &mut [DimensionScore]) {
        let arithmetic = &self.arithmetic;
        let mut weights = arithmetic.weights.as_slice();
        let mut in_scope = scope.in_scope.as_slice();
        let mut marks = marks;
        for (length, score) in arithmetic.lengths.iter().zip(scores) {
            let mut sum = Sum::default();
            let asked = take(&mut weights, *length)
                .iter()
                .zip(take(&mut in_scope, *length));
            let marked = take(&mut marks, *length);
            let answers = marked
                .iter()
                .copied()
                .chain(std::iter::repeat(Mark::Unanswered));
            for (at, ((weight, is_in), mark)) in asked.zip(answers).enumerate() {
                if *is_in {
                    sum.add(arithmetic, at, weight.weight, weight.core, mark);
                }
            }
            *score = sum.finish(arithmetic);
        }
    }

    /// The same into a new list.
    #[must_use]
    pub fn scores(&self, scope: &Scope, marks: &[Mark]) -> Vec<DimensionScore> {
        let mut scores = vec![DimensionScore::default(); self.dimensions()];
        self.score(scope, marks, &mut scores);
        scores
    }

    /// What a rating counts as.
    #[must_use]
    pub fn effective_rating(&self, rating: i32, evidence: u16) -> i32 {
        effective(self.arithmetic.cap, rating, evidence)
    }
}

/// Takes the first `length` items off a slice, or all that there are.
fn take<'a, T>(slice: &mut &'a [T], length: usize) -> &'a [T] {
    let (head, rest) = slice.split_at(length.min(slice.len()));
    *slice = rest;
    head
}

fn effective(cap: Option<Cap>, rating: i32, evidence: u16) -> i32 {
    match cap {
        Some(cap) if rating >= cap.from && evidence < cap.items => rating.min(cap.effective),
        _ => rating,
    }
}

/// What is summed up over the criteria of a dimension.
#[derive(Default)]
struct Sum {
    score: DimensionScore,
    sum: i64,
    weight: i64,
}

impl Sum {
    fn add(&mut self, arithmetic: &Arithmetic, at: usize, weight: i64, core: bool, mark: Mark) {
        self.score.in_scope += 1;
        let (rating, evidence) = match mark {
            Mark::Unanswered => return,
            Mark::NotApplicable => {
                self.score.not_applicable += 1;
                return;
            }
            Mark::Rated { rating, evidence } => (rating, evidence),
        };
        let is_rating = (arithmetic.min..=arithmetic.max).contains(&rating)
            && (rating - arithmetic.min) % arithmetic.step == 0;
        if !is_rating {
            return;
        }
        let counts = effective(arithmetic.cap, rating, evidence);
        // A dimension has at most 50 criteria (limits::CRITERIA), so each has its bit.
        let bit = 1_u64
            .checked_shl(u32::try_from(at).unwrap_or(u32::MAX))
            .unwrap_or(0);
        if counts < rating {
            self.score.capped |= bit;
        }
        if core && arithmetic.core.is_some_and(|core| counts < core.below) {
            self.score.core_below |= bit;
        }
        self.score.rated += 1;
        self.sum += i64::from(counts) * weight;
        self.weight += weight;
    }

    fn finish(mut self, arithmetic: &Arithmetic) -> DimensionScore {
        let in_scope = i64::from(self.score.in_scope);
        let not_applicable = i64::from(self.score.not_applicable);
        self.score.many_not_applicable = arithmetic
            .many_not_applicable
            .is_some_and(|(share, of)| not_applicable * of > share * in_scope);
        let applicable = in_scope - not_applicable;
        if applicable == 0 {
            return self.score;
        }
        let (share, of) = arithmetic.coverage;
        if self.weight == 0 || i64::from(self.score.rated) * of < share * applicable {
            self.score.outcome = Outcome::Incomplete;
            return self.score;
        }
        let steps = rounded(self.sum * arithmetic.steps, self.weight, arithmetic.mode);
        let reached = arithmetic
            .levels
            .iter()
            .filter(|first| **first <= steps)
            .count();
        let mut level = u8::try_from(reached.saturating_sub(1)).unwrap_or(u8::MAX);
        if let Some(core) = arithmetic.core
            && self.score.core_below != 0
            && level > core.level_at_most
        {
            level = core.level_at_most;
            self.score.level_bounded = true;
        }
        self.score.outcome = Outcome::Scored {
            mean: Decimal::from_parts(steps * (PARTS / arithmetic.steps)),
            level,
        };
        self.score
    }
}

/// `number / by`, rounded to a whole. `by` is positive.
fn rounded(number: i64, by: i64, mode: RoundingMode) -> i64 {
    let (down, rest) = (number.div_euclid(by), number.rem_euclid(by));
    let goes_up = match mode {
        RoundingMode::Down => false,
        RoundingMode::Up => rest > 0,
        RoundingMode::HalfUp => rest * 2 >= by,
        RoundingMode::HalfDown => rest * 2 > by,
        RoundingMode::HalfEven => rest * 2 > by || (rest * 2 == by && down % 2 != 0),
    };
    down + i64::from(goes_up)
}
