//! What a command does to an entry. In two steps, because the facts that a decision needs depend on the command:
//! [`prepare`] says which facts, storage looks them up, [`Prepared::decide`] decides.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::entry::review_due;
use crate::{
    Actor, AnyDraft, Checker, Code, Content, Entry, EntryId, Kind, Origin, Reason, Record, Refusal,
    Violation, Visibility, limits,
};

/// What an actor asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Write a new entry under the id that the shell minted.
    Create {
        /// The new id.
        id: EntryId,
        /// What to write.
        draft: AnyDraft,
    },
    /// Write an entry anew.
    Replace {
        /// Which entry.
        id: EntryId,
        /// What to write.
        draft: AnyDraft,
        /// What the writer read before.
        expected: Precondition,
    },
    /// Change parts of an entry by JSON Merge Patch (RFC 7396).
    Patch {
        /// Its kind, as the path says it.
        kind: Kind,
        /// Which entry.
        id: EntryId,
        /// The patch.
        patch: serde_json::Value,
        /// What the writer read before.
        expected: Precondition,
    },
    /// Write the entry with the draft's `external_id`: anew where it exists, else under `new_id`.
    Upsert {
        /// The id for an entry that is new.
        new_id: EntryId,
        /// What to write.
        draft: AnyDraft,
    },
    /// Take an entry out of the directory. Its history stays with its owner.
    Delete {
        /// Its kind, as the path says it.
        kind: Kind,
        /// Which entry.
        id: EntryId,
        /// What the writer read before.
        expected: Precondition,
    },
    /// Erase an entry with all its revisions.
    Purge {
        /// Its kind, as the path says it.
        kind: Kind,
        /// Which entry.
        id: EntryId,
    },
    /// Give an entry to another owner.
    HandOver {
        /// Its kind, as the path says it.
        kind: Kind,
        /// Which entry.
        id: EntryId,
        /// The organisation that will own it.
        to: EntryId,
    },
}

/// The state in which a writer expects an entry (RFC 9110 section 13.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// No expectation.
    None,
    /// Any state, as long as it exists: `If-Match: *`.
    Exists,
    /// One of these entity tags, without quotes.
    Tags(Vec<String>),
}

/// How storage finds the entry that a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By id.
    Id(EntryId),
    /// By the owner's own key, among live entries.
    External {
        /// The owner.
        owner: EntryId,
        /// The kind.
        kind: Kind,
        /// The key.
        external_id: String,
    },
}

impl Command {
    /// How to find the entry that this is about.
    ///
    /// # Errors
    /// Where an upsert names no `external_id`, or nobody to own it.
    pub fn target(&self, actor: &Actor) -> Result<Target, Refusal> {
        match self {
            Self::Create { id, .. }
            | Self::Replace { id, .. }
            | Self::Patch { id, .. }
            | Self::Delete { id, .. }
            | Self::Purge { id, .. }
            | Self::HandOver { id, .. } => Ok(Target::Id(*id)),
            Self::Upsert { new_id, draft } => Ok(Target::External {
                owner: owner_of_draft(*new_id, draft, actor)?,
                kind: draft.content.kind(),
                external_id: draft.external_id.clone().ok_or_else(|| {
                    one(
                        Reason::Invalid,
                        "/external_id",
                        "required",
                        "an upsert needs the owner's own key",
                    )
                })?,
            }),
        }
    }
}

/// What storage holds under the command's target.
#[derive(Debug, Clone, Copy)]
pub enum Current<'a> {
    /// Nothing.
    Missing,
    /// An entry, with its entity tag.
    Live(&'a Entry, &'a str),
    /// An entry that was deleted and not purged.
    Deleted(&'a Entry),
    /// What was purged: nothing is known but that the id is used up.
    Purged,
}

/// The facts that a decision needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Local entries that are referred to, the owner among them.
    pub entries: Vec<EntryId>,
    /// The live entry with this key, if any: owner, kind, key.
    pub external: Option<(EntryId, Kind, String)>,
    /// Live local entries that refer to this one.
    pub referrers_of: Option<EntryId>,
}

/// What storage found.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// This node.
    pub origin: &'a Origin,
    /// Settings of the node that decisions depend on.
    pub rules: &'a Rules,
    /// The live local entries among [`Needs::entries`].
    pub entries: HashMap<EntryId, Known>,
    /// The id of the live entry with [`Needs::external`].
    pub external: Option<EntryId>,
    /// The live local entries that refer to this one.
    pub referrers: Vec<(EntryId, Visibility)>,
}

/// What a decision needs to know of another entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its kind.
    pub kind: Kind,
    /// Who may see it.
    pub visibility: Visibility,
    /// Who owns it.
    pub owner: EntryId,
}

/// Settings of a node that decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Days after a verification until the next is due.
    pub review_after_days: u32,
    /// Days before the end of an offer on which a review is due.
    pub review_before_end_days: u32,
    /// Licence of entries that name none.
    pub default_license: String,
}

impl Default for Rules {
    /// 180 and 90 days, CC BY 4.0.
    fn default() -> Self {
        Self {
            review_after_days: 180,
            review_before_end_days: 90,
            default_license: "CC-BY-4.0".to_owned(),
        }
    }
}

/// What was done, as histories and results name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A new entry.
    Created,
    /// Changed by its owner or a coordinator.
    Updated,
    /// Given to another owner.
    HandedOver,
    /// Taken out of the directory.
    Deleted,
    /// Erased with its history.
    Purged,
}

impl Action {
    /// As histories and results name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::HandedOver => "handed_over",
            Self::Deleted => "deleted",
            Self::Purged => "purged",
        }
    }
}

/// What storage is to save.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Save this state. Its references are to be saved with it.
    Put {
        /// The new state.
        entry: Box<Entry>,
        /// What was done.
        action: Action,
        /// The local entries that it refers to.
        references: Vec<EntryId>,
    },
    /// Nothing changes: what was asked for is so already.
    Unchanged {
        /// Which entry.
        id: EntryId,
    },
    /// Mark as deleted, with the version that the deletion has.
    Delete {
        /// Which entry.
        id: EntryId,
        /// The version of the deletion.
        version: u64,
    },
    /// Erase body and revisions; the row stays as a mark that the id is used up.
    Purge {
        /// Which entry.
        id: EntryId,
        /// The version of the purge.
        version: u64,
    },
}

/// A command that is allowed and well formed as far as can be said without facts.
#[derive(Debug, Clone)]
pub struct Prepared {
    actor: Actor,
    step: Step,
    needs: Needs,
}

#[derive(Debug, Clone)]
enum Step {
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
        id: EntryId,
        version: u64,
    },
    Purge {
        id: EntryId,
        version: u64,
    },
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
            _ => {
                return Err(Refusal::new(
                    Reason::IdTaken,
                    "an entry with this id exists or existed",
                ));
            }
        },
        Command::Upsert { new_id, draft } => match current {
            Current::Live(entry, _) => {
                editable(entry, draft.content.kind(), actor)?;
                write(entry.id, draft, Some(entry), actor)?
            }
            _ => write(new_id, draft, None, actor)?,
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
            let needs = Needs {
                referrers_of: Some(entry.id),
                ..Needs::default()
            };
            (
                Step::Delete {
                    id: entry.id,
                    version: entry.version + 1,
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
    let referrers_of = is_live.then_some(entry.id);
    Ok((
        Step::Purge {
            id: entry.id,
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
fn owner_of_draft(id: EntryId, draft: &AnyDraft, actor: &Actor) -> Result<EntryId, Refusal> {
    if draft.content.kind() == Kind::Organisation {
        return Ok(draft.owner.unwrap_or(id));
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
    let mut needs = Needs {
        external: draft.external_id.clone().map(|key| (owner, kind, key)),
        ..Needs::default()
    };
    if owner != id {
        needs.entries.push(owner);
    }
    needs.entries.extend(local_references(&draft.content));
    if current.is_some_and(|entry| {
        draft.visibility.unwrap_or(kind.default_visibility()) > entry.visibility
    }) {
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

/// The local entries that a content refers to, each once, in the order of their ids.
fn local_references(content: &Content) -> Vec<EntryId> {
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

impl Prepared {
    /// The facts to look up.
    #[must_use]
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Second step: the change, given the facts, at the moment `now`.
    ///
    /// # Errors
    /// [`Reason::Invalid`] with everything that is wrong, [`Reason::InUse`], [`Reason::ExternalIdTaken`].
    pub fn decide(self, facts: &Facts<'_>, now: DateTime<Utc>) -> Result<Change, Refusal> {
        match self.step {
            Step::Write {
                id,
                draft,
                owner,
                current,
            } => decide_write(
                id,
                *draft,
                owner,
                current.as_deref(),
                &self.actor,
                facts,
                now,
            ),
            Step::HandOver { entry, to } => decide_hand_over(*entry, to, facts, now),
            Step::Delete { id, version } => {
                unreferenced(id, facts)?;
                Ok(Change::Delete { id, version })
            }
            Step::Purge { id, version } => {
                unreferenced(id, facts)?;
                Ok(Change::Purge { id, version })
            }
        }
    }
}

/// Refuses while others refer to it. Itself does not count: an organisation owns itself.
fn unreferenced(id: EntryId, facts: &Facts<'_>) -> Result<(), Refusal> {
    let others = facts
        .referrers
        .iter()
        .filter(|(referrer, _)| *referrer != id)
        .count();
    if others == 0 {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::InUse,
        format!("{others} entries refer to this one; they have to let go first"),
    ))
}

fn decide_hand_over(
    mut entry: Entry,
    to: EntryId,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
) -> Result<Change, Refusal> {
    if entry.owner == to {
        return Ok(Change::Unchanged { id: entry.id });
    }
    match facts.entries.get(&to) {
        Some(Known {
            kind: Kind::Organisation,
            ..
        }) => {}
        _ => {
            return Err(one(
                Reason::Invalid,
                "/to",
                "unknown_reference",
                "there is no such organisation here",
            ));
        }
    }
    if facts.external.is_some() {
        return Err(Refusal::new(
            Reason::ExternalIdTaken,
            "the new owner has an entry of this kind with the same external_id",
        ));
    }
    entry.owner = to;
    entry.version += 1;
    entry.modified = now;
    let references = with_owner(local_references(&entry.content), entry.id, to);
    Ok(Change::Put {
        entry: Box::new(entry),
        action: Action::HandedOver,
        references,
    })
}

/// What an entry holds on to: what it refers to, and its owner.
fn with_owner(mut references: Vec<EntryId>, id: EntryId, owner: EntryId) -> Vec<EntryId> {
    references.push(owner);
    references.retain(|reference| *reference != id);
    references.sort_unstable();
    references.dedup();
    references
}

fn decide_write(
    id: EntryId,
    draft: AnyDraft,
    owner: EntryId,
    current: Option<&Entry>,
    actor: &Actor,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
) -> Result<Change, Refusal> {
    let entry = assemble(id, draft, owner, current, facts, now);
    check(&entry, actor, facts, now)?;
    if facts.external.is_some_and(|taken| taken != id) {
        return Err(Refusal::new(
            Reason::ExternalIdTaken,
            "another entry of this owner and kind has the same external_id",
        ));
    }
    let exposed = facts
        .referrers
        .iter()
        .filter(|(referrer, seen)| *referrer != id && *seen < entry.visibility)
        .count();
    if exposed > 0 {
        return Err(Refusal::new(
            Reason::InUse,
            format!(
                "{exposed} entries that more people may see refer to this one; they have to let go first"
            ),
        ));
    }
    let action = match current {
        Some(current) if same(current, &entry) => return Ok(Change::Unchanged { id }),
        Some(_) => Action::Updated,
        None => Action::Created,
    };
    let references = with_owner(local_references(&entry.content), id, owner);
    Ok(Change::Put {
        entry: Box::new(entry),
        action,
        references,
    })
}

/// Whether two states differ in nothing that anybody wrote.
fn same(current: &Entry, next: &Entry) -> bool {
    let mut next = next.clone();
    next.version = current.version;
    next.modified = current.modified;
    *current == next
}

fn assemble(
    id: EntryId,
    draft: AnyDraft,
    owner: EntryId,
    current: Option<&Entry>,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
) -> Entry {
    let kind = draft.content.kind();
    Record {
        id,
        kind,
        origin: facts.origin.clone(),
        owner,
        version: current.map_or(1, |entry| entry.version + 1),
        visibility: draft.visibility.unwrap_or(kind.default_visibility()),
        status: draft.status.unwrap_or_else(|| Code::new("active")),
        created: current.map_or(now, |entry| entry.created),
        modified: now,
        available_from: draft.available_from,
        available_until: draft.available_until,
        last_verified: draft.last_verified,
        verified_by_function: draft.verified_by_function,
        verification_method: draft.verification_method,
        review_due: review_due(draft.last_verified, draft.available_until, facts.rules),
        external_id: draft.external_id,
        license: draft
            .license
            .unwrap_or_else(|| facts.rules.default_license.clone()),
        sources: draft.sources,
        same_as: draft.same_as,
        content: draft.content,
    }
}

fn check(
    entry: &Entry,
    actor: &Actor,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let mut c = Checker::new(facts.origin, now.date_naive());
    check_envelope(entry, &mut c);
    c.field("content", |c| entry.content.check(c));
    let (mut violations, references) = c.finish();
    for reference in references {
        let Some(target) = reference.target.local() else {
            continue;
        };
        let wrong = match facts.entries.get(&target) {
            _ if target == entry.id => (!reference.kinds.contains(&entry.kind)).then_some((
                "wrong_kind",
                "an entry of another kind is expected here".to_owned(),
            )),
            // What the actor may not see does not exist for it.
            Some(known)
                if known.visibility == Visibility::Internal && !actor.may_edit(known.owner) =>
            {
                Some((
                    "unknown_reference",
                    "there is no such entry here".to_owned(),
                ))
            }
            None => Some((
                "unknown_reference",
                "there is no such entry here".to_owned(),
            )),
            Some(known) if !reference.kinds.contains(&known.kind) => {
                Some(("wrong_kind", format!("this is of the kind {}", known.kind)))
            }
            Some(known) if known.visibility > entry.visibility => Some((
                "less_visible",
                "fewer people may see what is referred to than this entry".to_owned(),
            )),
            Some(_) => None,
        };
        if let Some((code, message)) = wrong {
            violations.push(Violation {
                pointer: reference.pointer,
                code: code.into(),
                message,
            });
        }
    }
    let owner_is_known = entry.owner == entry.id
        || facts
            .entries
            .get(&entry.owner)
            .is_some_and(|known| known.kind == Kind::Organisation);
    if !owner_is_known {
        violations.push(Violation {
            pointer: "/owner".to_owned(),
            code: "unknown_reference".into(),
            message: "there is no such organisation here".to_owned(),
        });
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Refusal::invalid(violations))
    }
}

fn check_envelope(entry: &Entry, c: &mut Checker<'_>) {
    if entry.kind.is_internal() && entry.visibility != Visibility::Internal {
        c.field("visibility", |c| {
            c.refuse(
                "too_visible",
                "assessments stay internal until they are published",
            )
        });
    }
    c.field("status", |c| entry.status.check(c));
    c.date("available_from", entry.available_from);
    c.date("available_until", entry.available_until);
    c.in_order(
        "available_until",
        entry.available_from,
        entry.available_until,
    );
    c.past_date("last_verified", entry.last_verified);
    if entry.last_verified.is_some() && entry.verification_method.is_none() {
        c.field("verification_method", |c| {
            c.refuse("required", "say how it was verified")
        });
    }
    c.optional_string(
        "verified_by_function",
        entry.verified_by_function.as_deref(),
        limits::SHORT,
    );
    if let Some(method) = &entry.verification_method {
        c.field("verification_method", |c| method.check(c));
    }
    c.optional_string(
        "external_id",
        entry.external_id.as_deref(),
        limits::EXTERNAL_ID,
    );
    c.string("license", &entry.license, limits::SHORT);
    c.list("sources", &entry.sources, limits::SOURCES, |c, source| {
        source.check(c)
    });
    c.list("same_as", &entry.same_as, limits::SOURCES, |c, uri| {
        c.url_here(uri)
    });
    c.distinct("same_as", &entry.same_as);
}

fn one(reason: Reason, pointer: &str, code: &'static str, message: &str) -> Refusal {
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
