//! Problems made of what other layers say.

use domain::quality::WorkflowRefusal;
use domain::{Reason, Refusal};
use storage::{Conflict, StorageError};

use super::{Code, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.reason {
            Reason::Malformed => Code::Malformed,
            Reason::Invalid => Code::Invalid,
            Reason::NotFound => Code::NotFound,
            Reason::Forbidden => Code::Forbidden,
            Reason::PreconditionFailed => Code::PreconditionFailed,
            Reason::InUse => Code::InUse,
            Reason::ExternalIdTaken => Code::ExternalIdTaken,
            Reason::IdTaken => Code::IdTaken,
            Reason::Foreign => Code::ForeignEntry,
            Reason::QuotaReached => Code::LimitReached,
            Reason::WrittenTooMuch { seconds } => {
                return Self::new(Code::RateLimited, refusal.detail).with_retry_after(seconds);
            }
            Reason::Step(refused) => of_step(refused),
        };
        Self::new(code, refusal.detail).with_errors(refusal.violations)
    }
}

/// The code of a refused step: each has its own.
fn of_step(refused: WorkflowRefusal) -> Code {
    match refused {
        WorkflowRefusal::PublishFromDraft => Code::PublishFromDraft,
        WorkflowRefusal::PublishFromInPeerReview => Code::PublishFromInPeerReview,
        WorkflowRefusal::PublishFromReturned => Code::PublishFromReturned,
        WorkflowRefusal::NotInThisState => Code::NotInThisState,
        WorkflowRefusal::NotYourStep => Code::NotYourStep,
        WorkflowRefusal::Incomplete => Code::AssessmentIncomplete,
        WorkflowRefusal::StandardSuperseded => Code::StandardSuperseded,
        WorkflowRefusal::NoReviewer => Code::NoReviewer,
        WorkflowRefusal::ReviewsItself => Code::ReviewsItself,
        WorkflowRefusal::ReviewsOwnUmbrella => Code::ReviewsOwnUmbrella,
        WorkflowRefusal::FundingRelation => Code::FundingRelation,
        WorkflowRefusal::MutualReview => Code::MutualReview,
        WorkflowRefusal::NoVerdict => Code::NoVerdict,
        WorkflowRefusal::NotTheReviewer => Code::NotTheReviewer,
        WorkflowRefusal::OtherSubmission => Code::OtherSubmission,
        WorkflowRefusal::ReturnedWithoutReason => Code::ReturnedWithoutReason,
        WorkflowRefusal::StillValid => Code::StillValid,
        WorkflowRefusal::NothingNewer => Code::NothingNewer,
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        let code = match conflict {
            Conflict::EmailTaken => Code::EmailTaken,
            Conflict::IdTaken => Code::IdTaken,
            Conflict::AlreadyDecided => Code::AlreadyDecided,
            Conflict::NotApproved => Code::NotApproved,
            Conflict::AlreadyClaimed => Code::AlreadyClaimed,
            Conflict::AlreadyClosed => Code::AlreadyClosed,
            Conflict::AlreadyUsed => Code::AlreadyUsed,
            Conflict::Expired => Code::Expired,
            Conflict::IdempotencyKeyReused => Code::IdempotencyKeyReused,
            Conflict::TooManyWaiting
            | Conflict::TooManyOfEntry
            | Conflict::TooManyOfOwner
            | Conflict::TooManyMembers => Code::LimitReached,
            _ => Code::Conflict,
        };
        Self::new(code, conflict.message())
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Refused(refusal) => (*refusal).into(),
            StorageError::Conflict(conflict) => conflict.into(),
            StorageError::NotFound => Self::not_found(),
            StorageError::Unavailable { log } => Self::new(
                Code::Unavailable,
                "the database cannot be reached at the moment; reading goes on",
            )
            .with_log(log)
            .with_retry_after(5),
            StorageError::Replaced { log } => Self::new(
                Code::Unavailable,
                "the database was replaced, and the operator has to look; reading goes on",
            )
            .with_log(log)
            .with_retry_after(60),
            StorageError::Busy { log } => {
                Self::new(Code::Busy, "others are writing; try again in a moment")
                    .with_log(log)
                    .with_retry_after(2)
            }
            StorageError::Full { log } => Self::new(
                Code::StorageFull,
                "nothing can be written until the operator has made room",
            )
            .with_log(log)
            .with_retry_after(300),
            other => Self::internal(format!("{}: {}", other.code(), other.log())),
        }
    }
}

impl From<validator::ValidationErrors> for Problem {
    /// Violations in the order of their places.
    fn from(errors: validator::ValidationErrors) -> Self {
        let mut violations = Vec::new();
        collect(&errors, "", &mut violations);
        violations.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        Self::invalid(violations)
    }
}

fn collect(errors: &validator::ValidationErrors, at: &str, into: &mut Vec<domain::Violation>) {
    use validator::ValidationErrorsKind::{Field, List, Struct};
    for (field, kind) in errors.errors() {
        // RFC 6901 section 3. Field names of Rust hold neither `~` nor `/`.
        let pointer = format!("{at}/{field}");
        match kind {
            Struct(inner) => collect(inner, &pointer, into),
            List(items) => items
                .iter()
                .for_each(|(index, inner)| collect(inner, &format!("{pointer}/{index}"), into)),
            Field(found) => into.extend(found.iter().map(|error| {
                domain::Violation {
                    pointer: pointer.clone(),
                    code: error.code.clone(),
                    message: error
                        .message
                        .clone()
                        .map_or_else(|| words(error), std::borrow::Cow::into_owned),
                }
            })),
        }
    }
}

/// Words for the checks that are derived.
fn words(error: &validator::ValidationError) -> String {
    let limit = |name: &str| error.params.get(name).map(ToString::to_string);
    match (error.code.as_ref(), limit("min"), limit("max")) {
        ("length", Some(min), Some(max)) => format!("between {min} and {max} characters or items"),
        ("length", Some(min), None) => format!("at least {min} characters or items"),
        ("length", None, Some(max)) => format!("at most {max} characters or items"),
        ("range", Some(min), Some(max)) => format!("between {min} and {max}"),
        ("email", ..) => "expected an e-mail address".to_owned(),
        ("url", ..) => "expected a web address".to_owned(),
        (code, ..) => format!("refused by the check {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refused_step_has_the_code_of_its_own_name() {
        for refused in WorkflowRefusal::ALL {
            assert_eq!(of_step(refused).as_str(), refused.as_str());
        }
    }
}
