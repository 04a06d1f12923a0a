//! The one handler of signals for the whole process, installed before anything else is done: SIGTERM, SIGINT and SIGHUP
//! ask it to end, a second one ends it at once. As process 1 of a container, which has no default actions, too.

use std::io::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio_util::sync::CancellationToken;

use crate::console;
use crate::failure::Failure;

/// Within this after the first signal, another *kind* of signal, or another SIGHUP, belongs to the same wish: a script
/// passes Ctrl-C on to a program that had it from the terminal already, and a terminal that is closed hangs up twice
/// (the kernel to the foreground group, the shell to its jobs).
const SAME_WISH: Duration = Duration::from_millis(100);
/// What a process that was ended by signal `n` leaves as its status: this and `n` (POSIX shell, section 2.8.2).
const STATUS_OF_SIGNALS: i32 = 128;

static ASKED: LazyLock<Asked> = LazyLock::new(|| Asked {
    token: CancellationToken::new(),
    signal: AtomicI32::new(0),
});

/// Whether, and by which signal, this process was asked to end.
struct Asked {
    token: CancellationToken,
    signal: AtomicI32,
}

/// Installs the handler.
///
/// # Errors
/// Where the system refuses it.
#[expect(
    clippy::disallowed_methods,
    reason = "it watches before there is a health that could count, and does no work"
)]
pub(crate) fn watch() -> Result<(), Failure> {
    let refused = |error| Failure::new(format!("signals cannot be watched: {error}"));
    let mut wanted = vec![SIGTERM, SIGINT];
    // `nohup lotse ...` has it ignored, and that is what its user wants.
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let mut signals = Signals::new(wanted).map_err(refused)?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut first: Option<(i32, Instant)> = None;
            for signal in signals.forever() {
                match first {
                    None => {
                        first = Some((signal, Instant::now()));
                        ASKED.signal.store(signal, Ordering::SeqCst);
                        ASKED.token.cancel();
                    }
                    Some((known, since)) => {
                        let other = signal != known || signal == SIGHUP;
                        if !other || since.elapsed() >= SAME_WISH {
                            console::note("ended at once");
                            leave(STATUS_OF_SIGNALS + signal);
                        }
                    }
                }
            }
        })
        .map_err(refused)?;
    Ok(())
}

/// Whether whoever started this process has it ignore a signal (proc(5): `SigIgn`).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Waits until this process is asked to end.
pub(crate) async fn asked_to_end() {
    ASKED.token.cancelled().await;
}

/// Whether it was asked to end, and with which status a command then ends that was not done.
pub(crate) fn unfinished() -> Option<u8> {
    let signal = ASKED.signal.load(Ordering::SeqCst);
    (signal != 0).then(|| u8::try_from(STATUS_OF_SIGNALS + signal).unwrap_or(u8::MAX))
}

/// Ends the process now. What other threads are in the middle of is as a crash would leave it: the database takes its
/// transaction back, the text index goes on from its last commit.
pub(crate) fn leave(status: i32) -> ! {
    let _ = std::io::stdout().lock().flush();
    signal_hook::low_level::exit(status)
}

/// Does work that leaves nothing half done wherever it is broken off. Where the process is asked to end meanwhile, it
/// says what `left` makes of that and leaves, with the status of the signal.
pub(crate) async fn or_leave<T>(left: impl FnOnce() -> String, work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = work => done,
        () = asked_to_end() => {
            console::note(left());
            leave(unfinished().map_or(0, i32::from))
        }
    }
}

/// What is left of a command that still waited for its database.
pub(crate) fn not_begun() -> String {
    "ended before it began: nothing was done".to_owned()
}

/// The same for a node that does not serve yet: to be told to end is no failure of it.
pub(crate) async fn or_leave_well<T>(work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = work => done,
        () = asked_to_end() => {
            console::note("ended before it served");
            leave(0)
        }
    }
}

/// Does work that ends by itself soon after it was asked to; leaves where it does not within `patience`.
pub(crate) async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> T {
    let too_long = async {
        asked_to_end().await;
        tokio::time::sleep(patience).await;
    };
    tokio::select! {
        biased;
        done = work => done,
        () = too_long => {
            console::note(format_args!(
                "this did not end within {} s and is broken off",
                patience.as_secs()
            ));
            leave(unfinished().map_or(0, i32::from))
        }
    }
}
