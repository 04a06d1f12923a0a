#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::Timelike;
use domain::{
    Actor, Change, Command, Content, Current, Entry, EntryRef, Facts, Kind, Known, Origin, Role,
    Rules, Subject, prepare,
};
use uuid::Uuid;

use super::*;

fn start() -> DateTime<Utc> {
    "2026-11-22T15:04:05Z".parse().unwrap()
}

fn coordinator() -> Actor {
    Actor {
        subject: Subject::Account(Uuid::nil()),
        organisation: Some(entry_id(OPERATOR)),
        role: Role::Coordinator,
    }
}

/// Writes all entries in their order, as the store does, with nothing before them.
fn written() -> Vec<Entry> {
    let origin: Origin = "http://127.0.0.1:8080".parse().unwrap();
    let rules = Rules::default();
    let mut known: HashMap<EntryId, Known> = HashMap::new();
    let mut contents: HashMap<EntryRef, Arc<Entry>> = HashMap::new();
    let mut written = Vec::new();
    for (id, draft) in entries(start()).unwrap() {
        let prepared = prepare(
            Current::Missing,
            &coordinator(),
            Command::Create { id, draft },
        )
        .unwrap();
        let facts = Facts {
            entries: known.clone(),
            contents: contents.clone(),
            ..Facts::new(&origin, &rules)
        };
        let change = prepared
            .decide(&facts, start())
            .unwrap_or_else(|refusal| panic!("{id}: {refusal:?}"));
        let Change::Put { entry, .. } = change else {
            panic!("{id} changes nothing")
        };
        known.insert(
            id,
            Known {
                kind: entry.kind,
                visibility: entry.visibility,
                owner: entry.owner,
            },
        );
        contents.insert(EntryRef::Local(id), Arc::new((*entry).clone()));
        written.push(*entry);
    }
    written
}

#[test]
fn a_coordinator_may_write_every_entry_in_this_order_and_none_is_refused() {
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for entry in written() {
        *counts.entry(entry.kind).or_default() += 1;
    }
    let expected = [
        (Kind::Organisation, 25),
        (Kind::Offer, 64),
        (Kind::ContactPoint, 26),
        (Kind::Pathway, 45),
        (Kind::QualityStandard, 1),
        (Kind::SelfAssessment, 1),
        (Kind::Event, 1),
        (Kind::Publication, 5),
        (Kind::Need, 1),
    ];
    assert_eq!(counts, expected.into());
}

#[test]
fn ids_are_unique_and_the_same_at_every_start() {
    let ids = |first_start| -> Vec<EntryId> {
        entries(first_start)
            .unwrap()
            .into_iter()
            .map(|(id, _)| id)
            .collect()
    };
    let now = ids(start());
    assert_eq!(now.iter().collect::<BTreeSet<_>>().len(), now.len());
    assert_eq!(now, ids(start() + chrono::Days::new(400)));
}

#[test]
fn nothing_claims_to_be_verified_and_every_real_body_has_its_sources() {
    for entry in written() {
        assert_eq!(entry.last_verified, None, "{}", entry.id);
        let real = entry.owner != entry_id(OPERATOR);
        if real
            && matches!(
                entry.kind,
                Kind::Organisation | Kind::Offer | Kind::ContactPoint
            )
        {
            assert!(!entry.sources.is_empty(), "{} {}", entry.kind, entry.id);
        }
    }
}

#[test]
fn whoever_offers_it_owns_it_and_a_pathway_belongs_to_where_it_starts() {
    let all: HashMap<EntryId, Entry> = written()
        .into_iter()
        .map(|entry| (entry.id, entry))
        .collect();
    for entry in all.values() {
        match &entry.content {
            Content::Organisation(_) => assert_eq!(entry.owner, entry.id),
            Content::Offer(offer) => assert_eq!(offer.organisation.local(), Some(entry.owner)),
            Content::Pathway(pathway) => {
                assert_eq!(
                    all[&pathway.from_offer.local().unwrap()].owner,
                    entry.owner,
                    "{}",
                    entry.id
                );
            }
            _ => {}
        }
    }
}

#[test]
fn an_offer_has_the_place_that_the_file_gives_it_and_none_where_it_is_an_area() {
    let mut places = 0;
    for entry in written() {
        let Content::Offer(offer) = &entry.content else {
            continue;
        };
        for place in &offer.places {
            places += 1;
            assert!(
                place.city.is_some() && place.point().is_some(),
                "{}",
                entry.id
            );
        }
        let somewhere = !offer.places.is_empty() || !offer.area_served.is_empty();
        assert!(somewhere || offer.website.is_some(), "{}", entry.id);
    }
    assert_eq!(places, 50);
}

#[test]
fn the_event_is_a_month_after_the_first_start_at_ten_in_berlin_also_across_a_change_of_the_clocks()
{
    let event = |first_start: &str| {
        let list = entries(first_start.parse().unwrap()).unwrap();
        list.into_iter()
            .find_map(|(_, draft)| match draft.content {
                Content::Event(event) => Some(event),
                _ => None,
            })
            .unwrap()
    };
    let winter = event("2026-11-22T15:04:05Z");
    assert_eq!(winter.start.to_rfc3339(), "2026-12-22T09:00:00+00:00");
    assert_eq!(winter.end.unwrap().hour(), 11);
    assert_eq!(
        winter.join_link.as_deref(),
        Some("https://example.org/join")
    );
    let summer = event("2027-03-10T23:30:00Z");
    assert_eq!(summer.start.to_rfc3339(), "2027-04-10T08:00:00+00:00");
}

#[test]
fn what_does_not_apply_has_its_reason_and_the_standard_loses_nothing() {
    let all = written();
    let assessment = all.iter().find_map(|entry| match &entry.content {
        Content::SelfAssessment(it) => Some(it),
        _ => None,
    });
    let answers = &assessment.unwrap().answers;
    assert_eq!(
        answers["D5.3"].not_applicable.as_deref(),
        Some("no return counselling (demo)")
    );
    assert_eq!(answers["D5.1"].rating, Some(3));
    let standard = all.iter().find_map(|entry| match &entry.content {
        Content::QualityStandard(it) => Some((entry, it)),
        _ => None,
    });
    let (entry, standard) = standard.unwrap();
    assert_eq!(entry.license, "CC-BY-4.0");
    assert_eq!(standard.dimensions.len(), 8);
    assert!(
        standard.criteria().all(
            |criterion| answers.contains_key(&criterion.id) || !criterion.indicators.is_empty()
        )
    );
    assert!(
        standard
            .review
            .get("indicator_answers")
            .is_some_and(|it| it.as_array().unwrap().len() == 4)
    );
}

#[test]
fn the_file_is_used_whole() {
    let file: serde_json::Value = serde_json::from_str(ENTRIES).unwrap();
    let length = |name: &str| file[name].as_array().unwrap().len();
    let listed = [
        "organisations",
        "offers",
        "pathway_links",
        "contact_points",
        "publications",
    ]
    .map(length);
    // The invented organisation, its offer, contact point, event, need and assessment; and the standard.
    assert_eq!(
        entries(start()).unwrap().len(),
        listed.iter().sum::<usize>() + 7
    );
}
