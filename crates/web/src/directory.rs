//! What pages read entries from.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::kinds::{ContactPoint, Need, Pathway};
use domain::{Audience, Content, Entry, EntryId, EntryKey, EntryRef, outward};
use search::{Snapshot, Viewer};

use crate::language::Reader;
use crate::settings::Settings;
use crate::shown::{self, Shown, Words};

/// Asks for the index as it stands; nothing while it is still being loaded.
type Ask = dyn Fn() -> Option<Arc<Snapshot>> + Send + Sync;
/// Tells the time.
type Tell = dyn Fn() -> DateTime<Utc> + Send + Sync;

/// What pages need of the node around them.
pub struct Directory {
    /// What the operator says.
    pub settings: Settings,
    snapshot: Box<Ask>,
    now: Box<Tell>,
}

impl Directory {
    /// A directory that reads what `snapshot` gives, at the time that `now` tells.
    pub fn new(
        settings: Settings,
        snapshot: impl Fn() -> Option<Arc<Snapshot>> + Send + Sync + 'static,
        now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
    ) -> Self {
        Self {
            settings,
            snapshot: Box::new(snapshot),
            now: Box::new(now),
        }
    }

    /// The directory as it stands, for one answer; nothing while it is being loaded.
    pub(crate) fn look(&self) -> Option<Look<'_>> {
        Some(Look {
            settings: &self.settings,
            snapshot: (self.snapshot)()?,
            now: (self.now)(),
        })
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The directory at one moment.
pub(crate) struct Look<'a> {
    settings: &'a Settings,
    pub(crate) snapshot: Arc<Snapshot>,
    now: DateTime<Utc>,
}

impl Look<'_> {
    /// The public form of an entry.
    pub(crate) fn get(&self, origin: &str, id: EntryId) -> Option<Entry> {
        self.read(&self.snapshot.get_by(origin, id, &Viewer::Public)?.json)
    }

    /// An entry out of its JSON. Asked once more what may be shown: consents end, and the index does not look at dates.
    pub(crate) fn read(&self, json: &[u8]) -> Option<Entry> {
        let entry = Entry::from_json(std::str::from_utf8(json).ok()?).ok()?;
        outward(&entry, Audience::Public, self.now.date_naive())
    }

    /// The entry that an address names: an id of this node, or `{id}@{host}` of another.
    pub(crate) fn named(&self, name: &str) -> Option<Entry> {
        match name.split_once('@') {
            None => self.get(self.settings.origin.as_str(), name.parse().ok()?),
            Some((id, host)) => {
                let id = id.parse().ok()?;
                let origin: domain::Origin = format!("https://{host}").parse().ok()?;
                let origins = origin.of_same_node();
                origins.iter().find_map(|origin| self.get(origin, id))
            }
        }
    }

    /// A link to an entry's page on this node.
    pub(crate) fn path(&self, key: &EntryKey, reader: &Reader) -> String {
        reader.link(&format!("/entries/{}", key.display(&self.settings.origin)))
    }

    /// Whether an entry was written at this node.
    pub(crate) fn is_local(&self, entry: &Entry) -> bool {
        entry.origin == self.settings.origin
    }

    /// What an entry of `origin` refers to, if this node may show it.
    fn referred(&self, target: &EntryRef, origin: &str) -> Option<Entry> {
        match target {
            EntryRef::Local(id) => self.get(origin, *id),
            EntryRef::Uri(uri) => {
                let key = EntryKey::of_uri(uri)?;
                self.get(key.origin.as_str(), key.id)
            }
        }
    }

    /// A link to what `entry` refers to: its page and name where it is here, else the address at its origin.
    pub(crate) fn link(&self, target: &EntryRef, entry: &Entry, reader: &Reader) -> Shown {
        match self.referred(target, entry.origin.as_str()) {
            Some(found) => Shown::Link {
                href: self.path(&found.key(), reader),
                words: self.heading(&found, reader),
            },
            None => shown::url(&target.uri(&entry.origin)),
        }
    }

    /// The name of what `entry` refers to.
    pub(crate) fn name_of(
        &self,
        target: &EntryRef,
        entry: &Entry,
        reader: &Reader,
    ) -> Option<Words> {
        Some(self.heading(&self.referred(target, entry.origin.as_str())?, reader))
    }

    /// What an entry is called on a page. Kinds that need no name of their own are called after what they are about.
    pub(crate) fn heading(&self, entry: &Entry, reader: &Reader) -> Words {
        let words = |text| Words::best(text, reader).unwrap_or_default();
        match &entry.content {
            Content::ContactPoint(it) => it
                .name
                .as_ref()
                .map_or_else(|| self.contact_heading(it, entry, reader), words),
            Content::Pathway(it) => self.pathway_heading(it, entry, reader),
            Content::Need(it) => need_heading(it, reader),
            other => words(&other.title()),
        }
    }

    fn contact_heading(&self, it: &ContactPoint, entry: &Entry, reader: &Reader) -> Words {
        let function = shown::code(&it.function, reader).value;
        let organisation = self.referred(&it.organisation, entry.origin.as_str());
        let name = organisation.map(|organisation| self.heading(&organisation, reader).value);
        Words::plain(name.map_or(function.clone(), |name| format!("{name}: {function}")))
    }

    fn pathway_heading(&self, it: &Pathway, entry: &Entry, reader: &Reader) -> Words {
        let name = |offer: &EntryRef| {
            let found = self.referred(offer, entry.origin.as_str())?;
            Some(Words::best(&found.content.title(), reader)?.value)
        };
        match (name(&it.from_offer), name(&it.to_offer)) {
            (Some(from), Some(to)) => Words::plain(format!("{from} → {to}")),
            _ => shown::code(&it.pathway_kind, reader),
        }
    }
}

fn need_heading(it: &Need, reader: &Reader) -> Words {
    let topic = shown::code(&it.topic, reader).value;
    Words::plain(format!(
        "{topic} · {} · {}",
        shown::region(&it.country, reader),
        it.period
    ))
}
