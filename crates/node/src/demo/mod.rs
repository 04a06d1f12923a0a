//! The demo directory: what `lotse demo` writes on its first start.
//!
//! 24 organisations that exist, with 63 offers, 45 pathways, 25 contact points and 5 publications, all from public
//! pages and none verified; one organisation that is invented and says so, with an offer, a contact point, an event, a
//! need and a self-assessment; and the draft quality standard. The files lie with the domain, whose code lists they use.

mod file;
mod ids;
mod map;
mod standard;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::kinds::{
    ContactPoint, Need, Offer, Organisation, Pathway, Publication, QualityStandard, SelfAssessment,
};
use domain::{AnyDraft, Code, Content, Draft, EntryId, Source};

use file::DemoFile;
pub(crate) use ids::entry_id;
use standard::StandardFile;

/// The invented organisation. It runs the demo node: the standard and the need are its.
pub(crate) const OPERATOR: &str = "org-demo";

const ENTRIES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../domain/data/demo-entries.json"
));
const STANDARD: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../domain/data/imsa-quality-standard.json"
));

/// The licence that the demo file gives its entries.
const LICENSE_OF_ENTRIES: &str = "CC0-1.0";
/// The licence that the standard's file gives it.
const LICENSE_OF_STANDARD: &str = "CC-BY-4.0";

/// Why the demo cannot be built. Its files are part of the program, so both mean that the program is broken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// A file is not of its shape.
    #[error("the demo files shipped with this program do not fit it: {0}")]
    File(#[from] serde_json::Error),
    /// The event's time cannot be said: an unknown time zone, or a start too far from today.
    #[error("the demo's event has no time that this clock can say")]
    Time,
}

/// The shipped quality standard as a draft, in JSON.
///
/// # Errors
/// [`DemoError`], where the file does not fit this program.
pub(crate) fn standard_draft() -> Result<String, DemoError> {
    let standard: StandardFile = serde_json::from_str(STANDARD)?;
    let draft = serde_json::json!({
        "license": LICENSE_OF_STANDARD,
        "content": QualityStandard::from(standard),
    });
    Ok(format!("{draft:#}\n"))
}

/// Every entry of the demo with its fixed id, each after those that it refers to. `first_start` sets the event's date.
///
/// # Errors
/// [`DemoError`], where the shipped files do not fit this program.
pub(crate) fn entries(first_start: DateTime<Utc>) -> Result<Vec<(EntryId, AnyDraft)>, DemoError> {
    let file: DemoFile = serde_json::from_str(ENTRIES)?;
    let standard: StandardFile = serde_json::from_str(STANDARD)?;
    let invented = file.invented;
    let mut list = List(Vec::new());

    // A parent before its members; there are no longer chains.
    let (mut organisations, members): (Vec<_>, Vec<_>) = file
        .organisations
        .into_iter()
        .partition(|organisation| organisation.parent.is_none());
    organisations.push(invented.organisation);
    for it in organisations.into_iter().chain(members) {
        list.organisation(it);
    }
    for it in file.offers.into_iter().chain([invented.offer]) {
        list.offer(it);
    }
    for it in file.pathway_links {
        list.pathway(it);
    }
    for it in file
        .contact_points
        .into_iter()
        .chain([invented.contact_point])
    {
        list.contact_point(it);
    }
    for it in file.publications {
        list.publication(it);
    }
    list.standard(standard);

    let (id, owner) = (invented.event.id.clone(), invented.event.organiser.clone());
    let event = map::event(invented.event, first_start)?;
    list.add(&id, &owner, Vec::new(), event);
    let (id, owner) = (invented.need.id.clone(), invented.need.owner.clone());
    list.add(&id, &owner, Vec::new(), Need::from(invented.need));
    let id = invented.assessment.id.clone();
    list.add(
        &id,
        OPERATOR,
        Vec::new(),
        SelfAssessment::from(invented.assessment),
    );
    Ok(list.0)
}

/// The entries so far.
struct List(Vec<(EntryId, AnyDraft)>);

impl List {
    fn add(&mut self, id: &str, owner: &str, sources: Vec<Source>, content: impl Into<Content>) {
        let mut draft = Draft::new(content.into());
        draft.owner = Some(entry_id(owner));
        draft.license = Some(LICENSE_OF_ENTRIES.to_owned());
        draft.sources = sources;
        self.0.push((entry_id(id), draft));
    }

    /// The draft that was added last.
    fn last(&mut self) -> Option<&mut AnyDraft> {
        self.0.last_mut().map(|(_, draft)| draft)
    }

    fn organisation(&mut self, mut it: file::Organisation) {
        let sources = map::sources(std::mem::take(&mut it.sources), None, it.confidence, None);
        let id = it.id.clone();
        self.add(&id, &id, sources, Organisation::from(it));
    }

    fn offer(&mut self, mut it: file::Offer) {
        let provenance = it.provenance.take();
        let method = provenance.as_ref().map(|it| it.verification_method.clone());
        let sources = provenance.map_or_else(Vec::new, |found| {
            map::sources(
                found.sources,
                found.source_date.as_deref(),
                it.confidence,
                found.note,
            )
        });
        let (id, owner) = (it.id.clone(), it.organisation.clone());
        let (status, until) = (it.status.clone(), it.available_until);
        self.add(&id, &owner, sources, Offer::from(it));
        if let Some(draft) = self.last() {
            draft.status = Some(Code::new(status));
            draft.available_until = until;
            draft.verification_method = method.map(Code::new);
        }
    }

    fn pathway(&mut self, mut it: file::Pathway) {
        let sources = map::sources(it.source.take().into_iter().collect(), None, None, None);
        let (id, owner) = (it.id.clone(), it.owner.clone());
        self.add(&id, &owner, sources, Pathway::from(it));
    }

    fn contact_point(&mut self, mut it: file::ContactPoint) {
        let sources = map::sources(std::mem::take(&mut it.sources), None, None, None);
        let (id, owner) = (it.id.clone(), it.organisation.clone());
        self.add(&id, &owner, sources, ContactPoint::from(it));
    }

    fn publication(&mut self, it: file::Publication) {
        let (id, owner) = (it.id.clone(), it.publisher.clone());
        self.add(&id, &owner, Vec::new(), Publication::from(it));
    }

    fn standard(&mut self, it: StandardFile) {
        let id = it.id.clone();
        self.add(&id, OPERATOR, Vec::new(), QualityStandard::from(it));
        if let Some(draft) = self.last() {
            draft.license = Some(LICENSE_OF_STANDARD.to_owned());
        }
    }
}
