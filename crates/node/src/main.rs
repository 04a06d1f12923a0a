//! `lotse`: a node of the federated directory. Configuration, commands, wiring and background tasks; nothing is decided
//! here.

mod cli;
mod commands;
mod config;
mod console;
mod demo;
mod failure;
mod follow;
mod keys;
mod node;
mod serve;
mod upkeep;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => {
            console::error(&failure);
            ExitCode::FAILURE
        }
    }
}
