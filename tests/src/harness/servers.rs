//! Several native servers as one deployment: one database, one Redis, one secret, each on a port and in a folder of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use url::Url;

use super::native::{JWT_SECRET, listening_line, redis_found, serve};
use super::paths;
use super::process::Process;
use crate::random;

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(30);

/// What all servers of a deployment are told.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The start of their logs' names.
    pub name: String,
    /// The migrated database that they share.
    pub database: Url,
    /// The Redis that they share, if they share one, as each of them reaches it; the last address is that of all that follow.
    pub redis: Vec<Url>,
    /// Further settings; they win over what is set here anyway.
    pub settings: Vec<(String, String)>,
}

/// Owns the servers of a deployment; they end with it.
pub struct Servers {
    deployment: Deployment,
    servers: Vec<Server>,
}

struct Server {
    folder: PathBuf,
    process: Option<Process>,
}

impl Servers {
    /// Starts `count` servers.
    pub async fn start(deployment: Deployment, count: usize) -> anyhow::Result<Self> {
        let mut servers = Self { deployment, servers: Vec::new() };
        for number in 0..count {
            let scratch = format!("{}-{number}-{}", servers.deployment.name, random::hex(4));
            let folder = paths::target().join("test-data").join(scratch);
            std::fs::create_dir_all(&folder)?;
            servers.servers.push(Server { folder, process: None });
            servers.restart(number).await?;
        }
        Ok(servers)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.servers.len()
    }

    /// Tells where one listens, which changes when it is started again.
    pub fn address(&self, number: usize) -> anyhow::Result<SocketAddr> {
        let process = self.servers[number].process.as_ref().context("the server doesn't run")?;
        process.address.trim_start_matches("http://").parse().context("the server's address")
    }

    /// Tells where each listens.
    pub fn addresses(&self) -> anyhow::Result<Vec<SocketAddr>> {
        (0..self.count()).map(|number| self.address(number)).collect()
    }

    /// Ends one as a power cut does.
    pub async fn kill(&mut self, number: usize) -> anyhow::Result<()> {
        self.servers[number].process.take().context("the server doesn't run")?.kill().await
    }

    /// Starts one that has ended, in the folder that it had.
    pub async fn restart(&mut self, number: usize) -> anyhow::Result<()> {
        let server = &mut self.servers[number];
        ensure!(server.process.is_none(), "the server runs already");
        let Deployment { name, database, redis, settings } = &self.deployment;
        let mut command = serve(Some(database), &server.folder)?;
        command
            .env("JWT_SECRET", JWT_SECRET)
            .env("PORTICO_PUBLIC_URL", "http://portico.example")
            .env("PORTICO_BCRYPT_COST", "10")
            .env("PORTICO_MAX_CONNECTIONS", "12000")
            // Loads of requests are not to be measured by the writing, and reading, of their log.
            .env("PORTICO_LOG", "info,sqlx=warn,portico::request=warn");
        for class in ["LOGIN", "REGISTER", "REFRESH", "PASSWORD", "OAUTH", "ACCOUNT"] {
            command.env(format!("PORTICO_LIMIT_{class}"), "off");
        }
        if let Some(redis) = redis.get(number).or(redis.last()) {
            command.env("REDIS_URL", redis.as_str());
        }
        for (name, value) in settings {
            command.env(name, value);
        }
        let log = format!("{name}-{number}");
        let process = Process::start(&log, command, START, listening_line).await?;
        if !redis.is_empty() {
            redis_found(&process).await?;
        }
        server.process = Some(process);
        Ok(())
    }

    /// Gives what one has logged since it was last started.
    #[must_use]
    pub fn log(&self, number: usize) -> String {
        self.servers[number].process.as_ref().map(|process| process.log()).unwrap_or_default()
    }

    /// Tells whether all of them still run.
    pub fn run(&mut self) -> bool {
        self.servers.iter_mut().all(|server| server.process.as_mut().is_some_and(|process| process.runs()))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.servers {
            // It goes on writing until it has ended.
            drop(server.process.take());
            // Scratch lies below the build folder; what can't be removed hurts nobody.
            let _ = std::fs::remove_dir_all(&server.folder);
        }
    }
}
