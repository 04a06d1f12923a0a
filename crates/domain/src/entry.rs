//! The envelope that entries of all kinds share.

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::Rules;
use crate::quality;
use crate::{Checker, Content, EntryId, EntryKey, Kind, Origin, codes, limits};

/// Who may see an entry at all. What of it they see, [`crate::outward`] decides. Ordered from the widest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody, without an account.
    Public,
    /// Approved peers and signed-in partners.
    Network,
    /// The owner and coordinators. Never leaves the node.
    Internal,
}

/// Where a statement about the world comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Address of the page or document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://www.example.org/offers")]
    pub url: Option<String>,
    /// What it is called, where it has no address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it said so: a year, month or day (ISO 8601: `2023`, `2023-07`, `2023-07-14`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// How sure one can be: `high`, `medium` or `low`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// What else a reader of the source should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How sure one can be of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A found page says it.
    High,
    /// Older, or partly assumed.
    Medium,
    /// Announced, planned or doubtful.
    Low,
}

impl Source {
    pub(crate) fn check(&self, c: &mut Checker<'_>) {
        if self.url.is_none() && self.title.is_none() {
            c.refuse("required", "a source needs a url or a title");
        }
        c.optional_url("url", self.url.as_deref());
        c.optional_string("title", self.title.as_deref(), limits::TITLE);
        c.optional_string("note", self.note.as_deref(), limits::SUMMARY);
        if let Some(date) = &self.date
            && !is_partial_date(date)
        {
            c.field("date", |c| {
                c.refuse("not_a_date", "expected YYYY, YYYY-MM or YYYY-MM-DD")
            });
        }
    }
}

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD` (ISO 8601-1 calendar dates of reduced precision).
pub(crate) fn is_partial_date(text: &str) -> bool {
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        10 => text.to_owned(),
        _ => return false,
    };
    // By position, because a year may have a sign: `-999` is no year here.
    let has_form = whole.bytes().enumerate().all(|(at, b)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    has_form && whole.parse::<NaiveDate>().is_ok()
}

/// One record of any kind: the envelope around its content `C`.
///
/// `Record<Content>`, called [`Entry`], is an entry of any kind; `Record<Offer>` describes the JSON of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Record<C> {
    /// The id at its origin.
    pub id: EntryId,
    /// What kind of entry it is.
    pub kind: Kind,
    /// The node at which it was written, the only one that may change it. Its URI is `{origin}/entries/{id}`.
    pub origin: Origin,
    /// The organisation of the same origin that may edit it. An organisation owns itself unless it was handed over.
    pub owner: EntryId,
    /// Counts changes at the origin, from 1.
    pub version: u64,
    /// Who may see it at all.
    pub visibility: Visibility,
    /// Whether it exists yet, still, for now.
    pub status: codes::Status,
    /// When it was first written here.
    pub created: DateTime<Utc>,
    /// When it was last changed. Never a verification.
    pub modified: DateTime<Utc>,
    /// First day on which it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_from: Option<NaiveDate>,
    /// Last day on which it is there. Offers end with project funding: an end date is normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_until: Option<NaiveDate>,
    /// When somebody last checked that it is true. `null` means: not yet verified.
    #[serde(default)]
    pub last_verified: Option<NaiveDate>,
    /// The function (never the name) of who checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by_function: Option<String>,
    /// How it was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_method: Option<codes::VerificationMethod>,
    /// When it should be checked again. Computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<NaiveDate>,
    /// The owner's own key for it, unique per owner and kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Licence of the record, as an SPDX expression or in words.
    #[schema(example = "CC-BY-4.0")]
    pub license: String,
    /// Where what it says comes from.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// URIs of the same thing elsewhere.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub same_as: Vec<String>,
    /// How it came here, where it was written at another node. This node says so, not the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// What only its kind has.
    pub content: C,
}

/// How an entry of another node came here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provenance {
    /// The key whose signature of this version was checked here, as a DID URL (W3C DID Core section 3.2).
    #[schema(example = "did:web:lotse.example.org#statements-1")]
    pub verified_by: String,
    /// Since when the entry has been here.
    pub since: DateTime<Utc>,
    /// When this version came.
    pub received: DateTime<Utc>,
    /// Where its origin shows it.
    #[schema(example = "https://lotse.example.org/entries/019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10")]
    pub url: String,
}

/// An entry of any kind.
pub type Entry = Record<Content>;

/// From when on somebody has to look at an entry again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// Nobody has to: it has ended, or it is nothing that could become untrue.
    NotNeeded,
    /// Nobody has verified it yet: now.
    NeverVerified,
    /// From this day on.
    Due(NaiveDate),
}

impl<C> Record<C> {
    /// The name that is unique everywhere.
    #[must_use]
    pub fn key(&self) -> EntryKey {
        EntryKey {
            origin: self.origin.clone(),
            id: self.id,
        }
    }

    /// The global URI.
    #[must_use]
    pub fn uri(&self) -> String {
        self.origin.uri(self.id)
    }

    /// The same envelope around another content.
    pub fn map<D>(self, change: impl FnOnce(C) -> D) -> Record<D> {
        Record {
            id: self.id,
            kind: self.kind,
            origin: self.origin,
            owner: self.owner,
            version: self.version,
            visibility: self.visibility,
            status: self.status,
            created: self.created,
            modified: self.modified,
            available_from: self.available_from,
            available_until: self.available_until,
            last_verified: self.last_verified,
            verified_by_function: self.verified_by_function,
            verification_method: self.verification_method,
            review_due: self.review_due,
            external_id: self.external_id,
            license: self.license,
            sources: self.sources,
            same_as: self.same_as,
            provenance: self.provenance,
            content: change(self.content),
        }
    }
}

impl Entry {
    /// Reads an entry as it was written by [`Entry::to_json`], here or at another node: unknown fields are left out,
    /// unknown codes are kept.
    ///
    /// # Errors
    /// What serde says of JSON that is not an entry of a known kind.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        let record: Record<&RawValue> = serde_json::from_str(json)?;
        let content = Content::from_json(record.kind, record.content.get())?;
        Ok(record.map(|_| content))
    }

    /// From when on somebody has to look at it again. Assessments and their reviews are judgements of a day and are
    /// not verified; what has ended is history.
    #[must_use]
    pub fn review(&self) -> Review {
        if let Content::SelfAssessment(assessment) = &self.content {
            return quality::task_of(assessment)
                .map_or(Review::NotNeeded, |(_, day)| Review::Due(day));
        }
        if self.kind.is_internal() || self.status.as_str() == "ended" {
            return Review::NotNeeded;
        }
        match (self.last_verified, self.review_due) {
            (None, _) => Review::NeverVerified,
            (Some(_), Some(day)) => Review::Due(day),
            (Some(_), None) => Review::NotNeeded,
        }
    }

    /// What an entry stands below here: the organisation above an organisation, the version that a standard takes the
    /// place of.
    #[must_use]
    pub fn parent(&self) -> Option<EntryId> {
        self.content.parent()
    }

    /// Leaves in each text only what a reader of the language `wanted` is shown ([`crate::Text::best`]). The key that
    /// is left names the language shown.
    pub fn localise(&mut self, wanted: &str) {
        for text in self.content.texts() {
            text.keep_best(wanted);
        }
    }

    /// The JSON of the whole entry, fields in the order of [`Record`].
    #[must_use]
    pub fn to_json(&self) -> String {
        // Nothing in an entry can fail to serialise: all keys are strings and all numbers are finite once checked.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The first eight bytes of SHA-256 of an entry's JSON as stored: what tells two contents of the same version apart,
/// as they can be after a restore.
#[must_use]
pub fn content_hash(json: &str) -> u64 {
    let digest = Sha256::digest(json.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// The opaque part of the strong entity tag (RFC 9110 section 8.8.3) of an entry: version and content hash.
#[must_use]
pub fn entity_tag(version: u64, hash: u64) -> String {
    format!("{version}-{hash:016x}")
}

/// When an entry should be checked again: so many days after it was last verified, or so many before it ends,
/// whichever comes first. `None` while neither is known: it then shows as not yet verified.
#[must_use]
pub fn review_due(
    last_verified: Option<NaiveDate>,
    available_until: Option<NaiveDate>,
    rules: &Rules,
) -> Option<NaiveDate> {
    let after = last_verified
        .and_then(|date| date.checked_add_days(Days::new(rules.review_after_days.into())));
    let before = available_until
        .and_then(|date| date.checked_sub_days(Days::new(rules.review_before_end_days.into())));
    match (after, before) {
        (Some(after), Some(before)) => Some(after.min(before)),
        (after, before) => after.or(before),
    }
}

/// The last day of a period `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, and its first.
pub(crate) fn period_of(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    if !is_partial_date(text) {
        return None;
    }
    let months = match text.len() {
        4 => 12,
        7 => 1,
        _ => {
            let day = text.parse().ok()?;
            return Some((day, day));
        }
    };
    let first: NaiveDate = if months == 12 {
        format!("{text}-01-01")
    } else {
        format!("{text}-01")
    }
    .parse()
    .ok()?;
    Some((
        first,
        first.checked_add_months(Months::new(months))?.pred_opt()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        text.parse().ok()
    }

    #[test]
    fn review_is_due_after_verification_or_before_the_end_whichever_comes_first() {
        let rules = Rules::default();
        assert_eq!(review_due(None, None, &rules), None);
        assert_eq!(
            review_due(day("2026-01-01"), None, &rules),
            day("2026-06-30")
        );
        assert_eq!(
            review_due(None, day("2026-12-31"), &rules),
            day("2026-10-02")
        );
        assert_eq!(
            review_due(day("2026-01-01"), day("2026-05-01"), &rules),
            day("2026-01-31")
        );
        assert_eq!(
            review_due(day("2026-01-01"), day("2027-12-31"), &rules),
            day("2026-06-30")
        );
    }

    #[test]
    fn partial_dates_are_years_months_and_days() {
        for good in ["2023", "2023-07", "2024-02-29"] {
            assert!(is_partial_date(good), "{good}");
        }
        for bad in [
            "",
            "23",
            "2023-13",
            "2023-02-29",
            "2023/07",
            "2023-7-1",
            "+023",
            "2023-07-",
            "-999",
            "-999-07",
            "-999-07-14",
            "-2023-7-14",
        ] {
            assert!(!is_partial_date(bad), "{bad}");
        }
        assert_eq!(period_of("2024-02").map(|p| p.1), day("2024-02-29"));
    }
}
