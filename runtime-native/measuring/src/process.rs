//! One child process, with a group of its own: its ready line, its log, its end.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc,
};

/// How long a process may take to end after SIGTERM before it is killed.
const END: Duration = Duration::from_secs(8);
/// How much of a log is told in a message.
const TAIL: usize = 40;

/// Owns a child process; when it is dropped, the process and its group are ended.
pub struct Process {
    name: String,
    child: Child,
    group: Pid,
    log: PathBuf,
    stop: Signal,
    began: Instant,
    /// What the ready line told: an address.
    pub address: String,
}

impl Process {
    /// Starts a program in a process group of its own, and waits until `ready` finds an address in a line of its output. All
    /// output goes to the file `log`.
    pub async fn start(
        name: &str,
        log: &Path,
        mut command: Command,
        limit: Duration,
        ready: fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let began = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let group =
            child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).context("a child has an id")?;
        let (sender, mut lines) = mpsc::unbounded_channel();
        for pipe in [
            child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn AsyncRead + Send + Unpin>),
            child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn AsyncRead + Send + Unpin>),
        ] {
            let pipe = pipe.context("output is piped")?;
            tokio::spawn(copy_lines(pipe, file.try_clone()?, sender.clone()));
        }
        drop(sender);
        let mut process = Self {
            name: name.to_owned(),
            child,
            group,
            log: log.to_owned(),
            stop: Signal::TERM,
            began,
            address: String::new(),
        };
        let address = tokio::time::timeout(limit, async {
            while let Some(line) = lines.recv().await {
                if let Some(address) = ready(&line) {
                    return Some(address);
                }
            }
            None
        })
        .await;
        match address {
            Ok(Some(address)) => process.address = address,
            Ok(None) => bail!("{name} ended before it was ready; its log:\n{}", process.log_tail()),
            Err(_) => bail!("{name} was not ready within {limit:?}; its log:\n{}", process.log_tail()),
        }
        Ok(process)
    }

    /// Chooses the signal that asks this program to end, instead of SIGTERM.
    #[must_use]
    pub fn ending_by(mut self, signal: Signal) -> Self {
        self.stop = signal;
        self
    }

    /// Gives the process id, which is also that of its group.
    #[must_use]
    pub fn id(&self) -> Pid {
        self.group
    }

    /// Tells when it was started.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Gives the process' output so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Gives the last lines of the process' output.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Tells whether the process still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal to the process and all that it started, such as SIGSTOP.
    pub fn send(&self, what: Signal) -> anyhow::Result<()> {
        rustix::process::kill_process_group(self.group, what)
            .with_context(|| format!("signalling {}", self.name))
    }

    /// Ends it as a power cut does, and waits until it is gone.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.send(Signal::KILL)?;
        tokio::time::timeout(END, self.child.wait())
            .await
            .with_context(|| format!("{} survived being killed", self.name))??;
        Ok(())
    }

    /// Asks the process to end and waits for it; one that doesn't is killed, which is an error.
    pub async fn end(mut self) -> anyhow::Result<ExitStatus> {
        signal(self.group, self.stop);
        match tokio::time::timeout(END, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("{} did not end within {END:?} of being asked to", self.name),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.runs() {
            signal(self.group, self.stop);
            let start = Instant::now();
            while self.runs() && start.elapsed() < END {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        // Also when the leader has ended by itself: what it started may still be there.
        signal(self.group, Signal::KILL);
    }
}

fn signal(group: Pid, signal: Signal) {
    // The group is gone when all of it has ended; then there is nothing to do.
    let _ = rustix::process::kill_process_group(group, signal);
}

async fn copy_lines(
    pipe: Box<dyn AsyncRead + Send + Unpin>,
    mut log: File,
    lines: mpsc::UnboundedSender<String>,
) {
    let mut reader = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        let _ = writeln!(log, "{line}");
        // Nobody listens any more once the process is ready.
        let _ = lines.send(line);
    }
}
