//! `cargo xtask`: what a developer does with the repository besides building it.
//!
//! It is also what continuous integration runs, so that there is one answer to "do all checks pass?".
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command for the terminal, no part of the product"
)]

mod attack;
mod bench;
mod checks;
mod documents;
mod fuzz;
mod licences;
mod packages;
mod postgres;
mod process;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Checks, tests and measurements of Lotse"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check and every test, on SQLite and on a PostgreSQL of its own
    Test(test::Options),
    /// Start a throwaway PostgreSQL, run a command with LOTSE_TEST_POSTGRES set, stop the server
    Postgres(postgres::Options),
    /// Check the licences of all dependencies against deny.toml
    Licences,
    /// Measure the release server against fixed answers and raw inserts
    Bench(bench::Options),
    /// Attack the release server, and measure what honest readers feel of it
    Attack(attack::Options),
    /// Feed every parser with anything, each for a while
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    let done = process::watch_signals().and_then(|()| match task {
        Task::Test(options) => test::run(&options),
        Task::Postgres(options) => postgres::run(&options),
        Task::Licences => licences::check(),
        Task::Bench(options) => bench::run(&options),
        Task::Attack(options) => attack::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure:#}");
            ExitCode::FAILURE
        }
    }
}
