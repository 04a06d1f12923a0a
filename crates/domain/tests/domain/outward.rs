//! What leaves an owner's hands: for any entry, whatever was let in.

use std::sync::LazyLock;

use chrono::{Days, NaiveDate};
use domain::{Audience, Content, Entry, Kind, Place, Precision, Visibility, kinds, outward};
use proptest::prelude::*;
use serde_json::json;

use crate::quality::assessments::{self, is_out};
use crate::store::{NEW, Store, coordinator, example_with, now};

pub(crate) const AUDIENCES: [Audience; 6] = [
    Audience::PublicFeed,
    Audience::NetworkFeed,
    Audience::Public,
    Audience::Network,
    Audience::Owner,
    Audience::OwnCopy,
];

// Words that stand nowhere else, so that finding one in a form means that it was shown.
const PERSON: &str = "PERSONALNAME";
const STREET: &str = "STREETNAME";
const POSTAL: &str = "POSTALCODE";
const CITY: &str = "CITYNAME";
const PLACE: &str = "PLACENAME";
const VISIT: &str = "VISITADDRESS";
const LINK: &str = "https://join.example.org/JOINLINK";

/// A place with everything in it, more than the checks would let in here: entries of other nodes come this way too.
fn place() -> impl Strategy<Value = Place> {
    let precision = prop::sample::select(vec![
        Precision::Exact,
        Precision::City,
        Precision::Region,
        Precision::Hidden,
    ]);
    let point = prop::option::of((-90.0..=90.0_f64, -180.0..=180.0_f64));
    let some = any::<[bool; 5]>();
    (precision, point, some).prop_map(|(precision, point, some)| Place {
        name: some[0].then(|| PLACE.to_owned()),
        country: "DE".to_owned(),
        region: some[1].then(|| "DE-HE".to_owned()),
        city: some[2].then(|| CITY.to_owned()),
        postal_code: some[3].then(|| POSTAL.to_owned()),
        street_address: some[4].then(|| STREET.to_owned()),
        lat: point.map(|point| point.0),
        lon: point.map(|point| point.1),
        precision,
    })
}

pub(crate) fn visibility() -> impl Strategy<Value = Visibility> {
    prop::sample::select(vec![
        Visibility::Public,
        Visibility::Network,
        Visibility::Internal,
    ])
}

pub(crate) fn day() -> impl Strategy<Value = NaiveDate> {
    (0..40_u64).prop_map(|days| now().date_naive() - Days::new(20) + Days::new(days))
}

/// The example of each kind as an entry, made once.
static EXAMPLES: LazyLock<Vec<Entry>> =
    LazyLock::new(|| Kind::ALL.iter().copied().map(base).collect());

fn base(kind: Kind) -> Entry {
    let mut store = Store::new();
    let patch = match kind {
        Kind::Organisation => json!({}),
        _ => json!({"owner": crate::store::PARTNER}),
    };
    store
        .create(NEW, kind, &example_with(kind, &patch), &coordinator())
        .unwrap();
    store.entry(NEW).clone()
}

/// An entry of any kind, with all that can be hidden in the kinds that have it.
pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let person = prop::option::of((day(), day(), visibility()));
    let kind = prop_oneof![
        2 => prop::sample::select(Kind::ALL),
        3 => prop::sample::select(vec![Kind::Offer, Kind::ContactPoint, Kind::Event]),
        3 => prop::sample::select(vec![Kind::SelfAssessment, Kind::AssessmentReview]),
    ];
    (
        kind,
        visibility(),
        prop::collection::vec(place(), 0..4),
        person,
        any::<bool>(),
        assessments::assessment(),
        assessments::review(),
    )
        .prop_map(
            |(kind, visibility, places, person, link, assessment, review)| {
                let mut entry = EXAMPLES
                    .iter()
                    .find(|entry| entry.kind == kind)
                    .unwrap()
                    .clone();
                entry.visibility = visibility;
                match &mut entry.content {
                    Content::SelfAssessment(it) => **it = assessment,
                    Content::AssessmentReview(it) => **it = review,
                    Content::Offer(offer) => offer.places = places,
                    Content::Event(event) => {
                        event.place = places.into_iter().next();
                        event.join_link = link.then(|| LINK.to_owned());
                    }
                    Content::ContactPoint(contact) => {
                        contact.place = places.into_iter().next();
                        contact.person =
                            person.map(|(given, expires, scope)| kinds::ContactPerson {
                                name: PERSON.to_owned(),
                                consent: kinds::Consent {
                                    given,
                                    scope,
                                    expires,
                                },
                            });
                        if link {
                            contact.channels.push(kinds::ContactChannel {
                                channel: domain::Code::new("visit"),
                                value: VISIT.to_owned(),
                            });
                        }
                    }
                    _ => {}
                }
                entry
            },
        )
}

fn places(entry: &Entry) -> Vec<&Place> {
    match &entry.content {
        Content::Offer(offer) => offer.places.iter().collect(),
        Content::Event(event) => event.place.iter().collect(),
        Content::ContactPoint(contact) => contact.place.iter().collect(),
        _ => Vec::new(),
    }
}

fn person(entry: &Entry) -> Option<&kinds::ContactPerson> {
    match &entry.content {
        Content::ContactPoint(contact) => contact.person.as_ref(),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_entry_is_seen_by_those_whom_its_visibility_includes(entry in entry(), today in day()) {
        for audience in AUDIENCES {
            let expected = match entry.visibility {
                Visibility::Public => true,
                Visibility::Network => !matches!(audience, Audience::Public | Audience::PublicFeed),
                Visibility::Internal => audience.is_owner(),
            };
            let expected = expected && (audience.is_owner() || is_out(&entry, audience, today));
            prop_assert_eq!(outward(&entry, audience, today).is_some(), expected, "{:?}", audience);
        }
    }

    #[test]
    fn an_outward_form_is_its_own_outward_form(entry in entry(), today in day()) {
        for audience in AUDIENCES {
            if let Some(shown) = outward(&entry, audience, today) {
                prop_assert_eq!(outward(&shown, audience, today), Some(shown.clone()), "{:?}", audience);
                // Nor does the way over a wider audience show more.
                for wider in AUDIENCES {
                    if let (Some(first), Some(direct)) = (outward(&entry, Audience::Owner, today), outward(&entry, wider, today)) {
                        prop_assert_eq!(outward(&first, wider, today), Some(direct));
                    }
                }
            }
        }
    }

    #[test]
    fn restricting_says_whether_it_left_anything_out(entry in entry(), today in day()) {
        for audience in AUDIENCES {
            let mut shown = entry.clone();
            let left_out = domain::restrict(&mut shown, audience, today);
            prop_assert_eq!(left_out, shown != entry, "{:?}", audience);
        }
    }

    #[test]
    fn a_personal_name_never_leaves_the_node_and_shows_only_within_its_consent(entry in entry(), today in day()) {
        for audience in AUDIENCES {
            let Some(shown) = outward(&entry, audience, today) else { continue };
            let expected = person(&entry).is_some_and(|person| {
                let scope = match person.consent.scope {
                    Visibility::Public => matches!(audience, Audience::Public | Audience::Network | Audience::Owner),
                    Visibility::Network => matches!(audience, Audience::Network | Audience::Owner),
                    Visibility::Internal => audience == Audience::Owner,
                };
                scope && today <= person.consent.expires
            });
            prop_assert_eq!(shown.to_json().contains(PERSON), expected, "{:?}", audience);
            let facets = shown.facets();
            prop_assert!(!facets.texts.iter().any(|text| text.value.contains(PERSON)), "nobody searches for people");
        }
    }

    #[test]
    fn a_place_shows_no_more_than_its_precision_to_anybody_but_its_owner(entry in entry(), today in day()) {
        for audience in AUDIENCES.into_iter().filter(|audience| *audience != Audience::Owner) {
            let Some(shown) = outward(&entry, audience, today) else { continue };
            prop_assert_eq!(places(&shown).len(), places(&entry).len());
            for (place, original) in places(&shown).into_iter().zip(places(&entry)) {
                prop_assert_eq!((&place.country, place.precision), (&original.country, original.precision));
                let exact = original.precision == Precision::Exact;
                let city = exact || original.precision == Precision::City;
                let hidden = original.precision == Precision::Hidden;
                let kept = |value: &Option<String>, keep: bool| value.clone().filter(|_| keep);
                prop_assert_eq!(&place.street_address, &kept(&original.street_address, exact));
                prop_assert_eq!(&place.postal_code, &kept(&original.postal_code, exact));
                prop_assert_eq!(&place.city, &kept(&original.city, city));
                prop_assert_eq!(&place.name, &kept(&original.name, city));
                prop_assert_eq!(&place.region, &kept(&original.region, !hidden));
                for (value, original) in [(place.lat, original.lat), (place.lon, original.lon)] {
                    if exact {
                        prop_assert_eq!(value, original);
                    } else if city {
                        prop_assert_eq!(value.is_some(), original.is_some());
                        for (value, original) in value.iter().zip(original) {
                            prop_assert!((value - original).abs() <= 0.005 + 1e-9);
                            prop_assert!(((value * 100.0) - (value * 100.0).round()).abs() < 1e-9);
                        }
                    } else {
                        prop_assert_eq!(value, None);
                    }
                }
            }
            // The same said of the whole form: no word of a hidden place stands anywhere in it.
            let json = shown.to_json();
            let most = places(&entry).iter().map(|place| place.precision as u8).min();
            let vague = most.is_some_and(|most| most >= Precision::Region as u8);
            if vague {
                for word in [STREET, POSTAL, CITY, PLACE, "\"lat\"", "\"lon\""] {
                    prop_assert!(!json.contains(word), "{word} in {json}");
                }
            }
            let is_hidden = entry.kind == Kind::ContactPoint
                && places(&entry).iter().any(|place| matches!(place.precision, Precision::Region | Precision::Hidden));
            if is_hidden {
                prop_assert!(!json.contains(VISIT), "a visit leads to a hidden place: {json}");
            }
        }
        // The owner sees all of it.
        let own = outward(&entry, Audience::Owner, today).unwrap();
        prop_assert_eq!(places(&own), places(&entry));
    }

    #[test]
    fn nothing_finds_a_place_by_what_it_hides(entry in entry(), today in day()) {
        for audience in AUDIENCES.into_iter().filter(|audience| *audience != Audience::Owner) {
            let Some(shown) = outward(&entry, audience, today) else { continue };
            let facets = shown.facets();
            let showing = |precision: &[Precision]| -> Vec<&Place> {
                places(&entry).into_iter().filter(|place| precision.contains(&place.precision)).collect()
            };
            let pointed = showing(&[Precision::Exact, Precision::City]);
            prop_assert_eq!(facets.points.len(), pointed.iter().filter(|place| place.lat.is_some()).count());
            for point in &facets.points {
                let near = |value: Option<f64>, shown: f64| {
                    value.is_some_and(|value| (value - shown).abs() <= 0.005 + 1e-9)
                };
                let belongs = pointed.iter().any(|place| near(place.lat, point.0) && near(place.lon, point.1));
                prop_assert!(belongs, "{:?} in {:?}", point, pointed);
            }
            if pointed.is_empty() {
                for word in [STREET, POSTAL, CITY, PLACE] {
                    prop_assert!(!facets.texts.iter().any(|text| text.value.contains(word)), "{word}");
                }
            }
            let named = places(&entry).iter().any(|place| place.region.is_some() && place.precision != Precision::Hidden);
            prop_assert_eq!(facets.regions.contains(&"DE-HE"), named);
        }
    }

    #[test]
    fn a_point_to_search_by_is_no_more_exact_than_what_shows_even_to_the_owner(entry in entry()) {
        let hidden = places(&entry).iter().all(|place| matches!(place.precision, Precision::Hidden | Precision::Region));
        if hidden {
            prop_assert!(entry.facets().points.is_empty());
        }
    }

    #[test]
    fn a_join_link_is_for_the_network(entry in entry(), today in day()) {
        let has_link = entry.to_json().contains(LINK);
        for audience in AUDIENCES {
            let Some(shown) = outward(&entry, audience, today) else { continue };
            let expected = has_link && !matches!(audience, Audience::Public | Audience::PublicFeed);
            prop_assert_eq!(shown.to_json().contains(LINK), expected, "{:?}", audience);
            prop_assert!(!shown.facets().texts.iter().any(|text| text.value.contains(LINK)));
        }
    }

    #[test]
    fn what_nobody_hides_shows_as_it_is(entry in entry(), today in day()) {
        let harmless = !matches!(
            entry.kind,
            Kind::Offer | Kind::Event | Kind::ContactPoint | Kind::SelfAssessment | Kind::AssessmentReview
        );
        for audience in AUDIENCES {
            if let Some(shown) = outward(&entry, audience, today)
                && harmless
            {
                prop_assert_eq!(&shown, &entry);
            }
        }
    }

    #[test]
    fn any_entry_survives_being_stored(entry in entry(), today in day()) {
        for audience in AUDIENCES {
            if let Some(shown) = outward(&entry, audience, today) {
                let json = shown.to_json();
                let read = Entry::from_json(&json).unwrap();
                prop_assert_eq!(read.to_json(), json);
            }
        }
    }
}
