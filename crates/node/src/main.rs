//! `lotse`: a node of the federated directory. Configuration, commands, wiring and background tasks; nothing is decided
//! here.

mod belonging;
mod cli;
mod clock;
mod commands;
mod config;
mod console;
mod demo;
mod descriptors;
mod ending;
mod erasing;
mod failure;
mod follow;
mod gauges;
mod keys;
mod log;
mod node;
mod places;
mod quality;
mod readiness;
mod refill;
mod serve;
mod signals;
mod sources;
mod upkeep;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: allocator::MiMalloc = allocator::MiMalloc;

fn main() -> ExitCode {
    // First of all: a container stops what has just started, too.
    if let Err(failure) = descriptors::enough().and_then(|()| signals::watch()) {
        return console::end(Err(failure));
    }
    signals::leave_no_image();
    allocator::give_back_soon();
    // Whatever this process writes is its user's alone: database, keys, index, archives, exports.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let done = match cli::Cli::try_parse() {
        Ok(cli) => commands::run(cli),
        Err(asked) => Ok(console::explain(&asked)),
    };
    console::end(done)
}
