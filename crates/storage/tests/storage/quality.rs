//! Invitations open one submission for a while; a distribution is made anew by one after the other.

use domain::quality::Snapshot;
use domain::{EntryId, Kind};
use lotse_storage::{Conflict, Invitation, StorageError};
use serde_json::json;

use crate::support::{
    TestDatabase, apply, at, coordinator, create, draft, new_id, on_both, organisation,
};

on_both!(
    a_new_invitation_takes_the_place_of_the_one_before,
    an_invitation_ends_by_time_and_by_its_answer,
    purging_an_assessment_erases_what_was_left_with_its_invitations,
    a_distribution_is_asked_about_the_one_that_stands,
);

fn invitation(assessment: EntryId, token: &str) -> Invitation {
    Invitation {
        token: token.to_owned(),
        assessment,
        reviewer: "https://b.example/entries/x".to_owned(),
        submission: "s".to_owned(),
        created: at(0),
        expires: at(100),
        views: None,
    }
}

async fn a_new_invitation_takes_the_place_of_the_one_before(database: TestDatabase) {
    let storage = database.fresh().await;
    let (invitations, id) = (&storage.invitations, new_id());
    for token in ["a", "b"] {
        let new = invitation(id, token);
        invitations
            .create(&coordinator(), new, at(0))
            .await
            .unwrap();
    }
    let other = invitation(new_id(), "c");
    invitations
        .create(&coordinator(), other, at(0))
        .await
        .unwrap();
    let gone = invitations.open("a", at(1)).await;
    assert!(matches!(
        gone,
        Err(StorageError::Conflict(Conflict::AlreadyClosed))
    ));
    assert_eq!(invitations.open("b", at(1)).await.unwrap().assessment, id);
    let unknown = invitations.open("nothing", at(1)).await;
    assert!(matches!(unknown, Err(StorageError::NotFound)));
    let waiting = invitations.waiting().await.unwrap();
    let mut tokens: Vec<_> = waiting.iter().map(|it| it.token.as_str()).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, ["b", "c"]);
}

async fn an_invitation_ends_by_time_and_by_its_answer(database: TestDatabase) {
    let storage = database.fresh().await;
    let invitations = &storage.invitations;
    let new = invitation(new_id(), "a");
    invitations
        .create(&coordinator(), new, at(0))
        .await
        .unwrap();
    let kept = invitations.keep_views("a", "{}".to_owned(), at(99)).await;
    assert_eq!(kept.unwrap().views.as_deref(), Some("{}"));
    let late = invitations.open("a", at(100)).await;
    assert!(matches!(
        late,
        Err(StorageError::Conflict(Conflict::Expired))
    ));
    // A verdict that was given in time may still arrive.
    assert_eq!(invitations.waiting().await.unwrap().len(), 1);
    invitations.close("a", at(101)).await.unwrap();
    assert_eq!(invitations.waiting().await.unwrap(), []);
    let days = i64::try_from(lotse_storage::limits::INVITATION_DAYS_KEPT).unwrap();
    let cleaned = storage.clean(at(100 + days * 86_400 - 1)).await.unwrap();
    assert_eq!(cleaned.invitations, 0);
    let cleaned = storage.clean(at(100 + days * 86_400)).await.unwrap();
    assert_eq!(cleaned.invitations, 1);
}

async fn purging_an_assessment_erases_what_was_left_with_its_invitations(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "one").await;
    let standard = new_id();
    let mut example: serde_json::Value =
        serde_json::from_str(Kind::QualityStandard.example()).unwrap();
    example["owner"] = json!(owner);
    let _ = apply(
        &storage,
        create(standard, draft(Kind::QualityStandard, example)),
    )
    .await;
    let id = new_id();
    let assessment = json!({"owner": owner,
        "content": {"subject": owner, "standard": standard, "state": "draft"}});
    let _ = apply(
        &storage,
        create(id, draft(Kind::SelfAssessment, assessment)),
    )
    .await;
    let new = invitation(id, "a");
    storage
        .invitations
        .create(&coordinator(), new, at(0))
        .await
        .unwrap();
    let purge = domain::Command::Purge {
        kind: Kind::SelfAssessment,
        id,
    };
    let _ = apply(&storage, purge).await;
    assert_eq!(database.number("SELECT count(*) FROM invitation"), 0);
}

async fn a_distribution_is_asked_about_the_one_that_stands(database: TestDatabase) {
    let storage = database.fresh().await;
    let (distributions, standard) = (&storage.distributions, new_id());
    let snapshot = |organisations: u32| -> Snapshot {
        serde_json::from_value(json!({
            "distribution": {"made_on": "2026-11-23", "organisations": organisations, "dimensions": [], "criteria": []},
            "bases": [],
        }))
        .unwrap()
    };
    let none = distributions
        .renew(standard, at(0), |_| None)
        .await
        .unwrap();
    assert_eq!(none, None);
    let (first, second) = (snapshot(5), snapshot(10));
    let made = first.clone();
    let kept = distributions
        .renew(standard, at(1), move |last| {
            last.is_none().then(|| made.clone())
        })
        .await
        .unwrap();
    assert_eq!(kept.as_ref(), Some(&first));
    let (before, next) = (first.clone(), second.clone());
    let kept = distributions
        .renew(standard, at(2), move |last| {
            (last == Some(&before)).then(|| next.clone())
        })
        .await
        .unwrap();
    assert_eq!(kept.as_ref(), Some(&second));
    let kept = distributions
        .renew(standard, at(3), |_| None)
        .await
        .unwrap();
    assert_eq!(kept.as_ref(), Some(&second));
    assert_eq!(distributions.all().await.unwrap(), [(standard, second)]);
}
