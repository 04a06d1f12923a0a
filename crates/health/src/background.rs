//! Work in the background: the one place where tasks and threads are started that nobody waits for.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Health;

/// Time until work that has failed is tried again; it doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such time. Work that ran for longer than this begins with the first again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How soon a thread that pauses notices that it is to end.
const NOTICE: Duration = Duration::from_millis(50);

/// What work panicked with, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(String);

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a panic: {}", self.0)
    }
}

impl std::error::Error for Panicked {}

impl From<Box<dyn Any + Send>> for Panicked {
    fn from(payload: Box<dyn Any + Send>) -> Self {
        let words = payload
            .downcast_ref::<&str>()
            .map(|words| (*words).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Self(words.unwrap_or_else(|| "without words".to_owned()))
    }
}

/// What `work` gives, or what it panicked with. What it was about to change must be of no use to anybody afterwards.
///
/// # Errors
/// [`Panicked`].
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(Panicked::from)
}

/// The same for work that is awaited.
///
/// # Errors
/// [`Panicked`].
pub async fn caught_async<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(Panicked::from)
}

/// What a thread does after a round of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another round.
    Again,
    /// It ends.
    End,
}

impl Health {
    /// Runs `work` as a task until it ends or `stop` is given. Where it panics, that is told and counted, and it is begun
    /// again after a pause.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are started that nobody waits for"
    )]
    pub fn spawn<W: Future<Output = ()> + Send + 'static>(
        &self,
        name: &'static str,
        stop: CancellationToken,
        mut work: impl FnMut() -> W + Send + 'static,
    ) -> JoinHandle<()> {
        self.known(name);
        let health = self.clone();
        tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                let begun = Instant::now();
                let Err(why) = caught_async(async { work().await }).await else {
                    return;
                };
                health.background_failed(name, why);
                pause = next_pause(pause, begun);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled() => return,
                }
            }
        })
    }

    /// Runs `round` in a thread of its own again and again until it says that it ends. Where it panics, that is told and
    /// counted, and it is called again after a pause, unless `is_over` by then.
    ///
    /// # Errors
    /// Where no thread is to be had.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where threads are started that nobody waits for"
    )]
    pub fn spawn_thread(
        &self,
        name: &'static str,
        is_over: impl Fn() -> bool + Send + 'static,
        mut round: impl FnMut() -> Next + Send + 'static,
    ) -> std::io::Result<thread::JoinHandle<()>> {
        self.known(name);
        let health = self.clone();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut pause = FIRST_PAUSE;
            let mut begun = Instant::now();
            loop {
                match caught(&mut round) {
                    Ok(Next::Again) => {}
                    Ok(Next::End) => return,
                    Err(why) => {
                        health.background_failed(name, why);
                        pause = next_pause(pause, begun);
                        let until = Instant::now() + pause;
                        while Instant::now() < until && !is_over() {
                            thread::sleep(NOTICE);
                        }
                        begun = Instant::now();
                    }
                }
            }
        })
    }
}

/// The pause after work that began then, and waited so long the last time.
fn next_pause(last: Duration, begun: Instant) -> Duration {
    if begun.elapsed() > LONGEST_PAUSE {
        return FIRST_PAUSE;
    }
    (last * 2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Panics in its first two rounds.
    #[expect(clippy::panic, reason = "that is what is tried")]
    fn fails_twice(rounds: &AtomicUsize) {
        if rounds.fetch_add(1, Ordering::Relaxed) < 2 {
            panic!("on purpose");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_told_of_counted_and_begun_again() {
        let (health, rounds) = (Health::unwatched(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&rounds);
        let task = health.spawn("test", CancellationToken::new(), move || {
            let rounds = Arc::clone(&counted);
            async move { fails_twice(&rounds) }
        });
        assert!(task.await.is_ok());
        assert_eq!(rounds.load(Ordering::Relaxed), 3);
        assert_eq!(health.background_failures().get("test"), Some(&2));
    }

    #[test]
    fn a_thread_that_panics_is_told_of_counted_and_goes_on() {
        let (health, rounds) = (Health::unwatched(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&rounds);
        let thread = health.spawn_thread(
            "test",
            || true,
            move || {
                fails_twice(&counted);
                Next::End
            },
        );
        assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
        assert_eq!(health.background_failures().get("test"), Some(&2));
    }
}
