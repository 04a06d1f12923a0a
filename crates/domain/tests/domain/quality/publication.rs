//! What leaves of an assessment: what its owner chose, and nothing else.

use domain::kinds::{
    AssessmentMethod, AssessmentState, PublicationChoice, WorkflowParty, WorkflowStep,
};
use domain::quality::{
    NewResult, NotComparable, StepFacts, check_choice, moved, published, renewed, review_started,
    reviewed, submission_fingerprint, submitted, transition, trend, visibility_of,
};
use domain::{Content, Kind, Visibility, outward};
use proptest::prelude::*;
use serde_json::json;

use super::assessments::{
    self, CAPPED, COMMENT, CORE, MEAN, NEVER, PEER_COMMENT, PEER_RATING, PLAN, PLAN_RATING, RATING,
    REASON, is_out,
};
use super::{answer, assessment, complete, date, everywhere, found, offer, shipped};
use crate::outward::{AUDIENCES, day, entry};
use crate::store::{NEW, PARTNER, Store, coordinator, example_with, now, told};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn of_an_assessment_leaves_what_was_chosen_and_nothing_else(entry in entry(), today in day()) {
        let Content::SelfAssessment(it) = &entry.content else { return Ok(()) };
        for audience in AUDIENCES.into_iter().filter(|audience| !audience.is_owner()) {
            let Some(shown) = outward(&entry, audience, today) else { continue };
            prop_assert!(is_out(&entry, audience, today));
            let choice = it.record.publication.unwrap();
            let json = shown.to_json();
            let sees = |part: Visibility| part.max(choice.profile) <= audience.sees();
            let ratings = sees(choice.criterion_ratings);
            let comments = sees(choice.comments);
            let plan = sees(choice.improvement_plan);
            for (what, expected) in [
                (MEAN.to_owned(), true),
                (CORE.to_owned(), true),
                (CAPPED.to_owned(), ratings),
                (RATING.to_string(), ratings),
                (REASON.to_owned(), ratings),
                (PEER_RATING.to_string(), ratings),
                ("differ".to_owned(), ratings),
                (COMMENT.to_owned(), comments),
                (PEER_COMMENT.to_owned(), comments),
                (PLAN.to_owned(), plan),
                (PLAN_RATING.to_string(), plan && ratings),
            ] {
                prop_assert_eq!(json.contains(&what), expected, "{} for {:?} in {}", what, audience, json);
            }
            for (title, expected) in assessments::evidence_shown(choice.evidence.max(choice.profile), audience) {
                prop_assert_eq!(json.contains(title), expected, "{}", title);
            }
            for word in NEVER {
                prop_assert!(!json.contains(word), "{word} in {json}");
            }
            let Content::SelfAssessment(shown) = &shown.content else { unreachable!() };
            let is_over = it.record.result.as_ref().unwrap().valid_until <= today;
            if !audience.leaves_the_node() && is_over {
                prop_assert_eq!(shown.state, AssessmentState::Expired, "never silently valid");
            }
        }
    }

    #[test]
    fn in_place_too_nothing_is_left_of_what_is_not_published(entry in entry(), today in day()) {
        for audience in AUDIENCES.into_iter().filter(|audience| !audience.is_owner()) {
            let mut shown = entry.clone();
            domain::restrict(&mut shown, audience, today);
            let is_kept = matches!(entry.kind, Kind::SelfAssessment | Kind::AssessmentReview) && !is_out(&entry, audience, today);
            if is_kept {
                let json = shown.to_json();
                let numbers = [RATING, PEER_RATING, PLAN_RATING].map(|it| it.to_string());
                let words = [REASON, COMMENT, PEER_COMMENT, PLAN, CAPPED, CORE, MEAN, "EVIDENCE", "SUBMISSION"];
                for word in words.into_iter().chain(NEVER).chain(numbers.iter().map(String::as_str)) {
                    prop_assert!(!json.contains(word), "{word} in {json}");
                }
            }
        }
    }

    #[test]
    fn of_a_review_only_the_verdict_leaves(entry in entry(), today in day()) {
        let Content::AssessmentReview(_) = &entry.content else { return Ok(()) };
        for audience in AUDIENCES.into_iter().filter(|audience| !audience.is_owner()) {
            let Some(shown) = outward(&entry, audience, today) else { continue };
            let json = shown.to_json();
            prop_assert!(json.contains("SUBMISSION") && json.contains("\"verdict\":\"returned\""));
            for word in NEVER.into_iter().chain([PEER_COMMENT, "differ"]) {
                prop_assert!(!json.contains(word), "{word} in {json}");
            }
            prop_assert!(!json.contains(&PEER_RATING.to_string()));
        }
    }

    #[test]
    fn what_leaves_the_node_depends_on_no_day(entry in entry(), one in day(), another in day()) {
        for audience in AUDIENCES.into_iter().filter(|audience| audience.leaves_the_node()) {
            let dated = matches!(entry.kind, Kind::SelfAssessment | Kind::AssessmentReview);
            if dated {
                prop_assert_eq!(outward(&entry, audience, one), outward(&entry, audience, another));
            }
        }
    }
}

fn facts() -> StepFacts<'static> {
    StepFacts {
        now: now(),
        standard: domain::kinds::StandardState::Draft,
        gaps: &[],
        reviewer: None,
        verdict: None,
        valid_until: None,
        newer_is_published: false,
    }
}

#[test]
fn a_result_is_published_kept_through_its_renewal_and_compared() {
    let rule = shipped();
    let scope = everywhere(&rule);
    let submitted_one = complete(&rule, &scope, 2, date("2026-01-01"));
    for (state, method) in [
        (AssessmentState::Submitted, AssessmentMethod::SelfOnly),
        (AssessmentState::Confirmed, AssessmentMethod::SelfAndPeer),
    ] {
        let (_, event) = transition(
            state,
            WorkflowStep::Publish,
            WorkflowParty::Organisation,
            &facts(),
        )
        .unwrap();
        let new = NewResult {
            rule: &rule,
            scope: &scope,
            choice: PublicationChoice::default(),
            event,
        };
        let published_one = published(&submitted_one, new).unwrap();
        assert_eq!(
            (published_one.state, visibility_of(&published_one)),
            (AssessmentState::Published, Visibility::Network)
        );
        let first = published_one.record.result.clone().unwrap();
        assert_eq!(
            (first.method, first.published_on, first.valid_until),
            (method, date("2026-11-22"), date("2028-11-22"))
        );
        assert!(first.standard_is_draft);
        assert!(
            first
                .dimensions
                .iter()
                .all(|it| it.mean.as_deref() == Some("2.0"))
        );

        let over = StepFacts {
            valid_until: Some(first.valid_until),
            now: "2028-11-22T00:00:00Z".parse().unwrap(),
            ..facts()
        };
        let (_, event) = transition(
            published_one.state,
            WorkflowStep::Expire,
            WorkflowParty::System,
            &over,
        )
        .unwrap();
        let expired = moved(&published_one, event);
        let (_, event) = transition(
            expired.state,
            WorkflowStep::Renew,
            WorkflowParty::Organisation,
            &over,
        )
        .unwrap();
        let mut draft = renewed(&expired, event);
        assert_eq!(visibility_of(&draft), Visibility::Internal);
        assert_eq!(
            (draft.state, draft.record.result.as_ref()),
            (AssessmentState::Draft, None)
        );
        assert_eq!(
            draft.record.earlier_results.as_slice(),
            std::slice::from_ref(&first)
        );

        draft
            .answers
            .insert("D5.1".to_owned(), answer(&json!(4), 1, date("2028-11-01")));
        let (_, event) = transition(
            AssessmentState::Submitted,
            WorkflowStep::Publish,
            WorkflowParty::Organisation,
            &over,
        )
        .unwrap();
        let new = NewResult {
            rule: &rule,
            scope: &scope,
            choice: PublicationChoice::default(),
            event,
        };
        let second = published(&draft, new).unwrap().record.result.unwrap();
        let changes = trend(&first, &second).unwrap();
        // D5: two core points more among four weights of 2, 1, 1, 1 (D5.4 is no offer's).
        let of = |id: &str| {
            changes
                .iter()
                .find(|it| it.id == id)
                .unwrap()
                .change
                .clone()
        };
        assert_eq!(of("D5").as_deref(), Some("0.8"));
        assert_eq!(of("D1").as_deref(), Some("0"));
        assert_eq!(trend(&second, &first), Err(NotComparable::NotLater));
        let with = |code: &str, version: &str| {
            let mut other = second.clone();
            other.standard_code = code.to_owned();
            other.standard_version = version.to_owned();
            trend(&first, &other).err()
        };
        assert_eq!(with(&second.standard_code, "1.7.0"), None);
        assert_eq!(
            with(&second.standard_code, "2.0.0"),
            Some(NotComparable::OtherMajorVersion)
        );
        assert_eq!(
            with(&second.standard_code, "new"),
            Some(NotComparable::OtherMajorVersion)
        );
        assert_eq!(with("other", "1.0.0"), Some(NotComparable::OtherStandard));
    }
}

#[test]
fn no_part_is_seen_by_more_than_the_profile() {
    let choice = |profile, plan| PublicationChoice {
        profile,
        improvement_plan: plan,
        ..PublicationChoice::default()
    };
    assert_eq!(check_choice(&PublicationChoice::default()), []);
    assert_eq!(
        found(&check_choice(&choice(
            Visibility::Network,
            Visibility::Public
        ))),
        [("/improvement_plan", "wider_than_profile")]
    );
    assert_eq!(
        check_choice(&choice(Visibility::Public, Visibility::Internal)),
        []
    );
}

#[test]
fn a_submission_is_told_from_another_by_what_it_answers() {
    let one = assessment([("D1.1".to_owned(), answer(&json!(1), 0, date("2026-01-01")))].into());
    let mut other = one.clone();
    other.state = AssessmentState::InPeerReview;
    other.record.submitted_on = Some(date("2026-01-01"));
    assert_eq!(
        submission_fingerprint(&one),
        submission_fingerprint(&other),
        "the workflow changes nothing in it"
    );
    other.answers.get_mut("D1.1").unwrap().comment = Some("x".to_owned());
    assert_ne!(submission_fingerprint(&one), submission_fingerprint(&other));
    assert_eq!(submission_fingerprint(&one).len(), 32);
}

#[test]
fn nobody_writes_by_hand_what_the_workflow_writes() {
    let mut store = Store::new();
    let create = |store: &mut Store, patch| {
        store.create(
            NEW,
            Kind::SelfAssessment,
            &example_with(Kind::SelfAssessment, &patch),
            &coordinator(),
        )
    };
    let forged = json!({"owner": PARTNER, "content": {"state": "published", "record": {"submitted_on": "2026-01-01"}}});
    let (_, violations) = told(create(&mut store, forged).unwrap_err());
    let expected = [
        ("/content/state", "wrong_value"),
        ("/content/record", "read_only"),
    ];
    assert_eq!(
        violations,
        expected.map(|(place, code)| (place.to_owned(), code.to_owned()))
    );
    create(&mut store, json!({"owner": PARTNER})).unwrap();
    let mut patch = |content| {
        let command = domain::Command::Patch {
            kind: Kind::SelfAssessment,
            id: NEW,
            patch: json!({"content": content}),
            expected: domain::Precondition::Exists,
        };
        store
            .apply(&coordinator(), command)
            .map_err(|refusal| told(refusal).1)
    };
    assert!(patch(json!({"answers": {"D5.1": {"rating": 1}}})).is_ok());
    assert_eq!(
        patch(json!({"subject": PARTNER})).unwrap_err()[0].1,
        "read_only"
    );
    assert_eq!(
        patch(json!({"state": "submitted"})).unwrap_err()[0].1,
        "wrong_value"
    );
}

#[test]
fn once_submitted_answers_stay_and_once_published_steps_of_the_plan_may_go_on() {
    let origin = "http://127.0.0.1:8080".parse().unwrap();
    let mut before =
        assessment([("D1.1".to_owned(), answer(&json!(1), 0, date("2026-01-01")))].into());
    before.improvement_plan = vec![
        serde_json::from_value(
            json!({"criterion_id": "D1.1", "action": {"en": "x"}, "status": "open"}),
        )
        .unwrap(),
    ];
    for state in AssessmentState::ALL {
        before.state = state;
        let codes = |change: &dyn Fn(&mut domain::kinds::SelfAssessment)| {
            let mut after = before.clone();
            change(&mut after);
            let mut c = domain::Checker::new(&origin, date("2026-11-22"));
            domain::quality::check_written_by_hand(
                Some(&before.clone().into()),
                &after.into(),
                false,
                &mut c,
            );
            let places: Vec<String> = c.finish().0.into_iter().map(|it| it.pointer).collect();
            places
        };
        let editable = matches!(state, AssessmentState::Draft | AssessmentState::Returned);
        let progressing = matches!(state, AssessmentState::Published | AssessmentState::Expired);
        let expected = |place: &str, may: bool| {
            if may {
                Vec::new()
            } else {
                vec![place.to_owned()]
            }
        };
        assert_eq!(
            codes(&|it| it.answers.clear()),
            expected("/answers", editable),
            "{state:?}"
        );
        assert_eq!(
            codes(&|it| it.improvement_plan.clear()),
            expected("/improvement_plan", editable),
            "{state:?}"
        );
        let progress = codes(&|it| it.improvement_plan[0].progress_note = Some("half".to_owned()));
        assert_eq!(
            progress,
            expected("/improvement_plan", editable || progressing),
            "{state:?}"
        );
    }
}

#[test]
fn each_step_writes_what_belongs_to_it() {
    let rule = shipped();
    let scope = everywhere(&rule);
    let event = |from, to, step| domain::kinds::HistoryEvent {
        at: now(),
        step,
        from,
        to,
        by: WorkflowParty::System,
        reason: None,
    };
    use AssessmentState::{Confirmed, Draft, InPeerReview, Published, Submitted, Withdrawn};
    let draft = complete(&rule, &scope, 3, date("2026-01-01"));
    let one = submitted(
        &draft,
        event(Draft, Submitted, WorkflowStep::Submit),
        offer(&["orient"]),
    );
    assert_eq!(one.record.assessed, Some(offer(&["orient"])));
    assert_eq!(one.record.submitted_on, Some(now().date_naive()));
    let peer: domain::EntryRef = domain::EntryRef::Uri("https://b.example/entries/1".to_owned());
    let one = review_started(
        &one,
        event(Submitted, InPeerReview, WorkflowStep::StartReview),
        peer.clone(),
    );
    assert_eq!(one.record.reviewer.as_ref(), Some(&peer));
    let view = domain::kinds::ReceivedReview {
        reviewer: peer,
        review: "https://b.example/entries/2".to_owned(),
        verdict: domain::kinds::Verdict::Confirmed,
        received_on: now().date_naive(),
        reason: None,
        criteria: [(
            "D1.1".to_owned(),
            domain::kinds::CriterionView {
                rating: Some(2),
                ..Default::default()
            },
        )]
        .into(),
    };
    let one = reviewed(
        &one,
        event(InPeerReview, Confirmed, WorkflowStep::Confirm),
        view.clone(),
    );
    assert_eq!(
        (one.answers["D1.1"].rating, one.record.reviews.as_slice()),
        (Some(3), std::slice::from_ref(&view)),
        "both views stay"
    );
    let publishing = |choice| NewResult {
        rule: &rule,
        scope: &scope,
        choice,
        event: event(Confirmed, Published, WorkflowStep::Publish),
    };
    let too_wide = PublicationChoice {
        comments: Visibility::Public,
        ..PublicationChoice::default()
    };
    assert_eq!(
        published(&one, publishing(too_wide)).unwrap_err()[0].code,
        "wider_than_profile"
    );
    let one = published(&one, publishing(PublicationChoice::default())).unwrap();
    let one = moved(&one, event(Published, Withdrawn, WorkflowStep::Withdraw));
    assert_eq!(
        (visibility_of(&one), one.record.history.len()),
        (Visibility::Internal, 5)
    );
    let again = submitted(
        &one,
        event(Draft, Submitted, WorkflowStep::Submit),
        offer(&[]),
    );
    assert_eq!(
        again.record.reviewer, None,
        "another submission, another question"
    );
}
