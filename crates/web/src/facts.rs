//! What a page says of an entry of each kind.

use chrono_tz::Tz;
use domain::kinds::{
    AssessmentMethod, AssessmentState, ContactPoint, Criterion, DimensionOutcome, DimensionResult,
    Event, Need, Offer, Organisation, Pathway, Publication, QualityStandard, SelfAssessment,
};
use domain::{Code, Content, EntryRef, Lang, Place, Schedule, Scheme, Text};

use crate::language::Reader;
use crate::shown::{self, Fact, Shown, Words};

/// How a page links to another entry.
pub(crate) type Links<'a> = &'a dyn Fn(&EntryRef) -> Shown;

/// Collects labelled values; what is empty is left out.
pub(crate) struct Facts<'a> {
    reader: &'a Reader,
    links: Links<'a>,
    list: Vec<Fact>,
}

/// The facts of a content, in the order in which a reader asks for them.
///
/// Of a self-assessment that is what its owner has opened to everybody; reviews are never public and have no page.
pub(crate) fn of(content: &Content, reader: &Reader, links: Links<'_>) -> Vec<Fact> {
    let mut facts = Facts {
        reader,
        links,
        list: Vec::new(),
    };
    match content {
        Content::Organisation(it) => facts.organisation(it),
        Content::Offer(it) => facts.offer(it),
        Content::ContactPoint(it) => facts.contact_point(it),
        Content::Pathway(it) => facts.pathway(it),
        Content::QualityStandard(it) => facts.quality_standard(it),
        Content::Event(it) => facts.event(it),
        Content::Publication(it) => facts.publication(it),
        Content::Need(it) => facts.need(it),
        Content::SelfAssessment(it) => facts.self_assessment(it),
        Content::AssessmentReview(_) => {}
    }
    facts.list
}

impl Facts<'_> {
    fn add(&mut self, field: &str, value: Shown) {
        let label = self.reader.interface.message(&format!("field-{field}"));
        self.list.push(Fact { label, value });
    }

    fn plain(&mut self, field: &str, value: impl Into<String>) {
        self.add(field, Shown::Plain(value.into()));
    }

    fn text(&mut self, field: &str, text: Option<&Text>) {
        if let Some(words) = text.and_then(|text| Words::best(text, self.reader)) {
            self.add(field, Shown::Words(words));
        }
    }

    fn code<S: Scheme>(&mut self, field: &str, code: &Code<S>) {
        self.add(field, Shown::Words(shown::code(code, self.reader)));
    }

    fn codes<S: Scheme>(&mut self, field: &str, codes: &[Code<S>]) {
        self.tags(
            field,
            codes
                .iter()
                .map(|code| shown::code(code, self.reader))
                .collect(),
        );
    }

    fn regions(&mut self, field: &str, codes: &[String]) {
        self.tags(
            field,
            codes
                .iter()
                .map(|code| Words::plain(shown::region(code, self.reader)))
                .collect(),
        );
    }

    fn languages(&mut self, field: &str, languages: &[Lang]) {
        self.tags(
            field,
            languages
                .iter()
                .map(|lang| Words::plain(shown::language(lang, self.reader)))
                .collect(),
        );
    }

    fn tags(&mut self, field: &str, tags: Vec<Words>) {
        if !tags.is_empty() {
            self.add(field, Shown::Tags(tags));
        }
    }

    fn list(&mut self, field: &str, items: Vec<Shown>) {
        if !items.is_empty() {
            self.add(field, Shown::List(items));
        }
    }

    fn url(&mut self, field: &str, address: Option<&String>) {
        if let Some(address) = address {
            self.add(field, shown::url(address));
        }
    }

    fn referred(&self, target: &EntryRef) -> Shown {
        (self.links)(target)
    }

    fn reference(&mut self, field: &str, target: &EntryRef) {
        let value = self.referred(target);
        self.add(field, value);
    }

    fn places(&mut self, field: &str, places: &[Place]) {
        let line = |place| Shown::Plain(shown::place(place, self.reader));
        self.list(field, places.iter().map(line).collect());
    }

    fn schedule(&mut self, field: &str, schedule: Option<&Schedule>) {
        let Some(schedule) = schedule else { return };
        let line = |hours: &domain::OpeningHours| {
            let day = format!("weekday-{:?}", hours.weekday).to_lowercase();
            let day = self.reader.interface.message(&day);
            let (opens, closes) = (hours.opens.format("%H:%M"), hours.closes.format("%H:%M"));
            Shown::Plain(format!("{day} {opens}–{closes}"))
        };
        let mut lines: Vec<Shown> = schedule.hours.iter().map(line).collect();
        let note = schedule
            .note
            .as_ref()
            .and_then(|note| Words::best(note, self.reader));
        lines.extend(note.map(Shown::Words));
        self.list(field, lines);
        self.plain("time-zone", schedule.time_zone.as_str());
    }

    fn organisation(&mut self, it: &Organisation) {
        self.text("description", it.description.as_ref());
        self.code("type", &it.organisation_type);
        self.plain("seat-country", shown::region(&it.seat_country, self.reader));
        if let Some(parent) = &it.parent {
            self.reference("parent", parent);
        }
        self.url("website", it.website.as_ref());
        let identifier =
            |id: &domain::kinds::Identifier| Shown::Plain(format!("{}: {}", id.scheme, id.value));
        self.list(
            "identifiers",
            it.identifiers.iter().map(identifier).collect(),
        );
    }

    fn offer(&mut self, it: &Offer) {
        self.text("summary", it.summary.as_ref());
        self.reference("organisation", &it.organisation);
        self.codes("offer-types", &it.offer_types);
        self.codes("topics", &it.topics);
        self.codes("phases", &it.phases);
        self.codes("target-groups", &it.target_groups);
        self.codes("residence-purposes", &it.residence_purposes);
        self.offer_where_and_how(it);
        self.offer_conditions(it);
        let part = |part: &domain::kinds::OrganisationPart| {
            let label = shown::code(&part.role, self.reader).value;
            Shown::Facts(vec![Fact {
                label,
                value: self.referred(&part.organisation),
            }])
        };
        self.list("parts", it.parts.iter().map(part).collect());
    }

    fn offer_where_and_how(&mut self, it: &Offer) {
        self.places("places", &it.places);
        self.regions("area-served", &it.area_served);
        self.regions("destination-countries", &it.destination_countries);
        self.codes("modes", &it.modes);
        let language = |offered: &domain::kinds::OfferLanguage| {
            let name = shown::language(&offered.language, self.reader);
            let how: Vec<String> = offered
                .provision
                .iter()
                .map(|code| shown::code(code, self.reader).value)
                .collect();
            Words::plain(if how.is_empty() {
                name
            } else {
                format!("{name} ({})", how.join(", "))
            })
        };
        self.tags("languages", it.languages.iter().map(language).collect());
        self.schedule("schedule", it.schedule.as_ref());
        self.url("website", it.website.as_ref());
        if let Some(mailbox) = &it.role_mailbox {
            self.add("role-mailbox", shown::email(mailbox));
        }
    }

    fn offer_conditions(&mut self, it: &Offer) {
        if let Some(cost) = &it.cost {
            self.code("cost", cost);
        }
        self.text("cost-note", it.cost_note.as_ref());
        if let Some(who) = &it.eligibility {
            self.text("conditions", who.conditions.as_ref());
            self.text("exclusions", who.exclusions.as_ref());
            for (field, age) in [("age-min", who.age_min), ("age-max", who.age_max)] {
                if let Some(age) = age {
                    self.plain(field, age.to_string());
                }
            }
        }
        let step = |text: &Text| Words::best(text, self.reader).map(Shown::Words);
        self.list(
            "access-steps",
            it.access_steps.iter().filter_map(step).collect(),
        );
        if let Some(days) = it.waiting_days {
            self.plain("waiting-days", days.to_string());
        }
        if let Some(anonymous) = it.anonymous {
            let answer = self
                .reader
                .interface
                .message(if anonymous { "yes" } else { "no" });
            self.plain("anonymous", answer);
        }
        if let Some(capacity) = &it.capacity {
            self.code("capacity", capacity);
        }
    }

    fn contact_point(&mut self, it: &ContactPoint) {
        self.reference("organisation", &it.organisation);
        self.code("function", &it.function);
        let channel = |channel: &domain::kinds::ContactChannel| {
            let value = match channel.channel.as_str() {
                "email" => shown::email(&channel.value),
                "phone" => shown::telephone(&channel.value),
                "web" => shown::url(&channel.value),
                _ => Shown::Words(Words::plain(&channel.value)),
            };
            let label = shown::code(&channel.channel, self.reader).value;
            Shown::Facts(vec![Fact { label, value }])
        };
        self.list("channels", it.channels.iter().map(channel).collect());
        self.languages("languages", &it.languages);
        self.schedule("hours", it.hours.as_ref());
        self.places("place", it.place.as_slice());
        self.list(
            "offers",
            it.offers.iter().map(|offer| self.referred(offer)).collect(),
        );
        if let Some(person) = &it.person {
            self.add("person", Shown::Words(Words::plain(&person.name)));
        }
    }

    fn pathway(&mut self, it: &Pathway) {
        self.reference("from-offer", &it.from_offer);
        self.code("pathway-type", &it.pathway_kind);
        self.reference("to-offer", &it.to_offer);
        self.code("handover", &it.handover);
        self.code("basis", &it.basis);
        self.text("note", it.note.as_ref());
        if let Some(condition) = &it.condition {
            self.codes("residence-purposes", &condition.residence_purposes);
            self.codes("target-groups", &condition.target_groups);
            self.regions("regions", &condition.regions);
        }
    }

    fn event(&mut self, it: &Event) {
        self.text("description", it.description.as_ref());
        self.code("type", &it.event_type);
        // A foreign entry may name a time zone that this node does not know yet: then its times are in UTC.
        let zone: Tz = it.time_zone.parse().unwrap_or(Tz::UTC);
        let local = |moment: chrono::DateTime<chrono::Utc>| {
            format!(
                "{} ({zone})",
                moment.with_timezone(&zone).format("%Y-%m-%d %H:%M")
            )
        };
        self.plain("start", local(it.start));
        if let Some(end) = it.end {
            self.plain("end", local(end));
        }
        if let Some(mode) = &it.mode {
            self.code("modes", mode);
        }
        self.places("place", it.place.as_slice());
        self.languages("languages", &it.languages);
        self.reference("organiser", &it.organiser);
        self.url("join-link", it.join_link.as_ref());
        let document = |document: &domain::kinds::Document| match shown::url(&document.url) {
            Shown::Link { href, words } => {
                let words = Words::best(&document.title, self.reader).unwrap_or(words);
                Shown::Link { href, words }
            }
            other => other,
        };
        self.list(
            "documents",
            it.minutes
                .iter()
                .chain(&it.documents)
                .map(document)
                .collect(),
        );
    }

    fn publication(&mut self, it: &Publication) {
        self.text("summary", it.summary.as_ref());
        self.code("type", &it.publication_type);
        if let Some(date) = &it.date {
            self.plain("date", date.as_str());
        }
        self.plain("language", shown::language(&it.language, self.reader));
        self.reference("publisher", &it.publisher);
        self.url("link", it.link.as_ref());
    }

    fn need(&mut self, it: &Need) {
        self.plain("country", shown::region(&it.country, self.reader));
        self.code("topics", &it.topic);
        self.code("target-groups", &it.target_group);
        self.plain("period", it.period.as_str());
        self.code("size-band", &it.size_band);
        self.text("method", Some(&it.method));
    }

    fn self_assessment(&mut self, it: &SelfAssessment) {
        let Some(result) = &it.record.result else {
            return;
        };
        let say = |key: &str| self.reader.interface.message(key);
        let notice = say(if result.standard_is_draft {
            "assessment-notice-draft"
        } else {
            "assessment-notice"
        });
        let state = say(if it.state == AssessmentState::Expired {
            "assessment-state-expired"
        } else {
            "assessment-state-published"
        });
        let method = say(match result.method {
            AssessmentMethod::SelfOnly => "assessment-method-self",
            AssessmentMethod::SelfAndPeer => "assessment-method-peer",
        });
        self.plain("assessment-notice", notice);
        self.add("assessed", (self.links)(&it.subject));
        self.add("assessment-standard", (self.links)(&it.standard));
        self.plain("assessment-state", state);
        self.plain("assessment-method", method);
        self.plain("published-on", result.published_on.to_string());
        self.plain("valid-until", result.valid_until.to_string());
        for dimension in &result.dimensions {
            let said = self.dimension(dimension);
            self.list.push(Fact {
                label: dimension.id.clone(),
                value: Shown::Plain(said),
            });
        }
        for action in &it.improvement_plan {
            self.text("improvement", Some(&action.action));
        }
    }

    /// `2.2 · building · 3/4`: the mean, the level, how many of the criteria that apply are rated.
    fn dimension(&self, it: &DimensionResult) -> String {
        let say = |key: &str| self.reader.interface.message(key);
        match it.outcome {
            DimensionOutcome::Incomplete => say("assessment-incomplete"),
            DimensionOutcome::NotInScope => say("assessment-not-in-scope"),
            DimensionOutcome::Scored => {
                let applicable = it.in_scope.saturating_sub(it.not_applicable);
                let (mean, level) = (it.mean.as_deref(), it.level.as_deref());
                let words = [mean.unwrap_or_default(), level.unwrap_or_default()];
                format!("{} · {}/{applicable}", words.join(" · "), it.rated)
            }
        }
    }

    fn quality_standard(&mut self, it: &QualityStandard) {
        self.text("disclaimer", it.disclaimer.as_ref());
        self.plain("standard-version", it.standard_version.as_str());
        let state = format!("standard-state-{:?}", it.state).to_lowercase();
        let state = self.reader.interface.message(&state);
        self.plain("standard-state", state);
        let criterion = |criterion: &Criterion| {
            let label = Words::best(&criterion.title, self.reader)
                .map_or_else(String::new, |words| words.value);
            let statement = Words::best(&criterion.statement, self.reader).unwrap_or_default();
            Fact {
                label: format!("{} {label}", criterion.id),
                value: Shown::Words(statement),
            }
        };
        for dimension in &it.dimensions {
            let title = Words::best(&dimension.title, self.reader)
                .map_or_else(String::new, |words| words.value);
            let criteria = dimension.criteria.iter().map(criterion).collect();
            self.list.push(Fact {
                label: format!("{} {title}", dimension.id),
                value: Shown::Facts(criteria),
            });
        }
    }
}
