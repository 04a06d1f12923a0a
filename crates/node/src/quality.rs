//! What the node does about assessments by itself: takes in verdicts of peers, says when results have run out, keeps the
//! distributions. What may be done, the domain decides; whoever comes second does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::State;
use chrono::NaiveDate;
use domain::kinds::{AssessmentReview, AssessmentReviewState};
use domain::quality::{
    Act, ArrivedVerdict, Contribution, PeerViews, Renewal, Rule, Snapshot, due,
    newest_per_organisation, renew,
};
use domain::{Actor, Command, Content, Entry, EntryId, Kind, Precondition};
use health::Health;
use search::{Facet, Query};
use storage::{Invitation, StorageError};
use tokio_util::sync::CancellationToken;

/// How often what falls due by the day is looked at.
const EVERY: Duration = Duration::from_secs(600);
/// How long verdicts are gathered: an arrival is looked at no later than this.
const VERDICTS: Duration = Duration::from_millis(500);

/// Does its work until it is told to stop.
pub(crate) fn start(
    state: State,
    health: &Health,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let halt = stop.clone();
    health.spawn("quality", stop, move || {
        let work = Work {
            state: state.clone(),
            refused: BTreeMap::new(),
        };
        work.run(halt.clone())
    })
}

struct Work {
    state: State,
    /// Verdicts that do not count, by their invitations: each is asked about once, not at every change of anything.
    refused: BTreeMap<String, ArrivedVerdict>,
}

impl Work {
    async fn run(mut self, stop: CancellationToken) {
        let mut seen = -1;
        let mut daily = tokio::time::interval(EVERY);
        daily.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = daily.tick() => {
                    self.by_the_day().await;
                    // What was in the way of a verdict may be gone, and no arrival tells.
                    self.refused.clear();
                    seen = -1;
                }
                () = tokio::time::sleep(VERDICTS) => {
                    let arrival = self.state.index.arrival();
                    // What the database could not tell is asked again.
                    if arrival != seen && self.verdicts().await {
                        seen = arrival;
                    }
                }
            }
        }
    }

    /// All entries of a kind, as the index has them.
    fn all(&self, kind: Kind, narrow: impl FnOnce(Query) -> Query) -> Vec<Entry> {
        let query = narrow(Query::default().filter(Facet::Kind, [kind.as_str()]));
        self.state.index.snapshot().entries(&query).collect()
    }

    async fn act(&self, id: EntryId, act: Act) -> Result<(), StorageError> {
        let command = Command::Assess {
            id,
            act: Box::new(act),
            expected: Precondition::None,
        };
        let (actor, now) = (Actor::system(), self.state.clock.now());
        let directory = self.state.directory();
        directory.apply(&actor, command, None, now).await.map(drop)
    }

    /// Looks whether an answer to an invitation has come. `false` where the database was away, so that it has to look again.
    async fn verdicts(&mut self) -> bool {
        let waiting = match self.state.store.invitations.waiting().await {
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
            if self.refused.get(&invitation.token) == Some(&verdict) {
                continue;
            }
            if let Err(error) = self.take_in(&invitation, verdict).await {
                report("a verdict has to wait", &error);
                is_done = false;
            }
        }
        is_done
    }

    /// Takes in a verdict, unless it does not count.
    async fn take_in(
        &mut self,
        invitation: &Invitation,
        verdict: ArrivedVerdict,
    ) -> Result<(), StorageError> {
        let act = Act::Verdict(verdict.clone());
        match self.act(invitation.assessment, act).await {
            Ok(()) => {
                let now = self.state.clock.now();
                self.state
                    .store
                    .invitations
                    .close(&invitation.token, now)
                    .await
                    .map(drop)
            }
            Err(StorageError::Refused(refused)) => {
                tracing::debug!(
                    assessment = %invitation.assessment,
                    review = verdict.review,
                    code = refused.reason.as_str(),
                    "a verdict is not taken in"
                );
                self.refused.insert(invitation.token.clone(), verdict);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The verdict about the submission of an invitation, if it has come. The newest counts.
    fn answer_to(&self, invitation: &Invitation) -> Option<ArrivedVerdict> {
        let reviews = self.all(Kind::AssessmentReview, |query| {
            query.filter(Facet::Owner, [invitation.reviewer.clone()])
        });
        let assessment = self.state.origin.uri(invitation.assessment);
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
        let now = self.state.clock.now();
        let assessments = self.all(Kind::SelfAssessment, |query| query);
        let ours = |entry: &&Entry| entry.origin == self.state.origin;
        for (entry, act) in due(assessments.iter().filter(ours), now.date_naive()) {
            match self.act(entry, act).await {
                Ok(()) => tracing::info!(assessment = %entry, "what was due is done"),
                // Another process was first.
                Err(StorageError::Refused(_)) => {}
                Err(error) => return report("what is due has to wait", &error),
            }
        }
        if let Err(error) = self.distribute(&assessments).await {
            report("distributions have to wait", &error);
        }
    }

    /// Makes distributions anew where enough has changed, and hands over those that are published.
    async fn distribute(&self, assessments: &[Entry]) -> Result<(), StorageError> {
        let now = self.state.clock.now();
        let own = self.state.origin.as_str().to_owned();
        let standards = self.all(Kind::QualityStandard, |query| {
            query.filter(Facet::Origin, [own])
        });
        let distributions = &self.state.store.distributions;
        for entry in &standards {
            if let Some(renewal) = renewal(entry, assessments, now.date_naive()) {
                distributions.renew(entry.id, now, renewal).await?;
            }
        }
        let there: BTreeSet<EntryId> = standards.iter().map(|entry| entry.id).collect();
        let published = distributions.all().await?;
        let published = published
            .into_iter()
            .filter(|(standard, _)| there.contains(standard))
            .map(|(standard, snapshot)| (standard, snapshot.distribution));
        self.state.distributions.set(published);
        tracing::debug!("distributions are made");
        Ok(())
    }
}

/// What says whether the distribution of a standard is made anew over these assessments.
fn renewal(
    standard: &Entry,
    assessments: &[Entry],
    today: NaiveDate,
) -> Option<impl Fn(Option<&Snapshot>) -> Option<Snapshot> + Send + Sync + Clone + use<>> {
    let Content::QualityStandard(standard) = &standard.content else {
        return None;
    };
    let rule = Rule::compile(standard).ok()?;
    let all = assessments
        .iter()
        .filter_map(|entry| Contribution::of(entry, &rule, today));
    let (current, rule) = (Arc::new(newest_per_organisation(all)), Arc::new(rule));
    Some(
        move |last: Option<&Snapshot>| match renew(last, &rule, &current, today) {
            Renewal::Publish(snapshot) => Some(*snapshot),
            Renewal::Keep => None,
        },
    )
}

fn report(what: &str, error: &StorageError) {
    tracing::warn!(code = error.code(), cause = error.log(), "{what}");
}
