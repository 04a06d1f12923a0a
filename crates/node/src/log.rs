//! The log: what is written, in which form, and how many lines of one kind at most.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::config::{Config, LogFormat};
use crate::console;
use crate::failure::Failure;

/// Lines that one place in this software writes between two summaries. A partner who writes as often as it may writes
/// half as many.
const LINES: u64 = 600;
/// Lines that one place in other software writes: what goes wrong with connections, most of it.
const LINES_OF_OTHERS: u64 = 10;

/// The bound on the lines of this process, whose log is one.
static BOUND: LazyLock<Bound> = LazyLock::new(Bound::default);

/// Starts logging.
#[expect(
    clippy::disallowed_methods,
    reason = "the log goes to standard error, beside what the console says there"
)]
pub(crate) fn start(config: &Config) -> Result<(), Failure> {
    let filter: EnvFilter = config
        .log
        .parse()
        .map_err(|error| Failure::new(format!("log: {error}")))?;
    let lines = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(|| console::Lines)
        .log_internal_errors(false);
    let registry = tracing_subscriber::registry().with(filter);
    match config.log_format {
        LogFormat::Text => registry.with(lines.with_filter(BOUND.clone())).init(),
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true).with_filter(BOUND.clone()))
            .init(),
    }
    Ok(())
}

/// Says how many lines were left out since it was asked last.
pub(crate) fn tell() {
    BOUND.tell();
}

/// A bound on the lines that each place in the program writes between two summaries, whoever causes them. What is logged
/// for looking for a fault (`debug` and `trace`) is not bounded: an operator switches it on and off.
#[derive(Debug, Clone, Default)]
struct Bound(Arc<Mutex<HashMap<Identifier, Place>>>);

#[derive(Debug)]
struct Place {
    metadata: &'static Metadata<'static>,
    lines: u64,
}

impl Place {
    fn most(&self) -> u64 {
        let own = self.metadata.target().starts_with("lotse");
        if own { LINES } else { LINES_OF_OTHERS }
    }
}

impl Bound {
    fn passes(&self, metadata: &'static Metadata<'static>) -> bool {
        if *metadata.level() > Level::INFO {
            return true;
        }
        let mut places = self.0.lock();
        let place = places
            .entry(metadata.callsite())
            .or_insert(Place { metadata, lines: 0 });
        place.lines += 1;
        place.lines <= place.most()
    }

    /// Says how many lines were left out of which place, and begins anew.
    fn tell(&self) {
        let places = std::mem::take(&mut *self.0.lock());
        for place in places.into_values() {
            let left_out = place.lines.saturating_sub(place.most());
            if left_out > 0 {
                tracing::warn!(
                    from = place.metadata.target(),
                    line = place.metadata.line(),
                    left_out,
                    "log lines were left out"
                );
            }
        }
    }
}

impl<S: Subscriber> Filter<S> for Bound {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.passes(event.metadata())
    }
}
