//! Packages of the operating system that a command needs.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};
use rustix::process::getuid;

use crate::process;

/// Installs a Debian package when we are root on Debian; does nothing otherwise, so that the caller says what is missing.
///
/// # Errors
/// When apt-get fails.
pub(crate) fn install_if_allowed(package: &str) -> Result<()> {
    if !getuid().is_root() || !Path::new("/etc/debian_version").exists() {
        return Ok(());
    }
    println!("installing the package {package}");
    apt_get(&["update"])?;
    apt_get(&["install", "--yes", "--no-install-recommends", package])
}

/// Makes sure that a program is in the PATH.
///
/// # Errors
/// Names the program and its package when it is missing and cannot be installed.
pub(crate) fn need(program: &str, package: &str) -> Result<()> {
    if !is_there(program) {
        install_if_allowed(package)?;
    }
    if !is_there(program) {
        bail!(
            "{program} is missing; on Debian: `apt-get install {package}` as root (or run this command as root)"
        );
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let search = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&search).any(|folder| folder.join(program).is_file())
}

/// Runs apt-get without questions.
fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    process::run(
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .arg("-q")
            .args(arguments),
    )
}
