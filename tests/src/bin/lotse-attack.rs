//! Attacks a node and says what honest readers felt of it. `cargo xtask attack` builds the node and runs this.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command for the terminal, no part of the product"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lotse_tests::attack::ground::Ground;
use lotse_tests::attack::report::{Bounds, Row, table};
use lotse_tests::attack::run::{Extent, make};
use lotse_tests::attack::{ALL, Attack};

/// The most that a node may hold at once, in bytes.
const PEAK: u64 = 512_000_000;
/// How long half of an honest reader's questions may take.
const MEDIAN: Duration = Duration::from_millis(100);
/// The most that one attack may add to the log, in bytes.
const LOG: u64 = 512_000;

#[derive(Parser)]
#[command(about = "Attacks on Lotse")]
struct Arguments {
    /// The binary of the node
    #[arg(long)]
    server: PathBuf,
    /// How many entries it holds
    #[arg(long, default_value_t = 100_000)]
    entries: u32,
    /// Seconds of each attack; 0 leaves that out
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Seconds of all together; 0 leaves that out
    #[arg(long, default_value_t = 120)]
    together: u64,
    /// Only these attacks, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = ALL.iter().map(|attack| attack.name).collect::<Vec<_>>())]
    only: Vec<String>,
    /// Milliseconds that each attacking thread rests between two requests
    #[arg(long, default_value_t = 0)]
    pause: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bounds = Bounds {
        peak: PEAK,
        median: Some(MEDIAN),
        log: LOG,
    };
    eprintln!("preparing a node with {} entries", arguments.entries);
    let mut ground = Ground::prepare(Some(&arguments.server), arguments.entries);
    let mut rows = vec![quiet(&mut ground, &arguments)];
    let chosen = chosen(&arguments);
    let one_by_one = chosen.iter().filter(|_| arguments.seconds > 0);
    for attack in one_by_one {
        eprintln!("{}: {}", attack.name, attack.does);
        rows.push(make(
            &mut ground,
            attack.name,
            &[attack],
            &extent(arguments.seconds, arguments.pause),
        ));
        show(&rows, &bounds);
    }
    if arguments.together > 0 && chosen.len() > 1 {
        eprintln!("all together, for {} s", arguments.together);
        // Each thread of thirty: what they ask together is what one asks alone.
        let pause = arguments.pause.max(20);
        rows.push(make(
            &mut ground,
            "together",
            &chosen,
            &extent(arguments.together, pause),
        ));
        show(&rows, &bounds);
    }
    println!("{}", table(&rows, &bounds));
    if rows.iter().all(|row| row.failures(&bounds).is_empty()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn chosen(arguments: &Arguments) -> Vec<&'static Attack> {
    let only = &arguments.only;
    ALL.iter()
        .filter(|attack| only.is_empty() || only.iter().any(|name| name == attack.name))
        .collect()
}

fn extent(seconds: u64, pause: u64) -> Extent {
    Extent {
        time: Duration::from_secs(seconds),
        most: 1_000_000,
        connections: 300,
        pause: Duration::from_millis(pause),
    }
}

/// Without any attack: what the others are held against.
fn quiet(ground: &mut Ground, arguments: &Arguments) -> Row {
    const NOTHING: Attack = Attack {
        name: "nothing",
        does: "nothing",
        threads: 1,
        make: |field| field.wait(),
        never: &[],
    };
    make(
        ground,
        "nothing",
        &[&NOTHING],
        &extent(arguments.seconds.max(1), 0),
    )
}

fn show(rows: &[Row], bounds: &Bounds) {
    let Some(last) = rows.last() else { return };
    for failure in last.failures(bounds) {
        eprintln!("  FAILS: {failure}");
    }
}
