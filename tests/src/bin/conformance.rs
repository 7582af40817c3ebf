//! Runs the conformance suite: against one server, or against every set-up that it starts itself.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use portico_tests::conformance::api::{Addresses, Api};
use portico_tests::conformance::cases;
use portico_tests::conformance::report::{Column, table};
use portico_tests::conformance::run::{self, CaseResult};
use portico_tests::harness::native::JWT_SECRET;
use portico_tests::harness::set_up::{SetUp, Surroundings};
use tokio::signal::unix::{SignalKind, signal};

/// Holds Portico's HTTP contract against running servers. Exit code 0 when every case passed, 1 when one failed, 2 when the suite
/// could not run.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Runs against servers that are already there.
    Against {
        /// The server whose limits are out of the way.
        #[arg(long)]
        url: String,
        /// The server with the default limits.
        #[arg(long)]
        limited_url: String,
        /// The server with sign-up closed, bodies of 2 KiB, 3 s for a request, no provider, and a policy about bots (`harness/set_up.rs`).
        #[arg(long)]
        strict_url: String,
        /// The OAuth provider that both servers point to: `github-stand-in`.
        #[arg(long)]
        github_url: String,
        /// Their `JWT_SECRET`, for forging tokens.
        #[arg(long, default_value = JWT_SECRET)]
        jwt_secret: String,
        /// The column's name in the table.
        #[arg(long, default_value = "server")]
        name: String,
        #[command(flatten)]
        choice: Choice,
    },
    /// Starts each set-up and runs against it.
    All {
        /// The set-ups: native-sqlite, native-postgres-redis, workerd-hyperdrive, workerd-neon. All of them when none is named.
        #[arg(value_parser = SetUp::parse)]
        set_ups: Vec<SetUp>,
        #[command(flatten)]
        choice: Choice,
    },
    /// Starts one set-up and leaves it running until SIGINT or SIGTERM, for a person to try.
    Serve {
        /// The set-up.
        #[arg(value_parser = SetUp::parse)]
        set_up: SetUp,
    },
    /// Prints the cases' names.
    List,
}

#[derive(Args)]
struct Choice {
    /// Runs the cases whose name contains this text.
    #[arg(long, default_value = "")]
    only: String,
    /// How many cases run at a time.
    #[arg(long, default_value_t = 8)]
    width: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let what = Arguments::parse().what;
    let stopped = async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    };
    // Dropping what was started ends it, also when the suite is interrupted.
    let outcome = tokio::select! {
        outcome = perform(what) => outcome,
        stopped = stopped => stopped.map_err(Into::into).and(Err(anyhow::anyhow!("interrupted"))),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "conformance: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn perform(what: What) -> anyhow::Result<bool> {
    match what {
        What::Against { url, limited_url, strict_url, github_url, jwt_secret, name, choice } => {
            let addresses = Addresses {
                base: url,
                limited: limited_url,
                strict: strict_url,
                github: github_url,
                jwt_secret,
            };
            report(&[column(name, addresses, &choice).await?])
        }
        What::All { set_ups, choice } => {
            let set_ups = if set_ups.is_empty() { SetUp::ALL.to_vec() } else { set_ups };
            all(&set_ups, &choice).await
        }
        What::Serve { set_up } => {
            let surroundings = Surroundings::start(&[set_up]).await?;
            let running = surroundings.run(set_up).await?;
            let mut out = std::io::stdout();
            writeln!(out, "listening on {}", running.base)?;
            writeln!(out, "with the default limits on {}", running.limited)?;
            writeln!(out, "narrowly configured on {}", running.strict)?;
            writeln!(out, "the OAuth provider is {}", surroundings.github())?;
            std::future::pending().await
        }
        What::List => {
            for case in cases::all() {
                writeln!(std::io::stdout(), "{}", case.name)?;
            }
            Ok(true)
        }
    }
}

async fn all(set_ups: &[SetUp], choice: &Choice) -> anyhow::Result<bool> {
    let surroundings = Surroundings::start(set_ups).await?;
    let mut columns = Vec::new();
    for &set_up in set_ups {
        let name = set_up.name().to_owned();
        let start = Instant::now();
        let started =
            |failure| CaseResult { name: "set-up: starts".to_owned(), failure, took: start.elapsed() };
        // One that doesn't start fails all of its cases; the others still run.
        columns.push(match surroundings.run(set_up).await {
            Err(error) => {
                let results = vec![started(Some(format!("{error:#}")))];
                Column { set_up: name, results, took: start.elapsed() }
            }
            Ok(running) => {
                let passed = started(None);
                let addresses = Addresses {
                    base: running.base.clone(),
                    limited: running.limited.clone(),
                    strict: running.strict.clone(),
                    github: surroundings.github().to_owned(),
                    jwt_secret: JWT_SECRET.to_owned(),
                };
                let mut column = column(name, addresses, choice).await?;
                column.results.insert(0, passed);
                column
            }
        });
    }
    surroundings.stop();
    report(&columns)
}

async fn column(set_up: String, addresses: Addresses, choice: &Choice) -> anyhow::Result<Column> {
    let api = Api::new(addresses)?;
    let start = Instant::now();
    let results = run::run(&api, cases::all(), &choice.only, choice.width).await;
    Ok(Column { set_up, results, took: start.elapsed() })
}

fn report(columns: &[Column]) -> anyhow::Result<bool> {
    let (text, green) = table(columns);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(green)
}
