//! A node that speaks, and a reader of it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::feed::{Digest, FeedKey, FeedName, FeedState};
use domain::{Entry, EntryId, Kind};
use lotse_federation::protocol::document::{Changes, First, NodeDocument, Start};
use lotse_federation::protocol::head;
use lotse_federation::protocol::key::{Ed25519, SecretKey, Signer as _};
use lotse_federation::protocol::page::{self, Expected, Page, Part};
use lotse_federation::protocol::refusal::Refused;
use lotse_federation::protocol::statement::{self, Draft, Place};

pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn id(number: u128) -> EntryId {
    EntryId(uuid::Uuid::from_u128(number))
}

/// The node `a.example`: its second statement key signs from number 3 on.
pub(crate) struct Node {
    pub(crate) document: NodeDocument,
    pub(crate) feed: FeedKey,
    pub(crate) actor: String,
}

/// The first, the second and the requests key, and one of nobody.
pub(crate) const FIRST: u8 = 1;
pub(crate) const SECOND: u8 = 2;
pub(crate) const REQUESTS: u8 = 8;
pub(crate) const NOBODY: u8 = 77;

impl Node {
    pub(crate) fn new() -> Self {
        let origin: domain::Origin = "https://a.example".parse().unwrap();
        let first = First {
            origin: &origin,
            name: None,
            epoch: 1,
            requests: key(REQUESTS).public(),
            recovery: key(9).public(),
        };
        let document = NodeDocument::first(&first, now(), &key(FIRST)).unwrap();
        let from = Start {
            public: 3,
            network: 3,
        };
        let document = document
            .rotated(from, &Changes::default(), now(), &key(FIRST), &key(SECOND))
            .unwrap();
        Self {
            actor: document.did().as_str().to_owned(),
            feed: FeedKey {
                origin,
                name: FeedName::Public,
            },
            document,
        }
    }

    /// The name under which a key stands, or would.
    pub(crate) fn method(&self, number: u8) -> String {
        match number {
            FIRST => format!("{}#statements-1", self.actor),
            REQUESTS => self.document.request_method().to_owned(),
            _ => format!("{}#statements-2", self.actor),
        }
    }

    pub(crate) fn entry(&self, id: EntryId) -> Entry {
        let example: serde_json::Value = serde_json::from_str(Kind::Need.example()).unwrap();
        let json = serde_json::json!({
            "id": id, "kind": "need", "origin": self.feed.origin, "owner": id, "version": 1, "visibility": "public",
            "status": "active", "created": now(), "modified": now(), "license": "CC0-1.0",
            "content": example["content"],
        });
        Entry::from_json(&json.to_string()).unwrap()
    }

    /// A row at a number, signed with the key that counts there.
    pub(crate) fn row(&self, seq: u64, number: u128) -> String {
        let by = if seq < 3 { FIRST } else { SECOND };
        self.row_by(seq, number, by)
    }

    pub(crate) fn row_by(&self, seq: u64, number: u128, by: u8) -> String {
        self.write_row(seq, number, by, now())
    }

    /// The same row, said at another moment.
    pub(crate) fn row_at(&self, seq: u64, number: u128, at: DateTime<Utc>) -> String {
        self.write_row(seq, number, FIRST, at)
    }

    fn write_row(&self, seq: u64, number: u128, by: u8, at: DateTime<Utc>) -> String {
        let entry = self.entry(id(number));
        let place = Place {
            key: &self.feed,
            epoch: 1,
            seq,
        };
        let draft = Draft {
            entry: id(number),
            object: (!seq.is_multiple_of(4)).then_some(&entry),
            known: false,
            salt: [7; 16],
        };
        statement::write(&place, &draft, &self.actor, &self.method(by), at, &key(by)).unwrap()
    }

    pub(crate) fn state(&self, seq: u64) -> FeedState {
        FeedState {
            seq,
            live: 3,
            ..FeedState::new(1, Digest([5; 32]))
        }
    }

    pub(crate) fn head(&self, seq: u64) -> String {
        self.head_at(seq, now())
    }

    pub(crate) fn head_at(&self, seq: u64, at: DateTime<Utc>) -> String {
        let method = self.method(SECOND);
        head::write(
            &self.feed,
            &self.state(seq),
            &self.actor,
            &method,
            at,
            &key(SECOND),
        )
        .unwrap()
    }

    /// A page of these rows that says that it goes from `since` to `through`.
    pub(crate) fn page(&self, since: u64, rows: &[String], through: u64, more: bool) -> String {
        self.page_with(since, rows, through, more, &self.head(5), SECOND)
    }

    pub(crate) fn page_with(
        &self,
        since: u64,
        rows: &[String],
        through: u64,
        more: bool,
        head: &str,
        by: u8,
    ) -> String {
        let rows = rows.iter().map(String::as_str);
        let part = Part::Changes { since };
        let method = self.method(by);
        let by = (method.as_str(), &key(by) as _, now());
        page::write(
            &self.feed,
            &part,
            rows,
            through,
            more,
            head,
            &self.actor,
            by,
        )
        .unwrap()
    }

    /// Five rows, 1 to 5.
    pub(crate) fn rows(&self) -> Vec<String> {
        (1..=5).map(|seq| self.row(seq, u128::from(seq))).collect()
    }

    pub(crate) fn read(&self, body: &[u8], since: u64) -> Result<Page, Refused> {
        self.read_at(
            body,
            &Part::Changes { since },
            100,
            now() + TimeDelta::minutes(1),
        )
    }

    pub(crate) fn read_at(
        &self,
        body: &[u8],
        part: &Part,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<Page, Refused> {
        let expected = Expected {
            key: &self.feed,
            document: &self.document,
            part,
            limit,
            verifier: &Ed25519,
            now,
        };
        page::read(body, &expected)
    }

    /// The code with which a page is refused.
    pub(crate) fn code(&self, body: &str, since: u64) -> &'static str {
        self.read(body.as_bytes(), since)
            .map_or_else(|refused| refused.code(), |_| "accepted")
    }
}
