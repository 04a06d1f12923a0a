//! Assessments and reviews with all that can be kept back, more than the checks would let in here: entries of other nodes
//! come this way too.

use chrono::NaiveDate;
use domain::kinds::{AssessmentReview, AssessmentReviewState, AssessmentState, SelfAssessment};
use domain::{Audience, Content, Entry, Visibility};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::outward::{day, visibility};
use crate::store::now;

// What stands nowhere else, so that finding it in a form means that it was shown.
pub(crate) const RATING: i32 = 471_101;
pub(crate) const REASON: &str = "REASONNOTTO";
pub(crate) const COMMENT: &str = "COMMENTWORD";
pub(crate) const PEER_COMMENT: &str = "PEERCOMMENT";
pub(crate) const PEER_RATING: i32 = 471_102;
pub(crate) const PLAN: &str = "PLANWORD";
pub(crate) const PLAN_RATING: i32 = 471_103;
pub(crate) const CAPPED: &str = "CAPPEDCRITERION";
pub(crate) const CORE: &str = "CORECRITERION";
pub(crate) const MEAN: &str = "2.7182";
/// What nobody but the owner ever sees.
pub(crate) const NEVER: [&str; 5] = [
    "HISTORYWORD",
    "RETURNWORD",
    "EARLIERWORD",
    "RETURNEDVIEW",
    "ASKEDREVIEWER",
];
const EVIDENCE: [(&str, Visibility); 3] = [
    ("EVIDENCEPUBLIC", Visibility::Public),
    ("EVIDENCENETWORK", Visibility::Network),
    ("EVIDENCEINTERNAL", Visibility::Internal),
];

fn result(from: NaiveDate, id: &str) -> Value {
    json!({
        "published_on": from, "valid_until": from, "archived_from": from, "reassess_from": from, "method": "self+peer",
        "standard_code": "x", "standard_version": "1.0.0", "standard_is_draft": true,
        "dimensions": [{"id": id, "outcome": "scored", "mean": MEAN, "level": "building", "in_scope": 5, "not_applicable": 1,
            "rated": 4, "capped": [CAPPED], "core_below": [CORE]}],
    })
}

pub(crate) fn assessment() -> impl Strategy<Value = SelfAssessment> {
    let state = prop::sample::select(AssessmentState::ALL.to_vec());
    let state = prop_oneof![
        state,
        prop::sample::select(vec![AssessmentState::Published, AssessmentState::Expired])
    ];
    let choice = prop::option::weighted(
        0.9,
        [
            visibility(),
            visibility(),
            visibility(),
            visibility(),
            visibility(),
        ],
    );
    (state, choice, day(), day(), any::<bool>()).prop_map(|(state, choice, until, archived, has_result)| {
        let evidence: Vec<Value> = EVIDENCE
            .iter()
            .map(|(title, visibility)| json!({"type": "concept", "title": title, "date": "2026-01-01", "visibility": visibility}))
            .collect();
        let view = |reviewer: &str, comment: &str, verdict: &str| json!({
            "reviewer": format!("https://b.example/entries/{reviewer}"), "review": "https://b.example/entries/2",
            "verdict": verdict, "received_on": "2026-01-01", "reason": "RETURNWORD",
            "criteria": {"D1.1": {"stance": "differ", "rating": PEER_RATING, "comment": comment}},
        });
        let mut record = json!({
            "assessed": {"kind": "offer", "phases": ["orient"]},
            "previous": "https://a.example/entries/EARLIERWORD",
            "history": [{"at": now(), "step": "return", "from": "in_peer_review", "to": "returned", "by": "peer", "reason": "HISTORYWORD"}],
            "submitted_on": "2026-01-01",
            "reviewer": "https://b.example/entries/ASKEDREVIEWER",
            "reviews": [view("1", PEER_COMMENT, "confirmed"), view("2", "RETURNEDVIEW", "returned")],
            "earlier_results": [result(until, "EARLIERWORD")],
        });
        if let Some([profile, ratings, comments, evidence, plan]) = choice {
            record["publication"] = json!({"profile": profile, "criterion_ratings": ratings, "comments": comments,
                "evidence": evidence, "improvement_plan": plan});
        }
        if has_result || state != AssessmentState::Published {
            record["result"] = result(until, "D1");
            record["result"]["archived_from"] = json!(archived.max(until));
        }
        serde_json::from_value(json!({
            "subject": "01a2008d-7400-7fbf-932d-7ca33da03200",
            "standard": "01a2008d-7400-769e-97de-22d17401899c",
            "state": state,
            "answers": {
                "D1.1": {"rating": RATING, "comment": COMMENT, "evidence": evidence},
                "D1.2": {"not_applicable": REASON},
            },
            "improvement_plan": [{"criterion_id": "D1.1", "current": PLAN_RATING, "target": PLAN_RATING, "action": {"en": PLAN}, "status": "open"}],
            "record": record,
        }))
        .unwrap()
    })
}

pub(crate) fn review() -> impl Strategy<Value = AssessmentReview> {
    any::<bool>().prop_map(|is_given| {
        serde_json::from_value(json!({
            "assessment": "https://a.example/entries/1",
            "reviewer": "https://b.example/entries/1",
            "state": if is_given { "given" } else { "draft" },
            "verdict": "returned", "submission": "SUBMISSION", "reason": "RETURNWORD",
            "criteria": {"D1.1": {"stance": "differ", "rating": PEER_RATING, "comment": PEER_COMMENT}},
            "summary": {"en": "HISTORYWORD"},
        }))
        .unwrap()
    })
}

/// Whether others than the owner may know of an entry by what it says, as the rules of publication say it in words.
pub(crate) fn is_out(entry: &Entry, audience: Audience, today: NaiveDate) -> bool {
    match &entry.content {
        Content::AssessmentReview(it) => {
            audience == Audience::NetworkFeed && it.state == AssessmentReviewState::Given
        }
        Content::SelfAssessment(it) => {
            let is_published = matches!(
                it.state,
                AssessmentState::Published | AssessmentState::Expired
            );
            let is_open = it
                .record
                .publication
                .is_some_and(|choice| choice.profile <= audience.sees());
            let is_in_time =
                it.record.result.as_ref().is_some_and(|result| {
                    audience.leaves_the_node() || today < result.archived_from
                });
            is_published && is_open && is_in_time
        }
        _ => true,
    }
}

/// Evidence that `audience` sees, where the choice for evidence is `chosen`.
pub(crate) fn evidence_shown(
    chosen: Visibility,
    audience: Audience,
) -> impl Iterator<Item = (&'static str, bool)> {
    EVIDENCE
        .into_iter()
        .map(move |(title, own)| (title, own.max(chosen) <= audience.sees()))
}
