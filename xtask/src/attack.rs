//! `cargo xtask attack`: builds the release server and attacks it.

use anyhow::Result;

use crate::{
    process::{cargo, run as run_program},
    test::target_directory,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many entries the node holds
    #[arg(long, default_value_t = 100_000)]
    entries: u32,
    /// Seconds of each attack; 0 leaves that out
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Seconds of all attacks together; 0 leaves that out
    #[arg(long, default_value_t = 120)]
    together: u64,
    /// Only these attacks, separated by commas
    #[arg(long)]
    only: Option<String>,
}

/// Builds and attacks. Who attacks need not be fast: the driver is built like the tests.
pub(crate) fn run(options: &Options) -> Result<()> {
    run_program(cargo().args(["build", "--release", "--locked", "-p", "lotse-node"]))?;
    run_program(cargo().args([
        "build",
        "--locked",
        "-p",
        "lotse-tests",
        "--bin",
        "lotse-attack",
    ]))?;
    let target = target_directory()?;
    let mut command = std::process::Command::new(target.join("debug/lotse-attack"));
    command
        .arg("--server")
        .arg(target.join("release/lotse"))
        .args(["--entries", &options.entries.to_string()])
        .args(["--seconds", &options.seconds.to_string()])
        .args(["--together", &options.together.to_string()]);
    if let Some(only) = &options.only {
        command.args(["--only", only]);
    }
    run_program(&mut command)
}
