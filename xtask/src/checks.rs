//! Checks of the repository itself.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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

/// No test stands where none is run: in a library whose manifest says `test = false`, or as an example in documentation.
/// Either would be compiled anew for each crate, for nothing.
pub(crate) fn unrun() -> Result<()> {
    let mut files = 0;
    for item in fs::read_dir(process::root().join("crates"))? {
        let folder = item?.path();
        let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
        let manifest: toml::Table = manifest.parse()?;
        let lib = manifest.get("lib").and_then(|lib| lib.get("test"));
        let untested = lib.and_then(toml::Value::as_bool) == Some(false);
        for file in sources(&folder.join("src"))? {
            let text = fs::read_to_string(&file)?;
            if let Some(line) = first_unrun(&text, untested) {
                bail!("{}: nothing runs `{line}`", file.display());
            }
            files += 1;
        }
    }
    println!("{files} files, no test among them that nothing runs");
    Ok(())
}

/// The first line that begins a test or an example that is never run.
fn first_unrun(text: &str, untested: bool) -> Option<&str> {
    let mut inside = false;
    text.lines().map(str::trim).find(|line| {
        let fence = ["/// ```", "//! ```"];
        let language = fence.iter().find_map(|fence| line.strip_prefix(fence));
        let begins = language.filter(|_| !inside);
        inside ^= language.is_some();
        let is_test = line.starts_with("#[cfg(test)]") || line.starts_with("#[test]");
        // Without a language it is Rust.
        let is_example = begins.is_some_and(|it| it.is_empty() || it.starts_with("rust"));
        (untested && is_test) || is_example
    })
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The committed OpenAPI document is what the binary says, byte by byte.
pub(crate) fn openapi(binary: &Path) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::first_unrun;

    #[test]
    fn examples_in_rust_and_tests_of_an_untested_library_are_found() {
        let other = "//! ```json\n//! {}\n//! ```\nfn f() {}\n";
        assert_eq!(first_unrun(other, true), None);
        let example = format!("{other}    /// ```\n    /// f();\n    /// ```\n");
        assert_eq!(first_unrun(&example, false), Some("/// ```"));
        let test = format!("{other}#[cfg(test)]\nmod tests;\n");
        assert_eq!(first_unrun(&test, false), None);
        assert_eq!(first_unrun(&test, true), Some("#[cfg(test)]"));
    }
}
