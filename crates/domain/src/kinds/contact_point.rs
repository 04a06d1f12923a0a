use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::offer::language_list;
use crate::{
    Audience, Checker, EntryRef, Facets, Kind, KindContent, Lang, Place, Precision, Schedule, Text,
    Visibility, Weight, codes, limits,
};

/// A contact point: a function that one can reach, not a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactPoint {
    /// Whose contact point it is.
    pub organisation: EntryRef,
    /// What one turns to it for.
    pub function: codes::ContactRole,
    /// What it is called, where it has a name of its own: `Reception`, `Clearing house`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// How to reach it.
    pub channels: Vec<ContactChannel>,
    /// Languages that it speaks. Empty means: not stated.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<Lang>,
    /// When it can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Schedule>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The offers that it answers for. Empty means: for all of the organisation.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<EntryRef>,
    /// A person's name, only with a recorded consent. It never leaves this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<ContactPerson>,
}

/// One way to reach a contact point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactChannel {
    /// Which way.
    pub channel: codes::Channel,
    /// The address, number (E.164 with a plus sign) or URL.
    #[schema(example = "info@example.org")]
    pub value: String,
}

/// A name that a person agreed to have shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactPerson {
    /// The name.
    pub name: String,
    /// What the person agreed to.
    pub consent: Consent,
}

/// A recorded consent (GDPR Article 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// When it was given.
    pub given: NaiveDate,
    /// Who may see the name.
    pub scope: Visibility,
    /// Last day on which it holds.
    pub expires: NaiveDate,
}

impl ContactChannel {
    fn check(&self, c: &mut Checker<'_>) {
        c.field("channel", |c| self.channel.check(c));
        c.field("value", |c| match self.channel.as_str() {
            "email" => c.email_here(&self.value),
            "web" => c.url_here(&self.value),
            "phone" => {
                let digits = self.value.bytes().filter(u8::is_ascii_digit).count();
                let allowed = |b: u8| b.is_ascii_digit() || b" -()/".contains(&b);
                let rest = self.value.strip_prefix('+');
                // E.164: at most 15 digits, written with the country code so that it works from abroad.
                if !rest.is_some_and(|rest| rest.bytes().all(allowed))
                    || !(5..=15).contains(&digits)
                {
                    c.refuse(
                        "not_a_phone_number",
                        "expected a number with its country code: +49 30 1234567",
                    );
                }
            }
            _ => c.string_here(&self.value, limits::SUMMARY),
        });
    }
}

impl ContactPoint {
    /// Whether a channel says where to go while the place is not to be found. A shelter is reached by telephone.
    fn leads_to_a_secret(&self, channel: &ContactChannel) -> bool {
        channel.channel.as_str() == "visit"
            && self.place.as_ref().is_some_and(|place| {
                matches!(place.precision, Precision::Region | Precision::Hidden)
            })
    }
}

impl KindContent for ContactPoint {
    const KIND: Kind = Kind::ContactPoint;

    fn check(&self, c: &mut Checker<'_>) {
        c.reference("organisation", &self.organisation, &[Kind::Organisation]);
        c.field("function", |c| self.function.check(c));
        Text::check_optional(self.name.as_ref(), c, "name", limits::TITLE);
        c.not_empty("channels", &self.channels);
        c.list(
            "channels",
            &self.channels,
            limits::CHANNELS,
            |c, channel| {
                channel.check(c);
                if self.leads_to_a_secret(channel) {
                    c.refuse(
                        "too_precise",
                        "a visit would lead to the place that is to stay hidden",
                    );
                }
            },
        );
        c.distinct("channels", &self.channels);
        language_list(c, "languages", &self.languages);
        if let Some(hours) = &self.hours {
            c.field("hours", |c| hours.check(c));
        }
        if let Some(place) = &self.place {
            c.field("place", |c| place.check(c));
        }
        c.list("offers", &self.offers, limits::REFERENCES, |c, offer| {
            c.reference_here(offer, &[Kind::Offer])
        });
        c.distinct("offers", &self.offers);
        if let Some(person) = &self.person {
            c.field("person", |c| {
                c.string("name", &person.name, limits::SHORT);
                c.field("consent", |c| {
                    c.past_date("given", Some(person.consent.given));
                    c.date("expires", Some(person.consent.expires));
                    c.in_order(
                        "expires",
                        Some(person.consent.given),
                        Some(person.consent.expires),
                    );
                    if person.consent.expires < c.today() {
                        c.field("expires", |c| {
                            c.refuse(
                                "expired",
                                "this consent no longer holds: leave the name out",
                            )
                        });
                    }
                });
            });
        }
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.types.push(self.function.as_str());
        facets.organisations.push(&self.organisation);
        facets.related.extend(&self.offers);
        facets.langs(&self.languages);
        facets.optional_text(self.name.as_ref(), Weight::Title);
        if let Some(place) = &self.place {
            facets.place(place);
        }
        for channel in &self.channels {
            facets.words(Some(&channel.value), Weight::Body);
        }
    }

    fn title(&self) -> Text {
        self.name
            .clone()
            .unwrap_or_else(|| Text::new("und", self.function.as_str()))
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        self.name
            .iter_mut()
            .chain(self.hours.iter_mut().flat_map(|hours| &mut hours.note))
            .collect()
    }

    fn restrict(&mut self, audience: Audience, today: NaiveDate) -> bool {
        let mut changed = false;
        if audience != Audience::Owner {
            changed |= self.place.as_mut().is_some_and(Place::blur);
            // Checked again here, whatever was let in: foreign entries come this way too.
            let mut channels = std::mem::take(&mut self.channels);
            let before = channels.len();
            channels.retain(|channel| !self.leads_to_a_secret(channel));
            changed |= channels.len() < before;
            self.channels = channels;
        }
        let consented = |person: &ContactPerson| {
            !audience.leaves_the_node()
                && today <= person.consent.expires
                // A consent for the network does not cover the public; one for the public covers both.
                && person.consent.scope >= Visibility::Public
                && audience.sees() >= person.consent.scope
        };
        // The owner sees a name as long as its consent holds, whatever its scope.
        if !self.person.as_ref().is_some_and(consented) {
            changed |= self.person.take().is_some();
        }
        changed
    }
}
