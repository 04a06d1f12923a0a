//! The one handler of signals for the whole process, installed before anything else is done. As process 1 of a container,
//! which has no default actions, too.
//!
//! | signal | what it does |
//! |---|---|
//! | SIGTERM, SIGINT, SIGHUP | asks the process to end; a second one ends it at once |
//! | SIGPWR (a container is stopped, the power fails), SIGXCPU (`ulimit -t`) | asks it to end, however often they come |
//! | SIGQUIT | ends it at once, without an image of its memory |
//! | SIGXFSZ (`ulimit -f`) | nothing: the write that was cut off is an error, as on a full disk |
//! | SIGPIPE | nothing: a peer that is gone is an error where it is written to |
//! | SIGUSR1, SIGUSR2, SIGALRM and its like, SIGIO, SIGSTKFLT, real-time signals | nothing, which is said once |
//! | SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP | their default: the program is broken; no image of its memory |

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{
    SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;
use tokio_util::sync::CancellationToken;

use crate::console;
use crate::failure::Failure;

/// Within this after the first signal, another *kind* of signal, or another SIGHUP, belongs to the same wish: a script
/// passes Ctrl-C on to a program that had it from the terminal already, and a terminal that is closed hangs up twice
/// (the kernel to the foreground group, the shell to its jobs).
const SAME_WISH: Duration = Duration::from_millis(100);
/// What a process that was ended by signal `n` leaves as its status: this and `n` (POSIX shell, section 2.8.2).
const STATUS_OF_SIGNALS: i32 = 128;
/// The status of a process that writes to a pipe that nobody reads: what SIGPIPE would have made of it.
pub(crate) const CLOSED_PIPE: u8 = 141;
/// The power fails, or what runs a container asks it to stop (signal(7), x86 and ARM).
const SIGPWR: i32 = 30;
/// Of no meaning, but it ends a process by default (signal(7), x86 and ARM).
const SIGSTKFLT: i32 = 16;
/// Real-time signals; the C library keeps the two before them for itself.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// To end in order; a second one, at once.
    End,
    /// To end in order. It comes several times and means nothing else by that.
    EndOnly,
    /// To end at once.
    EndNow,
    /// Nothing: what it tells of shows as an error elsewhere.
    Told,
    /// Nothing that this program knows.
    Unknown,
}

fn meaning(signal: i32) -> Meaning {
    match signal {
        SIGTERM | SIGINT | SIGHUP => Meaning::End,
        SIGPWR | SIGXCPU => Meaning::EndOnly,
        SIGQUIT => Meaning::EndNow,
        SIGXFSZ => Meaning::Told,
        _ => Meaning::Unknown,
    }
}

/// All that end a process by default and that somebody, or a limit, may send to one that is not broken.
fn watched() -> impl Iterator<Item = i32> {
    let unknown = [
        SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGSTKFLT,
    ];
    [SIGTERM, SIGINT, SIGHUP, SIGPWR, SIGXCPU, SIGQUIT, SIGXFSZ]
        .into_iter()
        .chain(unknown)
        .chain(REAL_TIME)
}

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
    // `nohup lotse ...` has SIGHUP ignored, and that is what its user wants. A script has what it starts in the background
    // ignore SIGINT, and may still send it.
    let wanted = watched().filter(|signal| *signal == SIGINT || !is_ignored(*signal));
    let mut signals = Signals::new(wanted).map_err(refused)?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut heard = Heard::default();
            for signal in signals.forever() {
                heard.take(signal);
            }
        })
        .map_err(refused)?;
    Ok(())
}

/// What was heard so far.
#[derive(Default)]
struct Heard {
    /// The first that asked to end.
    first: Option<(i32, Instant)>,
    /// Those that mean nothing, each said once.
    unknown: Vec<i32>,
}

impl Heard {
    fn take(&mut self, signal: i32) {
        let name = signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
        match (meaning(signal), self.first) {
            (Meaning::EndNow, _) => {
                console::note(format_args!("{name}: ended at once"));
                leave(STATUS_OF_SIGNALS + signal);
            }
            (Meaning::End | Meaning::EndOnly, None) => {
                if meaning(signal) == Meaning::EndOnly {
                    console::note(format_args!("{name}: this process ends"));
                }
                self.first = Some((signal, Instant::now()));
                ASKED.signal.store(signal, Ordering::SeqCst);
                ASKED.token.cancel();
            }
            (Meaning::End, Some((known, since))) => {
                let other = signal != known || signal == SIGHUP;
                if !other || since.elapsed() >= SAME_WISH {
                    console::note("ended at once");
                    leave(STATUS_OF_SIGNALS + signal);
                }
            }
            (Meaning::Unknown, _) if !self.unknown.contains(&signal) => {
                self.unknown.push(signal);
                console::note(format_args!(
                    "{name} means nothing to this program: passed over"
                ));
            }
            _ => {}
        }
    }
}

/// Keeps what is in memory, keys and hashes of passwords among it, out of files: from now on the system writes no image of it
/// where the process ends by a fault. Whoever looks for one can raise the limit again (`prlimit --core`).
pub(crate) fn leave_no_image() {
    let maximum = getrlimit(Resource::Core).maximum;
    let none = Rlimit {
        current: Some(0),
        maximum,
    };
    // One may always lower what one has.
    let _ = setrlimit(Resource::Core, none);
}

/// Whether whoever started this process has it ignore a signal (proc(5): `SigIgn`).
fn is_ignored(signal: i32) -> bool {
    let status = files::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
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
    console::finish();
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
