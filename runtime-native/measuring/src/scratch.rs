//! A fresh folder in the system's temporary one, removed with what used it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The folder; all in it goes when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one with a name that nothing else has.
    pub fn new() -> anyhow::Result<Self> {
        let place = std::env::temp_dir();
        let process = std::process::id();
        for number in 0..10_000 {
            let folder = place.join(format!("portico-measuring-{process}-{number}"));
            match std::fs::create_dir(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("making {}", folder.display())),
            }
        }
        anyhow::bail!("{} is full of scratch of this program", place.display())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed hurts nobody: it lies where the system clears up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
