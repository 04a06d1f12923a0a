//! Everything that is done to assessments, as commands to a directory.

use chrono::{Duration, NaiveDate};
use domain::kinds::{
    Answer, AssessmentState, PublicationChoice, SelfAssessment, Verdict, WorkflowStep,
};
use domain::quality::{
    Act, ArrivedVerdict, ExpectedAnswer, TRANSITIONS, WorkflowRefusal, answer_tag, due,
    submission_fingerprint,
};
use domain::{
    Actor, Audience, Command, Content, EntryRef, Kind, Precondition, Reason, Refusal, Visibility,
    outward,
};
use proptest::prelude::*;
use serde_json::json;

use crate::store::{
    ASSESSMENT, NEW, OTHER_ORGANISATION, PARTNER, SPARE, STANDARD, Store, coordinator, editor,
    example_with, other_editor,
};

fn it(store: &Store) -> &SelfAssessment {
    match &store.entry(ASSESSMENT).content {
        Content::SelfAssessment(it) => it,
        _ => panic!("no assessment"),
    }
}

fn act(store: &mut Store, actor: &Actor, act: Act) -> Result<(), Refusal> {
    let command = Command::Assess {
        id: ASSESSMENT,
        act: Box::new(act),
        expected: Precondition::None,
    };
    store.apply(actor, command).map(drop)
}

fn answer(rating: i32) -> Answer {
    serde_json::from_value(json!({"rating": rating})).unwrap()
}

fn save(criterion: &str, rating: i32, expected: ExpectedAnswer) -> Act {
    Act::Answer {
        criterion: criterion.to_owned(),
        answer: Some(answer(rating)),
        expected,
    }
}

fn start_review(reviewer: domain::EntryId, last_funding: Option<NaiveDate>) -> Act {
    Act::StartReview {
        reviewer: EntryRef::Local(reviewer),
        last_funding,
    }
}

/// What the organisation that was asked says to the submission that stands.
fn verdict(store: &Store, verdict: Verdict) -> Act {
    Act::Verdict(ArrivedVerdict {
        reviewer: store.origin.uri(OTHER_ORGANISATION),
        review: store.origin.uri(SPARE),
        verdict,
        about: submission_fingerprint(it(store)),
        reason: Some("the concept is missing".to_owned()),
        criteria: Default::default(),
    })
}

fn step_refused(result: Result<(), Refusal>) -> Option<WorkflowRefusal> {
    match result.err()?.reason {
        Reason::Step(refused) => Some(refused),
        _ => None,
    }
}

#[test]
fn one_answer_is_saved_where_the_one_that_stands_was_seen() {
    let mut store = Store::new();
    let seen = answer_tag(&it(&store).answers["D5.1"]);
    let tags = |tag: &str| ExpectedAnswer::Tags(vec![tag.to_owned()]);
    act(&mut store, &editor(), save("D5.1", 2, tags(&seen))).unwrap();
    let version = store.entry(ASSESSMENT).version;
    for expected in [tags(&seen), ExpectedAnswer::None] {
        let late = act(&mut store, &coordinator(), save("D5.1", 1, expected));
        assert_eq!(late.unwrap_err().reason, Reason::PreconditionFailed);
    }
    // The same again is right, whatever was seen, and no change.
    act(&mut store, &editor(), save("D5.1", 2, tags(&seen))).unwrap();
    assert_eq!(store.entry(ASSESSMENT).version, version);
    let outside = act(&mut store, &editor(), save("D9.9", 2, ExpectedAnswer::None));
    assert_eq!(outside.unwrap_err().violations[0].code, "unknown_criterion");
}

#[test]
fn the_owner_of_an_umbrella_and_whom_one_reviewed_lately_review_nothing() {
    let mut store = Store::new();
    act(&mut store, &editor(), Act::Submit).unwrap();
    let asked = |store: &mut Store, reviewer, funding: Option<&str>| {
        let funding = funding.map(|day| day.parse().unwrap());
        step_refused(act(store, &coordinator(), start_review(reviewer, funding)))
    };
    let itself = asked(&mut store, PARTNER, None);
    assert_eq!(itself, Some(WorkflowRefusal::ReviewsItself));
    let funded = asked(&mut store, OTHER_ORGANISATION, Some("2024-11-23"));
    assert_eq!(funded, Some(WorkflowRefusal::FundingRelation));
    // The owner has reviewed the other one, for an assessment at another node.
    let review = example_with(
        Kind::AssessmentReview,
        &json!({"owner": PARTNER, "content": {
            "assessment": "https://elsewhere.example/entries/01a2008d-7400-744e-8745-4e44876b5913",
            "organisation": OTHER_ORGANISATION, "reviewer": PARTNER, "state": "given",
            "verdict": "confirmed", "submission": "x",
        }}),
    );
    store
        .create(NEW, Kind::AssessmentReview, &review, &editor())
        .unwrap();
    let mutual = asked(&mut store, OTHER_ORGANISATION, None);
    assert_eq!(mutual, Some(WorkflowRefusal::MutualReview));
    store.now += Duration::days(800);
    assert_eq!(asked(&mut store, OTHER_ORGANISATION, None), None);
    assert_eq!(it(&store).state, AssessmentState::InPeerReview);
    // A verdict of somebody else, and one about something else, moves nothing.
    let Act::Verdict(good) = verdict(&store, Verdict::Confirmed) else {
        panic!("a verdict")
    };
    for (wrong, refused) in [
        (
            ArrivedVerdict {
                reviewer: store.origin.uri(PARTNER),
                ..good.clone()
            },
            WorkflowRefusal::NotTheReviewer,
        ),
        (
            ArrivedVerdict {
                about: "something else".to_owned(),
                ..good.clone()
            },
            WorkflowRefusal::OtherSubmission,
        ),
        (
            ArrivedVerdict {
                verdict: Verdict::Returned,
                reason: None,
                ..good.clone()
            },
            WorkflowRefusal::ReturnedWithoutReason,
        ),
    ] {
        let done = act(&mut store, &Actor::system(), Act::Verdict(wrong));
        assert_eq!(step_refused(done), Some(refused));
    }
    // Nobody but the node takes a verdict in.
    let by_hand = act(&mut store, &coordinator(), Act::Verdict(good.clone()));
    assert_eq!(step_refused(by_hand), Some(WorkflowRefusal::NotYourStep));
    act(&mut store, &Actor::system(), Act::Verdict(good)).unwrap();
    assert_eq!(it(&store).state, AssessmentState::Confirmed);
}

#[test]
fn a_round_follows_another_and_takes_its_place() {
    let mut store = Store::new();
    act(&mut store, &editor(), Act::Submit).unwrap();
    let publish = || Act::Publish {
        choice: PublicationChoice::default(),
    };
    act(&mut store, &editor(), publish()).unwrap();
    let follow = Act::FollowUp {
        new_id: NEW,
        standard: None,
    };
    act(&mut store, &editor(), follow).unwrap();
    let Content::SelfAssessment(next) = &store.entry(NEW).content else {
        panic!("no assessment")
    };
    assert_eq!(next.answers, it(&store).answers);
    assert_eq!(next.record.previous, Some(EntryRef::Local(ASSESSMENT)));
    assert_eq!(store.entry(NEW).visibility, Visibility::Internal);
    let nothing_newer = act(&mut store, &Actor::system(), Act::Supersede { by: NEW });
    assert_eq!(
        step_refused(nothing_newer),
        Some(WorkflowRefusal::NothingNewer)
    );
    store.now += Duration::days(365);
    for act in [Act::Submit, publish()] {
        let command = Command::Assess {
            id: NEW,
            act: Box::new(act),
            expected: Precondition::None,
        };
        store.apply(&editor(), command).unwrap();
    }
    let both = [store.entry(ASSESSMENT), store.entry(NEW)];
    let today = store.now.date_naive();
    let supersede = Act::Supersede { by: NEW };
    assert_eq!(
        due(both.into_iter(), today),
        [(ASSESSMENT, supersede.clone())]
    );
    act(&mut store, &Actor::system(), supersede).unwrap();
    assert_eq!(it(&store).state, AssessmentState::Superseded);
    assert_eq!(store.entry(ASSESSMENT).visibility, Visibility::Internal);
    // It was published first: there is no way back.
    let back = Command::Assess {
        id: NEW,
        act: Box::new(Act::Supersede { by: ASSESSMENT }),
        expected: Precondition::None,
    };
    assert!(store.apply(&Actor::system(), back).is_err());
}

#[test]
fn who_is_the_owner_under_another_name_does_not_review_it() {
    for (says, names) in [(PARTNER, OTHER_ORGANISATION), (OTHER_ORGANISATION, PARTNER)] {
        let mut store = Store::new();
        act(&mut store, &editor(), Act::Submit).unwrap();
        let same = Command::Patch {
            kind: Kind::Organisation,
            id: says,
            patch: json!({"same_as": ["https://elsewhere.example/1", store.origin.uri(names)]}),
            expected: Precondition::None,
        };
        store.apply(&coordinator(), same).unwrap();
        let refused = act(
            &mut store,
            &coordinator(),
            start_review(OTHER_ORGANISATION, None),
        );
        assert_eq!(step_refused(refused), Some(WorkflowRefusal::ReviewsItself));
    }
}

#[test]
fn a_review_that_is_given_stays_and_shows_to_no_partner() {
    let mut store = Store::new();
    let review = |state: &str| {
        example_with(
            Kind::AssessmentReview,
            &json!({"owner": PARTNER, "content": {
                "assessment": "https://elsewhere.example/entries/01a2008d-7400-744e-8745-4e44876b5913",
                "organisation": OTHER_ORGANISATION, "reviewer": PARTNER, "state": state,
                "verdict": "returned", "reason": "x", "submission": "x",
            }}),
        )
    };
    for (id, state) in [(NEW, "given"), (SPARE, "draft")] {
        store
            .create(id, Kind::AssessmentReview, &review(state), &editor())
            .unwrap();
    }
    let take_out = |id| Command::Delete {
        kind: Kind::AssessmentReview,
        id,
        expected: Precondition::None,
    };
    let refused = store.apply(&editor(), take_out(NEW)).unwrap_err();
    assert_eq!(refused.reason, Reason::Forbidden);
    store.apply(&editor(), take_out(SPARE)).unwrap();
    let seen = |audience| outward(store.entry(NEW), audience, store.now.date_naive()).is_some();
    assert!(seen(Audience::NetworkFeed) && seen(Audience::Owner));
    assert!(!seen(Audience::Network) && !seen(Audience::Public) && !seen(Audience::PublicFeed));
    store.apply(&coordinator(), take_out(NEW)).unwrap();
}

#[test]
fn who_was_not_asked_hears_of_no_assessment() {
    let mut store = Store::new();
    let told = |store: &mut Store, assessment| {
        let review = example_with(
            Kind::AssessmentReview,
            &json!({"owner": OTHER_ORGANISATION, "content": {
                "assessment": assessment, "organisation": PARTNER, "reviewer": OTHER_ORGANISATION,
                "state": "given", "verdict": "confirmed", "submission": "x",
            }}),
        );
        let refused = store.create(NEW, Kind::AssessmentReview, &review, &other_editor());
        crate::store::told(refused.unwrap_err())
    };
    assert_eq!(told(&mut store, ASSESSMENT), told(&mut store, SPARE));
}

#[test]
fn what_is_published_is_taken_back_by_withdrawing_and_not_by_narrowing() {
    let mut store = Store::new();
    act(&mut store, &editor(), Act::Submit).unwrap();
    // Nothing is said of the plan: it is seen by no more than the profile.
    let choice: PublicationChoice = serde_json::from_value(json!({"profile": "internal"})).unwrap();
    assert_eq!(choice.improvement_plan, Visibility::Internal);
    let choice: PublicationChoice = serde_json::from_value(json!({"profile": "public"})).unwrap();
    assert_eq!(choice.improvement_plan, Visibility::Network);
    act(&mut store, &editor(), Act::Publish { choice }).unwrap();
    assert_eq!(store.entry(ASSESSMENT).visibility, Visibility::Public);
    let narrow = Command::Patch {
        kind: Kind::SelfAssessment,
        id: ASSESSMENT,
        patch: json!({"visibility": "internal"}),
        expected: Precondition::None,
    };
    let refused = store.apply(&editor(), narrow).unwrap_err();
    assert_eq!(refused.violations[0].pointer, "/visibility");
    act(&mut store, &editor(), Act::Withdraw).unwrap();
    assert_eq!(store.entry(ASSESSMENT).visibility, Visibility::Internal);
}

#[derive(Debug, Clone)]
enum Deed {
    Answer(i32),
    Fill(i32),
    Submit,
    Review,
    Verdict(bool),
    Publish(Visibility),
    Withdraw,
    Renew,
    Expire,
    Archive,
    Progress,
    Wait(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let visibility = prop::sample::select(vec![
        Visibility::Public,
        Visibility::Network,
        Visibility::Internal,
    ]);
    prop_oneof![
        (0..=4).prop_map(Deed::Answer),
        (0..=5).prop_map(Deed::Fill),
        Just(Deed::Submit),
        Just(Deed::Submit),
        Just(Deed::Review),
        any::<bool>().prop_map(Deed::Verdict),
        visibility.prop_map(Deed::Publish),
        Just(Deed::Withdraw),
        Just(Deed::Renew),
        Just(Deed::Expire),
        Just(Deed::Archive),
        Just(Deed::Progress),
        (1..900_i64).prop_map(Deed::Wait),
    ]
}

fn perform(store: &mut Store, actor: &Actor, deed: Deed) -> Result<(), Refusal> {
    let done = match deed {
        Deed::Wait(days) => {
            store.now += Duration::days(days);
            return Ok(());
        }
        Deed::Progress => {
            let patch = json!({"content": {"improvement_plan": [
                {"criterion_id": "D5.1", "action": {"en": "x"}, "status": "open",
                 "responsible_function": "office", "due": "2030-01-01"}]}});
            let command = Command::Patch {
                kind: Kind::SelfAssessment,
                id: ASSESSMENT,
                patch,
                expected: Precondition::None,
            };
            return store.apply(actor, command).map(drop);
        }
        Deed::Answer(rating) => save("D5.1", rating, ExpectedAnswer::Any),
        Deed::Fill(rating) => Act::Fill {
            answers: [("D5.1".to_owned(), answer(rating))].into(),
            improvement_plan: None,
        },
        Deed::Submit => Act::Submit,
        Deed::Review => start_review(OTHER_ORGANISATION, None),
        Deed::Verdict(true) => verdict(store, Verdict::Confirmed),
        Deed::Verdict(false) => verdict(store, Verdict::Returned),
        Deed::Publish(profile) => Act::Publish {
            choice: PublicationChoice {
                profile,
                improvement_plan: Visibility::Internal,
                ..PublicationChoice::default()
            },
        },
        Deed::Withdraw => Act::Withdraw,
        Deed::Renew => Act::Renew,
        Deed::Expire => Act::Expire,
        Deed::Archive => Act::Archive,
    };
    act(store, actor, done)
}

/// What falls due can be done, and is done with.
fn do_what_is_due(store: &mut Store) -> Result<(), TestCaseError> {
    let today = store.now.date_naive();
    let acts = |store: &Store| due(std::iter::once(store.entry(ASSESSMENT)), today);
    for (_, due) in acts(store) {
        let before = it(store).clone();
        prop_assert_eq!(act(store, &Actor::system(), due).err(), None);
        holds(store, &before)?;
    }
    for (_, due) in acts(store) {
        // A result that has run out long ago comes into the archive at once.
        prop_assert_eq!(&due, &Act::Archive);
        prop_assert_eq!(act(store, &Actor::system(), due).err(), None);
    }
    prop_assert_eq!(acts(store), []);
    Ok(())
}

fn holds(store: &Store, before: &SelfAssessment) -> Result<(), TestCaseError> {
    let (entry, after) = (store.entry(ASSESSMENT), it(store));
    if before.state != after.state {
        let row = |(from, to, _, _): &(_, _, _, WorkflowStep)| {
            (*from, *to) == (before.state, after.state)
        };
        prop_assert!(TRANSITIONS.iter().any(row));
        prop_assert_eq!(after.record.history.len(), before.record.history.len() + 1);
        prop_assert_eq!(&before.answers, &after.answers);
    } else {
        prop_assert_eq!(&before.record.history, &after.record.history);
    }
    if before.answers != after.answers {
        prop_assert!(before.state.is_editable());
    }
    prop_assert_eq!(
        after.record.result.is_some(),
        after.state.is_shown()
            || matches!(
                after.state,
                AssessmentState::Withdrawn | AssessmentState::Superseded
            )
    );
    for audience in [
        Audience::PublicFeed,
        Audience::NetworkFeed,
        Audience::Public,
        Audience::Network,
    ] {
        let Some(shown) = outward(entry, audience, store.now.date_naive()) else {
            continue;
        };
        prop_assert!(after.state.is_shown());
        let Content::SelfAssessment(shown) = shown.content else {
            panic!("another kind")
        };
        prop_assert!(after.record.publication.unwrap().profile <= audience.sees());
        prop_assert!(shown.answers.is_empty() && shown.improvement_plan.is_empty());
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_done_the_workflow_holds(deeds in prop::collection::vec((0..4_usize, deed()), 1..40)) {
        let mut store = Store::new();
        let actors = [editor(), coordinator(), Actor::system(), other_editor()];
        for (who, deed) in deeds {
            let before = it(&store).clone();
            let is_nothing = matches!(deed, Deed::Wait(_));
            let done = perform(&mut store, &actors[who], deed);
            prop_assert!(who != 3 || is_nothing || done.is_err(), "a stranger has done something");
            if done.is_err() {
                prop_assert_eq!(&before, it(&store));
            }
            holds(&store, &before)?;
            if who == 2 {
                do_what_is_due(&mut store)?;
            }
        }
        prop_assert_eq!(it(&store).standard.clone(), EntryRef::Local(STANDARD));
    }
}
