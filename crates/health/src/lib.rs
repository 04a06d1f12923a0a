//! How each part of a process stands, and background work that outlives its own failures.
//!
//! Each part is reported on by one place: [`Health::ok`] and [`Health::failing`]. Readiness and metrics are told from
//! here, so that nobody who asks for them makes the process do anything. Whatever runs in the background is started by
//! [`Health::spawn`] or [`Health::spawn_thread`]: a panic in it is logged, counted and followed by another attempt.

mod background;
mod part;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

pub use background::{Next, Panicked, caught, caught_async};
pub use part::{Ability, Part, State, Status};

/// How each part of this process stands. Cloning shares it.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    now: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    parts: Mutex<[State; Part::ALL.len()]>,
    /// Panics of background work, by its name.
    failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

impl Health {
    /// All parts in order; `now` tells the time.
    #[must_use]
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        let state = State {
            status: Status::Ok,
            since: now(),
            words: "",
        };
        Self(Arc::new(Inner {
            now: Box::new(now),
            parts: Mutex::new([state; Part::ALL.len()]),
            failures: Mutex::default(),
        }))
    }

    /// For a process that nobody asks, such as a command at the console: times are those of the epoch.
    #[must_use]
    pub fn unwatched() -> Self {
        Self::new(DateTime::<Utc>::default)
    }

    /// The part works. Says so in the log where it did not before.
    pub fn ok(&self, part: Part) {
        let before = self.set(part, Status::Ok, "");
        if before.status == Status::Failing {
            tracing::info!(part = part.name(), since = %before.since, "works again");
        }
    }

    /// The part does not work yet, and will by itself. `words` are public.
    pub fn starting(&self, part: Part, words: &'static str) {
        let _ = self.set(part, Status::Starting, words);
    }

    /// The part does not work. `words` are public: no paths, no words of libraries. `cause` is for the log, which has it
    /// once for as long as `words` stay the same.
    pub fn failing(&self, part: Part, words: &'static str, cause: impl std::fmt::Display) {
        let before = self.set(part, Status::Failing, words);
        if before.status != Status::Failing || before.words != words {
            tracing::error!(part = part.name(), %cause, "{words}");
        }
    }

    /// How a part stands.
    #[must_use]
    pub fn state(&self, part: Part) -> State {
        self.0.parts.lock()[part as usize]
    }

    /// How all parts stand.
    #[must_use]
    pub fn all(&self) -> [(Part, State); Part::ALL.len()] {
        let parts = *self.0.parts.lock();
        Part::ALL.map(|part| (part, parts[part as usize]))
    }

    /// Whether the process can do this: all parts that it takes work.
    #[must_use]
    pub fn can(&self, ability: Ability) -> bool {
        self.status(ability) == Status::Ok
    }

    /// How the process stands to this: as the worst of the parts that it takes.
    #[must_use]
    pub fn status(&self, ability: Ability) -> Status {
        let parts = self.0.parts.lock();
        let takes = ability
            .takes()
            .iter()
            .map(|part| parts[*part as usize].status);
        takes.max().unwrap_or(Status::Ok)
    }

    /// How often background work has failed and was started again, by its name.
    #[must_use]
    pub fn background_failures(&self) -> BTreeMap<&'static str, u64> {
        self.0.failures.lock().clone()
    }

    /// Tells and counts that background work has failed. `cause` is for the log.
    pub fn background_failed(&self, name: &'static str, cause: impl std::fmt::Display) {
        *self.0.failures.lock().entry(name).or_default() += 1;
        tracing::error!(task = name, %cause, "background work has failed; it goes on");
    }

    /// So that the count of work is told from 0 on.
    fn known(&self, name: &'static str) {
        self.0.failures.lock().entry(name).or_default();
    }

    fn set(&self, part: Part, status: Status, words: &'static str) -> State {
        let now = (self.0.now)();
        let mut parts = self.0.parts.lock();
        let state = &mut parts[part as usize];
        let before = *state;
        if before.status != status {
            state.since = now;
        }
        state.status = status;
        state.words = words;
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ability_is_there_while_all_parts_that_it_takes_work() {
        let health = Health::unwatched();
        assert!(Ability::ALL.iter().all(|ability| health.can(*ability)));
        health.failing(Part::Disk, "nothing can be written", "no space");
        assert!(!health.can(Ability::Writing) && health.can(Ability::Reading));
        health.starting(Part::Text, "it is built anew");
        assert_eq!(health.status(Ability::Text), Status::Starting);
        health.ok(Part::Disk);
        health.ok(Part::Text);
        assert!(Ability::ALL.iter().all(|ability| health.can(*ability)));
    }

    #[test]
    fn since_tells_when_it_began_however_often_it_is_reported() {
        let seconds = Arc::new(std::sync::atomic::AtomicI64::new(0));
        let clock = Arc::clone(&seconds);
        let health = Health::new(move || {
            let now = clock.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            DateTime::from_timestamp(now, 0).unwrap_or_default()
        });
        health.failing(Part::Journal, "it is gone", "");
        let since = health.state(Part::Journal).since;
        health.failing(Part::Journal, "it is gone", "");
        assert_eq!(health.state(Part::Journal).since, since);
        health.ok(Part::Journal);
        assert!(health.state(Part::Journal).since > since);
    }
}
