//! How the fields of the demo file become contents of entries.

use chrono::{DateTime, Days, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use domain::kinds::{
    Answer, AssessmentRecord, ContactPoint, Event, Need, Offer, OfferLanguage, Organisation,
    OrganisationPart, Pathway, Publication, SelfAssessment,
};
use domain::{Code, Confidence, EntryRef, Lang, Place, Source, Text};

use super::DemoError;
use super::file::{self, Words};
use super::ids::entry_id;

/// The role that the file's `partners` have.
const PARTNER: &str = "partner";
/// The event is so many days after the first start of the demo,
const EVENT_AFTER: Days = Days::new(30);
/// from this hour,
const EVENT_FROM: u32 = 10;
/// to this hour in its own time zone.
const EVENT_UNTIL: u32 = 12;

fn reference(name: &str) -> EntryRef {
    EntryRef::Local(entry_id(name))
}

fn references(names: &[String]) -> Vec<EntryRef> {
    names.iter().map(|name| reference(name)).collect()
}

fn codes<S: domain::Scheme>(codes: Vec<String>) -> Vec<Code<S>> {
    codes.into_iter().map(Code::new).collect()
}

fn languages(tags: Vec<String>) -> Vec<Lang> {
    tags.into_iter().map(Lang).collect()
}

fn text(words: Words) -> Text {
    Text(
        words
            .into_iter()
            .map(|(lang, value)| (Lang(lang), value.as_str().into()))
            .collect(),
    )
}

/// A note of the file as text: all of them are in English.
fn note(words: Option<String>) -> Option<Text> {
    words.map(|words| Text::new("en", &words))
}

/// The pages that a statement was found on, with what the file says of all of them together.
pub(super) fn sources(
    urls: Vec<String>,
    date: Option<&str>,
    confidence: Option<Confidence>,
    note: Option<String>,
) -> Vec<Source> {
    let source = |url| Source {
        url: Some(url),
        title: None,
        date: date.map(str::to_owned),
        confidence,
        note: None,
    };
    let mut sources: Vec<Source> = urls.into_iter().map(source).collect();
    // The note is about the statement as a whole: it stands once, with the first page.
    if let Some(first) = sources.first_mut() {
        first.note = note;
    }
    sources
}

impl From<file::Organisation> for Organisation {
    fn from(it: file::Organisation) -> Self {
        Self {
            name: text(it.name_i18n),
            organisation_type: Code::new(it.organisation_type),
            seat_country: it.seat_country,
            parent: it.parent.as_deref().map(reference),
            identifiers: Vec::new(),
            website: Some(it.website),
            logo: None,
            description: None,
        }
    }
}

impl From<file::Offer> for Offer {
    fn from(it: file::Offer) -> Self {
        let part = |partner: &String| OrganisationPart {
            organisation: reference(partner),
            role: Code::new(PARTNER),
        };
        let language = |tag: String| OfferLanguage {
            language: Lang(tag),
            provision: Vec::new(),
        };
        Self {
            title: text(it.title),
            summary: it.summary.map(text),
            organisation: reference(&it.organisation),
            parts: it.partners.iter().map(part).collect(),
            phases: codes(it.phases),
            offer_types: codes(it.offer_types),
            topics: codes(it.topics),
            target_groups: codes(it.target_groups),
            residence_purposes: codes(it.residence_purposes),
            modes: codes(it.modes),
            cost: Some(Code::new(it.cost)),
            cost_note: None,
            languages: it.languages.into_iter().map(language).collect(),
            places: it.location.and_then(place).into_iter().collect(),
            area_served: it.area_served,
            destination_countries: it.destination_countries,
            eligibility: None,
            access_steps: Vec::new(),
            waiting_days: None,
            anonymous: None,
            capacity: None,
            schedule: None,
            website: it.website,
            role_mailbox: it.role_mailbox,
        }
    }
}

fn place(location: file::Location) -> Option<Place> {
    match location {
        file::Location::Physical {
            country,
            city,
            lat,
            lon,
            precision,
        } => Some(Place {
            name: None,
            country,
            region: None,
            city,
            postal_code: None,
            street_address: None,
            lat,
            lon,
            precision,
        }),
        file::Location::VirtualOrArea {} => None,
    }
}

impl From<file::Pathway> for Pathway {
    fn from(it: file::Pathway) -> Self {
        Self {
            from_offer: reference(&it.from_offer),
            to_offer: reference(&it.to_offer),
            pathway_kind: Code::new(it.kind),
            handover: Code::new(it.handover),
            condition: None,
            basis: Code::new(it.basis),
            note: note(it.note),
        }
    }
}

impl From<file::ContactPoint> for ContactPoint {
    fn from(it: file::ContactPoint) -> Self {
        Self {
            organisation: reference(&it.organisation),
            function: Code::new(it.function),
            name: None,
            channels: it.channels,
            languages: languages(it.languages),
            hours: None,
            place: None,
            offers: references(&it.offers),
            person: None,
        }
    }
}

impl From<file::Publication> for Publication {
    fn from(it: file::Publication) -> Self {
        Self {
            title: text(it.title),
            summary: None,
            publication_type: Code::new(it.publication_type),
            date: Some(it.date),
            language: Lang(it.language),
            publisher: reference(&it.publisher),
            link: Some(it.url),
        }
    }
}

/// The invented event, a month after the demo was first started.
pub(super) fn event(it: file::Event, first_start: DateTime<Utc>) -> Result<Event, DemoError> {
    let zone: Tz = it.time_zone.parse().map_err(|_| DemoError::Time)?;
    let day = first_start
        .with_timezone(&zone)
        .date_naive()
        .checked_add_days(EVENT_AFTER)
        .ok_or(DemoError::Time)?;
    let at = |hour| {
        let time = NaiveTime::from_hms_opt(hour, 0, 0)?;
        Some(
            zone.from_local_datetime(&day.and_time(time))
                .earliest()?
                .to_utc(),
        )
    };
    // The file marks who may see the link in words; the kind says it by itself.
    let join_link = it.join_link.split(' ').next().map(str::to_owned);
    Ok(Event {
        title: text(it.title),
        description: None,
        event_type: Code::new(it.event_type),
        start: at(EVENT_FROM).ok_or(DemoError::Time)?,
        end: at(EVENT_UNTIL),
        time_zone: it.time_zone,
        mode: Some(Code::new(it.mode)),
        place: None,
        languages: languages(it.languages),
        organiser: reference(&it.organiser),
        join_link,
        minutes: None,
        documents: Vec::new(),
    })
}

impl From<file::Need> for Need {
    fn from(it: file::Need) -> Self {
        Self {
            country: it.country,
            topic: Code::new(it.topic),
            target_group: Code::new(it.target_group),
            period: it.period,
            method: text(it.method),
            size_band: Code::new(it.size_band),
        }
    }
}

impl From<file::Assessment> for SelfAssessment {
    fn from(it: file::Assessment) -> Self {
        let answer = |rating| match rating {
            file::Rating::Number(rating) => Answer {
                rating: Some(rating),
                ..Answer::default()
            },
            file::Rating::NotApplicable(words) => {
                let reason = words
                    .strip_prefix("NA:")
                    .unwrap_or(&words)
                    .trim()
                    .to_owned();
                Answer {
                    not_applicable: Some(reason),
                    ..Answer::default()
                }
            }
        };
        Self {
            subject: reference(&it.subject),
            standard: reference(&it.standard),
            state: it.state,
            answers: it
                .ratings
                .into_iter()
                .map(|(id, rating)| (id, answer(rating)))
                .collect(),
            improvement_plan: Vec::new(),
            record: AssessmentRecord::default(),
        }
    }
}
