//! `cargo xtask bench`: builds the release server and the load driver, and runs the driver.

use anyhow::Result;

use crate::{
    packages,
    postgres::Server,
    process::{cargo, run as run_program},
    test::target_directory,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many entries to measure with, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "10000,100000")]
    entries: Vec<u32>,
    /// Short rounds: shows that everything works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Further arguments for the driver, after `--`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds and measures.
pub(crate) fn run(options: &Options) -> Result<()> {
    packages::need("wrk", "wrk")?;
    packages::need("taskset", "util-linux")?;
    run_program(cargo().args([
        "build",
        "--release",
        "--locked",
        "-p",
        "lotse-node",
        "-p",
        "lotse-bench",
    ]))?;
    let folder = target_directory()?.join("release");
    let server = Server::start(true)?;
    let entries: Vec<_> = options.entries.iter().map(u32::to_string).collect();
    let mut command = std::process::Command::new(folder.join("lotse-bench"));
    command
        .arg("run")
        .arg("--entries")
        .arg(entries.join(","))
        .arg("--server")
        .arg(folder.join("lotse"));
    if options.quick {
        command.arg("--quick");
    }
    run_program(command.args(&options.arguments).envs(server.variables()))
}
