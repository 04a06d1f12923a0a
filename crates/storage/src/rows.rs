//! The rows of all tables: read, written and archived as they are. Columns stand in the order of [`crate::schema`].

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::schema::*;

/// What this database is.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = meta, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetaRow {
    pub(crate) id: i64,
    pub(crate) generation: String,
    pub(crate) operator: Option<String>,
    pub(crate) created: i64,
}

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = counter, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct CounterRow {
    pub(crate) name: String,
    pub(crate) value: i64,
}

/// A node whose entries are here.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = origin, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct OriginRow {
    pub(crate) id: i64,
    pub(crate) base_url: String,
    pub(crate) is_self: bool,
}

/// What the live local entries of an owner take.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = owner_usage, treat_none_as_default_value = false)]
pub(crate) struct OwnerUsageRow {
    pub(crate) owner: String,
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
}

/// An entry at its latest version.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = entry, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryRow {
    pub(crate) origin: i64,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) owner: String,
    pub(crate) version: i64,
    pub(crate) arrival: i64,
    pub(crate) visibility: String,
    pub(crate) deleted: bool,
    pub(crate) external_id: Option<String>,
    pub(crate) hash: i64,
    pub(crate) created: i64,
    pub(crate) modified: i64,
    pub(crate) body: Option<String>,
    /// See `directory::reviews`. Follows from the body, so archives do without it.
    #[serde(skip)]
    pub(crate) review: Option<String>,
}

/// One local entry refers to another.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = entry_reference, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryReferenceRow {
    pub(crate) source: String,
    pub(crate) target: String,
}

/// One version of a local entry.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = revision, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevisionRow {
    pub(crate) arrival: i64,
    pub(crate) entry: String,
    pub(crate) version: i64,
    pub(crate) at: i64,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) body: Option<String>,
}

/// Who did what when, without content.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = audit, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditRow {
    pub(crate) arrival: i64,
    pub(crate) at: i64,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) subject: String,
}

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = account, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountRow {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) email_folded: String,
    pub(crate) display: String,
    pub(crate) password: Option<String>,
    pub(crate) disabled: bool,
    pub(crate) created: i64,
    pub(crate) modified: i64,
    pub(crate) arrival: i64,
}

/// A role of an account.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = membership, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct MembershipRow {
    pub(crate) account: String,
    pub(crate) scope: String,
    pub(crate) role: String,
}

/// A program of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = client, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientRow {
    pub(crate) id: String,
    pub(crate) organisation: String,
    pub(crate) label: String,
    pub(crate) role: String,
    pub(crate) secret: String,
    pub(crate) created: i64,
    pub(crate) revoked: Option<i64>,
    pub(crate) arrival: i64,
}

/// A signed-in account.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = session, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionRow {
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) created: i64,
    pub(crate) expires: i64,
    pub(crate) revoked: Option<i64>,
    pub(crate) arrival: i64,
}

/// A one-time link.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = password_reset, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetRow {
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) created: i64,
    pub(crate) expires: i64,
    pub(crate) used: Option<i64>,
}

/// An organisation that asks to take part.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = registration, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationRow {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) claim: String,
    pub(crate) draft: String,
    pub(crate) contact: String,
    pub(crate) license_accepted: i64,
    pub(crate) submitted: i64,
    pub(crate) expires: i64,
    pub(crate) decided: Option<i64>,
    pub(crate) decided_by: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) organisation: Option<String>,
    pub(crate) claimed: Option<i64>,
}

/// A reported error.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = correction, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct CorrectionRow {
    pub(crate) id: String,
    pub(crate) origin: i64,
    pub(crate) entry: String,
    pub(crate) message: String,
    pub(crate) contact: Option<String>,
    pub(crate) created: i64,
    pub(crate) state: String,
    pub(crate) closed: Option<i64>,
    pub(crate) closed_by: Option<String>,
}

/// What a request with an idempotency key was answered.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = idempotency, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdempotencyRow {
    pub(crate) subject: String,
    pub(crate) key: String,
    pub(crate) fingerprint: String,
    pub(crate) created: i64,
    pub(crate) expires: i64,
    pub(crate) outcome: String,
}

/// A state of this node's identity document.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = node_document, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeDocumentRow {
    pub(crate) sequence: i64,
    pub(crate) body: String,
}

/// A feed and how far it is known.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = feed, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedRow {
    pub(crate) id: i64,
    pub(crate) origin: i64,
    pub(crate) name: String,
    pub(crate) epoch: i64,
    pub(crate) seq: i64,
    pub(crate) arrival: i64,
    pub(crate) horizon: i64,
    pub(crate) tree_seq: i64,
    pub(crate) live: i64,
    pub(crate) root: String,
    pub(crate) pull: i64,
    pub(crate) pulling: bool,
    pub(crate) head: Option<String>,
    // What archives of older versions do without; counted anew when one is restored.
    #[serde(default)]
    pub(crate) bytes: i64,
}

/// The latest statement about an entry.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = statement, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatementRow {
    pub(crate) feed: i64,
    pub(crate) leaf: i64,
    pub(crate) entry: String,
    pub(crate) seq: i64,
    pub(crate) live: bool,
    pub(crate) hash: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) pull: i64,
    pub(crate) at: i64,
    pub(crate) body: Option<String>,
}

/// A bucket of a state tree.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = bucket, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketRow {
    pub(crate) feed: i64,
    pub(crate) number: i64,
    pub(crate) digest: String,
    pub(crate) leaves: String,
}

/// Another node.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = peer, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerRow {
    pub(crate) id: i64,
    pub(crate) base_url: String,
    pub(crate) did: String,
    pub(crate) document: Option<String>,
    pub(crate) pinned: bool,
    pub(crate) following: String,
    pub(crate) feed: String,
    pub(crate) follower: String,
    pub(crate) policy: String,
    pub(crate) asked: i64,
    pub(crate) decided: Option<i64>,
    pub(crate) tried: Option<i64>,
    pub(crate) succeeded: Option<i64>,
    pub(crate) agreed: Option<i64>,
    pub(crate) agreed_seq: Option<i64>,
    pub(crate) remote_seq: Option<i64>,
    pub(crate) failures: i64,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) error_at: Option<i64>,
    pub(crate) sweep: Option<i64>,
    pub(crate) sweep_allowed: bool,
    // What archives of older versions do without.
    #[serde(default)]
    pub(crate) seen: Option<i64>,
    #[serde(default)]
    pub(crate) contested: Option<i64>,
    #[serde(default)]
    pub(crate) contests: i64,
}

/// A node of which nothing is wanted here any more.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = denial, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct DenialRow {
    pub(crate) base_url: String,
    pub(crate) arrival: i64,
    pub(crate) at: i64,
}

/// How far the restore journal was.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = journal, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalRow {
    pub(crate) id: i64,
    pub(crate) lines: i64,
    pub(crate) digest: String,
    pub(crate) generation: String,
}

/// Who does some background work.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = lease, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeaseRow {
    pub(crate) name: String,
    pub(crate) holder: String,
    pub(crate) until: i64,
}

/// Another organisation is asked for its view.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = invitation, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationRow {
    pub(crate) token: String,
    pub(crate) assessment: String,
    pub(crate) reviewer: String,
    pub(crate) submission: String,
    pub(crate) created: i64,
    pub(crate) expires: i64,
    pub(crate) views: Option<String>,
    pub(crate) closed: Option<i64>,
}

/// How many organisations stand where.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = distribution, treat_none_as_default_value = false)]
#[serde(deny_unknown_fields)]
pub(crate) struct DistributionRow {
    pub(crate) standard: String,
    pub(crate) made: i64,
    pub(crate) body: String,
}
