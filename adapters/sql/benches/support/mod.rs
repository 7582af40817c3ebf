//! The databases that benches run on, seeded; their options.

#![allow(dead_code, unreachable_pub, reason = "each bench uses its part of this")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use portico_domain::{models::Timestamp, ports::Clock};
use portico_sql::{
    Repositories,
    driver::{Driver, Row, Statement, Value},
    postgres::{self, PostgresConfig},
    seed::{self, Plan},
    sqlite::{self, SqliteConfig},
};
use portico_tests::{
    harness::{paths, postgres::Postgres},
    random,
};

/// Loading, counting and the slow ways that ours is compared with may take their time.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Prints the help when it is asked for. Then nothing is run.
pub fn is_help_asked(help: &str) -> bool {
    let asked = std::env::args().any(|argument| argument == "--help" || argument == "-h");
    if asked {
        println!("{help}");
    }
    asked
}

/// The text after `--name`.
pub fn text_option(name: &str) -> Option<String> {
    let mut arguments = std::env::args();
    arguments.find(|argument| *argument == format!("--{name}")).and_then(|_| arguments.next())
}

/// A seeded database.
pub struct Side {
    pub name: &'static str,
    pub driver: Arc<dyn Driver>,
    pub repositories: Repositories,
    /// How a client reaches it, where it is a server.
    pub address: Option<url::Url>,
}

/// Both databases, and what they leave behind.
pub struct Databases {
    pub sides: Vec<Side>,
    postgres: Option<Postgres>,
    scratch: PathBuf,
}

impl Databases {
    /// Makes both, or takes those of `--sqlite FILE` and `--postgres URL`, and seeds what they lack of `plan`.
    pub async fn seeded(purpose: &str, plan: &Plan) -> Self {
        let scratch = paths::target().join("bench-data").join(random::hex(6));
        std::fs::create_dir_all(&scratch).unwrap();
        let file = text_option("sqlite").map_or_else(|| scratch.join("portico.sqlite"), PathBuf::from);
        let sqlite =
            sqlite::open_with(&SqliteConfig { statement_time_limit: PATIENCE, ..SqliteConfig::new(file) });
        let sqlite = sqlite.unwrap();
        sqlite.migrate(Wall.now()).await.unwrap();

        let (server, url) = if let Some(url) = text_option("postgres") {
            (None, url)
        } else {
            let server = Postgres::start().await.unwrap();
            let url = server.create_database(purpose).await.unwrap().url.to_string();
            (Some(server), url)
        };
        let postgres = connect(&url);
        postgres.migrate(Wall.now()).await.unwrap();
        let sides = vec![
            Side::new("SQLite", sqlite, None),
            Side::new("Postgres", postgres, Some(url.parse().unwrap())),
        ];
        for side in &sides {
            let began = Instant::now();
            let written = seed::seed(&*side.driver, plan, &mut |_| ()).await.unwrap();
            if written.iter().any(|written| written.with_others > 0) {
                seed::analyze(&*side.driver).await.unwrap();
            }
            let rows: u64 = written.iter().map(|written| written.with_others).sum();
            println!("{}: {rows} rows seeded in {:.0} s", side.name, began.elapsed().as_secs_f64());
        }
        Self { sides, postgres: server, scratch }
    }

    /// Drops what was made for the run.
    pub fn stop(self) {
        drop(self.sides);
        if let Some(postgres) = self.postgres {
            postgres.stop();
        }
        let _ = std::fs::remove_dir_all(self.scratch);
    }
}

/// A pool of connections to a server.
pub fn connect(url: &str) -> Arc<postgres::PostgresDriver> {
    postgres::connect(&PostgresConfig { statement_timeout: PATIENCE, ..PostgresConfig::new(url) }).unwrap()
}

impl Side {
    pub fn new(name: &'static str, driver: Arc<dyn Driver>, address: Option<url::Url>) -> Self {
        let repositories = Repositories::new(Arc::clone(&driver), Arc::new(Wall));
        Self { name, driver, repositories, address }
    }

    /// Runs a statement.
    pub async fn ask(&self, statement: &'static Statement, parameters: Vec<Value>) -> Vec<Row> {
        self.driver.run(statement.with(parameters)).await.unwrap()
    }
}

/// The machine's clock.
pub struct Wall;

#[async_trait::async_trait]
impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}
