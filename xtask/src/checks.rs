//! Checks of the repository itself.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::{Context, Result, bail};

use crate::process;

/// Both databases have migrations of the same names, each with a way up and a way down.
pub(crate) fn migrations() -> Result<()> {
    let sqlite = migration_names("sqlite")?;
    let postgres = migration_names("postgres")?;
    let lonely: Vec<_> = sqlite.symmetric_difference(&postgres).cloned().collect();
    if !lonely.is_empty() {
        bail!(
            "migrations that only one database has: {}",
            lonely.join(", ")
        );
    }
    if sqlite.is_empty() {
        bail!("no migrations found");
    }
    println!("{} migrations, the same on both databases", sqlite.len());
    Ok(())
}

fn migration_names(database: &str) -> Result<BTreeSet<String>> {
    let folder = process::root().join("migrations").join(database);
    let mut names = BTreeSet::new();
    for item in fs::read_dir(&folder).with_context(|| format!("migrations/{database}"))? {
        let item = item?;
        let name = item.file_name().to_string_lossy().into_owned();
        if !item.path().join("up.sql").is_file() {
            bail!("migrations/{database}/{name} has no up.sql");
        }
        names.insert(name);
    }
    Ok(names)
}

/// The committed OpenAPI document is what the binary says, byte by byte.
pub(crate) fn openapi(binary: &std::path::Path) -> Result<()> {
    let committed = fs::read_to_string(process::root().join("openapi/openapi.json"))
        .context("openapi/openapi.json")?;
    let current = process::output(Command::new(binary).arg("openapi"))?;
    if committed == current {
        println!("openapi/openapi.json is current ({} bytes)", current.len());
        return Ok(());
    }
    let line = committed
        .lines()
        .zip(current.lines())
        .take_while(|(old, new)| old == new)
        .count()
        + 1;
    bail!(
        "openapi/openapi.json differs from the program from line {line} on; \
         renew it with `cargo run -- openapi > openapi/openapi.json` and look at the difference"
    )
}
