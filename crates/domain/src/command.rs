//! What can be asked of the directory, what a decision needs to know, and what comes of it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::prepare::{one, owner_of_draft};
use crate::quality::Act;
use crate::{
    Actor, AnyDraft, Entry, EntryId, EntryRef, Kind, Origin, Quota, Reason, Refusal, Visibility,
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
    /// Do something to an assessment that is more than writing it anew.
    Assess {
        /// Which assessment.
        id: EntryId,
        /// What to do.
        act: Box<Act>,
        /// What the writer read before.
        expected: Precondition,
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
        /// The id for a new entry, where there is none with this key. What storage holds under it must be known too:
        /// whoever chooses an id of its own may choose one that is somebody else's.
        new_id: EntryId,
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
            | Self::Assess { id, .. }
            | Self::HandOver { id, .. } => Ok(Target::Id(*id)),
            // An organisation owns itself: without its id there is no saying whose key it is.
            Self::Upsert { draft, .. }
                if draft.content.kind() == Kind::Organisation
                    && draft.owner.is_none()
                    && actor.is_coordinator() =>
            {
                Err(one(
                    Reason::Invalid,
                    "/owner",
                    "required",
                    "an organisation that is looked up by its own key names its owner: its own id",
                ))
            }
            Self::Upsert { new_id, draft } => Ok(Target::External {
                owner: owner_of_draft(*new_id, draft, actor)?,
                kind: draft.content.kind(),
                new_id: *new_id,
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

/// What storage holds under the command's target; for an upsert whose key is not there, under its new id.
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
    /// This local organisation and those above it ([`Entry::parent`]), nearest first: at most
    /// [`limits::PARENTS`](crate::limits::PARENTS) and one more.
    pub ancestors_from: Option<EntryId>,
    /// Entries, here or of other nodes, whose content decides.
    pub contents: Vec<EntryRef>,
    /// Organisations of which it matters what stands above them.
    pub umbrellas: Vec<EntryRef>,
    /// The assessment-reviews of this local organisation.
    pub reviews_by: Option<EntryId>,
}

/// A live local entry that refers to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Referrer {
    /// Which.
    pub id: EntryId,
    /// Who owns it.
    pub owner: EntryId,
    /// Who may see it.
    pub visibility: Visibility,
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
    pub referrers: Vec<Referrer>,
    /// What stands above [`Needs::ancestors_from`], itself included.
    pub ancestors: Vec<EntryId>,
    /// Those among [`Needs::contents`] that are here and live.
    pub contents: HashMap<EntryRef, Arc<Entry>>,
    /// The URIs of what stands above each of [`Needs::umbrellas`], nearest first, as far as it is known here.
    pub umbrellas: HashMap<EntryRef, Vec<String>>,
    /// The live reviews of [`Needs::reviews_by`].
    pub reviews: Vec<Arc<Entry>>,
}

impl<'a> Facts<'a> {
    /// Facts of a directory in which nothing else is known.
    #[must_use]
    pub fn new(origin: &'a Origin, rules: &'a Rules) -> Self {
        Self {
            origin,
            rules,
            entries: HashMap::new(),
            external: None,
            referrers: Vec::new(),
            ancestors: Vec::new(),
            contents: HashMap::new(),
            umbrellas: HashMap::new(),
            reviews: Vec::new(),
        }
    }
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
    /// What one organisation may have and write.
    pub quota: Quota,
}

impl Default for Rules {
    /// 180 and 90 days, CC BY 4.0, [`Quota::default`].
    fn default() -> Self {
        Self {
            review_after_days: 180,
            review_before_end_days: 90,
            default_license: "CC-BY-4.0".to_owned(),
            quota: Quota::default(),
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
