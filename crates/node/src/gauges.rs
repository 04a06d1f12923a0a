//! Metrics of how each part stands and how far behind it is: an operator need not read the log to know.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use health::{Ability, Health, Status};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::watch::Lag;

/// Tells metrics from what the process knows already; asking costs no query.
pub(crate) struct Gauges {
    pub(crate) health: Health,
    pub(crate) lag: Arc<Lag>,
    pub(crate) index: search::Index,
    pub(crate) federation: federation::Federation,
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gauges")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabel {
    part: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AbilityLabel {
    ability: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabel {
    task: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// One gauge with a value for each of some labels.
fn gauges<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (L, i64)>,
) -> fmt::Result {
    let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        ConstGauge::new(value).encode(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(encoder)
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.standing(&mut encoder)?;
        self.behind(&mut encoder)?;
        self.peers(&mut encoder)
    }
}

impl Gauges {
    fn standing(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.health.all();
        let is_ok = |status: Status| i64::from(status == Status::Ok);
        let up = all.map(|(part, state)| (PartLabel { part: part.name() }, is_ok(state.status)));
        gauges(encoder, "part_up", "Whether a part works", up)?;
        let since =
            all.map(|(part, state)| (PartLabel { part: part.name() }, state.since.timestamp()));
        gauges(
            encoder,
            "part_since_seconds",
            "When a part began to work or to fail, in seconds since 1970",
            since,
        )?;
        let ready = Ability::ALL.map(|ability| {
            let label = AbilityLabel {
                ability: ability.name(),
            };
            (label, i64::from(self.health.can(ability)))
        });
        gauges(encoder, "ready", "What the node can do", ready)?;
        let mut failures = encoder.encode_descriptor(
            "background_failures",
            "Panics of background work, which was begun again",
            None,
            MetricType::Counter,
        )?;
        for (task, count) in self.health.background_failures() {
            let label = TaskLabel { task };
            ConstCounter::new(count).encode(failures.encode_family(&label)?)?;
        }
        gauge(
            encoder,
            "disk_free_bytes",
            "Free bytes where the data folder lies",
            self.lag.free.load(Ordering::Relaxed),
        )
    }

    fn behind(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let columns = self.index.arrival();
        let head = self.lag.head.load(Ordering::Relaxed).max(columns);
        let behind = |through: i64| head.saturating_sub(through.max(0)).max(0);
        gauge(
            encoder,
            "arrival",
            "The last number of the order of changes",
            head,
        )?;
        let rows = [
            ("index", columns),
            ("text", self.index.text_arrival()),
            ("publishing", self.federation.looked_through()),
        ];
        gauges(
            encoder,
            "behind_changes",
            "Changes that a part has not taken in yet",
            rows.map(|(part, through)| (PartLabel { part }, behind(through))),
        )
    }

    fn peers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let peers = *self.lag.peers.lock();
        let states = [
            ("following", peers.following),
            ("failing", peers.failing),
            ("frozen", peers.frozen),
            ("paused", peers.paused),
            ("waiting", peers.waiting),
            ("rejected", peers.rejected),
        ];
        gauges(
            encoder,
            "peers",
            "Nodes that this one follows or wants to follow, by how it goes",
            states.map(|(state, count)| (StateLabel { state }, count)),
        )?;
        gauge(
            encoder,
            "peers_behind_seconds",
            "Seconds since the last success with the peer that was away for the longest",
            peers.oldest_seconds,
        )
    }
}
