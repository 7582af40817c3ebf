//! Starts one server of a set-up, runs a command that is told where it is, and ends with the command's exit code.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use portico_measuring::server::until_interrupted;
use portico_tests::harness::native::{ADMIN_EMAIL, ADMIN_PASSWORD};
use portico_tests::harness::set_up::{SetUp, Surroundings};
use serde_json::{Value, json};
use tokio::process::Command;

/// Runs a command beside a server whose limits are out of the way. The command finds the server's address in `TEST_URL`, and in `TEST_ADMIN_TOKEN` an
/// access token of an admin. Ends with the command's exit code, or with 2 when there is no server.
#[derive(Parser)]
struct Arguments {
    /// native-sqlite, native-postgres-redis, workerd-hyperdrive or workerd-neon.
    #[arg(value_parser = SetUp::parse)]
    set_up: SetUp,
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Dropping what was started ends it, also when the command is interrupted.
    let outcome = until_interrupted(run(&arguments)).await;
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "with-server: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let surroundings = Surroundings::start(&[arguments.set_up]).await?;
    let server = surroundings.one(arguments.set_up).await?;
    let token = admin_token(&server.url).await?;
    let (program, rest) = arguments.command.split_first().context("clap asks for a command")?;
    let status = Command::new(program)
        .args(rest)
        .env("TEST_URL", &server.url)
        .env("TEST_ADMIN_TOKEN", token)
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("running {program}"))?;
    drop(server);
    surroundings.stop();
    // Ended by a signal: it has no code of its own.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

async fn admin_token(url: &str) -> anyhow::Result<String> {
    let body = json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD }).to_string();
    let request = reqwest::Client::new().post(format!("{url}/api/v1/auth/login"));
    let answer = request.header("content-type", "application/json").body(body).send().await?;
    let answer: Value = serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?;
    answer["access_token"].as_str().map(str::to_owned).context("the admin was given no token")
}
