//! The server that is loaded.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use portico_measuring::{
    client::Client,
    cluster::{self, Cluster},
    database::Database,
    machine::Machine,
    probe::Probe,
    scenarios::Scenario,
    scratch::Scratch,
    server::{self, DatabaseChoice, Launch, Program, Server, UNLIMITED},
};
use url::Url;

use crate::cli::{CompareTarget, LoadDatabase, Loadtest};

/// How much data there is before anybody asks: a tenth of `portico seed`'s measure.
const SEEDED: &str = "0.1";

/// How long a server that was named may take to answer for the first time.
const REACHED_WITHIN: Duration = Duration::from_secs(5);

/// A server with everything it stands on.
pub(super) struct Ground {
    pub(super) url: Url,
    /// `native`, `worker`, or nothing of a server that was named.
    pub(super) target: String,
    /// `SQLite`, `Postgres`, or nothing.
    pub(super) database: String,
    pub(super) machine: Machine,
    pub(super) admin: Option<String>,
    pub(super) probe: Option<Probe>,
    // In the order in which they must end.
    server: Option<Server>,
    _database: Option<Database>,
    _cluster: Option<Cluster>,
    _scratch: [Option<Scratch>; 2],
}

impl Ground {
    /// Starts a server with some data, or takes the one that was named.
    pub(super) async fn prepare(
        options: &Loadtest,
        portico: &Path,
        program: Program,
        tell: &impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let Some(url) = &options.url else { return Self::start(options, portico, program, tell).await };
        reach(url).await?;
        Ok(Self {
            url: url.clone(),
            target: String::new(),
            database: String::new(),
            machine: Machine::read(),
            admin: std::env::var("ADMIN_TOKEN").ok().filter(|token| !token.is_empty()),
            probe: None,
            server: None,
            _database: None,
            _cluster: None,
            _scratch: [None, None],
        })
    }

    async fn start(
        options: &Loadtest,
        portico: &Path,
        program: Program,
        tell: &impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let target = match options.target {
            CompareTarget::Native => "native",
            CompareTarget::Worker => "worker",
        };
        let scratch = Scratch::new()?;
        // Not within the other, which is its owner's alone: Postgres runs as another account where this one is root.
        let files = Scratch::new()?;
        let data_dir = scratch.path().join("data");
        std::fs::create_dir_all(&data_dir).with_context(|| format!("making {}", data_dir.display()))?;
        let mut machine = Machine::read();
        let own = LoadDatabase::OwnPostgres;
        let wanted = match (&options.database, options.target) {
            (Some(wanted), _) => wanted,
            (None, CompareTarget::Worker) => &own,
            (None, CompareTarget::Native) => &LoadDatabase::Sqlite,
        };
        if *wanted == LoadDatabase::Sqlite && options.target == CompareTarget::Worker {
            bail!("the Worker keeps no data of its own: --database must be postgres or the URL of one");
        }
        let cluster = if *wanted == LoadDatabase::OwnPostgres {
            tell("making a Postgres for the run");
            machine = machine.with_program("Postgres", &cluster::program("postgres")?, &["--version"]);
            // Its disk is flushed as in earnest: what that costs belongs to what is measured.
            Some(Cluster::start(files.path(), &scratch.path().join("postgres.log"), &[]).await?)
        } else {
            None
        };
        let postgres = match wanted {
            LoadDatabase::Postgres(url) => Some(url),
            _ => cluster.as_ref().map(Cluster::url),
        };
        let database = match postgres {
            Some(postgres) => Some(Database::create(postgres, portico).await?),
            None => None,
        };
        let choice = match &database {
            Some(database) => DatabaseChoice::Url(database.url().clone()),
            None => DatabaseChoice::Sqlite,
        };
        if !matches!(options.scenario, Scenario::Health | Scenario::Login) {
            seed(portico, &choice, &data_dir).await?;
        }
        let variables = UNLIMITED.iter().chain(&[
            // The admin's token must last as long as the longest run.
            ("PORTICO_ACCESS_LIFETIME", "24h"),
            // Each line would go through this process, which is to send load and nothing else.
            ("PORTICO_LOG", "info,portico::request=warn,sqlx=warn"),
        ]);
        let mut variables: Vec<_> =
            variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if options.no_time_thresholds {
            // A machine that does other things beside would otherwise have sign-ins refused for waiting too long.
            variables.push(("PORTICO_HASH_DEADLINE".to_owned(), "60s".to_owned()));
        }
        tell(&format!("starting a server ({target})"));
        let launch = Launch { program, database: choice, variables, data_dir: Some(data_dir) };
        let server = Server::start(launch).await?;
        let admin = server::admin_token(&server).await?;
        Ok(Self {
            url: server.url().clone(),
            target: target.to_owned(),
            database: if database.is_some() { "Postgres" } else { "SQLite" }.to_owned(),
            machine,
            admin: Some(admin),
            probe: Probe::of(server.pid()).ok(),
            server: Some(server),
            _database: database,
            _cluster: cluster,
            _scratch: [Some(files), Some(scratch)],
        })
    }

    /// What the server that was started said last, for where something went wrong.
    pub(super) fn last_words(&self) -> String {
        let log = self.server.as_ref().map(Server::log_tail).unwrap_or_default();
        if log.is_empty() { log } else { format!("\nThe server's log ends with\n{log}") }
    }

    /// Ends the server that was started.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        match self.server {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }
}

/// Nobody should wait for a load that has nowhere to go.
async fn reach(url: &Url) -> anyhow::Result<()> {
    let mut client = Client::new(url)?;
    let answer = tokio::time::timeout(REACHED_WITHIN, client.get("/health", &[])).await;
    let answer = answer
        .with_context(|| format!("no answer within {} s", REACHED_WITHIN.as_secs()))
        .flatten()
        .with_context(|| format!("{url} can't be reached"))?;
    answer.expect_ok().with_context(|| format!("{url} is no Portico that can be loaded: GET /health"))?;
    Ok(())
}

async fn seed(portico: &Path, database: &DatabaseChoice, data_dir: &Path) -> anyhow::Result<()> {
    let mut variables = Vec::new();
    if let DatabaseChoice::Url(url) = database {
        variables.push(("DATABASE_URL".to_owned(), url.to_string()));
    }
    server::run(portico, &["seed", "--scale", SEEDED], &variables, Some(data_dir), "").await?;
    Ok(())
}

/// A checkout of Portico that has this file in it.
pub(super) fn checkout(options: &Loadtest, file: &str) -> anyhow::Result<PathBuf> {
    let has = |folder: &Path| folder.join(file).exists();
    if let Some(folder) = &options.checkout {
        if !has(folder) {
            bail!("{} is no checkout of Portico: it has no {file}", folder.display());
        }
        return Ok(folder.clone());
    }
    let (here, program) = (std::env::current_dir()?, std::env::current_exe()?);
    let found = here.ancestors().chain(program.ancestors()).find(|folder| has(folder)).map(Path::to_owned);
    found.with_context(|| {
        format!("this needs a checkout of Portico with {file} in it: name one by --checkout")
    })
}
