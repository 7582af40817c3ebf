//! A Postgres server for tests: the one of `TEST_DATABASE_URL`, or a cluster made for this run.

use anyhow::Context;
use portico_measuring::cluster::Cluster;
use url::Url;

use super::{paths, process};
use crate::neon::wire::{Connection, Fault, Login};
use crate::random;

/// Owns a server, or borrows the one of `TEST_DATABASE_URL`, and makes fresh databases on it.
pub struct Postgres {
    admin: Url,
    cluster: Option<Cluster>,
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
        let name = random::hex(6);
        let folder = paths::target().join("test-postgres").join(&name);
        // A cluster that lives for one run needs to survive no crash.
        let careless = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
        let settings = [&careless, settings].concat();
        let log = process::log(&format!("postgres-{name}"))?;
        let cluster = Cluster::start(&folder, &log, &settings).await?;
        Ok(Self { admin: cluster.url().clone(), cluster: Some(cluster) })
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
