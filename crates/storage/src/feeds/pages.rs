//! Pieces of a feed, bounded in rows and in bytes.

use diesel::prelude::*;
use domain::feed::{FeedKey, StatementRow};

use super::columns::statement_from;
use super::work::FeedWork;
use crate::rows::StatementRow as Row;
use crate::schema::statement;
use crate::sql_types::to_column;
use crate::{Result, limits};

/// A piece of a feed.
#[derive(Debug, Clone)]
pub struct Page {
    /// In the order of their numbers.
    pub rows: Vec<StatementRow>,
    /// Whether more follow.
    pub more: bool,
}

impl Page {
    /// Collects up to `limit` rows, and none after `bytes` of them are there. `next` gives up to so many rows that follow.
    fn collect(
        limit: usize,
        bytes: usize,
        mut next: impl FnMut(i64) -> Result<Vec<Row>>,
    ) -> Result<Self> {
        let mut page = Self {
            rows: Vec::new(),
            more: false,
        };
        let mut kept = 0;
        loop {
            // One row more than fits tells whether any follow.
            let wanted = (limit - page.rows.len() + 1).min(limits::PAGE_ROWS);
            let rows = next(i64::try_from(wanted).unwrap_or(i64::MAX))?;
            let is_last = rows.len() < wanted;
            for row in rows {
                if page.rows.len() >= limit || kept > bytes {
                    page.more = true;
                    return Ok(page);
                }
                kept += row.body.as_ref().map_or(0, String::len) + 1;
                page.rows.push(statement_from(row)?);
            }
            if is_last {
                return Ok(page);
            }
        }
    }
}

impl FeedWork<'_, '_> {
    /// Statements with numbers above `since` and up to `through`, in order: at most `limit`, and none after `bytes` of them
    /// are there. Read some at a time, so that large ones do not all come into memory.
    ///
    /// # Errors
    /// Those of the database.
    pub fn page(
        &mut self,
        key: &FeedKey,
        since: u64,
        through: u64,
        (limit, bytes): (usize, usize),
    ) -> Result<Page> {
        let feed = self.feed(key)?;
        let (mut after, through) = (to_column(since)?, to_column(through)?);
        Page::collect(limit, bytes, |most| {
            let rows: Vec<Row> = statement::table
                .filter(statement::feed.eq(feed))
                .filter(statement::seq.gt(after))
                .filter(statement::seq.le(through))
                .order(statement::seq)
                .limit(most)
                .load(self.connection())?;
            after = rows.last().map_or(after, |row| row.seq);
            Ok(rows)
        })
    }

    /// The live statements of one leaf, by entry: as many as [`FeedWork::page`] gives.
    ///
    /// # Errors
    /// Those of the database.
    pub fn leaf(
        &mut self,
        key: &FeedKey,
        leaf: u16,
        (limit, bytes): (usize, usize),
    ) -> Result<Page> {
        let feed = self.feed(key)?;
        let mut after = String::new();
        Page::collect(limit, bytes, |most| {
            let rows: Vec<Row> = statement::table
                .filter(statement::feed.eq(feed))
                .filter(statement::leaf.eq(i64::from(leaf)))
                .filter(statement::live)
                .filter(statement::entry.gt(&after))
                .order(statement::entry)
                .limit(most)
                .load(self.connection())?;
            if let Some(last) = rows.last() {
                after.clone_from(&last.entry);
            }
            Ok(rows)
        })
    }
}
