//! A directory in memory that keeps the contract between `prepare`, storage and `decide`: it hands over exactly the
//! facts that were asked for, so that a fact that nobody asks for is missing here as it would be in a database.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    Actor, AnyDraft, Change, Command, Current, Entry, EntryId, Facts, Kind, Known, Origin, Reason,
    Referrer, Refusal, Role, Rules, Subject, Target, content_hash, entity_tag, limits, prepare,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Ids that the shipped examples refer to.
pub(crate) const PARTNER: EntryId = id(0x01a2008d_7400_70cc_a2a5_37d326bfbe03);
pub(crate) const OFFER: EntryId = id(0x01a2008d_7400_7fbf_932d_7ca33da03200);
pub(crate) const OTHER_OFFER: EntryId = id(0x01a2008d_7400_74db_bc1b_d2cddb42f45d);
pub(crate) const ASSESSMENT: EntryId = id(0x01a2008d_7400_744e_8745_4e44876b5913);
pub(crate) const STANDARD: EntryId = id(0x01a2008d_7400_769e_97de_22d17401899c);
/// Others in the directory.
pub(crate) const OTHER_ORGANISATION: EntryId = id(0x01a2008d_7400_7000_8000_000000000001);
pub(crate) const NETWORK_OFFER: EntryId = id(0x01a2008d_7400_7000_8000_000000000002);
pub(crate) const SECRET_OFFER: EntryId = id(0x01a2008d_7400_7000_8000_000000000003);
/// The id that tests give to what they write.
pub(crate) const NEW: EntryId = id(0x01a2008d_7400_7000_8000_00000000000a);

/// An id that nothing has.
pub(crate) const SPARE: EntryId = id(0x01a2008d_7400_7000_8000_00000000000b);

const fn id(bits: u128) -> EntryId {
    EntryId(Uuid::from_u128(bits))
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn actor(organisation: Option<EntryId>, role: Role) -> Actor {
    Actor {
        subject: Subject::Client(Uuid::from_u128(7)),
        organisation,
        role,
    }
}

pub(crate) fn editor() -> Actor {
    actor(Some(PARTNER), Role::Editor)
}

pub(crate) fn other_editor() -> Actor {
    actor(Some(OTHER_ORGANISATION), Role::Editor)
}

pub(crate) fn coordinator() -> Actor {
    actor(None, Role::Coordinator)
}

/// The shipped example of a kind as a draft in JSON.
pub(crate) fn example(kind: Kind) -> Value {
    serde_json::from_str(kind.example()).unwrap()
}

/// The example with a merge patch on top.
pub(crate) fn example_with(kind: Kind, patch: &Value) -> Value {
    let mut draft = example(kind);
    json_patch::merge(&mut draft, patch);
    draft
}

pub(crate) fn parse(kind: Kind, draft: &Value) -> Result<AnyDraft, Refusal> {
    AnyDraft::parse(kind, draft.to_string().as_bytes())
}

pub(crate) enum Row {
    Live(Entry, Vec<EntryId>),
    Deleted(Entry),
    Purged,
}

pub(crate) struct Store {
    pub(crate) origin: Origin,
    rules: Rules,
    rows: BTreeMap<EntryId, Row>,
    pub(crate) now: DateTime<Utc>,
}

impl Store {
    /// Nothing at all.
    pub(crate) fn empty() -> Self {
        Self {
            origin: "http://127.0.0.1:8080".parse().unwrap(),
            rules: Rules::default(),
            rows: BTreeMap::new(),
            now: now(),
        }
    }

    /// What the examples refer to, and entries that fewer people may see.
    pub(crate) fn new() -> Self {
        let mut store = Self::empty();
        let offer = |visibility| json!({"visibility": visibility, "external_id": null, "content": {"organisation": PARTNER}});
        for (id, kind, patch) in [
            (
                PARTNER,
                Kind::Organisation,
                json!({"external_id": "partner"}),
            ),
            (
                OTHER_ORGANISATION,
                Kind::Organisation,
                json!({"external_id": "other"}),
            ),
            (OFFER, Kind::Offer, offer("public")),
            (OTHER_OFFER, Kind::Offer, offer("public")),
            (NETWORK_OFFER, Kind::Offer, offer("network")),
            (SECRET_OFFER, Kind::Offer, offer("internal")),
            (STANDARD, Kind::QualityStandard, json!({})),
            (ASSESSMENT, Kind::SelfAssessment, json!({})),
        ] {
            let mut draft = example_with(kind, &patch);
            if kind != Kind::Organisation {
                json_patch::merge(&mut draft, &json!({"owner": PARTNER}));
            }
            store.create(id, kind, &draft, &Actor::system()).unwrap();
        }
        store
    }

    pub(crate) fn entry(&self, id: EntryId) -> &Entry {
        match self.rows.get(&id) {
            Some(Row::Live(entry, _)) => entry,
            _ => panic!("{id} is not there"),
        }
    }

    pub(crate) fn row(&self, id: EntryId) -> Option<&Row> {
        self.rows.get(&id)
    }

    pub(crate) fn tag(&self, id: EntryId) -> String {
        tag(self.entry(id))
    }

    pub(crate) fn create(
        &mut self,
        id: EntryId,
        kind: Kind,
        draft: &Value,
        actor: &Actor,
    ) -> Result<Change, Refusal> {
        let draft = parse(kind, draft)?;
        self.apply(actor, Command::Create { id, draft })
    }

    /// What storage does: finds the target, looks up the facts that are needed, decides, saves.
    pub(crate) fn apply(&mut self, actor: &Actor, command: Command) -> Result<Change, Refusal> {
        let target = match command.target(actor)? {
            Target::Id(id) => Some(id),
            Target::External {
                owner,
                kind,
                external_id,
                new_id,
            } => self.external(owner, kind, &external_id).or(Some(new_id)),
        };
        let row = target.and_then(|id| self.rows.get(&id));
        let tag = match row {
            Some(Row::Live(entry, _)) => tag(entry),
            _ => String::new(),
        };
        let current = match row {
            None => Current::Missing,
            Some(Row::Live(entry, _)) => Current::Live(entry, &tag),
            Some(Row::Deleted(entry)) => Current::Deleted(entry),
            Some(Row::Purged) => Current::Purged,
        };
        let prepared = prepare(current, actor, command)?;
        let needs = prepared.needs().clone();
        let facts = Facts {
            contents: needs
                .contents
                .iter()
                .filter_map(|reference| Some((reference.clone(), self.shared(reference.local()?)?)))
                .collect(),
            umbrellas: needs
                .umbrellas
                .iter()
                .map(|reference| (reference.clone(), self.umbrella(reference.local())))
                .collect(),
            reviews: needs
                .reviews_by
                .map(|owner| self.reviews(owner))
                .unwrap_or_default(),
            entries: needs
                .entries
                .iter()
                .filter_map(|id| match self.rows.get(id) {
                    Some(Row::Live(entry, _)) => Some((
                        *id,
                        Known {
                            kind: entry.kind,
                            visibility: entry.visibility,
                            owner: entry.owner,
                        },
                    )),
                    _ => None,
                })
                .collect(),
            external: needs
                .external
                .as_ref()
                .and_then(|(owner, kind, key)| self.external(*owner, *kind, key)),
            referrers: needs
                .referrers_of
                .map(|id| self.referrers(id))
                .unwrap_or_default(),
            ancestors: self.ancestors(needs.ancestors_from),
            ..Facts::new(&self.origin, &self.rules)
        };
        let change = prepared.decide(&facts, self.now)?;
        self.save(&change);
        Ok(change)
    }

    fn save(&mut self, change: &Change) {
        match change {
            Change::Put {
                entry, references, ..
            } => {
                // As a database does it: what is read again later is what was written as JSON.
                let stored = Entry::from_json(&entry.to_json()).unwrap();
                self.rows
                    .insert(entry.id, Row::Live(stored, references.clone()));
            }
            Change::Unchanged { .. } => {}
            Change::Delete { id, .. } => {
                if let Some(Row::Live(entry, _)) = self.rows.remove(id) {
                    self.rows.insert(*id, Row::Deleted(entry));
                }
            }
            Change::Purge { id, .. } => {
                self.rows.insert(*id, Row::Purged);
            }
        }
    }

    fn external(&self, owner: EntryId, kind: Kind, key: &str) -> Option<EntryId> {
        self.rows.iter().find_map(|(id, row)| match row {
            Row::Live(entry, _)
                if entry.owner == owner
                    && entry.kind == kind
                    && entry.external_id.as_deref() == Some(key) =>
            {
                Some(*id)
            }
            _ => None,
        })
    }

    fn ancestors(&self, from: Option<EntryId>) -> Vec<EntryId> {
        let above = |id: &EntryId| match self.rows.get(id) {
            Some(Row::Live(entry, _)) => entry.parent(),
            _ => None,
        };
        std::iter::successors(from, above)
            .take(limits::PARENTS + 1)
            .collect()
    }

    fn shared(&self, id: EntryId) -> Option<Arc<Entry>> {
        match self.rows.get(&id) {
            Some(Row::Live(entry, _)) => Some(Arc::new(entry.clone())),
            _ => None,
        }
    }

    fn umbrella(&self, of: Option<EntryId>) -> Vec<String> {
        let above = self.ancestors(of).into_iter().skip(1);
        above.map(|id| self.origin.uri(id)).collect()
    }

    fn reviews(&self, owner: EntryId) -> Vec<Arc<Entry>> {
        let ids = self.rows.keys().filter_map(|id| self.shared(*id));
        ids.filter(|entry| entry.owner == owner && entry.kind == Kind::AssessmentReview)
            .collect()
    }

    fn referrers(&self, to: EntryId) -> Vec<Referrer> {
        self.rows
            .iter()
            .filter_map(|(id, row)| match row {
                Row::Live(entry, references) if references.contains(&to) => Some(Referrer {
                    id: *id,
                    owner: entry.owner,
                    visibility: entry.visibility,
                }),
                _ => None,
            })
            .collect()
    }
}

fn tag(entry: &Entry) -> String {
    entity_tag(entry.version, content_hash(&entry.to_json()))
}

/// The reason and the violations' places and codes.
pub(crate) fn told(refusal: Refusal) -> (Reason, Vec<(String, String)>) {
    let violations = refusal
        .violations
        .into_iter()
        .map(|violation| (violation.pointer, violation.code.into_owned()))
        .collect();
    (refusal.reason, violations)
}

/// The reason alone.
pub(crate) fn reason(result: Result<Change, Refusal>) -> Option<Reason> {
    result.err().map(|refusal| refusal.reason)
}
