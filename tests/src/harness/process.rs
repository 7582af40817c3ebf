//! One child process of a test.

use std::ops::{Deref, DerefMut};
use std::process::ExitStatus;
use std::time::Duration;

use portico_measuring::process;
pub use portico_measuring::server::{free_port, listening_on};
use rustix::process::Signal;
use tokio::process::Command;

use super::paths;

/// Owns a child process; when it is dropped, the process and its group are ended.
pub struct Process(process::Process);

impl Process {
    /// Starts a program in a process group of its own, and waits until `ready` finds an address in a line of its output. All
    /// output goes to `target/test-logs/<name>.log`.
    pub async fn start(
        name: &str,
        command: Command,
        limit: Duration,
        ready: fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        process::Process::start(name, &log(name)?, command, limit, ready).await.map(Self)
    }

    /// Chooses the signal that asks this program to end, instead of SIGTERM.
    #[must_use]
    pub fn ending_by(self, signal: Signal) -> Self {
        Self(self.0.ending_by(signal))
    }

    /// Ends it as a power cut does, and waits until it is gone.
    pub async fn kill(self) -> anyhow::Result<()> {
        self.0.kill().await
    }

    /// Asks the process to end and waits for it; one that doesn't is killed, which is an error.
    pub async fn end(self) -> anyhow::Result<ExitStatus> {
        self.0.end().await
    }
}

impl Deref for Process {
    type Target = process::Process;

    fn deref(&self) -> &process::Process {
        &self.0
    }
}

impl DerefMut for Process {
    fn deref_mut(&mut self) -> &mut process::Process {
        &mut self.0
    }
}

/// Where the output of what a test starts goes.
pub(super) fn log(name: &str) -> anyhow::Result<std::path::PathBuf> {
    let folder = paths::target().join("test-logs");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.log")))
}
