//! What the handlers of one assessment share: who asks about which, and what is done to it.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use domain::kinds::{AssessedSubject, QualityStandard, SelfAssessment};
use domain::quality::{Act, Rule, Scope, assessed_subject};
use domain::{
    Actor, Command, Content, Entry, EntryKey, EntryRef, Kind, Precondition, Record, Refusal,
};
use http::{Code, Problem};
use storage::Applied;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::State;
use crate::entries::PathId;
use crate::entries::write::{Caller, idempotency};

/// Somebody who asks about a local assessment.
pub(super) struct Asking {
    caller: Caller,
    id: PathId,
}

impl Deref for Asking {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequest for Asking {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload).into_inner();
        let id = PathId::from_request(request, payload).into_inner();
        ready(caller.and_then(|caller| Ok(Self { caller, id: id? })))
    }
}

/// An assessment that somebody may work on.
pub(super) struct Own {
    pub(super) entry: Entry,
    pub(super) actor: Actor,
}

impl Own {
    pub(super) fn assessment(&self) -> Result<&SelfAssessment, Problem> {
        match &self.entry.content {
            Content::SelfAssessment(assessment) => Ok(assessment),
            _ => Err(Problem::not_found()),
        }
    }
}

impl Asking {
    /// The assessment with everything that is in it, for its owner and coordinators.
    pub(super) async fn own(&self) -> Result<Own, Problem> {
        let id = self.id.clone().local(&self.state.origin)?;
        let found = self.state.directory().get(&self.state.key(id)).await?;
        let stored = found
            .filter(|stored| !stored.deleted && stored.kind == Kind::SelfAssessment)
            .ok_or_else(Problem::not_found)?;
        let actor = self.signed_in.acting_for(stored.owner);
        if !actor.may_edit(stored.owner) {
            let is_visible = stored.visibility < domain::Visibility::Internal;
            return Err(if is_visible {
                Refusal::forbidden("this is for the owner and coordinators").into()
            } else {
                Problem::not_found()
            });
        }
        Ok(Own {
            entry: stored.entry()?,
            actor,
        })
    }

    /// Does something to the assessment, and waits until readers here see it.
    pub(super) async fn act(
        &self,
        act: Act,
        expected: Precondition,
        body: &[u8],
    ) -> Result<Applied, Problem> {
        let own = self.own().await?;
        let now = self.state.clock.now();
        let key = idempotency(&self.request, &self.signed_in, body, now)?;
        let command = Command::Assess {
            id: own.entry.id,
            act: Box::new(act),
            expected,
        };
        let directory = self.state.directory();
        let applied = directory.apply(&own.actor, command, key, now).await?;
        self.state.reached(applied.arrival).await?;
        Ok(applied)
    }
}

/// The entry of an assessment, by the name that it has in the API's document.
#[derive(Debug)]
pub(super) struct SelfAssessmentEntry;

impl PartialSchema for SelfAssessmentEntry {
    fn schema() -> RefOr<Schema> {
        Record::<SelfAssessment>::schema()
    }
}

impl ToSchema for SelfAssessmentEntry {}

/// The entry that a local entry refers to, wherever it was written, if it is here.
pub(super) async fn referred(
    state: &State,
    reference: &EntryRef,
) -> Result<Option<Entry>, Problem> {
    let key = match reference {
        EntryRef::Local(id) => Some(state.key(*id)),
        EntryRef::Uri(uri) => EntryKey::of_uri(uri),
    };
    let Some(key) = key else {
        return Ok(None);
    };
    let stored = state.directory().get(&key).await?;
    let stored = stored.filter(|stored| !stored.deleted);
    Ok(stored.map(|stored| stored.entry()).transpose()?)
}

/// The standard that an assessment answers to.
pub(super) async fn standard_of(
    state: &State,
    assessment: &SelfAssessment,
) -> Result<QualityStandard, Problem> {
    standard(state, &assessment.standard).await
}

/// A standard that is here.
pub(super) async fn standard(
    state: &State,
    reference: &EntryRef,
) -> Result<QualityStandard, Problem> {
    match referred(state, reference).await?.map(|entry| entry.content) {
        Some(Content::QualityStandard(standard)) => Ok(*standard),
        _ => Err(Problem::new(
            Code::Invalid,
            "the standard is not in this directory",
        )),
    }
}

/// The rule of a standard.
pub(super) fn rule(standard: &QualityStandard) -> Result<Rule, Problem> {
    Rule::compile(standard).map_err(|found| Refusal::invalid(found).into())
}

/// What is asked of the subject of an assessment: as it is now while answers can be changed, and as it was afterwards.
pub(super) async fn scope(
    state: &State,
    rule: &Rule,
    assessment: &SelfAssessment,
) -> Result<Scope, Problem> {
    Ok(Scope::of(rule, &subject(state, assessment).await?))
}

/// The same subject.
pub(super) async fn subject(
    state: &State,
    assessment: &SelfAssessment,
) -> Result<AssessedSubject, Problem> {
    let recorded = assessment.record.assessed.clone();
    if let Some(subject) = recorded.clone().filter(|_| !assessment.state.is_editable()) {
        return Ok(subject);
    }
    referred(state, &assessment.subject)
        .await?
        .and_then(|entry| assessed_subject(&entry.content))
        .or(recorded)
        .ok_or_else(|| Problem::new(Code::Invalid, "what is assessed is not here any more"))
}
