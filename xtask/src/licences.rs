//! The licences of all dependencies, against the lists in `deny.toml`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::process;

#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Checks that every package in the lock file, on every platform, may be used under a licence that we allow, and that
/// none is banned.
///
/// # Errors
/// Names every package that may not be used, with the reason.
pub(crate) fn check() -> Result<()> {
    let rules = std::fs::read_to_string(process::root().join("deny.toml")).context("deny.toml")?;
    let rules: Rules = toml::from_str(&rules).context("deny.toml")?;
    let allowed = licensees(&rules.licenses.allow)?;
    let mut exceptions = BTreeMap::new();
    for exception in &rules.licenses.exceptions {
        exceptions.insert(exception.name.as_str(), licensees(&exception.allow)?);
    }

    let metadata =
        process::output(process::cargo().args(["metadata", "--format-version=1", "--locked"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("output of cargo metadata")?;
    let mut refused = Vec::new();
    for package in &metadata.packages {
        let more = exceptions
            .get(package.name.as_str())
            .map_or(&[][..], Vec::as_slice);
        if let Err(reason) = may_use(package, &allowed, more, &rules.bans.deny) {
            refused.push(format!("  {} {}: {reason}", package.name, package.version));
        }
    }
    if !refused.is_empty() {
        bail!("dependencies that may not be used:\n{}", refused.join("\n"));
    }
    println!(
        "{} packages, all under licences that deny.toml allows",
        metadata.packages.len()
    );
    Ok(())
}

fn licensees(names: &[String]) -> Result<Vec<Licensee>> {
    let parse =
        |name: &String| Licensee::parse(name).with_context(|| format!("deny.toml: licence {name}"));
    names.iter().map(parse).collect()
}

fn may_use(
    package: &Package,
    allowed: &[Licensee],
    more: &[Licensee],
    banned: &[Banned],
) -> Result<(), String> {
    if let Some(ban) = banned.iter().find(|ban| ban.name == package.name) {
        return Err(format!("banned ({})", ban.reason));
    }
    let Some(stated) = &package.license else {
        return Err("states no licence".to_owned());
    };
    // Older crates write MIT/Apache-2.0, which the strict grammar refuses.
    let stated_terms = Expression::parse_mode(stated, ParseMode::LAX)
        .map_err(|error| format!("{stated}: {}", error.reason))?;
    let granted = stated_terms.evaluate(|term| {
        allowed
            .iter()
            .chain(more)
            .any(|licensee| licensee.satisfies(term))
    });
    if granted {
        Ok(())
    } else {
        Err(format!("licence {stated}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(license: Option<&str>) -> Result<(), String> {
        let package = Package {
            name: "thing".to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
        };
        let allowed: Vec<_> = ["MIT", "Apache-2.0", "Unicode-3.0"]
            .iter()
            .filter_map(|name| Licensee::parse(name).ok())
            .collect();
        assert_eq!(allowed.len(), 3);
        may_use(&package, &allowed, &[], &[])
    }

    #[test]
    fn a_choice_that_holds_an_allowed_licence_may_be_used() {
        for stated in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert_eq!(judge(Some(stated)), Ok(()), "{stated}");
        }
    }

    #[test]
    fn copyleft_and_unknown_terms_may_not_be_used() {
        for stated in [
            "GPL-3.0-only",
            "AGPL-3.0-or-later",
            "MIT AND GPL-2.0-only",
            "LGPL-3.0-only",
            "no such licence",
        ] {
            assert!(judge(Some(stated)).is_err(), "{stated}");
        }
        assert!(judge(None).is_err());
    }

    #[test]
    fn a_banned_crate_may_not_be_used_whatever_it_states() {
        let package = Package {
            name: "thing".to_owned(),
            version: "1.0.0".to_owned(),
            license: Some("MIT".to_owned()),
        };
        let ban = Banned {
            name: "thing".to_owned(),
            reason: "test".to_owned(),
        };
        assert!(may_use(&package, &[], &[], &[ban]).is_err());
    }
}
