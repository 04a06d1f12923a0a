//! Measures the release server against fixed answers of the same web framework and against raw inserts.
//!
//! `cargo xtask bench` builds both and runs this with a PostgreSQL beside it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command for the terminal, no part of the product"
)]

mod federation;
mod load;
mod product;
mod quality;
mod queries;
mod raw;
mod reads;
mod report;
mod server;
mod writes;
mod yardstick;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use lotse_bench::{entries, words};

#[derive(Parser)]
#[command(about = "Measurements of Lotse")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure everything and print the tables
    Run(Options),
    /// Serve fixed answers (the driver starts this by itself)
    Yardstick {
        #[arg(long)]
        port: u16,
        /// Sizes of the answers in bytes
        #[arg(long, value_delimiter = ',')]
        sizes: Vec<usize>,
    },
    /// Read and parse all rows of an SQLite database (the driver starts this by itself, on the server's core)
    Scan { database: String },
    /// Print entries as JSON lines, as they would be imported
    Entries { count: u32 },
}

/// What to measure.
#[derive(clap::Args)]
struct Options {
    /// How many entries to measure with, separated by commas
    #[arg(long, value_delimiter = ',')]
    entries: Vec<u32>,
    /// The release binary
    #[arg(long)]
    server: PathBuf,
    /// Short rounds: shows that everything works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Only reads, writes, quality or federation
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Reads,
    Writes,
    Quality,
    Federation,
}

impl Options {
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    fn seconds(&self) -> u32 {
        if self.quick { 1 } else { 4 }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Run(options) => run(&options),
        Task::Yardstick { port, sizes } => yardstick::serve(port, &sizes),
        Task::Scan { database } => scan(&database),
        Task::Entries { count } => print_entries(count),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let mut tables = vec![format!("Measured on {}.\n", report::machine())];
    for entries in &options.entries {
        if options.wants(Part::Reads) {
            tables.push(report::table(
                &format!("Reading, {} entries", grouped(*entries)),
                &reads::measure(options, *entries)?,
            ));
        }
    }
    if options.wants(Part::Writes) {
        tables.push(report::table("Writing", &writes::measure(options)?));
    }
    if options.wants(Part::Quality) {
        tables.push(report::table("Quality", &quality::measure(options)?));
    }
    if options.wants(Part::Federation) {
        for entries in &options.entries {
            tables.push(report::table(
                &format!("Federation, {} entries", grouped(*entries)),
                &federation::measure(options, *entries)?,
            ));
        }
    }
    for table in tables {
        println!("{table}");
    }
    Ok(())
}

/// 100000 → 100,000
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn scan(database: &str) -> Result<()> {
    let (time, rows) = raw::scan(database)?;
    println!("{} {rows}", time.as_secs_f64());
    Ok(())
}

fn print_entries(count: u32) -> Result<()> {
    let mut maker = entries::Maker::new(1)?;
    for index in 0..count {
        println!("{}", maker.entry(index));
    }
    Ok(())
}
