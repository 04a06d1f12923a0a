//! This node's identity documents, and nodes of which nothing is wanted.

use diesel::prelude::*;
use domain::Origin;

use super::work::FeedWork;
use crate::Result;
use crate::rows::{DenialRow, NodeDocumentRow};
use crate::schema::{
    audit, bucket, correction, denial, entry, feed, node_document, origin, peer, statement,
};
use crate::sql_types::{from_column, to_column};

impl FeedWork<'_, '_> {
    /// The identity documents of this node after `sequence`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// Those of the database.
    pub fn documents(&mut self, after: u64, limit: i64) -> Result<Vec<(u64, String)>> {
        let rows: Vec<NodeDocumentRow> = node_document::table
            .filter(node_document::sequence.gt(to_column(after)?))
            .order(node_document::sequence)
            .limit(limit)
            .load(self.connection())?;
        rows.into_iter()
            .map(|row| Ok((from_column("a document", row.sequence)?, row.body)))
            .collect()
    }

    /// The identity document in force, if there is one yet.
    ///
    /// # Errors
    /// Those of the database.
    pub fn document(&mut self) -> Result<Option<String>> {
        Ok(node_document::table
            .order(node_document::sequence.desc())
            .select(node_document::body)
            .first(self.connection())
            .optional()?)
    }

    /// The number of the identity document in force.
    ///
    /// # Errors
    /// Those of the database.
    pub fn newest_document(&mut self) -> Result<Option<u64>> {
        let newest: Option<i64> = node_document::table
            .select(diesel::dsl::max(node_document::sequence))
            .first(self.connection())?;
        newest
            .map(|sequence| from_column("a document", sequence))
            .transpose()
    }

    /// Puts a new identity document in force.
    ///
    /// # Errors
    /// Those of the database.
    pub fn put_document(&mut self, sequence: u64, body: &str) -> Result<()> {
        let row = NodeDocumentRow {
            sequence: to_column(sequence)?,
            body: body.to_owned(),
        };
        self.arrive("node.document", &sequence.to_string())?;
        diesel::insert_into(node_document::table)
            .values(&row)
            .execute(self.connection())?;
        Ok(())
    }

    /// Whether nothing of this node is wanted, by whichever scheme it is reached.
    ///
    /// # Errors
    /// Those of the database.
    pub fn is_denied(&mut self, other: &Origin) -> Result<bool> {
        let found: i64 = denial::table
            .filter(denial::base_url.eq_any(other.of_same_node()))
            .count()
            .get_result(self.connection())?;
        Ok(found > 0)
    }

    /// The number of the latest denial.
    ///
    /// # Errors
    /// Those of the database.
    pub fn last_denial(&mut self) -> Result<Option<i64>> {
        Ok(denial::table
            .select(diesel::dsl::max(denial::arrival))
            .first(self.connection())?)
    }

    /// The nodes of which nothing is wanted.
    ///
    /// # Errors
    /// Those of the database.
    pub fn denials(&mut self) -> Result<Vec<String>> {
        Ok(denial::table
            .order(denial::base_url)
            .select(denial::base_url)
            .load(self.connection())?)
    }

    /// Wants nothing of a node any more and erases what came from it: entries, statements, what was reported about
    /// them, and which audit rows spoke of it. What stays is the denial. False where it was denied before.
    ///
    /// # Errors
    /// Those of the database.
    pub fn deny(&mut self, other: &Origin) -> Result<bool> {
        if self.is_denied(other)? {
            return Ok(false);
        }
        for row in self.rows_of_node(other)? {
            self.erase(row)?;
        }
        self.transaction()?
            .erase(peer::table.filter(peer::base_url.eq_any(other.of_same_node())))?;
        // Who was denied stands in the denial alone.
        let arrival = self.arrive("peer.denied", "")?;
        let denied = DenialRow {
            base_url: other.as_str().to_owned(),
            arrival,
            at: self.micros(),
        };
        diesel::insert_into(denial::table)
            .values(&denied)
            .execute(self.connection())?;
        // What an admin did about this peer before named it.
        diesel::update(audit::table.filter(audit::subject.eq_any(other.of_same_node())))
            .set(audit::subject.eq(""))
            .execute(self.connection())?;
        self.transaction()?.note_erased();
        Ok(true)
    }

    /// Takes a denial back. What was erased comes again when it is pulled again.
    ///
    /// # Errors
    /// Those of the database.
    pub fn undeny(&mut self, other: &Origin) -> Result<bool> {
        let rows = self
            .transaction()?
            .erase(denial::table.filter(denial::base_url.eq_any(other.of_same_node())))?;
        if rows > 0 {
            self.arrive("peer.allowed", other.as_str())?;
        }
        Ok(rows > 0)
    }

    /// The rows of another node: one for each base URL under which entries of it came, however an older version spelled it.
    fn rows_of_node(&mut self, other: &Origin) -> Result<Vec<i64>> {
        let known: Vec<(i64, String)> = origin::table
            .filter(diesel::dsl::not(origin::is_self))
            .select((origin::id, origin::base_url))
            .load(self.connection())?;
        let is_it = |base_url: &str| {
            base_url
                .parse()
                .is_ok_and(|origin: Origin| origin.is_same_node(other))
        };
        let found = known.into_iter().filter(|(_, base_url)| is_it(base_url));
        Ok(found.map(|(id, _)| id).collect())
    }

    fn erase(&mut self, row: i64) -> Result<()> {
        let actor = super::work::peer_actor(row);
        let connection = self.connection();
        let feeds: Vec<i64> = feed::table
            .filter(feed::origin.eq(row))
            .select(feed::id)
            .load(connection)?;
        let t = self.transaction()?;
        t.erase(statement::table.filter(statement::feed.eq_any(&feeds)))?;
        t.remove(bucket::table.filter(bucket::feed.eq_any(&feeds)))?;
        t.erase(feed::table.filter(feed::id.eq_any(&feeds)))?;
        t.erase(entry::table.filter(entry::origin.eq(row)))?;
        t.erase(correction::table.filter(correction::origin.eq(row)))?;
        t.erase(origin::table.find(row))?;
        // The numbers stay, so that the order has no gaps.
        diesel::update(audit::table.filter(audit::actor.eq(actor)))
            .set((audit::actor.eq("peer"), audit::subject.eq("")))
            .execute(self.connection())?;
        Ok(())
    }
}
