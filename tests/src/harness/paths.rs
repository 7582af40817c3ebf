//! Where things are: the workspace, what was built, and where scratch may go.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// Gives the workspace's top folder.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate is a folder of the workspace")
        .to_owned()
}

/// Gives cargo's target folder; scratch and logs of tests go below it.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// Finds the server's binary: `PORTICO_BIN`, else the release build.
pub fn portico() -> anyhow::Result<PathBuf> {
    let path =
        std::env::var_os("PORTICO_BIN").map_or_else(|| target().join("release/portico"), PathBuf::from);
    ensure!(path.exists(), "{} is missing: run `cargo build --release`, or set PORTICO_BIN", path.display());
    Ok(path)
}

/// Finds another binary of this crate beside the running one (binaries), or a folder above it (tests).
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let running = std::env::current_exe().context("finding the running program")?;
    running
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
        .with_context(|| {
            format!("{name} is missing beside {}: run `cargo build -p portico-tests`", running.display())
        })
}
