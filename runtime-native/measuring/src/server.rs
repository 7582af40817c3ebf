//! A Portico of one's own to measure, native or in workerd: started on a free port with settings of its own, ended with everything it started.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    process::Command,
    signal::unix::{SignalKind, signal},
};
use url::Url;

use crate::{client::Client, process::Process, scratch::Scratch};

/// How long a server may take until it answers. A Worker on a busy machine compiles its module first.
const START: Duration = Duration::from_secs(60);
/// How long a command that ends may take.
const COMMAND: Duration = Duration::from_secs(600);
/// What tokens are signed with where measuring servers run. Fake, and long enough.
const JWT_SECRET: &str = "a-made-up-secret-for-measuring-only-0123456789abcdef";
/// What provider keys are encrypted under there. Fake.
const ENCRYPTION_KEYS: &str = "made-up:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// Whom [`admin_token`] makes and signs in.
pub const ADMIN_EMAIL: &str = "admin@measuring.example";
/// Their password. Fake.
pub const ADMIN_PASSWORD: &str = "obviously-fake-admin-password";

/// Settings of a server whose limits are not what is measured: all off.
pub const UNLIMITED: [(&str, &str); 6] = [
    ("PORTICO_LIMIT_LOGIN", "off"),
    ("PORTICO_LIMIT_REGISTER", "off"),
    ("PORTICO_LIMIT_REFRESH", "off"),
    ("PORTICO_LIMIT_PASSWORD", "off"),
    ("PORTICO_LIMIT_OAUTH", "off"),
    ("PORTICO_LIMIT_ACCOUNT", "off"),
];

/// What serves.
#[derive(Debug, Clone)]
pub enum Program {
    /// The native server: the binary `portico`, such as the running one.
    Native(PathBuf),
    /// The Worker in workerd: a checkout in which `runtime-worker/build.sh` has run.
    Worker(PathBuf),
}

/// What it keeps its data in.
#[derive(Debug, Clone)]
pub enum DatabaseChoice {
    /// The native server's embedded file.
    Sqlite,
    /// A Postgres database that has the present schema already, such as a [`crate::database::Database`].
    Url(Url),
}

/// What a server is started with. It sees nothing of the caller's environment but where programs are found.
#[derive(Debug, Clone)]
pub struct Launch {
    /// What serves.
    pub program: Program,
    /// On what.
    pub database: DatabaseChoice,
    /// Settings, which win over those that are made here.
    pub variables: Vec<(String, String)>,
    /// Where its data are; without one they get a fresh folder that goes with the server.
    pub data_dir: Option<PathBuf>,
}

/// A server that answers. It and all that it started end when this is dropped.
pub struct Server {
    // Before the folder: it writes there until it has ended.
    process: Process,
    launch: Launch,
    url: Url,
    startup: Duration,
    data_dir: PathBuf,
    _scratch: Option<Scratch>,
}

impl Server {
    /// Starts it and waits until it answers `/health`, for a minute at most.
    pub async fn start(launch: Launch) -> anyhow::Result<Self> {
        let (data_dir, scratch) = if let Some(folder) = &launch.data_dir {
            std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
            (folder.clone(), None)
        } else {
            let scratch = Scratch::new()?;
            (scratch.path().to_owned(), Some(scratch))
        };
        let (name, command, ready) = match &launch.program {
            Program::Native(portico) => {
                ("portico", native(portico, &launch, &data_dir), listening_line as fn(&str) -> Option<String>)
            }
            Program::Worker(checkout) => (
                "the Worker",
                worker(checkout, &launch, &data_dir)?,
                listening_on as fn(&str) -> Option<String>,
            ),
        };
        let began = Instant::now();
        let process = Process::start(name, &data_dir.join("log"), command, START, ready).await?;
        let url =
            Url::parse(&process.address).with_context(|| format!("{name} listens on {}", process.address))?;
        let mut server = Self { process, launch, url, startup: Duration::ZERO, data_dir, _scratch: scratch };
        let answered = tokio::time::timeout(START, server.first_answer()).await;
        match answered {
            Ok(answered) => {
                answered.with_context(|| format!("{name} listens, but; its log:\n{}", server.log_tail()))?;
            }
            Err(_) => bail!("{name} did not answer within {START:?}; its log:\n{}", server.log_tail()),
        }
        server.startup = began.elapsed();
        Ok(server)
    }

    async fn first_answer(&self) -> anyhow::Result<()> {
        Client::new(&self.url)?.get("/health", &[]).await?.expect(StatusCode::OK)?;
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The process that serves, or for a Worker that which started workerd; what it started must be counted with it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id().as_raw_pid().unsigned_abs()
    }

    /// From the process' start to its first answer of `/health`.
    #[must_use]
    pub fn startup(&self) -> Duration {
        self.startup
    }

    /// What it was started with.
    #[must_use]
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// Where its data are.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The last lines that it logged.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.runs()
    }

    /// Asks it to end and waits; an error when it has to be killed, or says that not all went well.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self { process, _scratch, .. } = self;
        let log = process.log_tail();
        let status = process.end().await?;
        ensure!(status.success(), "the server ended with {status}; its log:\n{log}");
        Ok(())
    }
}

/// Runs a command of `portico` that ends, such as `migrate`, `seed` or `user create`, with nothing of the caller's environment; what it printed. With a failed one's
/// own words as the error.
pub async fn run(
    portico: &Path,
    arguments: &[&str],
    variables: &[(String, String)],
    data_dir: Option<&Path>,
    stdin: &str,
) -> anyhow::Result<String> {
    let mut command = bare(portico);
    command.args(arguments).env("JWT_SECRET", JWT_SECRET).env("PORTICO_ENCRYPTION_KEYS", ENCRYPTION_KEYS);
    let scratch;
    let folder = if let Some(folder) = data_dir {
        folder
    } else {
        scratch = Scratch::new()?;
        scratch.path()
    };
    command.env("PORTICO_DATA_DIR", folder).current_dir(folder).envs(variables.iter().cloned());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let what = format!("portico {}", arguments.join(" "));
    let mut child = command.spawn().with_context(|| format!("running {}", portico.display()))?;
    if let Some(mut input) = child.stdin.take() {
        // A command that reads nothing may be gone before it is written to.
        let _ = input.write_all(stdin.as_bytes()).await;
    }
    let done = tokio::time::timeout(COMMAND, child.wait_with_output())
        .await
        .with_context(|| format!("{what} took more than {COMMAND:?}"))??;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(done.status.success(), "{what}: {}{said}", String::from_utf8_lossy(&done.stderr));
    Ok(said)
}

/// Makes an admin on the server's database, if there is none of [`ADMIN_EMAIL`] yet, and signs them in; their access token.
///
/// The command that makes them is that of the native server; beside a Worker it is the running program, which must be `portico`.
pub async fn admin_token(server: &Server) -> anyhow::Result<String> {
    let portico = match &server.launch.program {
        Program::Native(portico) => portico.clone(),
        Program::Worker(_) => std::env::current_exe().context("finding the running program")?,
    };
    make_admin(&portico, &server.launch.database, server.data_dir()).await?;
    let mut client = Client::new(&server.url)?;
    let body = json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD });
    let answer = client.post("/api/v1/auth/login", &[], &body).await?.expect(StatusCode::OK)?;
    let token = answer.json()?["access_token"].as_str().map(str::to_owned);
    token.context("the sign-in of the admin gave no token")
}

/// Makes the admin of [`ADMIN_EMAIL`], through the product's own command; one that is there already stays.
pub async fn make_admin(portico: &Path, database: &DatabaseChoice, data_dir: &Path) -> anyhow::Result<()> {
    let arguments = ["user", "create", "--admin", "--password-stdin", "--email", ADMIN_EMAIL];
    let mut variables = vec![("PORTICO_BCRYPT_COST".to_owned(), "10".to_owned())];
    if let DatabaseChoice::Url(url) = database {
        variables.push(("DATABASE_URL".to_owned(), url.to_string()));
    }
    match run(portico, &arguments, &variables, Some(data_dir), &format!("{ADMIN_PASSWORD}\n")).await {
        Err(error) if !format!("{error:#}").contains("exists already") => Err(error),
        _ => Ok(()),
    }
}

/// Goes on until a person (SIGINT), the system (SIGTERM) or a terminal that closes (SIGHUP) ends it, which is an error then: what `work` holds is dropped, and so the servers it started end with it.
pub async fn until_interrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // What was started by `nohup` goes on without its terminal.
    let ignored = ignores_hang_up(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
    let mut hang_up = if ignored { None } else { Some(signal(SignalKind::hangup())?) };
    let hung_up = async {
        match &mut hang_up {
            Some(hang_up) => hang_up.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        done = work => done,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("told to end"),
        _ = hung_up => bail!("the terminal was closed"),
    }
}

fn ignores_hang_up(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is that of signal 1, which is SIGHUP.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

fn native(portico: &Path, launch: &Launch, data_dir: &Path) -> Command {
    let mut command = bare(portico);
    command
        .arg("serve")
        .current_dir(data_dir)
        .env("PORTICO_LISTEN", "127.0.0.1:0")
        .env("PORTICO_DATA_DIR", data_dir)
        .env("PORTICO_PUBLIC_URL", "http://portico.example")
        .env("JWT_SECRET", JWT_SECRET)
        .env("PORTICO_ENCRYPTION_KEYS", ENCRYPTION_KEYS);
    if let DatabaseChoice::Url(url) = &launch.database {
        command.env("DATABASE_URL", url.as_str());
    }
    command.envs(launch.variables.iter().cloned());
    command
}

fn worker(checkout: &Path, launch: &Launch, data_dir: &Path) -> anyhow::Result<Command> {
    let folder = checkout.join("runtime-worker");
    ensure!(
        folder.join("serve.mjs").exists(),
        "{} is no checkout of Portico: it has no runtime-worker/serve.mjs",
        checkout.display()
    );
    ensure!(
        folder.join("build/index.js").exists(),
        "no Worker is built in {}: run runtime-worker/build.sh",
        checkout.display()
    );
    let DatabaseChoice::Url(database) = &launch.database else {
        bail!("the Worker keeps no data of its own: it needs a Postgres");
    };
    let port = free_port()?;
    let mut command = bare(&folder.join("serve"));
    command
        .args(["--database", "hyperdrive", "--port", &port.to_string()])
        .current_dir(data_dir)
        .env("DATABASE_URL", database.as_str())
        .env("PORTICO_SERVE_STATE", data_dir.join("state"))
        .env("PORTICO_PUBLIC_URL", format!("http://127.0.0.1:{port}"))
        .env("JWT_SECRET", JWT_SECRET)
        .env("PORTICO_ENCRYPTION_KEYS", ENCRYPTION_KEYS)
        .envs(launch.variables.iter().cloned());
    std::fs::create_dir_all(data_dir.join("state"))?;
    Ok(command)
}

/// Reads the native server's ready line: a JSON log record with the message `listening` and the field `address`.
#[must_use]
pub fn listening_line(line: &str) -> Option<String> {
    let record: Value = serde_json::from_str(line).ok()?;
    let fields = record.get("fields").unwrap_or(&record);
    if fields.get("message")?.as_str()? != "listening" {
        return None;
    }
    let address = fields.get("address")?.as_str()?;
    Some(if address.starts_with("http") { address.to_owned() } else { format!("http://{address}") })
}

/// Reads the ready line of the Worker's script and of stand-ins: `listening on <address>`.
#[must_use]
pub fn listening_on(line: &str) -> Option<String> {
    line.strip_prefix("listening on ").map(|address| address.trim().to_owned())
}

/// Picks a port that was free a moment ago, for programs that can't pick one themselves.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests;
