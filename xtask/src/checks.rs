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

/// No handler takes a body by an extractor of the framework, which unfolds it before it is counted, or does not count it.
/// `clippy.toml` names the types that stand for nothing else; these are told by where they stand.
pub(crate) fn bodies() -> Result<()> {
    let mut texts = Vec::new();
    for item in fs::read_dir(process::root().join("crates"))? {
        for file in sources(&item?.path().join("src"))? {
            let text = fs::read_to_string(&file)?;
            texts.push((file, text));
        }
    }
    let handlers: BTreeSet<&str> = texts.iter().flat_map(|(_, text)| handlers(text)).collect();
    for (file, text) in &texts {
        if let Some((handler, argument)) = unbounded_body(text, &handlers) {
            bail!(
                "{}: {handler} takes `{argument}`, which http::body does not bound",
                file.display()
            );
        }
    }
    if handlers.is_empty() {
        bail!("no handlers found");
    }
    println!("{} handlers, none with a body of its own", handlers.len());
    Ok(())
}

/// The names of what routes lead to: `steps::step` in `web::post().to(steps::step)`.
fn handlers(text: &str) -> impl Iterator<Item = &str> {
    text.split(".to(").skip(1).filter_map(|rest| {
        let path = rest.split(')').next()?;
        let name = path.rsplit("::").next()?.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        (!name.is_empty() && name.chars().all(plain)).then_some(name)
    })
}

/// The first of these handlers that takes a body as the framework gives it, with that argument.
fn unbounded_body<'a>(text: &'a str, handlers: &BTreeSet<&str>) -> Option<(&'a str, &'a str)> {
    text.split("async fn ").skip(1).find_map(|rest| {
        let (name, rest) = rest.split_once('(')?;
        let arguments = rest.split(") ").next()?;
        let types = arguments
            .split(',')
            .filter_map(|argument| Some(argument.split_once(": ")?.1.trim()));
        let unbounded = |it: &&str| {
            ["Bytes", "BytesMut", "String", "Payload"]
                .contains(&it.rsplit("::").next().unwrap_or(it))
        };
        let found = types.filter(|_| handlers.contains(name)).find(unbounded)?;
        Some((name, found))
    })
}

/// What a node opens or makes with other words than those of the crate `files`, which opens ordinary files only and makes no
/// folder where one has been moved away.
const OPENING: [&str; 8] = [
    "File::open(",
    "File::create(",
    "fs::read(",
    "fs::read_to_string(",
    "fs::write(",
    "fs::copy(",
    "create_dir",
    "DirBuilder",
];

/// No crate opens a file or makes a folder but by the crate `files`. A lint would forbid it to tests as well.
pub(crate) fn files() -> Result<()> {
    let mut count = 0;
    for item in fs::read_dir(process::root().join("crates"))? {
        let folder = item?.path();
        if folder.ends_with("files") {
            continue;
        }
        for file in sources(&folder.join("src"))? {
            let is_test = file
                .file_stem()
                .is_some_and(|name| name.to_string_lossy().ends_with("tests"));
            let text = fs::read_to_string(&file)?;
            if let Some(line) = opened(&text).filter(|_| !is_test) {
                bail!(
                    "{}: `{line}` goes through the crate `files`",
                    file.display()
                );
            }
            count += 1;
        }
    }
    println!("{count} files, none that opens files by itself");
    Ok(())
}

/// The first line before the tests of a file that opens or makes something by itself.
fn opened(text: &str) -> Option<&str> {
    let code = text.split("#[cfg(test)]").next()?;
    let has_options = code.contains("OpenOptions");
    code.lines().map(str::trim).find(|line| {
        let by_options = line
            .split_once(".open(")
            .is_some_and(|(_, rest)| has_options && !rest.starts_with(')'));
        !line.starts_with("//") && (by_options || OPENING.iter().any(|words| line.contains(words)))
    })
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
    #[test]
    fn what_opens_files_by_itself_is_found_outside_of_tests() {
        let good =
            "// File::open(path)\nlet file = files::open(path, OpenOptions::new().read(true))?;\n";
        assert_eq!(opened(good), None);
        let test = format!("{good}#[cfg(test)]\nmod tests {{ fs::write(a, b); }}");
        assert_eq!(opened(&test), None);
        let bad = format!("{good}    .open(path)?;\n");
        assert_eq!(opened(&bad), Some(".open(path)?;"));
        assert_eq!(
            opened("std::fs::create_dir_all(a)?;"),
            Some("std::fs::create_dir_all(a)?;")
        );
    }

    use super::{first_unrun, handlers, opened, unbounded_body};

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

    #[test]
    fn a_handler_that_takes_a_body_unbounded_is_found() {
        let routes = "web::post().to(messages::hint), web::get().to(move || ready())";
        let known: Vec<&str> = handlers(routes).collect();
        assert_eq!(known, ["hint"]);
        let known = known.into_iter().collect();
        let bad = "async fn hint(\n    state: web::Data<State>,\n    body: web::Bytes,\n) -> u8 {}";
        assert_eq!(unbounded_body(bad, &known), Some(("hint", "web::Bytes")));
        let good = bad.replace("web::Bytes", "Signed");
        assert_eq!(unbounded_body(&good, &known), None);
        let other = bad.replace("hint", "other");
        assert_eq!(unbounded_body(&other, &known), None);
    }
}
