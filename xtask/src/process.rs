//! Running other programs so that none is left behind.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, AtomicI32, Ordering},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// The process group of the program that runs in the foreground; 0 while there is none.
static FOREGROUND: AtomicI32 = AtomicI32::new(0);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Passes Ctrl-C, termination and hang-up on to the program in the foreground, and lets this process live on, so that
/// everything it has started is stopped on the way out. A second signal kills the program.
pub(crate) fn watch_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch signals")?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            let again = INTERRUPTED.swap(true, Ordering::SeqCst);
            let signal = if again { Signal::KILL } else { Signal::TERM };
            if let Some(group) = Pid::from_raw(FOREGROUND.load(Ordering::SeqCst)) {
                // The group may just have ended by itself.
                let _ = kill_process_group(group, signal);
            }
        }
    });
    Ok(())
}

/// Whether a signal has asked this command to stop.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Runs a program to its end with its output going to ours.
///
/// # Errors
/// When it cannot be started, fails, or this command was interrupted.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = finish(start(command, &shown)?, &shown)?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a program to its end and returns what it wrote to standard output. Its errors go to ours.
///
/// # Errors
/// As [`run`], and when the output is not UTF-8.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let mut child = start(command.stdout(Stdio::piped()), &shown)?;
    let mut text = String::new();
    let read = child
        .stdout
        .take()
        .map(|mut pipe| std::io::Read::read_to_string(&mut pipe, &mut text));
    let status = finish(child, &shown)?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    read.transpose()
        .with_context(|| format!("cannot read the output of `{shown}`"))?;
    Ok(text)
}

/// Runs a program in a step with a heading and the time it took.
///
/// # Errors
/// As the step itself, with its name.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n== {name}");
    let begun = Instant::now();
    work().with_context(|| format!("step \"{name}\""))?;
    println!(
        "== {name}: passed in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The cargo that runs us, in the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The root of the repository.
pub(crate) fn root() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn start(command: &mut Command, shown: &str) -> Result<Child> {
    if interrupted() {
        bail!("interrupted");
    }
    let child = command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    FOREGROUND.store(Pid::from_child(&child).as_raw_pid(), Ordering::SeqCst);
    Ok(child)
}

fn finish(mut child: Child, shown: &str) -> Result<ExitStatus> {
    let status = child.wait();
    FOREGROUND.store(0, Ordering::SeqCst);
    if interrupted() {
        bail!("interrupted during `{shown}`");
    }
    status.with_context(|| format!("cannot wait for `{shown}`"))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
