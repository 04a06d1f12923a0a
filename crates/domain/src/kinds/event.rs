use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::offer::language_list;
use crate::schedule::check_time_zone;
use crate::{
    Audience, Checker, Code, EntryRef, Facets, Kind, KindContent, Lang, Place, Text, Visibility,
    Weight, codes, limits,
};

/// A meeting, training or visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What it is called.
    pub title: Text,
    /// What happens there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// What sort of event it is.
    #[serde(rename = "type")]
    pub event_type: codes::EventType,
    /// When it begins (RFC 3339, UTC).
    pub start: DateTime<Utc>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<DateTime<Utc>>,
    /// The time zone in which people will read the times: a name in the IANA time zone database.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// How one takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<codes::Mode>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Languages spoken there.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<Lang>,
    /// Who invites.
    pub organiser: EntryRef,
    /// Where to join online. Only approved peers and signed-in partners see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_link: Option<String>,
    /// Where the minutes are, afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<Document>,
    /// What belongs to it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
}

/// A document, by its address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What it is called.
    pub title: Text,
    /// Where it is.
    pub url: String,
}

impl Document {
    fn check(&self, c: &mut Checker<'_>) {
        self.title.check(c, "title", limits::TITLE);
        c.field("url", |c| c.url_here(&self.url));
    }
}

impl KindContent for Event {
    const KIND: Kind = Kind::Event;

    fn check(&self, c: &mut Checker<'_>) {
        self.title.check(c, "title", limits::TITLE);
        Text::check_optional(
            self.description.as_ref(),
            c,
            "description",
            limits::DESCRIPTION,
        );
        c.field("type", |c| self.event_type.check(c));
        c.moment("start", self.start);
        if let Some(end) = self.end {
            c.moment("end", end);
        }
        c.in_order("end", Some(self.start), self.end);
        check_time_zone(c, "time_zone", &self.time_zone);
        if let Some(mode) = &self.mode {
            c.field("mode", |c| mode.check(c));
        }
        if let Some(place) = &self.place {
            c.field("place", |c| place.check(c));
        }
        language_list(c, "languages", &self.languages);
        c.reference("organiser", &self.organiser, &[Kind::Organisation]);
        c.optional_url("join_link", self.join_link.as_deref());
        if let Some(minutes) = &self.minutes {
            c.field("minutes", |c| minutes.check(c));
        }
        c.list(
            "documents",
            &self.documents,
            limits::DOCUMENTS,
            |c, document| document.check(c),
        );
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.types.push(self.event_type.as_str());
        facets.organisations.push(&self.organiser);
        facets.modes.extend(self.mode.iter().map(Code::as_str));
        facets.langs(&self.languages);
        facets.text(&self.title, Weight::Title);
        facets.optional_text(self.description.as_ref(), Weight::Body);
        if let Some(place) = &self.place {
            facets.place(place);
        }
        for document in &self.documents {
            facets.text(&document.title, Weight::Body);
        }
        let last = self.end.unwrap_or(self.start).date_naive();
        facets.available = (Some(self.start.date_naive()), Some(last));
    }

    fn title(&self) -> Text {
        self.title.clone()
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        std::iter::once(&mut self.title)
            .chain(&mut self.description)
            .chain(self.minutes.iter_mut().map(|minutes| &mut minutes.title))
            .chain(
                self.documents
                    .iter_mut()
                    .map(|document| &mut document.title),
            )
            .collect()
    }

    fn restrict(&mut self, audience: Audience, _: NaiveDate) -> bool {
        let mut changed = audience.sees() < Visibility::Network && self.join_link.take().is_some();
        if audience != Audience::Owner {
            changed |= self.place.as_mut().is_some_and(Place::blur);
        }
        changed
    }
}
