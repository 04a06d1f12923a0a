//! What the node does about assessments by itself: takes in verdicts of peers, says when results have run out, keeps the
//! distributions. What may be done, the domain decides; whoever comes second does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::kinds::{AssessmentReview, AssessmentReviewState, AssessmentState, SelfAssessment};
use domain::quality::{
    Act, ArrivedVerdict, Contribution, PeerViews, Renewal, Rule, newest_per_organisation, renew,
};
use domain::{Actor, Command, Content, Entry, EntryId, Kind, Precondition};
use search::{Facet, Index, Query, Viewer};
use storage::{Invitation, Storage, StorageError};
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// How often what falls due by the day is looked at.
const EVERY: Duration = Duration::from_secs(600);
/// How long verdicts are gathered: an arrival is looked at no later than this.
const VERDICTS: Duration = Duration::from_millis(500);

/// Does its work until it is told to stop.
pub(crate) fn start(node: &Node, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
    let work = Work {
        origin: node.origin.clone(),
        storage: node.storage.clone(),
        index: node.index.clone(),
        distributions: node.distributions.clone(),
        clock: node.clock.clone(),
    };
    tokio::spawn(async move {
        let mut seen = -1;
        let mut daily = tokio::time::interval(EVERY);
        daily.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = daily.tick() => work.by_the_day().await,
                () = tokio::time::sleep(VERDICTS) => {
                    let arrival = work.index.arrival();
                    // What the database could not tell is asked again.
                    if arrival != seen && work.verdicts().await {
                        seen = arrival;
                    }
                }
            }
        }
    })
}

struct Work {
    origin: domain::Origin,
    storage: Storage,
    index: Index,
    distributions: api::Distributions,
    clock: http::Clock,
}

impl Work {
    /// All entries of a kind, as the index has them.
    fn all(&self, kind: Kind, narrow: impl FnOnce(Query) -> Query) -> Vec<Entry> {
        let query = narrow(Query::default().filter(Facet::Kind, [kind.as_str()]));
        let found = self.index.snapshot().export(&query, &Viewer::Coordinator);
        let Ok(found) = found else {
            return Vec::new();
        };
        found
            .filter_map(|hit| Entry::from_json(std::str::from_utf8(&hit.json).ok()?).ok())
            .collect()
    }

    async fn act(&self, id: EntryId, act: Act) -> Result<(), StorageError> {
        let command = Command::Assess {
            id,
            act: Box::new(act),
            expected: Precondition::None,
        };
        let (actor, now) = (Actor::system(), self.clock.now());
        let directory = &self.storage.directory;
        directory.apply(&actor, command, None, now).await.map(drop)
    }

    /// Looks whether an answer to an invitation has come. `false` where the database was away, so that it has to look again.
    async fn verdicts(&self) -> bool {
        let waiting = match self.storage.invitations.waiting().await {
            Ok(waiting) => waiting,
            Err(error) => {
                report("invitations cannot be read", &error);
                return false;
            }
        };
        let mut is_done = true;
        for invitation in waiting {
            let Some(verdict) = self.answer_to(&invitation) else {
                continue;
            };
            let review = verdict.review.clone();
            match self.act(invitation.assessment, Act::Verdict(verdict)).await {
                Ok(()) => {
                    let now = self.clock.now();
                    if let Err(error) = self.storage.invitations.close(&invitation.token, now).await
                    {
                        report("an invitation stays open", &error);
                        is_done = false;
                    }
                }
                Err(StorageError::Refused(refused)) => tracing::debug!(
                    assessment = %invitation.assessment,
                    review,
                    code = refused.reason.as_str(),
                    "a verdict is not taken in"
                ),
                Err(error) => {
                    report("a verdict has to wait", &error);
                    is_done = false;
                }
            }
        }
        is_done
    }

    /// The verdict about the submission of an invitation, if it has come. The newest counts.
    fn answer_to(&self, invitation: &Invitation) -> Option<ArrivedVerdict> {
        let reviews = self.all(Kind::AssessmentReview, |query| {
            query.filter(Facet::Owner, [invitation.reviewer.clone()])
        });
        let assessment = self.origin.uri(invitation.assessment);
        let is_answer = |entry: &Entry, review: &AssessmentReview| {
            review.state == AssessmentReviewState::Given
                && review.assessment.uri(&entry.origin) == assessment
                && review.submission.as_deref() == Some(invitation.submission.as_str())
        };
        let (entry, review) = reviews
            .into_iter()
            .filter_map(|entry| match entry.content.clone() {
                Content::AssessmentReview(review) if is_answer(&entry, &review) => {
                    Some((entry, review))
                }
                _ => None,
            })
            .max_by_key(|(entry, _)| (entry.modified, entry.id))?;
        // What was left with the invitation; of a review at this node, what it says itself.
        let left = invitation.views.as_deref();
        let left: Option<PeerViews> = left.and_then(|views| serde_json::from_str(views).ok());
        let views = left.unwrap_or(PeerViews {
            reason: review.reason,
            criteria: review.criteria,
        });
        Some(ArrivedVerdict {
            reviewer: entry.origin.uri(entry.owner),
            review: entry.uri(),
            verdict: review.verdict?,
            about: review.submission?,
            reason: views.reason,
            criteria: views.criteria,
        })
    }

    /// What falls due by the day.
    async fn by_the_day(&self) {
        let now = self.clock.now();
        let own = self.origin.as_str().to_owned();
        let assessments = self.all(Kind::SelfAssessment, |query| {
            query.filter(Facet::Origin, [own])
        });
        for (entry, act) in due(&assessments, now) {
            match self.act(entry, act).await {
                Ok(()) => tracing::info!(assessment = %entry, "what was due is done"),
                // Another process was first.
                Err(StorageError::Refused(_)) => {}
                Err(error) => return report("what is due has to wait", &error),
            }
        }
        if let Err(error) = self.distribute(now).await {
            report("distributions have to wait", &error);
        }
    }

    /// Makes distributions anew where enough has changed, and hands over those that are published.
    async fn distribute(&self, now: DateTime<Utc>) -> Result<(), StorageError> {
        let own = self.origin.as_str().to_owned();
        let standards = self.all(Kind::QualityStandard, |query| {
            query.filter(Facet::Origin, [own])
        });
        let assessments = self.all(Kind::SelfAssessment, |query| query);
        for entry in &standards {
            let Content::QualityStandard(standard) = &entry.content else {
                continue;
            };
            let Ok(rule) = Rule::compile(standard) else {
                continue;
            };
            let current = contributions(&rule, &assessments, now);
            let renewal = move |last: Option<&domain::quality::Snapshot>| match renew(
                last,
                &rule,
                &current,
                now.date_naive(),
            ) {
                Renewal::Publish(snapshot) => Some(*snapshot),
                Renewal::Keep => None,
            };
            let renewal = std::sync::Arc::new(renewal);
            let renewal = move |last: Option<&domain::quality::Snapshot>| renewal(last);
            self.storage
                .distributions
                .renew(entry.id, now, renewal)
                .await?;
        }
        let there: BTreeSet<EntryId> = standards.iter().map(|entry| entry.id).collect();
        let published = self.storage.distributions.all().await?;
        let published = published
            .into_iter()
            .filter(|(standard, _)| there.contains(standard))
            .map(|(standard, snapshot)| (standard, snapshot.distribution));
        self.distributions.set(published);
        tracing::debug!("distributions are made");
        Ok(())
    }
}

/// What organisations add to the distribution of a standard: their newest results by this version that are out.
fn contributions(rule: &Rule, assessments: &[Entry], now: DateTime<Utc>) -> Vec<Contribution> {
    let version = rule.version().to_string();
    let today = now.date_naive();
    newest_per_organisation(assessments.iter().filter_map(|entry| {
        let it = published(entry)?;
        let result = it.record.result.as_ref()?;
        let counts = result.standard_code == rule.code()
            && result.standard_version == version
            && today < result.valid_until;
        counts.then(|| Contribution::new(entry.origin.uri(entry.owner), result, &it.answers))
    }))
}

fn published(entry: &Entry) -> Option<&SelfAssessment> {
    match &entry.content {
        Content::SelfAssessment(it) if it.state == AssessmentState::Published => Some(it),
        _ => None,
    }
}

/// What is to be done on this day, by assessment: results that have run out, expired ones that are only history by now, and
/// those in whose place a newer one is.
fn due(assessments: &[Entry], now: DateTime<Utc>) -> Vec<(EntryId, Act)> {
    let today = now.date_naive();
    let mut newest: BTreeMap<_, (DateTime<Utc>, EntryId)> = BTreeMap::new();
    for entry in assessments {
        let Some((key, at)) = published(entry).and_then(|it| Some((round_of(it)?, out_since(it)?)))
        else {
            continue;
        };
        let slot = newest.entry(key).or_insert((at, entry.id));
        *slot = (*slot).max((at, entry.id));
    }
    let act = |entry: &Entry| {
        let Content::SelfAssessment(it) = &entry.content else {
            return None;
        };
        let result = it.record.result.as_ref()?;
        match it.state {
            AssessmentState::Published => {
                let newer = newest.get(&round_of(it)?).map(|(_, id)| *id);
                match newer.filter(|newer| *newer != entry.id) {
                    Some(by) => Some(Act::Supersede { by }),
                    None => (result.valid_until <= today).then_some(Act::Expire),
                }
            }
            AssessmentState::Expired => (result.archived_from <= today
                && it.record.publication.is_some())
            .then_some(Act::Archive),
            _ => None,
        }
    };
    assessments
        .iter()
        .filter_map(|entry| Some((entry.id, act(entry)?)))
        .collect()
}

/// What rounds of assessment have in common: the subject and the standard.
fn round_of(it: &SelfAssessment) -> Option<(String, String)> {
    let code = it.record.result.as_ref()?.standard_code.clone();
    Some((it.subject.to_string(), code))
}

/// When a result came out.
fn out_since(it: &SelfAssessment) -> Option<DateTime<Utc>> {
    let events = it.record.history.iter();
    events
        .filter(|event| event.to == AssessmentState::Published)
        .map(|event| event.at)
        .max()
}

fn report(what: &str, error: &StorageError) {
    tracing::warn!(code = error.code(), cause = error.log(), "{what}");
}
