//! A Postgres server for tests: the one of `TEST_DATABASE_URL`, or a cluster made for this run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Signal;
use tokio::process::Command;
use url::Url;

use super::paths;
use super::process::{Process, free_port};
use crate::neon::wire::{Connection, Fault, Login};
use crate::random;

/// The password of clusters made here; they listen on loopback and live for one run.
const PASSWORD: &str = "for-local-tests-only";

/// Owns a server, or borrows the one of `TEST_DATABASE_URL`, and makes fresh databases on it.
pub struct Postgres {
    admin: Url,
    cluster: Option<Cluster>,
}

struct Cluster {
    process: Option<Process>,
    folder: PathBuf,
}

/// Names a database made for one use. It is dropped by [`Postgres::drop_database`], or with its cluster.
#[derive(Clone, Debug)]
pub struct Database {
    /// How a client reaches it.
    pub url: Url,
}

impl Postgres {
    /// Takes the server of `TEST_DATABASE_URL`, else makes a cluster in a scratch folder and starts it on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
            let admin = Url::parse(&url).context("TEST_DATABASE_URL")?;
            return Ok(Self { admin, cluster: None });
        }
        Self::with_settings(&[]).await
    }

    /// Makes a cluster with settings of its own, each `name=value`, whatever `TEST_DATABASE_URL` says.
    pub async fn with_settings(settings: &[&str]) -> anyhow::Result<Self> {
        let folder = paths::target().join("test-postgres").join(random::hex(6));
        fs::create_dir_all(&folder)?;
        let mut cluster = Cluster { process: None, folder };
        let port = cluster.begin(settings).await?;
        let admin = Url::parse(&format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"))?;
        Ok(Self { admin, cluster: Some(cluster) })
    }

    /// Gives the URL of the server itself, with its administrator.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.admin
    }

    /// Makes an empty database, with a name that nothing else uses.
    pub async fn create_database(&self, purpose: &str) -> anyhow::Result<Database> {
        let name = format!("portico_{purpose}_{}", random::hex(5));
        self.administer(&format!("CREATE DATABASE {name}")).await?;
        let mut url = self.admin.clone();
        url.set_path(&name);
        Ok(Database { url })
    }

    /// Drops a database, with whatever connections are left to it.
    pub async fn drop_database(&self, database: &Database) -> anyhow::Result<()> {
        let name = database.url.path().trim_start_matches('/');
        self.administer(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
    }

    async fn administer(&self, statement: &str) -> anyhow::Result<()> {
        let told = |fault| match fault {
            Fault::Sql(error) => anyhow::anyhow!("{statement}: {error}"),
            Fault::Broken(error) => error.context(statement.to_owned()),
        };
        let mut connection = connect(&self.admin).await?;
        connection.run(statement, &[]).await.map_err(told)?;
        Ok(())
    }

    /// Stops a cluster made here, and removes its files.
    pub fn stop(self) {
        drop(self.cluster);
    }
}

impl Database {
    /// Opens a connection of its own.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        connect(&self.url).await
    }
}

async fn connect(url: &Url) -> anyhow::Result<Connection> {
    let address = format!("{}:{}", url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(5432));
    let decoded = |text: &str| {
        url::form_urlencoded::parse(text.replace('+', "%2B").as_bytes())
            .next()
            .map(|(name, _)| name.into_owned())
            .unwrap_or_default()
    };
    let login = Login {
        user: decoded(url.username()),
        password: decoded(url.password().unwrap_or_default()),
        database: url.path().trim_start_matches('/').to_owned(),
    };
    Connection::open(&address, &login).await.map_err(|fault| match fault {
        Fault::Sql(error) => anyhow::anyhow!("signing in to Postgres: {error}"),
        Fault::Broken(error) => error,
    })
}

impl Cluster {
    /// Makes and starts the cluster, and gives its port.
    async fn begin(&mut self, settings: &[&str]) -> anyhow::Result<u16> {
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
        let port = free_port()?;
        let mut postgres = as_postgres(&program("postgres")?);
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            // A cluster that lives for one run needs to survive no crash.
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ]
        .iter()
        .chain(settings)
        {
            postgres.args(["-c", setting]);
        }
        let name = format!("postgres-{port}");
        let process = Process::start(&name, postgres, Duration::from_secs(30), |line| {
            line.contains("database system is ready to accept connections").then(String::new)
        })
        .await?;
        // SIGTERM would wait for clients to leave.
        self.process = Some(process.ending_by(Signal::INT));
        Ok(port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.process.take());
        // Left-over scratch lies below the build folder, where it hurts nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Finds a program of Postgres on the path, or where Debian keeps those that it doesn't put there.
fn program(name: &str) -> anyhow::Result<PathBuf> {
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
        .with_context(|| format!("{name} is not installed; install PostgreSQL, or set TEST_DATABASE_URL"))
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
