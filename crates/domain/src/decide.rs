//! What a command does to an entry. In two steps, because the facts that a decision needs depend on the command:
//! [`crate::prepare`] says which facts, storage looks them up, [`Prepared::decide`] decides.

use chrono::{DateTime, Utc};

use crate::command::{Action, Change, Facts, Known, Needs};
use crate::entry::review_due;
use crate::prepare::{Prepared, Step, Withdrawn, local_references, one, visibility_of};
use crate::quality::{Act, Done};
use crate::{
    Actor, AnyDraft, Checker, Code, Entry, EntryId, Kind, Reason, Record, Refusal, Violation,
    Visibility, limits, quality,
};

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
            Step::Assess { entry, act } => decide_assess(*entry, *act, &self.actor, facts, now),
            Step::HandOver { entry, to } => decide_hand_over(*entry, to, facts, now),
            Step::Delete { what, version } => {
                let id = what.id;
                unkept(what, facts)?;
                Ok(Change::Delete { id, version })
            }
            Step::Purge { what, version } => {
                let id = what.id;
                unkept(what, facts)?;
                Ok(Change::Purge { id, version })
            }
        }
    }
}

/// Refuses while others that keep it refer to it.
fn unkept(what: Withdrawn, facts: &Facts<'_>) -> Result<(), Refusal> {
    let others = facts
        .referrers
        .iter()
        .filter(|referrer| what.is_kept_by(referrer))
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
            visibility,
            ..
        }) if *visibility <= entry.visibility => {}
        Some(Known {
            kind: Kind::Organisation,
            ..
        }) => {
            return Err(one(
                Reason::Invalid,
                "/to",
                "less_visible",
                "fewer people may see this organisation than the entry",
            ));
        }
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
    check(&entry, current, actor, facts, now, Writer::Hand)?;
    if facts.external.is_some_and(|taken| taken != id) {
        return Err(Refusal::new(
            Reason::ExternalIdTaken,
            "another entry of this owner and kind has the same external_id",
        ));
    }
    let exposed = facts
        .referrers
        .iter()
        .filter(|referrer| {
            Withdrawn::of(&entry).is_kept_by(referrer) && referrer.visibility < entry.visibility
        })
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
        visibility: visibility_of(&draft),
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
        provenance: None,
        content: draft.content,
    }
}

/// Where the workflow writes in an assessment.
const RECORD: &str = "/content/record/";

/// Who brings about a state of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Somebody who writes it.
    Hand,
    /// A step of the workflow, which writes what nobody may write by hand.
    Workflow,
}

/// What an act makes of an assessment, checked like anything that is written.
fn decide_assess(
    current: Entry,
    act: Act,
    actor: &Actor,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
) -> Result<Change, Refusal> {
    let (entry, before, writer) = match quality::perform(&current, act, actor, facts, now)? {
        Done::Nothing => return Ok(Change::Unchanged { id: current.id }),
        Done::Changed { next, by_hand } => {
            let writer = if by_hand {
                Writer::Hand
            } else {
                Writer::Workflow
            };
            let entry = quality::entry_after(&current, *next, now);
            (entry, Some(&current), writer)
        }
        Done::Begun { id, next } => (
            quality::entry_of_follow_up(&current, id, *next, now),
            None,
            Writer::Workflow,
        ),
    };
    check(&entry, before, actor, facts, now, writer)?;
    if before.is_some_and(|before| same(before, &entry)) {
        return Ok(Change::Unchanged { id: entry.id });
    }
    let action = before.map_or(Action::Created, |_| Action::Updated);
    let references = with_owner(local_references(&entry.content), entry.id, entry.owner);
    Ok(Change::Put {
        entry: Box::new(entry),
        action,
        references,
    })
}

fn check(
    entry: &Entry,
    current: Option<&Entry>,
    actor: &Actor,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
    writer: Writer,
) -> Result<(), Refusal> {
    let mut c = Checker::new(facts.origin, now.date_naive());
    check_envelope(entry, &mut c);
    let is_used = facts
        .referrers
        .iter()
        .any(|referrer| referrer.id != entry.id);
    c.field("content", |c| {
        entry.content.check(c);
        if writer == Writer::Hand {
            let current = current.map(|current| &current.content);
            quality::check_written_by_hand(current, &entry.content, is_used, c);
        }
        quality::check_relations(entry, current, facts, c);
    });
    let (mut violations, references) = c.finish();
    for reference in references {
        let Some(target) = reference.target.local() else {
            continue;
        };
        let wrong = match facts.entries.get(&target) {
            _ if target == entry.id => Some(if reference.kinds.contains(&entry.kind) {
                (
                    "contradiction",
                    "an entry cannot refer to itself".to_owned(),
                )
            } else {
                (
                    "wrong_kind",
                    "an entry of another kind is expected here".to_owned(),
                )
            }),
            // What the workflow noted for the owner is as it is; the forms for others leave it out.
            Some(_) if reference.pointer.starts_with(RECORD) => None,
            // Who was asked to review an assessment names what it may not see otherwise.
            Some(known)
                if known.kind == Kind::SelfAssessment && quality::is_asked_for(entry, facts) =>
            {
                None
            }
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
    violations.extend(check_owner(entry, facts));
    violations.extend(check_ancestors(entry, facts));
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Refusal::invalid(violations))
    }
}

/// No organisation stands above itself, however many lie between, and no standard takes its own place. What of organisations
/// cannot be followed to its end is refused: nobody could say that it has one. Standards are in order by their versions
/// besides.
fn check_ancestors(entry: &Entry, facts: &Facts<'_>) -> Option<Violation> {
    if entry.parent() == Some(entry.id) {
        // Said already, as of any entry that refers to itself.
        return None;
    }
    let circle = facts.ancestors.iter().position(|id| *id == entry.id);
    let is_standard = entry.kind == Kind::QualityStandard;
    let (code, message) = if let Some(end) = circle {
        let between = facts.ancestors.iter().take(end + 1);
        let path: Vec<String> = std::iter::once(&entry.id)
            .chain(between)
            .map(EntryId::to_string)
            .collect();
        let path = path.join(" > ");
        if is_standard {
            (
                "supersession_circle",
                format!("a version cannot take the place of itself: {path}"),
            )
        } else {
            (
                "circle",
                format!("an organisation cannot stand above itself: {path}"),
            )
        }
    } else if !is_standard && facts.ancestors.len() > limits::PARENTS {
        (
            "too_deep",
            format!("at most {} organisations stand above one", limits::PARENTS),
        )
    } else {
        return None;
    };
    let field = if is_standard { "supersedes" } else { "parent" };
    Some(Violation {
        pointer: format!("/content/{field}"),
        code: code.into(),
        message,
    })
}

/// An owner is an organisation that is there, and that everybody sees who sees what it owns. An organisation may own
/// itself.
fn check_owner(entry: &Entry, facts: &Facts<'_>) -> Option<Violation> {
    if entry.owner == entry.id && entry.kind == Kind::Organisation {
        return None;
    }
    let (code, message) = match facts.entries.get(&entry.owner) {
        Some(known) if known.kind == Kind::Organisation => {
            if known.visibility <= entry.visibility {
                return None;
            }
            (
                "less_visible",
                "fewer people may see this organisation than the entry",
            )
        }
        _ => ("unknown_reference", "there is no such organisation here"),
    };
    Some(Violation {
        pointer: "/owner".to_owned(),
        code: code.into(),
        message: message.to_owned(),
    })
}

pub(crate) fn check_envelope(entry: &Entry, c: &mut Checker<'_>) {
    if entry.visibility < quality::widest_visibility(&entry.content) {
        c.field("visibility", |c| {
            c.refuse(
                "too_visible",
                "assessments stay internal until they are published, and then show to whom their owner chose",
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
