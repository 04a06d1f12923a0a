//! Lines on their way to standard error: the log, and what is said beside it.
//!
//! Whoever reads them may stand still: a pager, a service that collects logs and has no room. A write to a full pipe waits,
//! and with it whoever has something to log, which is everybody. So a thread of its own writes them. What it cannot get rid
//! of is left out, and counted.

use std::io::{self, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Lines that wait at most. One is seldom longer than a few hundred bytes.
const WAITING: usize = 4_096;
/// How long the end of the process waits for those that are left.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks at them.
const LOOK: Duration = Duration::from_millis(2);

/// Where lines are given to; none where there is no thread to be had.
static QUEUE: LazyLock<Option<SyncSender<Vec<u8>>>> = LazyLock::new(start);
/// Lines that were given to the thread, and those that it is done with.
static GIVEN: AtomicU64 = AtomicU64::new(0);
/// See [`GIVEN`].
static DONE: AtomicU64 = AtomicU64::new(0);
/// Lines that found no room since that was last said.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Standard error, for whole lines. Writing never waits and never fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines;

impl Write for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        give(lines.to_vec());
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no health yet that could count, and its end is the process's"
)]
fn start() -> Option<SyncSender<Vec<u8>>> {
    let (queue, lines) = sync_channel(WAITING);
    let thread = std::thread::Builder::new().name("log".into());
    thread.spawn(move || write_all(&lines)).ok()?;
    Some(queue)
}

fn give(lines: Vec<u8>) {
    let Some(queue) = &*QUEUE else {
        return write(&lines);
    };
    GIVEN.fetch_add(1, Ordering::SeqCst);
    match queue.try_send(lines) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => {
            DONE.fetch_add(1, Ordering::SeqCst);
            LEFT_OUT.fetch_add(1, Ordering::SeqCst);
        }
        // The thread has panicked.
        Err(TrySendError::Disconnected(lines)) => {
            DONE.fetch_add(1, Ordering::SeqCst);
            write(&lines);
        }
    }
}

fn write_all(lines: &Receiver<Vec<u8>>) {
    for line in lines {
        write(&line);
        DONE.fetch_add(1, Ordering::SeqCst);
        let left_out = LEFT_OUT.swap(0, Ordering::SeqCst);
        if left_out > 0 {
            let said = format!("{left_out} lines were left out: standard error took none\n");
            write(said.as_bytes());
        }
    }
}

/// A reader that has gone away, or has no room, is nothing that could be told anybody.
fn write(lines: &[u8]) {
    let _ = io::stderr().lock().write_all(lines);
}

/// Waits for a moment until all that was given is written.
pub(crate) fn finish() {
    let begun = Instant::now();
    while DONE.load(Ordering::SeqCst) < GIVEN.load(Ordering::SeqCst) && begun.elapsed() < PATIENCE {
        std::thread::sleep(LOOK);
    }
}
