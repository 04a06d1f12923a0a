//! What somebody has to look at again: local entries that nobody has verified yet, and those whose review is due.
//!
//! The column `review` says from which day on: nothing where nobody has to, the empty text where it was never verified,
//! else `YYYY-MM-DD`. Its order is the order of urgency, the same in both databases.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::not;
use diesel::prelude::*;
use domain::{EntryId, Review};

use crate::directory::Directory;
use crate::directory::stored::{Origins, Stored};
use crate::rows::EntryRow;
use crate::schema::entry;
use crate::sql_types::{from_micros, to_entry_id};
use crate::{Result, StorageError, limits};

/// Never verified.
const NEVER: &str = "";

/// The column's value.
pub(crate) fn review_column(review: Review) -> Option<String> {
    match review {
        Review::NotNeeded => None,
        Review::NeverVerified => Some(NEVER.to_owned()),
        Review::Due(day) => Some(day.to_string()),
    }
}

/// Why somebody has to look at an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    /// Nobody has verified it yet.
    NeverVerified,
    /// Its review is due.
    Due,
}

impl ReviewState {
    /// The code in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverVerified => "never_verified",
            Self::Due => "due",
        }
    }

    /// The state of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::NeverVerified, Self::Due]
            .into_iter()
            .find(|state| state.as_str() == code)
    }

    /// The first and the last value of the column on `today`.
    fn range(self, today: NaiveDate) -> (String, String) {
        match self {
            Self::NeverVerified => (NEVER.to_owned(), NEVER.to_owned()),
            // Above the empty text and not above any day.
            Self::Due => ("0".to_owned(), today.to_string()),
        }
    }
}

/// How many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewsWaiting {
    /// How many, as far as was counted.
    pub count: usize,
    /// Whether there are more.
    pub more: bool,
    /// Since when the first waits: the day on which its review was due, or the moment at which it was written.
    pub oldest: Option<DateTime<Utc>>,
}

/// The place of an entry in the list of one state: goes on after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewCursor {
    review: String,
    id: EntryId,
}

impl ReviewCursor {
    /// Reads what [`ReviewCursor::to_text`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (review, id) = text.split_once('_')?;
        let known = review.is_empty() || review.parse::<NaiveDate>().is_ok();
        known.then_some(())?;
        Some(Self {
            review: review.to_owned(),
            id: id.parse().ok()?,
        })
    }

    /// As text for the next page's address.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}_{}", self.review, self.id)
    }
}

impl Directory {
    /// How many local entries of `owner` (`None`: of all) are in a state on `today`. Counts up to [`limits::LIST`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reviews_waiting(
        &self,
        owner: Option<EntryId>,
        state: ReviewState,
        today: NaiveDate,
    ) -> Result<ReviewsWaiting> {
        let (origin, (first, last)) = (self.node.origin_row, state.range(today));
        self.database
            .read(move |c| {
                let mut query = entry::table
                    .filter(entry::review.ge(&first))
                    .filter(entry::review.le(&last))
                    .order((entry::review, entry::id))
                    .limit(limits::LIST + 1)
                    .select((entry::review.assume_not_null(), entry::created))
                    .into_boxed();
                if let Some(owner) = owner {
                    query = query.filter(of(origin, owner));
                }
                let mut found: Vec<(String, i64)> = query.load(c)?;
                let most = usize::try_from(limits::LIST).unwrap_or(usize::MAX);
                let more = found.len() > most;
                found.truncate(most);
                let oldest = match state {
                    ReviewState::Due => found.first().map(|(day, _)| midnight(day)).transpose()?,
                    ReviewState::NeverVerified => found
                        .iter()
                        .map(|(_, created)| *created)
                        .min()
                        .map(from_micros)
                        .transpose()?,
                };
                Ok(ReviewsWaiting {
                    count: found.len(),
                    more,
                    oldest,
                })
            })
            .await
    }

    /// Local entries of `owner` (`None`: of all) in a state on `today`: those that are longest overdue first, those never
    /// verified by age. With the place after the last one, where there are more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reviews(
        &self,
        owner: Option<EntryId>,
        state: ReviewState,
        today: NaiveDate,
        after: Option<ReviewCursor>,
        limit: i64,
    ) -> Result<(Vec<Stored>, Option<ReviewCursor>)> {
        let (origin, (first, last)) = (self.node.origin_row, state.range(today));
        let limit = limit.clamp(1, limits::LIST - 1);
        self.database
            .read(move |c| {
                let mut query = entry::table
                    .filter(entry::review.ge(&first))
                    .filter(entry::review.le(&last))
                    .order((entry::review, entry::id))
                    .limit(limit + 1)
                    .into_boxed();
                if let Some(owner) = owner {
                    query = query.filter(of(origin, owner));
                }
                if let Some(after) = &after {
                    query = query.filter(
                        entry::review.gt(&after.review).or(entry::review
                            .eq(&after.review)
                            .and(entry::id.gt(after.id.to_string()))),
                    );
                }
                let mut rows: Vec<EntryRow> = query.load(c)?;
                let most = usize::try_from(limit).unwrap_or(usize::MAX);
                let more = rows.len() > most;
                rows.truncate(most);
                let next = match rows.last() {
                    Some(row) if more => Some(ReviewCursor {
                        review: row.review.clone().unwrap_or_default(),
                        id: to_entry_id("an entry", &row.id)?,
                    }),
                    _ => None,
                };
                let origins = Origins::load(c)?;
                let found = rows
                    .into_iter()
                    .map(|row| Stored::from_row(row, &origins))
                    .collect::<Result<_>>()?;
                Ok((found, next))
            })
            .await
    }
}

/// Entries of an owner. Only live local entries have something in the column; but said like this, an index finds the few
/// entries of one owner among many, while without an owner the column's own index finds those that are due.
#[diesel::dsl::auto_type]
fn of(origin: i64, owner: EntryId) -> _ {
    let owner: String = owner.to_string();
    entry::origin
        .eq(origin)
        .and(entry::owner.eq(owner))
        .and(not(entry::deleted))
}

/// The moment at which a day of the column began (UTC).
fn midnight(day: &str) -> Result<DateTime<Utc>> {
    day.parse::<NaiveDate>()
        .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc())
        .map_err(|why| StorageError::corrupt("the day of a review", why))
}
