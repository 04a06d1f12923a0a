//! An organisation asks to take part, a coordinator decides, the organisation takes its first account and client.

mod claim;
mod decide;
mod submit;

use chrono::{DateTime, Utc};
use domain::EntryId;
use serde::Serialize;
use serde_json::value::RawValue;
use storage::Registration;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use claim::*;
pub(crate) use decide::*;
pub(crate) use submit::*;

/// How claim tokens begin.
const CLAIM_PREFIX: &str = "lotse_claim_";

/// A registration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Shown {
    /// Its id.
    id: Uuid,
    /// `pending`, `approved`, `refused` or `claimed`.
    #[schema(example = "pending")]
    state: &'static str,
    /// When it was submitted.
    submitted: DateTime<Utc>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<DateTime<Utc>>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The organisation in the directory, once approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<EntryId>,
    /// Until when the claim token works. A refused registration is erased then.
    expires: DateTime<Utc>,
    /// The role mailbox that was given; for coordinators.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    /// The organisation as it was submitted; for coordinators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    draft: Option<Box<RawValue>>,
}

impl Shown {
    /// What whoever submitted it sees.
    fn to_submitter(registration: Registration) -> Self {
        Self {
            id: registration.id,
            state: registration.state.as_str(),
            submitted: registration.submitted,
            decided: registration.decided,
            reason: registration.reason,
            organisation: registration.organisation,
            expires: registration.expires,
            contact: None,
            draft: None,
        }
    }

    /// What coordinators see.
    fn to_coordinator(mut registration: Registration) -> Self {
        let contact = Some(std::mem::take(&mut registration.contact));
        let draft = RawValue::from_string(std::mem::take(&mut registration.draft)).ok();
        Self {
            contact,
            draft,
            ..Self::to_submitter(registration)
        }
    }
}
