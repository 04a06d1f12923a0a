//! First step of a command: may the actor do this to what is there, and which facts does the decision need?

use crate::command::{Command, Current, Needs, Precondition, Referrer};
use crate::kinds::AssessmentReviewState;
use crate::quality::{self, Act};
use crate::{
    Actor, AnyDraft, Content, Entry, EntryId, Kind, Reason, Refusal, Violation, Visibility,
};

/// A command that is allowed and well formed as far as can be said without facts.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) actor: Actor,
    pub(crate) step: Step,
    pub(crate) needs: Needs,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Write {
        id: EntryId,
        draft: Box<AnyDraft>,
        owner: EntryId,
        current: Option<Box<Entry>>,
    },
    HandOver {
        entry: Box<Entry>,
        to: EntryId,
    },
    Delete {
        what: Withdrawn,
        version: u64,
    },
    Purge {
        what: Withdrawn,
        version: u64,
    },
    Assess {
        entry: Box<Entry>,
        act: Box<Act>,
    },
}

/// An entry that is taken back, wholly or from some who see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Withdrawn {
    pub(crate) id: EntryId,
    pub(crate) kind: Kind,
    pub(crate) owner: EntryId,
}

impl Withdrawn {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            kind: entry.kind,
            owner: entry.owner,
        }
    }

    /// Whether somebody who refers to it keeps it. Another organisation does not: anybody could keep an owner from taking its
    /// entry back, by an entry that the owner cannot even see. Who relies on a standard or reviews an assessment does.
    pub(crate) fn is_kept_by(&self, referrer: &Referrer) -> bool {
        let is_relied_on = matches!(self.kind, Kind::QualityStandard | Kind::SelfAssessment);
        // An organisation owns itself, which keeps nothing.
        referrer.id != self.id
            && (is_relied_on || referrer.owner == self.owner || referrer.owner == self.id)
    }
}

/// First step: may the actor do this to what is there, and which facts does the decision need?
///
/// # Errors
/// [`Reason::NotFound`] where there is nothing that the actor may know of, [`Reason::Forbidden`] where the role does not
/// allow it, [`Reason::PreconditionFailed`], [`Reason::IdTaken`], and [`Reason::Malformed`] for a patch that breaks the
/// entry.
pub fn prepare(current: Current<'_>, actor: &Actor, command: Command) -> Result<Prepared, Refusal> {
    let (step, needs) = match command {
        Command::Create { id, draft } => match current {
            Current::Missing => write(id, draft, None, actor)?,
            _ => return Err(id_taken()),
        },
        Command::Upsert { new_id, draft } => match current {
            // Whether the writer may see it plays no part: it named the owner, and whether there is something that
            // another owner keeps to itself must not show in the answer.
            Current::Live(entry, _) if has_key_of(entry, &draft, new_id, actor)? => {
                write(entry.id, draft, Some(entry), actor)?
            }
            Current::Missing => write(new_id, draft, None, actor)?,
            _ => return Err(id_taken()),
        },
        Command::Replace {
            draft, expected, ..
        } => {
            let entry = live(current, draft.content.kind(), actor, &expected)?;
            write(entry.id, draft, Some(entry), actor)?
        }
        Command::Patch {
            kind,
            patch,
            expected,
            ..
        } => {
            let entry = live(current, kind, actor, &expected)?;
            write(
                entry.id,
                AnyDraft::patched(entry, &patch)?,
                Some(entry),
                actor,
            )?
        }
        Command::Delete { kind, expected, .. } => {
            let entry = live(current, kind, actor, &expected)?;
            if kind == Kind::Organisation && !actor.is_coordinator() {
                return Err(Refusal::forbidden(
                    "only coordinators take organisations out of the directory",
                ));
            }
            given_stays(entry, actor)?;
            let needs = Needs {
                referrers_of: Some(entry.id),
                ..Needs::default()
            };
            (
                Step::Delete {
                    what: Withdrawn::of(entry),
                    version: entry.version + 1,
                },
                needs,
            )
        }
        Command::Assess { act, expected, .. } => {
            let entry = live(current, Kind::SelfAssessment, actor, &expected)?;
            let Content::SelfAssessment(assessment) = &entry.content else {
                return Err(Refusal::not_found());
            };
            let needs = quality::needs_of(entry, assessment, &act);
            (
                Step::Assess {
                    entry: Box::new(entry.clone()),
                    act,
                },
                needs,
            )
        }
        Command::Purge { kind, .. } => prepare_purge(current, kind, actor)?,
        Command::HandOver { kind, to, .. } => {
            let entry = live(current, kind, actor, &Precondition::None)?;
            if !actor.is_coordinator() {
                return Err(Refusal::forbidden("only coordinators hand entries over"));
            }
            let needs = Needs {
                entries: vec![to],
                external: external_of(entry, to),
                ..Needs::default()
            };
            (
                Step::HandOver {
                    entry: Box::new(entry.clone()),
                    to,
                },
                needs,
            )
        }
    };
    Ok(Prepared {
        actor: actor.clone(),
        step,
        needs,
    })
}

/// The external key under which an entry would stand with another owner.
fn external_of(entry: &Entry, owner: EntryId) -> Option<(EntryId, Kind, String)> {
    entry
        .external_id
        .clone()
        .map(|key| (owner, entry.kind, key))
}

fn id_taken() -> Refusal {
    Refusal::new(Reason::IdTaken, "an entry with this id exists or existed")
}

/// Whether `entry` is the one that the draft's key stands for, and not one that merely has the id for a new entry.
fn has_key_of(
    entry: &Entry,
    draft: &AnyDraft,
    new_id: EntryId,
    actor: &Actor,
) -> Result<bool, Refusal> {
    Ok(entry.kind == draft.content.kind()
        && entry.external_id.is_some()
        && entry.external_id == draft.external_id
        && entry.owner == owner_of_draft(new_id, draft, actor)?)
}

/// A review that is given is what others rely on, and what keeps its reviewer from being reviewed by whom it reviewed.
fn given_stays(entry: &Entry, actor: &Actor) -> Result<(), Refusal> {
    match &entry.content {
        Content::AssessmentReview(review)
            if review.state == AssessmentReviewState::Given && !actor.is_coordinator() =>
        {
            Err(Refusal::forbidden(
                "a review that is given stays: only coordinators take it out",
            ))
        }
        _ => Ok(()),
    }
}

fn prepare_purge(
    current: Current<'_>,
    kind: Kind,
    actor: &Actor,
) -> Result<(Step, Needs), Refusal> {
    let (entry, is_live) = match current {
        Current::Live(entry, _) => (entry, true),
        Current::Deleted(entry) => (entry, false),
        Current::Missing | Current::Purged => return Err(Refusal::not_found()),
    };
    if entry.kind != kind || !actor.may_see(entry) || (!is_live && !actor.may_edit(entry.owner)) {
        return Err(Refusal::not_found());
    }
    let allowed = if kind == Kind::Organisation {
        actor.is_coordinator()
    } else {
        actor.may_administer(entry.owner)
    };
    if !allowed {
        return Err(Refusal::forbidden(
            "purging is for the owner's administrators and for coordinators",
        ));
    }
    given_stays(entry, actor)?;
    let referrers_of = is_live.then_some(entry.id);
    Ok((
        Step::Purge {
            what: Withdrawn::of(entry),
            version: entry.version + 1,
        },
        Needs {
            referrers_of,
            ..Needs::default()
        },
    ))
}

/// The live entry, if the actor may change it and it is in the expected state.
fn live<'a>(
    current: Current<'a>,
    kind: Kind,
    actor: &Actor,
    expected: &Precondition,
) -> Result<&'a Entry, Refusal> {
    let Current::Live(entry, tag) = current else {
        return Err(Refusal::not_found());
    };
    editable(entry, kind, actor)?;
    match expected {
        Precondition::Tags(tags) if !tags.iter().any(|expected| expected == tag) => {
            Err(Refusal::new(
                Reason::PreconditionFailed,
                "the entry has changed since it was read: read it again",
            ))
        }
        _ => Ok(entry),
    }
}

fn editable(entry: &Entry, kind: Kind, actor: &Actor) -> Result<(), Refusal> {
    if entry.kind != kind || !actor.may_see(entry) {
        return Err(Refusal::not_found());
    }
    if !actor.may_edit(entry.owner) {
        return Err(Refusal::forbidden(
            "this entry belongs to another organisation",
        ));
    }
    Ok(())
}

/// The organisation that will own what a draft writes anew.
pub(crate) fn owner_of_draft(
    id: EntryId,
    draft: &AnyDraft,
    actor: &Actor,
) -> Result<EntryId, Refusal> {
    if draft.content.kind() == Kind::Organisation {
        let own = actor.organisation.filter(|_| !actor.is_coordinator());
        return Ok(draft.owner.or(own).unwrap_or(id));
    }
    draft.owner.or(actor.organisation).ok_or_else(|| {
        one(
            Reason::Invalid,
            "/owner",
            "required",
            "you act for no organisation: say which one will own this",
        )
    })
}

fn write(
    id: EntryId,
    draft: AnyDraft,
    current: Option<&Entry>,
    actor: &Actor,
) -> Result<(Step, Needs), Refusal> {
    let kind = draft.content.kind();
    let owner = match current {
        Some(entry) => entry.owner,
        None => owner_of_draft(id, &draft, actor)?,
    };
    if current.is_some() && draft.owner.is_some_and(|wanted| wanted != owner) {
        return Err(one(
            Reason::Invalid,
            "/owner",
            "read_only",
            "ownership changes by handing over, not by writing",
        ));
    }
    if !actor.may_edit(owner) {
        return Err(Refusal::forbidden(
            "you may write for your own organisation only",
        ));
    }
    if matches!(kind, Kind::QualityStandard) && !actor.is_coordinator() {
        return Err(Refusal::forbidden(
            "only coordinators write quality standards",
        ));
    }
    if kind == Kind::Organisation && current.is_none() && !actor.is_coordinator() {
        return Err(Refusal::forbidden(
            "organisations are registered, then approved by a coordinator",
        ));
    }
    if current.is_some_and(|entry| kind.is_internal() && is_narrowed(entry, &draft)) {
        return Err(one(
            Reason::Invalid,
            "/visibility",
            "read_only",
            "who sees an assessment is chosen when it is published: withdraw it to take it back",
        ));
    }
    let mut needs = Needs {
        external: draft.external_id.clone().map(|key| (owner, kind, key)),
        ..Needs::default()
    };
    if owner != id {
        needs.entries.push(owner);
    }
    needs.entries.extend(local_references(&draft.content));
    // Nothing stands below what is new, and what keeps its place makes no circle.
    let parent = draft.content.parent();
    if current.is_some_and(|entry| entry.parent() != parent) {
        needs.ancestors_from = parent;
    }
    if current.is_some_and(|entry| visibility_of(&draft) > entry.visibility) {
        needs.referrers_of = Some(id);
    }
    needs.contents = quality::decisive(&draft.content);
    // Whether somebody relies on a standard decides whether it may still change.
    if current.is_some() && kind == Kind::QualityStandard {
        needs.referrers_of = Some(id);
    }
    Ok((
        Step::Write {
            id,
            draft: Box::new(draft),
            owner,
            current: current.cloned().map(Box::new),
        },
        needs,
    ))
}

/// Who may see what a draft writes. Assessments and reviews are seen by whom their state allows, and by nobody less: what
/// one reads while it is a draft says `internal`, and would keep it so when it is sent back.
pub(crate) fn visibility_of(draft: &AnyDraft) -> Visibility {
    let widest = quality::widest_visibility(&draft.content);
    match draft.visibility {
        Some(wanted) if draft.content.kind().is_internal() => wanted.min(widest),
        wanted => wanted.unwrap_or(widest),
    }
}

/// Whether a draft asks for fewer eyes than an assessment or review has by its state.
fn is_narrowed(entry: &Entry, draft: &AnyDraft) -> bool {
    draft.visibility.is_some_and(|wanted| {
        wanted > entry.visibility && wanted > quality::widest_visibility(&draft.content)
    })
}

/// The local entries that a content refers to, each once, in the order of their ids.
pub(crate) fn local_references(content: &Content) -> Vec<EntryId> {
    let mut facets = crate::Facets::default();
    content.facets(&mut facets);
    let mut ids: Vec<EntryId> = facets
        .organisations
        .iter()
        .chain(&facets.related)
        .filter_map(|reference| reference.local())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

pub(crate) fn one(reason: Reason, pointer: &str, code: &'static str, message: &str) -> Refusal {
    let violation = Violation {
        pointer: pointer.to_owned(),
        code: code.into(),
        message: message.to_owned(),
    };
    Refusal {
        reason,
        ..Refusal::invalid(vec![violation])
    }
}
