//! Every state, every step, every role.

use domain::kinds::{AssessmentState, StandardState, Verdict, WorkflowParty, WorkflowStep};
use domain::quality::{
    PeerVerdict, ReviewerFacts, StepFacts, TRANSITIONS, WorkflowRefusal, deadlines, party_for,
    transition,
};
use domain::{Actor, Role, Subject};
use serde_json::json;

use super::{date, file, other_json, rule, shipped};
use crate::store::{OTHER_ORGANISATION, PARTNER, actor, coordinator, editor, now, other_editor};

const STEPS: [WorkflowStep; 9] = [
    WorkflowStep::Submit,
    WorkflowStep::StartReview,
    WorkflowStep::Return,
    WorkflowStep::Confirm,
    WorkflowStep::Publish,
    WorkflowStep::Expire,
    WorkflowStep::Withdraw,
    WorkflowStep::Renew,
    WorkflowStep::Supersede,
];
const PARTIES: [WorkflowParty; 4] = [
    WorkflowParty::Organisation,
    WorkflowParty::Coordinator,
    WorkflowParty::Peer,
    WorkflowParty::System,
];

const OWNER: &str = "https://a.example/entries/owner";
const REVIEWER: &str = "https://b.example/entries/reviewer";

fn reviewer() -> ReviewerFacts<'static> {
    ReviewerFacts {
        owner: OWNER,
        reviewer: REVIEWER,
        ..ReviewerFacts::default()
    }
}

fn verdict(verdict: Verdict) -> PeerVerdict<'static> {
    PeerVerdict {
        verdict,
        reason: Some("the concept is missing"),
        asked: REVIEWER,
        reviewer: REVIEWER,
        about: "1",
        submission: "1",
    }
}

/// Facts with which `step` is allowed wherever the table has it.
fn facts(step: WorkflowStep) -> StepFacts<'static> {
    StepFacts {
        now: now(),
        standard: StandardState::Draft,
        gaps: &[],
        reviewer: Some(reviewer()),
        verdict: match step {
            WorkflowStep::Return => Some(verdict(Verdict::Returned)),
            WorkflowStep::Confirm => Some(verdict(Verdict::Confirmed)),
            _ => None,
        },
        valid_until: Some(now().date_naive()),
        newer_is_published: true,
    }
}

#[test]
fn the_table_is_the_one_of_the_shipped_file() {
    let review = &file()["review"];
    let rows: Vec<_> = TRANSITIONS
        .iter()
        .map(|(from, to, by, _)| json!([from, to, by]))
        .collect();
    assert_eq!(json!(rows), review["transitions"]);
    assert_eq!(json!(AssessmentState::ALL), review["states"]);
    let defaults = serde_json::to_value(domain::kinds::PublicationChoice::default()).unwrap();
    assert_eq!(defaults, review["visibility_defaults"]);
}

#[test]
fn every_step_from_every_state_by_every_role_does_what_the_table_says() {
    let mut allowed = 0;
    for state in AssessmentState::ALL {
        for step in STEPS {
            let row = TRANSITIONS
                .iter()
                .find(|(from, _, _, name)| *from == state && *name == step);
            for party in PARTIES {
                let result = transition(state, step, party, &facts(step));
                let case = format!("{state:?} {step:?} {party:?}");
                match row {
                    None => {
                        let expected = match (step, state) {
                            (WorkflowStep::Publish, AssessmentState::Draft) => {
                                WorkflowRefusal::PublishFromDraft
                            }
                            (WorkflowStep::Publish, AssessmentState::InPeerReview) => {
                                WorkflowRefusal::PublishFromInPeerReview
                            }
                            (WorkflowStep::Publish, AssessmentState::Returned) => {
                                WorkflowRefusal::PublishFromReturned
                            }
                            _ => WorkflowRefusal::NotInThisState,
                        };
                        assert_eq!(result.unwrap_err().reason, expected, "{case}");
                    }
                    Some((from, to, by, _)) => {
                        let carried_out =
                            *by == WorkflowParty::Peer && party == WorkflowParty::System;
                        if party == *by || carried_out {
                            let (next, event) = result.unwrap();
                            assert_eq!(
                                (next, event.from, event.to, event.by, event.at),
                                (*to, *from, *to, *by, now()),
                                "{case}"
                            );
                            assert_eq!(
                                event.reason.is_some(),
                                step == WorkflowStep::Return,
                                "{case}"
                            );
                            allowed += 1;
                        } else {
                            assert_eq!(
                                result.unwrap_err().reason,
                                WorkflowRefusal::NotYourStep,
                                "{case}"
                            );
                        }
                    }
                }
            }
        }
    }
    assert_eq!(
        allowed, 13,
        "eleven rows, two of which the system carries out as well"
    );
}

fn refused(state: AssessmentState, step: WorkflowStep, facts: &StepFacts<'_>) -> WorkflowRefusal {
    let by = TRANSITIONS.iter().find(|row| row.3 == step).unwrap().2;
    let refused = transition(state, step, by, facts).unwrap_err();
    assert!(!refused.violations.is_empty());
    refused.reason
}

#[test]
fn submitting_needs_complete_answers_to_a_version_in_force() {
    let step = WorkflowStep::Submit;
    for state in [AssessmentState::Draft, AssessmentState::Returned] {
        let superseded = StepFacts {
            standard: StandardState::Superseded,
            ..facts(step)
        };
        assert_eq!(
            refused(state, step, &superseded),
            WorkflowRefusal::StandardSuperseded
        );
        let gaps = domain::quality::gaps(
            &shipped(),
            &super::everywhere(&shipped()),
            &super::assessment([].into()),
        );
        let incomplete = StepFacts {
            gaps: &gaps,
            ..facts(step)
        };
        assert_eq!(
            refused(state, step, &incomplete),
            WorkflowRefusal::Incomplete
        );
        let refused =
            transition(state, step, WorkflowParty::Organisation, &incomplete).unwrap_err();
        assert_eq!(refused.violations.len(), 27);
    }
    // What was submitted before may still be published.
    let late = StepFacts {
        standard: StandardState::Superseded,
        ..facts(WorkflowStep::Publish)
    };
    assert!(
        transition(
            AssessmentState::Submitted,
            WorkflowStep::Publish,
            WorkflowParty::Organisation,
            &late
        )
        .is_ok()
    );
}

#[test]
fn nobody_reviews_itself_its_umbrella_or_those_it_is_bound_to() {
    let umbrella = [String::from("https://c.example/entries/umbrella")];
    let owner = [String::from(OWNER)];
    let reviewing = [String::from(REVIEWER)];
    let conflicts = [
        (
            ReviewerFacts {
                reviewer: OWNER,
                ..reviewer()
            },
            WorkflowRefusal::ReviewsItself,
        ),
        (
            ReviewerFacts {
                parts: &reviewing,
                ..reviewer()
            },
            WorkflowRefusal::ReviewsItself,
        ),
        (
            ReviewerFacts {
                above_owner: &reviewing,
                ..reviewer()
            },
            WorkflowRefusal::ReviewsOwnUmbrella,
        ),
        (
            ReviewerFacts {
                above_reviewer: &owner,
                ..reviewer()
            },
            WorkflowRefusal::ReviewsOwnUmbrella,
        ),
        (
            ReviewerFacts {
                above_owner: &umbrella,
                above_reviewer: &umbrella,
                ..reviewer()
            },
            WorkflowRefusal::ReviewsOwnUmbrella,
        ),
        (
            ReviewerFacts {
                last_funding: Some(date("2023-11-23")),
                ..reviewer()
            },
            WorkflowRefusal::FundingRelation,
        ),
        (
            ReviewerFacts {
                last_review_the_other_way: Some(date("2024-11-23")),
                ..reviewer()
            },
            WorkflowRefusal::MutualReview,
        ),
        (
            ReviewerFacts {
                reviewer: "",
                ..reviewer()
            },
            WorkflowRefusal::NoReviewer,
        ),
    ];
    for (facts_of_reviewer, expected) in conflicts {
        for (state, step) in [
            (AssessmentState::Submitted, WorkflowStep::StartReview),
            (AssessmentState::InPeerReview, WorkflowStep::Return),
            (AssessmentState::InPeerReview, WorkflowStep::Confirm),
        ] {
            let facts = StepFacts {
                reviewer: Some(facts_of_reviewer),
                ..facts(step)
            };
            assert_eq!(refused(state, step, &facts), expected);
        }
    }
    let long_ago = ReviewerFacts {
        above_owner: &umbrella,
        last_funding: Some(date("2023-11-22")),
        last_review_the_other_way: Some(date("2024-11-22")),
        ..reviewer()
    };
    let facts = StepFacts {
        reviewer: Some(long_ago),
        ..facts(WorkflowStep::StartReview)
    };
    assert!(
        transition(
            AssessmentState::Submitted,
            WorkflowStep::StartReview,
            WorkflowParty::Coordinator,
            &facts
        )
        .is_ok()
    );
    let nobody = StepFacts {
        reviewer: None,
        ..facts
    };
    assert_eq!(
        refused(
            AssessmentState::Submitted,
            WorkflowStep::StartReview,
            &nobody
        ),
        WorkflowRefusal::NoReviewer
    );
}

#[test]
fn only_the_verdict_of_who_was_asked_about_what_stands_moves_the_state() {
    let given = verdict(Verdict::Returned);
    for (wrong, expected) in [
        (None, WorkflowRefusal::NoVerdict),
        (
            Some(verdict(Verdict::Confirmed)),
            WorkflowRefusal::NoVerdict,
        ),
        (
            Some(PeerVerdict {
                reviewer: "https://d.example/entries/x",
                ..given
            }),
            WorkflowRefusal::NotTheReviewer,
        ),
        (
            Some(PeerVerdict {
                about: "0",
                ..given
            }),
            WorkflowRefusal::OtherSubmission,
        ),
        (
            Some(PeerVerdict {
                reason: None,
                ..given
            }),
            WorkflowRefusal::ReturnedWithoutReason,
        ),
        (
            Some(PeerVerdict {
                reason: Some(" \n"),
                ..given
            }),
            WorkflowRefusal::ReturnedWithoutReason,
        ),
    ] {
        let facts = StepFacts {
            verdict: wrong,
            ..facts(WorkflowStep::Return)
        };
        for party in [WorkflowParty::Peer, WorkflowParty::System] {
            let result = transition(
                AssessmentState::InPeerReview,
                WorkflowStep::Return,
                party,
                &facts,
            );
            assert_eq!(result.unwrap_err().reason, expected);
        }
    }
    let silent = PeerVerdict {
        reason: None,
        ..verdict(Verdict::Confirmed)
    };
    let facts = StepFacts {
        verdict: Some(silent),
        ..facts(WorkflowStep::Confirm)
    };
    assert!(
        transition(
            AssessmentState::InPeerReview,
            WorkflowStep::Confirm,
            WorkflowParty::System,
            &facts
        )
        .is_ok()
    );
}

#[test]
fn a_result_expires_when_its_time_is_over_and_gives_way_to_a_newer_one_only() {
    let step = WorkflowStep::Expire;
    for valid_until in [None, Some(date("2026-11-23"))] {
        let facts = StepFacts {
            valid_until,
            ..facts(step)
        };
        assert_eq!(
            refused(AssessmentState::Published, step, &facts),
            WorkflowRefusal::StillValid
        );
    }
    let alone = StepFacts {
        newer_is_published: false,
        ..facts(WorkflowStep::Supersede)
    };
    assert_eq!(
        refused(AssessmentState::Published, WorkflowStep::Supersede, &alone),
        WorkflowRefusal::NothingNewer
    );
}

#[test]
fn what_falls_due_follows_the_validity_of_the_standard() {
    let due = deadlines(date("2026-11-22"), shipped().validity()).unwrap();
    assert_eq!(due.progress_note, Some(date("2027-11-22")));
    assert_eq!(due.expires, date("2028-11-22"));
    assert_eq!(due.expiry_task, date("2028-09-23"), "60 days before");
    assert_eq!(due.archived, date("2029-11-22"));
    let due = deadlines(date("2024-02-29"), rule(&other_json()).validity()).unwrap();
    assert_eq!(
        (due.expires, due.expiry_task, due.archived),
        (date("2025-02-28"), date("2025-01-29"), date("2025-05-28"))
    );
}

#[test]
fn every_refusal_has_a_code_of_its_own() {
    let mut codes: Vec<&str> = WorkflowRefusal::ALL.iter().map(|it| it.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), WorkflowRefusal::ALL.len());
    for it in WorkflowRefusal::ALL {
        assert!(it.pointer().starts_with('/') && !it.detail().is_empty());
    }
}

#[test]
fn an_actor_makes_a_step_in_the_role_that_the_table_asks_for() {
    let both = actor(Some(PARTNER), Role::Coordinator);
    let party = |actor: &Actor, step| party_for(step, actor, PARTNER);
    use WorkflowParty::{Coordinator, Organisation, System};
    for (actor, submit, review, expire) in [
        (
            editor(),
            Some(Organisation),
            Some(Organisation),
            Some(Organisation),
        ),
        (other_editor(), None, None, None),
        (
            coordinator(),
            Some(Coordinator),
            Some(Coordinator),
            Some(Coordinator),
        ),
        (
            both,
            Some(Organisation),
            Some(Coordinator),
            Some(Organisation),
        ),
        (Actor::system(), Some(System), Some(System), Some(System)),
    ] {
        assert_eq!(party(&actor, WorkflowStep::Submit), submit);
        assert_eq!(party(&actor, WorkflowStep::StartReview), review);
        assert_eq!(party(&actor, WorkflowStep::Expire), expire);
    }
    let person = Actor {
        subject: Subject::System,
        ..actor(Some(OTHER_ORGANISATION), Role::Editor)
    };
    assert_eq!(party(&person, WorkflowStep::Expire), Some(System));
}
