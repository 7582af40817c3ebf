//! Portico in its four set-ups, each with three servers: one with limits so high that cases don't meet them, one with the default limits for
//! the cases that do, and one that is configured as narrowly as it can be.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::process::Command;

use super::native::{self, ENCRYPTION_KEYS, JWT_SECRET, listening_line, make_admin, migrate};
use super::paths;
use super::postgres::{Database, Postgres};
use super::process::{Process, free_port, listening_on};
use super::redis::Redis;
use crate::random;

/// How long a server may take until it listens. A Worker on a busy machine compiles its module first.
const START: Duration = Duration::from_mins(1);

/// What requests asked of the database, in a server's folder.
const RECORDING: &str = "statements.jsonl";

/// Names one way to run Portico.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetUp {
    /// The native server on its embedded file.
    NativeSqlite,
    /// The native server on Postgres and Redis.
    NativePostgresRedis,
    /// The Worker in workerd, on Postgres through Hyperdrive.
    WorkerdHyperdrive,
    /// The Worker in workerd, on Neon's SQL over HTTP.
    WorkerdNeon,
}

impl SetUp {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] =
        [Self::NativeSqlite, Self::NativePostgresRedis, Self::WorkerdHyperdrive, Self::WorkerdNeon];

    /// Gives the name that the command line and the table use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NativeSqlite => "native-sqlite",
            Self::NativePostgresRedis => "native-postgres-redis",
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

    fn is_native(self) -> bool {
        matches!(self, Self::NativeSqlite | Self::NativePostgresRedis)
    }
}

/// Owns what several set-ups share: Postgres, Redis, the OAuth provider, Neon's endpoint.
pub struct Surroundings {
    postgres: Option<Postgres>,
    redis: Option<Redis>,
    github: Process,
    dns: Process,
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
        let redis =
            if set_ups.contains(&SetUp::NativePostgresRedis) { Some(Redis::start().await?) } else { None };
        let limit = Duration::from_secs(10);
        let github = Command::new(paths::sibling("github-stand-in")?);
        let github = Process::start("github-stand-in", github, limit, listening_on).await?;
        let dns = Command::new(paths::sibling("dns-stand-in")?);
        let dns = Process::start("dns-stand-in", dns, limit, listening_on).await?;
        let neon = match &postgres {
            Some(postgres) if set_ups.contains(&SetUp::WorkerdNeon) => {
                let mut neon = Command::new(paths::sibling("neon-stand-in")?);
                neon.args(["--database-url", postgres.url().as_str()]);
                Some(Process::start("neon-stand-in", neon, limit, listening_on).await?)
            }
            _ => None,
        };
        Ok(Self { postgres, redis, github, dns, neon })
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
            recording: set_up.is_native().then(|| base.scratch.join(RECORDING)),
            _kept: [base, limited, strict],
        })
    }

    /// Starts only the server whose limits are out of the way.
    pub async fn one(&self, set_up: SetUp) -> anyhow::Result<Alone> {
        let server = self.server(set_up, Variation::Roomy).await?;
        Ok(Alone { url: server.address.clone(), _kept: server })
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
        if variation != Variation::Default {
            make_admin(database.as_ref().map(|database| &database.url), &scratch).await?;
        }
        let mut command = if set_up.is_native() {
            native::serve(database.as_ref().map(|database| &database.url), &scratch)?
        } else {
            self.worker(set_up, database.as_ref(), &scratch)?
        };
        if set_up == SetUp::NativePostgresRedis {
            // Servers that share no database must share no cache and no counters either.
            let redis = self.redis.as_ref().context("Redis runs")?;
            command.env("REDIS_URL", redis.database(variation as u8).as_str());
        }
        if set_up.is_native() && variation == Variation::Roomy {
            command.env("PORTICO_RECORD_STATEMENTS", scratch.join(RECORDING));
            command.env("PORTICO_PPROF", "on");
        }
        let command = self.configured(command, variation);
        let ready =
            if set_up.is_native() { listening_line as fn(&str) -> Option<String> } else { listening_on };
        let process = Process::start(&name, command, START, ready).await?;
        if set_up == SetUp::NativePostgresRedis {
            native::redis_found(&process).await?;
        }
        Ok(Server { address: process.address.clone(), process: Some(process), scratch })
    }

    fn configured(&self, mut command: Command, variation: Variation) -> Command {
        command
            .env("JWT_SECRET", JWT_SECRET)
            .env("PORTICO_ENCRYPTION_KEYS", ENCRYPTION_KEYS)
            .env("PORTICO_BCRYPT_COST", "10")
            .env("PORTICO_TRUSTED_PROXIES", "1");
        // Cases come in crowds, and machines that run them may be slow: shedding load is tried elsewhere.
        command.env("PORTICO_HASH_DEADLINE", "30s");
        command.env("PORTICO_BOT_DNS_URL", format!("{}/dns-query", self.dns.address));
        match variation {
            Variation::Roomy => {
                for class in ["LOGIN", "REGISTER", "REFRESH", "PASSWORD", "OAUTH", "ACCOUNT"] {
                    command.env(format!("PORTICO_LIMIT_{class}"), "1000000/1m");
                }
                // On a machine so busy that a limiter seems away for a moment, quotas must still be exact.
                command.env("PORTICO_LIMIT_OPEN_WHEN_AWAY", "none");
                self.with_github(&mut command);
            }
            Variation::Default => {
                command.env("PORTICO_CORS_ORIGINS", "*");
                self.with_github(&mut command);
            }
            Variation::Strict => {
                command.env("PORTICO_SIGNUP", "closed").env("PORTICO_BODY_LIMIT", "2KiB");
                command.env("PORTICO_REQUEST_TIME_LIMIT", "3s");
                command.env("PORTICO_BOT_SIGN_IN", "declared_bot=deny").env("PORTICO_LIMIT_BOT", "3/1m");
                command.env("PORTICO_BOT_READ", "declared_bot=limit");
                command.env("PORTICO_CORS_ORIGINS", "https://app.example.com,http://localhost:5173");
                command.env("PORTICO_CORS_CREDENTIALS", "on").env("PORTICO_CORS_MAX_AGE", "10m");
                command.env("PORTICO_PUBLIC_URL", "https://strict.example").env("PORTICO_HSTS", "1h");
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
        drop(self.dns);
        drop(self.neon);
        drop(self.redis);
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
    /// What each request to `base` asked of the database, a line a request; native servers write it.
    pub recording: Option<std::path::PathBuf>,
    _kept: [Server; 3],
}

/// Owns one server of a set-up.
pub struct Alone {
    /// Its address.
    pub url: String,
    _kept: Server,
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
