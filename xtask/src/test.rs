//! `cargo xtask test`: every check and every test, in the order in which a mistake shows soonest.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{
    checks, documents, fuzz, licences,
    postgres::Server,
    process::{cargo, output, run as run_program, step},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run the long loops whole (sets LOTSE_TEST_LONG=1), and each fuzz target for half a minute
    #[arg(long)]
    long: bool,
    /// Further arguments for `cargo test`, after `--`: for example `-p lotse-storage`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs all steps and stops at the first that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    step("format", || {
        run_program(cargo().args(["fmt", "--all", "--check"]))
    })?;
    step("licences", licences::check)?;
    step("migrations", checks::migrations)?;
    step("tests that nothing runs", checks::unrun)?;
    step("tests named in documents", documents::named_tests)?;
    step("bodies", checks::bodies)?;
    step("files", checks::files)?;
    step("clippy", || {
        run_program(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    // One build for the tests and for the binary that they start, so that both see the same features.
    step("build", || {
        run_program(cargo().args(["build", "--workspace", "--all-targets", "--locked"]))
    })?;
    let binary = target_directory()?.join("debug/lotse");
    step("OpenAPI document", || checks::openapi(&binary))?;
    step("tests", || tests(options))?;
    if options.long {
        fuzz::run(&fuzz::Options::default())?;
    }
    Ok(())
}

fn tests(options: &Options) -> Result<()> {
    let server = Server::start(false)?;
    let mut command = cargo();
    command.args(["test", "--locked"]).envs(server.variables());
    if options.arguments.is_empty() {
        // Not examples in documentation, of which there are none: looking for them compiles each crate once more.
        command.args(["--workspace", "--all-targets", "--no-fail-fast"]);
    }
    command.args(&options.arguments);
    if options.long {
        command.env("LOTSE_TEST_LONG", "1");
    }
    run_program(&mut command)
}

#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata =
        output(cargo().args(["metadata", "--format-version=1", "--no-deps", "--offline"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("output of cargo metadata")?;
    Ok(metadata.target_directory)
}
