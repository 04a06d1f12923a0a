//! `cargo xtask fuzz`: every parser fed with anything, each for a while.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    process::{cargo, root, run as run_program, step},
    test::target_directory,
};

/// The fuzzer: as it is on crates.io, so that it is the same everywhere.
const CARGO_FUZZ: &str = "0.13.2";
/// Seconds of each target where nobody says otherwise.
const SECONDS: u32 = 30;
/// Seconds that one input may take. Sanitizers make everything slower.
const ONE_INPUT: u32 = 20;
/// Bytes of one input.
const LONGEST: u32 = 16_384;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds of each target
    #[arg(long, default_value_t = SECONDS)]
    seconds: u32,
    /// Only these targets; all without any
    targets: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seconds: SECONDS,
            targets: Vec::new(),
        }
    }
}

/// Builds the targets and runs one after the other. Stops at the first that finds something.
pub(crate) fn run(options: &Options) -> Result<()> {
    let there = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !there.contains(name)) {
        bail!("there is no target {unknown}, but {}", there.join(", "));
    }
    let chosen = if options.targets.is_empty() {
        &there
    } else {
        &options.targets
    };
    let tool = tool()?;
    run_program(fuzz(&tool).args(["build", "--features", "surface"]))?;
    for target in chosen {
        step(&format!("fuzz {target}"), || {
            one(&tool, target, options.seconds)
        })?;
    }
    Ok(())
}

/// The names of all targets.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let items = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for item in items {
        let path = item?.path();
        if path.extension() == Some(OsStr::new("rs")) {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into()));
        }
    }
    names.sort();
    Ok(names)
}

/// Where `cargo-fuzz` is; installs it beside what is built where it is missing.
fn tool() -> Result<PathBuf> {
    let folder = target_directory()?.join("tools");
    let program = folder.join("bin/cargo-fuzz");
    if !program.exists() {
        run_program(
            cargo()
                .args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ])
                .arg("--root")
                .arg(&folder),
        )?;
    }
    Ok(program)
}

fn fuzz(tool: &Path) -> Command {
    let mut command = Command::new(tool);
    // Sanitizers are for nightly toolchains. This says to the stable one that it is meant.
    command
        .arg("fuzz")
        .current_dir(root())
        .env("RUSTC_BOOTSTRAP", "1")
        // What threads of a pool register for their end is taken for a leak, after each input and at the end.
        .env("ASAN_OPTIONS", "detect_leaks=0");
    command
}

/// Runs one target, from what is committed, from the examples, and from what it found itself before.
fn one(tool: &Path, target: &str, seconds: u32) -> Result<()> {
    let found = root().join("fuzz/found").join(target);
    let committed = root().join("fuzz/corpus").join(target);
    for folder in [&found, &committed] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut command = fuzz(tool);
    command
        .args(["run", "--features", "surface", target])
        .args([&found, &committed, &root().join("crates/domain/examples")])
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={ONE_INPUT}"))
        .arg("-detect_leaks=0")
        .arg(format!("-max_len={LONGEST}"));
    run_program(&mut command)
}
