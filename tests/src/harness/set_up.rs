//! Portico in its four set-ups, each with three servers: one with limits so high that cases don't meet them, one with the default limits for
//! the cases that do, and one that is configured as narrowly as it can be.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::process::Command;

use super::paths;
use super::postgres::{Database, Postgres};
use super::process::{Process, free_port, listening_on};
use crate::random;

/// What tokens are signed with in tests, so that the suite can sign bad ones itself. Fake, and long enough.
pub const JWT_SECRET: &str = "a-made-up-secret-for-conformance-tests-only-0123456789";

/// Whom each set-up's roomy server knows as an admin.
pub const ADMIN_EMAIL: &str = "admin@conformance.example";
/// Their password. Fake.
pub const ADMIN_PASSWORD: &str = "obviously fake admin password";

/// How long a server may take until it listens. A Worker on a busy machine compiles its module first.
const START: Duration = Duration::from_mins(1);

/// Names one way to run Portico.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetUp {
    /// The native server on its embedded file.
    NativeSqlite,
    /// The native server on Postgres.
    NativePostgres,
    /// The Worker in workerd, on Postgres through Hyperdrive.
    WorkerdHyperdrive,
    /// The Worker in workerd, on Neon's SQL over HTTP.
    WorkerdNeon,
}

impl SetUp {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] =
        [Self::NativeSqlite, Self::NativePostgres, Self::WorkerdHyperdrive, Self::WorkerdNeon];

    /// Gives the name that the command line and the table use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NativeSqlite => "native-sqlite",
            Self::NativePostgres => "native-postgres",
            Self::WorkerdHyperdrive => "workerd-hyperdrive",
            Self::WorkerdNeon => "workerd-neon",
        }
    }

    /// Finds a set-up by its name.
    pub fn parse(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|set_up| set_up.name() == name).ok_or_else(|| {
            format!("unknown set-up {name}; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }

    fn needs_postgres(self) -> bool {
        self != Self::NativeSqlite
    }
}

/// Owns what several set-ups share: Postgres, the OAuth provider, Neon's endpoint.
pub struct Surroundings {
    postgres: Option<Postgres>,
    github: Process,
    neon: Option<Process>,
}

impl Surroundings {
    /// Starts what these set-ups need.
    pub async fn start(set_ups: &[SetUp]) -> anyhow::Result<Self> {
        let postgres = if set_ups.iter().any(|set_up| set_up.needs_postgres()) {
            Some(Postgres::start().await?)
        } else {
            None
        };
        let limit = Duration::from_secs(10);
        let github = Command::new(paths::sibling("github-stand-in")?);
        let github = Process::start("github-stand-in", github, limit, listening_on).await?;
        let neon = match &postgres {
            Some(postgres) if set_ups.contains(&SetUp::WorkerdNeon) => {
                let mut neon = Command::new(paths::sibling("neon-stand-in")?);
                neon.args(["--database-url", postgres.url().as_str()]);
                Some(Process::start("neon-stand-in", neon, limit, listening_on).await?)
            }
            _ => None,
        };
        Ok(Self { postgres, github, neon })
    }

    /// Gives the OAuth provider's address.
    #[must_use]
    pub fn github(&self) -> &str {
        &self.github.address
    }

    /// Starts the servers of a set-up.
    pub async fn run(&self, set_up: SetUp) -> anyhow::Result<Running> {
        let (base, limited, strict) = tokio::try_join!(
            self.server(set_up, Variation::Roomy),
            self.server(set_up, Variation::Default),
            self.server(set_up, Variation::Strict)
        )?;
        Ok(Running {
            base: base.address.clone(),
            limited: limited.address.clone(),
            strict: strict.address.clone(),
            _kept: [base, limited, strict],
        })
    }

    async fn server(&self, set_up: SetUp, variation: Variation) -> anyhow::Result<Server> {
        let name = format!("{}{}", set_up.name(), variation.suffix());
        let database = match &self.postgres {
            Some(postgres) if set_up.needs_postgres() => {
                let database = postgres.create_database("conformance").await?;
                migrate(&database).await?;
                Some(database)
            }
            _ => None,
        };
        let scratch = paths::target().join("test-data").join(format!("{name}-{}", random::hex(4)));
        std::fs::create_dir_all(&scratch)?;
        if variation == Variation::Roomy {
            make_admin(database.as_ref(), &scratch).await?;
        }
        let command = match set_up {
            SetUp::NativeSqlite | SetUp::NativePostgres => native(database.as_ref(), &scratch)?,
            SetUp::WorkerdHyperdrive | SetUp::WorkerdNeon => {
                self.worker(set_up, database.as_ref(), &scratch)?
            }
        };
        let command = self.configured(command, variation);
        let ready = if matches!(set_up, SetUp::NativeSqlite | SetUp::NativePostgres) {
            listening_line as fn(&str) -> Option<String>
        } else {
            listening_on
        };
        let process = Process::start(&name, command, START, ready).await?;
        Ok(Server { address: process.address.clone(), process: Some(process), scratch })
    }

    fn configured(&self, mut command: Command, variation: Variation) -> Command {
        command
            .env("JWT_SECRET", JWT_SECRET)
            .env("PORTICO_BCRYPT_COST", "10")
            .env("PORTICO_TRUSTED_PROXIES", "1");
        // Cases come in crowds, and machines that run them may be slow: shedding load is tried elsewhere.
        command.env("PORTICO_HASH_DEADLINE", "30s");
        match variation {
            Variation::Roomy => {
                for class in ["LOGIN", "REGISTER", "REFRESH", "PASSWORD", "OAUTH"] {
                    command.env(format!("PORTICO_LIMIT_{class}"), "1000000/1m");
                }
                self.with_github(&mut command);
            }
            Variation::Default => self.with_github(&mut command),
            Variation::Strict => {
                command.env("PORTICO_SIGNUP", "closed").env("PORTICO_BODY_LIMIT", "2KiB");
                command.env("PORTICO_REQUEST_TIME_LIMIT", "3s");
            }
        }
        command
    }

    fn with_github(&self, command: &mut Command) {
        let github = self.github();
        command
            .env("PORTICO_GITHUB_CLIENT_ID", "conformance-client")
            .env("PORTICO_GITHUB_CLIENT_SECRET", "conformance-client-secret")
            .env("PORTICO_GITHUB_AUTHORIZE_URL", format!("{github}/login/oauth/authorize"))
            .env("PORTICO_GITHUB_TOKEN_URL", format!("{github}/login/oauth/access_token"))
            .env("PORTICO_GITHUB_API_URL", format!("{github}/api/v3"));
    }

    fn worker(&self, set_up: SetUp, database: Option<&Database>, scratch: &Path) -> anyhow::Result<Command> {
        let script = paths::workspace().join("runtime-worker/serve");
        let port = free_port()?;
        let database = database.context("the Worker needs a Postgres")?;
        let mut command = Command::new(script);
        // Every PORTICO_* name is handed to the Worker; those of the caller's environment are none of its settings.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PORTICO_"))
        {
            command.env_remove(name);
        }
        command.args(["--port", &port.to_string()]);
        command.env("PORTICO_PUBLIC_URL", format!("http://127.0.0.1:{port}"));
        command.env("PORTICO_SERVE_STATE", scratch);
        if set_up == SetUp::WorkerdNeon {
            let neon = self.neon.as_ref().context("the stand-in for Neon runs")?;
            // The endpoint reads the database's name from the URL; its host only has to be a name.
            let mut url = database.url.clone();
            url.set_host(Some("ep-test-1.eu-central-1.aws.neon.example"))?;
            url.set_port(None).ok().context("a URL with a host has a port")?;
            command.args(["--database", "neon"]);
            command.env("DATABASE_URL", url.as_str());
            command.env("PORTICO_NEON_SQL_URL", format!("{}/sql", neon.address));
        } else {
            command.args(["--database", "hyperdrive"]);
            command.env("DATABASE_URL", database.url.as_str());
        }
        Ok(command)
    }

    /// Stops everything.
    pub fn stop(self) {
        drop(self.github);
        drop(self.neon);
        if let Some(postgres) = self.postgres {
            postgres.stop();
        }
    }
}

/// Tells the servers of one set-up apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variation {
    /// Limits out of the way.
    Roomy,
    /// The default limits.
    Default,
    /// Sign-up closed, no provider, bodies of 2 KiB, 3 s for a request.
    Strict,
}

impl Variation {
    fn suffix(self) -> &'static str {
        match self {
            Self::Roomy => "",
            Self::Default => "-limited",
            Self::Strict => "-strict",
        }
    }
}

/// Owns the servers of a set-up while its suite runs.
pub struct Running {
    /// The server whose limits are out of the way.
    pub base: String,
    /// The server with the default limits.
    pub limited: String,
    /// The server with sign-up closed, no provider, bodies of 2 KiB and 3 s for a request.
    pub strict: String,
    _kept: [Server; 3],
}

struct Server {
    address: String,
    process: Option<Process>,
    scratch: std::path::PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It goes on writing until it has ended.
        drop(self.process.take());
        // Scratch lies below the build folder; what can't be removed hurts nobody.
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

/// A native command that sees nothing of the caller's environment but what programs need to run.
fn portico() -> anyhow::Result<Command> {
    let mut command = Command::new(paths::portico()?);
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok(command)
}

fn native(database: Option<&Database>, scratch: &Path) -> anyhow::Result<Command> {
    let mut command = portico()?;
    command
        .arg("serve")
        .env("PORTICO_LISTEN", "127.0.0.1:0")
        .env("PORTICO_DATA_DIR", scratch)
        .current_dir(scratch);
    if let Some(database) = database {
        command.env("DATABASE_URL", database.url.as_str());
    }
    Ok(command)
}

/// Makes the admin, through the product's own command.
async fn make_admin(database: Option<&Database>, scratch: &Path) -> anyhow::Result<()> {
    let mut command = portico()?;
    command
        .args(["user", "create", "--admin", "--password-stdin", "--email", ADMIN_EMAIL])
        .env("PORTICO_DATA_DIR", scratch)
        .env("PORTICO_BCRYPT_COST", "10")
        .env("JWT_SECRET", JWT_SECRET)
        .current_dir(scratch)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    if let Some(database) = database {
        command.env("DATABASE_URL", database.url.as_str());
    }
    let mut child = command.spawn().context("running portico user create")?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    tokio::io::AsyncWriteExt::write_all(&mut stdin, format!("{ADMIN_PASSWORD}\n").as_bytes()).await?;
    drop(stdin);
    let done = child.wait_with_output().await?;
    anyhow::ensure!(
        done.status.success(),
        "portico user create: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

/// Brings an empty database up to the schema, through the product's own command.
pub async fn migrate(database: &Database) -> anyhow::Result<()> {
    let mut command = portico()?;
    command.arg("migrate").env("DATABASE_URL", database.url.as_str()).env("JWT_SECRET", JWT_SECRET);
    let done = command.output().await.context("running portico migrate")?;
    anyhow::ensure!(
        done.status.success(),
        "portico migrate: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

/// Reads the native server's ready line: a JSON log record with the message `listening` and the field `address`.
fn listening_line(line: &str) -> Option<String> {
    let record: Value = serde_json::from_str(line).ok()?;
    let fields = record.get("fields").unwrap_or(&record);
    if fields.get("message")?.as_str()? != "listening" {
        return None;
    }
    let address = fields.get("address")?.as_str()?;
    Some(if address.starts_with("http") { address.to_owned() } else { format!("http://{address}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_found_in_both_shapes_of_the_log() {
        let nested = r#"{"level":"INFO","fields":{"message":"listening","address":"127.0.0.1:81"}}"#;
        let flat = r#"{"level":"INFO","message":"listening","address":"http://127.0.0.1:81"}"#;
        for line in [nested, flat] {
            assert_eq!(listening_line(line).as_deref(), Some("http://127.0.0.1:81"));
        }
        assert_eq!(listening_line(r#"{"message":"request"}"#), None);
        assert_eq!(listening_line("plain text"), None);
    }
}
