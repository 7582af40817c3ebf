//! A Postgres made for one run, from the programs that are installed here.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::Signal;
use tokio::process::Command;
use url::Url;

use crate::{process::Process, server::free_port};

/// The password of clusters made here; they listen on loopback and live for one run.
const PASSWORD: &str = "for-local-tests-only";

/// A server with its files, which go with it.
pub struct Cluster {
    process: Option<Process>,
    folder: PathBuf,
    url: Url,
}

impl Cluster {
    /// Makes the files in `folder`, which is made too and removed at the end, and starts the server on a free port, with settings of its own, each `name=value`.
    pub async fn start(folder: &Path, log: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let url = Url::parse(&format!("postgres://postgres:{PASSWORD}@127.0.0.1/postgres"))?;
        // From here on what fails takes the folder with it.
        let mut cluster = Self { process: None, folder: folder.to_owned(), url };
        cluster.begin(log, settings).await?;
        Ok(cluster)
    }

    /// The URL of the server itself, with its administrator.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    async fn begin(&mut self, log: &Path, settings: &[&str]) -> anyhow::Result<()> {
        let password_file = self.folder.join("password");
        let data = self.folder.join("data");
        fs::write(&password_file, PASSWORD)?;
        if rustix::process::geteuid().is_root() {
            give_to_postgres(&[&self.folder, &password_file]).await?;
        }
        let mut initdb = as_postgres(&program("initdb")?);
        initdb.args([
            "--no-sync",
            "--auth=scram-sha-256",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]);
        initdb.arg("--pwfile").arg(&password_file).arg("--pgdata").arg(&data);
        let made = initdb.output().await.context("running initdb")?;
        if !made.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        }
        // Only now, because a port that was free long ago may be somebody else's.
        let port = free_port()?;
        self.url.set_port(Some(port)).ok().context("a URL with a host has a port")?;
        let mut postgres = as_postgres(&program("postgres")?);
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        let always = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"];
        for setting in always.iter().chain(settings) {
            postgres.args(["-c", setting]);
        }
        let process = Process::start("Postgres", log, postgres, Duration::from_secs(30), |line| {
            line.contains("database system is ready to accept connections").then(String::new)
        })
        .await?;
        // SIGTERM would wait for clients to leave.
        self.process = Some(process.ending_by(Signal::INT));
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.process.take());
        // Left-over scratch lies where it hurts nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Finds a program of Postgres on the path, or where Debian keeps those that it doesn't put there.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists());
    if let Some(file) = on_path {
        return Ok(file);
    }
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
        .filter(|file| file.exists())
        .collect();
    versions.sort();
    versions
        .pop()
        .with_context(|| format!("{name} is not installed; install PostgreSQL, or name a server's URL"))
}

/// Postgres refuses to run as root; then its own account runs it.
fn as_postgres(program: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

async fn give_to_postgres(files: &[&Path]) -> anyhow::Result<()> {
    let given = Command::new("chown").arg("postgres:postgres").args(files).status().await?;
    if !given.success() {
        bail!("giving scratch to the account postgres failed");
    }
    Ok(())
}
