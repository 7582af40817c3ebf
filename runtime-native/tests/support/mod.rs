//! Starts the real binary on a database of its own, and looks at that database from outside.

#![allow(dead_code, unreachable_pub, reason = "each test and bench uses its part of this")]

pub mod data;

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use portico_tests::harness::{
    postgres::{Database, Postgres},
    process::Process,
};
use reqwest::{Client, Response};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

/// The binary under test.
pub const PORTICO: &str = env!("CARGO_BIN_EXE_portico");
/// Fake, and long enough.
pub const PASSWORD: &str = "obviously-fake-password";
const START: Duration = Duration::from_secs(60);

/// What a server is started with, and what outlives it: its data directory and its settings.
pub struct Place {
    home: TempDir,
    settings: Vec<(String, String)>,
    pub database_url: String,
}

impl Place {
    /// An empty directory, and an `SQLite` file to be made in it.
    pub fn on_sqlite() -> Self {
        let home = tempfile::tempdir().unwrap();
        let database_url = format!("sqlite:{}", home.path().join("portico.sqlite").display());
        Self { home, settings: Vec::new(), database_url }
            .with("PORTICO_LISTEN", "127.0.0.1:0")
            .with("PORTICO_BCRYPT_COST", "10")
            .with("PORTICO_PUBLIC_URL", "http://portico.example")
    }

    /// The same on a fresh database of a server.
    pub fn on_postgres(database: &Database) -> Self {
        Self { database_url: database.url.to_string(), ..Self::on_sqlite() }
    }

    /// With limits so high that nothing meets them.
    pub fn unlimited(self) -> Self {
        ["LOGIN", "REGISTER", "REFRESH", "PASSWORD", "OAUTH"]
            .into_iter()
            .fold(self, |place, class| place.with(&format!("PORTICO_LIMIT_{class}"), "off"))
    }

    /// With one more setting.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(set, _)| set != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// A command that sees these settings and nothing else of the caller's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(self.home());
        command
            .args(arguments)
            .env("PORTICO_DATA_DIR", self.data_dir())
            .env("DATABASE_URL", &self.database_url);
        for (name, value) in &self.settings {
            command.env(name, value);
        }
        command
    }

    /// Runs a command that ends, with `input` as its standard input.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Ended {
        run(self.command(arguments), input).await
    }

    pub async fn migrate(&self) {
        let ended = self.run(&["migrate"], "").await;
        assert_eq!(ended.code, Some(0), "{}", ended.told);
    }

    /// Starts a server, whose log is called `label`.
    pub async fn start(&self, label: &str) -> Server {
        self.start_with(label, &["serve"]).await
    }

    pub async fn start_with(&self, label: &str, arguments: &[&str]) -> Server {
        let command = self.command(arguments);
        // Two runs of the tests at the same time keep their logs apart.
        let name = format!("runtime-{label}-{}", std::process::id());
        let process = Process::start(&name, command, START, listening).await.unwrap();
        let address = process.address.clone();
        Server { process, http: client(), address }
    }
}

/// A client that keeps connections and follows no redirects.
pub fn client() -> Client {
    let limit = Duration::from_secs(120);
    Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(limit).build().unwrap()
}

/// The binary with an empty environment.
pub fn bare(directory: &Path) -> Command {
    let mut command = Command::new(PORTICO);
    command.env_clear().current_dir(directory).kill_on_drop(true);
    command
}

/// How a command ended and what it said.
pub struct Ended {
    pub code: Option<i32>,
    pub said: String,
    pub told: String,
}

pub async fn run(mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may be gone before it is written to.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let Output { status, stdout, stderr } =
        tokio::time::timeout(START, child.wait_with_output()).await.expect("the command ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: status.code(), said: text(stdout), told: text(stderr) }
}

fn listening(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == "listening").then(|| line["address"].as_str().map(str::to_owned))?
}

/// A running server.
pub struct Server {
    pub process: Process,
    pub http: Client,
    pub address: String,
}

impl Server {
    pub async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.address)).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        post(&self.http, &format!("{}{path}", self.address), body).await.unwrap()
    }

    /// Makes an account by the API; its token answer.
    pub async fn register(&self, email: &str) -> Value {
        let answer =
            self.post("/api/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await;
        assert_eq!(answer.status(), 201);
        read(answer).await
    }

    pub async fn login(&self, email: &str) -> Response {
        self.post("/api/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await
    }

    /// Ends it as an operator does; it has to say that all went well.
    pub async fn stop(mut self) {
        rustix::process::kill_process(self.process.id(), Signal::TERM).unwrap();
        until("it has ended", || !self.process.runs()).await;
        let status = self.process.end().await.unwrap();
        assert_eq!(status.code(), Some(0));
    }

    /// Ends it as a power cut does.
    pub async fn kill(mut self) {
        rustix::process::kill_process_group(self.process.id(), Signal::KILL).unwrap();
        until("the process is gone", || !self.process.runs()).await;
    }
}

pub async fn post(http: &Client, url: &str, body: &Value) -> reqwest::Result<Response> {
    http.post(url).header("content-type", "application/json").body(body.to_string()).send().await
}

pub async fn read(answer: Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// Waits until something holds, for as long as a busy machine may need.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..9_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}");
}

/// Like [`until`], asking a future.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..3_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited in vain until {what}");
}

/// A Postgres with a migrated, empty database, and a place on it.
pub async fn postgres(purpose: &str) -> (Postgres, Place) {
    let postgres = Postgres::start().await.unwrap();
    let database = postgres.create_database(purpose).await.unwrap();
    let place = Place::on_postgres(&database);
    place.migrate().await;
    (postgres, place)
}
