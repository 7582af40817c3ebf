//! A server with its switch off or on, on a database of its own.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use portico_domain::settings::Switch;
use portico_measuring::{
    client::Client,
    database::Database,
    delay::Line,
    probe::Probe,
    scratch::Scratch,
    server::{self, DatabaseChoice, Launch, Program, Server, UNLIMITED},
};
use portico_sql::seed::{PASSWORD, email};
use serde_json::json;
use url::Url;

use super::{
    outcome::Turn,
    trial::{Ask, How, SLOW_LINE, Trial},
};

/// How many books each database holds.
const BOOKS: &str = "1000";
/// How long uses of keys take at most to be in the database, where a start finds what was hot.
const USES_WRITTEN: Duration = Duration::from_millis(2_500);

/// What all sides of a run share.
pub(super) struct Ground {
    /// The running program.
    pub(super) portico: PathBuf,
    /// What serves.
    pub(super) program: Program,
    /// A Postgres to make databases on; none for `SQLite`.
    pub(super) postgres: Option<Url>,
    /// How much longer a round trip to it takes.
    pub(super) round_trip: Duration,
    /// Where crawlers' names are looked up.
    pub(super) resolver: String,
}

/// One way of a switch: a server, and all that is only its own. Dropped in this order.
pub(super) struct Side {
    server: Option<Server>,
    clients: Vec<Client>,
    client_line: Option<Line>,
    launch: Launch,
    token: String,
    asked: u64,
    _line: Option<Line>,
    _database: Option<Database>,
    _folder: Scratch,
}

impl Side {
    /// Makes and fills a database, and starts a server on it.
    pub(super) async fn start(ground: &Ground, trial: &Trial, on: bool) -> anyhow::Result<Self> {
        let folder = Scratch::new()?;
        let database = match &ground.postgres {
            Some(server) => Some(Database::create(server, &ground.portico).await?),
            None => None,
        };
        fill(&ground.portico, database.as_ref(), folder.path()).await?;
        let line = match &database {
            Some(database) => Some(Line::to(database.url(), 5432, ground.round_trip).await?),
            None => None,
        };
        let launch = Launch {
            program: ground.program.clone(),
            database: line
                .as_ref()
                .map_or(DatabaseChoice::Sqlite, |line| DatabaseChoice::Url(line.url().clone())),
            variables: settings(trial, on, &ground.resolver),
            data_dir: Some(folder.path().to_owned()),
        };
        let server = Server::start(launch.clone()).await?;
        let client_line = match trial.how {
            How::SlowLine => {
                Some(Line::narrow(server.url(), 80, Duration::from_millis(20), SLOW_LINE).await?)
            }
            _ => None,
        };
        let mut side = Self {
            server: Some(server),
            clients: Vec::new(),
            client_line,
            launch,
            token: String::new(),
            asked: 0,
            _line: line,
            _database: database,
            _folder: folder,
        };
        side.token = side.sign_in().await?;
        match trial.how {
            How::Serving(people) => side.clients = side.connect(people)?,
            How::SlowLine => side.clients = side.connect(1)?,
            How::Starting => {
                // What is to be known from before has to be used before.
                for number in 0..trial.first_asks() {
                    for _ in 0..3 {
                        side.once(&trial.asks.request(number, &side.token.clone())).await?;
                    }
                }
                tokio::time::sleep(USES_WRITTEN).await;
            }
        }
        Ok(side)
    }

    fn url(&self) -> anyhow::Result<&Url> {
        let server = self.server.as_ref().context("the server runs")?;
        Ok(self.client_line.as_ref().map_or(server.url(), Line::url))
    }

    fn connect(&self, people: usize) -> anyhow::Result<Vec<Client>> {
        (0..people).map(|_| Client::new(self.url()?)).collect()
    }

    async fn sign_in(&self) -> anyhow::Result<String> {
        let mut client = Client::new(self.server.as_ref().context("the server runs")?.url())?;
        let body = json!({ "email": email(0), "password": PASSWORD });
        let answer = client.post("/api/v1/auth/login", &[], &body).await?.expect_ok()?;
        let token = answer.json()?["access_token"].as_str().map(str::to_owned);
        token.context("a sign-in gave no token")
    }

    async fn once(&self, ask: &Ask) -> anyhow::Result<()> {
        asked(&mut Client::new(self.url()?)?, ask).await.map(drop)
    }

    /// Has everybody ask for so long, and says what came of it.
    pub(super) async fn turn(&mut self, trial: &Trial, lasts: Duration) -> anyhow::Result<Turn> {
        for client in &mut self.clients {
            client.connect().await?;
        }
        let began = Instant::now();
        let mut people = tokio::task::JoinSet::new();
        for (place, mut client) in (0_u64..).zip(std::mem::take(&mut self.clients)) {
            let (asks, token, first) = (trial.asks, self.token.clone(), self.asked + place);
            people.spawn(async move {
                let mut turn = Turn::default();
                let mut number = first;
                while began.elapsed() < lasts {
                    take(&mut turn, &mut client, &asks.request(number, &token)).await?;
                    // Whoever asks next is another one; odd, so that all kinds of requests have their turn.
                    number += 7;
                }
                Ok::<_, anyhow::Error>((turn, client))
            });
        }
        let mut whole = Turn::default();
        while let Some(done) = people.join_next().await {
            let (turn, client) = done.context("a task that asks")?.with_context(|| self.told(trial))?;
            whole.add(turn);
            self.clients.push(client);
        }
        self.asked += 1;
        whole.seconds = began.elapsed().as_secs_f64();
        Ok(whole)
    }

    /// Starts the server anew, lets it be for a while, and asks everything once.
    pub(super) async fn restart(&mut self, trial: &Trial, settle: Duration) -> anyhow::Result<Turn> {
        if let Some(server) = self.server.take() {
            server.stop().await?;
        }
        let server = Server::start(self.launch.clone()).await?;
        let mut turn = Turn { starts: vec![server.startup().as_secs_f64() * 1_000.0], ..Turn::default() };
        let resident = Probe::of(server.pid())?.read()?.resident_bytes;
        #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
        turn.resident.push(resident as f64 / 1e6);
        let mut client = Client::new(server.url())?;
        self.server = Some(server);
        tokio::time::sleep(settle).await;
        client.connect().await?;
        for number in 0..trial.first_asks() {
            let told = || self.told(trial);
            take(&mut turn, &mut client, &trial.asks.request(number, &self.token))
                .await
                .with_context(told)?;
        }
        Ok(turn)
    }

    fn told(&self, trial: &Trial) -> String {
        let log = self.server.as_ref().map(Server::log_tail).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        format!("{}; the last of the server's log:\n{}\n", trial.measured, last.join("\n"))
    }

    /// Ends the server; the rest goes with this.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        match self.server.take() {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }
}

async fn take(turn: &mut Turn, client: &mut Client, ask: &Ask) -> anyhow::Result<()> {
    let answer = asked(client, ask).await?;
    turn.times.push(answer.took.as_secs_f64() * 1_000.0);
    turn.statements += u64::from(answer.statements().unwrap_or(0));
    turn.bytes += answer.body.len() as u64;
    Ok(())
}

async fn asked(client: &mut Client, ask: &Ask) -> anyhow::Result<portico_measuring::client::Answer> {
    let headers: Vec<(&str, &str)> =
        ask.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answered = match &ask.body {
        Some(body) => client.post(ask.path, &headers, body).await,
        None => client.get(ask.path, &headers).await,
    };
    answered.and_then(portico_measuring::client::Answer::expect_ok).with_context(|| ask.path)
}

fn settings(trial: &Trial, on: bool, resolver: &str) -> Vec<(String, String)> {
    let flow = |switch: Switch| format!("PORTICO_FLOW_{}", switch.name());
    let mut settings: Vec<(String, String)> =
        UNLIMITED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut set = |name: &str, value: &str| settings.push((name.to_owned(), value.to_owned()));
    set("PORTICO_BCRYPT_COST", "10");
    // A machine that is busy with measuring is not to shed what is measured, nor to measure the writing of its log.
    set("PORTICO_HASH_DEADLINE", "30s");
    set("PORTICO_LOG", "info,sqlx=warn,portico::request=warn");
    set("PORTICO_ACCESS_LIFETIME", "12h");
    set("PORTICO_TRUSTED_PROXIES", "1");
    set("PORTICO_BOT_DNS_URL", resolver);
    set(&flow(trial.switch), if on { "on" } else { "off" });
    if let Some(switch) = trial.also_off {
        set(&flow(switch), "off");
    }
    settings
}

/// Puts the same people, keys and books into each database.
async fn fill(portico: &Path, database: Option<&Database>, folder: &Path) -> anyhow::Result<()> {
    let url = database.map(|database| ("DATABASE_URL".to_owned(), database.url().to_string()));
    let variables: Vec<_> = url.into_iter().collect();
    let seed = ["seed", "--only", "users", "--only", "books", "--users", "20", "--books", BOOKS];
    server::run(portico, &seed, &variables, Some(folder), "").await?;
    if database.is_some() {
        server::run(portico, &["models", "import", "--built-in"], &variables, Some(folder), "").await?;
    }
    Ok(())
}
